//! torchtune 0.6.1: much of what a recipe does is in the names of its builders.

use super::{float_format, optimizer, recomputed, targets, yes_no};
use crate::import::document::Document;
use crate::import::fields::Fields;

pub fn read(document: &mut Document<'_>, path: &str, fields: &mut Fields) {
    let builder = document.text("model._component_").or_else(|| document.text("policy_model._component_"));
    let builder = builder.unwrap_or_default();
    let name = builder.rsplit('.').next().unwrap_or_default().to_owned();
    fields.model = folder(document).or_else(|| (!name.is_empty()).then(|| without_method(&name).to_owned()));
    let quantized = name.starts_with("qlora_") || document.flag("model.quantize_base") == Some(true);
    let dora = document.flag("model.use_dora") == Some(true);
    let has_lora = name.starts_with("lora_") || name.starts_with("qlora_") || document.is_set("model.lora_rank");
    fields.method = (!name.is_empty())
        .then(|| if has_lora { super::lora_method(dora, false, "", quantized) } else { "full".to_owned() });
    fields.rank = document.count("model.lora_rank");
    fields.alpha = document.number("model.lora_alpha");
    fields.dropout = document.number("model.lora_dropout");
    if let Some(mut modules) = document.words("model.lora_attn_modules") {
        for module in &mut modules {
            // Attention's own output projection; the head is `apply_lora_to_output`.
            if module == "output_proj" {
                "o_proj".clone_into(module);
            }
        }
        if document.flag("model.apply_lora_to_mlp") == Some(true) {
            modules.extend(["gate_proj", "up_proj", "down_proj"].map(ToOwned::to_owned));
        }
        if document.flag("model.apply_lora_to_output") == Some(true) {
            modules.push("output".to_owned());
        }
        fields.targets = Some(targets(&modules));
    }
    let format = document.text("dtype").and_then(|word| float_format(&word));
    fields.load_format = if quantized { Some("4bit".to_owned()) } else { format.clone() };
    fields.compute = format;
    fields.optimizer = document.text("optimizer._component_").map(|word| optimizer(&word));
    fields.micro_batch = document.count("batch_size");
    fields.accumulation = document.count("gradient_accumulation_steps");
    fields.sequence_length = document.count("tokenizer.max_seq_len");
    fields.packing = document.flag("dataset.packed").map(yes_no);
    fields.checkpointing = document.flag("enable_activation_checkpointing").map(recomputed);
    if document.text("ac_mode").as_deref() == Some("selective") {
        fields.checkpointing = Some("selective".to_owned());
    }
    fields.learning_rate = document.number("optimizer.lr");
    fields.epochs = document.number("epochs");
    fields.kind = Some(kind(document, path));
    if document.flag("fsdp_cpu_offload") == Some(true) {
        fields.offload_parameters = Some("cpu".to_owned());
        fields.offload_optimizer = Some("cpu".to_owned());
    }
}

/// The folder the weights were put into: `/tmp/Meta-Llama-3-8B-Instruct/`.
fn folder(document: &mut Document<'_>) -> Option<String> {
    let path = document.text("checkpointer.checkpoint_dir")?;
    let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != "original");
    let last = parts.next_back()?;
    (!last.contains("${") && last != "tmp").then(|| last.to_owned())
}

fn without_method(name: &str) -> &str {
    name.strip_prefix("qlora_").or_else(|| name.strip_prefix("lora_")).unwrap_or(name)
}

fn kind(document: &mut Document<'_>, path: &str) -> String {
    let loss = document.text("loss._component_").unwrap_or_default().to_ascii_lowercase();
    let lower = path.to_ascii_lowercase();
    match () {
        () if document.has("kd_loss") || document.has("teacher_model") => "distillation",
        () if loss.contains("dpo") => "dpo",
        () if loss.contains("grpo") || document.has("grpo_samples") => "grpo",
        () if loss.contains("ppo") => "ppo",
        () if lower.contains("dpo") => "dpo",
        () => "sft",
    }
    .to_owned()
}
