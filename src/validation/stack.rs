//! The software stack of a published row: which profile stands for it, and what its versions change.

use super::table::Row;
use super::words::one;
use crate::estimate::profile::{Profiles, RatioBand, RuntimeProfile};
use crate::plan::LossKernel;

/// Stack and loss kernel of a row, with what had to be assumed.
pub struct Stack {
    pub profile: RuntimeProfile,
    pub loss: LossKernel,
    /// The figures leave out what lives only while the prompt goes through.
    pub after_prompt: bool,
    pub assumptions: Vec<String>,
}

/// The stack `row` names. Unknown ones are taken as Hugging Face's with a wide band.
pub fn of(row: &Row, profiles: &Profiles) -> Result<Stack, String> {
    let framework = row.text("framework").to_lowercase();
    let has = |part: &str| framework.contains(part);
    let (id, known) = if has("fms-hf-tuning") {
        ("hf-trainer-4.48", true)
    } else if has("litgpt") || has("lit-gpt") {
        ("litgpt", true)
    } else if has("unsloth") {
        ("unsloth", true)
    } else if has("torchtune") {
        ("torchtune", true)
    } else if has("torchtitan") {
        ("torchtitan", true)
    } else if has("bitsandbytes") {
        ("hf-peft-fp16", true)
    } else if row.text("task") == "inference" && (has("transformers") || framework == "hf") {
        (inference_profile(row), true)
    } else if has("swift") || has("qwen finetune") || has("trl") || has("llama-factory") || has("hf") {
        ("hf-trainer-4.48", true)
    } else {
        ("hf-trainer-4.48", false)
    };
    let mut profile = profiles.get(id).cloned().ok_or_else(|| format!("there is no profile `{id}`"))?;
    let mut assumptions = Vec::new();
    if !known {
        let name: String = row.text("framework").chars().take(40).collect();
        assumptions.push(format!("the stack “{name}” has no profile; taken as {}", profile.name));
        profile.tensors = widened(profile.tensors, 0.7, 1.5);
    }
    // The benchmark's baseline prepares its 4-bit base as PEFT does; the accelerated variants do not.
    profile.upcasts_unquantized |= has("baseline-peft-bnb");
    if id == "hf-trainer-4.48" && is_before_4_46(row.text("versions")) {
        // Before 4.46 the FP32 logits replaced the 16-bit ones instead of standing beside them: 2 bytes fewer.
        profile.forward_logit_bytes = profile.forward_logit_bytes.map(|bytes| bytes - 2.0);
        profile.backward_logit_bytes = profile.backward_logit_bytes.map(|bytes| bytes - 2.0);
    }
    // From 6,144 to 30,720 tokens of prompt the figures of this stack grow by the cache and nothing else (0.2 % over 28
    // rows, assets/validation/published-memory.csv): they were taken while tokens were generated.
    let after_prompt = id == "transformers-4.51";
    if after_prompt {
        assumptions.push("compared with generation: the figures do not contain the prompt's working set".to_owned());
    }
    Ok(Stack { loss: loss(row, id)?, profile, after_prompt, assumptions })
}

fn inference_profile(row: &Row) -> &'static str {
    if row.text("loss_kernel").contains("full-sequence") { "transformers-4.38" } else { "transformers-4.51" }
}

/// Words of `loss_kernel`; `None`: in chunks, which means what the stack's own loss means.
const LOSSES: [(&str, Option<LossKernel>); 11] = [
    ("unfused", Some(LossKernel::Unfused)),
    ("unfused fp32 logits", Some(LossKernel::Unfused)),
    ("compiled ce", Some(LossKernel::Unfused)),
    ("last-token logits only (transformers 4.51)", Some(LossKernel::Unfused)),
    ("full-sequence logits fp32 (transformers 4.38 behaviour)", Some(LossKernel::Unfused)),
    ("foak fused ce", Some(LossKernel::FusedLogits)),
    ("liger fused-linear-ce", Some(LossKernel::FusedLinear)),
    ("fused-linear-ce", Some(LossKernel::FusedLinear)),
    ("cut cross-entropy", Some(LossKernel::FusedLinear)),
    ("unsloth chunked ce", Some(LossKernel::FusedLinear)),
    ("chunked ce", None),
];

/// The loss of a row. Unsloth's makes no logits of its own accord; LitGPT's and torchtune's chunks keep them all, which
/// their profiles have in their figures. What other stacks mean by chunks is not known.
fn loss(row: &Row, profile: &str) -> Result<LossKernel, String> {
    let text = row.text("loss_kernel").to_lowercase();
    let chunked =
        text.strip_prefix("chunked ce").is_some_and(|size| size.trim().bytes().all(|byte| byte.is_ascii_digit()));
    let kernel = if chunked { Some(None) } else { one(row, "loss_kernel", &LOSSES)? };
    match (kernel, profile) {
        (Some(Some(kernel)), _) => Ok(kernel),
        (None | Some(None), "unsloth") => Ok(LossKernel::FusedLinear),
        (Some(None), "litgpt" | "torchtune") | (None, _) => Ok(LossKernel::Unfused),
        (Some(None), _) => Err(row.unknown("loss_kernel", &text)),
    }
}

/// `transformers 4.45.0` and older.
fn is_before_4_46(versions: &str) -> bool {
    let Some((_, rest)) = versions.split_once("transformers 4.") else { return false };
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    minor.parse::<u32>().is_ok_and(|minor| minor < 46)
}

fn widened(band: RatioBand, low: f64, high: f64) -> RatioBand {
    RatioBand { low: band.low * low, expected: band.expected, high: band.high * high }
}
