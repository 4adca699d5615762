//! Looking up what a plan names, with a message for every name that is not known.

use super::Inputs;
use super::profile::Profiles;
use crate::architecture::Architecture;
use crate::catalog::{Catalog, NumberFormat};
use crate::plan::check::{Diagnostic, Severity};
use crate::plan::field::FieldId;
use crate::plan::field::id;
use crate::plan::{ModelSource, Plan};
use std::borrow::Cow;

impl<'a> Inputs<'a> {
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
        match (architecture, load_format, kv_format, profile) {
            (Some(architecture), Some(load_format), Some(kv_format), Some(profile)) if errors.is_empty() => {
                Ok(Self { plan, architecture, load_format, kv_format, profile, accelerator })
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
