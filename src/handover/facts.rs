//! A plan as named values that a key table can write: its settings by their ids, and what follows from them (`:name`).

use super::torchtune;
use crate::architecture::{Architecture, LinearRole};
use crate::catalog::Catalog;
use crate::export::{Facts, Value};
use crate::plan::field::words::Word as _;
use crate::plan::field::{Field, FieldValue, Section, fields, id};
use crate::plan::learning_rate::LearningRateBand;
use crate::plan::{
    FloatFormat, Lora, LoraScaling, Method, ModelSource, Plan, PreferenceLoss, StageKind, Strategy, TargetPart,
    Targets, Workload,
};

/// Most layers that are named one by one.
const MOST_LAYERS: usize = 512;

/// Settings that no engine's file has a place for: prices, notes, figures of the device, what only the estimate needs.
const ONLY_PLANNING: &[&str] = &[
    id::NAME,
    id::RUNTIME_PROFILE,
    id::HARDWARE_MEMORY_MIB,
    id::HARDWARE_RESERVE_MIB,
    id::HARDWARE_BANDWIDTH_GB_S,
    id::HARDWARE_BF16_TFLOPS,
    id::HARDWARE_HOST_MEMORY_GIB,
    id::HARDWARE_DISK_GB,
    id::RUN_AVERAGE_LENGTH,
    id::RUN_LOADER_TOKENS_PER_SEC,
    id::RUN_LOAD_GB_S,
];

/// Whether a setting is the plan's own business.
pub fn is_only_planning(field: &Field) -> bool {
    matches!(field.section, Section::Cost | Section::Measured)
        || field.section == Section::Model && field.id != id::MODEL_ID
        || field.id.rsplit('.').next() == Some("notes")
        || ONLY_PLANNING.contains(&field.id)
}

/// What the plan says, for one of its stages.
pub fn of(plan: &Plan, stage: StageKind) -> Facts {
    let plan = &Plan { stages: vec![stage], ..plan.clone() };
    let mut facts = Facts::new();
    for field in fields().iter().filter(|field| !is_only_planning(field) && (field.applies)(plan)) {
        if let Some(value) = (field.get)(plan).and_then(|value| value_of(field, value)) {
            facts.insert(field.id.to_owned(), value);
        }
    }
    // Data: what the files do not hold, but the steps follow from.
    for id in [id::RUN_EXAMPLES, id::RUN_TOKENS] {
        if let Some(value) = facts.remove(id) {
            facts.insert(format!(":{id}"), value);
        }
    }
    if plan.workload == Workload::Training {
        facts.remove(id::RUN_ADAPTERS);
    }
    let mut follow = |name: &str, value: Value| facts.insert(format!(":{name}"), value);
    follow("kind", Value::text(kind(plan, stage)));
    follow("trainer", Value::text(trainer(plan, stage)));
    follow("compute", Value::text(compute(plan)));
    follow("devices", Value::Count(devices(plan)));
    follow("lora", Value::Flag(plan.method.method.lora().is_some()));
    follow("quantized", Value::Flag(crate::plan::check::is_quantized(&plan.precision.load_format)));
    // What is usual, for where the plan leaves the rate to its stack.
    follow("rate", Value::Number(LearningRateBand::of(plan, None).usual));
    follow("zero", Value::Text(plan.parallelism.strategy.id().replace('-', "")));
    model(plan, &mut facts);
    adapters(plan, &mut facts);
    course(plan, stage, &mut facts);
    facts
}

fn value_of(field: &Field, value: FieldValue) -> Option<Value> {
    Some(match value {
        // No token is added: nothing to say.
        FieldValue::Integer(0) if field.id == id::DATA_ADDED_TOKENS => return None,
        FieldValue::Integer(count) => Value::Count(count),
        FieldValue::Decimal(number) => Value::Number(number),
        FieldValue::Toggle(on) => Value::Flag(on),
        FieldValue::Text(text) if text.is_empty() => return None,
        FieldValue::Id(word) | FieldValue::Text(word) => Value::Text(word),
        FieldValue::List(words) => Value::texts(words),
        FieldValue::Counts(counts) if counts.is_empty() => return None,
        FieldValue::Counts(counts) => Value::List(counts.into_iter().map(Value::Count).collect()),
        // Nothing is evaluated: that is said. Everything else that is not given is not planned.
        FieldValue::Unset if field.id == id::OBJECTIVE_EVALUATION_BATCH => Value::text("none"),
        FieldValue::Unset => return None,
    })
}

/// The kind in the words of engines.
pub fn kind(plan: &Plan, stage: StageKind) -> &'static str {
    use crate::plan::{DistillationLoss, ReinforcementLoss};
    match stage {
        StageKind::ContinuedPretraining => "pt",
        StageKind::Supervised => "sft",
        StageKind::Infilling => "infilling",
        StageKind::LongContext => "long-context",
        StageKind::Preference => match plan.objective.preference {
            PreferenceLoss::Dpo => "dpo",
            PreferenceLoss::Kto => "kto",
            PreferenceLoss::Orpo => "orpo",
            PreferenceLoss::Cpo => "cpo",
            PreferenceLoss::Simpo => "simpo",
        },
        StageKind::RewardModel => "rm",
        StageKind::Distillation => match plan.objective.distillation {
            DistillationLoss::Logits => "distillation",
            DistillationLoss::Gkd => "gkd",
        },
        StageKind::Reinforcement => match plan.objective.reinforcement {
            ReinforcementLoss::Grpo => "grpo",
            ReinforcementLoss::Rloo => "rloo",
        },
        StageKind::Classification => "classification",
    }
}

/// The same, where the data alone makes the difference.
fn trainer(plan: &Plan, stage: StageKind) -> &'static str {
    match kind(plan, stage) {
        "infilling" | "long-context" => "sft",
        "simpo" => "cpo",
        "rm" => "reward",
        other => other,
    }
}

/// Format of the arithmetic.
fn compute(plan: &Plan) -> &'static str {
    match plan.precision.autocast {
        Some(FloatFormat::Fp16) => "fp16",
        Some(FloatFormat::Bf16) => "bf16",
        _ => match plan.precision.load_format.as_str() {
            "fp16" => "fp16",
            "fp32" => "fp32",
            _ => "bf16",
        },
    }
}

/// Processes of one job: where nothing says how devices share, each works alone.
pub fn devices(plan: &Plan) -> u64 {
    let parallel = &plan.parallelism;
    let alone = parallel.strategy == Strategy::Single && parallel.tensor * parallel.context * parallel.pipeline == 1;
    if alone { 1 } else { plan.hardware.count.max(1) }
}

/// Devices that see different data.
pub fn data_devices(plan: &Plan) -> u64 {
    let parallel = &plan.parallelism;
    let inner = parallel.tensor.saturating_mul(parallel.context).saturating_mul(parallel.pipeline).max(1);
    (devices(plan) / inner).max(1)
}

fn model(plan: &Plan, facts: &mut Facts) {
    let (name, known) = match &plan.model.source {
        ModelSource::Catalog(id) => {
            let entry = Catalog::embedded().model(id);
            (entry.map_or(id.clone(), |entry| entry.id.clone()), entry.map(|entry| entry.architecture.clone()))
        }
        ModelSource::File { path, architecture } => (path.clone(), Some((**architecture).clone())),
        ModelSource::Typed(shape) => {
            facts.insert(":typed".to_owned(), Value::Flag(true));
            ("PATH/TO/MODEL".to_owned(), Some(Architecture::from(shape)))
        }
    };
    torchtune::model(&name, facts);
    facts.insert(id::MODEL_ID.to_owned(), Value::Text(name));
    let Some(architecture) = known else { return };
    let code = architecture.model_code.as_str();
    facts.insert(":code".to_owned(), Value::text(code));
    facts.insert(":layers".to_owned(), Value::Count(architecture.num_layers()));
    facts.insert(":tied".to_owned(), Value::Flag(architecture.head.tied));
    let experts = architecture.layers.iter().any(|group| matches!(group.layer.mlp, crate::architecture::Mlp::Moe(_)));
    facts.insert(":experts".to_owned(), Value::Flag(experts));
    if let Some(targets) = plan.method.method.targets() {
        let modules = modules(targets, &architecture);
        facts.insert(":mlx_modules".to_owned(), Value::texts(modules.iter().map(|name| in_layer(name))));
        torchtune::modules(&modules, facts);
        facts.insert(":modules".to_owned(), Value::texts(modules));
    }
    let (embedding, head) = match code {
        "GPT2LMHeadModel" | "GPTBigCodeForCausalLM" | "GPTNeoForCausalLM" | "GPTJForCausalLM" => ("wte", "lm_head"),
        "GPTNeoXForCausalLM" => ("embed_in", "embed_out"),
        "BloomForCausalLM" | "FalconForCausalLM" => ("word_embeddings", "lm_head"),
        _ => ("embed_tokens", "lm_head"),
    };
    let whole = [(plan.method.train_embeddings, embedding), (plan.method.train_head, head)];
    let whole: Vec<&str> = whole.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    if !whole.is_empty() && facts.contains_key(id::METHOD_TRAIN_HEAD) {
        facts.insert(":whole".to_owned(), Value::texts(whole));
    }
    if let Method::LastLayers { layers } = plan.method.method {
        let all = architecture.num_layers();
        // Codes that name their layers otherwise are left out: nothing is guessed.
        let usual = !["GPT", "Bloom", "Falcon", "OPT", "MPT", "T5"].iter().any(|start| code.starts_with(start));
        let last: Vec<u64> = (all.saturating_sub(layers)..all).collect();
        if usual && last.len() <= MOST_LAYERS {
            let patterns = last.iter().map(|layer| format!("^model.layers.{layer}.*"));
            facts.insert(":last_layers".to_owned(), Value::texts(patterns));
            let names: Vec<String> = last.iter().map(|layer| format!("\"model.layers.{layer}.\"")).collect();
            let script = format!(
                "last = ({},)\nfor name, parameter in trainer.model.named_parameters():\n    parameter.requires_grad = name.startswith(last)",
                names.join(", ")
            );
            facts.insert(":last_layers_script".to_owned(), Value::Text(script));
        }
    }
}

/// A module's path inside its layer, as MLX-LM's models have it.
fn in_layer(name: &str) -> String {
    match name {
        "q_proj" | "k_proj" | "v_proj" | "o_proj" | "qkv_proj" => format!("self_attn.{name}"),
        "gate_proj" | "up_proj" | "down_proj" | "gate_up_proj" => format!("mlp.{name}"),
        other => other.to_owned(),
    }
}

/// Names of the adapted modules in the model's own code.
fn modules(targets: &Targets, architecture: &Architecture) -> Vec<String> {
    let parts = match targets {
        Targets::AllLinear => return vec!["all-linear".to_owned()],
        Targets::Custom(names) => return names.clone(),
        Targets::Parts(parts) => parts,
    };
    let is_hit = |role: LinearRole| {
        parts.iter().any(|part| match part {
            TargetPart::Q => matches!(role, LinearRole::Query | LinearRole::FusedQkv),
            TargetPart::K => matches!(role, LinearRole::Key | LinearRole::FusedQkv),
            TargetPart::V => matches!(role, LinearRole::Value | LinearRole::FusedQkv),
            TargetPart::O => role == LinearRole::Output,
            TargetPart::Gate => matches!(role, LinearRole::Gate | LinearRole::FusedGateUp),
            TargetPart::Up => matches!(role, LinearRole::Up | LinearRole::FusedGateUp),
            TargetPart::Down => role == LinearRole::Down,
        })
    };
    let mut names: Vec<String> = Vec::new();
    for group in &architecture.layers {
        for linear in &group.layer.linears(architecture.hidden_size, &architecture.model_code) {
            if is_hit(linear.role) && !names.iter().any(|name| name == linear.name) {
                names.push(linear.name.to_owned());
            }
        }
    }
    names
}

fn adapters(plan: &Plan, facts: &mut Facts) {
    if let Method::Galore { rank } = plan.method.method {
        facts.insert(":galore_args".to_owned(), Value::Text(format!("rank={rank}")));
    }
    let Some(Lora { rank, alpha, scaling, .. }) = plan.method.method.lora() else { return };
    let divisor = match scaling {
        LoraScaling::Standard => *rank as f64,
        LoraScaling::RankStabilized => (*rank as f64).sqrt(),
    };
    facts.insert(":scale".to_owned(), Value::Number(alpha / divisor.max(1.0)));
    // vLLM 0.33 config/lora.py MaxLoRARanks.
    let served = [1, 8, 16, 32, 64, 128, 256, 320, 512].into_iter().find(|served| *served >= *rank);
    if let Some(served) = served {
        facts.insert(":served_rank".to_owned(), Value::Count(served));
    }
}

/// Steps and what hangs on them, where the plan says how much data there is.
fn course(plan: &Plan, stage: StageKind, facts: &mut Facts) {
    let batch = &plan.batch;
    let forward = batch.micro_batch.saturating_mul(data_devices(plan));
    let step = forward.saturating_mul(batch.gradient_accumulation).max(1);
    facts.insert(":global_batch".to_owned(), Value::Count(step));
    facts.insert(":data_devices".to_owned(), Value::Count(data_devices(plan)));
    facts.insert(":whole_epochs".to_owned(), Value::Count(plan.run.epochs.ceil().max(1.0) as u64));
    if let Some(examples) = sequences(plan) {
        let steps = (examples * plan.run.epochs / step as f64).ceil().max(1.0) as u64;
        facts.insert(":steps".to_owned(), Value::Count(steps));
        let iterations = steps.saturating_mul(batch.gradient_accumulation);
        facts.insert(":iterations".to_owned(), Value::Count(iterations));
        if let Some(checkpoints) = plan.run.checkpoints.filter(|count| *count > 0) {
            facts.insert(":save_steps".to_owned(), Value::Count(steps.div_ceil(checkpoints).max(1)));
            facts.insert(":save_every".to_owned(), Value::Count(iterations.div_ceil(checkpoints).max(1)));
        }
    }
    if let Some(checkpoints) = plan.run.checkpoints.filter(|count| *count > 1) {
        facts.insert(":save_share".to_owned(), Value::Number(1.0 / checkpoints as f64));
    }
    if stage == StageKind::Reinforcement {
        let prompt = plan.objective.prompt_tokens.min(batch.sequence_length.saturating_sub(1));
        facts.insert(":completion".to_owned(), Value::Count(batch.sequence_length - prompt));
        let generated = plan.objective.completions.saturating_mul(data_devices(plan));
        facts.insert(":generated".to_owned(), Value::Count(generated));
        let fits = plan.objective.completions.is_multiple_of(batch.micro_batch.max(1)) && generated > 1;
        facts.insert(":generated_fits".to_owned(), Value::Flag(fits));
        let group = (2..=8).rev().find(|group| generated.is_multiple_of(*group)).unwrap_or(generated.max(2));
        facts.insert(":group".to_owned(), Value::Count(group));
        // axolotl holds the group against one process's passes, and every process against a whole group.
        let passes = batch.micro_batch.saturating_mul(batch.gradient_accumulation);
        let fits = |group: &u64| passes.is_multiple_of(*group) && passes >= group.saturating_mul(devices(plan));
        if let Some(group) = (2..=8).rev().find(fits) {
            facts.insert(":axolotl_group".to_owned(), Value::Count(group));
        }
        if let Some(evaluated) = plan.objective.evaluation_batch {
            let all = evaluated.saturating_mul(data_devices(plan));
            let group = (1..=8).rev().find(|group| all % group == 0).unwrap_or(1);
            facts.insert(":group_eval".to_owned(), Value::Count(group));
        }
    }
}

/// Sequences of an epoch: a packed one is full, a padded one holds an example.
fn sequences(plan: &Plan) -> Option<f64> {
    let length = plan.batch.sequence_length.max(1) as f64;
    let average = plan.run.average_length.map_or(length, |average| (average as f64).min(length));
    let packed = plan.batch.packing == crate::plan::Packing::Packed;
    match (plan.run.tokens, plan.run.examples) {
        (Some(tokens), _) if packed => Some(tokens as f64 / length),
        (Some(tokens), _) => Some(tokens as f64 / average),
        (None, Some(examples)) if packed => Some(examples as f64 * average / length),
        (None, Some(examples)) => Some(examples as f64),
        (None, None) => None,
    }
}
