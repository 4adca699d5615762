//! Settings: every field that applies, by section, from the field table.

use crate::app::command::{Command, Commands, MenuCommand};
use crate::plan::ModelSource;
use crate::plan::check::{Diagnostic, Severity};
use crate::plan::field::{Field, FieldKind, Section, fields};
use crate::ui::theme::space;
use crate::ui::widgets::field::field_ui;
use crate::ui::{UiState, View, section_head};
use egui::{RichText, Ui};

/// Draws all sections.
pub fn settings_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    ui.spacing_mut().item_spacing.y = space::XS;
    for section in Section::ALL {
        let plan = &view.state.document.plan;
        let shown: Vec<&'static Field> =
            fields().iter().filter(|field| field.section == section && (field.applies)(plan)).collect();
        let only_notes = shown.iter().all(|field| matches!(field.kind, FieldKind::Notes));
        if shown.is_empty() || only_notes {
            continue;
        }
        section_head(ui, view.tokens, section.label());
        if section == Section::Model {
            source_ui(ui, view);
        }
        for field in shown {
            if section == Section::Model && matches!(field.kind, FieldKind::Notes) {
                model_ui(ui, view, out);
            }
            field_ui(ui, field, view, ui_state, out);
            for diagnostic in view.computed.diagnostics.iter().filter(|found| found.field == Some(field.id)) {
                diagnostic_ui(ui, diagnostic, view, out);
            }
        }
    }
    ui.add_space(space::XL);
}

/// Where the model comes from, unless the catalogue's picker says it.
fn source_ui(ui: &mut Ui, view: &View<'_>) {
    let source = &view.state.document.plan.model.source;
    match source {
        ModelSource::File { path, .. } => {
            ui.label(RichText::new(source.name()).strong()).on_hover_text(path);
        }
        ModelSource::Typed(_) => {
            ui.label(RichText::new("Shape typed by hand").strong());
        }
        ModelSource::Catalog(_) => {}
    }
}

/// What the model is, and ways to bring another.
fn model_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let source = &view.state.document.plan.model.source;
    ui.label(RichText::new(&view.computed.model_line).small().color(view.tokens.muted.0));
    ui.horizontal_wrapped(|ui| {
        for (command, label) in [
            (MenuCommand::OpenModelFile, "File…"),
            (MenuCommand::OpenModelFolder, "Folder…"),
            (MenuCommand::OpenModelByPath, "Path…"),
        ] {
            let button = ui.button(label).on_hover_text(command.info().help);
            button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, command.info().title));
            if button.clicked() {
                out.push(Command::Menu(command));
            }
        }
        if !matches!(source, ModelSource::Typed(_))
            && ui.button("By hand").on_hover_text("Type the shape of a model.").clicked()
        {
            let typed = ModelSource::Typed(crate::plan::HandShape::default());
            out.push(Command::Edit(crate::plan::edit::PlanEdit::Model(typed)));
        }
        if !matches!(source, ModelSource::Catalog(_))
            && ui.button("Catalogue").on_hover_text("Choose a model of the catalogue again.").clicked()
        {
            let plan = crate::plan::Plan::default();
            out.push(Command::Edit(crate::plan::edit::PlanEdit::Model(plan.model.source)));
        }
    });
    // Remarks about the model as such, such as an unknown class.
    for diagnostic in view.computed.diagnostics.iter().filter(|found| found.field == Some("model.source")) {
        diagnostic_ui(ui, diagnostic, view, out);
    }
}

/// A remark with its fix.
fn diagnostic_ui(ui: &mut Ui, diagnostic: &Diagnostic, view: &View<'_>, out: &mut Commands) {
    let color = match diagnostic.severity {
        Severity::Error => view.tokens.over.0,
        Severity::Warning => view.tokens.tight.0,
        Severity::Note => view.tokens.muted.0,
    };
    ui.label(RichText::new(sentence(&diagnostic.message)).small().color(color));
    if let Some((label, edit)) = &diagnostic.fix
        && ui.small_button(format!("Fix: {label}")).clicked()
    {
        out.push(Command::Edit(edit.clone()));
    }
}

/// First letter upper, full stop at the end.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
