//! Time, cost and serving as text and JSON.

use crate::estimate::cost::RunEstimate;
use crate::estimate::serving::Stretch;
use crate::estimate::time::TimeEstimate;
use crate::explained::Band;
use crate::figures::{Pace, Serving};
use crate::plan::Workload;
use crate::units::{ByteUnit, Bytes, duration, grouped, percent, quantity, significant};
use serde_json::{Map, Value as Json, json};

/// Puts `time`, `cost`, `energy_kwh` and `serving` beside the memory. Units stand in the names of keys.
pub fn add_json(object: &mut Json, pace: Option<&Pace>, serving: Option<&Serving>) {
    let Some(map) = object.as_object_mut() else { return };
    map.insert("time".to_owned(), pace.map_or(Json::Null, time_json));
    let run = pace.and_then(|pace| pace.run.as_ref());
    map.insert("cost".to_owned(), run.map_or(Json::Null, cost_json));
    map.insert("energy_kwh".to_owned(), json!(run.and_then(|run| run.energy_kwh)));
    map.insert("serving".to_owned(), serving.map_or(Json::Null, serving_json));
}

fn time_json(pace: &Pace) -> Json {
    let time = match &pace.time {
        Ok(time) => time,
        Err(missing) => return json!({ "missing": missing, "advice": missing.advice() }),
    };
    let spent: Map<String, Json> =
        time.spent.iter().map(|part| (part.kind.id().to_owned(), json!(part.secs))).collect();
    let run = pace.run.as_ref();
    let generation = time.generation.map(|made| {
        json!({
            "prefill_secs": made.prefill_secs,
            "token_secs": made.token_secs,
            "ceiling_tokens_per_sec": ceiling(time),
            "weight_bytes_per_token": made.weight_bytes,
            "cache_bytes_per_token": made.cache_bytes,
        })
    });
    json!({
        "tokens_per_sec": time.tokens_per_sec,
        "step_secs": time.step_secs,
        "tokens_per_step": time.tokens_per_step,
        "tokens": run.and_then(|run| run.tokens),
        "steps": run.and_then(|run| run.steps),
        "hours": run.and_then(|run| run.hours).filter(|_| time.workload == Workload::Training),
        "spent_secs": spent,
        "model_flops_per_token": time.model_flops_per_token,
        "executed_flops_per_token": time.executed_flops_per_token,
        "model_flops_utilisation": time.mfu,
        "generation": generation,
    })
}

/// Generated tokens a second if reading weights and cache once were all that binds.
pub fn ceiling(time: &TimeEstimate) -> Option<f64> {
    let made = time.generation?;
    let sequences = time.tokens_per_step as f64 * time.devices as f64;
    let secs = made.decode_secs / made.token_secs.max(f64::MIN_POSITIVE) * made.bound_token_secs;
    (secs > 0.0).then(|| sequences / secs)
}

fn cost_json(run: &RunEstimate) -> Json {
    json!({
        "amount": run.money,
        "currency": run.currency,
        "price_date": if run.price_date.is_empty() { None } else { Some(&run.price_date) },
        "amount_per_million_tokens": run.money_per_million_tokens,
        "missing": run.missing.iter().map(|missing| missing.advice()).collect::<Vec<_>>(),
    })
}

fn serving_json(serving: &Serving) -> Json {
    let cache = &serving.cache;
    let layers: Vec<Json> = cache
        .layers
        .iter()
        .map(|group| {
            json!({
                "kind": group.kind.id(),
                "layers": group.layers,
                "window_tokens": group.window,
                "bytes_per_token": group.bytes_per_token.0,
                "state_bytes": group.state.0,
            })
        })
        .collect();
    let adapters = serving.adapters.as_ref().map(|found| {
        let points: Vec<Json> = found
            .points
            .iter()
            .map(|point| {
                json!({
                    "adapters": point.adapters,
                    "merged_bytes": point.merged.0,
                    "separate_bytes": point.separate.0,
                })
            })
            .collect();
        json!({
            "base_values": found.base_values,
            "adapter_values": found.adapter_values,
            "base_bytes": found.base_bytes.0,
            "merged_model_bytes": found.merged_bytes.0,
            "adapter_bytes": found.adapter_bytes.0,
            "merged_switch_secs": found.merged_switch_secs,
            "separate_switch_secs": found.separate_switch_secs,
            "points": points,
        })
    });
    let merging: Vec<Json> = serving
        .merges
        .iter()
        .map(|merge| {
            json!({
                "method": merge.method.id(),
                "inputs": merge.inputs,
                "result_values": merge.result_values,
                "result_bytes": merge.result.0,
                "read_bytes": merge.read.0,
                "memory_whole_bytes": merge.memory_whole.0,
                "memory_lazy_bytes": merge.memory_lazy.0,
            })
        })
        .collect();
    json!({
        "cache": {
            "bytes_per_token": cache.bytes_per_token.0,
            "bytes_per_token_past_windows": cache.bytes_per_token_far.0,
            "bytes": cache.whole.0,
            "tokens": cache.tokens,
            "layers": layers,
        },
        "largest_batch_sequences": serving.largest_batch.value(),
        "largest_context_tokens": serving.largest_context.value(),
        "adapters": adapters,
        "merging": merging,
    })
}

/// Time, cost and serving as lines of text.
pub fn to_text(pace: Option<&Pace>, serving: Option<&Serving>, workload: Workload, unit: ByteUnit) -> String {
    let mut lines = Vec::new();
    if let Some(pace) = pace {
        lines.push(String::new());
        match &pace.time {
            Ok(time) => time_lines(&mut lines, time, pace.run.as_ref()),
            Err(missing) => lines.push(format!("Time: {}", missing.advice())),
        }
    }
    if let Some(serving) = serving {
        lines.push(String::new());
        serving_lines(&mut lines, serving, workload, unit);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn time_lines(lines: &mut Vec<String>, time: &TimeEstimate, run: Option<&RunEstimate>) {
    let row = |label: &str, expected: String, range: String| format!("{label:<28} {expected:>16}   {range}");
    let training = time.workload == Workload::Training;
    let range = |band: Band, unit: &str| format!("{} to {}", significant(band.low), quantity(band.high, unit));
    lines.push(format!("{:<28} {:>16}", "Time", "expected"));
    let rate = if training { "Tokens a second" } else { "Generated tokens a second" };
    lines.push(row(rate, quantity(time.tokens_per_sec.expected, ""), range(time.tokens_per_sec, "tokens/s")));
    if let Some(ceiling) = ceiling(time) {
        lines.push(row("Ceiling by bandwidth", quantity(ceiling, ""), "tokens/s".to_owned()));
    }
    let step = if training { "One optimizer step" } else { "One request" };
    let secs = |band: Band| format!("{} to {}", duration(band.low), duration(band.high));
    lines.push(row(step, duration(time.step_secs.expected), secs(time.step_secs)));
    for part in &time.spent {
        let share = part.secs / time.step_secs.expected.max(f64::MIN_POSITIVE);
        lines.push(row(&format!("  {}", part.kind.label()), duration(part.secs), percent(share)));
    }
    if training {
        let mfu = time.mfu;
        let range = format!("{} to {}", percent(mfu.low), percent(mfu.high));
        lines.push(row("Model FLOPs utilisation", percent(mfu.expected), range));
    }
    let Some(run) = run else { return };
    if let (Some(steps), Some(hours)) = (run.steps, run.hours) {
        lines.push(row("Steps", grouped(steps), format!("{} tokens", significant(run.tokens.unwrap_or_default()))));
        lines.push(row("Hours", significant(hours.expected), range(hours, "h")));
    }
    if let Some(energy) = run.energy_kwh {
        let label = if training { "Energy of the devices" } else { "Energy of an hour" };
        lines.push(row(label, significant(energy.expected), range(energy, "kWh")));
    }
    if let Some(money) = run.money {
        let label = if training { "Cost" } else { "Cost of an hour" };
        let dated = if run.price_date.is_empty() { String::new() } else { format!(", price of {}", run.price_date) };
        lines.push(row(label, significant(money.expected), format!("{}{dated}", range(money, &run.currency))));
    }
    for missing in &run.missing {
        lines.push(missing.advice().to_owned());
    }
}

fn serving_lines(lines: &mut Vec<String>, serving: &Serving, workload: Workload, unit: ByteUnit) {
    let row = |label: &str, figure: String| format!("{label:<28} {figure:>16}");
    let cache = &serving.cache;
    lines.push("Serving".to_owned());
    lines.push(row("KV cache a token", cache.bytes_per_token.fine(unit)));
    lines.push(format!(
        "{}   at {} tokens",
        row("KV cache of all sequences", cache.whole.display(unit)),
        grouped(cache.tokens)
    ));
    for (stretch, largest) in [(Stretch::Batch, serving.largest_batch), (Stretch::Context, serving.largest_context)] {
        lines.push(format!("{}: {}", stretch.label(workload), largest.words(stretch)));
    }
    if let Some(found) = &serving.adapters {
        let planned = found.planned;
        lines.push(format!("{} adapters:", grouped(planned.adapters)));
        let switch = |bytes: Bytes, secs: Option<f64>| match secs {
            Some(secs) => format!("   {} to switch ({})", duration(secs), bytes.display(unit)),
            None => String::new(),
        };
        lines.push(format!(
            "{}{}",
            row("  merged, a model each", planned.merged.display(unit)),
            switch(found.merged_bytes, found.merged_switch_secs)
        ));
        lines.push(format!(
            "{}{}",
            row("  separate, one base", planned.separate.display(unit)),
            switch(found.adapter_bytes, found.separate_switch_secs)
        ));
    }
}
