//! What each column of a published row says, word by word. One that is not known is refused.

use super::super::table::Row;
use super::super::words::{one, read, read_without_remarks};
use crate::limits::brief;
use crate::plan::{
    Algorithm, AttentionKernel, Checkpointing, FloatFormat, Implementation, Metric, Offload, Plan, TargetPart, Targets,
};

/// A word of `metric`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// What the driver shows of the process.
    Process,
    /// What the allocator reserves.
    Reserved,
    /// What its tensors hold.
    Tensors,
    /// Says in which unit, or over how many devices.
    Aside,
    /// No measured peak.
    NoPeak,
}

const METRICS: [(&str, Counts); 25] = [
    ("max_memory_allocated", Counts::Tensors),
    ("max_memory_reserved", Counts::Reserved),
    ("max_reserved", Counts::Reserved),
    ("max sampled memory_reserved", Counts::Reserved),
    ("nvidia-smi peak", Counts::Process),
    ("nvidia-smi", Counts::Process),
    ("rocm-smi", Counts::Process),
    ("peak memory of mlx", Counts::Tensors),
    ("unstated", Counts::Process),
    ("user-reported", Counts::Process),
    ("screenshot", Counts::Process),
    ("1e9", Counts::Aside),
    ("1024^3", Counts::Aside),
    ("computed", Counts::Aside),
    ("labelled mb", Counts::Aside),
    ("labelled gb", Counts::Aside),
    ("summed over gpus", Counts::Aside),
    ("summed over gpus;", Counts::Aside),
    ("sum over gpus", Counts::Aside),
    ("oom marker", Counts::NoPeak),
    ("card size", Counts::NoPeak),
    ("fits", Counts::NoPeak),
    ("oom bound only", Counts::NoPeak),
    ("profiled activation share", Counts::NoPeak),
    ("paper statement", Counts::NoPeak),
];

/// What the figure counts; `Err`: it is no measurement of a peak, or not known.
pub fn metric(row: &Row) -> Result<Metric, String> {
    if row.text("metric").starts_with("device used after load") {
        return Err(format!("“{}” is no measured peak", brief(row.text("metric"))));
    }
    let found = read_without_remarks(row, "metric", &METRICS)?;
    let has = |wanted| found.iter().any(|word| word.meaning == wanted);
    if has(Counts::NoPeak) {
        return Err(format!("“{}” is no measured peak", brief(row.text("metric"))));
    }
    Ok(if has(Counts::Reserved) {
        Metric::Reserved
    } else if has(Counts::Tensors) {
        Metric::Tensors
    } else {
        Metric::Process
    })
}

/// What `seq_kind` says of the lengths in a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lengths {
    /// All are as long as stated.
    Exact,
    /// They differ.
    Vary,
    /// Says where the length comes from, or nothing of it.
    Unsaid,
}

const LENGTHS: [(&str, Lengths); 27] = [
    ("packed", Lengths::Unsaid),
    ("exact", Lengths::Exact),
    ("fixed", Lengths::Exact),
    ("input length", Lengths::Unsaid),
    ("truncated", Lengths::Vary),
    ("max", Lengths::Unsaid),
    ("padded", Lengths::Unsaid),
    ("varies", Lengths::Vary),
    ("varies below max", Lengths::Vary),
    ("length-bucketed", Lengths::Unsaid),
    ("longest sample in alpaca", Lengths::Unsaid),
    ("short prompt", Lengths::Unsaid),
    ("# tokens", Lengths::Unsaid),
    ("max context that fits", Lengths::Unsaid),
    ("generated", Lengths::Unsaid),
    ("# generated", Lengths::Unsaid),
    ("twitter_complaints", Lengths::Unsaid),
    ("unstated", Lengths::Unsaid),
    ("dataset slimorca", Lengths::Unsaid),
    ("dataset alpaca", Lengths::Unsaid),
    ("dataset laion chip2", Lengths::Unsaid),
    ("dataset oasst", Lengths::Unsaid),
    ("unpacked", Lengths::Vary),
    ("cutoff_len", Lengths::Unsaid),
    ("guessed", Lengths::Unsaid),
    ("stated maximum", Lengths::Unsaid),
    ("one length", Lengths::Exact),
];

/// What is said of the lengths.
pub fn lengths(row: &Row) -> Result<Vec<Lengths>, String> {
    let found = read_without_remarks(row, "seq_kind", &LENGTHS)?;
    Ok(found.into_iter().map(|word| word.meaning).collect())
}

/// Whether every sequence is as long as stated.
pub fn has_exact_lengths(row: &Row) -> Result<bool, String> {
    Ok(lengths(row)?.contains(&Lengths::Exact))
}

pub const CHECKPOINTS: [(&str, (Checkpointing, Offload)); 11] = [
    ("none", (Checkpointing::None, Offload::None)),
    ("full", (Checkpointing::Full, Offload::None)),
    ("full (fsdp)", (Checkpointing::Full, Offload::None)),
    ("selective", (Checkpointing::Selective, Offload::None)),
    // torchtitan: which operators keep their output.
    ("selective (op)", (Checkpointing::Selective, Offload::None)),
    ("selective op", (Checkpointing::Selective, Offload::None)),
    ("unsloth", (Checkpointing::Full, Offload::Cpu)),
    ("unsloth (cpu offload)", (Checkpointing::Full, Offload::Cpu)),
    ("full+offload", (Checkpointing::Full, Offload::Cpu)),
    ("full (cpu offload)", (Checkpointing::Full, Offload::Cpu)),
    ("full + cpu offload", (Checkpointing::Full, Offload::Cpu)),
];

pub const ATTENTION: [(&str, AttentionKernel); 9] = [
    ("eager", AttentionKernel::Eager),
    // Qwen 1 runs its own matrix of every pair where flash-attn is not installed.
    ("no flash-attn (required for kv quant)", AttentionKernel::Eager),
    ("sdpa", AttentionKernel::Sdpa),
    ("sdpa (flash)", AttentionKernel::Sdpa),
    ("flash", AttentionKernel::Sdpa),
    ("flash_attention_2", AttentionKernel::Sdpa),
    ("flash_attention_3", AttentionKernel::Sdpa),
    ("flash-attn", AttentionKernel::Sdpa),
    ("flash attention", AttentionKernel::Sdpa),
];

pub const COMPUTE: [(&str, Option<FloatFormat>); 17] = [
    ("bf16 autocast", Some(FloatFormat::Bf16)),
    ("fp16 autocast", Some(FloatFormat::Fp16)),
    ("bf16", None),
    ("fp16", None),
    ("fp32", None),
    ("bfloat16", None),
    ("float16", None),
    ("pure bfloat16", None),
    ("pure float16", None),
    ("bf16-true", None),
    ("16-true", None),
    ("bf16 (no autocast)", None),
    ("fp16 (no autocast)", None),
    ("bf16/fp16", None),
    ("bf16/fp16 compute", None),
    // torchtitan: its parameters are FP32 and work in BF16, products in FP8.
    ("bf16+fp8", None),
    ("bf16-mixed", Some(FloatFormat::Bf16)),
];

pub const ADAPTERS: [(&str, FloatFormat); 6] = [
    ("fp32", FloatFormat::Fp32),
    ("fp32 (unstated)", FloatFormat::Fp32),
    ("fp32 (autocast_adapter_dtype)", FloatFormat::Fp32),
    ("bf16", FloatFormat::Bf16),
    ("bfloat16", FloatFormat::Bf16),
    ("fp16", FloatFormat::Fp16),
];

/// A word of `lora_targets`.
#[derive(Clone, Copy)]
enum Module {
    /// Every linear layer.
    All,
    /// What the stack adapts by default; the row does not say what that is.
    Default,
    /// These parts.
    Parts(&'static [TargetPart]),
}

use Module::Parts;
use TargetPart::{Down, Gate, K, O, Q, Up, V};

/// Modules as people write them.
const MODULES: [(&str, Module); 28] = [
    ("all-linear", Module::All),
    ("all linear", Module::All),
    ("all", Module::All),
    ("default", Module::Default),
    ("q", Parts(&[Q])),
    ("q_proj", Parts(&[Q])),
    ("k", Parts(&[K])),
    ("k_proj", Parts(&[K])),
    ("v", Parts(&[V])),
    ("v_proj", Parts(&[V])),
    ("o", Parts(&[O])),
    ("o_proj", Parts(&[O])),
    ("proj", Parts(&[O])),
    ("dense", Parts(&[O])),
    ("qkv", Parts(&[Q, K, V])),
    ("qkv_proj", Parts(&[Q, K, V])),
    ("c_attn", Parts(&[Q, K, V])),
    ("w_pack", Parts(&[Q, K, V])),
    ("query_key_value", Parts(&[Q, K, V])),
    // Qwen 1 calls both output projections so.
    ("c_proj", Parts(&[O, Down])),
    ("gate", Parts(&[Gate])),
    ("gate_proj", Parts(&[Gate])),
    ("w2", Parts(&[Gate])),
    ("up", Parts(&[Up])),
    ("up_proj", Parts(&[Up])),
    ("w1", Parts(&[Up])),
    ("down_proj", Parts(&[Down])),
    ("mlp", Parts(&[Gate, Up, Down])),
];

/// The modules that are adapted; `None` where they are not said.
pub fn targets(row: &Row) -> Result<Option<Targets>, String> {
    let mut parts = Vec::new();
    for found in read(row, "lora_targets", &MODULES)? {
        match found.meaning {
            Module::All => return Ok(Some(Targets::AllLinear)),
            Module::Default => {}
            Module::Parts(named) => parts.extend_from_slice(named),
        }
    }
    parts.sort_unstable();
    parts.dedup();
    Ok((!parts.is_empty()).then_some(Targets::Parts(parts)))
}

/// Formats of weights, and whether their scales are quantized again.
const WEIGHTS: [(&str, (&str, bool)); 25] = [
    ("bf16", ("bf16", false)),
    ("bfloat16", ("bf16", false)),
    ("fp16", ("fp16", false)),
    ("float16", ("fp16", false)),
    ("fp32", ("fp32", false)),
    ("fp32 (unstated)", ("fp32", false)),
    ("fp32 params (fsdp mixed bf16)", ("fp32", false)),
    ("nf4", ("nf4", false)),
    ("nf4 (bnb int4)", ("nf4", false)),
    ("nf4+dq", ("nf4", true)),
    ("fp4", ("fp4", false)),
    ("fp4+dq", ("fp4", true)),
    ("fp8", ("fp8-e4m3", false)),
    ("int8", ("int8", false)),
    ("gptq-int8", ("int8", false)),
    ("awq-int8", ("int8", false)),
    ("int4", ("int4-g128", false)),
    ("gptq-int4", ("int4-g128", false)),
    ("gptq", ("int4-g128", false)),
    ("awq", ("int4-g128", false)),
    ("awq-int4", ("int4-g128", false)),
    ("mxfp4", ("mxfp4", false)),
    ("q8_0", ("gguf-q8-0", false)),
    ("q4_0", ("gguf-q4-0", false)),
    ("q4_k", ("gguf-q4-k", false)),
];

pub fn load_format(row: &Row) -> Result<(String, bool), String> {
    let (id, double) = one(row, "weight_format", &WEIGHTS)?.ok_or_else(|| "`weight_format` is empty".to_owned())?;
    Ok((id.to_owned(), double))
}

/// A word of `method` in a row of inference.
#[derive(Clone, Copy)]
enum Generation {
    /// So many tokens.
    Tokens,
    /// The format of the cache.
    Cache(&'static str),
    /// Says that there is a prompt, or nothing.
    Aside,
}

const GENERATIONS: [(&str, Generation); 9] = [
    ("generate #", Generation::Tokens),
    ("generate # tokens", Generation::Tokens),
    ("generate", Generation::Aside),
    ("prefill input", Generation::Aside),
    ("prefill", Generation::Aside),
    ("kv cache int8", Generation::Cache("int8")),
    ("kv cache bf16", Generation::Cache("bf16")),
    ("kv cache fp16", Generation::Cache("fp16")),
    ("kv cache fp8", Generation::Cache("fp8-e4m3")),
];

/// Tokens and cache of a row of inference; the default of `generate` is 50 tokens in these rows.
pub fn generation(row: &Row, plan: &mut Plan) -> Result<(), String> {
    plan.batch.new_tokens = 50;
    for found in read(row, "method", &GENERATIONS)? {
        match (found.meaning, found.number) {
            (Generation::Tokens, Some(tokens)) => plan.batch.new_tokens = tokens,
            (Generation::Cache(format), _) => format.clone_into(&mut plan.precision.kv_cache_format),
            _ => {}
        }
    }
    Ok(())
}

/// Optimizers as people write them; the implementation where the word says it.
const OPTIMIZERS: [(&str, (Algorithm, Option<Implementation>)); 20] = [
    ("adamw", (Algorithm::AdamW, None)),
    ("adamw_torch", (Algorithm::AdamW, None)),
    ("adamw (fp32 states)", (Algorithm::AdamW, None)),
    ("adamw_torch (foreach)", (Algorithm::AdamW, Some(Implementation::Foreach))),
    ("adamw (foreach)", (Algorithm::AdamW, Some(Implementation::Foreach))),
    ("adamw_torch_fused", (Algorithm::AdamW, Some(Implementation::Fused))),
    ("adamw (fused)", (Algorithm::AdamW, Some(Implementation::Fused))),
    ("adamw fused", (Algorithm::AdamW, Some(Implementation::Fused))),
    ("adamw_8bit", (Algorithm::AdamW8bit, Some(Implementation::Fused))),
    ("adamw 8bit", (Algorithm::AdamW8bit, Some(Implementation::Fused))),
    ("adamw_bnb_8bit", (Algorithm::AdamW8bit, Some(Implementation::Fused))),
    ("adamw8bit", (Algorithm::AdamW8bit, Some(Implementation::Fused))),
    ("paged_adamw_8bit", (Algorithm::PagedAdamW8bit, Some(Implementation::Fused))),
    ("paged adamw 8bit", (Algorithm::PagedAdamW8bit, Some(Implementation::Fused))),
    ("paged_adamw_32bit", (Algorithm::PagedAdamW, Some(Implementation::Fused))),
    ("paged adamw 32bit", (Algorithm::PagedAdamW, Some(Implementation::Fused))),
    ("paged_adamw", (Algorithm::PagedAdamW, Some(Implementation::Fused))),
    ("sgd", (Algorithm::Sgd, None)),
    ("adafactor", (Algorithm::Adafactor, Some(Implementation::ForLoop))),
    ("lion", (Algorithm::Lion, None)),
];

pub fn optimizer(row: &Row, implementation: &str) -> Result<(Algorithm, Implementation), String> {
    use crate::plan::field::words::Word as _;
    let default = Implementation::from_id(implementation).unwrap_or(Implementation::Foreach);
    let (algorithm, stated) = one(row, "optimizer", &OPTIMIZERS)?.unwrap_or((Algorithm::AdamW, None));
    Ok((algorithm, stated.unwrap_or(default)))
}
