//! ms-swift 4.6: its own words beside transformers' arguments.

use super::{attention, first, first_count, float_format, optimizer, recomputed, targets, yes_no, zero_stage};
use crate::import::arguments::VERB;
use crate::import::document::Document;
use crate::import::fields::Fields;

pub fn read(document: &mut Document<'_>, fields: &mut Fields) {
    fields.model = first(document, &["model", "model_id_or_path", "load"]).and_then(|key| document.text(key));
    let bits = document.number("quant_bits");
    if let Some(bits) = bits {
        fields.load_format = Some(format!("{bits}bit"));
    }
    let kind = first(document, &["tuner_type", "train_type", "sft_type"]).and_then(|key| document.text(key));
    let dora = document.flag("use_dora") == Some(true);
    let rank_stabilized = document.flag("use_rslora") == Some(true);
    let init = document.text("init_weights").unwrap_or_default();
    let verb = document.peek(VERB).unwrap_or_default();
    let trains = matches!(verb.as_str(), "" | "sft" | "pt" | "rlhf");
    fields.method = match kind.as_deref() {
        Some("lora") => Some(super::lora_method(dora, rank_stabilized, &init, bits == Some(4.0))),
        Some("longlora") => Some("lora".to_owned()),
        Some("adapter") => Some("adapters".to_owned()),
        Some("full") if document.number("lisa_activated_layers").is_some_and(|layers| layers > 0.0) => {
            Some("blockwise".to_owned())
        }
        Some(other) => Some(other.to_owned()),
        // The engine's own default.
        None => trains.then(|| super::lora_method(dora, rank_stabilized, &init, bits == Some(4.0))),
    };
    if document.flag("use_galore") == Some(true) {
        fields.method = Some("galore".to_owned());
        fields.rank = document.count("galore_rank");
    } else {
        fields.rank = document.count("lora_rank");
        fields.alpha = document.number("lora_alpha");
        fields.dropout = document.number("lora_dropout");
        fields.trained_whole = super::trained_whole(document, "modules_to_save");
        fields.targets = document.words("target_modules").map(|modules| targets(&modules));
    }
    let format = document.text("torch_dtype").and_then(|word| float_format(&word));
    if fields.load_format.is_none() {
        fields.load_format.clone_from(&format);
    }
    let bf16 = document.flag("bf16") == Some(true);
    let fp16 = document.flag("fp16") == Some(true);
    fields.compute = match () {
        () if bf16 => Some("bf16".to_owned()),
        () if fp16 => Some("fp16".to_owned()),
        // The arithmetic follows the format of the weights.
        () => format.filter(|format| format != "fp32"),
    };
    fields.optimizer = document.text("optim").map(|word| optimizer(&word));
    fields.micro_batch = first_count(document, &["per_device_train_batch_size", "micro_batch_size"]);
    fields.accumulation = document.count("gradient_accumulation_steps");
    fields.sequence_length = document.count("max_length");
    fields.packing = document.flag("packing").map(yes_no);
    fields.checkpointing = document.flag("gradient_checkpointing").map(recomputed);
    if let Some(granularity) = document.text("recompute_granularity") {
        fields.checkpointing = Some(granularity);
    }
    fields.attention = first(document, &["attn_impl", "attention_backend"])
        .and_then(|key| document.text(key))
        .and_then(|word| attention(&word));
    if document.flag("use_liger_kernel") == Some(true) {
        fields.loss_kernel = Some("fused-linear".to_owned());
    }
    fields.learning_rate = first(document, &["learning_rate", "lr"]).and_then(|key| document.number(key));
    fields.steps = first_count(document, &["max_steps", "train_iters"]);
    match fields.steps {
        Some(_) => document.idle("num_train_epochs"),
        None => {
            let key = first(document, &["num_train_epochs", "max_epochs"]);
            fields.epochs = key.and_then(|key| document.number(key));
        }
    }
    fields.kind = document.text("rlhf_type").or_else(|| match verb.as_str() {
        "pt" => Some("pt".to_owned()),
        "sft" | "" => Some(match document.text("task_type").as_deref() {
            Some("seq_cls") => "classification".to_owned(),
            Some("embedding") => "embedding".to_owned(),
            Some("reranker") => "reranker".to_owned(),
            _ => "sft".to_owned(),
        }),
        "rlhf" => Some("dpo".to_owned()),
        _ => None,
    });
    fields.strategy = document.text("deepspeed").and_then(|name| zero_stage(&name));
    if let Some(word) = document.text("fsdp") {
        fields.strategy = Some(if word.contains('2') { "fsdp2" } else { "fsdp" }.to_owned());
    }
}
