//! Running the model: the prompt goes through once, then tokens are made one by one beside a growing cache.

use super::pass::{LayerPass, norm};
use super::setup::{Setup, Trained};
use super::step::Moment;
use super::storage::Storage;
use super::tape::{Kind, Tape};
use crate::architecture::Layer;
use crate::catalog::NumberFormat;

/// Peaks of a generation.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenerationPeaks {
    /// While the prompt goes through, without the cache.
    pub prefill: Moment,
    /// Cache after the prompt.
    pub prefill_cache: u64,
    /// While the last token is made, without the cache.
    pub decode: Moment,
    /// Cache with all tokens.
    pub decode_cache: u64,
}

/// Replays prompt and last token.
pub fn generation(setup: &Setup<'_>, cache: &NumberFormat, full_logits: bool) -> GenerationPeaks {
    let prompt = setup.sequence;
    let whole = prompt.saturating_add(setup.plan.batch.new_tokens);
    // After the prompt a window is a view of all its keys and values; the first token made lets go of the rest.
    let prefill_cache = cache_bytes(setup, cache, prompt, false);
    let decode_cache = cache_bytes(setup, cache, whole, true);
    GenerationPeaks {
        prefill: pass_peak(setup, prompt, full_logits),
        prefill_cache,
        decode: decode_peak(setup, cache, whole),
        decode_cache,
    }
}

/// Bytes of keys and values for `tokens` tokens of every sequence, layer by layer; `windowed`: no more than a layer's window.
fn cache_bytes(setup: &Setup<'_>, format: &NumberFormat, tokens: u64, windowed: bool) -> u64 {
    let mut bytes = 0_u64;
    for group in &setup.architecture.layers {
        bytes = bytes
            .saturating_add(layer_cache(setup, format, &group.layer, tokens, windowed).saturating_mul(group.count));
    }
    bytes
}

/// Bytes one layer caches for `tokens` tokens of every sequence; `windowed`: no more than its window.
pub fn layer_cache(setup: &Setup<'_>, format: &NumberFormat, layer: &Layer, tokens: u64, windowed: bool) -> u64 {
    let (values, window) = layer.kv_values_per_token();
    // A window of w tokens needs the w − 1 before the present one.
    let held = window.filter(|_| windowed).map_or(tokens, |window| tokens.min(window.saturating_sub(1)));
    let rows = setup.batch.saturating_mul(held);
    let stored = Storage::new(format, false).matrix(rows, values);
    let state = setup.batch.saturating_mul(layer.fixed_state_values()).saturating_mul(4);
    stored.values.saturating_add(stored.constants).saturating_add(state)
}

/// Worst moment of one pass over `tokens` tokens of every sequence, beside weights and cache.
fn pass_peak(setup: &Setup<'_>, tokens: u64, full_logits: bool) -> Moment {
    let run = Setup {
        sequence: tokens,
        tokens: setup.batch.saturating_mul(tokens),
        trained: Trained {
            layers: 0,
            biases: false,
            embedding: false,
            head: false,
            final_norm: false,
            ..setup.trained
        },
        ..*setup
    };
    let mut tape = Tape::new(false);
    tape.set_grad(false);
    let hidden = run.architecture.hidden_size;
    let values = run.tokens.saturating_mul(hidden);
    let mut peak = 0_u64;
    for group in &run.architecture.layers {
        tape.clear();
        tape.set_grad(false);
        let linears = group.layer.linears(hidden, &run.architecture.model_code);
        let pass = LayerPass { setup: &run, layer: &group.layer, linears: &linears, trained: false, adapted: false };
        let x = tape.input(values, run.stream_width(), false);
        let _ = pass.forward(&mut tape, x);
        // The cache is counted whole on its own; before this layer's part of it exists there is that much more room.
        peak = peak.max(tape.peak().total().saturating_sub(tape.live().get(Kind::Saved)));
    }
    // The embedding output stays a local of the model while the layers run; its keys and values are in the cache.
    let tables = super::step::tables(&run);
    let entry = super::step::entry(&run);
    let embedded = if entry.separate { entry.forward } else { run.stream_bytes() };
    let beside = embedded.saturating_add(tables.kept).saturating_add(tables.forward);
    let layers = peak.saturating_add(beside);
    let mut in_layers = Moment { temporary: layers, place: "in the layers", ..Moment::default() };
    let kept = if full_logits { run.tokens } else { run.batch };
    tape.clear();
    tape.set_grad(false);
    let x = tape.input(values, run.stream_width(), false);
    let normed = norm(&run, &mut tape, x, run.architecture.final_norm, run.tokens, hidden, false);
    let in_norm = tape.peak().total().saturating_add(beside);
    if in_norm > in_layers.temporary {
        in_layers = Moment { temporary: in_norm, place: "in the last norm", ..Moment::default() };
    }
    let count = if run.ends.head { kept.saturating_mul(run.architecture.vocab_size) } else { 0 };
    let logits = match run.logit_bytes[0] {
        Some(bytes) if full_logits => (count as f64 * bytes) as u64,
        _ => count.saturating_mul(run.outer_width),
    };
    let at_logits = Moment { temporary: normed.bytes(), logits, place: "in the head", ..Moment::default() };
    if at_logits.total() > in_layers.total() { at_logits } else { in_layers }
}

/// Worst moment while the last token is made: one layer's cache is copied when it grows.
fn decode_peak(setup: &Setup<'_>, format: &NumberFormat, tokens: u64) -> Moment {
    let one = pass_peak(setup, 1, false);
    let grown = setup
        .architecture
        .layers
        .iter()
        .map(|group| layer_cache(setup, format, &group.layer, tokens, true) / 2)
        .max()
        .unwrap_or(0);
    Moment { temporary: one.temporary.saturating_add(grown), place: "while the cache grows", ..one }
}
