"""Loads what `tuneplan preview` saves with the real peft and transformers, and compares logits.

    cargo build --release --bin tuneplan --example preview_logits
    python tests/peft/check.py

Needs torch, transformers and peft; not part of `cargo test`. For several settings it trains a few steps on the embedded model
and on a random Qwen2 model that transformers saved, loads the adapter with peft on the base it names, and compares its
logits with this program's for the same tokens; where the base was not quantized, also the merged folder with what peft has
merged (a quantized base is merged as it was trained beside: as its format has it). Fails when the largest difference is
above 1e-4 of the largest logit, or for merged models, which are rounded to BF16, above 1 %.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import peft
import torch
import transformers
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

PROGRAMS = "target/release"
EMBEDDED = "assets/preview"
RUNS = {
    "LoRA on NF4": ["--format", "nf4-dq", "--rank", "4"],
    "LoRA on Q4_K": ["--format", "gguf-q4-k", "--targets", "attention"],
    "rsLoRA with dropout": ["--rslora", "--dropout", "0.1", "--alpha", "8"],
    "DoRA": ["--dora", "--format", "int8", "--rank", "4"],
    "LoRA on FP32": ["--format", "fp32"],
    "PiSSA": ["--init", "pissa", "--format", "fp32", "--rank", "4"],
    "SGD": ["--optimizer", "sgd", "--momentum", "0.9", "--targets", "q_proj,v_proj"],
}
ADAPTER_LIMIT, MERGED_LIMIT = 1e-4, 0.01


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")


def off(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


def logits_of(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].float()


def qwen2(folder):
    torch.manual_seed(5)
    config = Qwen2Config(vocab_size=320, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=False)
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(os.path.join(EMBEDDED, name), folder)
    examples = os.path.join(folder, "examples.jsonl")
    with open(examples, "w", encoding="utf-8") as file:
        for number in range(40):
            turns = [("user", f"say {number}"), ("assistant", f"{number * 7 % 40}")]
            file.write(json.dumps({"messages": [{"role": r, "content": c} for r, c in turns]}) + "\n")
    return ["--model", folder, "--data", examples]


def check(place, what, flags):
    adapter, merged, out = (os.path.join(place, name) for name in ["adapter", "merged", "logits.safetensors"])
    run([f"{PROGRAMS}/tuneplan", "preview", "--steps", "4", "-o", adapter, "--save-merged", merged, *flags])
    model = AutoPeftModelForCausalLM.from_pretrained(adapter, dtype=torch.float32).eval()
    base = model.peft_config["default"].base_model_name_or_path
    tokens = AutoTokenizer.from_pretrained(base)("User: Where is the baker?\nAssistant: ")["input_ids"]
    run([f"{PROGRAMS}/examples/preview_logits", base, adapter, out, *map(str, tokens)])
    expected = logits_of(model, tokens)
    with model.disable_adapter():
        moved = off(expected, logits_of(model, tokens))
    by_adapter = off(load_file(out)["logits"], expected)
    said = f"{what}: the adapter moves logits by {moved:.1e}; ours differ from peft's by {by_adapter:.1e}"
    agree = moved > 10 * ADAPTER_LIMIT and by_adapter < ADAPTER_LIMIT
    if "fp32" in flags:
        ours = logits_of(AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32).eval(), tokens)
        by_merged = off(ours, logits_of(model.merge_and_unload(), tokens))
        said += f", the merged folder by {by_merged:.1e}"
        agree &= by_merged < MERGED_LIMIT
    print(said)
    return agree


def main():
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")
    agree = True
    for what, flags in RUNS.items():
        for base in ["embedded", "Qwen2"]:
            with tempfile.TemporaryDirectory() as place:
                folder = os.path.join(place, "base")
                agree &= check(place, f"{what}, {base}", flags + (qwen2(folder) if base == "Qwen2" else []))
    sys.exit(0 if agree else "some differ by more than they may")


if __name__ == "__main__":
    main()
