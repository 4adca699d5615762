//! What is served of a plan: an adapter beside its base where servers take it, else a merged model.

use super::facts;
use crate::export::{Facts, Value};
use crate::plan::field::id;
use crate::plan::{LoraInit, Method, Plan, StageKind, Workload};

/// Adapters of one batch that a server holds on the device at most, where nothing says it.
const SLOTS: u64 = 8;

/// Facts of a plan for a server. A training plan says nothing of requests: those stay the server's own.
pub fn of(plan: &Plan, stage: StageKind) -> Facts {
    let trained = facts::of(&Plan { workload: Workload::Training, ..plan.clone() }, stage);
    let mut served = facts::of(&Plan { workload: Workload::Inference, ..plan.clone() }, stage);
    for id in [id::METHOD_KIND, id::METHOD_RANK, id::METHOD_TARGETS] {
        if let Some(value) = trained.get(id) {
            served.insert(id.to_owned(), value.clone());
        }
    }
    served.insert(id::WORKLOAD.to_owned(), Value::text("inference"));
    for (name, value) in &trained {
        if name.starts_with(':') && !served.contains_key(name) {
            served.insert(name.clone(), value.clone());
        }
    }
    let mut context = plan.batch.sequence_length;
    let mut all = 1;
    if plan.workload == Workload::Inference {
        context = context.saturating_add(plan.batch.new_tokens);
        all = plan.batch.micro_batch.max(1);
    } else {
        for id in [id::BATCH_MICRO_BATCH, id::BATCH_NEW_TOKENS, id::PRECISION_KV_CACHE_FORMAT] {
            served.remove(id);
        }
        // What was trained on a quantized base is served on the 16-bit one.
        if crate::plan::check::is_quantized(&plan.precision.load_format) {
            let format = trained.get(":compute").cloned().unwrap_or_else(|| Value::text("bf16"));
            served.insert(id::PRECISION_LOAD_FORMAT.to_owned(), format);
            served.remove(id::PRECISION_DOUBLE_QUANTIZATION);
        }
    }
    let adapter = is_served_beside(plan);
    let model = trained.get(id::MODEL_ID).map(ToString::to_string).unwrap_or_default();
    let full = matches!(plan.method.method, Method::Full | Method::Galore { .. } | Method::Blockwise { .. });
    // A plan that only runs a model has nothing to merge.
    let merged = !adapter && plan.workload == Workload::Training;
    let llama = ["Llama", "Mistral", "Gemma"]
        .iter()
        .any(|start| trained.get(":code").is_some_and(|code| code.to_string().starts_with(start)));
    let gguf = if merged { "./merged.gguf" } else { "./base.gguf" };
    let all_facts = [
        ("adapter", Value::Flag(adapter)),
        ("merged", Value::Flag(merged)),
        ("merged_path", Value::text(if full { "./out" } else { "./merged" })),
        ("gguf", Value::text(gguf)),
        ("ollama_adapter", Value::Flag(llama)),
        ("context", Value::Count(context)),
        ("all_context", Value::Count(context.saturating_mul(all))),
        ("slots", Value::Count(plan.run.adapters.min(SLOTS))),
        ("with_adapter", Value::Text(format!("{model}+./out"))),
    ];
    for (name, value) in all_facts {
        served.insert(format!(":{name}"), value);
    }
    let rank = trained.get(id::METHOD_RANK).map(ToString::to_string);
    let slot = trained.get(":served_rank").map(ToString::to_string);
    served.insert(":pads_rank".to_owned(), Value::Flag(rank.is_some() && rank != slot));
    served
}

/// Whether servers take the adapter beside its base.
fn is_served_beside(plan: &Plan) -> bool {
    let whole = plan.method.train_embeddings || plan.method.train_head;
    plan.workload == Workload::Training
        && plan.method.method.lora().is_some_and(|lora| !lora.weight_decomposed && !whole && lora.rank <= 512)
}

/// What serving will say to an adapter, told before it is trained. Sources: vLLM 0.33 config/lora.py; reports as named.
pub fn lint(plan: &Plan, facts: &Facts) -> Vec<String> {
    let Some(lora) = plan.method.method.lora() else { return Vec::new() };
    let mut found = Vec::new();
    let is = |name: &str| facts.get(name).is_some_and(|value| *value == Value::Flag(true));
    match facts.get(":served_rank") {
        Some(Value::Count(slot)) if *slot != lora.rank => found.push(format!(
            "vLLM serves ranks 1, 8, 16, 32, 64, 128, 256, 320 and 512: rank {} takes slots of {slot} (vllm 2847)",
            lora.rank
        )),
        None => found.push(format!("vLLM serves adapters up to rank 512: rank {} must be merged", lora.rank)),
        _ => {}
    }
    if lora.rank > 16 {
        found.push("vLLM refuses ranks above 16 unless it is started with --max-lora-rank (unsloth 2097)".to_owned());
    }
    if lora.weight_decomposed {
        found.push("DoRA adapters are not served by vLLM or llama.cpp: merge them first (vllm 6983, 10849)".to_owned());
    }
    if plan.method.train_embeddings || plan.method.train_head {
        found.push(
            "embeddings or head trained whole (modules_to_save) are not served beside the base: merge them first \
             (vllm 9280, llama.cpp 11554)"
                .to_owned(),
        );
    }
    if is(":tied") && plan.method.train_embeddings != plan.method.train_head {
        found.push(
            "head and embedding of this model are one matrix, and one of them is trained: a merge keeps one or unties \
             them (peft 2018, transformers 45127)"
                .to_owned(),
        );
    }
    if is(":experts") {
        found.push(
            "PEFT's all-linear does not reach stacked experts, and servers have no slots for adapters on them \
             (unsloth 6936, mlx-lm 571)"
                .to_owned(),
        );
    }
    if is(":quantized") {
        found.push(
            "trained on a quantized base: merge into the 16-bit one, quantize again, and evaluate again; a merge into 4 \
             bits loses quality (transformers 31293, peft 2321)"
                .to_owned(),
        );
    }
    if lora.init != LoraInit::Zero {
        found.push(
            "PiSSA and LoftQ change the base's own weights: the adapter fits the residual base alone; convert it to a \
             LoRA (path_initial_model_for_weight_conversion) before it is served on the published one"
                .to_owned(),
        );
    }
    if lora.rank >= 256 && lora.alpha / (lora.rank as f64) >= 1.0 {
        found.push(format!(
            "rank {} at a factor of {} diverges at 2e-4 in reports: lower the rate, or take rsLoRA (unsloth 577)",
            lora.rank,
            lora.alpha / lora.rank as f64
        ));
    }
    if plan.run.adapters > SLOTS {
        found.push(format!(
            "{} adapters are planned: a batch mixes as many as --max-loras holds ({SLOTS} are written), each slot as \
             large as the greatest rank; the rest waits in host memory",
            plan.run.adapters
        ));
    }
    found
}
