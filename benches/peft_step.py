"""Times LoRA steps of PyTorch + peft and of this program in turn, on the same shapes and threads, by CPU seconds.

    cargo build --release --example lora_step
    python benches/peft_step.py [SHAPE] [ROUNDS] [avx2|avx512]

Needs torch, transformers and peft. Each round runs both in a process of their own; the median step of each and the ratio
are printed, pair by pair, with the most memory each process had. To hold this program to AVX2 too, build it with
`--no-default-features`.
"""

import json
import os
import resource
import statistics
import subprocess
import sys

SHAPES = {
    "tiny": dict(hidden_size=256, intermediate_size=688, num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=4,
                 vocab_size=259, head_dim=64),
    "smol135": dict(hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                    num_key_value_heads=3, vocab_size=49152, head_dim=64),
}
STEPS = {"tiny": 12, "smol135": 5}
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def torch_steps(shape):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = LlamaConfig(**SHAPES[shape], tie_word_embeddings=True, max_position_embeddings=512)
    model = LlamaForCausalLM(config)
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(model, lora).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    vocabulary = config.vocab_size
    ids = torch.tensor([[(s * 256 + i) * 7919 % vocabulary for i in range(256)] for s in range(4)])
    seconds = []
    for _ in range(STEPS[shape]):
        before = resource.getrusage(resource.RUSAGE_SELF)
        optimizer.zero_grad()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        del loss
        after = resource.getrusage(resource.RUSAGE_SELF)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"tokens": 1024, "cpu_secs": seconds, "peak_rss_bytes": peak}))


def run(command, environment):
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    # The first step makes what later ones reuse.
    step = statistics.median(found["cpu_secs"][1:])
    return found["tokens"] / step, found["peak_rss_bytes"]


def main():
    shape = sys.argv[1] if len(sys.argv) > 1 else "tiny"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    cap = AVX2 if (sys.argv[3] if len(sys.argv) > 3 else "avx2") == "avx2" else {}
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    ours = ["target/release/examples/lora_step", shape, "fp32", str(STEPS[shape]), "1"]
    ratios, memory = [], []
    for number in range(rounds):
        torch_rate, torch_peak = run([sys.executable, __file__, "--torch", shape], {**cap, **threads})
        our_rate, our_peak = run(ours, {"RAYON_NUM_THREADS": "1"})
        ratios.append(our_rate / torch_rate)
        memory.append(our_peak / torch_peak)
        print(f"round {number + 1}: PyTorch {torch_rate:,.0f} tokens/CPU-s, {torch_peak / 2**20:,.0f} MiB; "
              f"Tuneplan {our_rate:,.0f} tokens/CPU-s, {our_peak / 2**20:,.0f} MiB; "
              f"ratio {ratios[-1]:.2f}, memory {memory[-1]:.2f}", flush=True)
    print(f"{shape}: tokens per CPU-second {statistics.median(ratios):.2f} times PyTorch's "
          f"({min(ratios):.2f} to {max(ratios):.2f}), peak memory {statistics.median(memory):.2f} times")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--torch"]:
        torch_steps(sys.argv[2])
    else:
        main()
