//! Method, batch and runtime against each other and the model.

use super::{Found, Severity, set_number, set_toggle, set_word};
use crate::architecture::{LinearRole, Mlp};
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::plan::{AttentionKernel, Lora, LossKernel, Method, Packing, Plan, TargetPart, Targets};

pub fn check(found: &mut Found<'_>) {
    method(found);
    batch(found);
}

fn method(found: &mut Found<'_>) {
    let plan = found.plan;
    if let Some(lora) = plan.method.method.lora()
        && lora.alpha == 0.0
    {
        found.push(
            Severity::Warning,
            id::METHOD_ALPHA,
            "with an alpha of 0 the adapter has no effect and no gradient",
            Some(("twice the rank", PlanEdit::Set(id::METHOD_ALPHA, FieldValue::Decimal(2.0 * lora.rank as f64)))),
        );
    }
    let Some(architecture) = found.context.architecture else { return };
    let layers = architecture.num_layers();
    match plan.method.method {
        Method::LastLayers { layers: trained } if trained > layers => found.push(
            Severity::Error,
            id::METHOD_LAYERS,
            format!("the model has {layers} layers"),
            Some(("train them all", set_number(id::METHOD_LAYERS, layers))),
        ),
        Method::Blockwise { active_layers } if active_layers > layers => found.push(
            Severity::Error,
            id::METHOD_ACTIVE_LAYERS,
            format!("the model has {layers} layers"),
            Some(("train them all", set_number(id::METHOD_ACTIVE_LAYERS, layers))),
        ),
        Method::Lora(Lora { rank, .. }) | Method::Qlora(Lora { rank, .. }) | Method::Galore { rank }
            if rank >= architecture.hidden_size =>
        {
            let usual = 64.min(architecture.hidden_size / 2);
            let label = format!("rank {usual}");
            found.push(
                Severity::Warning,
                id::METHOD_RANK,
                format!("rank {rank} is no low rank in a model {} wide", architecture.hidden_size),
                (usual > 0).then(|| (label.as_str(), set_number(id::METHOD_RANK, usual))),
            );
        }
        _ => {}
    }
    missing_targets(found);
    if plan.method.train_head && architecture.head.tied && plan.method.method.lora().is_some() {
        found.push(
            Severity::Note,
            id::METHOD_TRAIN_HEAD,
            "head and embedding are one matrix here; with adapters the trained head becomes a copy of its own",
            Some(("leave the head frozen", set_toggle(id::METHOD_TRAIN_HEAD, false))),
        );
    }
    let has_bias = architecture
        .layers
        .iter()
        .any(|group| group.layer.linears(architecture.hidden_size, &architecture.model_code).iter().any(|l| l.bias));
    if plan.method.method == Method::BitFit && !has_bias {
        found.push(
            Severity::Warning,
            id::METHOD_KIND,
            "BitFit trains bias vectors; the layers of this model have none",
            Some(("use LoRA", crate::plan::edit::choose_method(plan, "lora"))),
        );
    }
}

/// Parts or names that no layer of the model has.
fn missing_targets(found: &mut Found<'_>) {
    let plan = found.plan;
    let (Some(architecture), Some(targets)) = (found.context.architecture, plan.method.method.targets()) else {
        return;
    };
    let mut roles = Vec::new();
    let mut names = Vec::new();
    let mut experts_only = false;
    for group in &architecture.layers {
        for linear in &group.layer.linears(architecture.hidden_size, &architecture.model_code) {
            if !linear.stacked_experts {
                roles.push(linear.role);
                names.push(linear.name);
            }
        }
        experts_only |= matches!(&group.layer.mlp, Mlp::Moe(moe) if moe.shared.is_none());
    }
    let missing: Vec<String> = match targets {
        Targets::AllLinear => Vec::new(),
        Targets::Parts(parts) => {
            let lacks = |part: &&TargetPart| !roles.iter().any(|role| part.hits(*role));
            parts.iter().filter(lacks).map(|part| format!("{part:?}").to_lowercase()).collect()
        }
        Targets::Custom(wanted) => wanted.iter().filter(|name| !names.contains(&name.as_str())).cloned().collect(),
    };
    if missing.is_empty() {
        return;
    }
    let why =
        if experts_only { " (experts are stacked in one parameter, which adapters of PEFT do not reach)" } else { "" };
    names.sort_unstable();
    names.dedup();
    found.push(
        Severity::Warning,
        id::METHOD_TARGETS,
        format!(
            "{} has no module {} that can be adapted{why}; it has {}",
            architecture.model_code,
            missing.join(", "),
            names.join(", ")
        ),
        Some((
            "adapt all linear layers",
            PlanEdit::Set(id::METHOD_TARGETS, FieldValue::List(vec!["all-linear".to_owned()])),
        )),
    );
}

impl TargetPart {
    /// Whether a matrix of this role is, or holds, the part.
    pub fn hits(self, role: LinearRole) -> bool {
        match self {
            Self::Q => matches!(role, LinearRole::Query | LinearRole::FusedQkv),
            Self::K => matches!(role, LinearRole::Key | LinearRole::FusedQkv),
            Self::V => matches!(role, LinearRole::Value | LinearRole::FusedQkv),
            Self::O => role == LinearRole::Output,
            Self::Gate => matches!(role, LinearRole::Gate | LinearRole::FusedGateUp),
            Self::Up => matches!(role, LinearRole::Up | LinearRole::FusedGateUp),
            Self::Down => role == LinearRole::Down,
        }
    }
}

fn batch(found: &mut Found<'_>) {
    let plan: &Plan = found.plan;
    if plan.stages.is_empty() {
        found.push(
            Severity::Note,
            "stages",
            "no kind of fine-tuning is given; the data that is needed follows from it",
            Some(("supervised", PlanEdit::Set(id::STAGES, FieldValue::List(vec!["supervised".to_owned()])))),
        );
    }
    let eager = plan.runtime.attention == AttentionKernel::Eager;
    if eager && plan.batch.packing == Packing::Packed {
        found.push(
            Severity::Note,
            id::BATCH_PACKING,
            "packed examples see each other unless the kernel is told where one ends; eager code is usually not",
            Some(("pad instead", set_word(id::BATCH_PACKING, "padded"))),
        );
    }
    if plan.runtime.profile == "unsloth" && plan.runtime.loss == LossKernel::Unfused {
        found.push(
            Severity::Note,
            id::RUNTIME_LOSS,
            "Unsloth computes the loss in chunks fused with the head",
            Some(("fuse with the head", set_word(id::RUNTIME_LOSS, "fused-linear"))),
        );
    }
}
