//! The linear layers of a layer under the names of the model's own code, and exact parameter counts.

use super::{
    Architecture, Attention, DenseMlp, Layer, Linear, LinearAttention, LinearRole, Mlp, NormKind, ParameterCounts,
    QkNorm, SoftmaxAttention,
};

/// Most linear layers one layer can have; DeepSeek-V3's sparse layers come closest.
const MAX_LINEARS: usize = 16;

/// The linear layers of one layer, on the stack: an estimate asks for them thousands of times.
#[derive(Clone, Copy, Debug)]
pub struct Linears {
    items: [Linear; MAX_LINEARS],
    len: usize,
}

impl Linears {
    const EMPTY: Linear = Linear {
        role: LinearRole::Other,
        name: "",
        in_features: 0,
        out_features: 0,
        bias: false,
        copies: 0,
        stacked_experts: false,
    };

    const fn new() -> Self {
        Self { items: [Self::EMPTY; MAX_LINEARS], len: 0 }
    }

    const fn push(&mut self, linear: Linear) {
        // MAX_LINEARS is never reached by the shapes below; a longer list would be a new kind of layer.
        debug_assert!(self.len < MAX_LINEARS);
        if self.len < MAX_LINEARS {
            self.items[self.len] = linear;
            self.len += 1;
        }
    }

    /// The linear layers in the order the forward pass meets them.
    pub fn iter(&self) -> std::slice::Iter<'_, Linear> {
        self.items[..self.len].iter()
    }
}

impl<'a> IntoIterator for &'a Linears {
    type Item = &'a Linear;
    type IntoIter = std::slice::Iter<'a, Linear>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Module names of one model code.
struct Names {
    qkv: &'static str,
    output: &'static str,
    up: &'static str,
    down: &'static str,
}

impl Names {
    fn of(model_code: &str) -> Self {
        let (qkv, output, up, down) = match model_code {
            "GPT2LMHeadModel" | "GPTBigCodeForCausalLM" => ("c_attn", "c_proj", "c_fc", "c_proj"),
            "GPTNeoForCausalLM" => ("qkv_proj", "out_proj", "c_fc", "c_proj"),
            "GPTJForCausalLM" => ("qkv_proj", "out_proj", "fc_in", "fc_out"),
            "GPTNeoXForCausalLM" | "FalconForCausalLM" | "BloomForCausalLM" => {
                ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
            }
            "PhiForCausalLM" => ("qkv_proj", "dense", "fc1", "fc2"),
            "OPTForCausalLM" => ("qkv_proj", "out_proj", "fc1", "fc2"),
            "Starcoder2ForCausalLM" => ("qkv_proj", "o_proj", "c_fc", "c_proj"),
            _ => ("qkv_proj", "o_proj", "up_proj", "down_proj"),
        };
        Self { qkv, output, up, down }
    }
}

impl NormKind {
    /// Parameters of one norm over `width` values.
    pub const fn params(self, width: u64) -> u64 {
        match self {
            Self::Rms | Self::RmsGemma | Self::LayerNoBias => width,
            Self::Layer => width.saturating_mul(2),
            Self::LayerNoParams => 0,
        }
    }
}

impl SoftmaxAttention {
    /// Rotary attention without biases, norms, windows or gates; heads are for the caller to set.
    pub const PLAIN: Self = Self {
        heads: 0,
        kv_heads: 0,
        head_dim: 0,
        fused_qkv: false,
        qkv_bias: false,
        o_bias: false,
        qk_norm: QkNorm::None,
        rotary_share: 1.0,
        window: None,
        output_gate: false,
        shares_kv: false,
        keys_are_values: false,
        dropout: 0.0,
    };

    /// Values of all query heads.
    pub const fn query_width(&self) -> u64 {
        self.heads.saturating_mul(self.head_dim)
    }

    /// Values of all key heads (values have as many).
    pub const fn kv_width(&self) -> u64 {
        self.kv_heads.saturating_mul(self.head_dim)
    }
}

impl LinearAttention {
    /// Values of all key heads.
    pub const fn key_width(&self) -> u64 {
        self.key_heads.saturating_mul(self.key_head_dim)
    }

    /// Values of all value heads.
    pub const fn value_width(&self) -> u64 {
        self.value_heads.saturating_mul(self.value_head_dim)
    }
}

impl Layer {
    /// The layer's linear layers; `hidden` is the residual width, `model_code` decides their names.
    pub fn linears(&self, hidden: u64, model_code: &str) -> Linears {
        let mut linears = Linears::new();
        self.each_linear(hidden, model_code, |linear| linears.push(linear));
        linears
    }

    /// Calls `visit` for each linear layer in the order the forward pass meets them: [`Layer::linears`] without a list.
    pub fn each_linear(&self, hidden: u64, model_code: &str, mut visit: impl FnMut(Linear)) {
        let names = Names::of(model_code);
        let once = |role, name, [in_features, out_features]: [u64; 2], bias| Linear {
            role,
            name,
            in_features,
            out_features,
            bias,
            copies: 1,
            stacked_experts: false,
        };
        each_of_attention(&self.attention, hidden, &names, &mut |role, name, shape, bias| {
            visit(once(role, name, shape, bias));
        });
        match &self.mlp {
            Mlp::Dense(mlp) => {
                each_of_mlp(mlp, hidden, &names, &mut |role, name, shape, bias| visit(once(role, name, shape, bias)));
            }
            Mlp::Moe(moe) => {
                visit(once(LinearRole::Router, "gate", [hidden, moe.experts], moe.router_bias));
                let stacked = DenseMlp { fused_gate_up: moe.expert.gated, ..moe.expert };
                each_of_mlp(&stacked, hidden, &names, &mut |role, name, shape, bias| {
                    visit(Linear { copies: moe.experts, stacked_experts: true, ..once(role, name, shape, bias) });
                });
                if let Some(shared) = &moe.shared {
                    each_of_mlp(shared, hidden, &names, &mut |role, name, shape, bias| {
                        visit(once(role, name, shape, bias));
                    });
                }
                if moe.shared_gate {
                    visit(once(LinearRole::Other, "shared_expert_gate", [hidden, 1], false));
                }
            }
        }
    }

    /// All parameters of the layer.
    pub fn params(&self, hidden: u64) -> u64 {
        let mut linears = 0_u64;
        self.each_linear(hidden, "", |linear| {
            linears = linears.saturating_add(linear.weight_params()).saturating_add(linear.bias_params());
        });
        linears
            .saturating_add(self.norms.saturating_mul(self.norm.params(hidden)))
            .saturating_add(self.attention_extra_params())
            .saturating_add(self.extra_params)
    }

    /// Parameters of the attention outside its linear layers: query and key norms, convolution, decay.
    pub const fn attention_extra_params(&self) -> u64 {
        match &self.attention {
            Attention::Softmax(attention) => match attention.qk_norm {
                QkNorm::None => 0,
                QkNorm::PerHead if attention.shares_kv => attention.head_dim,
                QkNorm::PerHead => attention.head_dim.saturating_mul(2),
                QkNorm::Full => attention.query_width().saturating_add(attention.kv_width()),
            },
            Attention::Latent(attention) => {
                let query = match attention.q_lora_rank {
                    Some(rank) => rank,
                    None => 0,
                };
                query.saturating_add(attention.kv_lora_rank)
            }
            Attention::Linear(attention) => {
                let convolved = attention.key_width().saturating_mul(2).saturating_add(attention.value_width());
                convolved
                    .saturating_mul(attention.conv_kernel)
                    .saturating_add(attention.value_heads.saturating_mul(2))
                    .saturating_add(attention.value_head_dim)
            }
        }
    }

    /// Parameters of the routed experts.
    pub fn routed_expert_params(&self, hidden: u64) -> u64 {
        match &self.mlp {
            Mlp::Dense(_) => 0,
            Mlp::Moe(moe) => mlp_params(&moe.expert, hidden).saturating_mul(moe.experts),
        }
    }

    /// Values the key-value cache holds for one token, and how many tokens it keeps at most (a sliding window).
    /// Linear attention keeps a state of fixed size instead: see [`Layer::fixed_state_values`].
    pub fn kv_values_per_token(&self) -> (u64, Option<u64>) {
        match &self.attention {
            Attention::Softmax(attention) if attention.shares_kv => (0, None),
            Attention::Softmax(attention) => (attention.kv_width().saturating_mul(2), attention.window),
            // The compressed latent and the one rotary key are cached (transformers 5, vLLM); keys and values of the
            // heads are made from them when they are needed.
            Attention::Latent(attention) => (attention.kv_lora_rank.saturating_add(attention.qk_rope_head_dim), None),
            Attention::Linear(_) => (0, None),
        }
    }

    /// Values of the recurrent state of one sequence (linear attention), else 0.
    pub const fn fixed_state_values(&self) -> u64 {
        match &self.attention {
            Attention::Linear(attention) => {
                let state = attention
                    .value_heads
                    .saturating_mul(attention.key_head_dim)
                    .saturating_mul(attention.value_head_dim);
                let convolved = attention.key_width().saturating_mul(2).saturating_add(attention.value_width());
                state.saturating_add(convolved.saturating_mul(attention.conv_kernel))
            }
            _ => 0,
        }
    }
}

/// Role, name, `[inputs, outputs]` and whether there is a bias.
type VisitMap<'a> = dyn FnMut(LinearRole, &'static str, [u64; 2], bool) + 'a;

fn each_of_attention(attention: &Attention, hidden: u64, names: &Names, visit: &mut VisitMap<'_>) {
    match attention {
        Attention::Softmax(attention) => {
            let gate = if attention.output_gate { 2 } else { 1 };
            let query = attention.query_width().saturating_mul(gate);
            let kv = attention.kv_width();
            if attention.fused_qkv {
                let width = query.saturating_add(kv.saturating_mul(2));
                visit(LinearRole::FusedQkv, names.qkv, [hidden, width], attention.qkv_bias);
            } else {
                visit(LinearRole::Query, "q_proj", [hidden, query], attention.qkv_bias);
                if !attention.shares_kv {
                    visit(LinearRole::Key, "k_proj", [hidden, kv], attention.qkv_bias);
                    if !attention.keys_are_values {
                        visit(LinearRole::Value, "v_proj", [hidden, kv], attention.qkv_bias);
                    }
                }
            }
            visit(LinearRole::Output, names.output, [attention.query_width(), hidden], attention.o_bias);
        }
        Attention::Latent(attention) => {
            let key = attention.qk_nope_head_dim.saturating_add(attention.qk_rope_head_dim);
            let query = attention.heads.saturating_mul(key);
            match attention.q_lora_rank {
                Some(rank) => {
                    visit(LinearRole::Query, "q_a_proj", [hidden, rank], attention.bias);
                    visit(LinearRole::Query, "q_b_proj", [rank, query], false);
                }
                None => visit(LinearRole::Query, "q_proj", [hidden, query], false),
            }
            let compressed = attention.kv_lora_rank.saturating_add(attention.qk_rope_head_dim);
            visit(LinearRole::Key, "kv_a_proj_with_mqa", [hidden, compressed], attention.bias);
            let expanded =
                attention.heads.saturating_mul(attention.qk_nope_head_dim.saturating_add(attention.v_head_dim));
            visit(LinearRole::Value, "kv_b_proj", [attention.kv_lora_rank, expanded], false);
            let value = attention.heads.saturating_mul(attention.v_head_dim);
            visit(LinearRole::Output, "o_proj", [value, hidden], attention.bias);
        }
        Attention::Linear(attention) => {
            let (key, value, heads) = (attention.key_width(), attention.value_width(), attention.value_heads);
            let qkv = key.saturating_mul(2).saturating_add(value);
            if attention.fused_in {
                visit(LinearRole::FusedQkv, "in_proj_qkvz", [hidden, qkv.saturating_add(value)], false);
                visit(LinearRole::Other, "in_proj_ba", [hidden, heads.saturating_mul(2)], false);
            } else {
                visit(LinearRole::FusedQkv, "in_proj_qkv", [hidden, qkv], false);
                visit(LinearRole::Other, "in_proj_z", [hidden, value], false);
                visit(LinearRole::Other, "in_proj_b", [hidden, heads], false);
                visit(LinearRole::Other, "in_proj_a", [hidden, heads], false);
            }
            visit(LinearRole::Output, "out_proj", [value, hidden], false);
        }
    }
}

fn each_of_mlp(mlp: &DenseMlp, hidden: u64, names: &Names, visit: &mut VisitMap<'_>) {
    let inner = mlp.intermediate;
    if mlp.gated && mlp.fused_gate_up {
        visit(LinearRole::FusedGateUp, "gate_up_proj", [hidden, inner.saturating_mul(2)], mlp.bias);
    } else if mlp.gated {
        visit(LinearRole::Gate, "gate_proj", [hidden, inner], mlp.bias);
        visit(LinearRole::Up, "up_proj", [hidden, inner], mlp.bias);
    } else {
        visit(LinearRole::Up, names.up, [hidden, inner], mlp.bias);
    }
    let down = if mlp.gated { "down_proj" } else { names.down };
    visit(LinearRole::Down, down, [inner, hidden], mlp.bias);
}

const fn mlp_params(mlp: &DenseMlp, hidden: u64) -> u64 {
    let inputs = if mlp.gated { 2 } else { 1 };
    let weights = hidden.saturating_mul(mlp.intermediate).saturating_mul(inputs + 1);
    if mlp.bias {
        weights.saturating_add(mlp.intermediate.saturating_mul(inputs)).saturating_add(hidden)
    } else {
        weights
    }
}

impl Architecture {
    /// Exact parameter counts; a tied head counts once.
    pub fn parameters(&self) -> ParameterCounts {
        let hidden = self.hidden_size;
        let embedding = self.vocab_size.saturating_mul(self.embedding.width);
        let head = if self.head.tied { 0 } else { self.vocab_size.saturating_mul(self.embedding.width) };
        let mut total = embedding
            .saturating_add(head)
            .saturating_add(if self.head.bias { self.vocab_size } else { 0 })
            .saturating_add(self.embedding.position_rows.saturating_mul(hidden))
            .saturating_add(self.embedding.extra_params)
            .saturating_add(self.final_norm.params(hidden))
            .saturating_add(self.other_params);
        let (mut routed, mut routed_active) = (0_u64, 0_u64);
        for group in &self.layers {
            total = total.saturating_add(group.layer.params(hidden).saturating_mul(group.count));
            if let Mlp::Moe(moe) = &group.layer.mlp {
                let expert = mlp_params(&moe.expert, hidden);
                routed = routed.saturating_add(expert.saturating_mul(moe.experts).saturating_mul(group.count));
                routed_active = routed_active
                    .saturating_add(expert.saturating_mul(moe.experts_per_token).saturating_mul(group.count));
            }
        }
        ParameterCounts {
            total,
            active: total.saturating_sub(routed).saturating_add(routed_active),
            embedding,
            head,
            routed_experts: routed,
        }
    }
}
