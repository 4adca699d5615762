//! torchtune's builders: it knows a few models by functions of its own (0.6.1, `torchtune/models`).

use crate::export::{Facts, Value};

/// Catalogue id, package, builder, model type, tokenizer, its vocabulary.
const BUILDERS: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("meta-llama/Llama-2-7b-hf", "llama2", "llama2_7b", "LLAMA2", "llama2.llama2_tokenizer", "tokenizer.model"),
    ("meta-llama/Llama-2-13b-hf", "llama2", "llama2_13b", "LLAMA2", "llama2.llama2_tokenizer", "tokenizer.model"),
    ("meta-llama/Llama-2-70b-hf", "llama2", "llama2_70b", "LLAMA2", "llama2.llama2_tokenizer", "tokenizer.model"),
    ("meta-llama/Meta-Llama-3-8B", "llama3", "llama3_8b", "LLAMA3", LLAMA_3, "original/tokenizer.model"),
    ("meta-llama/Meta-Llama-3-70B", "llama3", "llama3_70b", "LLAMA3", LLAMA_3, "original/tokenizer.model"),
    ("meta-llama/Llama-3.1-8B", "llama3_1", "llama3_1_8b", "LLAMA3", LLAMA_3, "original/tokenizer.model"),
    ("meta-llama/Llama-3.1-70B", "llama3_1", "llama3_1_70b", "LLAMA3", LLAMA_3, "original/tokenizer.model"),
    ("meta-llama/Llama-3.2-1B", "llama3_2", "llama3_2_1b", "LLAMA3_2", LLAMA_3, "original/tokenizer.model"),
    ("meta-llama/Llama-3.2-3B", "llama3_2", "llama3_2_3b", "LLAMA3_2", LLAMA_3, "original/tokenizer.model"),
    ("mistralai/Mistral-7B-v0.1", "mistral", "mistral_7b", "MISTRAL", "mistral.mistral_tokenizer", "tokenizer.model"),
];

const LLAMA_3: &str = "llama3.llama3_tokenizer";

/// What the model is called there; nothing where it has no builder.
pub fn model(name: &str, facts: &mut Facts) {
    let Some((_, package, builder, kind, tokenizer, vocabulary)) = BUILDERS.iter().find(|(id, ..)| *id == name) else {
        return;
    };
    let folder = format!("/tmp/{}", name.rsplit('/').next().unwrap_or(name));
    let builders = format!("torchtune.models.{package}");
    let all = [
        (":torchtune", (*builder).to_owned()),
        (":torchtune_full", format!("{builders}.{builder}")),
        (":torchtune_lora", format!("{builders}.lora_{builder}")),
        (":torchtune_qlora", format!("{builders}.qlora_{builder}")),
        (":torchtune_type", (*kind).to_owned()),
        (":torchtune_tokenizer", format!("torchtune.models.{tokenizer}")),
        (":torchtune_vocabulary", format!("{folder}/{vocabulary}")),
        (":torchtune_folder", folder),
    ];
    for (name, text) in all {
        facts.insert(name.to_owned(), Value::Text(text));
    }
}

/// Adapted modules: those of attention by name, those of the MLP all or none.
pub fn modules(names: &[String], facts: &mut Facts) {
    let all = names.iter().any(|name| name == "all-linear");
    let has = |name: &str| all || names.iter().any(|known| known == name);
    let attention = [("q_proj", "q_proj"), ("k_proj", "k_proj"), ("v_proj", "v_proj"), ("o_proj", "output_proj")];
    let attention: Vec<&str> = attention.iter().filter(|(name, _)| has(name)).map(|(_, own)| *own).collect();
    let mlp = ["gate_proj", "up_proj", "down_proj"].iter().filter(|name| has(name)).count();
    let known = names.iter().all(|name| {
        all || matches!(
            name.as_str(),
            "q_proj" | "k_proj" | "v_proj" | "o_proj" | "gate_proj" | "up_proj" | "down_proj"
        )
    });
    if known && !attention.is_empty() && (mlp == 0 || mlp == 3) {
        facts.insert(":torchtune_attention".to_owned(), Value::texts(attention));
        facts.insert(":torchtune_mlp".to_owned(), Value::Flag(mlp == 3));
    }
}
