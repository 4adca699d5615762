//! The program around the domain: state, commands, dispatch, files, history, settings. The only owner of mutable
//! state, files, dialogs and threads.

pub mod answers;
pub mod background;
pub mod changes;
pub mod clipboard;
pub mod command;
pub mod computed;
pub mod dispatch;
pub mod effect;
pub mod history;
pub mod key;
pub mod menu;
pub mod messages;
pub mod page;
pub mod places;
pub mod recovery;
pub mod settings;
pub mod state;
pub mod tabs;

pub use command::{Command, Commands};
pub use dispatch::dispatch;
pub use effect::Effect;
pub use state::State;
