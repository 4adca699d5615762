//! Peaks against rows traced from real model code: in total, by phase and by component.
//!
//! The rows are peaks of one training step (or one prefill) of transformers' own classes, traced allocation by allocation
//! without a GPU (see `assets/validation/README.md`).

use crate::common::truth;

use std::fmt::Write as _;
use truth::{Row, estimate_row, median, percentile, rows};
use tuneplan::estimate::{Component, Estimate, PhaseKind};

const ROWS: [&str; 2] = ["assets/validation/truth-dev.csv", "assets/validation/truth-extra.csv"];

fn all_rows() -> Vec<Row> {
    ROWS.iter().flat_map(|path| rows(path)).collect()
}

fn relative(predicted: u64, measured: u64) -> f64 {
    predicted as f64 / measured as f64 - 1.0
}

fn inference(row: &Row) -> bool {
    row.text("method") == "infer"
}

fn phase_bytes(estimate: &Estimate, kind: PhaseKind) -> u64 {
    estimate.phases.iter().find(|phase| phase.kind == kind).map_or(0, |phase| phase.total().0)
}

/// Asserts median and 95th percentile of the absolute errors, naming the worst rows when they are too large.
fn check(what: &str, mut errors: Vec<(f64, String)>, median_aim: f64, p95_aim: f64) {
    assert!(!errors.is_empty(), "{what}: no rows");
    let absolute: Vec<f64> = errors.iter().map(|(error, _)| error.abs()).collect();
    let (middle, high) = (median(&absolute), percentile(&absolute, 0.95));
    errors.sort_by(|left, right| right.0.abs().total_cmp(&left.0.abs()));
    let worst = errors.iter().take(8).fold(String::new(), |mut text, (error, row)| {
        let _ = writeln!(text, "  {:+.3} %  {row}", error * 100.0);
        text
    });
    assert!(
        middle <= median_aim && high <= p95_aim,
        "{what}: median {:.4} %, p95 {:.4} % of {} rows\n{worst}",
        middle * 100.0,
        high * 100.0,
        absolute.len()
    );
}

fn describe(row: &Row) -> String {
    let columns = [
        "model",
        "method",
        "weights",
        "amp",
        "optimizer",
        "micro_batch",
        "seq",
        "grad_ckpt",
        "attn",
        "lora_targets",
        "lora_r",
        "lora_dropout",
        "adapter_fp32",
        "kbit_prep",
        "grad_accum",
        "padded",
        "keep_outputs",
        "peak_where",
    ];
    columns.map(|column| row.text(column)).join(" ")
}

#[test]
fn peaks_match_the_traced_ones() {
    let errors = all_rows()
        .iter()
        .map(|row| (relative(estimate_row(row).tensors.expected.0, row.bytes("peak_bytes")), describe(row)))
        .collect();
    check("peak", errors, 0.0005, 0.005);
}

#[test]
fn the_deciding_phase_is_named() {
    let rows = all_rows();
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| {
            let estimate = estimate_row(row);
            let traced = match row.text("peak_phase") {
                "forward" if inference(row) => PhaseKind::Prefill,
                "forward" => PhaseKind::Forward,
                "backward" => PhaseKind::Backward,
                _ => PhaseKind::OptimizerStep,
            };
            estimate.phases[estimate.peak].kind != traced
        })
        .map(describe)
        .collect();
    assert!(wrong.len() * 50 <= rows.len(), "{} of {} rows: {wrong:#?}", wrong.len(), rows.len());
}

#[test]
fn each_phase_matches_on_its_own() {
    let phases = [
        (PhaseKind::Forward, "peak_forward_bytes"),
        (PhaseKind::Backward, "peak_backward_bytes"),
        (PhaseKind::OptimizerStep, "peak_optimizer_bytes"),
    ];
    for (kind, column) in phases {
        let errors = all_rows()
            .iter()
            // After a checkpointed backward with frozen embeddings the trace still holds the first layer's input and
            // one gradient, which Python's collector frees later: no part of the step.
            .filter(|row| !inference(row) && (kind != PhaseKind::OptimizerStep || row.text("method") == "full"))
            .map(|row| (relative(phase_bytes(&estimate_row(row), kind), row.bytes(column)), describe(row)))
            .collect();
        check(column, errors, 0.0005, 0.005);
    }
}

#[test]
fn each_component_matches_on_its_own() {
    type Share = (&'static str, &'static [Component], &'static [&'static str]);
    let shares: [Share; 7] = [
        (
            "weights",
            &[Component::Weights, Component::QuantizationConstants, Component::Adapters],
            &["at_peak_param_frozen", "at_peak_param_trainable", "at_peak_buffers"],
        ),
        ("gradients", &[Component::Gradients], &["at_peak_grad"]),
        ("optimizer state", &[Component::OptimizerState], &["at_peak_optim"]),
        ("activations", &[Component::Activations], &["at_peak_saved_act"]),
        ("logits", &[Component::Logits], &["at_peak_logits"]),
        ("cache", &[Component::KvCache], &["at_peak_kv_cache"]),
        ("temporaries", &[Component::Temporaries], &["at_peak_temp", "at_peak_inputs"]),
    ];
    for (name, components, columns) in shares {
        let errors = all_rows()
            .iter()
            .map(|row| {
                let estimate = estimate_row(row);
                let predicted: u64 = components.iter().map(|&component| estimate.at_peak.get(component).0).sum();
                let traced: u64 = columns.iter().map(|column| row.bytes(column)).sum();
                // Of the whole peak: a component of a few bytes has no percentage worth the name.
                ((predicted as f64 - traced as f64) / row.bytes("peak_bytes") as f64, describe(row))
            })
            .collect();
        check(name, errors, 0.0005, 0.005);
    }
}

#[test]
fn parameter_counts_match_the_instantiated_classes() {
    for row in all_rows() {
        let estimate = estimate_row(&row);
        assert_eq!(estimate.model.total, row.bytes("params_total"), "{}", describe(&row));
        if !inference(&row) {
            assert_eq!(estimate.parameters.trainable, row.bytes("params_trainable"), "{}", describe(&row));
        }
    }
}

/// Where forward peaks in the loss, what it holds is what it keeps: activations alone, for every model.
#[test]
fn forward_keeps_what_was_traced() {
    let errors: Vec<(f64, String)> = all_rows()
        .iter()
        .filter(|row| !inference(row))
        .filter_map(|row| {
            let estimate = estimate_row(row);
            let forward = estimate.phases.iter().find(|phase| phase.kind == PhaseKind::Forward)?;
            let kept = forward.components.get(Component::Activations).0;
            let error = relative(kept, row.bytes("saved_act_end_forward_bytes"));
            (forward.place == "in the loss").then(|| (error, describe(row)))
        })
        .collect();
    assert!(errors.len() >= 250, "{}", errors.len());
    check("activations at the end of forward", errors, 0.0001, 0.001);
}
