//! One table of every setting of a plan.
//!
//! A [`Field`] knows its label, unit, help, range and when it applies, and how to read and write itself. Panels,
//! command-line flags, the plan file with its comments, names of undo steps and the diff are all made from this
//! table, so that a setting is described once.

use super::{MeasuredPeak, Plan, Trial};
use std::collections::BTreeMap;
use std::sync::OnceLock;

#[macro_use]
mod macros;
mod batch;
mod cost;
mod data;
mod hardware;
pub mod id;
mod measured;
mod method;
mod model;
mod objective;
mod optimizer;
mod parallelism;
mod precision;
mod run;
mod runtime;
mod top;
mod typed;
mod value;
pub mod words;

pub use value::{FieldValue, expected, is_of_catalogue, unset_word};

/// A setting's path in the plan file, such as `batch.micro_batch`: its identity everywhere.
pub type FieldId = &'static str;

/// Section of the settings panel and of the plan file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named as they stand on screen")]
pub enum Section {
    Plan,
    Model,
    Method,
    Objective,
    Precision,
    Optimizer,
    Batch,
    Runtime,
    Hardware,
    Parallelism,
    Data,
    Run,
    Cost,
    Measured,
}

impl Section {
    /// All, in the order of panel and file.
    pub const ALL: [Self; 14] = [
        Self::Plan,
        Self::Model,
        Self::Method,
        Self::Objective,
        Self::Precision,
        Self::Optimizer,
        Self::Batch,
        Self::Runtime,
        Self::Hardware,
        Self::Parallelism,
        Self::Data,
        Self::Run,
        Self::Cost,
        Self::Measured,
    ];

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Plan => "Plan",
            Self::Model => "Model",
            Self::Method => "Method",
            Self::Objective => "Objective",
            Self::Precision => "Precision",
            Self::Optimizer => "Optimizer",
            Self::Batch => "Batch",
            Self::Runtime => "Runtime",
            Self::Hardware => "Hardware",
            Self::Parallelism => "Parallelism",
            Self::Data => "Data",
            Self::Run => "Run",
            Self::Cost => "Cost",
            Self::Measured => "Measured",
        }
    }

    /// Key in the plan file; the plan's own fields stand at the top, under no key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Plan => "",
            Self::Model => "model",
            Self::Method => "method",
            Self::Objective => "objective",
            Self::Precision => "precision",
            Self::Optimizer => "optimizer",
            Self::Batch => "batch",
            Self::Runtime => "runtime",
            Self::Hardware => "hardware",
            Self::Parallelism => "parallelism",
            Self::Data => "data",
            Self::Run => "run",
            Self::Cost => "cost",
            Self::Measured => "measured",
        }
    }
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
    /// Whether it means anything in this plan; where not, the window hides it.
    pub applies: fn(&Plan) -> bool,
    /// Present value; `None` where the plan has no such setting (the rank of a full fine-tuning).
    pub get: fn(&Plan) -> Option<FieldValue>,
    /// Writes a value that [`Field::assign`] has checked; the error says why this plan has no such setting.
    set: fn(&mut Plan, &FieldValue) -> Result<(), String>,
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
    /// Whole numbers from 1 in order; may be empty.
    Counts {
        /// Most each may be.
        max: u64,
    },
    /// Results, one line of text each.
    Lines(LineKind),
    /// One line.
    Text,
    /// Several lines.
    Notes,
}

/// What the lines of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Measured peaks.
    Peaks,
    /// Results of previews.
    Trials,
}

impl LineKind {
    /// Why a line is none of these.
    pub(super) fn check(self, line: &str) -> Result<(), String> {
        match self {
            Self::Peaks => line.parse::<MeasuredPeak>().map(drop),
            Self::Trials => line.parse::<Trial>().map(drop),
        }
    }

    /// What the field takes, in words.
    const fn expected(self) -> &'static str {
        match self {
            Self::Peaks => "a list of peaks, such as \"reserved 18.42 GiB: RTX 4090\"",
            Self::Trials => "a list of results, such as \"loss 5.4 to 0.2, exact 12 of 48: NF4\"",
        }
    }
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

impl Field {
    /// Key inside its section of the plan file: `micro_batch` of `batch.micro_batch`.
    pub fn key(&self) -> &'static str {
        self.id.rsplit('.').next().unwrap_or(self.id)
    }

    /// Checks the value against the field's kind and range and writes it. The error is one sentence for the user.
    pub fn assign(&self, plan: &mut Plan, value: &FieldValue) -> Result<(), String> {
        value.check(self)?;
        if (self.get)(plan).is_some() {
            return (self.set)(plan, value);
        }
        // A value that is nowhere to be seen would be lost with the next save.
        let mut changed = plan.clone();
        (self.set)(&mut changed, value)?;
        if (self.get)(&changed).is_none() {
            return Err(format!("{} is no setting of this plan", self.label));
        }
        *plan = changed;
        Ok(())
    }
}

/// Every field, in the order of panel and file. Within a section a field that decides what others mean comes first.
pub fn fields() -> &'static [Field] {
    static FIELDS: OnceLock<Vec<Field>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        [
            top::fields(),
            model::fields(),
            method::fields(),
            objective::fields(),
            precision::fields(),
            optimizer::fields(),
            batch::fields(),
            runtime::fields(),
            hardware::fields(),
            parallelism::fields(),
            data::fields(),
            run::fields(),
            cost::fields(),
            measured::fields(),
        ]
        .into_iter()
        .flatten()
        .collect()
    })
}

/// The field with this id.
pub fn field(id: &str) -> Option<&'static Field> {
    static BY_ID: OnceLock<BTreeMap<FieldId, usize>> = OnceLock::new();
    let index = BY_ID.get_or_init(|| fields().iter().enumerate().map(|(i, field)| (field.id, i)).collect());
    index.get(id).map(|i| &fields()[*i])
}

/// Applies always.
const fn always(_: &Plan) -> bool {
    true
}

/// Applies to training.
fn training(plan: &Plan) -> bool {
    plan.workload == super::Workload::Training
}

/// Applies to inference.
fn inference(plan: &Plan) -> bool {
    plan.workload == super::Workload::Inference
}
