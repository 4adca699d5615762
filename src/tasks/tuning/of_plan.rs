//! The plan's settings for a preview, and what had to be taken otherwise.

use crate::plan::{self, Algorithm, Checkpointing, LoraInit, LoraScaling, Plan, TargetPart, Targets};
use crate::preview::adamw::AdamWSettings;
use crate::preview::base_format::BaseFormat;
use crate::preview::config::Part;
use crate::preview::lora::{Init, LoraSettings};
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::run::RunSettings;
use crate::preview::sgd::SgdSettings;
use crate::quantize::Codec;

/// Largest rank: the width of the embedded model, beyond which nothing more could be learned.
const MOST_RANK: u64 = 256;
/// Most sequences side by side, and most batches a step: more would only make a preview slow.
const MOST_SEQUENCES: u64 = 16;

/// Tokens an example is cut off after, at most.
const MOST_TOKENS: u64 = 512;

/// The plan's settings for a preview. The second are notes on what had to be taken otherwise.
pub fn settings_of(plan: &Plan, learning_rate: f64, seed: u64) -> (RunSettings, Vec<String>) {
    let mut notes = Vec::new();
    let usual = plan::Lora::default();
    let lora = plan.method.method.lora().unwrap_or_else(|| {
        notes.push(format!("the plan's method is {}; LoRA is run", plan.method.method.id()));
        &usual
    });
    let rank = lora.rank.clamp(1, MOST_RANK);
    if rank != lora.rank {
        notes.push(format!("rank {rank} instead of {}, the most a preview takes", lora.rank));
    }
    let batch = plan.batch.micro_batch.clamp(1, MOST_SEQUENCES);
    let accumulation = plan.batch.gradient_accumulation.clamp(1, MOST_SEQUENCES);
    if (batch, accumulation) != (plan.batch.micro_batch, plan.batch.gradient_accumulation) {
        notes.push(format!("{batch} × {accumulation} sequences a step: more would only take longer"));
    }
    let init = match lora.init {
        LoraInit::Zero => Init::Kaiming,
        LoraInit::Pissa => Init::Pissa,
        LoraInit::Loftq => Init::Loftq { iterations: 1 },
    };
    let settings = RunSettings {
        base: base(plan, &mut notes),
        lora: LoraSettings {
            rank: rank as usize,
            alpha: lora.alpha,
            rank_stabilized: lora.scaling == LoraScaling::RankStabilized,
            dropout: lora.dropout,
            dora: lora.weight_decomposed,
            init,
            targets: targets(&lora.targets, &mut notes),
            seed,
        },
        optimizer: optimizer(plan, learning_rate, &mut notes),
        batch: batch as usize,
        accumulation: accumulation as usize,
        recompute: plan.runtime.checkpointing == Checkpointing::Full,
        seed,
    };
    (settings, notes)
}

/// Tokens after which an example is cut off, and a note where it is not the plan's own length.
pub fn cutoff_of(plan: &Plan) -> (usize, Option<String>) {
    let wanted = plan.batch.sequence_length;
    let cutoff = wanted.clamp(8, MOST_TOKENS);
    let note = format!("examples are cut off at {cutoff} tokens instead of {wanted}: more would only take longer");
    (cutoff as usize, (cutoff != wanted).then_some(note))
}

fn base(plan: &Plan, notes: &mut Vec<String>) -> BaseFormat {
    let id = plan.precision.load_format.as_str();
    let doubled = match id {
        "nf4" if plan.precision.double_quantization => Some(Codec::Nf4Double.id()),
        "fp4" if plan.precision.double_quantization => Some(Codec::Fp4Double.id()),
        "int4-g128" => Some("int4-asym-g128"),
        _ => None,
    };
    BaseFormat::from_id(doubled.unwrap_or(id)).unwrap_or_else(|| {
        notes.push(format!("{id} is not run here; NF4 is"));
        BaseFormat::Packed(Codec::Nf4)
    })
}

fn optimizer(plan: &Plan, learning_rate: f64, notes: &mut Vec<String>) -> OptimizerSettings {
    let sgd = |momentum| OptimizerSettings::Sgd(SgdSettings { learning_rate, momentum, ..SgdSettings::default() });
    match plan.optimizer.algorithm {
        Algorithm::Sgd => sgd(0.0),
        Algorithm::SgdMomentum => sgd(0.9),
        other => {
            if other != Algorithm::AdamW {
                notes.push("AdamW takes the place of the plan's optimizer".to_owned());
            }
            OptimizerSettings::AdamW(AdamWSettings { learning_rate, ..AdamWSettings::default() })
        }
    }
}

fn targets(targets: &Targets, notes: &mut Vec<String>) -> Vec<Part> {
    let part = |target: &TargetPart| match target {
        TargetPart::Q => Part::Query,
        TargetPart::K => Part::Key,
        TargetPart::V => Part::Value,
        TargetPart::O => Part::Output,
        TargetPart::Gate => Part::Gate,
        TargetPart::Up => Part::Up,
        TargetPart::Down => Part::Down,
    };
    let chosen: Vec<Part> = match targets {
        Targets::AllLinear => Part::ALL.to_vec(),
        Targets::Parts(parts) => parts.iter().map(part).collect(),
        Targets::Custom(names) => {
            let named = |part: &Part| names.iter().any(|name| name.ends_with(part.name()));
            Part::ALL.into_iter().filter(named).collect()
        }
    };
    if chosen.is_empty() {
        notes.push("none of the target modules is in a Llama-type model; all linear layers are adapted".to_owned());
        return Part::ALL.to_vec();
    }
    chosen
}
