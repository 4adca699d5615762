//! LLaMA-Factory 0.9.5: the flat schema, and the one of its second generation (`model`, `dist_config`, `peft_config`).

use super::{attention, optimizer, recomputed, targets, yes_no, zero_stage};
use crate::import::document::Document;
use crate::import::fields::Fields;

pub fn read(document: &mut Document<'_>, fields: &mut Fields) {
    fields.model = document.text("model_name_or_path").or_else(|| document.text("model"));
    fields.micro_batch = super::first_count(document, &["per_device_train_batch_size", "micro_batch_size"]);
    fields.accumulation = document.count("gradient_accumulation_steps");
    fields.sequence_length = document.count("cutoff_len");
    fields.packing = document.flag("packing").map(yes_no);
    if document.flag("neat_packing") == Some(true) {
        fields.packing = Some("yes".to_owned());
    }
    fields.checkpointing = match document.flag("disable_gradient_checkpointing") {
        Some(off) => Some(recomputed(!off)),
        None => document.flag("gradient_checkpointing").map(recomputed),
    };
    fields.attention = document.text("flash_attn").and_then(|word| attention(&word));
    if document.flag("enable_liger_kernel") == Some(true) {
        fields.loss_kernel = Some("fused-linear".to_owned());
    }
    fields.optimizer =
        document.text("optim").or_else(|| document.text("optim_config.name")).map(|word| optimizer(&word));
    if document.flag("use_muon") == Some(true) {
        fields.optimizer = Some("muon".to_owned());
    }
    fields.learning_rate = document.number("learning_rate");
    fields.steps = document.count("max_steps");
    match fields.steps {
        Some(_) => document.idle("num_train_epochs"),
        None => fields.epochs = document.number("num_train_epochs"),
    }
    precision(document, fields);
    if document.has("model_class") || document.has("dist_config") || document.has("peft_config") {
        second_generation(document, fields);
    } else {
        method(document, fields);
        fields.kind = kind(document);
    }
    if fields.strategy.is_none() {
        fields.strategy = document.text("deepspeed").and_then(|name| zero_stage(&name));
        if document.is_set("fsdp") {
            document.take("fsdp");
            fields.strategy = Some("fsdp".to_owned());
        }
    }
}

fn precision(document: &mut Document<'_>, fields: &mut Fields) {
    let pure = document.flag("pure_bf16") == Some(true);
    let bf16 = document.flag("bf16") == Some(true);
    let fp16 = document.flag("fp16") == Some(true);
    let fp8 = document.flag("fp8") == Some(true);
    fields.compute = match () {
        () if fp8 => Some("fp8".to_owned()),
        () if bf16 || pure => Some("bf16".to_owned()),
        () if fp16 => Some("fp16".to_owned()),
        () => document.text("mixed_precision").and_then(|word| super::float_format(&word)),
    };
    fields.load_format = document.number("quantization_bit").map(|bits| format!("{bits}bit"));
}

fn method(document: &mut Document<'_>, fields: &mut Fields) {
    let on = |document: &mut Document<'_>, key: &str| document.flag(key) == Some(true);
    let kind = document.text("finetuning_type");
    let (galore, badam, apollo) = (on(document, "use_galore"), on(document, "use_badam"), on(document, "use_apollo"));
    let dora = on(document, "use_dora");
    let rank_stabilized = on(document, "use_rslora");
    let pissa = on(document, "pissa_init");
    let four_bit = fields.load_format.as_deref() == Some("4bit");
    let trains = document.is_set("finetuning_type") || document.is_set("stage") || document.is_set("do_train");
    fields.method = match kind.as_deref() {
        _ if galore => Some("galore".to_owned()),
        _ if badam => Some("blockwise".to_owned()),
        _ if apollo => Some("apollo".to_owned()),
        Some("lora") => Some(super::lora_method(dora, rank_stabilized, if pissa { "pissa" } else { "" }, four_bit)),
        Some("freeze") => Some("last-layers".to_owned()),
        Some(other) => Some(other.to_owned()),
        // The engine's own default.
        None => trains.then(|| "lora".to_owned()),
    };
    match fields.method.as_deref() {
        Some("galore") => fields.rank = document.count("galore_rank"),
        Some("apollo") => fields.rank = document.count("apollo_rank"),
        Some("full" | "blockwise" | "last-layers") => {
            for key in ["lora_rank", "lora_alpha", "lora_target", "lora_dropout"] {
                document.idle(key);
            }
            if fields.method.as_deref() == Some("last-layers") {
                fields.trained_whole = super::trained_whole(document, "freeze_extra_modules");
            }
        }
        Some("oft") => fields.targets = document.words("oft_target").map(|modules| targets(&modules)),
        _ => {
            fields.rank = document.count("lora_rank");
            fields.alpha = document.number("lora_alpha");
            fields.dropout = document.number("lora_dropout");
            fields.trained_whole = super::trained_whole(document, "additional_target");
            fields.targets = document.words("lora_target").map(|modules| targets(&modules));
        }
    }
}

fn kind(document: &mut Document<'_>) -> Option<String> {
    let stage = document.text("stage")?;
    let loss = document.text("pref_loss");
    Some(match (stage.as_str(), loss.as_deref()) {
        ("dpo", Some(loss @ ("orpo" | "simpo"))) => loss.to_owned(),
        _ => stage,
    })
}

fn second_generation(document: &mut Document<'_>, fields: &mut Fields) {
    document.take("model_class");
    let four_bit = document.number("quant_config.quantization_bit") == Some(4.0);
    if four_bit {
        fields.load_format = Some("4bit".to_owned());
    }
    fields.method = Some(match document.text("peft_config.name").as_deref() {
        None => "full".to_owned(),
        Some("lora") => super::lora_method(false, false, "", four_bit),
        Some("freeze") => "last-layers".to_owned(),
        Some(other) => other.to_owned(),
    });
    fields.rank = document.count("peft_config.r");
    fields.alpha = document.number("peft_config.lora_alpha");
    fields.dropout = document.number("peft_config.lora_dropout");
    fields.targets = document.words("peft_config.target_modules").map(|modules| targets(&modules));
    // The kind is the command's word (`llamafactory-cli sft`), not the file's.
    fields.strategy = match document.text("dist_config.name").as_deref() {
        Some("deepspeed") => document.text("dist_config.config_file").and_then(|name| zero_stage(&name)),
        Some(other) => Some(other.to_owned()),
        None => None,
    };
}
