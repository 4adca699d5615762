//! Parts of the window.

pub mod dialog;
pub mod explanation;
pub mod rail;
pub mod settings;
pub mod status;
pub mod top_bar;
