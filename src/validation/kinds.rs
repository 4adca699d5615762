//! Rows of peaks traced from model code for jobs of every kind: what was run, by which library, and at which moment.

use super::table::Row;
use super::truth::{optimizer, weights};
use super::{Case, Metric, shape};
use crate::catalog::Catalog;
use crate::estimate::PhaseKind;
use crate::estimate::kind::{CHECKED_MERGE, Kind, MERGE, PREPARATION};
use crate::estimate::profile::Profiles;
use crate::limits::brief;
use crate::plan::{
    AttentionKernel, Checkpointing, DistillationLoss, FloatFormat, Lora, LossKernel, Method, ModelSource, Packing,
    Plan, PreferenceLoss, Reference, ReinforcementLoss, StageKind, TargetPart, Targets, Workload,
};
use crate::units::Bytes;

/// What a row runs, and the moment its peak is of where that is not the step's.
struct Job {
    stage: StageKind,
    alone: Option<&'static Kind>,
    moment: Option<PhaseKind>,
}

impl Job {
    const fn step(stage: StageKind) -> Self {
        Self { stage, alone: None, moment: None }
    }

    const fn beside(stage: StageKind, moment: PhaseKind) -> Self {
        Self { stage, alone: None, moment: Some(moment) }
    }

    const fn alone(kind: &'static Kind, moment: PhaseKind) -> Self {
        Self { stage: StageKind::Supervised, alone: Some(kind), moment: Some(moment) }
    }
}

/// Turns a row into a case; `Err`: why its kind, library, loss or model has no estimate of its own.
pub fn case(row: &Row, catalog: &Catalog, profiles: &Profiles) -> Result<Case, String> {
    let model = row.text("model").to_owned();
    let job = job(row)?;
    let profile_id = stack(row)?;
    let mut profile =
        profiles.get(profile_id).cloned().ok_or_else(|| format!("`lib`: there is no profile `{profile_id}`"))?;
    profile.softmax_workspace = false;
    let dimensions = shape::Dimensions::of_truth(row)?;
    let (architecture, assumptions) = shape::architecture(&model, dimensions, catalog)
        .map_err(|why| format!("`model`: no estimate of its class yet: {why}"))?;
    if !assumptions.is_empty() {
        return Err(format!("`model`: no estimate of its class yet: {}", assumptions.join("; ")));
    }
    let mut plan = plan(row, &job, catalog)?;
    plan.model.source = ModelSource::File { path: model.clone(), architecture: Box::new(architecture) };
    plan.runtime.profile.clone_from(&profile.id);
    if job.alone.is_none() {
        let kind = Kind::of(&plan, job.stage);
        if !kind.is_known(&profile) {
            return Err(format!("`kind`: {} has no model of {}", profile.name, kind.label));
        }
    }
    let measured_phase = job.moment.or(match row.text("peak_phase") {
        "forward" => Some(PhaseKind::Forward),
        "backward" => Some(PhaseKind::Backward),
        "optimizer" => Some(PhaseKind::OptimizerStep),
        _ => None,
    });
    Ok(Case {
        id: row.id(),
        line: row.line,
        source: format!("{} {}", row.text("kind"), row.text("lib")),
        model,
        plan,
        profile,
        kind: job.alone,
        moment: job.moment,
        metric: Metric::Tensors,
        over_all: false,
        after_prompt: false,
        measured: Bytes(row.needed("peak_bytes")?),
        measured_phase,
        complete: true,
        assumptions: Vec::new(),
    })
}

/// What the row's kind runs.
fn job(row: &Row) -> Result<Job, String> {
    let loss = row.text("loss");
    let refused = || Err(format!("`loss`: there is no model of `{}` yet", brief(loss)));
    Ok(match row.text("kind") {
        "sft" if matches!(loss, "" | "nll" | "chunked_nll") => Job::step(StageKind::Supervised),
        "hf" if loss.is_empty() => Job::step(StageKind::Supervised),
        "dpo" if matches!(loss, "" | "sigmoid") => Job::step(StageKind::Preference),
        "kto" if loss.is_empty() => Job::step(StageKind::Preference),
        "pairwise" if matches!(loss, "orpo" | "cpo" | "simpo") => Job::step(StageKind::Preference),
        "reward" if loss.is_empty() => Job::step(StageKind::RewardModel),
        "cls" if matches!(loss, "" | "token") => Job::step(StageKind::Classification),
        "distill" if matches!(loss, "gkd" | "distillation") => Job::step(StageKind::Distillation),
        "rl" if matches!(loss, "grpo" | "rloo") => Job::step(StageKind::Reinforcement),
        "rl_score" => Job::beside(StageKind::Reinforcement, PhaseKind::Scoring),
        "generate" => Job::beside(StageKind::Reinforcement, PhaseKind::Rollout),
        "eval" => Job::beside(StageKind::Supervised, PhaseKind::Evaluation),
        "kbit" => Job::alone(&PREPARATION, PhaseKind::Preparation),
        "merge" if row.flag("keep_logits", false)? => Job::alone(&CHECKED_MERGE, PhaseKind::Merge),
        "merge" => Job::alone(&MERGE, PhaseKind::Merge),
        "sft" | "hf" | "dpo" | "kto" | "pairwise" | "reward" | "cls" | "distill" | "rl" => return refused(),
        "vlm" => return Err("`kind`: images go through a vision tower, which has no model yet".to_owned()),
        "mlm" => return Err("`kind`: masked tokens are learnt by encoders, which have no model yet".to_owned()),
        "embed" => return Err("`kind`: embeddings are learnt by encoders, which have no model yet".to_owned()),
        "seq2seq" => return Err("`kind`: a decoder that attends to an encoder has no model yet".to_owned()),
        other => return Err(format!("`kind`: there is no model of `{}` yet", brief(other))),
    })
}

/// The profile of the row's library and version.
fn stack(row: &Row) -> Result<&'static str, String> {
    let kind = row.text("kind");
    Ok(match row.text("lib") {
        // Completions are generated by transformers in TRL's trainer.
        "transformers-5.23" if kind == "generate" => "trl-1.16",
        "transformers-5.23" | "peft-0.21" => "hf-trainer",
        "trl-0.24" => "trl-0.24",
        "trl-1.6" => "trl-1.6",
        "trl-1.7" => "trl-1.7",
        "trl-1.12" => "trl-1.12",
        "trl-1.13" | "trl-1.14" => "trl-1.13",
        "trl-1.15" => "trl-1.15",
        "trl-1.16" => "trl-1.16",
        other => return Err(format!("`lib`: there is no profile of `{}`", brief(other))),
    })
}

fn plan(row: &Row, job: &Job, catalog: &Catalog) -> Result<Plan, String> {
    if row.text("head") == "frozen" {
        return Err("`head`: a plan has no frozen head beside trained layers".to_owned());
    }
    if matches!(row.text("experts"), "eager" | "batched_mm") {
        return Err("`experts`: only grouped products of experts have a model".to_owned());
    }
    let mut plan = Plan { workload: Workload::Training, stages: vec![job.stage], ..Plan::default() };
    let method = row.text("method");
    plan.method.method = match method {
        "full" => Method::Full,
        "lora" => Method::Lora(lora(row)?),
        "qlora" => Method::Qlora(lora(row)?),
        other => return Err(format!("`method` is `{}`, not one of full, lora, qlora", brief(other))),
    };
    plan.method.train_head = row.text("head") == "modules_to_save";
    plan.precision.load_format = String::from(if method == "qlora" { "nf4" } else { weights(row)? });
    plan.precision.double_quantization = method == "qlora" && row.flag("double_quant", true)?;
    plan.precision.autocast = match row.text("amp") {
        "bf16" => Some(FloatFormat::Bf16),
        "none" | "" => None,
        other => return Err(format!("`amp` is `{}`, not one of none, bf16", brief(other))),
    };
    plan.precision.upcast_unquantized = method == "qlora" && row.flag("kbit_prep", false)?;
    if row.text("optimizer") != "none" {
        (plan.optimizer.algorithm, plan.optimizer.implementation) = optimizer(row)?;
    }
    plan.optimizer.clip_gradients = row.flag("clip", true)?;
    plan.batch.micro_batch = row.needed("micro_batch")?;
    plan.batch.sequence_length = row.needed("seq")?;
    plan.batch.gradient_accumulation = 1;
    plan.batch.packing = if row.flag("padded", false)? { Packing::Padded } else { Packing::Packed };
    plan.batch.new_tokens = 0;
    plan.runtime.loss = LossKernel::Stack;
    plan.runtime.checkpointing = if row.flag("grad_ckpt", false)? { Checkpointing::Full } else { Checkpointing::None };
    plan.runtime.attention = if row.text("attn") == "eager" { AttentionKernel::Eager } else { AttentionKernel::Sdpa };
    plan.hardware.accelerator = String::new();
    objective(row, job, catalog, &mut plan)?;
    Ok(plan)
}

fn objective(row: &Row, job: &Job, catalog: &Catalog, plan: &mut Plan) -> Result<(), String> {
    let length = plan.batch.sequence_length;
    let share = row.number("trained_share")?.unwrap_or(1.0);
    let unlabelled = if share < 1.0 { length.saturating_sub((length as f64 * share).round() as u64) } else { 0 };
    let objective = &mut plan.objective;
    objective.prompt_tokens = row.count("prompt")?.unwrap_or(0).max(unlabelled);
    objective.preference = match (row.text("kind"), row.text("loss")) {
        ("kto", _) => PreferenceLoss::Kto,
        (_, "orpo") => PreferenceLoss::Orpo,
        (_, "cpo") => PreferenceLoss::Cpo,
        (_, "simpo") => PreferenceLoss::Simpo,
        _ => PreferenceLoss::Dpo,
    };
    if row.text("loss") == "rloo" {
        objective.reinforcement = ReinforcementLoss::Rloo;
    }
    if row.text("loss") == "gkd" {
        objective.distillation = DistillationLoss::Gkd;
    }
    objective.reference = match row.text("reference") {
        "model" => Reference::Model,
        "adapter_off" => Reference::Own,
        "precomputed" => Reference::Precomputed,
        _ => Reference::None,
    };
    let teacher = row.text("teacher");
    if !teacher.is_empty() {
        let known = catalog.models.iter().find(|entry| entry.id.rsplit('/').next() == Some(teacher));
        let known = known.ok_or_else(|| format!("`teacher`: “{}” is not in the catalogue", brief(teacher)))?;
        objective.teacher.clone_from(&known.id);
    }
    objective.classes = row.count("labels")?.filter(|&labels| labels > 0).unwrap_or(2);
    objective.per_token = row.text("kind") == "cls" && row.text("loss") == "token";
    match job.moment {
        Some(PhaseKind::Evaluation) => {
            objective.evaluation_batch = Some(plan.batch.micro_batch);
            let kept = row.flag("keep_logits", false)?;
            objective.evaluation_kept = if kept { row.count("batches")?.unwrap_or(1) } else { 0 };
        }
        Some(PhaseKind::Rollout) => objective.completions = plan.batch.micro_batch,
        Some(PhaseKind::Scoring) => objective.completions = row.needed("generations")?,
        _ => {}
    }
    Ok(())
}

fn lora(row: &Row) -> Result<Lora, String> {
    let targets = match row.text("lora_targets") {
        "qv" => Targets::Parts(vec![TargetPart::Q, TargetPart::V]),
        "attn" => Targets::Parts(vec![TargetPart::Q, TargetPart::K, TargetPart::V, TargetPart::O]),
        "all-linear" | "" => Targets::AllLinear,
        other => return Err(format!("`lora_targets` is `{}`, not one of qv, attn, all-linear", brief(other))),
    };
    let wide = row.text("adapter") != "bf16" || row.text("weights") == "fp32";
    Ok(Lora {
        // A preparation has no adapters yet.
        rank: row.count("lora_r")?.unwrap_or(0).max(1),
        dropout: 0.0,
        targets,
        dtype: if wide { FloatFormat::Fp32 } else { FloatFormat::Bf16 },
        ..Lora::default()
    })
}
