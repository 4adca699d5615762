//! One reader an engine: which keys say what.

use super::document::Document;
use super::engine::Engine;
use super::fields::Fields;

mod axolotl;
mod beside;
mod llama_factory;
mod mlx;
mod ms_swift;
mod peft;
mod torchtune;
mod trl;

/// Reads what `document` says into `fields`.
pub fn read(engine: Engine, document: &mut Document<'_>, path: &str, fields: &mut Fields) {
    match engine {
        Engine::Axolotl => axolotl::read(document, fields),
        Engine::LlamaFactory => llama_factory::read(document, fields),
        Engine::Trl => trl::read(document, path, fields),
        Engine::Torchtune => torchtune::read(document, path, fields),
        Engine::MlxLm => mlx::read(document, fields),
        Engine::MsSwift => ms_swift::read(document, fields),
        Engine::Peft => peft::read(document, fields),
        Engine::Accelerate => beside::accelerate(document, fields),
        Engine::Deepspeed => beside::deepspeed(document, fields),
        Engine::Skypilot => beside::skypilot(document, fields),
    }
}

/// `yes` or `no`.
fn yes_no(on: bool) -> String {
    if on { "yes" } else { "no" }.to_owned()
}

/// `full` or `none`.
fn recomputed(on: bool) -> String {
    if on { "full" } else { "none" }.to_owned()
}

/// The first of the names that is set.
fn first<'k>(document: &Document<'_>, names: &[&'k str]) -> Option<&'k str> {
    names.iter().copied().find(|name| document.is_set(name))
}

/// The first number above zero behind one of the names; -1 and 0 are no limit.
fn first_count(document: &mut Document<'_>, names: &[&str]) -> Option<u64> {
    let name = first(document, names)?;
    document.count(name)
}

/// Target modules as part names, others as they are; all seven parts are `all-linear`.
fn targets(modules: &[String]) -> String {
    const PARTS: [(&str, &str); 7] = [
        ("q_proj", "q"),
        ("k_proj", "k"),
        ("v_proj", "v"),
        ("o_proj", "o"),
        ("gate_proj", "gate"),
        ("up_proj", "up"),
        ("down_proj", "down"),
    ];
    if modules.iter().any(|module| matches!(module.as_str(), "all-linear" | "all")) {
        return "all-linear".to_owned();
    }
    let of_module = |module: &String| {
        let last = module.rsplit('.').next().unwrap_or(module);
        PARTS.iter().find(|(name, _)| *name == last).map(|(_, part)| *part)
    };
    let mut parts: Vec<&str> =
        PARTS.iter().map(|(_, part)| *part).filter(|part| modules.iter().any(|m| of_module(m) == Some(part))).collect();
    let others: Vec<&String> = modules.iter().filter(|module| of_module(module).is_none()).collect();
    if parts.len() == PARTS.len() && others.is_empty() {
        return "all-linear".to_owned();
    }
    parts.extend(others.iter().map(|module| module.as_str()));
    parts.join(",")
}

/// Modules that are trained whole: the table and the head by the plan's words.
fn trained_whole(document: &mut Document<'_>, key: &str) -> Option<Vec<String>> {
    let modules = document.words(key)?;
    let of_module = |module: &String| {
        let last = module.rsplit('.').next().unwrap_or(module);
        match last {
            "embed_tokens" | "embed_in" | "wte" | "embeddings" | "word_embeddings" => "embedding".to_owned(),
            "lm_head" | "embed_out" | "output" => "head".to_owned(),
            other => other.to_owned(),
        }
    };
    Some(modules.iter().map(of_module).collect())
}

/// Where something waits that is not on the device.
fn offload(word: &str) -> Option<String> {
    matches!(word, "cpu" | "nvme").then(|| word.to_owned())
}

/// A number format as the plan calls it.
fn float_format(word: &str) -> Option<String> {
    let word = word.rsplit('.').next().unwrap_or(word);
    Some(
        match word {
            "bf16" | "bfloat16" => "bf16",
            "fp16" | "float16" | "half" => "fp16",
            "fp32" | "float32" | "float" | "no" => "fp32",
            "fp8" => "fp8",
            _ => return None,
        }
        .to_owned(),
    )
}

/// An optimizer as the plan calls it; others keep their name.
fn optimizer(word: &str) -> String {
    let name = word.rsplit('.').next().unwrap_or(word).to_ascii_lowercase();
    let name = name.strip_prefix("optimizernames.").unwrap_or(&name);
    // GaLore is the method; the rule under it is the optimizer.
    let name = name.strip_prefix("galore_").unwrap_or(name);
    let paged = name.contains("paged");
    let eight = name.contains("8bit");
    match name {
        _ if name.contains("4bit") => name.to_owned(),
        _ if name.contains("adamw") && paged && eight => "paged-adamw-8bit".to_owned(),
        _ if name.contains("adamw") && paged => "paged-adamw".to_owned(),
        _ if name.contains("adamw") && eight => "adamw-8bit".to_owned(),
        "adamw" | "adamw_torch" | "adamw_hf" | "adamw_torch_fused" | "adamw_torch_xla" | "adamw_bnb"
        | "torch_adamw" | "adamw_apex_fused" | "adamw_anyprecision" | "fusedadamw" => "adamw".to_owned(),
        "adam" => "adam".to_owned(),
        _ if name.contains("lion") && eight => "lion-8bit".to_owned(),
        _ if name.contains("lion") => "lion".to_owned(),
        _ if name.contains("adafactor") => "adafactor".to_owned(),
        _ if name.contains("muon") => "muon".to_owned(),
        "rmsprop" | "rmsprop_bnb" => "rmsprop".to_owned(),
        _ => name.to_owned(),
    }
}

/// Whether attention is one kernel without the score matrix, or written out.
fn attention(word: &str) -> Option<String> {
    let word = word.to_ascii_lowercase();
    Some(
        match word.as_str() {
            "eager" | "disabled" => "eager",
            "auto" => return None,
            _ if ["flash", "sdpa", "fa2", "fa3", "flex", "xformers"].iter().any(|name| word.contains(name)) => "flash",
            _ => return None,
        }
        .to_owned(),
    )
}

/// The strategy in the name of a DeepSpeed file, or in ms-swift's word.
fn zero_stage(name: &str) -> Option<String> {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let after = ["zero_stage", "zero-stage", "zero_", "zero-", "zero", "_z", "stage_", "stage"]
        .iter()
        .find_map(|mark| name.split_once(mark).map(|(_, rest)| rest))?;
    match after.chars().next()? {
        stage @ '1'..='3' => Some(format!("zero-{stage}")),
        _ => None,
    }
}

/// LoRA under its variants' names.
fn lora_method(dora: bool, rank_stabilized: bool, init: &str, four_bit: bool) -> String {
    match () {
        () if dora => "dora",
        () if rank_stabilized => "rslora",
        () if init.starts_with("pissa") => "pissa",
        () if init == "loftq" => "loftq",
        () if four_bit => "qlora",
        () => "lora",
    }
    .to_owned()
}
