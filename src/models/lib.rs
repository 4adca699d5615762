//! Shapes of models: read from files, or looked up in the catalogue. It knows no plans and no windows.

pub mod architecture;
pub mod catalog;

use tuneplan_ground::{files, limits, units};
