//! `tuneplan estimate`: memory of a plan.

use super::data::measured::Measured;
use super::estimate_text::{Heading, to_json, to_text};
use super::{EstimateArgs, Outcome, estimate_run, explain, load, moments_text};
use crate::architecture::Knowledge;
use crate::catalog::Catalog;
use crate::estimate::profile::Profiles;
use crate::estimate::{Estimate, Fit, Inputs};
use crate::figures::{Pace, Serving, host_moments, of_plan};
use crate::plan::check::{Diagnostic, Severity};
use crate::plan::field::id;
use crate::plan::field::{FieldId, field};
use crate::plan::{ModelSource, Plan, Workload};
use crate::units::{ByteUnit, Bytes};
use anyhow::{Result, bail};
use clap::ArgMatches;
use std::io::Write;

pub fn run(
    args: &EstimateArgs,
    flags: Option<&ArgMatches>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Outcome> {
    let mut plan = load::plan(args.plan.as_deref(), flags, err)?;
    let measured = match args.data.as_deref().zip(args.tokenizer.as_deref()) {
        Some((data, tokenizer)) => Some(Measured::of(data, tokenizer, args.trainer, &mut plan)?),
        None => None,
    };
    let (estimate, diagnostics, _) = of_plan(&plan);
    let Some(estimate) = estimate else { bail!("{}", unresolved(&diagnostics)) };
    // Before anything is printed: what follows a report is easily overlooked.
    if args.check && args.max_bytes.is_none() && estimate.capacity.is_none() {
        bail!(
            "there is nothing to check against: the plan has no accelerator; pass --accelerator ID or --max-bytes 24GiB"
        );
    }
    let (pace, serving) = (Pace::of_plan(&plan), Serving::of_plan(&plan));
    let moments =
        Inputs::resolve(&plan, Catalog::embedded(), Profiles::known()).ok().map(|inputs| host_moments(&inputs));
    let unit = if args.gb { ByteUnit::GB } else { ByteUnit::GiB };
    let of_memory = estimate.derivations.iter().map(|derivation| &derivation.explained);
    let derivations = of_memory.chain(pace.iter().flat_map(Pace::derivations)).filter(|_| args.explain);
    if args.json {
        let mut json = to_json(&estimate, &diagnostics);
        estimate_run::add_json(&mut json, pace.as_ref(), serving.as_ref());
        if let Some(map) = json.as_object_mut() {
            map.insert(
                "moments".to_owned(),
                moments.map(|moments| moments_text::to_json(&moments)).unwrap_or_default(),
            );
            map.insert("device".to_owned(), device_json(&plan).unwrap_or_default());
            if let Some(measured) = &measured {
                map.insert("data".to_owned(), measured.to_json());
            }
        }
        if let (true, Some(map)) = (args.explain, json.as_object_mut()) {
            let all: Vec<_> = derivations.map(|explained| explain::to_json(explained, unit)).collect();
            map.insert("derivations".to_owned(), all.into());
        }
        serde_json::to_writer_pretty(&mut *out, &json)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(&heading(&plan, unit), &estimate, &diagnostics, unit))?;
        if let Some(measured) = &measured {
            write!(out, "{}", measured.to_text())?;
        }
        write!(out, "{}", estimate_run::to_text(pace.as_ref(), serving.as_ref(), plan.workload, unit))?;
        if let Some(moments) = moments {
            write!(out, "{}", moments_text::to_text(&moments, unit))?;
        }
        if args.explain {
            write!(out, "\n{}", explain::to_text(derivations, unit))?;
        }
    }
    if !args.check {
        return Ok(Outcome::Done);
    }
    match refusal(&estimate, &diagnostics, args.max_bytes, unit, args.allow_approximate) {
        None => Ok(Outcome::Done),
        Some(reason) => {
            let name = args.plan.as_deref().map_or_else(|| plan.short_name(), |path| path.display().to_string());
            writeln!(err, "{name}: check failed: {reason}")?;
            Ok(Outcome::CheckFailed)
        }
    }
}

/// Why a plan does not pass, in a line; `None`: it passes.
fn refusal(
    estimate: &Estimate,
    diagnostics: &[Diagnostic],
    limit: Option<Bytes>,
    unit: ByteUnit,
    allow_approximate: bool,
) -> Option<String> {
    if let Some(error) = diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
        return Some(error.message.clone());
    }
    let need = estimate.needed();
    if !allow_approximate && estimate.knowledge != Knowledge::Whole {
        let gaps = estimate.gaps.join("; ");
        return Some(format!(
            "the model was not wholly read: {gaps} (--allow-approximate takes what was read for all)"
        ));
    }
    // What is allowed to be approximate is judged as if it were all.
    let fit = |capacity| Fit::of(need, capacity, Knowledge::Whole);
    if let Some(limit) = limit.filter(|limit| fit(Some(*limit)) == Fit::DoesNotFit) {
        let need = need.expected;
        let (need, of, over) = (need.display(unit), limit.display(unit), (need - limit).display(unit));
        return Some(format!("{need} needed of {of} allowed, {over} over"));
    }
    (fit(estimate.capacity) == Fit::DoesNotFit)
        .then(|| format!("{}: {}", estimate.fit.word(), estimate.verdict_figures(unit)))
}

/// The page of text for a plan.
pub fn text_of(plan: &Plan, unit: ByteUnit) -> Result<String> {
    let (estimate, diagnostics, _) = of_plan(plan);
    let Some(estimate) = estimate else { bail!("{}", unresolved(&diagnostics)) };
    Ok(to_text(&heading(plan, unit), &estimate, &diagnostics, unit))
}

fn unresolved(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// `1 × GeForce RTX 4090, 24 GB by its label, 23.51 GiB usable`.
fn hardware_words(plan: &Plan, unit: ByteUnit) -> String {
    let hardware = &plan.hardware;
    let Some(device) = Catalog::embedded().accelerator(&hardware.accelerator) else { return "none chosen".to_owned() };
    let usable = Bytes(device.usable(hardware.memory_mib).bytes).display(unit);
    format!("{} × {}, {} by its label, {usable} usable", hardware.count, device.name, device.memory_label())
}

/// What the device offers beside what its label says, and what that rests on.
fn device_json(plan: &Plan) -> Option<serde_json::Value> {
    let device = Catalog::embedded().accelerator(&plan.hardware.accelerator)?;
    let usable = device.usable(plan.hardware.memory_mib);
    Some(serde_json::json!({
        "id": device.id,
        "count": plan.hardware.count,
        "label_gb": device.memory_gb_marketed,
        "usable_bytes": usable.bytes,
        "rests_on": usable.limit.why(device),
    }))
}

fn heading(plan: &Plan, unit: ByteUnit) -> Heading {
    // A field that is called like its line is not named twice.
    let words = |head: &str, ids: &[FieldId]| {
        let shown: Vec<String> = ids
            .iter()
            .filter_map(|id| field(id))
            .filter(|field| (field.applies)(plan))
            .filter_map(|field| {
                let value = (field.get)(plan)?.display(field);
                Some(if field.label == head { value } else { format!("{} {value}", field.label.to_lowercase()) })
            })
            .collect();
        shown.join(", ")
    };
    let mut lines = vec![("Model", plan.model.source.name().to_owned())];
    if let ModelSource::Catalog(name) = &plan.model.source
        && let Some(entry) = Catalog::embedded().model(name)
    {
        lines.push(("Licence", format!("{}, as stated; confirm it on the model card", entry.licence)));
    }
    if plan.workload == Workload::Training {
        lines.push((
            "Method",
            words("Method", &[id::METHOD_KIND, id::METHOD_RANK, id::METHOD_TARGETS, id::METHOD_ADAPTER_FORMAT]),
        ));
        lines.push(("Optimizer", words("Optimizer", &[id::OPTIMIZER_ALGORITHM, id::OPTIMIZER_IMPLEMENTATION])));
    }
    let loaded = plan.precision.load_words(Catalog::embedded());
    lines.push(("Precision", format!("{loaded}, {}", words("Precision", &[id::PRECISION_AUTOCAST]))));
    lines.push((
        "Batch",
        words(
            "Batch",
            &[id::BATCH_MICRO_BATCH, id::BATCH_GRADIENT_ACCUMULATION, id::BATCH_SEQUENCE_LENGTH, id::BATCH_NEW_TOKENS],
        ),
    ));
    lines.push((
        "Runtime",
        words("Runtime", &[id::RUNTIME_PROFILE, id::RUNTIME_CHECKPOINTING, id::RUNTIME_ATTENTION, id::RUNTIME_LOSS]),
    ));
    lines.push(("Hardware", hardware_words(plan, unit)));
    Heading { name: plan.short_name(), lines }
}
