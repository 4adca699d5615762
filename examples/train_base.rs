//! Makes the embedded model: `cargo run --release --example train_base -- OUT_FOLDER [STEPS]`.
//!
//! The text is made by rule from a seed and one thread adds everything up, so that the same command gives the same bytes on
//! the same kind of processor. Writes a folder as Hugging Face lays it out: weights (BF16), configuration, tokenizer.
#![allow(clippy::print_stdout, reason = "a command that reports to a terminal")]

use candle_core::{DType, Device, Tensor, Var};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use tuneplan::preview::adamw::{AdamW, AdamWSettings};
use tuneplan::preview::config::LlamaConfig;
use tuneplan::preview::lora::Random;
use tuneplan::preview::pass::Pass;
use tuneplan::preview::pretrain::{BEGIN, END, fresh, shape, text_batch};

const SEQUENCES: usize = 12;
const LENGTH: usize = 256;
const PEAK_RATE: f64 = 2e-3;
const WARM_UP: usize = 100;
const BEGIN_WORD: &str = "<|begin|>";
const END_WORD: &str = "<|end|>";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name the folder to write to")?;
    let steps: usize = arguments.next().map_or(Ok(4000), |text| text.parse())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| train(Path::new(&folder), steps))
}

fn train(folder: &Path, steps: usize) -> Outcome<()> {
    let config = shape();
    let (model, variables) = fresh(&config, 1)?;
    let settings = AdamWSettings { beta2: 0.99, weight_decay: 0.05, ..AdamWSettings::default() };
    let trained: Vec<Var> = variables.iter().map(|(_, variable)| variable.clone()).collect();
    let mut optimizer = AdamW::new(trained.clone(), settings);
    let held_out = text_batch(&mut Random(u64::MAX), SEQUENCES, LENGTH);
    let mut random = Random(7);
    let began = Instant::now();
    for step in 0..steps {
        let warm = ((step + 1) as f64 / WARM_UP as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos());
        optimizer.set_learning_rate(PEAK_RATE * warm * (0.05 + 0.95 * cosine));
        let batch = text_batch(&mut random, SEQUENCES, LENGTH);
        let (gradients, found) = model.gradients(&batch, Pass::default(), trained.len())?;
        optimizer.step(&gradients)?;
        if step % 50 == 0 || step + 1 == steps {
            let held = model.evaluate(&held_out, Pass::default())?.loss;
            let rate = ((step + 1) * SEQUENCES * LENGTH) as f64 / began.elapsed().as_secs_f64();
            println!("step {step}: loss {:.4}, held out {held:.4} nats per byte, {rate:.0} tokens/s", found.loss);
            write(folder, &config, &variables)?;
        }
    }
    Ok(())
}

fn write(folder: &Path, config: &LlamaConfig, variables: &[(String, Var)]) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    let mut tensors = HashMap::new();
    for (name, variable) in variables {
        tensors.insert(name.clone(), variable.to_dtype(DType::BF16)?);
    }
    let ones = Tensor::ones(config.hidden_size, DType::BF16, &Device::Cpu)?;
    for layer in 0..config.num_hidden_layers {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            tensors.insert(format!("model.layers.{layer}.{norm}.weight"), ones.clone());
        }
    }
    tensors.insert("model.norm.weight".to_owned(), ones);
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(&tensors, Some(metadata), &folder.join("model.safetensors"))?;
    let mut json = serde_json::to_value(config)?;
    if let Value::Object(fields) = &mut json {
        fields.insert("architectures".to_owned(), json!(["LlamaForCausalLM"]));
        fields.insert("bos_token_id".to_owned(), json!(BEGIN));
        fields.insert("eos_token_id".to_owned(), json!(END));
        fields.insert("torch_dtype".to_owned(), json!("bfloat16"));
    }
    for (name, json) in
        [("config.json", json), ("tokenizer.json", tokenizer()), ("tokenizer_config.json", tokenizer_settings())]
    {
        std::fs::write(folder.join(name), serde_json::to_string_pretty(&json)? + "\n")?;
    }
    Ok(())
}

/// Every byte is a token, with a beginning and an end.
fn tokenizer() -> Value {
    let special = |id: u32, content: &str| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true,
        })
    };
    let vocabulary: Map<String, Value> =
        (0..=u8::MAX).map(|byte| (letter_of(byte).to_string(), Value::from(byte))).collect();
    let byte_level =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(BEGIN, BEGIN_WORD), special(END, END_WORD)],
        "normalizer": null,
        "pre_tokenizer": byte_level,
        "post_processor": null,
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": [],
        },
    })
}

/// The letter that byte-level tokenizers write a byte as: itself where it prints in Latin-1, else one from U+0100 on, in
/// the order of the bytes.
fn letter_of(byte: u8) -> char {
    let prints = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if prints(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|other| !prints(*other)).count();
    char::from_u32(0x100 + before as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn tokenizer_settings() -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN_WORD,
        "eos_token": END_WORD,
        "pad_token": END_WORD,
        "add_bos_token": false,
        "model_max_length": 512,
        "clean_up_tokenization_spaces": false,
        "chat_template": "{{ bos_token }}{% for message in messages %}{{ message.role | capitalize }}: \
            {{ message.content }}{% if message.role == 'assistant' %}{{ eos_token }}{% else %}{{ '\\n' }}{% endif %}\
            {% endfor %}{% if add_generation_prompt %}Assistant: {% endif %}",
    })
}
