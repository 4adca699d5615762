//! Where to begin: templates, recent plans, ways to bring a model.

use crate::app::command::{Command, Commands, FileCommand, LookCommand, MenuCommand};
use crate::app::page::Page;
use crate::plan::{Template, templates};
use crate::theme::{RADIUS, bold, space, type_size};
use crate::ui::{View, section_head};
use egui::{Align, FontId, Layout, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};

/// Narrowest card of a template.
const CARD_WIDTH: f32 = 236.0;
const CARD_HEIGHT: f32 = 104.0;
const PADDING: f32 = 14.0;
/// Most recent plans that are listed.
const MAX_RECENT: usize = 6;

/// Ways to bring something of one's own.
const WAYS: [MenuCommand; 6] = [
    MenuCommand::Open,
    MenuCommand::OpenByPath,
    MenuCommand::OpenModelFile,
    MenuCommand::OpenModelFolder,
    MenuCommand::OpenModelByPath,
    MenuCommand::PasteConfig,
];

/// Draws the page.
pub fn start_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    ui.label(RichText::new(view.text("What do you want to fine-tune?")).font(bold(type_size::figure())));
    let how = "Begin with a template and change what is yours: the memory follows while you type.";
    ui.label(RichText::new(view.text(how)).color(view.tokens.muted.0));

    section_head(ui, view.tokens, view.text("Templates"));
    let columns = ((ui.available_width() / CARD_WIDTH) as usize).clamp(1, 4);
    let width = (ui.available_width() - space::m() * (columns - 1) as f32) / columns as f32;
    for row in templates().chunks(columns) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::m();
            for template in row {
                if template_ui(ui, template, width, view) {
                    out.push(Command::NewFromTemplate(template.name));
                }
            }
        });
        ui.add_space(space::xs());
    }

    section_head(ui, view.tokens, "Bring your own");
    ui.horizontal_wrapped(|ui| {
        for command in WAYS {
            let info = command.info();
            if ui.button(view.text(info.title)).on_hover_text(info.help).clicked() {
                out.push(Command::Menu(command));
            }
        }
        if ui.button("Go on with the open plan").on_hover_text("Show its memory.").clicked() {
            out.push(Command::Look(LookCommand::Page(Page::Memory)));
        }
    });
    let drop = "Or drop a plan, a training configuration (axolotl, TRL, LLaMA-Factory and others), a config.json, \
                safetensors, a GGUF file or a model folder onto the window; or copy the text of a configuration and press \
                Ctrl+V. Nothing leaves this machine.";
    ui.label(RichText::new(drop).color(view.tokens.muted.0));

    section_head(ui, view.tokens, view.text("Recent plans"));
    if view.state.settings.recent.is_empty() {
        ui.label(RichText::new("None yet: plans that you save or open are listed here.").color(view.tokens.muted.0));
    }
    for path in view.state.settings.recent.iter().take(MAX_RECENT) {
        ui.horizontal(|ui| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if ui.link(RichText::new(name).font(bold(type_size::body()))).clicked() {
                out.push(Command::File(FileCommand::OpenPlan(path.clone())));
            }
            let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            ui.add(egui::Label::new(RichText::new(folder).small().color(view.tokens.muted.0)).truncate());
        });
    }
}

/// A card that is one big button; whether it was pressed.
fn template_ui(ui: &mut Ui, template: &'static Template, width: f32, view: &View<'_>) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, CARD_HEIGHT), Sense::click());
    let name = format!("Template: {}", template.plan.name);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    let edge = if response.has_focus() {
        Stroke::new(2.0, view.tokens.accent.0)
    } else if response.hovered() {
        Stroke::new(1.0, view.tokens.edge.0)
    } else {
        Stroke::new(1.0, view.tokens.line.0)
    };
    ui.painter().rect(rect, RADIUS, view.tokens.panel.0, edge, StrokeKind::Inside);
    let inside = rect.shrink(PADDING);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(inside).layout(Layout::top_down(Align::Min)));
    let line = |ui: &Ui, text: &str, font: FontId, ink: egui::Color32, rows: usize| {
        let mut job = egui::text::LayoutJob::simple(text.to_owned(), font, ink, inside.width());
        job.wrap.max_rows = rows;
        ui.painter().layout_job(job)
    };
    let title = line(&child, &template.plan.name, bold(type_size::title() - 1.0), view.tokens.text.0, 1);
    let about = line(&child, &template.plan.notes, FontId::proportional(type_size::body()), view.tokens.muted.0, 3);
    for galley in [title, about] {
        let (place, _) = child.allocate_exact_size(galley.size(), Sense::hover());
        child.painter().galley(place.min, galley, view.tokens.text.0);
    }
    response.on_hover_text(&template.plan.notes).clicked()
}
