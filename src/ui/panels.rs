//! Parts of the window.

pub mod dialog;
pub mod explanation;
pub mod palette;
pub mod presenter;
pub mod rail;
pub mod settings;
pub mod sheets;
pub mod status;
pub mod tabs;
pub mod top_bar;
