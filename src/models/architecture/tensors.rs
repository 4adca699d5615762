//! Tensors of a model file: what each is for, and whether together they are the model the configuration describes.

use super::{Architecture, Flag, NativeDtype};
use crate::units::grouped;
use std::collections::BTreeMap;

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Name.
    pub name: String,
    /// Storage format as the file's specification calls it.
    pub dtype: &'static str,
    /// Sizes, slowest first.
    pub shape: Vec<u64>,
    /// Values.
    pub values: u64,
    /// Bytes of data.
    pub bytes: u64,
    /// Where they begin in their file.
    pub start: u64,
}

/// All tensors of a model in a few numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TensorSummary {
    /// Tensors.
    pub count: u64,
    /// Values in them.
    pub values: u64,
    /// Bytes of data.
    pub bytes: u64,
    /// Bytes by storage format.
    pub bytes_by_dtype: BTreeMap<String, u64>,
    /// Weights are packed, so that values are not parameters (bitsandbytes, GPTQ, AWQ, MLX, MXFP4).
    pub packed: bool,
}

impl TensorSummary {
    /// Adds up `tensors`.
    pub fn of(tensors: &[Tensor]) -> Self {
        let mut summary = Self::default();
        let mut by_dtype: Vec<(&str, u64)> = Vec::new();
        for tensor in tensors {
            summary.count += 1;
            summary.values = summary.values.saturating_add(tensor.values);
            summary.bytes = summary.bytes.saturating_add(tensor.bytes);
            match by_dtype.iter_mut().find(|(dtype, _)| *dtype == tensor.dtype) {
                Some((_, bytes)) => *bytes = bytes.saturating_add(tensor.bytes),
                None => by_dtype.push((tensor.dtype, tensor.bytes)),
            }
            summary.packed |= is_packed(tensor);
        }
        summary.bytes_by_dtype = by_dtype.into_iter().map(|(dtype, bytes)| (dtype.to_owned(), bytes)).collect();
        summary
    }
}

/// What a tensor is to the language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A weight, norm or bias that transformers counts as a parameter.
    Parameter,
    /// Derived or constant values some checkpoints carry along: masks, rotary frequencies, routing corrections.
    Buffer,
    /// Scales and code tables of quantized weights.
    QuantizationConstant,
    /// Vision or audio.
    Tower,
    /// Layers behind the last one, for predicting further tokens (DeepSeek-V3, Qwen3-Next); loading leaves them out.
    NextToken,
}

/// Endings of tensors that belong to a quantized weight: bitsandbytes, GPTQ and AWQ, FP8, compressed-tensors, MLX.
const CONSTANTS: [&str; 19] = [
    ".absmax",
    ".quant_map",
    ".nested_absmax",
    ".nested_quant_map",
    ".SCB",
    ".weight_format",
    ".weight_scale_inv",
    ".weight_scale",
    ".weight_scale_2",
    ".input_scale",
    ".k_scale",
    ".v_scale",
    ".qzeros",
    ".scales",
    ".biases",
    ".g_idx",
    ".weight_shape",
    ".weight_zero_point",
    "_proj_scales",
];

/// Endings of tensors that transformers keeps as buffers, or that llama.cpp adds.
const BUFFERS: [&str; 9] = [
    ".inv_freq",
    ".masked_bias",
    ".position_ids",
    ".e_score_correction_bias",
    ".layer_scalar",
    ".exp_probs_b.bias",
    "rope_freqs.weight",
    "rope_factors_long.weight",
    "rope_factors_short.weight",
];

/// First or second part of the names of vision and audio tensors.
const TOWERS: [&str; 13] = [
    "vision_tower",
    "vision_model",
    "vision_encoder",
    "vision_language_adapter",
    "visual",
    "audio_tower",
    "audio_model",
    "embed_vision",
    "embed_audio",
    "multi_modal_projector",
    "mm_projector",
    "patch_merger",
    "image_newline",
];

/// What `tensor` is to a language model of `layers` layers (`None`: not known).
pub fn part_of(tensor: &Tensor, layers: Option<u64>) -> Part {
    let name = tensor.name.as_str();
    // Nearly all tensors end in `.weight`; the long lists are for the rest. (A model has up to 100,000 tensors.)
    let plain = name.ends_with(".weight") && !name.ends_with("rope_freqs.weight") && !name.contains("rope_factors");
    if !plain {
        if CONSTANTS.iter().any(|ending| name.ends_with(ending)) || name.contains(".quant_state.") {
            return Part::QuantizationConstant;
        }
        // GPT-2, GPT-Neo and GPT-NeoX checkpoints carry the causal mask under a name that looks like a bias.
        let mask = tensor.shape.len() == 4 && (name.ends_with("attn.bias") || name.ends_with("attention.bias"));
        if mask || BUFFERS.iter().any(|ending| name.ends_with(ending)) {
            return Part::Buffer;
        }
    }
    if name.split('.').take(2).any(|part| TOWERS.contains(&part)) {
        return Part::Tower;
    }
    let behind = layers.is_some_and(|layers| layer_index(name).is_some_and(|(index, _)| index >= layers));
    if behind || name.starts_with("mtp.") || name.starts_with("model.mtp.") {
        return Part::NextToken;
    }
    Part::Parameter
}

/// Several values in one, so that the shape says nothing about parameters.
fn is_packed(tensor: &Tensor) -> bool {
    let name = tensor.name.as_str();
    let integer = matches!(tensor.dtype, "U8" | "I32" | "U32");
    let matrix = tensor.shape.len() >= 2;
    [".qweight", ".weight_packed", "_blocks", ".absmax"].iter().any(|ending| name.ends_with(ending))
        || integer && matrix && name.ends_with("weight")
}

/// `model.layers.17.mlp.up_proj.weight` → 17 and `mlp.up_proj.weight`.
pub fn layer_index(name: &str) -> Option<(u64, &str)> {
    let mut rest = name;
    while let Some((part, tail)) = rest.split_once('.') {
        if matches!(part, "layers" | "layer" | "h" | "blocks" | "block" | "blk") {
            let (index, tail) = tail.split_once('.')?;
            return Some((index.parse().ok().filter(|index| *index < 100_000)?, tail));
        }
        rest = tail;
    }
    None
}

/// Whether a tensor is an output head of its own.
pub fn is_head(name: &str) -> bool {
    ["lm_head.weight", "embed_out.weight"].iter().any(|ending| name.ends_with(ending)) || name == "output.weight"
}

/// Makes the parameter total agree with the tensors, or says by how much it does not.
pub fn reconcile(architecture: &mut Architecture, tensors: &[Tensor], summary: &TensorSummary) {
    let layers = Some(architecture.num_layers());
    let (mut stored, mut next_token, mut towers) = (0_u64, 0_u64, 0_u64);
    for tensor in tensors {
        match part_of(tensor, layers) {
            Part::Parameter => stored = stored.saturating_add(tensor.values),
            Part::NextToken => next_token = next_token.saturating_add(tensor.values),
            Part::Tower => towers = towers.saturating_add(tensor.values),
            Part::Buffer | Part::QuantizationConstant => {}
        }
    }
    let mut note = |text: String| architecture.flags.push(Flag::Note(text));
    if next_token > 0 {
        note(format!("{} values of next-token-prediction layers are left out, as in loading", grouped(next_token)));
    }
    if summary.packed {
        note("the weights are packed: parameters are counted from the configuration, not from the tensors".to_owned());
        return;
    }
    let counted = architecture.parameters().total;
    if towers > 0 {
        let counts_them = architecture.flags.iter().any(|flag| matches!(flag, Flag::Partly(_)));
        if counts_them && !architecture.flags.contains(&Flag::TextModelOnly) {
            stored = stored.saturating_add(towers);
        } else if !architecture.flags.contains(&Flag::TextModelOnly) {
            architecture.flags.push(Flag::TextModelOnly);
        }
    }
    if counted == stored {
        return;
    }
    let tied_copy = architecture.vocab_size.saturating_mul(architecture.embedding.width);
    let stores_head = tensors.iter().any(|tensor| is_head(&tensor.name) && tensor.values == tied_copy);
    if architecture.head.tied && stores_head && counted.saturating_add(tied_copy) == stored {
        let text = "the file stores the tied head a second time; it is counted once";
        architecture.flags.push(Flag::Note(text.to_owned()));
        return;
    }
    let (difference, advice) = if stored > counted {
        // The file decides: what the configuration does not explain is counted, though in no known place.
        architecture.other_params = architecture.other_params.saturating_add(stored - counted);
        (format!("{} more", grouped(stored - counted)), "they are counted as parameters of no known layer")
    } else {
        (format!("{} fewer", grouped(counted - stored)), "the checkpoint is incomplete or not of this configuration")
    };
    architecture.flags.push(Flag::Mismatch(format!(
        "the configuration gives {} parameters, the tensors hold {}: {difference}; {advice}",
        grouped(counted),
        grouped(stored)
    )));
}

/// The format most bytes are in.
pub fn native_dtype(summary: &TensorSummary) -> NativeDtype {
    let most = summary.bytes_by_dtype.iter().max_by_key(|(_, bytes)| **bytes).map(|(dtype, _)| dtype.as_str());
    match most {
        Some("F32") => NativeDtype::Fp32,
        Some("F16") => NativeDtype::Fp16,
        Some("BF16") => NativeDtype::Bf16,
        Some("F8_E4M3") => NativeDtype::Fp8,
        Some("MXFP4") => NativeDtype::Mxfp4,
        _ => NativeDtype::Unknown,
    }
}
