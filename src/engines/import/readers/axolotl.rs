//! axolotl (0.19, 0.21 and keys of 2024).

use super::{attention, first, optimizer, recomputed, targets, yes_no, zero_stage};
use crate::import::document::Document;
use crate::import::fields::Fields;

pub fn read(document: &mut Document<'_>, fields: &mut Fields) {
    fields.model = document.text("base_model");
    method(document, fields);
    precision(document, fields);
    fields.optimizer = document.text("optimizer").map(|word| optimizer(&word));
    fields.micro_batch = document.count("micro_batch_size");
    fields.accumulation = document.count("gradient_accumulation_steps").or_else(|| {
        let (whole, micro) = (document.count("batch_size")?, fields.micro_batch?);
        Some(whole.checked_div(micro)?.max(1))
    });
    fields.sequence_length = document.count("sequence_len");
    fields.packing = document.flag("sample_packing").map(yes_no);
    kernels(document, fields);
    fields.learning_rate = document.number("learning_rate");
    fields.steps = document.count("max_steps");
    match fields.steps {
        Some(_) => document.idle("num_epochs"),
        None => fields.epochs = document.number("num_epochs"),
    }
    fields.kind = Some(kind(document));
    fields.strategy = strategy(document);
    for key in ["fsdp_config.offload_params", "fsdp_config.fsdp_offload_params"] {
        if document.flag(key) == Some(true) {
            fields.offload_parameters = Some("cpu".to_owned());
            fields.offload_optimizer = Some("cpu".to_owned());
        }
    }
}

fn method(document: &mut Document<'_>, fields: &mut Fields) {
    let four_bit = document.flag("load_in_4bit") == Some(true);
    let eight_bit = document.flag("load_in_8bit") == Some(true);
    let gptq = document.flag("gptq") == Some(true);
    if four_bit || gptq {
        fields.load_format = Some("4bit".to_owned());
    } else if eight_bit {
        fields.load_format = Some("8bit".to_owned());
    }
    document.take("adapter");
    let adapter = document.peek("adapter").filter(|adapter| !adapter.is_empty() && adapter != "none");
    let Some(adapter) = adapter else {
        for key in ["lora_r", "lora_alpha", "lora_dropout", "lora_target_linear", "lora_target_modules"] {
            document.idle(key);
        }
        let optimizer = document.peek("optimizer").unwrap_or_default();
        if optimizer.contains("galore") {
            fields.rank = document.count("optim_args.rank");
        }
        fields.method = Some(
            if last_layers(document, fields) {
                "last-layers"
            } else if optimizer.contains("galore") {
                "galore"
            } else if document.is_set("lisa_n_layers") {
                document.take("lisa_n_layers");
                "blockwise"
            } else {
                "full"
            }
            .to_owned(),
        );
        return;
    };
    let dora = document.flag("peft_use_dora") == Some(true);
    let rank_stabilized = document.flag("peft_use_rslora") == Some(true);
    let init = document.text("peft_init_lora_weights").unwrap_or_default();
    let loftq = document.is_set("peft.loftq_config.loftq_bits");
    if loftq {
        document.take("peft.loftq_config.loftq_bits");
    }
    let init = if loftq { "loftq" } else { init.as_str() };
    let quantized = four_bit || adapter == "qlora";
    fields.method = Some(match adapter.as_str() {
        "lora" | "qlora" => super::lora_method(dora, rank_stabilized, init, quantized),
        other => other.to_owned(),
    });
    fields.rank = document.count("lora_r");
    fields.alpha = document.number("lora_alpha");
    fields.dropout = document.number("lora_dropout");
    fields.trained_whole = super::trained_whole(document, "lora_modules_to_save");
    let linear = document.flag("lora_target_linear") == Some(true);
    let modules = document.words("lora_target_modules");
    fields.targets = if linear { Some("all-linear".to_owned()) } else { modules.map(|modules| targets(&modules)) };
}

/// Whether nothing but whole layers is left unfrozen, each named by `^model.layers.N.*`.
fn last_layers(document: &mut Document<'_>, fields: &mut Fields) -> bool {
    let Some(patterns) = document.words("unfrozen_parameters") else { return false };
    let is_layer = |pattern: &String| {
        let rest = pattern.strip_prefix("^model.layers.").and_then(|rest| rest.strip_suffix(".*"));
        rest.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
    };
    let whole = patterns.iter().all(is_layer);
    if whole {
        fields.last_layers = Some(patterns.len() as u64);
    }
    whole
}

fn precision(document: &mut Document<'_>, fields: &mut Fields) {
    let is_on = |document: &mut Document<'_>, key: &str| {
        let on = document.flag(key) == Some(true) || document.peek(key).as_deref() == Some("auto");
        if document.is_set(key) {
            document.take(key);
        }
        on
    };
    let bf16 = is_on(document, "bf16") | is_on(document, "bfloat16");
    let fp16 = is_on(document, "fp16") | is_on(document, "float16");
    let fp8 = is_on(document, "fp8");
    if fp8 {
        fields.compute = Some("fp8".to_owned());
    } else if bf16 || fp16 {
        fields.compute = Some(if bf16 { "bf16" } else { "fp16" }.to_owned());
    }
    // A quantized base that is unpacked while it is loaded.
    if document.flag("model_quantization_config_kwargs.dequantize") == Some(true) && fields.load_format.is_none() {
        document.take("model_quantization_config");
        fields.load_format = Some("bf16".to_owned());
    }
}

fn kernels(document: &mut Document<'_>, fields: &mut Fields) {
    let own = document.peek("gradient_checkpointing");
    let on = document.flag("gradient_checkpointing");
    fields.checkpointing = match own.as_deref() {
        Some("offload" | "offload_disk") => {
            document.take("gradient_checkpointing");
            Some("full".to_owned())
        }
        _ => on.map(recomputed),
    };
    for key in ["fsdp_config.activation_checkpointing", "fsdp_config.fsdp_activation_checkpointing"] {
        if document.flag(key) == Some(true) {
            fields.checkpointing = Some("full".to_owned());
        }
    }
    fields.attention = document.text("attn_implementation").and_then(|word| attention(&word));
    for key in ["flash_attention", "sdp_attention", "xformers_attention", "flex_attention"] {
        if document.flag(key) == Some(true) {
            fields.attention = Some("flash".to_owned());
        }
    }
    if document.flag("eager_attention") == Some(true) {
        fields.attention = Some("eager".to_owned());
    }
    let plugins = document.words("plugins").unwrap_or_default();
    let cut = plugins.iter().any(|plugin| plugin.contains("cut_cross_entropy"));
    let off = document.flag("cut_cross_entropy") == Some(false);
    let linear = document.flag("liger_fused_linear_cross_entropy") == Some(true);
    let logits = document.flag("liger_cross_entropy") == Some(true)
        || document.flag("flash_attn_cross_entropy") == Some(true)
        || document.flag("unsloth_cross_entropy_loss") == Some(true);
    if (cut && !off) || linear {
        fields.loss_kernel = Some("fused-linear".to_owned());
    } else if logits {
        fields.loss_kernel = Some("fused-logits".to_owned());
    }
}

fn kind(document: &mut Document<'_>) -> String {
    if let Some(kind) = document.text("rl") {
        return kind;
    }
    if document.flag("process_reward_model") == Some(true) {
        return "prm".to_owned();
    }
    if document.flag("reward_model") == Some(true) {
        return "rm".to_owned();
    }
    if document.is_set("num_labels") {
        document.take("num_labels");
        return "classification".to_owned();
    }
    let raw = |document: &Document<'_>| {
        let types = document.ending("].type");
        let of_data: Vec<&String> = types.iter().filter(|path| path.starts_with("datasets[")).collect();
        !of_data.is_empty()
            && of_data.iter().all(|path| document.peek(path).is_some_and(|word| word.starts_with("completion")))
    };
    if document.is_set("pretraining_dataset") {
        document.take("pretraining_dataset");
        return "pt".to_owned();
    }
    if raw(document) { "pt" } else { "sft" }.to_owned()
}

fn strategy(document: &mut Document<'_>) -> Option<String> {
    let version = document
        .number("fsdp_version")
        .or_else(|| document.number("fsdp_config.fsdp_version"))
        .or_else(|| document.number("fsdp_config.version"));
    let listed = document.words("fsdp").is_some();
    if version == Some(2.0) {
        return Some("fsdp2".to_owned());
    }
    if listed {
        return Some("fsdp".to_owned());
    }
    if let Some(name) = first(document, &["deepspeed"]).and_then(|key| document.text(key)) {
        return zero_stage(&name);
    }
    let shard = document.number("dp_shard_size").is_some_and(|size| size > 1.0);
    shard.then(|| "fsdp2".to_owned())
}
