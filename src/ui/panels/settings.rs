//! Settings: every field that applies, by section, from the field table.

use crate::app::command::{Command, Commands, LookCommand, MenuCommand};
use crate::plan::ModelSource;
use crate::plan::check::{Diagnostic, Severity};
use crate::plan::field::{Field, FieldKind, Section, fields};
use crate::theme::space;
use crate::ui::widgets::field::field_ui;
use crate::ui::widgets::icon::{self, Icon};
use crate::ui::{UiState, View, section_head};
use egui::{RichText, TextEdit, Ui};

/// Draws all sections.
pub fn settings_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    ui.spacing_mut().item_spacing.y = space::xs();
    search_ui(ui, view, ui_state);
    let searched = ui_state.setting_search.trim().to_lowercase();
    let plan = &view.state.document.plan;
    let hovered_before = view.state.session.hovered_field;
    ui_state.hovered_field = None;
    let mut found_any = false;
    for section in Section::ALL {
        let found = |field: &&'static Field| field.section == section && matches_search(field, &searched);
        let shown: Vec<&'static Field> = fields().iter().filter(found).filter(|field| (field.applies)(plan)).collect();
        let only_notes = searched.is_empty() && shown.iter().all(|field| matches!(field.kind, FieldKind::Notes));
        if shown.is_empty() || only_notes {
            continue;
        }
        found_any = true;
        section_head(ui, view.tokens, view.text(section.label()));
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
    if !found_any {
        nothing_found_ui(ui, &searched, view);
    }
    if ui_state.hovered_field != hovered_before {
        out.push(Command::Look(LookCommand::HoverField(ui_state.hovered_field)));
    }
    ui.add_space(space::xl());
}

/// The search text over the settings; it takes the focus when a command wants it.
fn search_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState) {
    let session = &view.state.session;
    ui.horizontal(|ui| {
        let clear = !ui_state.setting_search.is_empty();
        let width = ui.available_width() - if clear { icon::BUTTON + space::s() } else { 0.0 };
        let edit = TextEdit::singleline(&mut ui_state.setting_search).hint_text(view.text("Find a setting…"));
        let field = ui.add_sized([width, 26.0], edit);
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Find a setting"));
        if ui_state.searches_seen != session.searches {
            ui_state.searches_seen = session.searches;
            session.searched.clone_into(&mut ui_state.setting_search);
            field.request_focus();
        }
        // egui has taken the focus away by then.
        let escaped = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape));
        if (clear
            && icon::button_ui(ui, Icon::Cross, "Clear the search", "Show all settings.", true, view.tokens).clicked())
            || escaped
        {
            ui_state.setting_search.clear();
        }
    });
}

/// Whether the words stand in label, flag, help or a choice of a setting.
fn matches_search(field: &Field, searched: &str) -> bool {
    let choices: String = match field.kind {
        FieldKind::Choice(choices) => choices.iter().map(|choice| format!("{} ", choice.label)).collect(),
        _ => String::new(),
    };
    let text = format!("{} {} {} {choices}", field.label, field.flag, field.help).to_lowercase();
    searched.split_whitespace().all(|word| text.contains(word))
}

/// What to say where no setting is found: perhaps there is one that does not apply.
fn nothing_found_ui(ui: &mut Ui, searched: &str, view: &View<'_>) {
    let hidden = fields().iter().find(|field| matches_search(field, searched));
    ui.add_space(space::m());
    let text = match hidden {
        Some(field) => format!("“{}” does not apply to this plan's method and workload.", field.label),
        None => "No setting of that name. Fewer letters find more.".to_owned(),
    };
    ui.label(RichText::new(text).color(view.tokens.muted.0));
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
