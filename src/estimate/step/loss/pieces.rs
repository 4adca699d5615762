//! Losses that never hold whole logits: chunks of tokens, tiles of tokens × vocabulary.

use super::super::super::pass::linear::product;
use super::super::super::setup::Setup;
use super::super::super::tape::{Kind, Live, ParamGradient, Scratch, Tape, Tensor};

/// Bytes that a scored token keeps beside its hidden values: target, its place, log-partition and entropy.
const KEPT_A_TOKEN: u64 = 8 + 4 + 4;
/// Vectors of FP32 that the tiled kernel runs along with.
const RUNNING: u64 = 7;

/// Whether the head's weight gets a gradient, and the bytes of its values.
const fn weight(setup: &Setup<'_>) -> (bool, u64) {
    (setup.trained.head, setup.outer_width)
}

/// Scored rows of the hidden states: without each sequence's last, then those with a label.
fn scored_rows(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor, rows: u64) -> Tensor {
    let hidden = setup.architecture.hidden_size;
    let predicting = setup.tokens.saturating_sub(setup.batch);
    let shifted = tape.part(normed, predicting.saturating_mul(hidden));
    let picked = tape.pick(shifted, rows.saturating_mul(hidden), rows);
    tape.drop(shifted);
    picked
}

/// TRL's `ChunkedLogProbFunction` from 1.15 on: statistics of tiles, which backward computes again and turns into
/// gradients that are summed in FP32. With a `teacher` two tiles in FP32 (`ChunkedDivergenceFunction`).
pub fn tiled(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor, [rows, columns]: [u64; 2], teacher: bool) -> Tensor {
    let architecture = setup.architecture;
    let (vocabulary, hidden) = (architecture.vocab_size, architecture.hidden_size);
    let scored = setup.scored;
    let compute = setup.autocast.unwrap_or(normed.width);
    let (trained, stored) = weight(setup);
    let x = scored_rows(setup, tape, normed, scored);
    let held = scored.min(rows);
    let tile = held.saturating_mul(columns).saturating_mul(if teacher { 8 } else { compute });
    let columns = columns.max(1);
    let slices = vocabulary.div_ceil(columns);
    let last_columns = vocabulary.saturating_sub(slices.saturating_sub(1).saturating_mul(columns));
    let last_rows = scored.saturating_sub(1) % rows.max(1) + 1;
    // What has to be brought into the arithmetic's format: slices of the head, the chunk of hidden states and, with a
    // teacher, the tile's gradient. In the loop a new one is made while the last is there.
    let of_slice =
        |columns: u64| if stored == compute { 0 } else { columns.saturating_mul(hidden).saturating_mul(compute) };
    let of_rows =
        |rows: u64| if normed.width == compute { 0 } else { rows.saturating_mul(hidden).saturating_mul(compute) };
    let of_tile = |rows: u64, columns: u64| if teacher { rows.saturating_mul(columns).saturating_mul(2) } else { 0 };
    let pair = |one: &dyn Fn(u64) -> u64| match slices {
        0 | 1 => one(last_columns),
        2 => one(columns).saturating_add(one(last_columns)),
        _ => one(columns).saturating_mul(2),
    };
    let in_loop = pair(&of_slice).saturating_add(of_rows(held)).saturating_add(pair(&|columns| of_tile(held, columns)));
    let vectors = scored.saturating_mul(4 * RUNNING);
    let forward =
        Scratch { logits: tile, other: vectors.saturating_add(pair(&of_slice)).saturating_add(of_rows(held)) };
    // Gradients of hidden states and head are summed in FP32; what is kept in fewer bits is a copy made at the end.
    let values = vocabulary.saturating_mul(hidden);
    let copied = |width: u64, values: u64| if width < 4 { values.saturating_mul(width) } else { 0 };
    let summed = |width: u64, values: u64| if width < 4 { values.saturating_mul(4) } else { 0 };
    let of_head = if trained { values } else { 0 };
    let copies = copied(normed.width, x.count).saturating_add(copied(stored, of_head));
    let at_end =
        of_slice(last_columns).saturating_add(of_rows(last_rows)).saturating_add(of_tile(last_rows, last_columns));
    let other = summed(normed.width, x.count)
        .saturating_add(summed(stored, of_head))
        .saturating_add(scored.saturating_mul(4))
        .saturating_add(at_end.max(in_loop.saturating_sub(copies)));
    let backward = Scratch { logits: tile, other };
    let bytes = values.saturating_mul(stored);
    let gradient = ParamGradient { raw: bytes, kept: bytes, cast: false };
    let params = [if trained { gradient } else { ParamGradient::default() }, ParamGradient::default()];
    // The teacher's hidden states of the same rows are kept beside the student's.
    let teachers = if teacher { setup.second.map_or(0, |second| second.hidden_size.saturating_mul(2)) } else { 0 };
    let kept = scored.saturating_mul(KEPT_A_TOKEN.saturating_add(teachers));
    let logs = tape.kernel(x, scored, kept, [forward, backward], params);
    tape.drop(x);
    let value = tape.unary(logs, 1, 4, true);
    tape.drop(logs);
    value
}

/// What a chunk allocates.
struct Chunk {
    /// Its forward, of which nothing is kept.
    forward: u64,
    /// Its backward, recomputation included, and what is alive then by kind.
    backward: Live,
}

/// TRL's `_chunked_cross_entropy_loss` from 1.7 to 1.14: scored tokens are packed to the front and go through the head
/// a chunk at a time, each recomputed in backward.
pub fn chunked(
    setup: &Setup<'_>,
    tape: &mut Tape,
    normed: Tensor,
    tokens: u64,
    [fp32_head, teacher, labelled_only]: [bool; 3],
) -> Tensor {
    let hidden = setup.architecture.hidden_size;
    let predicting = setup.tokens.saturating_sub(setup.batch);
    let rows = if teacher || labelled_only { setup.scored } else { predicting };
    let shifted = tape.part(normed, predicting.saturating_mul(hidden));
    let flat = if setup.batch > 1 { tape.copy(shifted) } else { tape.keep(shifted) };
    let x = tape.pick(flat, rows.saturating_mul(hidden), rows);
    tape.drop(flat);
    tape.drop(shifted);
    let chunk = chunk(setup, tokens, normed.width, [fp32_head, teacher]);
    let chunks = setup.scored.div_ceil(tokens.max(1)).max(1);
    let forward = Scratch { logits: chunk.forward, other: 0 };
    let beside = chunk.backward.total().saturating_sub(chunk.backward.get(Kind::Logits));
    let (trained, stored) = weight(setup);
    let bytes = setup.architecture.vocab_size.saturating_mul(hidden).saturating_mul(stored);
    let gradient =
        if trained { ParamGradient { raw: bytes, kept: bytes, cast: false } } else { ParamGradient::default() };
    let mut backward = Scratch { logits: chunk.backward.get(Kind::Logits), other: beside };
    if chunks == 1 {
        // Nothing is summed: gradients of head and hidden states are the chunk's own.
        backward.other = backward.other.saturating_sub(gradient.kept).saturating_sub(x.bytes());
    } else if gradient.kept.saturating_mul(2) > chunk.backward.total() {
        // Two chunks' gradients of the head are views, so that their sum is a tensor of its own.
        backward = Scratch { logits: 0, other: gradient.kept.saturating_mul(2) };
    }
    let value = tape.kernel(x, 1, 0, [forward, backward], [gradient, ParamGradient::default()]);
    tape.drop(x);
    value
}

/// One chunk on a tape of its own.
fn chunk(setup: &Setup<'_>, tokens: u64, width: u64, [fp32_head, teacher]: [bool; 2]) -> Chunk {
    let hidden = setup.architecture.hidden_size;
    let vocabulary = setup.architecture.vocab_size;
    let mut tape = Tape::new(false);
    let x = tape.input(tokens.saturating_mul(hidden), width, true);
    let before = tape.live().total();
    if teacher {
        // Seven FP32 tensors of a chunk stand side by side in forward, nine in backward.
        let count = tokens.saturating_mul(vocabulary);
        let mut backward = Live::default();
        backward.0[Kind::Logits as usize] = count.saturating_mul(36);
        return Chunk { forward: count.saturating_mul(28), backward };
    }
    let logits = if fp32_head { project_in_fp32(setup, &mut tape, x) } else { project(setup, &mut tape, x) };
    let wide = tape.cast(logits, 4);
    let wide = tape.as_logits(wide, true);
    tape.drop(logits);
    let logs = tape.unary_saving_output(wide);
    let logs = tape.as_logits(logs, true);
    let loss = tape.unary(logs, 1, 4, true);
    let loss = tape.as_logits(loss, true);
    // The entropy: the exponential and its product with the logs, whose gradient nobody asks for.
    let exponential = tape.input(wide.count, 4, false);
    let exponential = tape.as_logits(exponential, false);
    let product = tape.input(wide.count, 4, false);
    let product = tape.as_logits(product, false);
    for tensor in [product, exponential, wide, logs] {
        tape.drop(tensor);
    }
    let forward = tape.peak_without_graph().saturating_sub(before);
    tape.drop(x);
    let recomputed = tape.peak();
    tape.reset_peak();
    tape.backward(loss);
    let back = tape.peak();
    let held = |mut live: Live| {
        // The chunk's input is a view of what is counted already.
        live.0[Kind::Temporary as usize] = live.0[Kind::Temporary as usize].saturating_sub(before);
        live
    };
    Chunk { forward, backward: held(if back.total() > recomputed.total() { back } else { recomputed }) }
}

/// The head's product in the arithmetic's format.
fn project(setup: &Setup<'_>, tape: &mut Tape, x: Tensor) -> Tensor {
    let (trained, stored) = weight(setup);
    let hidden = setup.architecture.hidden_size.max(1);
    let vocabulary = setup.architecture.vocab_size;
    let count = (x.count / hidden).saturating_mul(vocabulary);
    let values = vocabulary.saturating_mul(hidden);
    let logits = product(setup, tape, x, count, values, [trained, false], 0, stored);
    tape.as_logits(logits, true)
}

/// The same with hidden states and the whole head in FP32 first.
fn project_in_fp32(setup: &Setup<'_>, tape: &mut Tape, x: Tensor) -> Tensor {
    let (trained, stored) = weight(setup);
    let hidden = setup.architecture.hidden_size.max(1);
    let vocabulary = setup.architecture.vocab_size;
    let values = vocabulary.saturating_mul(hidden);
    let count = (x.count / hidden).saturating_mul(vocabulary);
    let wide = tape.cast(x, 4);
    let head = tape.cast_param(values, 4, false);
    let (narrow, copy) = match setup.autocast {
        Some(width) if width < 4 => (tape.cast(wide, width), Some(tape.cast_param(values, width, false))),
        _ => (tape.keep(wide), None),
    };
    let made = values.saturating_mul(if copy.is_some() { 2 } else { 4 });
    let gradient = ParamGradient { raw: made, kept: values.saturating_mul(stored), cast: true };
    let params = [if trained { gradient } else { ParamGradient::default() }, ParamGradient::default()];
    let logits = tape.matmul_param(narrow, Some(copy.unwrap_or(head)), count, params);
    for tensor in [Some(narrow), Some(wide), Some(head), copy].into_iter().flatten() {
        tape.drop(tensor);
    }
    tape.as_logits(logits, true)
}

/// Chunks as large as a budget allows: their logits come and go in forward, where the gradient of the hidden states is made.
pub fn budgeted(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor, bytes_a_logit: u64, most_mib: u64) -> Tensor {
    let all = setup.scored.saturating_mul(setup.architecture.vocab_size).saturating_mul(bytes_a_logit);
    let gradient = tape.unary_saving_output(normed);
    tape.bump_logits(all.min(most_mib.saturating_mul(1 << 20)));
    let value = tape.unary(gradient, 1, 4, false);
    tape.drop(gradient);
    value
}
