#!/usr/bin/env bash
# Time from the start of the process to the first frame on screen: the program against an empty window of the same
# toolkit. The aim is a ratio of at most 1.3. Needs a display; without a GPU set LIBGL_ALWAYS_SOFTWARE=1.
#
#   cargo build --release --bin tuneplan --example empty_window
#   benches/start.sh [RUNS]            20 runs of each, one after the other in turn
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-20}
target=${CARGO_TARGET_DIR:-target}/release
empty="$target/examples/empty_window"
program="$target/tuneplan"
for file in "$empty" "$program"; do
    [[ -x $file ]] || { echo "$file is missing: cargo build --release --bin tuneplan --example empty_window" >&2; exit 2; }
done

# Milliseconds until the command says that its first frame is there.
first_frame_ms() {
    local start=$EPOCHREALTIME line
    exec 3< <(exec "$@" 2>/dev/null)
    IFS= read -r line <&3 || { echo "$1 ended before its first frame" >&2; exit 1; }
    local end=$EPOCHREALTIME
    wait $!
    exec 3<&-
    echo $(((${end/./} - ${start/./}) / 1000))
}

median() { sort -n | awk '{ all[NR] = $1 } END { print (NR % 2) ? all[(NR + 1) / 2] : (all[NR / 2] + all[NR / 2 + 1]) / 2 }'; }

empties=() programs=()
first_frame_ms "$empty" >/dev/null   # the first start of either reads its file from disk
first_frame_ms "$program" --first-frame >/dev/null
for ((run = 0; run < runs; run++)); do
    empties+=("$(first_frame_ms "$empty")")
    programs+=("$(first_frame_ms "$program" --first-frame)")
done
of_empty=$(printf '%s\n' "${empties[@]}" | median)
of_program=$(printf '%s\n' "${programs[@]}" | median)
echo "empty window: $of_empty ms, tuneplan: $of_program ms (medians of $runs)"
awk -v empty="$of_empty" -v program="$of_program" 'BEGIN { printf "ratio: %.2f\n", program / empty }'
