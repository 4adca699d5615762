"""Writes exports of every template and of random plans, for check.py.

    python3 tools/engines/exports.py TUNEPLAN ENGINE[@VERSION] OUT [--plans 300] [--seed 1]

Every template and as many random plans as are asked for are exported into OUT/NAME; a plan that the export refuses is counted
with its reason. Then: python3 tools/engines/check.py ENGINE OUT/*
"""

import argparse
import collections
import json
import random
import shutil
import subprocess
from pathlib import Path

MODELS = ["meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.2-1B", "Qwen/Qwen2.5-7B", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B", "mistralai/Mistral-7B-v0.1",
          "google/gemma-2-9b", "microsoft/Phi-3-mini-4k-instruct", "openai-community/gpt2", "EleutherAI/pythia-1.4b"]
STAGES = {"sft": "supervised", "pt": "continued-pretraining", "infilling": "infilling", "long-context": "long-context", "rm": "reward-model",
          "classification": "classification"}
PREFERENCES = ("dpo", "kto", "orpo", "cpo", "simpo")


def flags(chance, table, models):
    """Flags of a random plan of a kind and method that the engine has."""
    pick = chance.choice
    kind = pick(table["kinds"] or ["sft"])
    method = pick(table["methods"] or ["lora"])
    out = {"model": pick(models), "method": method, "micro-batch": pick([1, 2, 3, 4, 8]), "gradient-accumulation": pick([1, 2, 4, 7, 16]),
           "sequence-length": pick([512, 1000, 2048, 8192]), "packing": pick(["packed", "padded"]), "checkpointing": pick(["full", "none", "selective"]),
           "attention": pick(["sdpa", "sdpa", "eager"]), "loss": pick(["stack", "unfused", "fused-linear", "fused-logits"]),
           "clip-gradients": pick(["on", "off"]), "epochs": pick([1, 2, 3, 0.5]),
           "optimizer": pick(["adamw", "adamw", "adamw-8bit", "paged-adamw-8bit", "paged-adamw", "adafactor", "sgd", "lion", "lion-8bit", "muon", "adam", "rmsprop"]),
           "optimizer-implementation": pick(["fused", "fused", "foreach", "for-loop"]), "name": pick(["job", "a: b # c", "x\ty", "Ünïcode"])}
    if kind in PREFERENCES:
        out.update({"stages": "preference", "preference": kind})
    elif kind in ("grpo", "rloo"):
        micro = out["micro-batch"]
        out.update({"stages": "reinforcement", "reinforcement": kind, "completions": micro * pick([2, 4, 8]), "prompt-tokens": 256,
                    "generator": pick(["trainer", "colocated", "server"]), "generator-share": 0.3})
        if out["generator"] != "colocated":
            del out["generator-share"]
    elif kind in ("gkd", "distillation"):
        out.update({"stages": "distillation", "distillation": "gkd" if kind == "gkd" else "logits", "teacher": "meta-llama/Llama-3.1-8B"})
    else:
        out["stages"] = STAGES[kind]
    quantizes = method in ("qlora", "loftq") or method in ("lora", "dora", "rslora") and chance.random() < 0.3
    if quantizes:
        out["load-format"] = pick(["nf4", "nf4", "fp4", "int8"])
        if out["load-format"] in ("nf4", "fp4"):
            out["double-quantization"] = pick(["on", "off"])
        out["autocast"] = pick(["bf16", "bf16", "fp16"])
    else:
        out["load-format"] = pick(["bf16", "bf16", "fp32", "fp16"])
        out["autocast"] = {"bf16": pick(["bf16", "off"]), "fp16": pick(["fp16", "off"]), "fp32": pick(["bf16", "off"])}[out["load-format"]]
    if method in ("lora", "qlora", "dora", "rslora", "pissa", "loftq"):
        out.update({"rank": pick([1, 8, 16, 24, 64, 256]), "alpha": pick([16, 32, 7, 0.5]), "lora-dropout": pick([0, 0.05, 0.1]),
                    "targets": pick(["all-linear", "q,v", "q,k,v,o", "gate,up,down"])})
        if chance.random() < 0.2:
            out.update({"train-embeddings": pick(["on", "off"]), "train-head": "on"})
        if chance.random() < 0.2 and method in ("lora", "qlora"):
            out["lora-scaling"] = "rank-stabilized"
            out["weight-decomposed"] = "on"
    if method in ("vera", "galore"):
        out["rank"] = pick([64, 128, 256])
    if chance.random() < 0.5:
        out["examples"] = pick([1000, 12345])
        out["checkpoints"] = pick([0, 1, 3, 7])
    if chance.random() < 0.4:
        out["evaluation-batch"] = pick([1, 8])
    if chance.random() < 0.4:
        strategy = pick(["ddp", "zero-1", "zero-2", "zero-3", "fsdp", "fsdp2"])
        if quantizes and strategy in ("zero-3", "fsdp", "fsdp2"):
            strategy = "ddp"
        out.update({"devices": pick([2, 8]), "strategy": strategy})
        if strategy.startswith("zero"):
            out["offload-optimizer"] = pick(["none", "cpu"])
            if strategy == "zero-3":
                out["offload-parameters"] = pick(["none", "cpu"])
        elif strategy.startswith("fsdp") and chance.random() < 0.3:
            out.update({"offload-parameters": "cpu", "offload-optimizer": "cpu"})
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tuneplan")
    parser.add_argument("engine")
    parser.add_argument("out")
    parser.add_argument("--plans", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    listed = json.loads(subprocess.run([given.tuneplan, "export", "--list", "--json"], capture_output=True, check=True).stdout)["engines"]
    table = next(table for table in listed if table["id"] == given.engine.split("@")[0])
    out = Path(given.out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    refused = collections.Counter()
    written = 0

    def export(name, plan, extra):
        nonlocal written
        command = [given.tuneplan, "export", *plan, "--to", given.engine, "-o", str(out / name), "--json", *extra]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            written += 1
            (out / (name + ".json")).write_text(done.stdout)
            return True
        refused[done.stderr.strip().splitlines()[-1][:160]] += 1
        return False

    templates = json.loads(subprocess.run([given.tuneplan, "templates", "--json"], capture_output=True, check=True).stdout)
    for template in templates["templates"]:
        name = template["name"]
        plan = out / f"{name}.plan.ron"
        subprocess.run([given.tuneplan, "new", "--template", name, "-o", str(plan)], check=True, capture_output=True)
        export(f"template-{name}", [str(plan)], [])
    chance = random.Random(given.seed)
    models = MODELS[:2] + ["mistralai/Mistral-7B-v0.1"] if table["id"] == "torchtune" else MODELS
    made = 0
    for number in range(given.plans * 4):
        if made == given.plans:
            break
        if table["group"] != "training":
            table = {**table, "kinds": ["sft"], "methods": ["lora", "qlora", "dora", "full"]}
        chosen = flags(chance, table, models)
        if table["id"] == "megatron-bridge":
            chosen["examples"] = 1000
        if table["id"] == "skypilot":
            chosen["accelerator"] = chance.choice(["h100-sxm5-80gb", "l4", "a100-sxm4-80gb"])
        words = [word for key, value in chosen.items() for word in (f"--{key}", str(value))]
        made += export(f"random-{number}", [], words)
    print(f"{given.engine}: {written} exports written, {made} of random plans; {sum(refused.values())} refused")
    for why, count in refused.most_common(12):
        print(f"  {count} × {why}")


if __name__ == "__main__":
    main()
