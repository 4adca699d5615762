//! What comes and goes within a step: activations, logits, cache, temporaries.

use super::super::profile::LossHead;
use super::super::setup::Setup;
use super::super::step::{Moment, entry, layer_runs, rotated_width, tables};
use super::super::storage::Storage;
use super::super::tape::{Maker, Tape};
use super::super::{Inputs, PhaseKind};
use super::method::bytes;
use super::{TRACED, found, fused_loss, method, weights};
use crate::architecture::{Attention, Layer, Mlp};
use crate::explained::{Exactness, Explained, Term};

const fn maker_label(maker: Maker) -> &'static str {
    match maker {
        Maker::Residual => "Residual stream and its dropout",
        Maker::Norms => "Norms, with FP32 copies and normalized values",
        Maker::Projections => "Linear layers, with cast copies",
        Maker::Positions => "Rotated queries and keys",
        Maker::Attention => "Attention, with its statistics or probabilities",
        Maker::FeedForward => "Activation functions and gates",
        Maker::Adapters => "Adapters, with cast inputs and masks",
    }
}

/// What sets a kind of layer apart.
const fn kind_label(layer: &Layer) -> &'static str {
    match (&layer.attention, &layer.mlp) {
        (Attention::Linear(_), _) => "Layers with linear attention",
        (Attention::Softmax(shape), _) if shape.window.is_some() => "Layers with a window",
        (_, Mlp::Moe(_)) => "Layers with experts",
        _ => "Layers",
    }
}

/// What all layers keep for backward, and what is kept beside them before the head.
pub fn kept_parts(setup: &Setup<'_>) -> Vec<Explained> {
    let exactness = Exactness::rough(setup.is_approximate());
    let mut tape = Tape::new(setup.gradients_pass);
    let mut parts = Vec::with_capacity(4);
    for run in layer_runs(setup, &mut tape).iter() {
        let layers = || Term::count("layers", run.count);
        if setup.recompute && run.keeps_input {
            let values = tokens(setup) * Term::count("h", setup.architecture.hidden_size).note("hidden size");
            let one = values * Term::count("bytes", setup.stream_width()).note("per value");
            parts.push(Explained::bytes("Inputs of recomputed layers", layers() * one));
            continue;
        }
        let kept = |(title, one): (&'static str, u64)| {
            let one = bytes("kept by one", one).trust(exactness).note("found by replaying a layer");
            Explained::bytes(title, layers() * one)
        };
        let mut inner: Vec<(&'static str, u64)> =
            Maker::ALL.into_iter().map(|maker| (maker_label(maker), run.by_maker[maker as usize])).collect();
        let made = inner.iter().fold(0_u64, |sum, (_, one)| sum.saturating_add(*one));
        inner.push(("Kept for other reasons", run.saved.saturating_sub(made)));
        let title = setup.architecture.layers.get(run.group).map_or("Layers", |group| kind_label(&group.layer));
        if made > run.saved {
            parts.push(kept((title, run.saved)));
        } else {
            parts.push(Explained::sum(title, inner.into_iter().map(kept).collect()));
        }
    }
    let outside = tables(setup).kept.saturating_add(entry(setup).kept);
    parts.push(found("Position tables and masks", outside, exactness));
    parts
}

fn tokens(setup: &Setup<'_>) -> Term {
    Term::count("batch", setup.batch).note("sequences") * Term::count("sequence", setup.sequence).note("tokens")
}

/// `kept` and what else is there at the moment, or less what is released by then.
pub fn settled(kept: Vec<Explained>, saved: u64, rest: &str, exactness: Exactness) -> Explained {
    let all = Explained::sum("Kept after forward", kept);
    let sum = all.value().number();
    if sum > saved as f64 {
        let released = bytes("released by the peak", (sum as u64).saturating_sub(saved)).trust(exactness);
        return Explained::bytes("Kept at the peak", all.named("kept after forward") - released);
    }
    let whole = bytes("kept at the peak", saved).trust(exactness);
    let mut parts = if all.parts().is_empty() { vec![all] } else { all.parts().to_vec() };
    parts.extend(Explained::rest(rest, whole, &parts));
    Explained::sum("Kept at the peak", parts)
}

/// Activations kept for backward.
pub fn activations(setup: &Setup<'_>, moment: Moment, replay: Exactness) -> Explained {
    let title = "Activations";
    if !setup.training {
        let why = "Without a backward pass nothing is kept: what a layer works with counts as temporary.";
        return Explained::sum(title, Vec::new()).why(why).source(TRACED);
    }
    let kept = if moment.saved == 0 { Vec::new() } else { kept_parts(setup) };
    let why = if setup.recompute {
        "With full checkpointing each layer keeps its input only; the rest is computed again in backward."
    } else {
        "Backward needs what forward computed: the inputs of trained matrices, norms, rotated queries and keys, \
         attention's result, both sides of every product. Frozen matrices keep no input."
    };
    settled(kept, moment.saved, "last norm, head and labels", replay).title_as(title).why(why).source(TRACED)
}

/// Whether bytes per logit come from a profile or a description rather than from traced operators.
pub fn logits_are_fitted(setup: &Setup<'_>) -> bool {
    let own = match setup.head {
        LossHead::CrossEntropy { .. } => setup.logit_bytes.iter().any(Option::is_some),
        LossHead::FusedLogits => setup.fused_logit_bytes.is_some(),
        _ => false,
    };
    own || fused_loss(setup)
}

/// Logits alive at a moment; `of_all`: of every token rather than of each sequence's last.
pub fn logit_part(
    setup: &Setup<'_>,
    title: &'static str,
    logits: u64,
    exactness: Exactness,
    of_all: bool,
) -> Explained {
    let vocabulary = setup.architecture.vocab_size;
    let rows = if of_all { setup.tokens } else { setup.batch };
    let count = rows.saturating_mul(vocabulary);
    if logits == 0 || count == 0 {
        return found(title, logits, exactness);
    }
    let vocabulary = Term::count("vocabulary", vocabulary);
    let rows = if of_all { tokens(setup) } else { Term::count("sequences", rows).note("the last token of each") };
    let each = if logits.is_multiple_of(count) {
        Term::count("bytes per logit", logits / count)
    } else {
        Term::factor("bytes per logit", logits as f64 / count as f64)
    };
    Explained::bytes(
        title,
        (rows * vocabulary * each.trust(exactness).note("mean at this moment of the replay")).nearest(),
    )
}

/// Whether logits are made for every token: in training, and where a stack does so for the prompt.
pub fn logits_of_all(setup: &Setup<'_>, inputs: &Inputs<'_>, kind: PhaseKind) -> bool {
    setup.training || (kind == PhaseKind::Prefill && inputs.profile.full_prefill_logits)
}

/// Tensors of the vocabulary's width.
pub fn logits(setup: &Setup<'_>, inputs: &Inputs<'_>, kind: PhaseKind, moment: Moment, replay: Exactness) -> Explained {
    let why = match setup.head {
        _ if !setup.training => "Generation needs the logits of the last token only.",
        _ if moment.logits == 0 => "At the peak the logits are gone already, or not there yet.",
        head => head.why(),
    };
    let exactness = replay.max(Exactness::rough(logits_are_fitted(setup)));
    logit_part(setup, "Logits and loss", moment.logits, exactness, logits_of_all(setup, inputs, kind))
        .why(why)
        .source(TRACED)
}

/// Keys and values by kind of layer.
pub fn cache_parts(setup: &Setup<'_>, inputs: &Inputs<'_>, kind: PhaseKind) -> Vec<Explained> {
    let decode = kind == PhaseKind::Decode;
    if !matches!(kind, PhaseKind::Prefill | PhaseKind::Decode) {
        return Vec::new();
    }
    let tokens = if decode { setup.sequence.saturating_add(setup.plan.batch.new_tokens) } else { setup.sequence };
    let prefix = setup.trained.adapter.prefix_tokens() > 0;
    let storage = Storage::new(inputs.kv_format, false);
    let mut parts = Vec::with_capacity(2);
    for group in &setup.architecture.layers {
        let (values, window) = group.layer.kv_values_per_token();
        let layers = || Term::count("layers", group.count);
        let batch = || Term::count("batch", setup.batch).note("sequences");
        let bound = window.filter(|window| decode && window.saturating_sub(1) < tokens);
        let held = bound.map_or(tokens, |window| window.saturating_sub(1));
        let note = match (bound, decode) {
            (Some(_), _) => "the window but for the present one",
            (None, true) => "prompt and generated",
            (None, false) => "prompt",
        };
        if values > 0 && held > 0 {
            let held = Term::count("tokens", held).note(note).trust(Exactness::rough(prefix));
            let width = Term::count("values", values).note("keys and values of one token");
            let rows = batch() * held;
            let stored = rows.clone() * width.clone();
            let one = weights::packed(&storage, stored.clone()).plus(weights::scales(&storage, rows, width, stored));
            parts.push(Explained::bytes(kind_label(&group.layer), layers() * one));
        }
        let state = group.layer.fixed_state_values();
        if state > 0 {
            let state = Term::count("values", state).note("of the state of one sequence");
            parts.push(Explained::bytes("State of linear attention", layers() * batch() * state * Term::from(4)));
        }
    }
    parts
}

/// Keys and values, as a component.
pub fn cache(setup: &Setup<'_>, inputs: &Inputs<'_>, kind: PhaseKind, held: u64) -> Explained {
    if held > 0 {
        let part = found("Keys and values of all completions", held, Exactness::rough(setup.is_approximate()));
        return Explained::sum("KV cache", vec![part])
            .why("The policy keeps keys and values of every completion while it generates; keys in the width of the residual stream.")
            .source(TRACED);
    }
    let out = Explained::sum("KV cache", if setup.training { Vec::new() } else { cache_parts(setup, inputs, kind) });
    if setup.training {
        return out.why("Training keeps no cache.");
    }
    out.why(
        "Keys and values of all tokens so far are kept, so that a new token attends to them without computing them again. \
         During the prompt a window is a view of all of them; it is cut when the first token is made.",
    )
    .source("transformers' DynamicCache, traced; Qwen3 speed tables agree to 0.2 %")
}

/// Token ids, labels and mask.
pub fn ids(setup: &Setup<'_>) -> Explained {
    let each = if setup.training { "ids, labels and masks, 8 each" } else { "ids" };
    let mask = setup.padded.then(|| Term::from(8)).map(|eight| tokens(setup) * eight);
    let ids = tokens(setup) * Term::count("bytes", if setup.training { setup.kind.token_bytes } else { 8 }).note(each);
    Explained::bytes("Token ids, labels, mask", ids.plus(mask))
}

/// Tables of sines and cosines that layers keep.
fn table_parts(setup: &Setup<'_>) -> Vec<Explained> {
    let part = |group: &crate::architecture::LayerGroup| {
        let positions = Term::count("positions", setup.rotary_rows_per_layer);
        let rotated = Term::count("rotated", rotated_width(&group.layer)).note("values of a head");
        let width = Term::count("bytes", setup.width).note("per value");
        let term = Term::count("layers", group.count) * positions * Term::from(2) * rotated * width;
        Explained::bytes("Tables of positions", term)
    };
    setup.architecture.layers.iter().map(part).collect()
}

/// What is alive at the peak and nothing of the above.
pub fn temporaries(setup: &Setup<'_>, kind: PhaseKind, moment: Moment, replay: Exactness) -> Explained {
    let why = match moment.place {
        "in the update" => {
            "The update makes copies: all square roots of the second moment at once (foreach), two of the largest \
             tensor (for-loop), none (fused)."
        }
        "in the loss" => "Beside logits little else moves: labels, and the copy of a weight where one is cast.",
        "in the token table" => {
            "Gradient of the token table; a tied head's waits for it, and their sum is a third tensor."
        }
        _ => "The layer's working set: gradients in flight, what is recomputed, casts and dequantized weights.",
    };
    let mut parts = match kind {
        PhaseKind::Load => Vec::new(),
        PhaseKind::OptimizerStep => vec![method::update(setup, "Copies of the update"), ids(setup)],
        _ => vec![found("Working set at the peak", moment.temporary, replay), ids(setup)],
    };
    parts.extend(table_parts(setup));
    Explained::sum("Temporaries", parts).why(why).source(TRACED)
}
