//! Pictures and tables for other programs: SVG and tab-separated text from the same estimate as the screen.
//!
//! Pure: an estimate and colours in, text out.

use crate::estimate::{Component, Estimate};
use crate::units::ByteUnit;
use std::collections::BTreeMap;

pub mod chart;
pub mod small_run;
pub mod svg;
pub mod tsv;

/// What is drawn or listed.
#[derive(Clone, Debug)]
pub struct Charts {
    /// Name of the plan.
    pub title: String,
    /// The model in a line.
    pub model: String,
    /// Who made it; empty: nobody is named.
    pub author: String,
    /// The figures.
    pub estimate: Estimate,
    /// Unit of memory.
    pub unit: ByteUnit,
    /// Colours.
    pub colours: Colours,
}

/// Colours of a picture, each as `#RRGGBB`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "named as the tokens of the theme")]
pub struct Colours {
    pub ground: String,
    pub text: String,
    pub muted: String,
    pub line: String,
    pub over: String,
    /// One per component.
    pub series: BTreeMap<Component, String>,
}
