//! Controls and charts: data and colours in, what was touched out.

pub mod bit_row;
mod catalogue;
pub mod component_table;
pub mod derivation;
pub mod device_bars;
pub mod field;
pub mod figures;
pub mod icon;
pub mod memory_bar;
pub mod number;
pub mod pattern;
pub mod phase_chart;
pub mod picker;
pub mod plot;
pub mod range_bar;
pub mod schedule;
pub mod segmented;
pub mod segments;
pub mod toggle;
pub mod vector_plot;
