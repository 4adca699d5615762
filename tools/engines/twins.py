"""Breaks exports in one place each and asks check.py: every twin must be refused, so that the check is known to look.

    python3 tools/engines/twins.py ENGINE OUT

OUT is what exports.py wrote. A twin is made of the first folder in which its line stands. Exit 0: all refused.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

import check

# Engine: file, what is replaced (a line's pattern), by what.
TWINS = {
    "trl": [
        ("*.yaml", r"^max_length:", "max_seq_length:"), ("*.yaml", r"^optim: \w+", "optim: adamw_tortch"), ("*.yaml", r"^lora_r: \d+", "lora_r: many"),
        ("*.yaml", r"^save_strategy: epoch", "save_strategy: sometimes"), ("train.py", r"peft_config=peft", "peft_configuration=peft"), ("train.py", r"^from trl import (.*)SFTTrainer", r"from trl import \1SFTTrainr"),
    ],
    "axolotl": [
        ("axolotl.yml", r"^sequence_len:", "sequence_length:"), ("axolotl.yml", r"^adapter: q?lora", "adapter: loora"), ("axolotl.yml", r"^micro_batch_size: \d+", "micro_batch_size: two"),
        ("axolotl.yml", r"^load_in_8bit: false", "load_in_8bit: true\nload_in_4bit: true"),
        ("axolotl.yml", r"^gradient_accumulation_steps:", "batch_size: 8\ngradient_accumulation_steps:"), ("axolotl.yml", r"^attn_implementation: .*", "attn_implementation: flash"),
    ],
    "llama-factory": [
        ("llama_factory.yaml", r"^cutoff_len:", "cutoff_length:"), ("llama_factory.yaml", r"^stage: \w+", "stage: train"), ("llama_factory.yaml", r"^finetuning_type: lora", "finetuning_type: qlora"),
        ("dataset_info.json", r'"file_name"', '"filename"'), ("llama_factory.yaml", r"^dataset: train", "dataset: other"),
    ],
    "unsloth": [("train.py", r"max_seq_length=", "max_length="), ("train.py", r"lora_alpha=", "alpha="), ("train.py", r"max_grad_norm=", "clip=")],
    "ms-swift": [("train.sh", r"--tuner_type \w+", "--tuner_type qlora"), ("train.sh", r"--max_length", "--max_lenght"), ("train.sh", r"--quant_bits \d", "--quant_bits 5"), ("train.sh", r"^swift sft", "swift train")],
    "mlx-lm": [("mlx.yaml", r"^  scale:", "  alpha:"), ("mlx.yaml", r"^fine_tune_type: \w+", "fine_tune_type: qlora"), ("mlx.yaml", r"^iters: \d+", "iters: 10.5"), ("mlx.yaml", r"^train: true", "train: false")],
    "torchtune": [("torchtune.yaml", r"lora_rank:", "rank:"), ("torchtune.yaml", r"^batch_size: \d+\n", "")],
    "accelerate": [("accelerate.yaml", r"fsdp_reshard_after_forward:", "fsdp_reshard:"), ("accelerate.yaml", r"^mixed_precision: .*", "mixed_precision: bfloat"), ("accelerate.yaml", r"fsdp_version: 2", "fsdp_version: 2\n  fsdp_use_orig_params: true")],
    "deepspeed": [("deepspeed*.json", r'"stage": \d', '"stage": 4'), ("deepspeed*.json", r'"reduce_bucket_size"', '"reduce_bucket"'), ("deepspeed*.json", r'"train_batch_size": \d+', '"train_batch_size": 7')],
}


def main(engine, out):
    engine = engine.split("@")[0]
    folders = sorted(path for path in Path(out).iterdir() if path.is_dir())
    taken = made = 0
    for pattern, old, new in TWINS[engine]:
        for folder in folders:
            file = next(iter(folder.glob(pattern)), None)
            if file and re.search(old, file.read_text(), re.M):
                break
        else:
            print(f"{engine}: {old} stands in no export")
            taken += 1
            continue
        made += 1
        with tempfile.TemporaryDirectory() as place:
            twin = Path(place, "twin")
            shutil.copytree(folder, twin)
            broken = twin / file.name
            broken.write_text(re.sub(old, new, broken.read_text(), count=1, flags=re.M))
            try:
                check.ENGINES[engine](twin)
            except ImportError:
                raise
            except Exception:
                continue
            taken += 1
            print(f"{engine}: taken though broken: {old} -> {new} ({folder.name})")
    print(f"{engine}: {made - taken} of {made} broken twins refused")
    return 1 if taken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
