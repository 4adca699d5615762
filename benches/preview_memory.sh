#!/bin/sh
# Memory of small runs, predicted and measured: sh benches/preview_memory.sh
# Needs a release build. The figures in src/preview/memory.rs come from here.
run() {
    target/release/tuneplan preview "$@" --steps 3 --threads 1 --json 2>/dev/null | python3 -c "
import json, sys
memory = json.load(sys.stdin)['memory']
predicted, measured = memory['predicted_bytes'] / 2**20, memory['measured_peak_growth_bytes'] / 2**20
print(f\"{' '.join(sys.argv[1:]):72} predicted {predicted:7.1f} MiB, measured {measured:7.1f} MiB, {100 * (predicted / measured - 1):+5.1f} %\")
" "$@"
}
run --batch 1 --accumulation 8 --rank 16 --checkpointing --format nf4-dq
run --batch 1 --accumulation 8 --rank 16 --format nf4-dq
run --batch 8
run --batch 8 --format fp32
run --batch 8 --format int8
run --batch 8 --format gguf-q4-k
run --batch 8 --checkpointing
run --batch 16 --rank 64
run --batch 16 --dora
run --batch 16 --init pissa
run --batch 4 --rank 256
run --batch 32
run --batch 8 --optimizer sgd --dropout 0.1
