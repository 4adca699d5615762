//! What the centre of the window shows: one page at a time.

use super::{UiState, View};
use crate::app::command::Commands;
use crate::app::page::Page;
use egui::Ui;

pub mod change;
pub mod compare;
pub mod decide;
pub mod devices;
pub mod formats;
pub mod memory;
pub mod method;
pub mod preview;
pub mod serving;
pub mod start;
pub mod steps;
pub mod sure;
pub mod time;

/// Draws the page that is chosen.
pub fn page_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    match view.state.session.page {
        Page::Start => start::start_ui(ui, view, out),
        Page::Decide => decide::decide_ui(ui, view, ui_state, out),
        Page::Memory => memory::memory_ui(ui, view, out),
        Page::Devices => devices::devices_ui(ui, view, out),
        Page::Formats => formats::formats_ui(ui, view, ui_state, out),
        Page::Preview => preview::preview_ui(ui, view, ui_state, out),
        Page::Method => method::method_ui(ui, view, ui_state, out),
        Page::Time => time::time_ui(ui, view, ui_state),
        Page::Serving => serving::serving_ui(ui, view, out),
        Page::Steps => steps::steps_ui(ui, view, out),
        Page::Change => change::change_ui(ui, view, ui_state, out),
        Page::Compare => compare::compare_ui(ui, view, &mut ui_state.compare, out),
        Page::Sure => sure::sure_ui(ui, view, ui_state, out),
    }
}
