//! The optimizer: its loop, its learning rate and schedule, against each other and the method.

use super::{Found, Severity, set_number, set_toggle, set_word};
use crate::plan::edit::PlanEdit;
use crate::plan::field::{FieldValue, field, id};
use crate::plan::learning_rate::LearningRateBand;
use crate::plan::{Algorithm, Implementation, LearningRateSchedule, LoraScaling};

/// Scale α/√r of rank-stabilized LoRA above which it is remarked on: with α = 16, as its paper has it, rank 4 gives 8.
const LARGE_SCALE: f64 = 8.0;

pub fn check(found: &mut Found<'_>) {
    update_loop(found);
    freed_gradients(found);
    learning_rate(found);
    schedule(found);
    adapter_scale(found);
    evaluation(found);
}

fn update_loop(found: &mut Found<'_>) {
    let (algorithm, implementation) = (found.plan.optimizer.algorithm, found.plan.optimizer.implementation);
    if algorithm.has_own_loop() && implementation == Implementation::Foreach {
        found.push(
            Severity::Warning,
            id::OPTIMIZER_IMPLEMENTATION,
            "this optimizer has one loop of its own library; foreach means nothing there",
            Some(("use fused", set_word(id::OPTIMIZER_IMPLEMENTATION, "fused"))),
        );
    } else if !algorithm.has_foreach_and_fused() && !algorithm.has_own_loop() && implementation == Implementation::Fused
    {
        found.push(
            Severity::Note,
            id::OPTIMIZER_IMPLEMENTATION,
            "this optimizer has no fused kernel in PyTorch; its loop over tensors is used",
            Some(("use the for-loop", set_word(id::OPTIMIZER_IMPLEMENTATION, "for-loop"))),
        );
    }
    if !algorithm.is_traced() {
        found.push(
            Severity::Note,
            id::OPTIMIZER_ALGORITHM,
            "the lasting state of this optimizer is known; what its update allocates for a moment was not traced, and the band is wider",
            None,
        );
    }
}

/// What cannot be done where a gradient is used as soon as it is there.
fn freed_gradients(found: &mut Found<'_>) {
    let optimizer = &found.plan.optimizer;
    if !optimizer.frees_gradients() {
        return;
    }
    if found.plan.batch.gradient_accumulation > 1 {
        found.push(
            Severity::Error,
            id::BATCH_GRADIENT_ACCUMULATION,
            "each gradient is used or sent away in backward; nothing can be accumulated",
            Some(("accumulate 1", set_number(id::BATCH_GRADIENT_ACCUMULATION, 1))),
        );
    }
    if optimizer.clip_gradients {
        found.push(
            Severity::Error,
            id::OPTIMIZER_CLIP_GRADIENTS,
            "the norm of all gradients is never known where each is used or sent away in backward",
            Some(("do not clip", set_toggle(id::OPTIMIZER_CLIP_GRADIENTS, false))),
        );
    }
}

fn learning_rate(found: &mut Found<'_>) {
    let plan = found.plan;
    let Some(rate) = plan.optimizer.learning_rate else { return };
    if !LearningRateBand::holds_for(plan.optimizer.algorithm) {
        return;
    }
    let parameters = found.context.architecture.map(|architecture| architecture.parameters().total);
    let band = LearningRateBand::of(plan, parameters);
    let (severity, side) = if rate > band.high() {
        (Severity::Warning, "above")
    } else if rate < band.low() {
        (Severity::Note, "below")
    } else {
        return;
    };
    let moved = if band.moved.is_empty() { String::new() } else { format!(" ({})", band.moved.join("; ")) };
    let shown = |rate: f64| {
        field(id::OPTIMIZER_LEARNING_RATE)
            .map_or_else(|| rate.to_string(), |field| FieldValue::Decimal(rate).display(field))
    };
    let usual = shown(band.usual);
    let label = format!("begin with {usual}");
    found.push(
        severity,
        id::OPTIMIZER_LEARNING_RATE,
        format!(
            "a learning rate of {} is far {side} what is usual for {}: {usual}{moved}. Source: {}",
            shown(rate),
            band.kind,
            band.source
        ),
        Some((label.as_str(), PlanEdit::Set(id::OPTIMIZER_LEARNING_RATE, FieldValue::Decimal(band.usual)))),
    );
}

fn schedule(found: &mut Found<'_>) {
    let optimizer = &found.plan.optimizer;
    let warms_up = optimizer.warmup_share.is_some_and(|share| share > 0.0);
    if warms_up && optimizer.schedule == LearningRateSchedule::Constant {
        found.push(
            Severity::Warning,
            id::OPTIMIZER_SCHEDULE,
            "transformers' constant schedule has no warm-up, and passes over one that is asked for",
            Some(("constant with warm-up", set_word(id::OPTIMIZER_SCHEDULE, "constant-with-warmup"))),
        );
    }
    if optimizer.warmup_share.is_some_and(|share| share >= 0.5) {
        found.push(
            Severity::Warning,
            id::OPTIMIZER_WARMUP_SHARE,
            "half of the run or more is warm-up; it is a share of the steps from 0 to 1, usually 0.03 to 0.1",
            Some(("0.03", PlanEdit::Set(id::OPTIMIZER_WARMUP_SHARE, FieldValue::Decimal(0.03)))),
        );
    }
    let averages = optimizer.algorithm == Algorithm::ScheduleFree;
    let falls = !matches!(
        optimizer.schedule,
        LearningRateSchedule::Stack | LearningRateSchedule::Constant | LearningRateSchedule::ConstantWithWarmup
    );
    if averages && falls {
        found.push(
            Severity::Warning,
            id::OPTIMIZER_SCHEDULE,
            "schedule-free AdamW averages weights in place of a schedule; its authors run it at a constant rate",
            Some(("constant", set_word(id::OPTIMIZER_SCHEDULE, "constant"))),
        );
    }
}

/// Rank-stabilized LoRA scales by α/√r, not α/r: an α made for the other scale is far too large.
fn adapter_scale(found: &mut Found<'_>) {
    let Some(lora) = found.plan.method.method.lora() else { return };
    let root = (lora.rank as f64).sqrt();
    if lora.scaling != LoraScaling::RankStabilized || lora.alpha / root <= LARGE_SCALE {
        return;
    }
    let usual = (2.0 * root).round();
    let label = format!("alpha {usual}");
    found.push(
        Severity::Warning,
        id::METHOD_ALPHA,
        format!(
            "rank-stabilized LoRA scales by alpha/√rank, here {:.1}; alpha {} with rank {} was made for alpha/rank, {:.1} \
             (Kalajdzievski, 2023)",
            lora.alpha / root,
            lora.alpha,
            lora.rank,
            lora.alpha / lora.rank as f64
        ),
        Some((label.as_str(), PlanEdit::Set(id::METHOD_ALPHA, FieldValue::Decimal(usual)))),
    );
}

fn evaluation(found: &mut Found<'_>) {
    let plan = found.plan;
    if plan.run.evaluation_steps.is_some() && plan.objective.evaluation_batch.is_none() {
        found.push(
            Severity::Warning,
            id::OBJECTIVE_EVALUATION_BATCH,
            "evaluations are asked for, but no evaluation batch: their memory is not in the estimate (Trainer takes 8 sequences a device)",
            Some(("8 sequences", set_number(id::OBJECTIVE_EVALUATION_BATCH, 8))),
        );
    }
}
