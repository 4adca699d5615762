//! `tuneplan sensitivity`: a setting against memory, time and cost; batch against sequence; which setting weighs most.

use super::figures::{push_line, to_json};
use super::{Outcome, SensitivityArgs, load};
use crate::estimate::{Fit, PhaseKind};
use crate::figures::gaps_line;
use crate::plan::Plan;
use crate::plan::field::id;
use crate::plan::field::{Field, FieldKind, FieldValue, field, fields};
use crate::solve::Known;
use crate::solve::sensitivity::{Curve, HeatMap, Swing, curve, heat_map, tornado, values};
use crate::typos::nearest;
use crate::units::{ByteUnit, Bytes, duration, grouped, quantity};
use anyhow::{Result, bail};
use clap::ArgMatches;
use serde_json::{Value as Json, json};
use std::io::Write;

pub fn run(
    args: &SensitivityArgs,
    flags: Option<&ArgMatches>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Outcome> {
    let plan = load::plan(args.plan.as_deref(), flags, err)?;
    let known = Known::embedded();
    let (json, text) = if args.heat_map {
        let [batches, lengths] = [id::BATCH_MICRO_BATCH, id::BATCH_SEQUENCE_LENGTH].map(stops);
        let found = heat_map(&plan, &batches, &lengths, known).map_err(anyhow::Error::msg)?;
        (heat_json(&found), heat_text(&found))
    } else if let Some(word) = &args.over {
        let field = field_named(word)?;
        let chosen = match &args.values {
            Some(list) => {
                let parts = list.split(',').map(|part| FieldValue::parse(field, part));
                parts.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::msg)?
            }
            None => values(&plan, field),
        };
        let found = curve(&plan, field.id, &chosen, known).map_err(anyhow::Error::msg)?;
        (curve_json(&found), curve_text(&plan, field, &found))
    } else {
        let found = tornado(&plan, known).map_err(anyhow::Error::msg)?;
        (tornado_json(&found), tornado_text(&found))
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &json)?;
        writeln!(out)?;
    } else {
        write!(out, "{text}{}", gaps_line(&plan))?;
    }
    Ok(Outcome::Done)
}

/// The setting called by its flag or its path in the plan file.
fn field_named(word: &str) -> Result<&'static Field> {
    let plain = word.trim_start_matches('-');
    match fields().iter().find(|field| field.flag == plain || field.id == plain) {
        Some(field) => Ok(field),
        None => match nearest(plain, fields().iter().map(|field| field.flag)) {
            Some(near) => bail!("there is no setting `{word}`; did you mean `{near}`?"),
            None => bail!("there is no setting `{word}`; names are those of the flags, such as sequence-length"),
        },
    }
}

/// Stops of a setting's slider.
fn stops(id: &str) -> Vec<u64> {
    match field(id).map(|field| field.kind) {
        Some(FieldKind::Integer { steps, .. }) => steps.to_vec(),
        _ => Vec::new(),
    }
}

fn number_json(value: &FieldValue) -> Json {
    match value {
        FieldValue::Integer(number) => json!(number),
        FieldValue::Decimal(number) => json!(number),
        _ => Json::Null,
    }
}

fn curve_json(found: &Curve) -> Json {
    let points: Vec<Json> = found
        .points
        .iter()
        .map(|point| {
            json!({
                "value": number_json(&point.value),
                "contradicts": point.contradicts,
                "figures": to_json(&point.figures),
            })
        })
        .collect();
    json!({
        "field": found.field,
        "label": found.label,
        "unit": found.unit,
        "capacity_bytes": found.capacity.map(|bytes| bytes.0),
        "points": points,
    })
}

fn curve_text(plan: &Plan, field: &Field, found: &Curve) -> String {
    let mut text = String::new();
    let unit = if found.unit.is_empty() { String::new() } else { format!(" [{}]", found.unit) };
    let head = format!("{}{unit}", found.label);
    push_line(
        &mut text,
        &format!("{head:<26} {:>12} {:<16} {:<14} {:>10}  {:>14}", "memory", "peak", "verdict", "a step", "cost"),
    );
    let now = (field.get)(plan);
    for point in &found.points {
        let figures = &point.figures;
        let mark = if now.as_ref() == Some(&point.value) { "  ← the plan" } else { "" };
        let contradicts = if point.contradicts { "  contradicts another setting" } else { "" };
        let step = figures.step_secs.map_or_else(|| "–".to_owned(), |secs| duration(secs.expected));
        let money = figures.money.map_or_else(|| "–".to_owned(), |money| quantity(money.expected, &plan.cost.currency));
        push_line(
            &mut text,
            &format!(
                "{:<26} {:>12} {:<16} {:<14} {step:>10}  {money:>14}{mark}{contradicts}",
                point.value.display(field),
                figures.memory().display(ByteUnit::GiB),
                figures.peak.map_or("–", PhaseKind::label),
                figures.fit.word(),
            ),
        );
    }
    text
}

fn heat_json(found: &HeatMap) -> Json {
    let width = found.lengths.len().max(1);
    let rows: Vec<Vec<u64>> =
        found.cells.chunks(width).map(|row| row.iter().map(|(bytes, _)| bytes.0).collect()).collect();
    let verdicts: Vec<Vec<&str>> =
        found.cells.chunks(width).map(|row| row.iter().map(|(_, fit)| fit.id()).collect()).collect();
    let last = found.contour().into_iter().map(|column| column.and_then(|column| found.lengths.get(column).copied()));
    json!({
        "micro_batches": found.batches,
        "sequence_lengths": found.lengths,
        "process_bytes": rows,
        "verdicts": verdicts,
        "longest_that_fits": last.collect::<Vec<_>>(),
        "capacity_bytes": found.capacity.map(|bytes| bytes.0),
    })
}

fn heat_text(found: &HeatMap) -> String {
    let mut text = String::new();
    let capacity = found.capacity.map_or_else(
        || "no device chosen".to_owned(),
        |bytes| format!("· does not fit {}, ~ tight", bytes.display(ByteUnit::GiB)),
    );
    push_line(
        &mut text,
        &format!("Whole process in GiB over micro-batch (down) and sequence length (across); {capacity}"),
    );
    let heads: Vec<String> = found.lengths.iter().map(|length| format!("{:>8}", grouped(*length))).collect();
    push_line(&mut text, &format!("{:<6}{}", "", heads.join("")));
    for (batch, row) in found.batches.iter().zip(found.cells.chunks(found.lengths.len().max(1))) {
        let cells: Vec<String> = row
            .iter()
            .map(|(bytes, fit)| {
                let mark = match fit {
                    Fit::DoesNotFit => "·",
                    Fit::Tight | Fit::CannotSay => "~",
                    Fit::Fits | Fit::NoDevice => " ",
                };
                format!("{:>7.1}{mark}", bytes.in_unit(ByteUnit::GiB))
            })
            .collect();
        push_line(&mut text, &format!("{:<6}{}", grouped(*batch), cells.join("")));
    }
    text
}

fn tornado_json(found: &[Swing]) -> Json {
    let side = |side: &Option<(FieldValue, Bytes)>| {
        side.as_ref().map(|(value, bytes)| json!({ "value": number_json(value), "process_bytes": bytes.0 }))
    };
    let rows: Vec<Json> = found
        .iter()
        .map(|swing| {
            json!({
                "field": swing.field,
                "label": swing.label,
                "below": side(&swing.below),
                "above": side(&swing.above),
                "range_bytes": swing.range_bytes,
            })
        })
        .collect();
    json!({ "swings": rows })
}

fn tornado_text(found: &[Swing]) -> String {
    let mut text = String::new();
    push_line(&mut text, &format!("{:<24} {:>28} {:>28}", "One step of", "down", "up"));
    for swing in found {
        let side = |side: &Option<(FieldValue, Bytes)>| match (side, field(swing.field)) {
            (Some((value, bytes)), Some(field)) => {
                format!("{}: {}", value.display(field), bytes.display(ByteUnit::GiB))
            }
            _ => "–".to_owned(),
        };
        push_line(&mut text, &format!("{:<24} {:>28} {:>28}", swing.label, side(&swing.below), side(&swing.above)));
    }
    text
}
