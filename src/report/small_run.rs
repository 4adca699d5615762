//! What a preview came to, as Markdown for a review or a merge request.

use crate::estimate::Component;
use crate::preview::compare::Compared;
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::record::Record;
use crate::preview::run::RunSettings;
use crate::preview::update::{Update, in_words};
use crate::units::{ByteUnit, Bytes, duration, grouped, percent, quantity, signed_percent};
use std::fmt::Write as _;

/// The whole report; `today` may be empty.
pub fn markdown(record: &Record, today: &str) -> String {
    let mut out = String::from("# Preview: quantized LoRA\n\n");
    let model = record.prepared.as_ref().map_or("the model", |prepared| prepared.model.as_str());
    let when = if today.is_empty() { String::new() } else { format!("{today}, ") };
    let _ = writeln!(out, "{when}{} steps on `{model}` with Tuneplan, on a CPU.\n", record.done());
    settings(&mut out, &record.settings);
    compared(&mut out, &record.compared);
    evaluations(&mut out, record);
    memory(&mut out, record);
    learned(&mut out, record);
    answers(&mut out, record);
    out.push_str(
        "\nTask loss is the mean over the tokens of held-out answers, prompts masked; base text is text such as the base \
         was made from. A preview shows what the method, the number format and the settings of the adapters do; it does \
         not tell how well a large model will learn a task.\n",
    );
    out
}

fn settings(out: &mut String, settings: &RunSettings) {
    let lora = &settings.lora;
    let targets: Vec<&str> = lora.targets.iter().map(|part| part.name()).collect();
    let optimizer = match settings.optimizer {
        OptimizerSettings::AdamW(adamw) => format!("AdamW, learning rate {}", adamw.learning_rate),
        OptimizerSettings::Sgd(sgd) => format!("SGD, learning rate {}, momentum {}", sgd.learning_rate, sgd.momentum),
    };
    let method = if lora.dora { "DoRA" } else { "LoRA" };
    let scaling = if lora.rank_stabilized { "α / √r" } else { "α / r" };
    let checkpointing = if settings.recompute { "on" } else { "off" };
    let rows = [
        ("Base", settings.base.name().to_owned()),
        (
            "Method",
            format!("{method}, rank {}, α {} scaled by {scaling}, start {}", lora.rank, lora.alpha, lora.init.id()),
        ),
        ("Targets", targets.join(", ")),
        ("Dropout", lora.dropout.to_string()),
        ("Optimizer", optimizer),
        ("Batch", format!("{} sequences × {} accumulated", settings.batch, settings.accumulation)),
        ("Gradient checkpointing", checkpointing.to_owned()),
        ("Seed", settings.seed.to_string()),
    ];
    out.push_str("| setting | value |\n|---|---|\n");
    for (name, value) in rows {
        let _ = writeln!(out, "| {name} | {} |", cell(&value));
    }
}

fn compared(out: &mut String, compared: &[Compared]) {
    if compared.is_empty() {
        return;
    }
    out.push_str(
        "\n## Compared\n\n| model | task loss per token (nats) | exact answers | loss on base text per token (nats) | on disk |\n",
    );
    out.push_str("|---|---:|---:|---:|---:|\n");
    for model in compared {
        let text = model.base_text.map_or_else(|| "–".to_owned(), |loss| format!("{loss:.3}"));
        let _ = writeln!(
            out,
            "| {} | {:.3} | {} of {} | {text} | {} |",
            model.variant.name(),
            model.task.loss,
            model.task.exact,
            model.task.examples,
            Bytes(model.disk_bytes)
        );
    }
}

fn evaluations(out: &mut String, record: &Record) {
    out.push_str(
        "\n## While it learned\n\n| after step | held-out loss per token (nats) | exact answers |\n|---:|---:|---:|\n",
    );
    for (after, found) in &record.held_out {
        let _ = writeln!(out, "| {after} | {:.3} | {} of {} |", found.loss, found.exact, found.examples);
    }
    if let Some(progress) = &record.progress {
        let pace =
            progress.tokens_per_second().map_or_else(String::new, |pace| format!(", {}", quantity(pace, "tokens/s")));
        let _ = writeln!(
            out,
            "\n{} tokens in {} of training{pace}.",
            grouped(progress.tokens),
            duration(progress.trained_for.as_secs_f64())
        );
    }
}

fn memory(out: &mut String, record: &Record) {
    let Some(prepared) = &record.prepared else { return };
    let total = prepared.predicted.total_bytes();
    out.push_str("\n## Memory of a training step\n\n| part | predicted |\n|---|---:|\n");
    for share in prepared.predicted.shares().iter().filter(|share| share.bytes > 0) {
        let _ =
            writeln!(out, "| {} | {} |", Component::from(share.need).label(), Bytes(share.bytes).fine(ByteUnit::GiB));
    }
    let _ = writeln!(out, "| **all, at its peak** | **{}** |", Bytes(total).fine(ByteUnit::GiB));
    match record.measured_bytes() {
        Some(measured) => {
            let off = signed_percent(total as f64 / measured.max(1) as f64 - 1.0);
            let _ = writeln!(out, "\nMeasured: {}; the prediction is {off} off.", Bytes(measured).fine(ByteUnit::GiB));
        }
        None => out.push_str("\nNot measured: no step was done.\n"),
    }
}

/// How many directions of the adapters were used.
fn learned(out: &mut String, record: &Record) {
    let Some(words) = in_words(&record.updates) else { return };
    let most = record.updates.iter().max_by(|a: &&Update, b| a.relative().total_cmp(&b.relative()));
    let _ = writeln!(out, "\n## What was learned\n\nBy singular values of each update ΔW = s·BA, {words}.");
    if let Some(most) = most {
        let (share, path) = (percent(most.relative()), most.part.path(most.layer));
        let _ = writeln!(out, "Changed most: `{path}`, by {share} of its norm.");
    }
}

/// Answers of all models side by side, prompt by prompt.
fn answers(out: &mut String, record: &Record) {
    let prompts = record.compared.iter().map(|model| model.answers.len()).max().unwrap_or(0);
    if prompts == 0 {
        return;
    }
    out.push_str("\n## Answers to prompts it was not trained on\n");
    for index in 0..prompts {
        let Some(first) = record.compared.iter().find_map(|model| model.answers.get(index)) else { continue };
        let _ = writeln!(out, "\n> {}\n", quoted(&first.prompt));
        let _ = writeln!(out, "| model | answer |\n|---|---|\n| wanted | `{}` |", code(&first.wanted));
        for model in &record.compared {
            if let Some(sample) = model.answers.get(index) {
                let _ = writeln!(out, "| {} | `{}` |", model.variant.name(), code(&sample.answer));
            }
        }
    }
}

/// A text that cannot break a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// A text within backticks.
fn code(text: &str) -> String {
    cell(text.trim()).replace('`', "'")
}

/// A quotation of several lines.
fn quoted(text: &str) -> String {
    text.trim().lines().collect::<Vec<_>>().join("  \n> ")
}
