//! The matrices and vectors of a layer, as the model's code names and splits them.

use crate::architecture::{Architecture, Attention, DenseMlp, Layer, Linear, LinearRole, Mlp, QkNorm};

/// The linear maps of one layer in the order of its forward pass.
#[derive(Clone, Copy)]
pub struct Linears {
    items: [Linear; 16],
    len: usize,
}

const NO_LINEAR: Linear = Linear {
    role: LinearRole::Other,
    name: "",
    in_features: 0,
    out_features: 0,
    bias: false,
    copies: 0,
    stacked_experts: false,
};

impl Linears {
    fn push(&mut self, linear: Linear) {
        if let Some(slot) = self.items.get_mut(self.len) {
            *slot = linear;
            self.len += 1;
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Linear> {
        self.items[..self.len].iter()
    }

    /// The first of a name.
    pub fn named(&self, name: &str) -> Option<&Linear> {
        self.iter().find(|linear| linear.name == name)
    }
}

/// Names the classes give to their matrices where they differ from Llama's.
struct Names {
    fused_qkv: &'static str,
    output: &'static str,
    up: &'static str,
    down: &'static str,
}

fn names(code: &str) -> Names {
    if code.starts_with("GPT2") {
        Names { fused_qkv: "c_attn", output: "c_proj", up: "c_fc", down: "c_proj" }
    } else if code.starts_with("GPTNeoX") || code.starts_with("Bloom") || code.starts_with("Falcon") {
        Names { fused_qkv: "query_key_value", output: "dense", up: "dense_h_to_4h", down: "dense_4h_to_h" }
    } else if code.starts_with("OPT") {
        Names { fused_qkv: "qkv_proj", output: "out_proj", up: "fc1", down: "fc2" }
    } else if code == "PhiForCausalLM" {
        Names { fused_qkv: "qkv_proj", output: "dense", up: "fc1", down: "fc2" }
    } else if code.starts_with("Starcoder2") {
        Names { fused_qkv: "qkv_proj", output: "o_proj", up: "c_fc", down: "c_proj" }
    } else {
        Names { fused_qkv: "qkv_proj", output: "o_proj", up: "up_proj", down: "down_proj" }
    }
}

/// The linear maps of `layer` in a model of class `code` and width `hidden`.
pub fn linears(layer: &Layer, hidden: u64, code: &str) -> Linears {
    let mut out = Linears { items: [NO_LINEAR; 16], len: 0 };
    let names = names(code);
    let mut add = |role, name, input: u64, output: u64, bias| {
        out.push(Linear { role, name, in_features: input, out_features: output, bias, copies: 1, stacked_experts: false });
    };
    match &layer.attention {
        Attention::Softmax(a) => {
            let q = a.heads.saturating_mul(a.head_dim);
            let kv = a.kv_heads.saturating_mul(a.head_dim);
            if a.fused_qkv {
                add(LinearRole::FusedQkv, names.fused_qkv, hidden, q.saturating_add(kv.saturating_mul(2)), a.qkv_bias);
            } else {
                let gate = if a.output_gate { 2 } else { 1 };
                add(LinearRole::Query, "q_proj", hidden, q.saturating_mul(gate), a.qkv_bias);
                if !a.shares_kv {
                    add(LinearRole::Key, "k_proj", hidden, kv, a.qkv_bias);
                    if !a.keys_are_values {
                        add(LinearRole::Value, "v_proj", hidden, kv, a.qkv_bias);
                    }
                }
            }
            add(LinearRole::Output, names.output, q, hidden, a.o_bias);
        }
        Attention::Latent(a) => {
            let qk = a.qk_nope_head_dim.saturating_add(a.qk_rope_head_dim);
            if let Some(rank) = a.q_lora_rank {
                add(LinearRole::Query, "q_a_proj", hidden, rank, a.bias);
                add(LinearRole::Query, "q_b_proj", rank, a.heads.saturating_mul(qk), false);
            } else {
                add(LinearRole::Query, "q_proj", hidden, a.heads.saturating_mul(qk), false);
            }
            add(
                LinearRole::Key,
                "kv_a_proj_with_mqa",
                hidden,
                a.kv_lora_rank.saturating_add(a.qk_rope_head_dim),
                a.bias,
            );
            let wide = a.qk_nope_head_dim.saturating_add(a.v_head_dim);
            add(LinearRole::Value, "kv_b_proj", a.kv_lora_rank, a.heads.saturating_mul(wide), false);
            add(LinearRole::Output, "o_proj", a.heads.saturating_mul(a.v_head_dim), hidden, a.bias);
        }
        Attention::Linear(a) => {
            let key = a.key_heads.saturating_mul(a.key_head_dim);
            let value = a.value_heads.saturating_mul(a.value_head_dim);
            if a.fused_in {
                let all = key.saturating_mul(2).saturating_add(value.saturating_mul(2));
                add(LinearRole::Other, "in_proj_qkvz", hidden, all, false);
                add(LinearRole::Other, "in_proj_ba", hidden, a.value_heads.saturating_mul(2), false);
            } else {
                add(LinearRole::Other, "in_proj_qkv", hidden, key.saturating_mul(2).saturating_add(value), false);
                add(LinearRole::Other, "in_proj_z", hidden, value, false);
                add(LinearRole::Other, "in_proj_b", hidden, a.value_heads, false);
                add(LinearRole::Other, "in_proj_a", hidden, a.value_heads, false);
            }
            add(LinearRole::Output, "out_proj", value, hidden, false);
        }
    }
    match &layer.mlp {
        Mlp::Dense(mlp) => dense(&mut out, mlp, hidden, &names, 1, false),
        Mlp::Moe(moe) => {
            out.push(Linear { role: LinearRole::Router, name: "gate", out_features: moe.experts, ..of(hidden) });
            dense(&mut out, &moe.expert, hidden, &names, moe.experts, true);
            if let Some(shared) = &moe.shared {
                dense(&mut out, shared, hidden, &names, 1, false);
                if moe.shared_gate {
                    out.push(Linear { role: LinearRole::Other, name: "shared_expert_gate", out_features: 1, ..of(hidden) });
                }
            }
        }
    }
    out
}

const fn of(input: u64) -> Linear {
    Linear { in_features: input, copies: 1, ..NO_LINEAR }
}

fn dense(out: &mut Linears, mlp: &DenseMlp, hidden: u64, names: &Names, copies: u64, stacked: bool) {
    let base = Linear { bias: mlp.bias, copies, stacked_experts: stacked, ..of(hidden) };
    let inner = mlp.intermediate;
    if mlp.gated && (mlp.fused_gate_up || stacked) {
        let both = inner.saturating_mul(2);
        out.push(Linear { role: LinearRole::FusedGateUp, name: "gate_up_proj", out_features: both, ..base });
        out.push(Linear { role: LinearRole::Down, name: "down_proj", in_features: inner, out_features: hidden, ..base });
    } else if mlp.gated {
        out.push(Linear { role: LinearRole::Gate, name: "gate_proj", out_features: inner, ..base });
        out.push(Linear { role: LinearRole::Up, name: "up_proj", out_features: inner, ..base });
        out.push(Linear { role: LinearRole::Down, name: "down_proj", in_features: inner, out_features: hidden, ..base });
    } else {
        out.push(Linear { role: LinearRole::Up, name: names.up, out_features: inner, ..base });
        out.push(Linear { role: LinearRole::Down, name: names.down, in_features: inner, out_features: hidden, ..base });
    }
}

/// Vectors of a layer that are no linear map: norms, query and key norms, convolution and the rest, as
/// (values of one vector, how many).
pub fn vectors(layer: &Layer, hidden: u64) -> [(u64, u64); 4] {
    let norm = norm_vectors(layer.norm);
    let attention = match &layer.attention {
        Attention::Softmax(a) => match a.qk_norm {
            QkNorm::None => (0, 0),
            QkNorm::PerHead => (a.head_dim, 2),
            QkNorm::Full => (a.heads.saturating_add(a.kv_heads).saturating_mul(a.head_dim), 1),
        },
        Attention::Latent(a) => (a.q_lora_rank.unwrap_or(0).saturating_add(a.kv_lora_rank), 1),
        Attention::Linear(a) => {
            let key = a.key_heads.saturating_mul(a.key_head_dim);
            let value = a.value_heads.saturating_mul(a.value_head_dim);
            let convolution = key.saturating_mul(2).saturating_add(value).saturating_mul(a.conv_kernel);
            (convolution.saturating_add(a.value_heads.saturating_mul(2)).saturating_add(a.value_head_dim), 1)
        }
    };
    let router = match &layer.mlp {
        Mlp::Moe(moe) if moe.router_bias => (moe.experts, 1),
        _ => (0, 0),
    };
    [(hidden, layer.norms.saturating_mul(norm)), attention, router, (layer.extra_params, 1)]
}

/// Vectors of one norm: weight and bias.
pub const fn norm_vectors(kind: crate::architecture::NormKind) -> u64 {
    use crate::architecture::NormKind;
    match kind {
        NormKind::Rms | NormKind::RmsGemma | NormKind::LayerNoBias => 1,
        NormKind::Layer => 2,
        NormKind::LayerNoParams => 0,
    }
}

/// One shape of parameter tensor of the base model: `rows × columns` (`columns` 1 for a vector), `copies` of them.
#[derive(Clone, Copy, Debug)]
pub struct BaseTensor {
    /// Outer dimension.
    pub rows: u64,
    /// Inner dimension.
    pub columns: u64,
    /// How many.
    pub copies: u64,
    /// What it is.
    pub part: Part,
}

/// What a parameter tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Token table.
    Embedding,
    /// Position table and other always-used input parameters.
    EmbeddingExtra,
    /// A linear map of a layer, which 4- and 8-bit loads quantize.
    Linear,
    /// Routed experts stacked in one tensor.
    Experts,
    /// A bias of a layer.
    Bias,
    /// Norms and other vectors of a layer.
    Vector,
    /// Norm before the head.
    FinalNorm,
    /// Output head of its own.
    Head,
    /// Bias of the head.
    HeadBias,
}

impl BaseTensor {
    /// Values of all copies.
    pub const fn values(&self) -> u64 {
        self.rows.saturating_mul(self.columns).saturating_mul(self.copies)
    }
}

/// Calls `visit` for every parameter tensor of one layer.
pub fn layer_tensors(layer: &Layer, hidden: u64, code: &str, mut visit: impl FnMut(BaseTensor)) {
    for linear in linears(layer, hidden, code).iter() {
        if linear.stacked_experts {
            // One three-dimensional tensor for all experts.
            let columns = linear.in_features.saturating_mul(linear.copies);
            visit(BaseTensor { rows: linear.out_features, columns, copies: 1, part: Part::Experts });
        } else if linear.role == LinearRole::Router {
            visit(BaseTensor { rows: linear.out_features, columns: linear.in_features, copies: 1, part: Part::Vector });
        } else {
            let (rows, columns) = (linear.out_features, linear.in_features);
            visit(BaseTensor { rows, columns, copies: linear.copies, part: Part::Linear });
        }
        if linear.bias {
            visit(BaseTensor { rows: linear.out_features, columns: 1, copies: linear.copies, part: Part::Bias });
        }
    }
    for (values, copies) in vectors(layer, hidden) {
        if values > 0 && copies > 0 {
            visit(BaseTensor { rows: values, columns: 1, copies, part: Part::Vector });
        }
    }
}

/// Calls `visit` for every parameter tensor outside the layers.
pub fn outer_tensors(architecture: &Architecture, mut visit: impl FnMut(BaseTensor)) {
    let one = |rows, columns, part| BaseTensor { rows, columns, copies: 1, part };
    let embedding = &architecture.embedding;
    visit(one(architecture.vocab_size, embedding.width, Part::Embedding));
    if embedding.position_rows > 0 {
        visit(one(embedding.position_rows, embedding.width, Part::EmbeddingExtra));
    }
    let rest = embedding.extra_params.saturating_add(architecture.other_params);
    if rest > 0 {
        visit(one(rest, 1, Part::EmbeddingExtra));
    }
    let norms = norm_vectors(architecture.final_norm);
    if norms > 0 {
        visit(BaseTensor { rows: architecture.hidden_size, columns: 1, copies: norms, part: Part::FinalNorm });
    }
    if !architecture.head.tied {
        visit(one(architecture.vocab_size, embedding.width, Part::Head));
    }
    if architecture.head.bias {
        visit(one(architecture.vocab_size, 1, Part::HeadBias));
    }
}
