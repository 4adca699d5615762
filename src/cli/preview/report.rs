//! What a preview run says at its end, as text and as JSON.

use crate::estimate::Component;
use crate::preview::compare::Compared;
use crate::preview::generate::Sample;
use crate::preview::job::Prepared;
use crate::preview::record::Record;
use crate::preview::train::Progress;
use crate::preview::update::{Update, in_words};
use crate::units::{ByteUnit, Bytes, signed_percent};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub fn json(record: &Record, elapsed: Duration) -> Value {
    let prepared = record.prepared.as_ref();
    let progress = record.progress.as_ref();
    json!({
        "model": prepared.map(|prepared| &prepared.model),
        "train_examples": prepared.map(|prepared| prepared.examples.0),
        "bad_lines": prepared.and_then(|prepared| prepared.file.as_ref()).map(|file| file.bad.len()),
        "format": record.settings.base.id(),
        "steps": record.done(),
        "resumed_at_step": prepared.map(|prepared| prepared.resumed_at),
        "tokens": progress.map_or(0, |progress| progress.tokens),
        "training_secs": progress.map_or(0.0, |progress| progress.trained_for.as_secs_f64()),
        "tokens_per_sec": progress.and_then(Progress::tokens_per_second),
        "elapsed_secs": elapsed.as_secs_f64(),
        "trained_values": prepared.map(|prepared| prepared.trained_values),
        "held_out": record.held_out.iter().map(|(after, found)| json!({
            "step": after,
            "loss_nats_per_token": found.loss,
            "exact": found.exact,
            "examples": found.examples,
        })).collect::<Vec<_>>(),
        "train_loss_nats_per_token": record.losses.iter().map(|(_, loss)| loss).collect::<Vec<_>>(),
        "memory": prepared.map(|prepared| memory_json(prepared, record.measured_bytes())),
        "compared": record.compared.iter().map(compared_json).collect::<Vec<_>>(),
        "samples": record.samples.iter().map(sample_json).collect::<Vec<_>>(),
        "updates": record.updates.iter().map(update_json).collect::<Vec<_>>(),
    })
}

fn update_json(update: &Update) -> Value {
    json!({
        "module": update.part.path(update.layer),
        "relative_norm": update.relative(),
        "singular_values": update.values,
    })
}

fn memory_json(prepared: &Prepared, measured: Option<u64>) -> Value {
    let shares = prepared.predicted.shares();
    let shares: Map<String, Value> = shares
        .iter()
        .map(|share| (format!("{}_bytes", Component::from(share.need).id()), share.bytes.into()))
        .collect();
    json!({
        "predicted_bytes": prepared.predicted.total_bytes(),
        "predicted": shares,
        "measured_peak_growth_bytes": measured,
    })
}

fn compared_json(found: &Compared) -> Value {
    json!({
        "model": found.variant.id(),
        "held_out_loss_nats_per_token": found.task.loss,
        "exact": found.task.exact,
        "examples": found.task.examples,
        "base_text_nats_per_token": found.base_text,
        "disk_bytes": found.disk_bytes,
        "samples": found.answers.iter().map(sample_json).collect::<Vec<_>>(),
    })
}

fn sample_json(sample: &Sample) -> Value {
    json!({ "prompt": sample.prompt, "answer": sample.answer, "wanted": sample.wanted })
}

pub fn text(record: &Record) -> String {
    let mut lines =
        vec![format!("{:<26} {:>12} {:>12} {:>12} {:>12}", "", "task loss", "exact", "base text", "on disk")];
    for found in &record.compared {
        lines.push(format!(
            "{:<26} {:>12.3} {:>12} {:>12} {:>12}",
            found.variant.name(),
            found.task.loss,
            format!("{} of {}", found.task.exact, found.task.examples),
            found.base_text.map_or_else(|| "–".to_owned(), |loss| format!("{loss:.3}")),
            Bytes(found.disk_bytes).to_string()
        ));
    }
    lines.push(String::new());
    lines.push(
        "task loss: loss per token (nats) on held-out answers; base text: the same on text such as the base was made \
         from, what was forgotten"
            .to_owned(),
    );
    lines.extend(record.prepared.as_ref().map(|prepared| memory(prepared, record.measured_bytes())));
    lines.extend(in_words(&record.updates));
    lines.extend(answers(&record.compared));
    lines.join("\n") + "\n"
}

fn memory(prepared: &Prepared, measured: Option<u64>) -> String {
    let total = prepared.predicted.total_bytes();
    let shares = prepared.predicted.shares();
    let held = shares.iter().filter(|share| share.bytes > 0);
    let shares: Vec<String> = held
        .map(|share| format!("{} {}", Component::from(share.need).label(), Bytes(share.bytes).fine(ByteUnit::GiB)))
        .collect();
    let measured = measured.map_or_else(
        || "not measured: no step was done".to_owned(),
        |bytes| {
            let off = signed_percent(total as f64 / bytes.max(1) as f64 - 1.0);
            format!("measured {}, the prediction is {off} off", Bytes(bytes).fine(ByteUnit::GiB))
        },
    );
    format!(
        "\nmemory of training: predicted {}, {measured}\n  at its peak: {}",
        Bytes(total).fine(ByteUnit::GiB),
        shares.join(", ")
    )
}

/// What each model says to the same prompts.
fn answers(compared: &[Compared]) -> Vec<String> {
    let mut lines = Vec::new();
    let prompts = compared.first().map_or(0, |first| first.answers.len());
    for index in 0..prompts {
        let samples = compared.iter().filter_map(|found| Some((found.variant, found.answers.get(index)?)));
        for (place, (variant, sample)) in samples.enumerate() {
            if place == 0 {
                lines.push(format!("\n{}\n  {:<26} {}", sample.prompt.trim(), "wanted", sample.wanted));
            }
            lines.push(format!("  {:<26} {}", variant.name(), sample.answer.trim().replace('\n', " / ")));
        }
    }
    lines
}
