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
pub mod field_cost;
pub mod first_frame;
pub mod history;
pub mod measuring;
pub mod menu;
pub mod messages;
pub mod page;
pub mod places;
pub mod recovery;
pub mod revision;
pub mod runtime;
pub mod screenshot;
pub mod searching;
pub mod settings;
pub mod state;
pub mod store;
pub mod tabs;
pub mod theme_files;
pub mod tuning;
pub mod watch;
pub mod weighing;
pub mod window;

pub use command::{Command, Commands};
pub use dispatch::dispatch;
pub use effect::Effect;
pub use state::State;
