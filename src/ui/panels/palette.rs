//! Search over everything: commands, settings and their values, pages, models, templates, recent plans.

use crate::app::command::{Command, Commands, FileCommand, LookCommand, MenuCommand, MessageCommand, SettingsCommand};
use crate::app::page::Page;
use crate::app::settings::ThemeChoice;
use crate::catalog::{Catalog, Order};
use crate::plan::edit::{PlanEdit, choose_method};
use crate::plan::field::id;
use crate::plan::field::{Field, FieldKind, FieldValue, fields};
use crate::plan::{ModelSource, Plan, templates};
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use egui::{Button, Key, Modifiers, RichText, ScrollArea, TextEdit, Ui};

/// Most lines: who sees none that fits types another letter.
const MAX_LINES: usize = 40;
/// Most models among them.
const MAX_MODELS: usize = 8;
const LINE: f32 = 28.0;

/// What is typed and which line is chosen.
#[derive(Clone, Debug, Default)]
pub struct PaletteState {
    query: String,
    chosen: usize,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it does.
    pub title: String,
    /// Its key, its present value, where it comes from.
    pub detail: String,
    /// What is sent when it is chosen; else why it cannot be.
    pub action: Result<Command, &'static str>,
}

/// Draws search text and lines.
pub fn palette_ui(ui: &mut Ui, view: &View<'_>, state: &mut PaletteState, out: &mut Commands) {
    ui.set_width(ui.available_width());
    let (up, down) = ui.input_mut(|input| {
        (input.consume_key(Modifiers::NONE, Key::ArrowUp), input.consume_key(Modifiers::NONE, Key::ArrowDown))
    });
    let hint = "Type a command, a setting and its value, a model…";
    let field = ui.add(TextEdit::singleline(&mut state.query).hint_text(hint).desired_width(f32::INFINITY));
    ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Find a command"));
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    field.request_focus();
    let lines = lines(view, &state.query, &|key| ui.ctx().format_shortcut(key));
    if field.changed() {
        state.chosen = 0;
    }
    let last = lines.len().saturating_sub(1);
    state.chosen = (state.chosen + usize::from(down)).saturating_sub(usize::from(up)).min(last);
    ui.add_space(space::xs());
    if lines.is_empty() {
        ui.label(RichText::new("Nothing of that name. Fewer letters find more.").color(view.tokens.muted.0));
    }
    let mut picked = entered.then_some(state.chosen);
    ScrollArea::vertical().max_height(LINE * 12.0).show(ui, |ui| {
        for (place, line) in lines.iter().enumerate() {
            let response = line_ui(ui, line, place == state.chosen, view);
            if place == state.chosen && (up || down) {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                picked = Some(place);
            }
        }
    });
    if let Some(line) = picked.and_then(|place| lines.get(place)) {
        match &line.action {
            Ok(command) => {
                out.push(Command::Answer(crate::app::command::Answer::Cancel));
                out.push(command.clone());
            }
            Err(why) => out.push(Command::Message(MessageCommand::Refuse(format!("{}: {why}", line.title)))),
        }
    }
}

fn line_ui(ui: &mut Ui, line: &Line, chosen: bool, view: &View<'_>) -> egui::Response {
    let enabled = line.action.is_ok();
    let ink = if enabled { view.tokens.text.0 } else { view.tokens.muted.0 };
    let mut title = RichText::new(&line.title).color(ink);
    if chosen {
        title = title.font(bold(type_size::body()));
    }
    let detail = match line.action {
        Ok(_) => line.detail.clone(),
        Err(why) => why.to_owned(),
    };
    let button = Button::selectable(chosen, title)
        .right_text(RichText::new(detail).small().color(view.tokens.muted.0))
        .truncate()
        .min_size(egui::vec2(ui.available_width(), LINE - space::xs()));
    ui.add(button)
}

/// Lines for a search text, best first: those whose title begins with it, then those that have all its words.
pub fn lines(view: &View<'_>, query: &str, format_key: &dyn Fn(&egui::KeyboardShortcut) -> String) -> Vec<Line> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let mut all = values(&view.state.document.plan, &words);
    all.extend(commands(view, format_key));
    all.extend(pages());
    all.extend(appearance());
    all.extend(opens(view));
    all.extend(settings(&view.state.document.plan));
    let typed_value = |line: &Line| matches!(&line.action, Ok(Command::Edit(_)));
    let mut found: Vec<(u8, Line)> = all
        .into_iter()
        .filter_map(|line| {
            if typed_value(&line) {
                return Some((0, line));
            }
            let (title, detail) = (line.title.to_lowercase(), line.detail.to_lowercase());
            let all_in = words.iter().all(|word| title.contains(word) || detail.contains(word));
            let begins = words.first().is_none_or(|word| title.split(' ').any(|part| part.starts_with(word)));
            all_in.then_some((if begins { 1 } else { 2 }, line))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    let mut lines: Vec<Line> = found.into_iter().map(|(_, line)| line).collect();
    if !words.is_empty() {
        lines.extend(models(query.trim()));
    }
    lines.truncate(MAX_LINES);
    lines
}

fn commands(view: &View<'_>, format_key: &dyn Fn(&egui::KeyboardShortcut) -> String) -> Vec<Line> {
    let line = |command: MenuCommand| Line {
        title: command.title_now(view.state),
        detail: command.info().shortcut.as_ref().map(format_key).unwrap_or_default(),
        action: command.enabled(view.state).map(|()| Command::Menu(command)),
    };
    MenuCommand::ALL.into_iter().filter(|command| *command != MenuCommand::Palette).map(line).collect()
}

fn pages() -> Vec<Line> {
    let line = |page: Page| {
        let key = super::sheets::page_key(page).unwrap_or_default();
        let words = [page.also(), key.as_str()];
        Line {
            title: format!("Show {}", page.title()),
            detail: words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" · "),
            action: Ok(Command::Look(LookCommand::Page(page))),
        }
    };
    Page::ALL.into_iter().map(line).collect()
}

fn appearance() -> Vec<Line> {
    let line = |theme: ThemeChoice| Line {
        title: format!("Theme: {}", theme.label()),
        detail: String::new(),
        action: Ok(Command::Settings(SettingsCommand::Theme(theme))),
    };
    ThemeChoice::ALL.into_iter().map(line).collect()
}

fn opens(view: &View<'_>) -> Vec<Line> {
    let template = |template: &'static crate::plan::Template| Line {
        title: format!("New from template: {}", template.plan.name),
        detail: template.name.to_owned(),
        action: Ok(Command::NewFromTemplate(template.name)),
    };
    let recent = view.state.settings.recent.iter().map(|path| Line {
        title: format!("Open {}", path.file_name().unwrap_or_default().to_string_lossy()),
        detail: path.display().to_string(),
        action: Ok(Command::File(FileCommand::OpenPlan(path.clone()))),
    });
    templates().iter().map(template).chain(recent).collect()
}

/// Settings that apply: choosing one searches for it in the panel.
fn settings(plan: &Plan) -> Vec<Line> {
    let line = |field: &'static Field| {
        let value = (field.get)(plan)?;
        Some(Line {
            title: format!("Setting: {}", field.label),
            detail: value.display(field),
            action: Ok(Command::Look(LookCommand::FindSetting(field.label))),
        })
    };
    shown_fields(plan).filter(|field| !matches!(field.kind, FieldKind::Notes)).filter_map(line).collect()
}

fn shown_fields(plan: &Plan) -> impl Iterator<Item = &'static Field> {
    fields().iter().filter(|field| (field.applies)(plan))
}

/// `rank 64`, `optimizer 8-bit`, `flash`: settings with the value that was typed.
fn values(plan: &Plan, words: &[String]) -> Vec<Line> {
    if words.is_empty() {
        return Vec::new();
    }
    shown_fields(plan).flat_map(|field| values_of(field, plan, words)).collect()
}

fn values_of(field: &'static Field, plan: &Plan, words: &[String]) -> Vec<Line> {
    let label = field.label.to_lowercase();
    let is_label = |word: &String| label.split([' ', '-']).any(|part| part.starts_with(word.as_str()));
    let named = words.iter().take_while(|word| is_label(word)).count();
    let rest = &words[named..];
    let found: Vec<FieldValue> = match field.kind {
        FieldKind::Choice(choices) => choices
            .iter()
            .filter(|choice| {
                let text = format!("{} {}", choice.label, choice.id).to_lowercase();
                // A choice alone may be named, a bare setting not: that is what the list of settings is for.
                !rest.is_empty() && rest.iter().all(|word| text.contains(word.as_str()))
            })
            .map(|choice| FieldValue::Id(choice.id.to_owned()))
            .collect(),
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } | FieldKind::Toggle if named > 0 && !rest.is_empty() => {
            FieldValue::parse(field, &rest.join(" ")).into_iter().collect()
        }
        _ => Vec::new(),
    };
    let now = (field.get)(plan);
    let line = |value: FieldValue| {
        let title = format!("{}: {}", field.label, value.display(field));
        let detail = now.as_ref().map(|now| format!("now {}", now.display(field))).unwrap_or_default();
        let edit = match &value {
            FieldValue::Id(id) if field.id == id::METHOD_KIND => choose_method(plan, id),
            _ => PlanEdit::Set(field.id, value),
        };
        Line { title, detail, action: Ok(Command::Edit(edit)) }
    };
    found.into_iter().filter(|value| now.as_ref() != Some(value)).map(line).collect()
}

fn models(query: &str) -> Vec<Line> {
    let line = |model: &crate::catalog::ModelEntry| Line {
        title: format!("Model: {}", model.id),
        detail: "catalogue".to_owned(),
        action: Ok(Command::Edit(PlanEdit::Model(ModelSource::Catalog(model.id.clone())))),
    };
    Catalog::embedded().search_models(query, Order::MostUsed).into_iter().take(MAX_MODELS).map(line).collect()
}
