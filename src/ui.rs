//! What is on screen: panels that show a view and return commands; they never change a plan, block or read files.

pub mod fonts;
pub mod theme;
