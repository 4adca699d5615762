//! Files that go beside a training configuration: devices, sharding, machines. Everything else stays unsaid.

use super::{first_count, float_format, offload, optimizer, recomputed};
use crate::import::document::Document;
use crate::import::fields::Fields;

/// accelerate.
pub fn accelerate(document: &mut Document<'_>, fields: &mut Fields) {
    fields.devices = document.count("num_processes");
    fields.compute = document.text("mixed_precision").and_then(|word| float_format(&word)).filter(|f| f != "fp32");
    let version = document.number("fsdp_config.fsdp_version");
    let kind = document.text("distributed_type").unwrap_or_default().to_ascii_uppercase();
    let file = document.text("deepspeed_config.deepspeed_config_file");
    let stage = document.number("deepspeed_config.zero_stage");
    fields.strategy = match kind.as_str() {
        "FSDP" if version == Some(2.0) => Some("fsdp2".to_owned()),
        "FSDP" => Some(sharding(document).to_owned()),
        "DEEPSPEED" => match stage {
            Some(stage) if stage >= 1.0 => Some(format!("zero-{stage}")),
            Some(_) => Some("ddp".to_owned()),
            None => file.and_then(|name| super::zero_stage(&name)),
        },
        kind if kind.starts_with("MULTI_") => Some("ddp".to_owned()),
        "NO" => Some("single".to_owned()),
        _ => None,
    };
    // Off here leaves it to the training configuration.
    let recompute = document.flag("fsdp_config.fsdp_activation_checkpointing") == Some(true);
    fields.checkpointing = recompute.then(|| recomputed(true));
    fields.accumulation = first_count(document, &["deepspeed_config.gradient_accumulation_steps"]);
    if document.flag("fsdp_config.fsdp_offload_params") == Some(true) {
        fields.offload_parameters = Some("cpu".to_owned());
        fields.offload_optimizer = Some("cpu".to_owned());
    }
    let device = |document: &mut Document<'_>, key: &str| document.text(key).and_then(|word| offload(&word));
    if stage.is_some() {
        fields.offload_parameters = device(document, "deepspeed_config.offload_param_device");
        fields.offload_optimizer = device(document, "deepspeed_config.offload_optimizer_device");
    }
}

/// What the first generation of FSDP shards.
fn sharding(document: &mut Document<'_>) -> &'static str {
    match document.text("fsdp_config.fsdp_sharding_strategy").unwrap_or_default().to_ascii_uppercase().as_str() {
        "2" | "SHARD_GRAD_OP" => "zero-2",
        "3" | "NO_SHARD" => "ddp",
        "4" | "HYBRID_SHARD" => "hybrid-shard",
        _ => "fsdp",
    }
}

/// DeepSpeed. `"auto"` is filled by the trainer, so the file does not say it.
pub fn deepspeed(document: &mut Document<'_>, fields: &mut Fields) {
    let stage = document.number("zero_optimization.stage");
    fields.strategy = match stage {
        Some(stage) if stage >= 1.0 => Some(format!("zero-{stage}")),
        Some(_) => Some("ddp".to_owned()),
        None => None,
    };
    let bf16 = document.flag("bf16.enabled") == Some(true);
    let fp16 = document.flag("fp16.enabled") == Some(true);
    if bf16 || fp16 {
        fields.compute = Some(if bf16 { "bf16" } else { "fp16" }.to_owned());
    }
    fields.optimizer = document.text("optimizer.type").map(|word| optimizer(&word));
    fields.learning_rate = document.number("optimizer.params.lr");
    fields.micro_batch = document.count("train_micro_batch_size_per_gpu");
    fields.accumulation = document.count("gradient_accumulation_steps");
    let mut device = |key: &str| document.text(key).and_then(|word| offload(&word));
    fields.offload_parameters = device("zero_optimization.offload_param.device");
    fields.offload_optimizer = device("zero_optimization.offload_optimizer.device");
}

/// SkyPilot.
pub fn skypilot(document: &mut Document<'_>, fields: &mut Fields) {
    let each = document.words("resources.accelerators").and_then(|words| {
        let first = words.first()?;
        first.split_once(':').map_or(Some(1), |(_, count)| count.trim().parse::<u64>().ok())
    });
    let nodes = document.count("num_nodes").unwrap_or(1);
    fields.devices = each.map(|each| each.saturating_mul(nodes));
}
