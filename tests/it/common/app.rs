//! The whole program in a harness, driven as a person drives it.

use super::builder;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use std::time::{Duration, Instant};
use tuneplan::app::Command;
use tuneplan::app::command::MessageCommand;
use tuneplan::app::state::State;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::theme::Theme;

/// The window with the default plan, 1600 × 1000 points, keeping nothing on disk.
pub fn window<'a>() -> Harness<'a, App> {
    window_of(Runtime::new(None, || ()))
}

/// The same around this runtime.
pub fn window_of<'a>(runtime: Runtime) -> Harness<'a, App> {
    let mut harness = builder(Theme::Dark, [1600.0, 1000.0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, runtime, None));
    harness.run_ok();
    harness
}

/// What the program knows.
pub fn state<'h>(harness: &'h Harness<'_, App>) -> &'h State {
    harness.state().state()
}

/// Has a command carried out.
pub fn send(harness: &mut Harness<'_, App>, command: Command) {
    harness.state_mut().send(command);
    harness.run_ok();
}

/// Presses a key.
pub fn press(harness: &mut Harness<'_, App>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_ok();
}

/// Reads all messages, and puts them away.
pub fn dismiss_all(harness: &mut Harness<'_, App>) {
    while let Some(number) = state(harness).session.messages.latest().map(|message| message.number) {
        send(harness, Command::Message(MessageCommand::Dismiss(number)));
    }
}

/// Clicks what has this name.
pub fn click(harness: &mut Harness<'_, App>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_ok();
}

/// Types into what has the focus.
pub fn type_text(harness: &mut Harness<'_, App>, text: &str) {
    harness.event(egui::Event::Text(text.to_owned()));
    harness.run_ok();
}

/// Steps until `done`; work on other threads may take a moment.
pub fn wait(harness: &mut Harness<'_, App>, done: impl Fn(&App) -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !done(harness.state()) {
        assert!(Instant::now() < patience, "it never came");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
    harness.run_ok();
}

/// Name of what has the focus.
pub fn focused(harness: &Harness<'_, App>) -> Option<String> {
    fn within(node: &egui_kittest::Node<'_>) -> Option<String> {
        let own = node.accesskit_node();
        if own.is_focused() {
            return Some(own.label().or_else(|| own.value()).unwrap_or_default());
        }
        node.children().find_map(|child| within(&child))
    }
    within(&harness.root())
}
