//! What the code of a model class does that the shape of the model does not say.
//!
//! One table, looked up once per estimate; the replay asks the answers and knows no class by name.

/// Peculiarities of a class as transformers 5.23 writes it and PEFT 0.21 meets it.
#[derive(Clone, Copy, Debug)]
pub struct ClassTraits {
    /// Its operators were traced one by one: the replay agrees to within 1 %; that of the others to 6 % in 95 of 100
    /// rows.
    pub traced: bool,
    /// PEFT reaches its stacked experts and router under the names they had as modules of their own. What keeps such a
    /// name as a real module, the dense layers' and shared experts' MLP, is then passed over.
    pub experts_reached: bool,
    /// Its router is a linear module rather than a plain parameter.
    pub router_is_module: bool,
    /// RMSNorm multiplies with the weight before it casts back, as Gemma's does.
    pub norm_casts_late: bool,
    /// The block keeps the attention's output under a name of its own until it returns.
    pub names_attention_output: bool,
    /// What a block adds to the residual stream is multiplied first.
    pub scales_residual: bool,
    /// What goes into the output projection and the last matrix of the MLP is normed.
    pub norms_inside_blocks: bool,
    /// Heads are split off the fused projection before query, key and value are.
    pub splits_heads_first: bool,
    /// Heads are cut into a rotated and a passed part and joined again even where nothing is passed.
    pub always_joins_rotated: bool,
    /// Positions are rotated in FP32.
    pub rotates_in_fp32: bool,
    /// Local layers have rotary tables of their own.
    pub two_rotary_tables: bool,
    /// Attention scores pass through a soft cap.
    pub caps_scores: bool,
    /// Eager attention takes the softmax in the width of the scores rather than in FP32.
    pub narrow_softmax: bool,
}

/// Nothing peculiar, operators not traced.
const UNTRACED: ClassTraits = ClassTraits {
    traced: false,
    experts_reached: false,
    router_is_module: false,
    norm_casts_late: false,
    names_attention_output: false,
    scales_residual: false,
    norms_inside_blocks: false,
    splits_heads_first: false,
    always_joins_rotated: false,
    rotates_in_fp32: false,
    two_rotary_tables: false,
    caps_scores: false,
    narrow_softmax: false,
};

/// Nothing peculiar, operators traced.
const TRACED: ClassTraits = ClassTraits { traced: true, ..UNTRACED };

/// Experts under their old names, operators not traced.
const REACHED: ClassTraits = ClassTraits { experts_reached: true, ..UNTRACED };

/// Traits by how the name of the class starts; the first that matches counts.
const CLASSES: [(&str, ClassTraits); 35] = [
    ("LlamaFor", TRACED),
    ("Mistral", TRACED),
    ("Ministral", TRACED),
    ("Mixtral", ClassTraits { experts_reached: true, ..TRACED }),
    ("Qwen2", TRACED),
    ("Qwen3For", TRACED),
    ("Qwen3Moe", ClassTraits { experts_reached: true, ..TRACED }),
    ("Qwen3Next", REACHED),
    ("GemmaFor", TRACED),
    ("Gemma2", ClassTraits { caps_scores: true, ..TRACED }),
    ("Gemma3", ClassTraits { two_rotary_tables: true, ..TRACED }),
    ("Phi3", ClassTraits { always_joins_rotated: true, ..TRACED }),
    ("Phimoe", ClassTraits { router_is_module: true, ..UNTRACED }),
    ("GPTNeoX", ClassTraits { splits_heads_first: true, ..TRACED }),
    ("GPT2", ClassTraits { names_attention_output: true, narrow_softmax: true, ..TRACED }),
    ("Olmo2", ClassTraits { norm_casts_late: true, ..TRACED }),
    ("Olmo3", ClassTraits { norm_casts_late: true, ..TRACED }),
    ("Olmoe", ClassTraits { experts_reached: true, ..TRACED }),
    ("Olmo", TRACED),
    ("FlexOlmo", ClassTraits { norm_casts_late: true, ..REACHED }),
    ("Granite", ClassTraits { scales_residual: true, ..TRACED }),
    ("Glm4Moe", ClassTraits { experts_reached: true, ..TRACED }),
    ("Glm", TRACED),
    ("BitNet", ClassTraits { norms_inside_blocks: true, ..TRACED }),
    ("Starcoder2", TRACED),
    ("SmolLM3", TRACED),
    ("Cohere", ClassTraits { rotates_in_fp32: true, ..UNTRACED }),
    ("Ernie4_5_Moe", ClassTraits { rotates_in_fp32: true, ..REACHED }),
    ("Ernie", ClassTraits { rotates_in_fp32: true, ..UNTRACED }),
    ("MiniMax", REACHED),
    ("DeepseekV2", REACHED),
    ("DeepseekV3", REACHED),
    ("Dots1", REACHED),
    ("HunYuanMoE", REACHED),
    ("Exaone", REACHED),
];

impl ClassTraits {
    /// Traits of the class called `code`.
    pub fn of(code: &str) -> Self {
        CLASSES.iter().find(|(start, _)| code.starts_with(start)).map_or(UNTRACED, |&(_, traits)| traits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_is_hidden_behind_a_shorter_name() {
        for (index, (name, _)) in CLASSES.iter().enumerate() {
            for (earlier, _) in &CLASSES[..index] {
                assert!(!name.starts_with(earlier), "{name} is never reached: {earlier} comes first");
            }
        }
    }
}
