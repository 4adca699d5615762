//! One table of every setting of a plan.
//!
//! A [`Field`] knows its label, unit, help, range and when it applies, and how to read and write itself. Panels,
//! command-line flags, comments of the plan file, names of undo steps, the diff and the list of contradictions are
//! all made from this table, so that a setting is described once.

use super::Plan;

/// A setting's path in the plan file, such as `batch.micro_batch` or `method.lora.rank`: its identity everywhere.
pub type FieldId = &'static str;

/// Section of the settings panel and of the plan file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named as they stand on screen")]
pub enum Section {
    Plan,
    Model,
    Method,
    Precision,
    Optimizer,
    Batch,
    Runtime,
    Hardware,
}

/// One setting.
pub struct Field {
    /// Path in the plan file.
    pub id: FieldId,
    /// Command-line flag without dashes, such as `micro-batch`.
    pub flag: &'static str,
    /// Section it stands in.
    pub section: Section,
    /// Label in sentence case, without colon.
    pub label: &'static str,
    /// Unit, or empty.
    pub unit: &'static str,
    /// One or two sentences: what it is and what it costs.
    pub help: &'static str,
    /// What values it takes.
    pub kind: FieldKind,
    /// Whether it means anything in this plan; the window hides it and the file omits nothing.
    pub applies: fn(&Plan) -> bool,
    /// Present value; `None` where the plan has no such setting (the rank of a full fine-tuning).
    pub get: fn(&Plan) -> Option<FieldValue>,
    /// Sets it. Never panics; the error is one sentence for the user.
    pub set: fn(&mut Plan, &FieldValue) -> Result<(), String>,
}

/// What values a field takes; decides the widget.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// Whole number from `min` to `max`; `steps` are the stops a slider snaps to.
    Integer {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
        /// Slider stops, ascending; empty: typed only.
        steps: &'static [u64],
    },
    /// Decimal number.
    Decimal {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
        /// Step of the arrow keys.
        step: f64,
    },
    /// Whole number that may be absent ("as in the catalogue").
    OptionalInteger {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// Decimal number that may be absent ("as in the catalogue").
    OptionalDecimal {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
    },
    /// On or off.
    Toggle,
    /// One of a few words.
    Choice(&'static [Choice]),
    /// An entry of a catalogue, by id.
    Catalog(CatalogKind),
    /// Modules: `all-linear`, part names or custom module names.
    Targets,
    /// The ordered kinds of fine-tuning.
    Stages,
    /// One line.
    Text,
    /// Several lines.
    Notes,
}

/// Which catalogue a field picks from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the catalogues")]
pub enum CatalogKind {
    Model,
    Accelerator,
    LoadFormat,
    KvFormat,
    Profile,
}

/// One word of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Word in files and on the command line: `in-backward`.
    pub id: &'static str,
    /// Word on screen: `In backward`.
    pub label: &'static str,
    /// What it means and costs.
    pub help: &'static str,
}

/// A field's value without its type: what widgets, flags and undo labels trade in.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Whole number.
    Integer(u64),
    /// Decimal number.
    Decimal(f64),
    /// Absent: the catalogue's figure holds.
    Unset,
    /// On or off.
    Toggle(bool),
    /// A choice's id or a catalogue id.
    Id(String),
    /// Ids in order (targets, stages).
    List(Vec<String>),
    /// Text.
    Text(String),
}
