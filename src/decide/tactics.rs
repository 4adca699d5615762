//! How to go about it once training is decided: staged ways, and bands with their sources.
//!
//! Only figures that were read in their source stand here.

use crate::plan::decision::Answers;
use crate::plan::learning_rate::LearningRateBand;
use crate::plan::{Method, Plan, StageKind, Workload};
use crate::units::grouped;

/// Examples below which changing every weight is doubtful: a convention of this program for "little data".
const LITTLE_DATA: u64 = 1000;
/// Steps under which a LoRA run is short (Schulman et al., 2025).
const SHORT_RUN_STEPS: f64 = 100.0;

/// A way to work in stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagedPlan {
    /// Name.
    pub name: &'static str,
    /// Stages in order.
    pub stages: &'static [&'static str],
    /// Where it is from.
    pub source: &'static str,
}

/// The two ways of the book.
pub const STAGED_PLANS: [StagedPlan; 2] = [
    StagedPlan {
        name: "Progression path",
        stages: &[
            "The cheapest, weakest model: does the code run?",
            "A middling model: does the data help, does the loss fall?",
            "The best model you can afford: how far does it go?",
            "All sizes with that data: map price against performance, and choose.",
        ],
        source: "Huyen, AI Engineering (2025), ch. 7: fine-tuning tactics",
    },
    StagedPlan {
        name: "Distillation path",
        stages: &[
            "A small set of good examples on the strongest model you can afford.",
            "That model generates more training data, which is checked.",
            "The data trains a cheaper model.",
        ],
        source: "Huyen, AI Engineering (2025), ch. 7: fine-tuning tactics",
    },
];

/// A piece of advice on a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tactic {
    /// What it is about.
    pub name: &'static str,
    /// The band, in words.
    pub band: String,
    /// What the plan has, in words; empty where the plan has no such setting.
    pub plan: String,
    /// The plan leaves the band: why that is a risk.
    pub warning: Option<String>,
    /// Where the band is from.
    pub source: &'static str,
}

/// Advice for `plan`.
pub fn tactics(plan: &Plan) -> Vec<Tactic> {
    let mut found = vec![start_small(plan), method(plan), learning_rate(plan)];
    if plan.workload == Workload::Training {
        found.push(batch(plan));
        found.push(epochs(plan));
    }
    found.push(prompt_loss(plan));
    found
}

fn start_small(plan: &Plan) -> Tactic {
    let warning = plan.run.examples.filter(|examples| *examples < super::facts::ENOUGH_EXAMPLES).map(|examples| {
        format!("{} examples rarely show anything; put them into the prompt and collect more", grouped(examples))
    });
    Tactic {
        name: "Examples",
        band:
            "start with about 50 well-crafted ones; most see a gain within 50 to 100; plot quality at 25, 50 and 100 %"
                .to_owned(),
        plan: plan.run.examples.map_or_else(String::new, |examples| format!("{} examples", grouped(examples))),
        warning,
        source: "Huyen, AI Engineering (2025), ch. 8: data quantity",
    }
}

fn method(plan: &Plan) -> Tactic {
    let is_full = matches!(plan.method.method, Method::Full | Method::Galore { .. } | Method::Blockwise { .. });
    let few = plan.run.examples.filter(|examples| *examples < LITTLE_DATA);
    let warning = few.filter(|_| is_full).map(|examples| {
        format!(
            "all weights on {} examples: adapters on a stronger model get more out of little data",
            grouped(examples)
        )
    });
    Tactic {
        name: "Method",
        band: "little data: PEFT on a stronger model; much data: full fine-tuning of a smaller one".to_owned(),
        plan: plan.method.method.id().to_owned(),
        warning,
        source: "Huyen, AI Engineering (2025), ch. 8: data quantity; the line at 1,000 examples is this program's",
    }
}

fn learning_rate(plan: &Plan) -> Tactic {
    let band = LearningRateBand::of(plan, None);
    let moved: String = band.moved.iter().map(|moved| format!("; {moved}")).collect();
    let rate = plan.optimizer.learning_rate;
    let outside = rate.is_some_and(|rate| rate < band.low() || rate > band.high());
    Tactic {
        name: "Learning rate",
        band: format!(
            "{:e} to begin with for {}{moved}; flat training loss: raise it, or look for a bug in the data",
            band.usual, band.kind
        ),
        plan: rate.map(|rate| format!("{rate:e}")).unwrap_or_default(),
        warning: outside.then(|| "more than ten times from what is usual".to_owned()),
        source: band.source,
    }
}

/// Sequences of one optimizer step.
fn sequences_per_step(plan: &Plan) -> u64 {
    let devices = plan.hardware.count.max(1);
    plan.batch.micro_batch.saturating_mul(plan.batch.gradient_accumulation).saturating_mul(devices).max(1)
}

fn batch(plan: &Plan) -> Tactic {
    let batch = sequences_per_step(plan);
    let steps = plan.run.examples.map(|examples| examples.div_ceil(batch) as f64 * plan.run.epochs);
    let short = steps.filter(|steps| *steps < SHORT_RUN_STEPS);
    let warning = short.map(|steps| {
        format!("about {steps:.0} optimizer steps in total: a smaller batch gives more of them, and LoRA wants a higher learning rate")
    });
    Tactic {
        name: "Batch",
        band: "as small as training stays stable; accumulate gradients where memory is short; LoRA dislikes very large ones".to_owned(),
        plan: format!("up to {} sequences a step", grouped(batch)),
        warning,
        source: "Huyen, AI Engineering (2025), ch. 7; Schulman et al., 2025, LoRA without regret",
    }
}

/// Epochs that OpenAI's cookbook takes: 3, raised until 100 examples are seen (at most 25), lowered so that no more than
/// 25,000 are.
pub fn usual_epochs(examples: u64) -> f64 {
    let examples = examples.max(1) as f64;
    if examples * 3.0 < 100.0 {
        (100.0 / examples).floor().clamp(1.0, 25.0)
    } else if examples * 3.0 > 25_000.0 {
        (25_000.0 / examples).floor().max(1.0)
    } else {
        3.0
    }
}

fn epochs(plan: &Plan) -> Tactic {
    let usual = plan.run.examples.map(usual_epochs);
    let epochs = plan.run.epochs;
    let warning = usual.and_then(|usual| {
        if epochs > 2.0 * usual {
            Some(format!(
                "{epochs} epochs, and {usual} are usual for so many examples: watch the validation loss for overfitting"
            ))
        } else if epochs < usual / 2.0 {
            Some(format!("{epochs} epochs, and {usual} are usual for so few examples"))
        } else {
            None
        }
    });
    Tactic {
        name: "Epochs",
        band: usual.map_or_else(
            || "more for small data; say how many examples there are".to_owned(),
            |usual| format!("about {usual} for so many examples"),
        ),
        plan: format!("{epochs} epochs"),
        warning,
        source: "Huyen, AI Engineering (2025), ch. 7; OpenAI cookbook, chat fine-tuning data preparation",
    }
}

fn prompt_loss(plan: &Plan) -> Tactic {
    let instructed = plan.stages.contains(&StageKind::Supervised);
    Tactic {
        name: "Prompt loss weight",
        band: "10 % is typical: learn mostly from responses, a little from prompts".to_owned(),
        plan: String::new(),
        warning: instructed.then(|| {
            "axolotl, LLaMA-Factory, TRL, MLX and torchtune know only 0 and 1: mask the prompt, or write a loss"
                .to_owned()
        }),
        source: "Huyen, AI Engineering (2025), ch. 7; options of the five programs as released in 2026",
    }
}

/// Advice on serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServingAdvice {
    /// What to do.
    pub words: &'static str,
    /// Where it is from.
    pub source: &'static str,
}

/// How to serve, from who may take the base away, where data may go, and how many adapters there are.
pub fn serving(answers: &Answers, adapters: u64) -> Vec<ServingAdvice> {
    const BOOK: &str = "Huyen, AI Engineering (2025), ch. 7: serving adapters";
    let mut found = vec![if adapters <= 1 {
        ServingAdvice {
            words: "One adapter: merge it into the base, and no request takes longer than on the base.",
            source: BOOK,
        }
    } else {
        ServingAdvice {
            words: "Several adapters: keep them separate from one base, so that a switch loads an adapter and not a model.",
            source: BOOK,
        }
    }];
    if answers.vendor_retires == Some(true) {
        found.push(ServingAdvice {
            words: "Somebody else can retire the base: ask for the date, keep data and evaluation so that another base can be tuned, and keep the weights where the licence allows it.",
            source: "Vendors' deprecation pages, 2026; check the date of yours",
        });
    }
    if answers.in_house == Some(true) {
        found.push(ServingAdvice {
            words: "Data stays in house or the model runs on a device: open weights on own hardware, merged and quantized for a device, measured again after quantization.",
            source: BOOK,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The constants of the notebook: target 3 epochs, 100 to 25,000 examples seen, 1 to 25 epochs.
    #[test]
    fn epochs_follow_the_cookbook() {
        for (examples, wanted) in
            [(10, 10.0), (4, 25.0), (3, 25.0), (50, 3.0), (1000, 3.0), (10_000, 2.0), (30_000, 1.0)]
        {
            assert_eq!(usual_epochs(examples), wanted, "{examples}");
        }
    }

    #[test]
    fn leaving_a_band_warns() {
        let mut plan = Plan::default();
        plan.run.examples = Some(200);
        plan.run.epochs = 12.0;
        plan.method.method = Method::Full;
        let warned = |plan: &Plan, name| tactics(plan).into_iter().any(|t| t.name == name && t.warning.is_some());
        assert!(warned(&plan, "Epochs") && warned(&plan, "Method"));
        plan.run.epochs = 3.0;
        plan.method.method = Method::Lora(crate::plan::Lora::default());
        assert!(!warned(&plan, "Epochs") && !warned(&plan, "Method"));
    }
}
