//! What became of every key of an imported file, in words: the same in the window and on the command line.

use super::planned::Planned;
use crate::import::Imported;

/// Lines under a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// Lines.
    pub lines: Vec<String>,
}

/// One sentence on the file as a whole.
pub fn summary(imported: &Imported) -> String {
    let keys = &imported.keys;
    format!(
        "{} {}: {} keys taken, {} not needed, {} without a field in a plan, {} not known",
        imported.engine.title(),
        imported.version,
        keys.taken.len(),
        keys.not_needed.len(),
        keys.no_field.len(),
        keys.unknown.len()
    )
}

/// What a reader must look at first comes first; sections without lines are left out.
pub fn sections(imported: &Imported, made: &Planned) -> Vec<Section> {
    let keys = &imported.keys;
    let joined = |names: &[String]| if names.is_empty() { Vec::new() } else { vec![names.join(", ")] };
    let all = [
        (
            "Not known to this version",
            keys.unknown.iter().map(|key| format!("line {}: `{}` is {}", key.line, key.key, key.message)).collect(),
        ),
        (
            "Assumed",
            made.assumed.iter().map(|found| format!("{} = {}: {}", found.label(), found.value, found.why)).collect(),
        ),
        (
            "Remarks",
            imported.remarks.iter().map(|remark| format!("line {}: {}", remark.line, remark.message)).collect(),
        ),
        (
            "Known to the engine, without a field in a plan",
            keys.no_field.iter().map(|key| format!("line {}: {}", key.line, key.key)).collect(),
        ),
        ("Taken", joined(&keys.taken)),
        ("Not needed for memory, time and cost", joined(&keys.not_needed)),
    ];
    let no_job = made.no_job.map(|why| Section { title: "No job by itself", lines: vec![format!("{why}.")] });
    let filled = all.into_iter().filter(|(_, lines): &(_, Vec<String>)| !lines.is_empty());
    no_job.into_iter().chain(filled.map(|(title, lines)| Section { title, lines })).collect()
}
