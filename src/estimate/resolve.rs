//! Looking up what a plan names, with a message for every name that is not known.

use super::Inputs;
use super::kind::{self, Asks, Policy};
use super::profile::Profiles;
use crate::architecture::{Architecture, Knowledge};
use crate::catalog::{Catalog, NumberFormat};
use crate::plan::check::{Diagnostic, Severity};
use crate::plan::field::FieldId;
use crate::plan::field::id;
use crate::plan::{Generator, ModelSource, Plan, QuantizeWhen, StageKind, Workload};
use std::borrow::Cow;

impl<'a> Inputs<'a> {
    /// What is not known of the model, and which kinds of fine-tuning its stack has no model of; a sentence each.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = self.architecture.gaps();
        if self.plan.workload == Workload::Training {
            gaps.extend(self.without_model().into_iter().map(|kind| {
                format!("{kind} on {}: it has no model of its own and is taken as a supervised step", self.profile.name)
            }));
            let colocated = self.plan.objective.generator == Generator::Colocated;
            if self.kind.asks == Asks::ReferenceBefore
                && colocated
                && self.accelerator.is_none()
                && self.plan.hardware.memory_mib.is_none()
            {
                gaps.push("vLLM's memory: it asks for a share of a device, and none is chosen".to_owned());
            }
            if self.leaves_second_model_out() {
                gaps.push("the frozen second model on several devices: it is counted on one device only".to_owned());
            }
            match self.plan.precision.quantize_when {
                QuantizeWhen::DuringTraining => gaps.push(
                    "quantization-aware training: the copies that simulate few bits, and its slower steps, are not counted"
                        .to_owned(),
                ),
                QuantizeWhen::LowPrecisionTraining => gaps.push(
                    "training in low precision: what it keeps is counted as in the format of autocast; its products are timed in FP8 \
                     where the device's rate is known"
                        .to_owned(),
                ),
                QuantizeWhen::AsLoaded | QuantizeWhen::AfterTraining => {}
            }
            if self.plan.runtime.compile {
                gaps.push(
                    "torch.compile: memory is that of the operators one by one; compiled code usually keeps less"
                        .to_owned(),
                );
            }
            if kind::misses_teacher(self.plan) {
                gaps.push("the teacher's memory: none is named, so its outputs count as computed before".to_owned());
            }
        }
        gaps
    }

    /// How much of the job is counted: of the model what was read, and of its kind what the devices are given.
    pub fn knowledge(&self) -> Knowledge {
        match self.architecture.knowledge() {
            Knowledge::Whole if self.leaves_second_model_out() || self.simulates_few_bits() => Knowledge::AtLeast,
            of_model => of_model,
        }
    }

    /// The split among several devices knows no second model yet: a frozen reference or a teacher.
    fn leaves_second_model_out(&self) -> bool {
        let holds = self.kind.asks == Asks::Teacher && !self.plan.objective.teacher.is_empty()
            || kind::frozen_policy(self.plan, self.kind) == Policy::Second;
        self.plan.workload == Workload::Training && self.plan.is_parallel() && holds
    }

    /// Copies that simulate few bits come on top, and are not counted yet.
    fn simulates_few_bits(&self) -> bool {
        self.plan.workload == Workload::Training && self.plan.precision.quantize_when == QuantizeWhen::DuringTraining
    }

    /// Kinds of the plan's stages that its stack has no model of.
    fn without_model(&self) -> Vec<&'static str> {
        kind::without_model(self.plan, self.profile)
    }

    /// Whether every stage of the plan is estimated as what it is.
    pub fn models_every_stage(&self) -> bool {
        self.plan.workload != Workload::Training || self.without_model().is_empty()
    }

    /// Looks up model, formats, profile and accelerator of `plan`.
    ///
    /// An unknown model or format is an error; an unknown profile too. An unknown accelerator is one as well, an empty
    /// name means that none is chosen.
    pub fn resolve(plan: &'a Plan, catalog: &'a Catalog, profiles: &'a Profiles) -> Result<Self, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let architecture = match &plan.model.source {
            ModelSource::Catalog(id) => {
                let reading = catalog.read_model(id);
                errors.extend(reading.refusal(id).map(|why| refused("model.source", why)));
                reading.entry().map(|entry| Cow::Borrowed(&entry.architecture))
            }
            ModelSource::File { architecture, .. } => Some(Cow::Borrowed(architecture.as_ref())),
            ModelSource::Typed(shape) => Some(Cow::Owned(Architecture::from(shape))),
        };
        let mut format = |field: FieldId, id: &str| -> Option<&'a NumberFormat> {
            let found = catalog.format(id);
            if found.is_none() {
                errors.push(unknown(field, "number format", id, "choose one of the list, such as bf16 or nf4"));
            }
            found
        };
        let load_format = format(id::PRECISION_LOAD_FORMAT, &plan.precision.load_format);
        let kv_format = format(id::PRECISION_KV_CACHE_FORMAT, &plan.precision.kv_cache_format);
        let profile = profiles.get(&plan.runtime.profile);
        if profile.is_none() {
            let known: Vec<&str> = profiles.entries.iter().map(|profile| profile.id.as_str()).collect();
            let advice = format!("known are {}", known.join(", "));
            errors.push(unknown(id::RUNTIME_PROFILE, "runtime profile", &plan.runtime.profile, &advice));
        }
        let id = plan.hardware.accelerator.as_str();
        let reading = catalog.read_accelerator(id);
        let accelerator = reading.device();
        if !id.is_empty() {
            errors.extend(reading.refusal(id).map(|why| refused(id::HARDWARE_ACCELERATOR, why)));
        }
        let teacher = plan.objective.teacher.as_str();
        let distils = plan.workload == Workload::Training && plan.stages.contains(&StageKind::Distillation);
        let second = if distils && !teacher.is_empty() {
            let found = catalog.model(teacher).map(|entry| Cow::Borrowed(&entry.architecture));
            if found.is_none() {
                let advice =
                    "give the id of a model of the catalogue, or leave it empty where its outputs were computed before";
                errors.push(unknown(id::OBJECTIVE_TEACHER, "model", teacher, advice));
            }
            found
        } else {
            None
        };
        match (architecture, load_format, kv_format, profile) {
            (Some(mut architecture), Some(load_format), Some(kv_format), Some(profile)) if errors.is_empty() => {
                if plan.data.added_tokens > 0 {
                    let vocabulary = &mut architecture.to_mut().vocab_size;
                    *vocabulary = vocabulary.saturating_add(plan.data.added_tokens);
                }
                let kind = kind::kinds(plan, profile).first().copied().unwrap_or(&kind::SUPERVISED);
                Ok(Self { plan, architecture, load_format, kv_format, profile, accelerator, kind, second })
            }
            _ => Err(errors),
        }
    }
}

fn refused(field: FieldId, message: String) -> Diagnostic {
    Diagnostic { severity: Severity::Error, field: Some(field), message, fix: None }
}

fn unknown(field: FieldId, what: &str, id: &str, advice: &str) -> Diagnostic {
    refused(field, format!("No {what} is called “{id}”: {advice}."))
}
