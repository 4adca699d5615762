//! `tuneplan data lengths`.

use super::{LengthsArgs, Outcome, SCHEMA};
use crate::data::lengths::{Lengths, RowLength, lengths};
use crate::data::model::TextModel;
use crate::data::trainers::Verdict;
use crate::units::grouped;
use anyhow::Result;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

/// Verdicts in the order they are told.
const VERDICTS: [Verdict; 5] =
    [Verdict::Kept, Verdict::Truncated, Verdict::Dropped, Verdict::Rejected, Verdict::Untrained];

pub fn run(args: &LengthsArgs, out: &mut dyn Write) -> Result<Outcome> {
    let model = TextModel::open(&args.trainer.tokenizer)?;
    let found = lengths(&model, &args.trainer.question(&args.file))?;
    let assumed = args.trainer.assumed(&model);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &to_json(args, &found, &assumed))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(args, &found, &assumed))?;
    }
    Ok(Outcome::Done)
}

fn to_json(args: &LengthsArgs, found: &Lengths, assumed: &[String]) -> Json {
    let row = |row: &RowLength| {
        json!({
            "line": row.line, "tokens": row.tokens, "kept_tokens": row.kept, "trained": row.trained,
            "verdict": row.verdict.id(), "reason": row.reason,
        })
    };
    json!({
        "schema": SCHEMA,
        "path": args.file.display().to_string(),
        "trainer": args.trainer.trainer.id(),
        "trainer_version": args.trainer.trainer.version(),
        "template": found.template,
        "cutoff": args.trainer.cutoff(),
        "assumed": assumed,
        "rows": found.rows.len(),
        "kept": found.count(Verdict::Kept),
        "truncated": found.count(Verdict::Truncated),
        "dropped": found.count(Verdict::Dropped),
        "rejected": found.count(Verdict::Rejected),
        "untrained": found.count(Verdict::Untrained),
        "tokens": found.tokens(),
        "kept_tokens": found.kept_tokens(),
        "trained_tokens": found.trained_tokens(),
        "p50": found.percentile(0.5),
        "p95": found.percentile(0.95),
        "max": found.percentile(1.0),
        "per_row": found.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn to_text(args: &LengthsArgs, found: &Lengths, assumed: &[String]) -> String {
    let trainer = args.trainer.trainer;
    let template = found.template.map_or_else(String::new, |name| format!(", template {name}"));
    let mut text = format!(
        "{}: {} rows under {} {}{template}, cutoff {}\n",
        super::printable(&args.file.display().to_string()),
        grouped(found.rows.len() as u64),
        trainer.id(),
        trainer.version(),
        grouped(args.trainer.cutoff() as u64)
    );
    for verdict in VERDICTS {
        let _ = writeln!(text, "  {:<10} {:>10} rows", verdict.id(), grouped(found.count(verdict) as u64));
    }
    let _ = write!(text, "  tokens     {:>10} before the cut, ", grouped(found.tokens()));
    let _ = write!(text, "{} go to the model, ", grouped(found.kept_tokens()));
    let _ = writeln!(text, "{} are trained", grouped(found.trained_tokens()));
    let at = |share: f64| grouped(found.percentile(share) as u64);
    let _ = writeln!(text, "  length     median {}, 95 % up to {}, longest {}", at(0.5), at(0.95), at(1.0));
    let mut reasons: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for row in found.rows.iter().filter(|row| !matches!(row.verdict, Verdict::Kept | Verdict::Truncated)) {
        reasons.entry((row.verdict.id(), &row.reason)).or_default().push(row.line);
    }
    for ((verdict, reason), lines) in reasons.iter().take(20) {
        let shown: Vec<String> = lines.iter().take(5).map(u64::to_string).collect();
        let more = if lines.len() > 5 { format!(" and {} more", lines.len() - 5) } else { String::new() };
        let _ = writeln!(text, "  {verdict}: {} (line {}{more})", super::printable(reason), shown.join(", "));
    }
    text += "  Assumed\n";
    for line in assumed {
        let _ = writeln!(text, "    {line}");
    }
    text
}
