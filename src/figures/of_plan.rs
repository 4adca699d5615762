//! The estimate of a plan with its remarks, and its two numbers alone.

use crate::catalog::{Catalog, ModelEntry};
use crate::estimate::cost::run_with;
use crate::estimate::host::{HostMoments, checkpoints};
use crate::estimate::profile::{Profiles, RuntimeProfile};
use crate::estimate::time::{DequantizationKernel, time_with};
use crate::estimate::{Detail, Estimate, Fit, Inputs, estimate};
use crate::plan::check::{Context, Diagnostic, Severity, check};
use crate::plan::edit::PlanEdit;
use crate::plan::field::id;
use crate::plan::{ModelSource, Plan};
use crate::units::Bytes;

/// Whole process and verdict of a plan, without explanations.
pub fn numbers(plan: &Plan) -> Option<(Bytes, Fit)> {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::known()).ok()?;
    let found = estimate(&inputs, Detail::Numbers);
    Some((found.needed().expected, found.fit))
}

/// What is not known of the model of a plan, as the last line under an answer: `Not known of the model: …`; empty where all
/// is known.
pub fn gaps_line(plan: &Plan) -> String {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::known()).ok();
    let gaps = inputs.map_or_else(Vec::new, |inputs| inputs.gaps());
    if gaps.is_empty() { String::new() } else { format!("Not known: {}.\n", gaps.join("; ")) }
}

/// The catalogue's entry that the name of the plan's model is read as.
fn entry_of<'a>(plan: &Plan, catalog: &'a Catalog) -> Option<&'a ModelEntry> {
    match &plan.model.source {
        ModelSource::Catalog(name) => catalog.model(name),
        ModelSource::File { .. } | ModelSource::Typed(_) => None,
    }
}

/// Estimate, remarks and model line of a plan.
pub fn of_plan(plan: &Plan) -> (Option<Estimate>, Vec<Diagnostic>, String) {
    let catalog = Catalog::embedded();
    match Inputs::resolve(plan, catalog, Profiles::known()) {
        Ok(inputs) => {
            let context = Context {
                architecture: Some(&inputs.architecture),
                entry: entry_of(plan, catalog),
                load_format: Some(inputs.load_format),
                accelerator: inputs.accelerator,
            };
            let mut diagnostics = check(plan, &context);
            diagnostics.extend(by_stack(plan, inputs.profile));
            let parameters = inputs.architecture.parameters().total;
            let licence = entry_of(plan, catalog).map_or_else(String::new, |entry| format!(" · {}", entry.licence));
            let line = format!(
                "{} parameters · {} layers · {}{licence}",
                crate::units::grouped(parameters),
                inputs.architecture.num_layers(),
                inputs.architecture.model_code
            );
            let found = estimate(&inputs, Detail::Explained);
            diagnostics.extend(host_moments(&inputs).remarks(plan, found.host));
            (Some(found), diagnostics, line)
        }
        Err(errors) => (None, errors, "not in the catalogue".to_owned()),
    }
}

/// Host memory and disk of a plan, with the checkpoints that its run writes.
pub fn host_moments(inputs: &Inputs<'_>) -> HostMoments {
    // The steps are only asked for where they decide the number of checkpoints.
    let steps = || {
        let time = time_with(inputs, DequantizationKernel::Current, Detail::Numbers).ok()?;
        run_with(inputs, &time, Detail::Numbers).steps
    };
    let steps = inputs.plan.run.save_steps.and_then(|_| steps());
    HostMoments::of(inputs, checkpoints(inputs.plan, steps))
}

/// What the plan asks for and its stack does otherwise by itself: one remark, with the way back.
fn by_stack(plan: &Plan, profile: &RuntimeProfile) -> Option<Diagnostic> {
    let departures = profile.departures(plan);
    if departures.is_empty() {
        return None;
    }
    let said: Vec<String> =
        departures.iter().map(|[label, own, stack]| format!("{label} {own}, by this stack {stack}")).collect();
    Some(Diagnostic {
        severity: Severity::Note,
        field: Some(id::RUNTIME_PROFILE),
        message: format!("{} does otherwise where nobody asks: {}", profile.name, said.join("; ")),
        fix: Some((
            "as the stack does".to_owned(),
            PlanEdit::Group(profile.edits(plan), "As the stack does".to_owned()),
        )),
    })
}
