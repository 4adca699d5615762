//! The only place where the state changes. Pure: what must happen outside comes back as effects.

use super::changes;
use super::clipboard::{Clip, Copied};
use super::command::{Answer, Command, LookCommand, MessageCommand, SearchCommand, SettingsCommand};
use super::effect::Effect;
use super::messages::{About, Kind};
use super::page::Page;
use super::places;
use super::settings::Settings;
use super::state::{AfterUnsaved, Dialog, Document, State};
use crate::estimate::profile::Profiles;
use crate::plan::edit::PlanEdit;
use crate::plan::field::{FieldValue, id};
use crate::plan::{Plan, templates};
use crate::tasks::searching::Searching;

mod closing;
mod decision;
mod file;
mod files;
mod menu;
mod paste;
mod recovered;
mod run;
mod weights;

/// Carries out one command, and asks for what the page that is then shown needs.
pub fn dispatch(state: &mut State, command: Command) -> Vec<Effect> {
    let mut effects = carry_out(state, command);
    effects.extend(changes::wanted(state));
    effects
}

/// A change of the software stack brings along what the stack does by itself, as one step.
fn with_stack(plan: &Plan, edit: PlanEdit) -> PlanEdit {
    let PlanEdit::Set(id::RUNTIME_PROFILE, FieldValue::Id(stack)) = &edit else { return edit };
    let Some(profile) = Profiles::known().get(stack) else { return edit };
    let by_stack = profile.edits(plan);
    if by_stack.is_empty() {
        return edit;
    }
    let name = format!("Software stack: {}", profile.name);
    PlanEdit::Group(std::iter::once(edit).chain(by_stack).collect(), name)
}

fn carry_out(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Menu(command) => menu::menu(state, command),
        Command::Run(command) => run::carry_out(state, command),
        Command::Weights(command) => weights::carry_out(state, command),
        Command::Search(command) => search(state, command),
        Command::Settings(command) => {
            set(&mut state.settings, command);
            vec![Effect::SaveSettings]
        }
        Command::Look(command) => look(state, command),
        Command::Message(command) => {
            message(state, command);
            Vec::new()
        }
        Command::File(command) => file::carry_out(state, command),
        Command::Edit(edit) => {
            let edit = with_stack(&state.document.plan, edit);
            apply(state, &edit);
            Vec::new()
        }
        Command::EndGesture => {
            state.document.history.end_gesture();
            Vec::new()
        }
        Command::GoToStep(done) => {
            state.document.history.go_to(done, &mut state.document.plan);
            state.document.revision += 1;
            Vec::new()
        }
        Command::NewFromTemplate(name) => {
            if let Some(template) = templates().iter().find(|template| template.name == name) {
                start(state, template.plan.clone());
            }
            Vec::new()
        }
        Command::ShowTab(index) => {
            state.show_tab(index);
            Vec::new()
        }
        Command::CloseTab(index) => {
            state.show_tab(index);
            closing::unless_unsaved(state, AfterUnsaved::CloseTab)
        }
        Command::ChangesFound(key, found) => {
            // What was found for an earlier revision comes too late.
            if state.session.changes_asked == Some(key) {
                state.session.changes = Some((key, found));
            }
            Vec::new()
        }
        Command::Evidence(evidence) => {
            state.session.evidence = Some(evidence);
            Vec::new()
        }
        Command::TakeDecision => {
            decision::take(state);
            Vec::new()
        }
        Command::Paste(text) => paste::paste(state, &text),
        Command::CloseRequested => closing::unless_unsaved(state, AfterUnsaved::Close),
        Command::Answer(answer) => answered(state, answer),
        Command::TypePath(text) => {
            if let Some(Dialog::Path(_, typed) | Dialog::Paste(typed)) = &mut state.session.dialog {
                *typed = text;
            }
            Vec::new()
        }
        Command::Recovered(plans) => {
            if !plans.is_empty() {
                state.session.dialog = Some(Dialog::Recovered(plans));
            }
            Vec::new()
        }
        Command::Chart(command, chart) => menu::chart(state, command, chart),
        Command::PictureDrawn(picture, image) => vec![Effect::Copy(picture.name(), Clip::Picture(image))],
        Command::Copied(what, copied) => {
            match copied {
                Copied::Taken => notice(state, &format!("{what} can be pasted from the clipboard.")),
                Copied::HandedOver => notice(state, &format!("{what}: handed to the clipboard of the window system.")),
                Copied::Refused(why) => fail(state, &format!("Not copied. The clipboard did not take it: {why}.")),
            }
            Vec::new()
        }
    }
}

/// Begins, ends and listens to the search through the space of plans.
fn search(state: &mut State, command: SearchCommand) -> Vec<Effect> {
    match command {
        SearchCommand::Start(limits) => {
            let number = state.session.searching.as_ref().map_or(0, |earlier| earlier.number + 1);
            state.session.searching = Some(Box::new(Searching::begun(number, limits)));
            state.session.searched_around = state.key();
            vec![Effect::Search]
        }
        SearchCommand::Stop => {
            if let Some(searching) = &mut state.session.searching {
                searching.running = false;
            }
            vec![Effect::StopSearch]
        }
        SearchCommand::Told(number, news) => {
            // A search that was stopped, or followed by another, has nothing more to say.
            let held = state.session.searching.as_mut().filter(|held| held.running && held.number == number);
            if let Some(held) = held {
                held.take(*news);
            }
            Vec::new()
        }
    }
}

/// Changes what belongs to the person.
fn set(settings: &mut Settings, command: SettingsCommand) {
    match command {
        SettingsCommand::Theme(theme) => settings.theme = theme,
        SettingsCommand::Zoom(zoom) => settings.zoom = zoom,
        SettingsCommand::Unit(unit) => settings.unit = unit,
        SettingsCommand::Language(language) => settings.language = language,
        SettingsCommand::Author(author) => settings.author = author,
    }
}

/// Changes what is seen, not what is planned.
fn look(state: &mut State, command: LookCommand) -> Vec<Effect> {
    let session = &mut state.session;
    match command {
        LookCommand::Page(page) => {
            session.page = page;
            if page == Page::Sure && session.evidence.is_none() {
                return vec![Effect::LoadEvidence];
            }
        }
        LookCommand::Select(subject) => session.selected = Some(subject),
        LookCommand::Hover(component) => session.hovered = component,
        LookCommand::HoverField(field) => session.hovered_field = field,
        LookCommand::FindSetting(label) => {
            session.presenting = false;
            session.searched = label;
            session.searches += 1;
        }
        LookCommand::Both(both) => session.both = both,
        LookCommand::Step(step) => session.step = step,
    }
    Vec::new()
}

fn message(state: &mut State, command: MessageCommand) {
    let session = &mut state.session;
    match command {
        MessageCommand::Dismiss(number) => session.messages.dismiss(number),
        MessageCommand::Fade(number) => session.messages.fade(number),
        MessageCommand::Tell(text) => session.messages.say(Kind::Failure, About::Program, text),
        MessageCommand::Refuse(text) => session.messages.say(Kind::Refusal, About::Plan(state.document.id), text),
    }
}

/// Something was done for the shown plan.
fn notice(state: &mut State, text: &str) {
    state.session.messages.say(Kind::Notice, About::Plan(state.document.id), text.to_owned());
}

/// Something asked for the shown plan did not work.
fn fail(state: &mut State, text: &str) {
    state.session.messages.say(Kind::Failure, About::Plan(state.document.id), text.to_owned());
}

/// Changes the shown plan; whether the change was taken. Why it was not is told.
fn apply(state: &mut State, edit: &PlanEdit) -> bool {
    let before = state.document.plan.clone();
    match edit.apply(&mut state.document.plan) {
        Ok(()) if state.document.plan == before => true,
        Ok(()) => {
            state.document.history.record(&before, edit);
            // What was said was about the plan as it was.
            state.session.messages.changed(state.document.id);
            state.document.revision += 1;
            true
        }
        Err(error) => {
            state.session.messages.say(Kind::Refusal, About::Plan(state.document.id), error.to_string());
            false
        }
    }
}

/// Opens `plan` as a new one without a file.
fn start(state: &mut State, plan: Plan) {
    state.open_tab(Document { saved_plan: plan.clone(), plan, ..Document::default() });
    leave_start(state);
}

/// A plan was opened: its memory is what one wants to see.
fn leave_start(state: &mut State) {
    if state.session.page == Page::Start {
        state.session.page = Page::Memory;
    }
}

fn answered(state: &mut State, answer: Answer) -> Vec<Effect> {
    let Some(dialog) = state.session.dialog.take() else { return Vec::new() };
    match (dialog, answer) {
        (Dialog::Unsaved(after), answer) => closing::answered(state, after, answer),
        (Dialog::ChangedOnDisk(path), Answer::GoOn) => files::write(state, path, None),
        (Dialog::External(path, opened), answer) => {
            files::external_answered(state, &path, *opened, answer);
            Vec::new()
        }
        (Dialog::Replace(path, purpose), Answer::GoOn) => dispatch(state, places::command_for(purpose, path, true)),
        (Dialog::MissingFolder { folder, path, purpose }, Answer::GoOn) => {
            vec![Effect::MakeFolder { folder, path, purpose }]
        }
        // What was typed is not lost.
        (Dialog::MissingFolder { path, purpose, .. }, _) => {
            state.session.dialog = Some(Dialog::Path(purpose, path.display().to_string()));
            Vec::new()
        }
        (Dialog::Path(purpose, text), Answer::GoOn) => files::typed_path(state, purpose, &text),
        (Dialog::Paste(text), Answer::GoOn) => paste::paste(state, &text),
        (Dialog::Recovered(plans), answer) => recovered::answered(state, &plans, answer),
        (Dialog::FileRemarks(_), Answer::Drop) => {
            state.document.unknown.clear();
            state.document.unknown_dropped = true;
            notice(state, "Unknown keys are dropped with the next save.");
            Vec::new()
        }
        _ => {
            state.session.after_save = None;
            Vec::new()
        }
    }
}
