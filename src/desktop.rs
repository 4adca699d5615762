//! The window on the desktop: its loop, its threads, its pictures, and the files of its theme. It stands above [`ui`](crate::ui).

mod configuration;
mod file_dialog;
pub mod first_frame;
pub mod runtime;
pub mod screenshot;
pub mod theme_files;
pub mod watch;
pub mod window;
