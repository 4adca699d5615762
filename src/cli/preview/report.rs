//! What a preview run says at its end, as text and as JSON.

use super::Told;
use crate::preview::memory::Predicted;
use crate::preview::run::{Compared, Sample};
use crate::units::Bytes;
use serde_json::json;
use std::time::Duration;

/// Facts of a run that no event told.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Values that are trained.
    pub trained_values: u64,
    /// What a step should need.
    pub predicted: Predicted,
    /// Steps done before this call.
    pub resumed_at: usize,
}

pub fn json(told: &Told, facts: &Facts, elapsed: Duration) -> serde_json::Value {
    let predicted = facts.predicted;
    json!({
        "steps": told.last.map_or(facts.resumed_at, |last| last.step.number),
        "resumed_at_step": facts.resumed_at,
        "tokens": told.last.map_or(0, |last| last.tokens),
        "training_secs": told.last.map_or(0.0, |last| last.trained_for.as_secs_f64()),
        "tokens_per_sec": told.last.and_then(|last| last.tokens_per_second()),
        "elapsed_secs": elapsed.as_secs_f64(),
        "trained_values": facts.trained_values,
        "held_out": told.looks.iter().map(|(after, found)| json!({
            "step": after,
            "loss_nats_per_token": found.loss,
            "exact": found.exact,
            "examples": found.examples,
        })).collect::<Vec<_>>(),
        "train_loss_nats_per_token": told.losses,
        "memory": {
            "predicted_bytes": predicted.total_bytes(),
            "predicted": {
                "base_bytes": predicted.base_bytes,
                "adapter_bytes": predicted.adapter_bytes,
                "gradient_bytes": predicted.gradient_bytes,
                "optimizer_bytes": predicted.optimizer_bytes,
                "activation_bytes": predicted.activation_bytes,
                "loss_bytes": predicted.loss_bytes,
                "working_bytes": predicted.working_bytes,
            },
            "measured_peak_growth_bytes": told.last.and_then(|last| last.peak_growth_bytes),
        },
        "compared": told.compared.iter().map(bar).collect::<Vec<_>>(),
        "samples": told.samples.values().map(|sample| json!({
            "prompt": sample.prompt,
            "answer": sample.answer,
            "wanted": sample.wanted,
        })).collect::<Vec<_>>(),
    })
}

fn bar(found: &Compared) -> serde_json::Value {
    json!({
        "model": found.name,
        "held_out_loss_nats_per_token": found.task.loss,
        "exact": found.task.exact,
        "examples": found.task.examples,
        "base_text_nats_per_token": found.base_text,
        "weight_bytes": found.bytes,
    })
}

pub fn text(told: &Told, facts: &Facts) -> String {
    let mut lines =
        vec![format!("{:<26} {:>12} {:>12} {:>16} {:>12}", "", "task loss", "exact", "base text", "weights")];
    for found in &told.compared {
        lines.push(format!(
            "{:<26} {:>12.3} {:>12} {:>16} {:>12}",
            found.name,
            found.task.loss,
            format!("{} of {}", found.task.exact, found.task.examples),
            found.base_text.map_or_else(|| "—".to_owned(), |loss| format!("{loss:.3}")),
            Bytes(found.bytes).to_string()
        ));
    }
    lines.push(String::new());
    lines.push(
        "task loss: nats a token over held-out answers; base text: nats a token over text such as the base was made \
         from, what was forgotten"
            .to_owned(),
    );
    lines.push(String::new());
    lines.push(memory(&facts.predicted, told.last.and_then(|last| last.peak_growth_bytes)));
    for Sample { prompt, answer, wanted } in told.samples.values() {
        lines.push(format!("\n{prompt}\n  answered {answer}\n  wanted   {wanted}"));
    }
    lines.join("\n") + "\n"
}

fn memory(predicted: &Predicted, measured: Option<u64>) -> String {
    let total = predicted.total_bytes();
    let parts = [
        ("base", predicted.base_bytes),
        ("adapters", predicted.adapter_bytes),
        ("gradients", predicted.gradient_bytes),
        ("optimizer", predicted.optimizer_bytes),
        ("activations", predicted.activation_bytes),
        ("loss", predicted.loss_bytes),
        ("at work", predicted.working_bytes),
    ];
    let parts: Vec<String> = parts.iter().map(|(name, bytes)| format!("{name} {}", Bytes(*bytes))).collect();
    let measured = measured.map_or_else(
        || "not measured on this system".to_owned(),
        |bytes| {
            let off = (bytes as f64 / total.max(1) as f64 - 1.0) * 100.0;
            format!("measured {} ({off:+.0} %)", Bytes(bytes))
        },
    );
    format!("memory of training: predicted {}, {measured}\n  {}", Bytes(total), parts.join(", "))
}
