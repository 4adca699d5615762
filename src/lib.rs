//! Tuneplan: plan a fine-tuning job before you spend a GPU-hour on it.

pub mod app;
pub mod architecture;
pub mod catalog;
pub mod cli;
pub mod estimate;
pub mod explained;
pub mod jobs;
pub mod plan;
pub mod raster;
pub mod ui;
pub mod units;
pub mod validation;
