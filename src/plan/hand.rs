//! A shape typed by hand: Llama's layout with the given numbers.

use super::HandShape;
use crate::architecture::{
    Activation, Architecture, Attention, DenseMlp, Embedding, Flag, Head, Layer, LayerGroup, Mlp, Moe, NativeDtype,
    NormKind, NormPlacement, SoftmaxAttention,
};

impl From<&HandShape> for Architecture {
    fn from(shape: &HandShape) -> Self {
        let expert = DenseMlp {
            intermediate: shape.intermediate_size,
            gated: shape.gated_mlp,
            fused_gate_up: false,
            bias: false,
            activation: if shape.gated_mlp { Activation::Silu } else { Activation::Gelu },
        };
        let mlp = if shape.experts == 0 {
            Mlp::Dense(expert)
        } else {
            Mlp::Moe(Moe {
                experts: shape.experts,
                experts_per_token: shape.experts_per_token,
                expert,
                shared: None,
                shared_gate: false,
                router_bias: false,
            })
        };
        let layer = Layer {
            attention: Attention::Softmax(SoftmaxAttention {
                heads: shape.heads,
                kv_heads: shape.kv_heads,
                head_dim: shape.head_dim,
                ..SoftmaxAttention::PLAIN
            }),
            mlp,
            norm: NormKind::Rms,
            norms: 2,
            norm_placement: NormPlacement::Pre,
            parallel: false,
            residual_dropout: 0.0,
            extra_params: 0,
        };
        Self {
            model_code: "LlamaForCausalLM".to_owned(),
            hidden_size: shape.hidden_size,
            vocab_size: shape.vocab_size,
            max_positions: None,
            native_dtype: NativeDtype::Bf16,
            embedding: Embedding { width: shape.hidden_size, position_rows: 0, extra_params: 0, scaled: false },
            layers: vec![LayerGroup { count: shape.layers, layer }],
            final_norm: NormKind::Rms,
            head: Head { tied: shape.tied, bias: false, softcap: false },
            other_params: 0,
            flags: vec![Flag::Note("typed by hand in Llama's layout".to_owned())],
        }
    }
}
