//! Published throughput: predicted against measured, as for memory.
//!
//! Sources count differently: tokens a second, seconds a step, seconds for so many micro-batches. All become tokens a
//! second of one device. Rows whose sequences differ in length, so that no token count follows, are left out.

use super::accuracy::{Accuracy, Figure};
use super::table::{Layout, ReadError, Row, Table};
use super::{Skipped, published, shape, stack};
use crate::catalog::Catalog;
use crate::estimate::Inputs;
use crate::estimate::profile::{Profiles, RuntimeProfile};
use crate::estimate::time::{DequantizationKernel, time};
use crate::explained::Band;
use crate::plan::{Method, ModelSource, Plan, Strategy, Workload};
use serde::Serialize;
use std::collections::BTreeMap;

/// A measured rate turned into a plan.
struct RateCase {
    id: String,
    source: String,
    model: String,
    plan: Plan,
    profile: RuntimeProfile,
    kernel: DequantizationKernel,
    measured: f64,
    counts: Counts,
    complete: bool,
}

/// Which tokens a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// Trained ones.
    Trained,
    /// Generated ones, over the time of prompt and generation.
    Generated,
    /// Prompt and generated ones.
    Processed,
}

/// One predicted rate beside its measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateResult {
    /// Id of the row.
    pub id: String,
    /// Model as the row names it.
    pub model: String,
    /// Set of measurements.
    pub source: String,
    /// Measured tokens a second of one device.
    pub measured_tokens_per_sec: f64,
    /// Predicted.
    pub predicted_tokens_per_sec: Band,
    /// predicted / measured − 1.
    pub error: f64,
    /// The row states everything the prediction rests on.
    pub complete: bool,
}

/// Predicted against measured rates of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Throughput {
    /// Rows with a throughput.
    pub rows: usize,
    /// Of them predicted.
    pub predicted: usize,
    /// Median of the absolute errors.
    pub median_abs_error: Option<f64>,
    /// 95th percentile of the absolute errors.
    pub p95_abs_error: Option<f64>,
    /// Mean of the signed errors: above 0 the predictions are too fast.
    pub bias: Option<f64>,
    /// Share of rows whose measurement lies in the predicted band.
    pub within_interval: Option<f64>,
    /// Over the training rows.
    pub training: Accuracy,
    /// Over the generation rows.
    pub inference: Accuracy,
    /// By set of measurements.
    pub by_source: BTreeMap<String, Accuracy>,
    /// Rows left out, each with the reason.
    pub skipped: Vec<Skipped>,
    /// Every prediction, in the order of the file.
    pub per_row: Vec<RateResult>,
}

/// Predicts every rate of a file of published rows; `None` where there is none.
pub fn of_text(csv_text: &str, catalog: &Catalog, profiles: &Profiles) -> Result<Option<Throughput>, ReadError> {
    let table = Table::read(csv_text)?;
    Ok(match table.layout {
        Layout::Truth | Layout::Kinds => None,
        Layout::Published => throughput(&table.rows, catalog, profiles),
    })
}

fn throughput(rows: &[Row], catalog: &Catalog, profiles: &Profiles) -> Option<Throughput> {
    let mut skipped = Vec::new();
    let mut found: Vec<(RateResult, Workload)> = Vec::new();
    let mut count = 0;
    for row in rows.iter().filter(|row| !row.text("throughput").is_empty()) {
        count += 1;
        let predicted = case(row, catalog, profiles).and_then(|case| predict(&case, catalog));
        match predicted {
            Ok(result) => found.push(result),
            Err(why) => skipped.push(Skipped { id: row.id(), why: format!("line {}: {why}", row.line) }),
        }
    }
    if count == 0 {
        return None;
    }
    let of = |workload| accuracy(found.iter().filter(|(_, kind)| *kind == workload).map(|(result, _)| result));
    let mut sources: BTreeMap<String, Vec<&RateResult>> = BTreeMap::new();
    for (result, _) in &found {
        sources.entry(result.source.clone()).or_default().push(result);
    }
    let all = accuracy(found.iter().map(|(result, _)| result));
    Some(Throughput {
        rows: count,
        predicted: found.len(),
        median_abs_error: all.median_abs_error,
        p95_abs_error: all.p95_abs_error,
        bias: all.bias,
        within_interval: all.within_interval,
        training: of(Workload::Training),
        inference: of(Workload::Inference),
        by_source: sources.into_iter().map(|(id, rows)| (id, accuracy(rows.into_iter()))).collect(),
        skipped,
        per_row: found.into_iter().map(|(result, _)| result).collect(),
    })
}

fn accuracy<'a>(rows: impl Iterator<Item = &'a RateResult>) -> Accuracy {
    Accuracy::of_figures(rows.map(|row| Figure {
        error: row.error,
        low: row.predicted_tokens_per_sec.low,
        high: row.predicted_tokens_per_sec.high,
        measured: row.measured_tokens_per_sec,
    }))
}

fn case(row: &Row, catalog: &Catalog, profiles: &Profiles) -> Result<RateCase, String> {
    let training = row.text("task") == "train";
    let devices = row.count("num_gpus")?.unwrap_or(1).max(1);
    let strategy = strategy(row.text("sharding"), devices, training)?;
    if training && !published::has_exact_lengths(row)? {
        return Err("the sequences differ in length, so no number of tokens follows".to_owned());
    }
    let model = row.text("model").to_owned();
    let (architecture, mut assumptions) = shape::architecture(&model, shape::Dimensions::of_published(row)?, catalog)?;
    let stack = stack::of(row, profiles)?;
    let mut plan = published::plan(row, &stack.profile.default_implementation, &mut assumptions)?;
    plan.runtime.loss = stack.loss;
    plan.runtime.profile.clone_from(&stack.profile.id);
    if matches!(plan.method.method, Method::Qlora(_)) {
        plan.precision.upcast_unquantized = stack.profile.upcasts_unquantized;
    }
    plan.model.source = ModelSource::File { path: model.clone(), architecture: Box::new(architecture) };
    plan.hardware.count = devices;
    plan.parallelism.strategy = strategy;
    accelerator(row.text("gpu"))?.clone_into(&mut plan.hardware.accelerator);
    let old = row.text("source_set") == "Qwen-v1" && row.text("weight_format").contains("gptq");
    let (measured, counts) = measured(row, &plan)?;
    Ok(RateCase {
        id: row.id(),
        source: row.text("source_set").to_owned(),
        model,
        plan,
        profile: stack.profile,
        kernel: if old { DequantizationKernel::AutoGptq0 } else { DequantizationKernel::Current },
        measured,
        counts,
        complete: row.text("completeness") == "full",
    })
}

/// Tokens a second of one device, and which tokens those are.
fn measured(row: &Row, plan: &Plan) -> Result<(f64, Counts), String> {
    let figure = row.number("throughput")?.ok_or("no throughput")?;
    if figure <= 0.0 {
        return Err(format!("a throughput of {figure}"));
    }
    let micro = plan.batch.micro_batch.saturating_mul(plan.batch.sequence_length) as f64;
    let unit = row.text("throughput_unit");
    if plan.workload == Workload::Inference {
        return match unit {
            "tokens/s" => Ok((figure, Counts::Generated)),
            unit if unit.contains("prompt+generated") => Ok((figure, Counts::Processed)),
            _ => Err(format!("the unit “{unit}” is not mapped")),
        };
    }
    let rate = match unit {
        "tokens/s per GPU" => figure,
        "tokens/s" => figure / plan.hardware.count as f64,
        // Every device does as many.
        "s/step" => micro * plan.batch.gradient_accumulation as f64 / figure,
        "s/it (8 micro-batches)" => 8.0 * micro / figure,
        _ => return Err(format!("the unit “{unit}” is not mapped")),
    };
    Ok((rate, Counts::Trained))
}

/// How several devices shared the work; `Err`: not in a way that is compared.
fn strategy(text: &str, devices: u64, training: bool) -> Result<Strategy, String> {
    if devices == 1 {
        return Ok(Strategy::Single);
    }
    if !training {
        return Err(format!("generation over {devices} devices is not estimated"));
    }
    let brief: String = text.chars().take(40).collect();
    match text.to_lowercase().as_str() {
        "fsdp" | "fsdp full-shard" => Ok(Strategy::Fsdp),
        "ddp" | "none" => Ok(Strategy::Ddp),
        "zero-2" | "deepspeed zero-2" | "deepspeed zero-2/3" => Ok(Strategy::Zero2),
        "zero-3" | "deepspeed zero-3" => Ok(Strategy::Zero3),
        _ => Err(format!("{devices} devices with “{brief}”: the pace of this is not compared")),
    }
}

/// The catalogue's entry of a device that a row names; forms that rows do not tell apart are taken as the module (SXM).
fn accelerator(name: &str) -> Result<&'static str, String> {
    Ok(match name {
        "A100" | "A100 80GB" => "a100-sxm4-80gb",
        "A100 40GB" => "a100-sxm4-40gb",
        "T4 16GB" => "tesla-t4",
        "H20 96GB" => "h20",
        "L40S 48GB" => "l40s",
        "H100 80GB" => "h100-sxm5-80gb",
        "H200 141GB" => "h200-sxm",
        "A10G 24GB" | "A10G" => "a10g",
        _ => return Err(format!("the device “{name}” is not in the catalogue")),
    })
}

fn predict(case: &RateCase, catalog: &Catalog) -> Result<(RateResult, Workload), String> {
    let known = Profiles { entries: vec![case.profile.clone()] };
    let inputs = Inputs::resolve(&case.plan, catalog, &known).map_err(|errors| {
        errors.first().map_or_else(|| "the plan cannot be resolved".to_owned(), |error| error.message.clone())
    })?;
    let time = time(&inputs, case.kernel).map_err(|missing| missing.advice().to_owned())?;
    let batch = &case.plan.batch;
    let predicted = match case.counts {
        Counts::Trained | Counts::Generated => time.tokens_per_sec.times(1.0 / time.devices as f64),
        Counts::Processed => {
            let all = batch.sequence_length.saturating_add(batch.new_tokens).saturating_mul(batch.micro_batch);
            time.step_secs.rate(all as f64)
        }
    };
    Ok((
        RateResult {
            id: case.id.clone(),
            model: case.model.clone(),
            source: case.source.clone(),
            measured_tokens_per_sec: case.measured,
            predicted_tokens_per_sec: predicted,
            error: predicted.expected / case.measured - 1.0,
            complete: case.complete,
        },
        case.plan.workload,
    ))
}
