//! Open plans as tabs.

use crate::app::command::{Command, Commands, MenuCommand};
use crate::app::state::Document;
use crate::theme::{RADIUS, bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::icon::{self, Icon};
use egui::{Align2, FontId, Rect, ScrollArea, Sense, Ui, Vec2};

const HEIGHT: f32 = 28.0;
/// Widest name that is shown whole.
const WIDEST: f32 = 220.0;
/// Room for the mark of unsaved changes and for closing.
const CLOSE: f32 = 22.0;

/// Draws the tabs and the button for a new plan, in what room there is.
pub fn tabs_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let shown = view.state.shown_tab();
    ScrollArea::horizontal().id_salt("tabs").auto_shrink([true, true]).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::xs();
            for (index, (document, title)) in view.state.tabs().zip(view.state.titles()).enumerate() {
                tab_ui(ui, (document, &title), index, index == shown, view, out);
            }
            let info = MenuCommand::New.info();
            if icon::button_ui(ui, Icon::Plus, info.title, info.help, true, view.tokens).clicked() {
                out.push(Command::Menu(MenuCommand::New));
            }
        });
    });
}

fn tab_ui(
    ui: &mut Ui,
    (document, title): (&Document, &str),
    index: usize,
    shown: bool,
    view: &View<'_>,
    out: &mut Commands,
) {
    let tokens = view.tokens;
    let ink = if shown { tokens.text.0 } else { tokens.muted.0 };
    let font = if shown { bold(type_size::body()) } else { FontId::proportional(type_size::body()) };
    let mut job = egui::text::LayoutJob::simple_singleline(title.to_owned(), font, ink);
    job.wrap = egui::text::TextWrapping::truncate_at_width(WIDEST);
    let galley = ui.painter().layout_job(job);
    let size = Vec2::new(galley.size().x + 2.0 * space::m() + CLOSE, HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let state = if document.is_dirty() { ", unsaved changes" } else { "" };
    let name = format!("{title}{state}");
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Tab, true, shown, &name));
    if shown || response.hovered() {
        ui.painter().rect_filled(rect, RADIUS - 1, tokens.raised.0);
    }
    if response.has_focus() {
        let ring = egui::Stroke::new(2.0, tokens.accent.0);
        ui.painter().rect_stroke(rect, RADIUS - 1, ring, egui::StrokeKind::Inside);
    }
    let at = Align2::LEFT_CENTER.anchor_size(rect.left_center() + Vec2::new(space::m(), 0.0), galley.size());
    ui.painter().galley(at.min, galley, ink);
    close_ui(ui, rect, (document, title), index, &response, view, out);
    if response.clicked() {
        out.push(Command::ShowTab(index));
    }
    if response.middle_clicked() {
        out.push(Command::CloseTab(index));
    }
    let path = document.path.as_ref().map_or_else(|| "no file yet".to_owned(), |path| path.display().to_string());
    response.on_hover_text(format!("{path}{state}"));
}

/// A dot for unsaved changes; under the pointer a cross.
fn close_ui(
    ui: &Ui,
    tab: Rect,
    (document, title): (&Document, &str),
    index: usize,
    response: &egui::Response,
    view: &View<'_>,
    out: &mut Commands,
) {
    let centre = tab.right_center() - Vec2::new(space::m() + 1.0, 0.0);
    let rect = Rect::from_center_size(centre, Vec2::splat(CLOSE - 4.0));
    let close = ui.interact(rect, response.id.with("close"), Sense::click());
    let name = format!("Close {title}");
    close.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    if response.hovered() || close.hovered() || close.has_focus() {
        icon::paint(ui.painter(), Icon::Cross, rect, view.tokens.muted.0);
    } else if document.is_dirty() {
        ui.painter().circle_filled(centre, 3.5, view.tokens.accent.0);
    }
    if close.has_focus() {
        let ring = egui::Stroke::new(2.0, view.tokens.accent.0);
        ui.painter().rect_stroke(rect, 4, ring, egui::StrokeKind::Inside);
    }
    if close.clicked() {
        out.push(Command::CloseTab(index));
    }
}
