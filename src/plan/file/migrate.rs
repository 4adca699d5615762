//! From older schemas to the present one, on the tree: keys move and get new names, values stay as they stand.
//!
//! Schema 0 was the draft before the first release: `seq_len`, `batch_size`, `accumulation` and `gpu` stood at the top.

use super::{Entry, FileDiagnostic, Node, NodeKind, Position, ReadError, Section};

/// Where a key of an older schema went: (schema it was last in, section, key) → (section, key).
const MOVED: &[(u32, &str, &str, &str, &str)] = &[
    (0, "", "seq_len", "batch", "sequence_length"),
    (0, "", "batch_size", "batch", "micro_batch"),
    (0, "", "accumulation", "batch", "gradient_accumulation"),
    (0, "", "gpu", "hardware", "accelerator"),
    (0, "", "gpus", "hardware", "count"),
    (0, "", "base_model", "model", "id"),
    (0, "method", "r", "method", "rank"),
    (0, "precision", "weights", "precision", "load_format"),
    // Schema 1 had it among the devices, in dollars only.
    (1, "hardware", "usd_per_hour", "cost", "price_per_device_hour"),
];

/// A key with the section it belongs to now.
pub struct Placed<'n, 'a> {
    pub section: String,
    pub key: String,
    pub entry: &'n Entry<'a>,
}

/// Every key of the file under its present section and name; what moved is noted. An error where a section is
/// something else.
pub fn placed<'n, 'a>(
    root: &'n [Entry<'a>],
    schema: u32,
    notes: &mut Vec<FileDiagnostic>,
) -> Result<Vec<Placed<'n, 'a>>, ReadError> {
    let mut all = Vec::new();
    for entry in root {
        if !is_section(&entry.key) {
            all.push(place("", entry, schema, notes));
            continue;
        }
        let value = match &entry.value.kind {
            NodeKind::Some(inner) => inner,
            _ => &entry.value,
        };
        let Node { kind: NodeKind::Struct(entries), .. } = value else {
            // Neither dropping it nor writing it beside the real section would leave a file that can be read again.
            let Position { line, column } = value.at;
            let message = format!("`{0}` is a section: it takes `{0}: (key: value, …)`", entry.key);
            return Err(ReadError { line, column, message });
        };
        for inner in entries {
            all.push(place(&entry.key, inner, schema, notes));
        }
    }
    Ok(all)
}

pub fn is_section(key: &str) -> bool {
    Section::ALL.iter().any(|section| !section.key().is_empty() && section.key() == key)
}

fn place<'n, 'a>(section: &str, entry: &'n Entry<'a>, schema: u32, notes: &mut Vec<FileDiagnostic>) -> Placed<'n, 'a> {
    let moved = MOVED.iter().find(|(last, s, k, ..)| schema <= *last && *s == section && *k == entry.key);
    match moved {
        Some((_, _, _, section, key)) => {
            // A key that said nothing needs no remark.
            if entry.value.raw != "None" {
                notes.push(FileDiagnostic {
                    line: entry.at.line,
                    column: entry.at.column,
                    message: format!("`{}` of schema {schema} is `{section}.{key}` now", entry.key),
                });
            }
            Placed { section: (*section).to_owned(), key: (*key).to_owned(), entry }
        }
        None => Placed { section: section.to_owned(), key: entry.key.clone(), entry },
    }
}
