"""What no tool can see: which layers a window is for, where norms stand, kernels of activations, shares that dropout zeroes.

`facts` are expressions as in the descriptions. The names are those of `src/models/architecture/class/roles.rs`.
"""

# Types others are compared with first.
LIKE = "llama qwen2 qwen3 mistral gemma2 mixtral qwen2_moe qwen3_moe deepseek_v3 gpt2 bert roberta bart t5".split()

KNOWN = {"known": "true"}
_WINDOW = "sliding_window"


def known(**facts):
    return {"facts": {"known": "true", **facts}}


FIRST_DENSE = "each(num_hidden_layers, i < first_k_dense_replace ? 'dense' : 'sparse')"
# Ratios of older files: 0 slides, 4 is sparse, 128 heavily compressed.
V4_LAYERS = (
    "compress_ratios == null ? each(num_hidden_layers, i >= 2 and i % 2 == 1 ? 'compressed_sparse_attention' : "
    "'heavily_compressed_attention') : each(num_hidden_layers, compress_ratios[i] == 0 ? 'sliding_attention' : "
    "compress_ratios[i] == 4 ? 'compressed_sparse_attention' : 'heavily_compressed_attention')"
)
V4_MLPS = "each(num_hidden_layers, i < (num_hash_layers == null ? 3 : num_hash_layers) ? 'hash_moe' : 'moe')"
INDEXERS = (
    "index_topk_pattern != null ? each(num_hidden_layers, index_topk_pattern[i] in list_of('F', 'full') ? 'full' : 'shared') : "
    "each(num_hidden_layers, max(i - (index_skip_topk_offset == null ? 2 : index_skip_topk_offset) + 1, 0) % "
    "max(index_topk_freq == null ? 1 : index_topk_freq, 1) == 0 ? 'full' : 'shared')"
)
_EVERY = (
    "each(num_hidden_layers, (i + 1) % (full_attention_interval == null ? 4 : full_attention_interval) == 0 ? "
    "'full_attention' : 'linear_attention')"
)
INTERVAL = {"absent": {"layer_types": _EVERY}, "null": {"layer_types": _EVERY}}
UNIFIED_LAYERS = (
    "each(num_hidden_layers, (i + 1) % 6 == 0 or i == num_hidden_layers - 1 ? 'full_attention' : 'sliding_attention')"
)
LARA_LAYERS = (
    "each(num_hidden_layers, list_of('linear_attention', 'sliding_attention', 'linear_attention', 'full_attention', "
    "'sliding_attention')[i % 5])"
)
INKLING_LAYERS = (
    "each(num_hidden_layers, (local_layer_ids == null ? (i + 1) % 6 != 0 : i in local_layer_ids) ? 'hybrid_sliding' : 'hybrid')"
)
LFM2_LAYERS = "each(num_hidden_layers, full_attn_idxs == null or i in full_attn_idxs ? 'full_attention' : 'conv')"
BEAM = {
    "layer_types": "each(num_hidden_layers, (i + 1) % 6 == 0 or i + 1 == num_hidden_layers ? 'full_attention' : 'sliding_attention')",
    "mlp_layer_types": "each(num_hidden_layers, i < 3 ? 'dense' : 'sparse')",
}
EVERY_STEP = "range(interleave_moe_layer_step - 1, num_hidden_layers, interleave_moe_layer_step)"
CLASSIC = dict(rotary_share="0.0")
HAND = {
    "llama": known(),
    "mistral": known(window=_WINDOW),
    "mixtral": known(window=_WINDOW),
    "ministral": known(window=_WINDOW),
    "ministral3": known(window=_WINDOW),
    "qwen2": known(window="use_sliding_window and layer_types[i] != 'full_attention' ? sliding_window : null"),
    "qwen3": known(window="use_sliding_window and layer_types[i] != 'full_attention' ? sliding_window : null"),
    "smollm3": known(window="use_sliding_window and layer_types[i] != 'full_attention' ? sliding_window : null"),
    "qwen2_moe": known(window="null"),
    "qwen3_moe": known(window="null"),
    "gemma": known(norm="'rms_gemma'", scaled="true"),
    "gemma2": known(norm="'rms_gemma'", scaled="true", softcap="final_logit_softcapping != null", placement="'sandwich'"),
    "gemma3_text": known(norm="'rms_gemma'", scaled="true", placement="'sandwich'"),
    "phi": known(norm="'layer'", parallel="true", norms="1", residual_dropout="resid_pdrop"),
    "phi3": known(window=_WINDOW, residual_dropout="resid_pdrop"),
    "phimoe": known(window="null"),
    "gpt2": known(**CLASSIC, residual_dropout="resid_pdrop", attention_dropout="attn_pdrop", kv_heads="n_head"),
    "gpt_bigcode": known(
        **CLASSIC, residual_dropout="resid_pdrop", attention_dropout="attn_pdrop", kv_heads="multi_query ? 1 : n_head"
    ),
    "gpt_neo": known(
        **CLASSIC,
        residual_dropout="resid_dropout",
        attention_dropout="attention_dropout",
        window="i % 2 == 1 ? window_size : null",
    ),
    "gptj": known(
        rotary_share="rotary_dim == null ? 1.0 : rotary_dim / (n_embd // n_head)",
        residual_dropout="resid_pdrop",
        attention_dropout="attn_pdrop",
        parallel="true",
    ),
    "gpt_neox": known(
        residual_dropout="hidden_dropout", attention_dropout="attention_dropout", parallel="use_parallel_residual"
    ),
    "bloom": known(
        **CLASSIC,
        activation="'bloom_gelu'",
        residual_dropout="hidden_dropout",
        attention_dropout="attention_dropout",
        kv_heads="n_head",
    ),
    "opt": known(
        **CLASSIC,
        norm="layer_norm_elementwise_affine ? 'layer' : 'none'",
        norms="2",
        residual_dropout="dropout",
        attention_dropout="attention_dropout",
    ),
    "falcon": known(
        rotary_share="alibi ? 0.0 : 1.0",
        parallel="new_decoder_architecture or parallel_attn",
        residual_dropout="hidden_dropout",
        attention_dropout="attention_dropout",
        kv_heads="new_decoder_architecture ? num_kv_heads : multi_query ? 1 : num_attention_heads",
    ),
    "olmo": known(norm="'none'", norms="2"),
    "olmo2": known(placement="'post'", qk_norm="'full'"),
    "olmo3": known(placement="'post'", qk_norm="'full'"),
    "olmoe": known(qk_norm="'full'"),
    "stablelm": known(
        norm="'layer'",
        norms="use_parallel_residual ? 1 : 2",
        parallel="use_parallel_residual",
    ),
    "granite": known(),
    "cohere": known(norm="'layer_no_bias'", norms="1", parallel="true"),
    "cohere2": known(norm="'layer_no_bias'", norms="1", parallel="true"),
    "starcoder2": known(norm="'layer'", window=_WINDOW, residual_dropout="residual_dropout"),
    "glm": known(),
    "ernie4_5": known(),
    "bitnet": known(),
    "gpt_oss": known(),
    "llama4_text": {
        "absent": {"moe_layers": EVERY_STEP, "interleave_moe_layer_step": "1"},
        "null": {"moe_layers": EVERY_STEP},
        "facts": {"known": "true", "window": "layer_types[i] == 'chunked_attention' ? attention_chunk_size : null"},
    },
    "deepseek_v2": known(),
    "deepseek_v3": known(),
    "qwen3_next": {**known(norm="'rms_gemma'", output_gate="true"), **INTERVAL},
    "qwen3_5_text": {**known(norm="'rms_gemma'", output_gate="true"), **INTERVAL},
    "qwen3_5_moe_text": {"facts": {"norm": "'rms_gemma'", "output_gate": "true"}, **INTERVAL},
    "glm_moe_dsa": {
        "absent": {"mlp_layer_types": FIRST_DENSE, "indexer_types": INDEXERS},
        "null": {"mlp_layer_types": FIRST_DENSE, "indexer_types": INDEXERS},
    },
    "deepseek_v32": {"absent": {"mlp_layer_types": FIRST_DENSE}, "null": {"mlp_layer_types": FIRST_DENSE}},
    "deepseek_v4": {
        "absent": {"layer_types": V4_LAYERS, "mlp_layer_types": V4_MLPS},
        "null": {"layer_types": V4_LAYERS, "mlp_layer_types": V4_MLPS},
    },
    "lfm2": {"absent": {"layer_types": LFM2_LAYERS}, "null": {"layer_types": LFM2_LAYERS}},
    "gemma4_unified_text": {
        "absent": {"layer_types": UNIFIED_LAYERS},
        "null": {"layer_types": UNIFIED_LAYERS},
        "given": {"layer_types": "each(num_hidden_layers, i == num_hidden_layers - 1 ? 'full_attention' : layer_types[i])"},
    },
    "olmo_hybrid": {
        t: {
            "layer_types": "each(num_hidden_layers, i % 4 == 3 or num_hidden_layers < 4 and i == num_hidden_layers - 1 ? "
            "'full_attention' : 'linear_attention')",
            "linear_key_head_dim": "int(0.75 * hidden_size / linear_num_key_heads)",
            "linear_value_head_dim": "2 * linear_key_head_dim",
        }
        for t in ("absent", "null")
    },
    "lara_mini": {t: {"layer_types": LARA_LAYERS} for t in ("absent", "null")},
    "inkling_text": {t: {"layer_types": INKLING_LAYERS} for t in ("absent", "null")},
    "glm5_next_text": {t: {"mlp_layer_types": "each(num_hidden_layers, i < 3 ? 'dense' : 'sparse')"} for t in ("absent", "null")},
    "hrm_text": {t: {"num_layers_per_stack": "file.num_hidden_layers == null ? 16 : file.num_hidden_layers"} for t in ("absent", "null")},
    "bailing_hybrid": {
        t: {"linear_head_dim": "file.head_dim == null ? 128 : file.head_dim"} for t in ("absent", "null", "given")
    },
    "deepseek_ocr2_text": {t: {"mlp_layer_types": FIRST_DENSE} for t in ("absent", "null")},
    "bart": {"absent": {"num_labels": "3"}},
    # Its encoder leaves its heads in the configuration the decoder is made from.
    "moonshine": {
        t: {
            "decoder_num_attention_heads": "encoder_num_attention_heads",
            "decoder_num_key_value_heads": "encoder_num_key_value_heads",
        }
        for t in ("absent", "null", "given")
    },
    "beam": {"absent": BEAM, "null": BEAM},
    "nemotron_h": {
        "absent": {
            "layers_block_type": "hybrid_override_pattern == null ? list_of('linear_attention', 'moe', 'full_attention', 'mlp') : "
            "each(len(hybrid_override_pattern), hybrid_override_pattern[i] == 'M' ? 'linear_attention' : "
            "hybrid_override_pattern[i] == '*' ? 'full_attention' : hybrid_override_pattern[i] == 'E' ? 'moe' : 'mlp')"
        }
    },
}
for _type in ("mt5", "umt5", "longt5", "switch_transformers", "pop2piano", "udop"):
    HAND[_type] = {"absent": {"is_gated_act": "starts(feed_forward_proj, 'gated')"}}
for _type in ("mbart", "mvp", "bigbird_pegasus", "plbart"):
    HAND[_type] = {"absent": {"num_labels": "2"}}
for _type in ("gpt2", "gpt_bigcode"):
    HAND[_type]["fixed"] = {"add_cross_attention": "false"}
