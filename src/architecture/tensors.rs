//! What the tensors of a file say, whatever the model class.

use super::{
    Activation, Architecture, Attention, DenseMlp, Embedding, Flag, Head, Layer, LayerGroup, Mlp, NativeDtype,
    NormKind, NormPlacement, SoftmaxAttention,
};
use std::collections::BTreeMap;

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Name.
    pub name: String,
    /// Storage format as the file calls it.
    pub dtype: String,
    /// Sizes, slowest first.
    pub shape: Vec<u64>,
    /// Values.
    pub values: u64,
    /// Bytes of data.
    pub bytes: u64,
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
    /// Weights are packed, so that values are not parameters (bitsandbytes, GPTQ, AWQ).
    pub packed: bool,
}

impl TensorSummary {
    /// Adds up `tensors`.
    pub fn of(tensors: &[Tensor]) -> Self {
        let mut summary = Self::default();
        for tensor in tensors {
            summary.count += 1;
            summary.values = summary.values.saturating_add(tensor.values);
            summary.bytes = summary.bytes.saturating_add(tensor.bytes);
            let of_dtype = summary.bytes_by_dtype.entry(tensor.dtype.clone()).or_default();
            *of_dtype = of_dtype.saturating_add(tensor.bytes);
            let name = tensor.name.as_str();
            summary.packed |= [".qweight", ".absmax", ".qzeros", ".weight_packed", "_blocks"]
                .iter()
                .any(|ending| name.ends_with(ending));
        }
        summary
    }
}

/// Makes the parameter total agree with the tensors, or says by how much it does not.
pub fn reconcile(architecture: &mut Architecture, tensors: &TensorSummary) {
    if tensors.packed {
        let note = "the file's weights are packed: parameters are counted from the configuration, not from the tensors";
        architecture.flags.push(Flag::Note(note.to_owned()));
        return;
    }
    let counted = architecture.parameters().total;
    let stored = tensors.values;
    if counted == stored {
        return;
    }
    let tied_copy = architecture.vocab_size.saturating_mul(architecture.embedding.width);
    if architecture.head.tied && counted.saturating_add(tied_copy) == stored {
        let note = "the file stores the tied head a second time; it is counted once";
        architecture.flags.push(Flag::Note(note.to_owned()));
        return;
    }
    let text = format!(
        "the configuration gives {} parameters, the tensors hold {} values",
        crate::units::grouped(counted),
        crate::units::grouped(stored)
    );
    architecture.flags.push(Flag::Mismatch(text));
    // Vision towers are flagged apart and are no part of the text model.
    if stored > counted && !architecture.flags.contains(&Flag::TextModelOnly) {
        architecture.other_params = architecture.other_params.saturating_add(stored - counted);
    }
}

/// A shape from tensor names and sizes alone: totals are exact, the rest is what usual names suggest, and flagged.
pub fn shape_of(tensors: &[Tensor], code: &str) -> Option<Architecture> {
    let find = |endings: &[&str]| {
        tensors
            .iter()
            .find(|tensor| tensor.shape.len() == 2 && endings.iter().any(|ending| tensor.name.ends_with(ending)))
    };
    let embedding = find(&[
        "embed_tokens.weight",
        "wte.weight",
        "word_embeddings.weight",
        "tok_embeddings.weight",
        "embed_in.weight",
    ])?;
    let (vocab_size, hidden_size) = (embedding.shape[0], embedding.shape[1]);
    let head = find(&["lm_head.weight", "output.weight", "embed_out.weight"]);
    let layers = tensors.iter().filter_map(|tensor| layer_index(&tensor.name)).max().map_or(0, |last| last + 1);
    let rows = |endings: &[&str]| find(endings).map(|tensor| tensor.shape[0]);
    let query = rows(&["q_proj.weight"]).unwrap_or(hidden_size);
    let key = rows(&["k_proj.weight"]).unwrap_or(query);
    let head_dim = [128, 64, 96, 80, 256].into_iter().find(|dim| query % dim == 0 && key % dim == 0).unwrap_or(1);
    let gated = find(&["gate_proj.weight"]).is_some();
    let intermediate = rows(&["up_proj.weight", "fc1.weight", "c_fc.weight"]).unwrap_or(hidden_size.saturating_mul(4));
    let layer = Layer {
        attention: Attention::Softmax(SoftmaxAttention {
            heads: query / head_dim,
            kv_heads: (key / head_dim).max(1),
            head_dim,
            ..SoftmaxAttention::PLAIN
        }),
        mlp: Mlp::Dense(DenseMlp {
            intermediate,
            gated,
            fused_gate_up: false,
            bias: false,
            activation: if gated { Activation::Silu } else { Activation::Gelu },
        }),
        norm: NormKind::Rms,
        norms: 2,
        norm_placement: NormPlacement::Pre,
        parallel: false,
        residual_dropout: 0.0,
        extra_params: 0,
    };
    let mut architecture = Architecture {
        model_code: code.to_owned(),
        hidden_size,
        vocab_size,
        max_positions: None,
        native_dtype: native_dtype(tensors),
        embedding: Embedding { width: hidden_size, position_rows: 0, extra_params: 0, scaled: false },
        layers: vec![LayerGroup { count: layers, layer }],
        final_norm: NormKind::Rms,
        head: Head { tied: head.is_none(), bias: false, softcap: false },
        other_params: 0,
        flags: vec![Flag::UnknownModelCode(code.to_owned())],
    };
    let total: u64 = tensors.iter().map(|tensor| tensor.values).fold(0, u64::saturating_add);
    let counted = architecture.parameters().total;
    if counted > total {
        // The usual layout has more than the file: the layers are something else, so count them as a whole.
        architecture.layers.clear();
        let outside = architecture.parameters().total;
        architecture.other_params = total.saturating_sub(outside);
    } else {
        architecture.other_params = total - counted;
    }
    Some(architecture)
}

/// `model.layers.17.mlp…` → 17.
fn layer_index(name: &str) -> Option<u64> {
    let mut parts = name.split('.');
    while let Some(part) = parts.next() {
        if matches!(part, "layers" | "h" | "blocks" | "block" | "blk") {
            return parts.next()?.parse().ok().filter(|index| *index < 100_000);
        }
    }
    None
}

/// The format most bytes are in.
pub fn native_dtype(tensors: &[Tensor]) -> NativeDtype {
    let summary = TensorSummary::of(tensors);
    let most = summary.bytes_by_dtype.iter().max_by_key(|(_, bytes)| **bytes).map(|(dtype, _)| dtype.as_str());
    match most {
        Some("F32") => NativeDtype::Fp32,
        Some("F16") => NativeDtype::Fp16,
        Some("BF16") => NativeDtype::Bf16,
        Some("F8_E4M3") => NativeDtype::Fp8,
        _ => NativeDtype::Unknown,
    }
}
