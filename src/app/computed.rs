//! What follows from the plan, kept until the plan changes.

use super::state::Document;
use crate::architecture::Architecture;
use crate::catalog::Catalog;
use crate::estimate::profile::Profiles;
use crate::estimate::{Detail, Estimate, Inputs, estimate};
use crate::plan::Plan;
use crate::plan::check::{Context, Diagnostic, check};
use crate::units::Bytes;

/// Estimate and remarks of one revision of the plan.
#[derive(Clone, Debug)]
pub struct Computed {
    /// Revision of the plan it belongs to.
    pub revision: u64,
    /// The estimate; `None` where something the plan names is not known (the remarks say what).
    pub estimate: Option<Estimate>,
    /// Contradictions and risks, gravest first.
    pub diagnostics: Vec<Diagnostic>,
    /// Shape of the model in a line: `8,030,261,248 parameters · 32 layers`.
    pub model_line: String,
    /// Shape of the model, where it is known.
    pub architecture: Option<Architecture>,
    /// Tensors of the plan before the last change: the ghost in the bar.
    pub ghost: Option<Bytes>,
}

impl Computed {
    /// Everything for the plan of `document`.
    pub fn of(document: &Document) -> Self {
        let (estimate, diagnostics, model_line) = of_plan(&document.plan);
        let ghost = document.history.previous().and_then(|before| {
            let inputs = Inputs::resolve(before, Catalog::embedded(), Profiles::embedded()).ok()?;
            Some(crate::estimate::estimate(&inputs, Detail::Numbers).process.expected)
        });
        let inputs = Inputs::resolve(&document.plan, Catalog::embedded(), Profiles::embedded()).ok();
        let architecture = inputs.map(|inputs| inputs.architecture.into_owned());
        Self { revision: document.revision, estimate, diagnostics, model_line, architecture, ghost }
    }
}

/// Estimate, remarks and model line of a plan.
pub fn of_plan(plan: &Plan) -> (Option<Estimate>, Vec<Diagnostic>, String) {
    let catalog = Catalog::embedded();
    match Inputs::resolve(plan, catalog, Profiles::embedded()) {
        Ok(inputs) => {
            let context = Context {
                architecture: Some(&inputs.architecture),
                load_format: Some(inputs.load_format),
                accelerator: inputs.accelerator,
            };
            let diagnostics = check(plan, &context);
            let parameters = inputs.architecture.parameters().total;
            let line = format!(
                "{} parameters · {} layers · {}",
                crate::units::grouped(parameters),
                inputs.architecture.num_layers(),
                inputs.architecture.model_code
            );
            (Some(estimate(&inputs, Detail::Explained)), diagnostics, line)
        }
        Err(errors) => (None, errors, "not in the catalogue".to_owned()),
    }
}
