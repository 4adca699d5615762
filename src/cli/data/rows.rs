//! `tuneplan data rows`: the rows in which a check found something.

use super::{Outcome, RowsArgs, SCHEMA, printable};
use crate::data::check::{Options, check};
use crate::data::findings::Finding;
use crate::data::pick::rows_of;
use anyhow::{Result, bail};
use serde_json::json;
use std::io::Write;

pub fn run(args: &RowsArgs, out: &mut dyn Write) -> Result<Outcome> {
    let options = Options { most_places: args.most, only: Some(args.id) };
    let report = check(&args.file, options);
    if report.is_unusable && report.rows == 0 {
        let reason = report.findings.first().map_or_else(String::new, Finding::message);
        bail!("{}: {reason}", args.file.display());
    }
    let finding = report.findings.iter().find(|finding| finding.check.id == args.id);
    let (count, places) = finding.map_or((0, &[][..]), |finding| (finding.count, &finding.places[..]));
    let texts = rows_of(&args.file, places)?;
    if args.json {
        let row = |(place, text): (&crate::data::findings::Place, &String)| json!({ "line": place.line, "byte": place.byte, "path": place.path, "text": text });
        let rows: Vec<_> = places.iter().zip(&texts).map(row).collect();
        let whole = json!({ "schema": SCHEMA, "id": args.id, "count": count, "rows": rows });
        serde_json::to_writer_pretty(&mut *out, &whole)?;
        writeln!(out)?;
        return Ok(Outcome::Done);
    }
    for (place, text) in places.iter().zip(&texts) {
        let path = if place.path.is_empty() { String::new() } else { format!(" {}", printable(&place.path)) };
        writeln!(out, "{}{path}\t{}", place.line, printable(text))?;
    }
    if count > places.len() as u64 {
        writeln!(out, "… {} of {count} were printed; --most N prints more", places.len())?;
    }
    Ok(Outcome::Done)
}
