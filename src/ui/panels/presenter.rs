//! The plan for a shared screen: verdict and bar in large type, nothing at the sides.

use crate::app::command::{Command, Commands, LookCommand, MenuCommand};
use crate::app::page::Page;
use crate::estimate::Component;
use crate::theme::{bold, space, type_size};
use crate::ui::pages::{decide, memory, steps};
use crate::ui::widgets::component_table::paint_swatch;
use crate::ui::{View, card};
use crate::units::Bytes;
use egui::{CentralPanel, FontId, Frame, Margin, RichText, ScrollArea, Sense, Ui};

/// Size of the plan's name.
const NAME: f32 = 26.0;
/// Side of a component's mark, and with the room behind it.
const SWATCH: f32 = 12.0;
const SWATCH_ROOM: f32 = 20.0;
/// Radius of the ring around the pointer.
const RING: f32 = 28.0;

/// Draws what everybody should see.
pub fn presenter_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let frame = Frame::new().fill(view.tokens.ground.0).inner_margin(Margin::symmetric(40, 24));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        ScrollArea::vertical().id_salt("presenter").auto_shrink(false).show(ui, |ui| {
            match view.state.session.page {
                Page::Steps => steps::steps_ui(ui, view, out),
                Page::Decide => decide::presented_ui(ui, view),
                _ => overview_ui(ui, view, out),
            }
            ui.add_space(space::l());
            let note = "F5 or Escape: back to work · F6: ring around the pointer · F11: full screen";
            ui.label(RichText::new(note).small().color(view.tokens.muted.0));
        });
    });
    if view.state.session.spotlight {
        spotlight_ui(ui, view);
    }
}

fn overview_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let plan = &view.state.document.plan;
    ui.label(RichText::new(&plan.name).font(bold(NAME)));
    ui.add_space(space::s());
    memory::verdict_card_ui(ui, view, memory::Controls::Hidden, out);
    ui.add_space(space::s());
    let touched = memory::bar_card_ui(ui, view, out);
    if touched.hovered != view.state.session.hovered {
        out.push(Command::Look(LookCommand::Hover(touched.hovered)));
    }
    ui.add_space(space::s());
    legend_ui(ui, view);
    if !plan.notes.is_empty() {
        ui.add_space(space::s());
        card(ui, view.tokens, |ui| {
            ui.label(RichText::new("Notes").color(view.tokens.muted.0));
            ui.label(RichText::new(&plan.notes).size(type_size::title()));
        });
    }
    ui.add_space(space::s());
    ui.horizontal(|ui| {
        if ui.button("Follow along, step by step").clicked() {
            out.push(Command::Look(LookCommand::Step(0)));
            out.push(Command::Look(LookCommand::Page(Page::Steps)));
        }
        let stop = MenuCommand::Present;
        if ui.button(stop.title_now(view.state)).clicked() {
            out.push(Command::Menu(stop));
        }
    });
}

/// Every component with its figure: who sits far away cannot hover.
fn legend_ui(ui: &mut Ui, view: &View<'_>) {
    let Some(estimate) = &view.computed.estimate else { return };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(space::xl(), space::s());
        for component in Component::ALL {
            let bytes = estimate.at_peak.get(component);
            if bytes > Bytes::ZERO {
                legend_item_ui(ui, component, &bytes.display(view.unit()), view);
            }
        }
    });
}

fn legend_item_ui(ui: &mut Ui, component: Component, figure: &str, view: &View<'_>) {
    let name = view.text(component.label());
    let mut job = egui::text::LayoutJob::default();
    let format = |font: FontId| egui::TextFormat { font_id: font, color: view.tokens.text.0, ..Default::default() };
    job.append(name, 0.0, format(FontId::proportional(type_size::title())));
    job.append(figure, space::s(), format(bold(type_size::title())));
    let galley = ui.painter().layout_job(job);
    let (rect, response) = ui.allocate_exact_size(galley.size() + egui::vec2(SWATCH_ROOM, 0.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name} {figure}")));
    let swatch = egui::Rect::from_center_size(
        egui::pos2(rect.left() + SWATCH / 2.0, rect.center().y),
        egui::Vec2::splat(SWATCH),
    );
    paint_swatch(ui, swatch, component, view.tokens);
    ui.painter().galley(egui::pos2(rect.left() + SWATCH_ROOM, rect.top()), galley, view.tokens.text.0);
}

/// A ring that is easy to follow; it moves only when the pointer does.
fn spotlight_ui(ui: &Ui, view: &View<'_>) {
    let Some(at) = ui.input(|input| input.pointer.hover_pos()) else { return };
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("spotlight"));
    let painter = ui.ctx().layer_painter(layer);
    painter.circle(at, RING, view.tokens.tight.0.gamma_multiply(0.18), egui::Stroke::new(3.0, view.tokens.tight.0));
}
