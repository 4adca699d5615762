//! The flags of `tuneplan preview` and the settings they are.

use crate::preview::adamw::AdamWSettings;
use crate::preview::base::BaseFormat;
use crate::preview::config::Part;
use crate::preview::lora::{Init, LoraSettings};
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::run::RunSettings;
use crate::preview::sgd::SgdSettings;
use anyhow::{Result, bail, ensure};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Folder of a Llama-type model (config.json, safetensors, tokenizer.json); without it the embedded model.
    #[arg(long, value_name = "DIR", requires = "data")]
    pub model: Option<PathBuf>,
    /// Examples, one JSON object a line: messages, conversations, instruction and output, prompt and completion, or text.
    #[arg(long, value_name = "FILE.jsonl", requires = "model")]
    pub data: Option<PathBuf>,
    /// Tokens after which an example is cut off.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(8..=32_768), value_name = "N")]
    pub cutoff: u32,
    /// Format of the frozen base: fp32, bf16, nf4, nf4-dq, int8, int4-g64, gguf-q4-k, … as `tuneplan quantize` has them.
    #[arg(long, default_value = "nf4", value_name = "WORD")]
    pub format: String,
    /// Rank of the adapters.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub rank: u16,
    /// Numerator of the adapters' scale α/r; without it twice the rank.
    #[arg(long, value_name = "X")]
    pub alpha: Option<f64>,
    /// Scale by α/√r instead of α/r.
    #[arg(long)]
    pub rslora: bool,
    /// Train the length of each row too.
    #[arg(long)]
    pub dora: bool,
    /// Probability with which values are dropped before the adapters in training.
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub dropout: f64,
    /// Adapted maps, parted by commas: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj; or all, attention.
    #[arg(long, default_value = "all", value_name = "A,B,…")]
    pub targets: String,
    /// What the adapters begin with: kaiming, pissa or loftq.
    #[arg(long, default_value = "kaiming", value_name = "WORD")]
    pub init: String,
    /// Turns of LoftQ.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=50), value_name = "N")]
    pub loftq_iterations: u8,
    /// adamw or sgd.
    #[arg(long, default_value = "adamw", value_name = "WORD")]
    pub optimizer: String,
    /// Learning rate; without it 5e-3, and 0.1 with sgd.
    #[arg(long, visible_alias = "lr", value_name = "X")]
    pub learning_rate: Option<f64>,
    /// Weight decay; without it 0.01 with adamw, none with sgd.
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f64>,
    /// Momentum of sgd.
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    pub momentum: f64,
    /// Examples that go through the model side by side.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub batch: u16,
    /// Batches whose gradients make one step.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub accumulation: u16,
    /// Gradient checkpointing: keep only the inputs of layers and run each again in backward.
    #[arg(long)]
    pub checkpointing: bool,
    /// Optimizer steps.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    pub steps: u32,
    /// Seed of adapters, examples and their order.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Threads; without it all but one of the machine's.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub threads: Option<u16>,
    /// Folder to put the run aside in every 20 steps; where it holds a run of the same settings, it goes on from there.
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
    /// Folder to write the adapter to, in the format of Hugging Face PEFT; it must not exist.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Folder to write the merged model to (safetensors, configuration, tokenizer); it must not exist.
    #[arg(long, value_name = "DIR")]
    pub save_merged: Option<PathBuf>,
    /// One JSON object at the end instead of a report.
    #[arg(long)]
    pub json: bool,
}

impl PreviewArgs {
    /// The settings of the run.
    pub fn settings(&self) -> Result<RunSettings> {
        let Some(base) = BaseFormat::from_id(&self.format) else {
            let words: Vec<&str> = BaseFormat::all().map(BaseFormat::id).collect();
            bail!("--format does not know `{}`; it takes {}", self.format, words.join(", "))
        };
        let rank = usize::from(self.rank);
        let alpha = self.alpha.unwrap_or(2.0 * rank as f64);
        ensure!(alpha.is_finite() && alpha > 0.0, "--alpha takes a number above 0");
        ensure!((0.0..1.0).contains(&self.dropout), "--dropout takes a probability from 0 to below 1");
        let init = match self.init.as_str() {
            "kaiming" => Init::Kaiming,
            "pissa" => Init::Pissa,
            "loftq" => Init::Loftq { iterations: usize::from(self.loftq_iterations) },
            other => bail!("--init does not know `{other}`; it takes kaiming, pissa or loftq"),
        };
        let lora = LoraSettings {
            rank,
            alpha,
            rank_stabilized: self.rslora,
            dropout: self.dropout,
            dora: self.dora,
            init,
            targets: targets(&self.targets)?,
            seed: self.seed,
        };
        Ok(RunSettings {
            base,
            lora,
            optimizer: self.optimizer()?,
            batch: usize::from(self.batch),
            accumulation: usize::from(self.accumulation),
            recompute: self.checkpointing,
            seed: self.seed,
        })
    }

    fn optimizer(&self) -> Result<OptimizerSettings> {
        let rate = |usual: f64| -> Result<f64> {
            let rate = self.learning_rate.unwrap_or(usual);
            ensure!(rate.is_finite() && rate > 0.0, "--learning-rate takes a number above 0");
            Ok(rate)
        };
        let decay = self.weight_decay;
        ensure!(decay.is_none_or(|decay| decay.is_finite() && decay >= 0.0), "--weight-decay takes a number from 0");
        ensure!((0.0..1.0).contains(&self.momentum), "--momentum takes a number from 0 to below 1");
        match self.optimizer.as_str() {
            "adamw" => {
                ensure!(self.momentum == 0.0, "--momentum is of sgd; adamw has its own");
                let usual = AdamWSettings::default();
                Ok(OptimizerSettings::AdamW(AdamWSettings {
                    learning_rate: rate(5e-3)?,
                    weight_decay: decay.unwrap_or(usual.weight_decay),
                    ..usual
                }))
            }
            "sgd" => Ok(OptimizerSettings::Sgd(SgdSettings {
                learning_rate: rate(0.1)?,
                momentum: self.momentum,
                weight_decay: decay.unwrap_or(0.0),
            })),
            other => bail!("--optimizer does not know `{other}`; it takes adamw or sgd"),
        }
    }
}

fn targets(words: &str) -> Result<Vec<Part>> {
    match words {
        "all" => return Ok(Part::ALL.to_vec()),
        "attention" => return Ok(vec![Part::Query, Part::Key, Part::Value, Part::Output]),
        _ => {}
    }
    let mut targets = Vec::new();
    for word in words.split(',').map(str::trim) {
        let Some(part) = Part::ALL.into_iter().find(|part| part.name() == word) else {
            let names: Vec<&str> = Part::ALL.into_iter().map(Part::name).collect();
            bail!("--targets does not know `{word}`; it takes {}, or all, or attention", names.join(", "))
        };
        if !targets.contains(&part) {
            targets.push(part);
        }
    }
    Ok(targets)
}
