//! TRL and the Trainer: model, script and training arguments in one file or on one line.

use super::{attention, first, first_count, float_format, optimizer, recomputed, targets, yes_no, zero_stage};
use crate::import::arguments::{PROGRAM, VERB};
use crate::import::document::Document;
use crate::import::fields::Fields;

pub fn read(document: &mut Document<'_>, path: &str, fields: &mut Fields) {
    fields.model = document.text("model_name_or_path").or_else(|| document.text("model_name"));
    method(document, fields);
    precision(document, fields);
    fields.optimizer = document.text("optim").map(|word| optimizer(&word));
    fields.micro_batch = document.count("per_device_train_batch_size");
    fields.accumulation = document.count("gradient_accumulation_steps");
    fields.sequence_length = first_count(document, &["max_length", "max_seq_length", "max_seq_len"]);
    if fields.sequence_length.is_none() {
        // Policy optimization says prompt and completion apart.
        let prompt = document.count("max_prompt_length");
        let completion = document.count("max_completion_length");
        fields.sequence_length = prompt.zip(completion).map(|(prompt, completion)| prompt.saturating_add(completion));
    }
    fields.packing = document.flag("packing").map(yes_no);
    let checkpointing = first(document, &["gradient_checkpointing", "activation_checkpointing"]);
    fields.checkpointing = checkpointing.and_then(|key| document.flag(key)).map(recomputed);
    fields.attention = document.text("attn_implementation").and_then(|word| attention(&word));
    let liger = first(document, &["use_liger_kernel", "use_liger", "use_liger_loss"]);
    if liger.and_then(|key| document.flag(key)) == Some(true) {
        fields.loss_kernel = Some("fused-linear".to_owned());
    }
    fields.learning_rate = document.number("learning_rate");
    fields.steps = document.count("max_steps");
    match fields.steps {
        Some(_) => document.idle("num_train_epochs"),
        None => {
            document.idle("max_steps");
            fields.epochs = document.number("num_train_epochs");
        }
    }
    fields.kind = kind(document, path);
    fields.strategy = document.text("deepspeed").and_then(|name| zero_stage(&name));
    if document.is_set("fsdp") {
        document.take("fsdp");
        fields.strategy = Some("fsdp".to_owned());
    }
}

fn method(document: &mut Document<'_>, fields: &mut Fields) {
    let four_bit = document.flag("load_in_4bit") == Some(true);
    let eight_bit = document.flag("load_in_8bit") == Some(true);
    if four_bit || eight_bit {
        fields.load_format = Some(if four_bit { "4bit" } else { "8bit" }.to_owned());
    }
    let wanted = document.flag("use_peft");
    let rank = first(document, &["lora_r", "lora_rank"]);
    let has_lora = wanted == Some(true) || wanted.is_none() && rank.is_some();
    if !has_lora {
        for key in ["lora_r", "lora_rank", "lora_alpha", "lora_dropout", "lora_target_modules"] {
            document.idle(key);
        }
        let galore = document.peek("optim").is_some_and(|optimizer| optimizer.starts_with("galore"));
        fields.method = Some(if galore { "galore" } else { "full" }.to_owned());
        if galore && let Some(arguments) = document.text("optim_args") {
            let rank = arguments.split(',').find_map(|argument| argument.trim().strip_prefix("rank="));
            fields.rank = rank.and_then(|rank| rank.parse().ok());
        }
        return;
    }
    let dora = document.flag("use_dora") == Some(true);
    let rank_stabilized = document.flag("use_rslora") == Some(true);
    fields.method = Some(super::lora_method(dora, rank_stabilized, "", four_bit));
    fields.rank = rank.and_then(|key| document.count(key));
    fields.alpha = document.number("lora_alpha");
    fields.dropout = document.number("lora_dropout");
    fields.trained_whole = super::trained_whole(document, "lora_modules_to_save");
    fields.targets = document.words("lora_target_modules").map(|modules| targets(&modules));
}

fn precision(document: &mut Document<'_>, fields: &mut Fields) {
    let loaded = first(document, &["torch_dtype", "dtype"]).and_then(|key| document.text(key));
    if fields.load_format.is_none() {
        fields.load_format = loaded.and_then(|word| float_format(&word));
    }
    let bf16 = document.flag("bf16") == Some(true);
    let fp16 = document.flag("fp16") == Some(true);
    if bf16 || fp16 {
        fields.compute = Some(if bf16 { "bf16" } else { "fp16" }.to_owned());
    }
}

/// The kind is the script's, not the file's: keys that only one kind has tell it, else the words of the path.
fn kind(document: &mut Document<'_>, path: &str) -> Option<String> {
    const WORDS: [&str; 11] =
        ["sft", "orpo", "dpo", "kto", "grpo", "rloo", "reward", "cpo", "gkd", "ppo", "online_dpo"];
    let named = |word: &str| if word == "reward" { "rm".to_owned() } else { word.to_owned() };
    let (program, verb) = (document.peek(PROGRAM).unwrap_or_default(), document.peek(VERB).unwrap_or_default());
    if WORDS.contains(&verb.as_str()) {
        return Some(named(&verb));
    }
    let script = program.rsplit('/').next().unwrap_or_default().trim_end_matches(".py").to_ascii_lowercase();
    if let Some(word) = WORDS.iter().find(|word| script.contains(*word)) {
        return Some(named(word));
    }
    if ["num_generations", "reward_funcs", "max_completion_length"].iter().any(|key| document.is_set(key)) {
        for key in ["num_generations", "reward_funcs"] {
            if document.is_set(key) {
                document.take(key);
            }
        }
        return Some("grpo".to_owned());
    }
    let preference = ["beta", "max_prompt_length", "loss_type", "dpo_alpha"].iter().any(|key| document.is_set(key));
    let lower = path.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let of_path = WORDS.iter().find(|word| parts.contains(word) && (!preference || **word != "sft"));
    match of_path {
        Some(word) => {
            let message = format!("the kind is not among the keys; `{word}` is read off the path");
            if preference {
                document.remark("beta", message);
            }
            Some(named(word))
        }
        None if preference => {
            let message = "`beta` says preferences, but not which: DPO, ORPO and KTO differ in memory; choose the kind";
            document.remark("beta", message);
            None
        }
        None => Some("sft".to_owned()),
    }
}
