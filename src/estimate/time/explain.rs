//! Derivations of the figures of time.

use super::device::Device;
use super::efficiency::Efficiency;
use super::generation::cache_moves;
use super::{Basis, TimeEstimate, TimeKind, TimeSubject, step};
use crate::estimate::Inputs;
use crate::estimate::explain::explained;
use crate::estimate::setup::Setup;
use crate::explained::{Exactness, Explained, Input, Value};
use crate::plan::Method;
use std::borrow::Cow;

type Derivations = Vec<(TimeSubject, Explained)>;

const FLOPS_SOURCE: &str = "Kaplan et al. 2020, Scaling Laws for Neural Language Models; Chowdhery et al. 2022, PaLM, appendix B; counted here matrix by matrix";

/// A derivation that rests on fitted shares.
pub(in crate::estimate) fn rough(
    title: &'static str,
    value: Value,
    formula: &'static str,
    inputs: Vec<Input>,
    why: impl Into<Cow<'static, str>>,
    source: impl Into<Cow<'static, str>>,
) -> Explained {
    Explained { exactness: Exactness::Approximate, ..explained(title, value, formula, inputs, why, source) }
}

fn secs(amount: f64) -> Value {
    Value::Quantity(amount, "s")
}

/// Of a training step.
pub fn training(inputs: &Inputs<'_>, setup: &Setup<'_>, basis: &Basis<'_>, estimate: &TimeEstimate) -> Derivations {
    let mut out = Derivations::new();
    let passes = step::passes(setup);
    out.push((TimeSubject::Step, step_secs(setup, basis, estimate)));
    out.push((TimeSubject::Rate, rate(estimate)));
    out.push((TimeSubject::Flops, flops(inputs, basis, estimate)));
    out.push((TimeSubject::Utilisation, utilisation(basis, estimate)));
    for part in &estimate.spent {
        out.push((TimeSubject::Kind(part.kind), of_kind(part.kind, part.secs, passes, inputs, basis)));
    }
    out
}

fn step_secs(setup: &Setup<'_>, basis: &Basis<'_>, estimate: &TimeEstimate) -> Explained {
    let parts =
        estimate.spent.iter().map(|part| rough(part.kind.label(), secs(part.secs), "", Vec::new(), "", "")).collect();
    let source = format!("Band of measured by predicted time: {}", basis.device.efficiency.source);
    let mut explained = rough(
        "Time of one optimizer step",
        secs(estimate.step_secs.expected),
        "",
        vec![
            Input::count(
                "micro-batches",
                setup.plan.batch.gradient_accumulation,
                "forward and backward passes before an update",
            ),
            Input::quantity("low", estimate.step_secs.low, "s", "everything at its best"),
            Input::quantity("high", estimate.step_secs.high, "s", "everything at its worst"),
            Input::factor("band, low", basis.band.low, "measured by predicted time"),
            Input::factor("band, high", basis.band.high, "measured by predicted time"),
        ],
        "Chip, memory, host and links each take their time; the parts below are the expected ones.",
        source,
    );
    explained.parts = parts;
    explained
}

fn rate(estimate: &TimeEstimate) -> Explained {
    rough(
        "Tokens a second",
        Value::Quantity(estimate.tokens_per_sec.expected, "tokens/s"),
        "tokens of a step / seconds of a step",
        vec![
            Input::count(
                "tokens of a step",
                estimate.tokens_per_step,
                "micro-batch × sequence × accumulation × devices",
            ),
            Input::quantity("seconds of a step", estimate.step_secs.expected, "s", "expected"),
        ],
        "Over all devices.",
        "",
    )
}

fn flops(inputs: &Inputs<'_>, basis: &Basis<'_>, estimate: &TimeEstimate) -> Explained {
    let all = inputs.architecture.parameters();
    let per = |amount: f64| {
        Value::Quantity(amount * estimate.model_flops_per_token / basis.flops.model().max(1.0) / 1e9, "GFLOP")
    };
    let part = |title: &'static str, amount: f64| rough(title, per(amount), "", Vec::new(), "", "");
    let frozen = !matches!(inputs.plan.method.method, Method::Full | Method::Galore { .. });
    let mut explained = rough(
        "Operations of one token",
        Value::Quantity(estimate.executed_flops_per_token / 1e9, "GFLOP"),
        "forward + backward + recomputed",
        vec![
            Input::count("parameters a token meets", all.active, "with both tables"),
            Input::quantity("needed", estimate.model_flops_per_token / 1e9, "GFLOP", "forward and backward"),
        ],
        if frozen {
            "Frozen weights need no gradient of their own: about 4 operations a weight instead of 6. Recomputed layers cost their forward pass again."
        } else {
            "2 operations a weight forward, 4 backward. Recomputed layers cost their forward pass again."
        },
        FLOPS_SOURCE,
    );
    explained.exactness = Exactness::Exact;
    explained.parts = vec![
        part("Forward, matrices", basis.flops.forward.matrix),
        part("Forward, attention", basis.flops.forward.attention),
        part("Backward, matrices", basis.flops.backward.matrix),
        part("Backward, attention", basis.flops.backward.attention),
        part("Recomputed", basis.flops.recompute.total()),
    ];
    explained.parts.retain(|part| !matches!(part.value, Value::Quantity(amount, _) if amount <= 0.0));
    explained
}

fn utilisation(basis: &Basis<'_>, estimate: &TimeEstimate) -> Explained {
    rough(
        "Model FLOPs utilisation",
        Value::Share(estimate.mfu.expected),
        "needed operations / (seconds × peak rate)",
        vec![
            Input::quantity("needed", estimate.model_flops_per_token / 1e9, "GFLOP", "a token"),
            Input::quantity(
                "rate",
                estimate.tokens_per_sec.expected / estimate.devices as f64,
                "tokens/s",
                "of one device",
            ),
            Input::quantity("peak", basis.device.flops_per_sec / 1e12, "TFLOP/s", "dense, of the data sheet"),
        ],
        "Recomputation counts as no use: it is the price of memory. 30 to 55 % is what well-tuned stacks reach.",
        "Chowdhery et al. 2022, PaLM, appendix B",
    )
}

fn of_kind(kind: TimeKind, amount: f64, passes: f64, inputs: &Inputs<'_>, basis: &Basis<'_>) -> Explained {
    let device = &basis.device;
    let table = basis.table;
    let peak = Input::quantity("peak", device.flops_per_sec / 1e12, "TFLOP/s", "dense");
    let bandwidth = Input::quantity("bandwidth", device.bytes_per_sec / 1e9, "GB/s", "of the device's memory");
    let all = &basis.flops;
    let (formula, given, why, source): (&'static str, Vec<Input>, Cow<'static, str>, String) = match kind {
        TimeKind::Matrix => (
            "operations / (peak × share)",
            vec![
                Input::quantity(
                    "operations",
                    (all.forward.matrix + all.backward.matrix + all.recompute.matrix) / 1e12,
                    "TFLOP",
                    "of a micro-batch",
                ),
                peak,
                Input::factor(
                    "share",
                    device.matrix_share,
                    if device.is_measured { "measured on this device" } else { "of this kind of chip" },
                ),
            ],
            "Products of tokens with weights, head and adapters included.".into(),
            device.efficiency.source.clone(),
        ),
        TimeKind::Attention => (
            "operations / (peak × share)",
            vec![
                Input::quantity(
                    "operations",
                    (all.forward.attention + all.backward.attention + all.recompute.attention) / 1e12,
                    "TFLOP",
                    "of a micro-batch, only the causal half with a flash kernel",
                ),
                peak,
                Input::factor("share", device.efficiency.attention_share, "that attention reaches"),
            ],
            "Products of tokens with tokens; grows with the square of the sequence.".into(),
            device.efficiency.source.clone(),
        ),
        TimeKind::Operators => (
            "bytes moved / bandwidth",
            vec![bandwidth, Input::factor("passes", passes, "over every layer")],
            "Norms, rotary positions, activations, casts, adapters and the loss do little arithmetic: memory bounds them. Fused kernels move less.".into(),
            table.traffic.source.clone(),
        ),
        TimeKind::Dequantization => (
            "quantized weights × passes × bytes / bandwidth",
            vec![
                bandwidth,
                Input::factor("passes", passes, "over every layer"),
                Input::factor("bytes", device.efficiency.dequantization_bytes, "moved per weight and pass"),
            ],
            "Each pass unpacks the base to 16 bits, whatever the number of tokens: larger micro-batches dilute it.".into(),
            device.efficiency.source.clone(),
        ),
        TimeKind::Launch => (
            "host time beyond what the chip is busy with",
            vec![
                Input::quantity("host", table.launch.layer_secs * 1e3, "ms", "a layer and pass"),
                Input::quantity("adapter", table.launch.module_secs * 1e3, "ms", "an adapted module and pass"),
            ],
            "With few tokens kernels end before Python has started the next: a larger micro-batch costs no time then.".into(),
            table.launch.source.clone(),
        ),
        TimeKind::Optimizer => (
            "bytes / (bandwidth × share)",
            vec![
                Input::quantity("bytes", basis.update_bytes / 1e9, "GB", "weights and state read and written, gradients read"),
                bandwidth,
                Input::factor("share", table.optimizer_share, ""),
            ],
            "One update of all trained values.".into(),
            table.optimizer_source.clone(),
        ),
        TimeKind::Communication => (
            "what is gathered and reduced / link − what hides behind backward + what is waited for",
            vec![
                Input::count("n", basis.division.data, "groups of devices with examples of their own"),
                Input::count("shared by", basis.division.shared, "devices that work on one micro-batch together"),
                Input::quantity("can hide", basis.sent.hideable, "s", "at the link's full rate"),
                Input::quantity("is waited for", basis.sent.blocking, "s", "at the link's full rate"),
                Input::quantity("host", basis.sent.host, "s", "to and from host memory or disk"),
                Input::quantity("gradients", basis.gradient_bytes / 1e9, "GB", ""),
                Input::quantity("link", basis.sent.link_bytes_per_sec / 1e9, "GB/s", "one direction, before losses"),
            ],
            "Ring collectives: B bytes over n devices take 2·(n − 1)/n·B over a link to sum, half of that to gather or scatter.".into(),
            table.communication.source.clone(),
        ),
        TimeKind::Data => (
            "tokens of a step / loader rate − the rest",
            vec![Input::quantity(
                "loader rate",
                inputs.plan.run.loader_tokens_per_sec.unwrap_or_default(),
                "tokens/s",
                "of the plan",
            )],
            "The devices wait for data: a faster loader, or data tokenized beforehand, takes this away.".into(),
            String::new(),
        ),
        TimeKind::Bubble => (
            "time of the stages × idle / (1 − idle)",
            vec![Input::new("idle", Value::Share(basis.division.bubble), "share of the step while the pipeline fills and drains")],
            "More micro-batches in a step, or an interleaved schedule, fill the pipeline better.".into(),
            "Huang et al. 2019, GPipe: (p − 1) / (m + p − 1); Narayanan et al. 2021".to_owned(),
        ),
        TimeKind::Prompt | TimeKind::Generation => ("", Vec::new(), "".into(), String::new()),
    };
    let title = format!("{}, in one step", kind.label());
    Explained { title: title.into(), ..rough("", secs(amount), formula, given, why, source) }
}

/// Of a request.
pub fn inference(
    inputs: &Inputs<'_>,
    setup: &Setup<'_>,
    device: &Device<'_>,
    table: &Efficiency,
    estimate: &TimeEstimate,
) -> Derivations {
    let Some(made) = estimate.generation else { return Vec::new() };
    let new = inputs.plan.batch.new_tokens;
    let mut step = rough(
        "Time of one request",
        secs(estimate.step_secs.expected),
        "prompt + new tokens × time of a token",
        vec![
            Input::count("new tokens", new, "after the prompt"),
            Input::quantity("time of a token", made.token_secs * 1e3, "ms", "of every sequence, halfway through"),
            Input::quantity("low", estimate.step_secs.low, "s", "everything at its best"),
            Input::quantity("high", estimate.step_secs.high, "s", ""),
        ],
        "The prompt is bound by arithmetic, generation by memory and by the host that starts kernels.",
        table.decode.source.clone(),
    );
    step.parts =
        estimate.spent.iter().map(|part| rough(part.kind.label(), secs(part.secs), "", Vec::new(), "", "")).collect();
    let rate = rough(
        "Generated tokens a second",
        Value::Quantity(estimate.tokens_per_sec.expected, "tokens/s"),
        "sequences × new tokens / seconds of a request",
        vec![
            Input::count("sequences", setup.batch, "at a time"),
            Input::count("new tokens", new, ""),
            Input::quantity("seconds", estimate.step_secs.expected, "s", "expected"),
        ],
        "With the stack of the plan, which starts kernels one by one; engines with captured graphs come near the ceiling.",
        table.decode.source.clone(),
    );
    let token = rough(
        "Generation, in one request",
        secs(made.decode_secs),
        "new tokens × (max(weights / bandwidth, host time) + cache moves × cache / bandwidth)",
        vec![
            Input::quantity(
                "weights",
                made.weight_bytes / 1e9,
                "GB",
                "read for a token; of experts those that are met",
            ),
            Input::quantity("cache", made.cache_bytes / 1e9, "GB", "keys and values halfway through"),
            Input::factor("cache moves", cache_moves(setup, table), "of this stack, for one token"),
            Input::quantity("bandwidth", device.bytes_per_sec / 1e9, "GB/s", "of the device's memory"),
            Input::factor("share", table.decode.bandwidth_share, "that is reached"),
            Input::quantity("host time", made.host_secs * 1e3, "ms", "a token"),
        ],
        "A token reads every weight once for all sequences together: a larger batch costs little until memory or arithmetic bind.",
        table.decode.source.clone(),
    );
    let prompt = rough(
        "Prompt, in one request",
        secs(made.prefill_secs),
        "operations / (peak × share) + memory traffic",
        vec![
            Input::quantity("operations", made.prefill_flops / 1e12, "TFLOP", "of all prompts"),
            Input::quantity("peak", device.flops_per_sec / 1e12, "TFLOP/s", "dense"),
            Input::factor("share", device.matrix_share, "that matrix products reach"),
        ],
        "All tokens of the prompt go through together, as in a forward pass of training.",
        device.efficiency.source.clone(),
    );
    vec![
        (TimeSubject::Step, step),
        (TimeSubject::Rate, rate),
        (TimeSubject::Kind(TimeKind::Generation), token),
        (TimeSubject::Kind(TimeKind::Prompt), prompt),
    ]
}
