//! The flags of `tuneplan preview` and the settings they are.

use crate::preview::adamw::AdamWSettings;
use crate::preview::base_format::BaseFormat;
use crate::preview::config::Part;
use crate::preview::lora::{Init, LoraSettings};
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::run::RunSettings;
use crate::preview::sgd::SgdSettings;
use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use std::path::PathBuf;

/// Learning rate of SGD, which has no means to scale its steps by.
const USUAL_SGD_RATE: f64 = 0.1;

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Plan whose settings are run: format, adapters, optimizer, batch. Flags change them; without a plan NF4 + DQ and rank 16.
    pub plan: Option<PathBuf>,
    /// Folder of a Llama-type model (config.json, safetensors, tokenizer.json), with --data; without it the embedded model.
    #[arg(long, value_name = "DIR", requires = "data")]
    pub model: Option<PathBuf>,
    /// Examples, one JSON object a line: messages, conversations, instruction and output, prompt and completion, or text.
    #[arg(long, value_name = "FILE.jsonl")]
    pub data: Option<PathBuf>,
    /// Plain text such as the base was made from, to see what is forgotten; the embedded model has its own.
    #[arg(long, value_name = "FILE.txt")]
    pub base_text: Option<PathBuf>,
    /// Tokens after which an example is cut off; without it those of the plan, 512 at most.
    #[arg(long, value_parser = clap::value_parser!(u32).range(8..=32_768), value_name = "N")]
    pub cutoff: Option<u32>,
    /// Format of the frozen base: fp32, bf16, nf4, nf4-dq, int8, int4-g64, gguf-q4-k, … as `tuneplan quantize` has them.
    #[arg(long, value_name = "WORD")]
    pub format: Option<String>,
    /// Rank of the adapters.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub rank: Option<u16>,
    /// Numerator of the adapters' scale α/r; without it twice the rank, or the plan's.
    #[arg(long, allow_negative_numbers = true, value_name = "X")]
    pub alpha: Option<f64>,
    /// Scale by α/√r instead of α/r.
    #[arg(long)]
    pub rslora: bool,
    /// Train the length of each row too.
    #[arg(long)]
    pub dora: bool,
    /// Probability with which values are dropped before the adapters in training.
    #[arg(long, allow_negative_numbers = true, value_name = "P")]
    pub dropout: Option<f64>,
    /// Linear layers to adapt, separated by commas: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj; or all, attention.
    #[arg(long, value_name = "A,B,…")]
    pub targets: Option<String>,
    /// Initialization of the adapters: zero (random A, zero B; also kaiming), pissa or loftq.
    #[arg(long, value_name = "WORD")]
    pub init: Option<String>,
    /// Iterations of LoftQ.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=50), value_name = "N")]
    pub loftq_iterations: u8,
    /// adamw or sgd.
    #[arg(long, value_name = "WORD")]
    pub optimizer: Option<String>,
    /// Learning rate; without it 3e-3 for the embedded model, 5e-4 for others, and 0.1 with sgd.
    #[arg(long, visible_alias = "lr", allow_negative_numbers = true, value_name = "X")]
    pub learning_rate: Option<f64>,
    /// Weight decay; without it 0.01 with adamw, none with sgd.
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f64>,
    /// Momentum of sgd.
    #[arg(long, value_name = "X")]
    pub momentum: Option<f64>,
    /// Batch size: examples in one forward pass.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub batch: Option<u16>,
    /// Batches whose gradients make one step.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub accumulation: Option<u16>,
    /// Gradient checkpointing: keep only the inputs of layers and run each again in backward.
    #[arg(long)]
    pub checkpointing: bool,
    /// Optimizer steps.
    #[arg(long, default_value_t = 90, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    pub steps: u32,
    /// Seed of adapters, examples and their order.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Threads; without it all but one of the machine's.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub threads: Option<u16>,
    /// Folder to save a checkpoint to every 20 steps; where it holds one of a run with the same settings, the run continues from it.
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
    /// Folder to write the adapter to, in the format of Hugging Face PEFT; it must not exist.
    #[arg(short, long, visible_alias = "save-adapter", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Folder to write the merged model to (safetensors, configuration, tokenizer); it must not exist.
    #[arg(long, value_name = "DIR")]
    pub save_merged: Option<PathBuf>,
    /// File to write a report in Markdown to; it must not exist.
    #[arg(long, value_name = "FILE.md")]
    pub report: Option<PathBuf>,
    /// One JSON object at the end instead of a report.
    #[arg(long)]
    pub json: bool,
}

impl PreviewArgs {
    /// The settings of the run: `before`, which are the plan's or the usual ones, changed by what was given.
    pub fn settings(&self, before: RunSettings, usual_rate: f64) -> Result<RunSettings> {
        Ok(RunSettings {
            base: self.base(before.base)?,
            lora: self.lora(before.lora)?,
            optimizer: self.optimizer(before.optimizer, usual_rate)?,
            batch: self.batch.map_or(before.batch, usize::from),
            accumulation: self.accumulation.map_or(before.accumulation, usize::from),
            recompute: self.checkpointing || before.recompute,
            seed: self.seed,
        })
    }

    fn base(&self, before: BaseFormat) -> Result<BaseFormat> {
        let Some(word) = &self.format else { return Ok(before) };
        let known = || BaseFormat::all().map(BaseFormat::id).collect::<Vec<_>>().join(", ");
        BaseFormat::from_id(word).with_context(|| format!("--format does not know `{word}`; it takes {}", known()))
    }

    fn lora(&self, before: LoraSettings) -> Result<LoraSettings> {
        let rank = self.rank.map_or(before.rank, usize::from);
        // The scale stays what it was when only the rank is given.
        let alpha = self.alpha.unwrap_or(if self.rank.is_some() { 2.0 * rank as f64 } else { before.alpha });
        ensure!(alpha.is_finite() && alpha > 0.0, "--alpha takes a number above 0");
        let dropout = self.dropout.unwrap_or(before.dropout);
        ensure!((0.0..1.0).contains(&dropout), "--dropout takes a probability from 0 to below 1");
        let init = match self.init.as_deref() {
            None => before.init,
            Some("zero" | "kaiming") => Init::Kaiming,
            Some("pissa") => Init::Pissa,
            Some("loftq") => Init::Loftq { iterations: usize::from(self.loftq_iterations) },
            Some(other) => bail!("--init does not know `{other}`; it takes zero (or kaiming), pissa or loftq"),
        };
        Ok(LoraSettings {
            rank,
            alpha,
            rank_stabilized: self.rslora || before.rank_stabilized,
            dropout,
            dora: self.dora || before.dora,
            init,
            targets: self.targets.as_deref().map_or(Ok(before.targets), targets)?,
            seed: self.seed,
        })
    }

    fn optimizer(&self, before: OptimizerSettings, usual_rate: f64) -> Result<OptimizerSettings> {
        let rate = self.learning_rate;
        ensure!(rate.is_none_or(|rate| rate.is_finite() && rate > 0.0), "--learning-rate takes a number above 0");
        let decay = self.weight_decay;
        ensure!(decay.is_none_or(|decay| decay.is_finite() && decay >= 0.0), "--weight-decay takes a number from 0");
        let momentum = self.momentum;
        ensure!(
            momentum.is_none_or(|momentum| (0.0..1.0).contains(&momentum)),
            "--momentum takes a number from 0 to below 1"
        );
        match self.optimizer.as_deref().unwrap_or(before.id()) {
            "adamw" => {
                ensure!(momentum.is_none(), "--momentum is of sgd; adamw has its own");
                let usual = AdamWSettings::default();
                Ok(OptimizerSettings::AdamW(AdamWSettings {
                    learning_rate: rate.unwrap_or(usual_rate),
                    weight_decay: decay.unwrap_or(usual.weight_decay),
                    ..usual
                }))
            }
            "sgd" => {
                let planned = match before {
                    OptimizerSettings::Sgd(settings) => settings.momentum,
                    OptimizerSettings::AdamW(_) => 0.0,
                };
                Ok(OptimizerSettings::Sgd(SgdSettings {
                    learning_rate: rate.unwrap_or(USUAL_SGD_RATE),
                    momentum: momentum.unwrap_or(planned),
                    weight_decay: decay.unwrap_or(0.0),
                }))
            }
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
