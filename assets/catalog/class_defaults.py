"""Writes class-defaults.json: what transformers assumes for keys a config.json does not give.

    pip install transformers==5.23.0
    python class_defaults.py > class-defaults.json

A default that changes with the model's width or heads is written as null: it is computed from other keys.
"""
import json

import transformers

CLASSES = (
    "Llama Mistral Qwen2 Qwen3 Gemma Gemma2 Gemma3Text Phi Phi3 GPT2 GPTNeoX GPTNeo GPTJ Falcon Olmo Olmo2 Olmo3 "
    "StableLm Granite SmolLM3 Cohere Cohere2 Starcoder2 Bloom OPT Mixtral Qwen2Moe Qwen3Moe DeepseekV2 DeepseekV3 "
    "GptOss Olmoe Phimoe Llama4Text Glm Ernie4_5 Ministral3 Ministral Qwen3Next Qwen3_5Text Gemma4Text BitNet "
    "GPTBigCode "
).split()
# Keys that change neither parameters nor memory, or that are read from the file only.
UNUSED = set((
    "transformers_version architectures id2label label2id problem_type return_dict output_hidden_states "
    "chunk_size_feed_forward is_encoder_decoder bos_token_id eos_token_id pad_token_id initializer_range use_cache "
    "_name_or_path dtype output_attentions rms_norm_eps layer_norm_eps layer_norm_epsilon norm_epsilon model_type "
    "layer_types rope_parameters no_rope_layers attention_layers moe_layers mlp_layer_types pretraining_tp "
    "router_aux_loss_coef output_router_logits router_jitter_noise input_jitter_noise summary_type summary_use_proj "
    "summary_activation summary_proj_to_labels summary_first_dropout classifier_dropout embd_pdrop clip_qkv "
    "init_std logit_scale embedding_multiplier logits_scaling residual_multiplier attention_multiplier "
).split())


def defaults(name):
    config = getattr(transformers, name + "Config")
    names = config.attribute_map
    hidden = names.get("hidden_size", "hidden_size")
    heads = names.get("num_attention_heads", "num_attention_heads")
    base, odd = config().to_dict(), config(**{hidden: 960, heads: 6}).to_dict()
    kept = {}
    for key, value in base.items():
        if key in UNUSED or isinstance(value, dict) or (isinstance(value, list) and key != "attention_types"):
            continue
        kept[key] = value if odd.get(key) == value or key in (hidden, heads) else None
    rope = base.get("rope_parameters") or {}
    if "partial_rotary_factor" in rope:
        kept["partial_rotary_factor"] = rope["partial_rotary_factor"]
    return config.model_type, {"class": name, "names": dict(names), "defaults": kept}


print(json.dumps(dict(map(defaults, CLASSES)), indent=1, sort_keys=True))
