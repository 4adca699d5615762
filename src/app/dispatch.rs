//! The only place where the state changes. Pure: what must happen outside comes back as effects.

use super::changes;
use super::clipboard::{Clip, Copied};
use super::command::{Answer, Command};
use super::effect::Effect;
use super::messages::{About, Kind};
use super::page::Page;
use super::places;
use super::settings::Settings;
use super::state::{AfterUnsaved, Dialog, Document, State};
use crate::plan::edit::PlanEdit;
use crate::plan::{Plan, templates};
use crate::tasks::measuring::Measuring;
use crate::tasks::searching::Searching;
use crate::tasks::tuning::Stage;
use crate::tasks::weighing::{self, Ranks, Weighing};
use std::path::PathBuf;

mod closing;
mod decision;
mod files;
mod menu;
mod paste;
mod recovered;
mod tuning;

/// Carries out one command, and asks for what the page that is then shown needs.
pub fn dispatch(state: &mut State, command: Command) -> Vec<Effect> {
    let mut effects = carry_out(state, command);
    effects.extend(changes::wanted(state));
    effects
}

fn carry_out(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Menu(command) => menu::menu(state, command),
        Command::Edit(edit) => {
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
        Command::OpenPlan(path) => files::open_plan(state, path),
        Command::SaveAs { path, replace } => files::save_as(state, &path, replace),
        Command::OpenModel(path) => {
            state.session.reading = Some(path.clone());
            vec![Effect::ReadModel(path)]
        }
        Command::Chart(command, chart) => menu::chart(state, command, chart),
        Command::SavePicture { picture, path, replace } => files::save_picture(state, picture, path, replace),
        Command::PickFile(purpose) => vec![Effect::PickFile(purpose)],
        Command::AskPath(purpose) => files::ask_path(state, purpose),
        Command::OpenExamples(path) => vec![Effect::ReadExamples(path)],
        Command::ExamplesRead(path, result) => {
            decision::examples_read(state, path, *result);
            Vec::new()
        }
        Command::SaveLabels { path, replace } => decision::save_labels(state, path, replace),
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
        Command::PlanRead(path, result) => files::plan_read(state, &path, *result),
        Command::PlanWritten(document, path, text, result) => files::plan_written(state, document, path, text, result),
        Command::FileChanged(path, result) => {
            files::file_changed(state, path, *result);
            Vec::new()
        }
        Command::ModelRead(path, result) => {
            files::model_read(state, &path, *result);
            Vec::new()
        }
        Command::Recovered(plans) => {
            if !plans.is_empty() {
                state.session.dialog = Some(Dialog::Recovered(plans));
            }
            Vec::new()
        }
        Command::PictureDrawn(picture, image) => vec![Effect::Copy(picture.name(), Clip::Picture(image))],
        Command::Copied(what, copied) => {
            match copied {
                Copied::Taken => notice(state, &format!("{what} can be pasted from the clipboard.")),
                Copied::HandedOver => notice(state, &format!("{what}: handed to the clipboard of the window system.")),
                Copied::Refused(why) => fail(state, &format!("Not copied. The clipboard did not take it: {why}.")),
            }
            Vec::new()
        }
        Command::FileWritten(purpose, path, result) => {
            files::file_written(state, purpose, path, result);
            Vec::new()
        }
        Command::NoFolder { folder, path, purpose } => {
            state.session.dialog = Some(Dialog::MissingFolder { folder, path, purpose });
            Vec::new()
        }
        Command::FolderMade(purpose, path, Ok(())) => dispatch(state, places::command_for(purpose, path, false)),
        Command::FolderMade(purpose, path, Err(why)) => {
            fail(state, &why);
            state.session.dialog = Some(Dialog::Path(purpose, path.display().to_string()));
            Vec::new()
        }
        Command::NoFileChosen => {
            // What was to follow the save would otherwise follow a later one.
            state.session.after_save = None;
            Vec::new()
        }
        // The path can always be typed.
        Command::NoFileDialog(purpose) if state.session.dialog.is_none() => files::ask_path(state, purpose),
        Command::NoFileDialog(_) => Vec::new(),
        Command::SetTheme(theme) => set(state, |settings| settings.theme = theme),
        Command::SetZoom(zoom) => set(state, |settings| settings.zoom = zoom),
        Command::SetUnit(unit) => set(state, |settings| settings.unit = unit),
        Command::SetLanguage(language) => set(state, |settings| settings.language = language),
        Command::SetAuthor(author) => set(state, |settings| settings.author = author),
        Command::OpenRevision(revision) => match &state.document.path {
            Some(path) => vec![Effect::ReadRevision(path.clone(), revision)],
            None => {
                fail(state, "This plan has no file yet, so it has no revisions: save it first.");
                Vec::new()
            }
        },
        Command::RevisionRead(title, result) => {
            files::revision_read(state, &title, *result);
            Vec::new()
        }
        Command::Search(limits) => {
            let number = state.session.searching.as_ref().map_or(0, |earlier| earlier.number + 1);
            state.session.searching = Some(Box::new(Searching::begun(number, limits)));
            state.session.searched_around = state.key();
            vec![Effect::Search]
        }
        Command::StopSearch => {
            if let Some(searching) = &mut state.session.searching {
                searching.running = false;
            }
            vec![Effect::StopSearch]
        }
        Command::Weigh(model) => {
            let number = state.session.weighing.as_ref().map_or(0, |earlier| earlier.number + 1);
            state.session.weighing = Some(Weighing::begun(number, model));
            state.session.measuring = None;
            vec![Effect::Weigh]
        }
        Command::LookAtRanks(index, codec) => match &mut state.session.weighing {
            Some(weighing) if weighing.source.is_some() => {
                weighing.ranks = Some(Ranks { index, codec, found: None });
                vec![Effect::LookAtRanks]
            }
            _ => Vec::new(),
        },
        Command::StopWeighing => {
            if let Some(weighing) = &mut state.session.weighing {
                weighing.running = false;
            }
            if let Some(measuring) = &mut state.session.measuring {
                measuring.running = false;
            }
            vec![Effect::StopWeighing]
        }
        Command::MeasureOn(text) => measure(state, Some(text)),
        Command::Weighed(number, news) => {
            let is_over = news == weighing::News::Ended(None);
            // An examination that was stopped, or followed by another, has nothing more to say.
            let held = state.session.weighing.as_mut().filter(|held| held.running && held.number == number);
            let Some(held) = held else { return Vec::new() };
            held.take(news);
            // The embedded model brings its own text along.
            if is_over && held.model.is_none() { measure(state, None) } else { Vec::new() }
        }
        of_run @ (Command::Request(_)
        | Command::ChooseBase(_)
        | Command::ChooseExamples(_)
        | Command::Tune
        | Command::ContinueTuning(_)
        | Command::PauseTuning(_)
        | Command::StopTuning
        | Command::SaveProduct(..)
        | Command::ProductSaved(..)
        | Command::SaveRun { .. }) => tuning::tuning(state, of_run),
        Command::ShowPage(page) => {
            state.session.page = page;
            let wanted = page == Page::Sure && state.session.evidence.is_none();
            if wanted { vec![Effect::LoadEvidence] } else { Vec::new() }
        }
        looks => {
            look(state, looks);
            Vec::new()
        }
    }
}

/// Begins to measure what the formats of the examined model do to what it says.
fn measure(state: &mut State, text: Option<PathBuf>) -> Vec<Effect> {
    let Some(weighing) = &state.session.weighing else { return Vec::new() };
    state.session.measuring = Some(Measuring::begun(weighing.number, text));
    vec![Effect::Measure]
}

/// Changes what belongs to the person.
fn set(state: &mut State, change: impl FnOnce(&mut Settings)) -> Vec<Effect> {
    change(&mut state.settings);
    vec![Effect::SaveSettings]
}

/// Commands that change what is seen, not what is planned.
fn look(state: &mut State, command: Command) {
    let session = &mut state.session;
    match command {
        Command::Evidence(evidence) => session.evidence = Some(evidence),
        // A search that was stopped, or followed by another, has nothing more to say.
        Command::Searched(number, news) => {
            if let Some(held) = session.searching.as_mut().filter(|held| held.running && held.number == number) {
                held.take(*news);
            }
        }
        // What was found for an earlier revision comes too late.
        Command::ChangesFound(key, found) if session.changes_asked == Some(key) => session.changes = Some((key, found)),
        Command::RanksFound(number, found) => {
            let wanted = session.weighing.as_mut().filter(|held| held.number == number);
            // Another tensor or format may have been asked for meanwhile.
            if let Some(ranks) = wanted.and_then(|held| held.ranks.as_mut())
                && (ranks.index, ranks.codec) == (found.index, found.codec)
            {
                *ranks = *found;
            }
        }
        Command::Measured(number, news) => {
            if let Some(held) = session.measuring.as_mut().filter(|held| held.running && held.number == number) {
                held.take(*news);
            }
        }
        Command::Tuned(number, news) => {
            if let Some(held) = session.tuning.as_mut().filter(|held| held.number == number) {
                held.take(*news);
                // On its own page one sees it.
                let away = session.page != Page::Preview;
                match &held.stage {
                    Stage::Failed(why) if away => {
                        session.messages.say(
                            Kind::Failure,
                            About::Program,
                            format!("The preview could not go on: {why}"),
                        );
                    }
                    Stage::Done if away => {
                        let said = "The preview is done: the page Preview shows what was learned.";
                        session.messages.say(Kind::Notice, About::Program, said.to_owned());
                    }
                    _ => {}
                }
            }
        }
        Command::Select(subject) => session.selected = Some(subject),
        Command::Hover(component) => session.hovered = component,
        Command::HoverField(field) => session.hovered_field = field,
        Command::FindSetting(label) => {
            session.presenting = false;
            session.searched = label;
            session.searches += 1;
        }
        Command::ShowBoth(both) => session.both = both,
        Command::ShowStep(step) => session.step = step,
        Command::Dismiss(number) => session.messages.dismiss(number),
        Command::Fade(number) => session.messages.fade(number),
        Command::Tell(text) => session.messages.say(Kind::Failure, About::Program, text),
        Command::Refuse(text) => session.messages.say(Kind::Refusal, About::Plan(state.document.id), text),
        // Everything else is a matter of `dispatch`.
        _ => {}
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
