//! Changes to a plan: the only way one is changed, by hand, wizard, solver or command line.

use super::decision::Decision;
use super::decision::questions::question;
use super::field::{FieldId, FieldValue, field};
use super::{FloatFormat, LoraInit, Method, ModelSource, Plan};
use crate::catalog::Catalog;
use crate::plan::field::id;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanEdit {
    /// A field takes a value.
    Set(FieldId, FieldValue),
    /// The base model is replaced.
    Model(ModelSource),
    /// The record of the decision changes; `None`: it is dropped.
    Decision {
        /// Id of the question that was answered, or a word for another part; steps of the same are merged.
        what: &'static str,
        /// The record as it then is.
        decision: Option<Box<Decision>>,
    },
    /// Everything is replaced (a template, a wizard's answer); the text names the step.
    Replace(Box<Plan>, String),
    /// Several at once, one undo step named by the text.
    Group(Vec<Self>, String),
}

/// Why a change was refused; the plan is then as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EditError(pub String);

impl PlanEdit {
    /// Applies the change, or leaves the plan as it is and says why.
    pub fn apply(&self, plan: &mut Plan) -> Result<(), EditError> {
        let mut changed = plan.clone();
        self.apply_in_place(&mut changed)?;
        *plan = changed;
        Ok(())
    }

    fn apply_in_place(&self, plan: &mut Plan) -> Result<(), EditError> {
        match self {
            Self::Set(id, value) => {
                let field = field(id).ok_or_else(|| EditError(format!("there is no setting `{id}`")))?;
                field.assign(plan, value).map_err(EditError)
            }
            Self::Model(source) => {
                plan.model.source = source.clone();
                Ok(())
            }
            Self::Decision { decision, .. } => {
                plan.decision.clone_from(decision);
                Ok(())
            }
            Self::Replace(new, _) => {
                plan.clone_from(new);
                Ok(())
            }
            Self::Group(edits, _) => edits.iter().try_for_each(|edit| edit.apply_in_place(plan)),
        }
    }

    /// What the undo menu calls it: `Sequence length 2,048 → 4,096`.
    pub fn label(&self, before: &Plan) -> String {
        match self {
            Self::Set(id, value) => {
                let Some(field) = field(id) else { return (*id).to_owned() };
                let is_long = matches!(value, FieldValue::Text(_));
                match (field.get)(before) {
                    // Whole notes would fill the menu.
                    _ if is_long => field.label.to_owned(),
                    Some(old) => format!("{} {} → {}", field.label, old.display(field), value.display(field)),
                    None => format!("{} {}", field.label, value.display(field)),
                }
            }
            Self::Model(source) => format!("Base model {}", source.name()),
            Self::Decision { what, decision } => match (question(what), decision) {
                (Some(question), Some(decision)) => {
                    format!("{}: {}", question.label, question.words(&decision.answers))
                }
                (_, None) => "Decision dropped".to_owned(),
                _ => format!("Decision: {what}"),
            },
            Self::Replace(_, text) | Self::Group(_, text) => text.clone(),
        }
    }

    /// Consecutive changes with the same key (one slider being dragged) are one undo step.
    pub const fn merge_key(&self) -> Option<FieldId> {
        match self {
            Self::Set(id, _) => Some(id),
            Self::Decision { what, .. } => Some(what),
            _ => None,
        }
    }
}

impl ModelSource {
    /// Short name for labels: the catalogue name without its organisation, the file's name, or `typed by hand`.
    pub fn name(&self) -> &str {
        match self {
            Self::Catalog(id) => id.rsplit('/').next().unwrap_or(id),
            Self::File { path, .. } => {
                let trimmed = path.trim_end_matches(['/', '\\']);
                let mut parts = trimmed.rsplit(['/', '\\']);
                match (parts.next(), parts.next()) {
                    // Every model has a file of this name; the folder tells them apart.
                    (Some("config.json" | "model.safetensors"), Some(folder)) => folder,
                    (Some(name), _) => name,
                    _ => trimmed,
                }
            }
            Self::Typed(_) => "typed by hand",
        }
    }
}

/// The change that makes the accelerator called `name` the plan's; of a machine that a cloud rents also how many it has.
/// `Err`: why the name means no one device.
pub fn choose_accelerator(name: &str, catalog: &Catalog) -> Result<PlanEdit, String> {
    let device = |name: &str| PlanEdit::Set(id::HARDWARE_ACCELERATOR, FieldValue::Id(name.to_owned()));
    if matches!(name.trim(), "" | "none") {
        return Ok(device(""));
    }
    if let Some(machine) = catalog.instance(name) {
        let count = PlanEdit::Set(id::HARDWARE_COUNT, FieldValue::Integer(machine.count));
        return Ok(PlanEdit::Group(vec![device(&machine.accelerator), count], format!("Machine {}", machine.name)));
    }
    let reading = catalog.read_accelerator(name);
    let found = reading.device().ok_or_else(|| reading.refusal(name).unwrap_or_default())?;
    Ok(device(&found.id))
}

/// The change that makes `method` the plan's method together with what it needs: a 4-bit base for QLoRA, a 16-bit one
/// for everything that cannot train on a quantized base.
pub fn choose_method(plan: &Plan, method: &str) -> PlanEdit {
    let set = |id: FieldId, word: &str| PlanEdit::Set(id, FieldValue::Id(word.to_owned()));
    let mut edits = vec![set(id::METHOD_KIND, method)];
    let after = Method::named(method, &plan.method.method).map(|mut method| {
        if !matches!(method.lora(), Some(lora) if lora.init == LoraInit::Loftq) {
            // Only LoftQ insists on a quantized base; the other variants stand on what is loaded.
            method.settle_base(&plan.precision.load_format);
        }
        method
    });
    let quantized = super::check::is_quantized(&plan.precision.load_format);
    match after {
        Some(Method::Qlora(_)) if !quantized => {
            edits.push(set(id::PRECISION_LOAD_FORMAT, "nf4"));
            edits.push(PlanEdit::Set(id::PRECISION_DOUBLE_QUANTIZATION, FieldValue::Toggle(true)));
        }
        Some(
            Method::Full
            | Method::Lora(_)
            | Method::BitFit
            | Method::LastLayers { .. }
            | Method::Galore { .. }
            | Method::Blockwise { .. }
            | Method::Oft { .. },
        ) if quantized => {
            edits.push(set(id::PRECISION_LOAD_FORMAT, "bf16"));
            edits.push(PlanEdit::Set(id::PRECISION_DOUBLE_QUANTIZATION, FieldValue::Toggle(false)));
            edits.push(PlanEdit::Set(id::PRECISION_UPCAST_UNQUANTIZED, FieldValue::Toggle(false)));
        }
        _ => {}
    }
    // 16-bit weights that are themselves trained have nothing to cast.
    if matches!(after, Some(Method::Full)) && plan.precision.autocast == Some(FloatFormat::Bf16) {
        edits.push(set(id::PRECISION_AUTOCAST, "off"));
    }
    if edits.len() == 1 {
        return edits.remove(0);
    }
    let label = edits[0].label(plan);
    PlanEdit::Group(edits, label)
}
