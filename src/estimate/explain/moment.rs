//! What comes and goes within a step: activations, logits, cache, temporaries.

use super::super::setup::{Adapter, Setup};
use super::super::step::{entry, layer_runs, tables};
use super::super::tape::{Maker, Tape};
use super::super::{Estimate, Inputs, Ledger};
use super::{TRACED, explained, part};
use crate::architecture::{Attention, Layer, Mlp};
use crate::explained::{Explained, Input, Value};
use crate::plan::LossKernel;
use crate::units::Bytes;

const fn maker_label(maker: Maker) -> &'static str {
    match maker {
        Maker::Residual => "Residual stream and its dropout",
        Maker::Norms => "Norms: FP32 copies, normalized values, outputs",
        Maker::Projections => "Linear layers: outputs and cast copies",
        Maker::Positions => "Rotated queries and keys",
        Maker::Attention => "Attention: result, statistics or probabilities",
        Maker::FeedForward => "Activation functions and gates",
        Maker::Adapters => "Adapters: cast inputs, masks, inner values",
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

/// Activations kept for backward.
pub fn activations(setup: &Setup<'_>, value: Bytes) -> Explained {
    let inputs = vec![
        Input::count("batch", setup.batch, "sequences"),
        Input::count("sequence", setup.sequence, "tokens"),
        Input::count("layers", setup.layers(), ""),
        Input::count("h", setup.architecture.hidden_size, "hidden size"),
    ];
    if !setup.training {
        return explained(
            "Activations",
            Value::Bytes(value),
            "0",
            inputs,
            "Without a backward pass nothing is kept: what a layer works with counts as temporary.",
            TRACED,
        );
    }
    let mut tape = Tape::new(setup.gradients_pass);
    let mut parts = Vec::with_capacity(4);
    let mut sum = 0_u64;
    for run in layer_runs(setup, &mut tape).iter() {
        let bytes = run.saved.saturating_mul(run.count);
        sum = sum.saturating_add(bytes);
        let inner = Maker::ALL
            .into_iter()
            .map(|maker| {
                part(maker_label(maker), run.by_maker[maker as usize].saturating_mul(run.count), "", Vec::new())
            })
            .collect();
        let each =
            vec![Input::count("layers", run.count, ""), Input::bytes("kept by one", Bytes(run.saved), "for backward")];
        let title = if setup.recompute {
            "Inputs of recomputed layers"
        } else {
            setup.architecture.layers.get(run.group).map_or("Layers", |group| kind_label(&group.layer))
        };
        parts.push(part(title, bytes, "layers × kept by one", each).with_parts(inner));
    }
    let outside = tables(setup).kept.saturating_add(entry(setup).kept);
    sum = sum.saturating_add(outside);
    parts.push(part("Position tables and masks", outside, "", Vec::new()));
    parts.push(part("Last norm, head and labels", value.0.saturating_sub(sum), "", Vec::new()));
    if sum > value.0 {
        // The peak stands late in backward, when part of it is released already.
        parts.clear();
    }
    let why = if setup.recompute {
        "With full checkpointing each layer keeps its input only; the rest is computed again in backward."
    } else {
        "Backward needs what forward computed: the inputs of trained matrices, norms, rotated queries and keys, \
         attention's result, both sides of every product. Frozen matrices keep no input."
    };
    explained("Activations", Value::Bytes(value), "Σ layers × kept by one + outside the layers", inputs, why, TRACED)
        .rough(setup.is_approximate())
        .with_parts(parts)
}

/// Tensors of the vocabulary's width.
pub fn logits(setup: &Setup<'_>, estimate: &Estimate, value: Bytes) -> Explained {
    let vocabulary = setup.architecture.vocab_size;
    let tokens = if setup.training { setup.tokens } else { setup.batch };
    let count = tokens.saturating_mul(vocabulary);
    let each = if count == 0 { 0.0 } else { value.0 as f64 / count as f64 };
    let place = estimate.phases.get(estimate.peak).map_or("", |phase| phase.place);
    let why = match setup.plan.runtime.loss {
        _ if !setup.training => "Generation needs the logits of the last token only.",
        _ if value == Bytes::ZERO => "At the peak the logits are gone already, or not there yet.",
        LossKernel::Unfused => {
            "The loss turns 16-bit logits into FP32 (4 bytes), takes their log-softmax (4) and in backward two \
             gradients of it (4 each): 10 bytes per logit in forward, 12 in backward, 14 with a soft cap or kept outputs."
        }
        LossKernel::FusedLogits => "One kernel on logits that exist once; the gradient takes their place.",
        LossKernel::FusedLinear => "Head and loss go through chunks of tokens: only one chunk's logits exist.",
    };
    let rough = setup.plan.runtime.loss != LossKernel::Unfused && setup.training;
    explained(
        "Logits and loss",
        Value::Bytes(value),
        "tokens × vocabulary × bytes per logit",
        vec![
            Input::count("tokens", tokens, if setup.training { "batch × sequence" } else { "one per sequence" }),
            Input::count("vocabulary", vocabulary, ""),
            Input::factor("bytes per logit", each, place),
        ],
        why,
        TRACED,
    )
    .rough(rough)
}

/// Keys and values.
pub fn cache(setup: &Setup<'_>, inputs: &Inputs<'_>, estimate: &Estimate, value: Bytes) -> Explained {
    if setup.training {
        let why = "Training keeps no cache.";
        return explained("KV cache", Value::Bytes(value), "0", Vec::new(), why, "");
    }
    let decode = estimate.phases.get(estimate.peak).is_some_and(|phase| phase.kind == super::super::PhaseKind::Decode);
    let tokens = if decode { setup.sequence.saturating_add(setup.plan.batch.new_tokens) } else { setup.sequence };
    let mut parts = Vec::with_capacity(2);
    for group in &setup.architecture.layers {
        let (values, window) = group.layer.kv_values_per_token();
        let each = super::super::inference::layer_cache(setup, inputs.kv_format, &group.layer, tokens, decode);
        parts.push(part(
            kind_label(&group.layer),
            each.saturating_mul(group.count),
            "layers × batch × tokens × values × bytes",
            vec![
                Input::count("layers", group.count, ""),
                Input::count("values", values, "keys and values of one token"),
                Input::count("window", window.unwrap_or(tokens), "tokens at most"),
            ],
        ));
    }
    let prefix = matches!(setup.trained.adapter, Adapter::Prefix { .. });
    explained(
        "KV cache",
        Value::Bytes(value),
        "Σ layers × batch × tokens × values × bytes",
        vec![
            Input::count("batch", setup.batch, "sequences"),
            Input::count("tokens", tokens, if decode { "prompt + generated" } else { "prompt" }),
            Input::factor("bits", inputs.kv_format.effective_bits, "per value of the cache"),
        ],
        "Keys and values of all tokens so far are kept, so that a new token attends to them without computing them again. \
         During the prompt a window is a view of all of them; it is cut when the first token is made.",
        "transformers' DynamicCache, traced; Qwen3 speed tables agree to 0.2 %",
    )
    .rough(prefix)
    .with_parts(parts)
}

/// What is alive at the peak and nothing of the above.
pub fn temporaries(ledger: &Ledger, estimate: &Estimate, value: Bytes) -> Explained {
    let place = estimate.phases.get(estimate.peak).map_or("", |phase| phase.place);
    let tables = ledger.rotary_tables.min(value.0);
    let ids = ledger.inputs.min(value.0 - tables);
    let work = value.0 - tables - ids;
    let why = match place {
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
    explained(
        "Temporaries",
        Value::Bytes(value),
        "working set at the peak + token ids and masks",
        Vec::new(),
        why,
        TRACED,
    )
    .with_parts(
        [
            ("Working set at the peak", work, ""),
            ("Token ids, labels, mask", ids, "tokens × 8 each"),
            ("Tables of positions", tables, "layers × positions × 2 × rotated values × bytes"),
        ]
        .into_iter()
        .filter(|(name, bytes, _)| *bytes > 0 || *name != "Tables of positions")
        .map(|(name, bytes, formula)| part(name, bytes, formula, Vec::new()))
        .collect(),
    )
}
