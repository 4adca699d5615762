//! LoRA steps on random weights, timed by this process's own CPU seconds: the peer of `benches/peft_step.py`.
//!
//! `cargo run --release --example lora_step -- SHAPE FORMAT STEPS THREADS`, where SHAPE is `tiny` or `smol135`, prints one
//! JSON line: CPU seconds of each step, tokens, bytes at the peak. Rank 8 on query and value, 4 sequences of 256 tokens.
#![allow(clippy::print_stdout, reason = "a command that reports to a terminal")]

use serde_json::json;
use std::error::Error;
use tuneplan::preview::adamw::{AdamW, AdamWSettings};
use tuneplan::preview::attach::{Attached, attach};
use tuneplan::preview::base_format::BaseFormat;
use tuneplan::preview::config::{LlamaConfig, Part};
use tuneplan::preview::lora::LoraSettings;
use tuneplan::preview::pass::{Batch, Pass};
use tuneplan::preview::pretrain::{random_weights, shape};

const SEQUENCES: usize = 4;
const LENGTH: usize = 256;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [shape, format, steps, threads] = words.as_slice() else { return Err("SHAPE FORMAT STEPS THREADS".into()) };
    let config = config(shape).ok_or("the shape is tiny or smol135")?;
    let format = BaseFormat::from_id(format).ok_or("unknown format")?;
    let steps: usize = steps.parse()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build()?;
    let line = pool.install(|| run(config, format, steps))?;
    println!("{line}");
    Ok(())
}

/// The shapes of the published baselines.
fn config(name: &str) -> Option<LlamaConfig> {
    let tiny = LlamaConfig {
        num_hidden_layers: 6,
        intermediate_size: 688,
        num_key_value_heads: Some(4),
        vocab_size: 259,
        ..shape()
    };
    match name {
        "tiny" => Some(tiny),
        "smol135" => Some(LlamaConfig {
            hidden_size: 576,
            intermediate_size: 1536,
            num_hidden_layers: 30,
            num_attention_heads: 9,
            num_key_value_heads: Some(3),
            vocab_size: 49_152,
            ..tiny
        }),
        _ => None,
    }
}

fn run(config: LlamaConfig, format: BaseFormat, steps: usize) -> Outcome<serde_json::Value> {
    let lora = LoraSettings { targets: vec![Part::Query, Part::Value], ..LoraSettings::default() };
    let vocabulary = config.vocab_size;
    let Attached { model, adapters, .. } = {
        let (weights, variables) = random_weights(&config, 1)?;
        drop(variables);
        attach(config, &weights, format, &lora)?
    };
    let tokens: Vec<u32> = (0..SEQUENCES * LENGTH).map(|i| (i * 7919 % vocabulary) as u32).collect();
    let targets = tokens.iter().skip(1).chain(tokens.first()).copied().collect();
    let batch = Batch { tokens, targets, length: LENGTH };
    let variables = adapters.variables();
    let mut optimizer = AdamW::new(variables.clone(), AdamWSettings::default());
    let before = status_bytes("VmRSS:");
    let (mut seconds, mut loss) = (Vec::new(), 0.0);
    for _ in 0..steps {
        let from = cpu_seconds()?;
        let (gradients, found) = model.gradients(&batch, Pass::with(&adapters), variables.len())?;
        optimizer.step(&gradients)?;
        loss = found.loss;
        seconds.push(cpu_seconds()? - from);
    }
    Ok(json!({
        "tokens": SEQUENCES * LENGTH,
        "cpu_secs": seconds,
        "loss": loss,
        "rss_before_bytes": before,
        "peak_rss_bytes": status_bytes("VmHWM:"),
    }))
}

/// CPU seconds of this process so far, all threads: `utime` and `stime` of proc(5) in ticks of 1/100 s.
fn cpu_seconds() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = text.rsplit_once(')').ok_or("no name in /proc/self/stat")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |place: usize| -> Outcome<f64> { Ok(fields.get(place).ok_or("a short /proc/self/stat")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn status_bytes(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 =
        text.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
