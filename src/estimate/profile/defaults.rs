//! What a stack does by itself: the settings that choosing it brings along, and what a plan asks of it in vain.

use super::RuntimeProfile;
use crate::plan::check::is_quantized;
use crate::plan::edit::PlanEdit;
use crate::plan::field::{FieldId, FieldValue, field, id};
use crate::plan::{FloatFormat, Method, Plan, Workload};

/// A setting with the word a stack gives it.
struct Setting<'a> {
    field: FieldId,
    word: &'a str,
}

/// Settings of `plan` that `profile` decides where nobody else does.
fn settings<'a>(profile: &'a RuntimeProfile, plan: &Plan) -> Vec<Setting<'a>> {
    let defaults = &profile.defaults;
    let quantized = is_quantized(&plan.precision.load_format);
    let adapters = plan.method.method.lora().is_some();
    let adapter_format =
        if quantized { &defaults.quantized_adapter_format } else { &defaults.adapter_format }.as_deref();
    let trained = matches!(plan.method.method, Method::Full).then_some(defaults.trained_format.as_deref()).flatten();
    // With 4 bits and BF16 what was raised is brought back to the compute format.
    let stays_raised = plan.precision.load_format == "int8" || plan.precision.autocast == Some(FloatFormat::Fp16);
    let raises = (profile.upcasts_unquantized && stays_raised).then_some("on");
    [
        (id::PRECISION_UPCAST_UNQUANTIZED, raises.filter(|_| quantized)),
        (id::RUNTIME_LOSS, defaults.loss.as_deref()),
        (id::RUNTIME_CHECKPOINTING, defaults.checkpointing.as_deref()),
        (id::PRECISION_LOAD_FORMAT, trained.or(defaults.load_format.as_deref()).filter(|_| !quantized)),
        (id::PRECISION_AUTOCAST, defaults.autocast.as_deref()),
        (id::METHOD_ADAPTER_FORMAT, adapter_format.filter(|_| adapters)),
        (id::OPTIMIZER_ALGORITHM, defaults.optimizer.as_deref()),
        (id::OPTIMIZER_IMPLEMENTATION, Some(profile.default_implementation.as_str())),
        (id::PARALLELISM_OFFLOAD_ACTIVATIONS, defaults.offload_activations.as_deref()),
    ]
    .into_iter()
    .filter_map(|(field, word)| word.map(|word| Setting { field, word }))
    .collect()
}

impl RuntimeProfile {
    /// Whether it says what its stack does by itself.
    pub fn has_defaults(&self) -> bool {
        self.defaults != super::Defaults::default()
    }

    /// Changes that bring `plan` to what this stack does by itself, besides naming it; none where the stack says nothing, or
    /// the plan only runs a model.
    pub fn edits(&self, plan: &Plan) -> Vec<PlanEdit> {
        if !self.has_defaults() || plan.workload != Workload::Training {
            return Vec::new();
        }
        let changes = settings(self, plan).into_iter().filter_map(|Setting { field: setting, word }| {
            let field = field(setting)?;
            let value = FieldValue::parse(field, word).ok()?;
            if (field.get)(plan).as_ref() == Some(&value) {
                return None;
            }
            let edit = PlanEdit::Set(field.id, value);
            let mut changed = plan.clone();
            (edit.apply(&mut changed).is_ok() && changed != *plan).then_some(edit)
        });
        changes.collect()
    }

    /// Settings in which `plan` differs from what this stack does by itself: label, the plan's value, the stack's.
    pub fn departures(&self, plan: &Plan) -> Vec<[String; 3]> {
        let found = self.edits(plan).into_iter().filter_map(|edit| {
            let PlanEdit::Set(setting, value) = edit else { return None };
            let field = field(setting)?;
            let present = (field.get)(plan).map_or_else(|| "not set".to_owned(), |present| present.display(field));
            Some([field.label.to_owned(), present, value.display(field)])
        });
        found.collect()
    }

    /// The key of a default that is no word of its setting, and why.
    pub(super) fn wrong_default(&self) -> Option<(&'static str, String)> {
        let defaults = &self.defaults;
        [
            ("loss", id::RUNTIME_LOSS, &defaults.loss),
            ("checkpointing", id::RUNTIME_CHECKPOINTING, &defaults.checkpointing),
            ("load_format", id::PRECISION_LOAD_FORMAT, &defaults.load_format),
            ("trained_format", id::PRECISION_LOAD_FORMAT, &defaults.trained_format),
            ("autocast", id::PRECISION_AUTOCAST, &defaults.autocast),
            ("adapter_format", id::METHOD_ADAPTER_FORMAT, &defaults.adapter_format),
            ("quantized_adapter_format", id::METHOD_ADAPTER_FORMAT, &defaults.quantized_adapter_format),
            ("optimizer", id::OPTIMIZER_ALGORITHM, &defaults.optimizer),
            ("offload_activations", id::PARALLELISM_OFFLOAD_ACTIVATIONS, &defaults.offload_activations),
        ]
        .into_iter()
        .find_map(|(key, setting, word)| {
            let (field, word) = (field(setting)?, word.as_deref()?);
            FieldValue::parse(field, word).err().map(|why| (key, why))
        })
    }
}
