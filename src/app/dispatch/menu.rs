//! Commands of menus, keys and the palette.

use super::{closing, dispatch, fail, files, notice, start};
use crate::app::clipboard::Clip;
use crate::app::command::{ChartCommand, Command, LookCommand, MenuCommand, SettingsCommand};
use crate::app::effect::Effect;
use crate::app::state::{AfterUnsaved, Baseline, Dialog, Document, PathPurpose, Picture, State};
use crate::figures;
use crate::plan::Plan;
use crate::report::chart::Chart;
use crate::report::{Charts, Colours, tsv};
use crate::units::ByteUnit;
use std::sync::Arc;

pub(super) fn menu(state: &mut State, command: MenuCommand) -> Vec<Effect> {
    if let Err(why) = command.enabled(state) {
        notice(state, &format!("{}: {why}", command.info().title));
        return Vec::new();
    }
    match command {
        MenuCommand::New => start(state, Plan::default()),
        MenuCommand::Open => return vec![Effect::PickFile(PathPurpose::OpenPlan)],
        MenuCommand::OpenByPath => return files::ask_path(state, PathPurpose::OpenPlan),
        MenuCommand::Save => {
            return match state.document.path.clone() {
                Some(path) => {
                    // Empty, for nothing: what stands there without having been read is asked about.
                    let expected = Some(state.document.saved_text.clone().unwrap_or_default());
                    files::write(state, path, expected)
                }
                None => vec![Effect::PickFile(PathPurpose::SavePlan)],
            };
        }
        MenuCommand::SaveAs => return vec![Effect::PickFile(PathPurpose::SavePlan)],
        MenuCommand::SaveByPath => return files::ask_path(state, PathPurpose::SavePlan),
        MenuCommand::Duplicate => duplicate(state),
        MenuCommand::CloseTab => return closing::unless_unsaved(state, AfterUnsaved::CloseTab),
        MenuCommand::NextTab => state.show_tab((state.shown_tab() + 1) % state.tab_count()),
        MenuCommand::PreviousTab => {
            state.show_tab((state.shown_tab() + state.tab_count() - 1) % state.tab_count());
        }
        MenuCommand::OpenModelFile => return vec![Effect::PickFile(PathPurpose::OpenModel)],
        MenuCommand::OpenModelFolder => return vec![Effect::PickModelFolder],
        MenuCommand::OpenModelByPath => return files::ask_path(state, PathPurpose::OpenModel),
        MenuCommand::PasteConfig => state.session.dialog = Some(Dialog::Paste(String::new())),
        MenuCommand::Undo => {
            if let Some(label) = state.document.history.undo(&mut state.document.plan) {
                state.document.revision += 1;
                notice(state, &format!("Undone: {label}"));
            }
        }
        MenuCommand::Redo => {
            if let Some(label) = state.document.history.redo(&mut state.document.plan) {
                state.document.revision += 1;
                notice(state, &format!("Done again: {label}"));
            }
        }
        MenuCommand::Pin => pin(state),
        MenuCommand::CopyTable => {
            return match charts(state) {
                Some(charts) => {
                    vec![Effect::Copy("The memory table, as tab-separated text,", Clip::Text(tsv::tables(&charts)))]
                }
                None => no_estimate(state),
            };
        }
        MenuCommand::CopyPicture => {
            return if charts(state).is_some() {
                vec![Effect::DrawPicture(Picture::Memory)]
            } else {
                no_estimate(state)
            };
        }
        MenuCommand::SavePicture => return vec![Effect::PickFile(PathPurpose::SavePicture(Picture::Memory))],
        MenuCommand::SavePictureByPath => return files::ask_path(state, PathPurpose::SavePicture(Picture::Memory)),
        MenuCommand::Palette => state.session.dialog = Some(Dialog::Palette),
        MenuCommand::FindSetting => {
            return super::look(state, LookCommand::FindSetting(""));
        }
        MenuCommand::Present => {
            state.session.presenting = !state.session.presenting;
            state.session.spotlight = false;
        }
        MenuCommand::Spotlight => state.session.spotlight = !state.session.spotlight,
        MenuCommand::FullScreen => {
            state.session.full_screen = !state.session.full_screen;
            return vec![Effect::FullScreen(state.session.full_screen)];
        }
        MenuCommand::ToggleUnit => {
            let unit = match state.settings.unit {
                ByteUnit::GiB => ByteUnit::GB,
                ByteUnit::GB => ByteUnit::GiB,
            };
            return dispatch(state, Command::Settings(SettingsCommand::Unit(unit)));
        }
        MenuCommand::Settings => state.session.dialog = Some(Dialog::Settings),
        MenuCommand::Shortcuts => state.session.dialog = Some(Dialog::Shortcuts),
        MenuCommand::Quit => return closing::unless_unsaved(state, AfterUnsaved::Close),
    }
    Vec::new()
}

fn no_estimate(state: &mut State) -> Vec<Effect> {
    fail(state, "There is no estimate to copy: choose a model that is known.");
    Vec::new()
}

/// A copy beside the plan, without a file of its own, and so unsaved.
fn duplicate(state: &mut State) {
    let mut plan = state.document.plan.clone();
    plan.name = format!("{} (copy)", plan.name);
    let unknown = state.document.unknown.clone();
    state.open_beside(Document { plan, unknown, ..Document::default() });
}

fn pin(state: &mut State) {
    state.session.pins += 1;
    if state.is_pinned() {
        state.session.baseline = None;
        notice(state, "Nothing is pinned any more.");
        return;
    }
    let document = &state.document;
    let title = document.title();
    state.session.baseline =
        Some(Baseline { document: document.id, title: title.clone(), plan: document.plan.clone() });
    notice(state, &format!("Pinned {title}: changes are compared with it."));
}

/// What pictures and tables for other programs are made from; `None` without an estimate.
pub(super) fn charts(state: &State) -> Option<Charts> {
    let (estimate, _, model) = figures::of_plan(&state.document.plan);
    let tokens = state.settings.theme.resolve(None).tokens();
    let hex = |color: egui::Color32| color.to_hex()[..7].to_owned();
    Some(Charts {
        title: state.document.title(),
        model,
        author: state.settings.author.clone(),
        estimate: estimate?,
        unit: state.settings.unit,
        colours: Colours {
            ground: hex(tokens.panel.0),
            text: hex(tokens.text.0),
            muted: hex(tokens.muted.0),
            line: hex(tokens.edge.0),
            over: hex(tokens.over.0),
            series: crate::estimate::Component::ALL
                .into_iter()
                .map(|component| (component, hex(tokens.series(component))))
                .collect(),
        },
    })
}

/// What was asked of a chart.
pub(super) fn chart(state: &mut State, command: ChartCommand, chart: Arc<Chart>) -> Vec<Effect> {
    match command {
        ChartCommand::CopyData => {
            vec![Effect::Copy("The chart's figures, as tab-separated text,", Clip::Text(chart.table()))]
        }
        ChartCommand::CopyPicture => {
            state.session.chart = Some(chart);
            vec![Effect::DrawPicture(Picture::Chart)]
        }
        ChartCommand::Save => {
            state.session.chart = Some(chart);
            vec![Effect::PickFile(PathPurpose::SavePicture(Picture::Chart))]
        }
    }
}
