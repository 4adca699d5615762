//! From text to a plan, with remarks on everything that was not understood.

use super::migrate::{Placed, is_section, placed};
use super::tree::Comment;
use super::{
    Architecture, Entry, Field, FieldKind, FieldValue, FileDiagnostic, HandShape, Loaded, MAX_BYTES, ModelSource, Node,
    NodeKind, Plan, Position, ReadError, SCHEMA, Section, UnknownKey, fields, named, tree,
};
use crate::plan::decision::read_decision;
use crate::plan::field::id;
use crate::typos::nearest;
use crate::units::grouped;
use std::collections::HashSet;

/// Key of the record of the decision.
const DECISION: &str = "decision";

/// Reads a plan file. An error means that the text is no plan and must be left alone.
pub fn read(text: &str) -> Result<Loaded, ReadError> {
    if text.len() > MAX_BYTES {
        return Err(whole_file(format!("over {} MiB: not a plan file", MAX_BYTES >> 20)));
    }
    // Editors on Windows may have put a mark in front and carriage returns at the ends of lines.
    let clean = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let (root, comments) = tree::parse(&clean)?;
    let NodeKind::Struct(entries) = &root.kind else {
        return Err(whole_file("a plan begins with ( and holds `key: value` lines".to_owned()));
    };
    let schema = schema(entries)?;

    let mut reader = Reader { plan: Plan::default(), unknown: Vec::new(), diagnostics: Vec::new() };
    let all = placed(entries, schema, &mut reader.diagnostics)?;
    let all = reader.without_repeats(all);
    reader.model(&all);
    reader.decision(&all);
    // The load format decides what base a variant of LoRA stands on, so it goes before the method.
    let (load_format, others): (Vec<_>, Vec<_>) = fields().iter().partition(|f| f.id == id::PRECISION_LOAD_FORMAT);
    for field in load_format.into_iter().chain(others) {
        if let Some(found) = all.iter().find(|found| found.section == field.section.key() && found.key == field.key()) {
            reader.assign(field, found);
        }
    }
    reader.note_missing(&all, root.at);
    for found in &all {
        reader.report_unknown(found)?;
    }
    for comment in &comments {
        reader.keep_comment(comment, entries)?;
    }
    if let Some(comment) = comments.iter().find(|comment| !is_ours(comment.text)) {
        reader.note(
            comment.at,
            "comments of your own are not kept when a changed plan is saved; put them into notes".to_owned(),
        );
    }
    reader.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    count_beyond(&mut reader.diagnostics);
    Ok(Loaded { plan: reader.plan, unknown: reader.unknown, diagnostics: reader.diagnostics, source: text.to_owned() })
}

/// Keeps the first remarks and counts the others, in a remark at the place of the first of them.
fn count_beyond(remarks: &mut Vec<FileDiagnostic>) {
    let more = remarks.len().saturating_sub(TOLD);
    if more > 1 {
        remarks.truncate(TOLD + 1);
        remarks[TOLD].message = format!("{} more remarks from here on", grouped(more as u64));
    }
}

/// Whether Tuneplan, this version or another, wrote the comment: the headline, or a field's label.
fn is_ours(comment: &str) -> bool {
    let text = comment.trim_start_matches('/').trim_start();
    let is_label = |field: &Field| text.strip_prefix(field.label).is_some_and(|rest| rest.starts_with([':', ' ']));
    text.starts_with("Tuneplan plan.")
        || text.starts_with(super::write::NOT_UNDERSTOOD)
        || super::write::MODEL_COMMENTS.contains(&text)
        || text == super::write::DECISION_COMMENT
        || fields().iter().any(is_label)
}

const fn whole_file(message: String) -> ReadError {
    ReadError { line: 1, column: 1, message }
}

fn schema(entries: &[Entry<'_>]) -> Result<u32, ReadError> {
    let Some(entry) = entries.iter().find(|entry| entry.key == "schema") else {
        // Without the number there is nothing that tells a plan from any other RON file.
        return Err(whole_file(
            "no `schema` key: this is not a plan file (a new plan begins with `schema: 1`)".to_owned(),
        ));
    };
    let at = |message: String| ReadError { line: entry.value.at.line, column: entry.value.at.column, message };
    let number: u32 = entry.value.raw.parse().map_err(|_error| at("`schema` is not a whole number".to_owned()))?;
    if number > SCHEMA {
        return Err(at(format!(
            "this plan was written by a newer Tuneplan (schema {number}, this one knows {SCHEMA}); update Tuneplan to open it. The file is left as it is"
        )));
    }
    Ok(number)
}

/// Remarks that are told one by one.
const TOLD: usize = 20;
/// Most keys and kept comments that are not understood: a file of more is of something else.
const MAX_UNKNOWN: usize = 1000;

/// Settings a remark names one by one before it only counts them.
const NAMED: usize = 6;

struct Reader {
    plan: Plan,
    unknown: Vec<UnknownKey>,
    diagnostics: Vec<FileDiagnostic>,
}

impl Reader {
    fn note(&mut self, at: Position, message: String) {
        self.diagnostics.push(FileDiagnostic { line: at.line, column: at.column, message });
    }

    /// The model section decides by its keys what the source is: `id`, `path` with `architecture`, or figures.
    fn model(&mut self, all: &[Placed<'_, '_>]) {
        let find = |key: &str| all.iter().find(|found| found.section == "model" && found.key == key);
        if let (Some(id), Some(path)) = (find("id"), find("path")) {
            self.note(id.entry.at, "`id` holds; the `path` beside it is kept as a comment".to_owned());
            self.keep(path, true);
            if let Some(shape) = find("architecture") {
                self.keep(shape, true);
            }
        } else if let (Some(path), Some(shape)) = (find("path"), find("architecture")) {
            let path_text: Option<String> = ron::from_str(path.entry.value.raw).ok();
            match (path_text, ron::from_str::<Architecture>(shape.entry.value.raw)) {
                (Some(path), Ok(architecture)) => {
                    self.plan.model.source = ModelSource::File { path, architecture: Box::new(architecture) };
                }
                (None, _) => {
                    self.note(path.entry.at, "`path` is not text in quotes; the default model stands in".to_owned());
                    self.keep(path, true);
                    self.keep(shape, true);
                }
                (_, Err(error)) => {
                    // Positions inside the value start anew; add them to where it begins.
                    let at = Position {
                        line: shape.entry.value.at.line + error.span.start.line.saturating_sub(1),
                        column: error.span.start.col,
                    };
                    self.note(
                        at,
                        format!("`architecture` was not understood ({}); the default model stands in", error.code),
                    );
                    self.keep(path, true);
                    self.keep(shape, true);
                }
            }
        } else if let Some(path) = find("path") {
            self.note(
                path.entry.at,
                "`path` without `architecture`: open the file again to read its shape; the default model stands in"
                    .to_owned(),
            );
            self.keep(path, true);
        } else if let Some(shape) = find("architecture") {
            self.note(shape.entry.at, "`architecture` without `path`; it is kept as a comment".to_owned());
            self.keep(shape, true);
        } else if find("id").is_none() && find("hidden_size").is_some() {
            self.plan.model.source = ModelSource::Typed(HandShape::default());
        }
    }

    /// The record of the decision stands at the top under one key.
    fn decision(&mut self, all: &[Placed<'_, '_>]) {
        let Some(found) = all.iter().find(|found| found.section.is_empty() && found.key == DECISION) else { return };
        let node = &found.entry.value;
        if node.raw == "None" {
            return;
        }
        match read_decision(node.raw) {
            Ok(decision) => self.plan.decision = Some(Box::new(decision)),
            Err(error) => {
                // Places inside the value start anew; add them to where it begins.
                let before = if error.line == 1 { node.at.column - 1 } else { 0 };
                let at = Position { line: node.at.line + error.line - 1, column: before + error.column };
                self.note(at, format!("the decision was not understood ({}); it is kept as a comment", error.message));
                self.keep(found, true);
            }
        }
    }

    /// Of a key that an older schema and this one both name only the first holds.
    fn without_repeats<'n, 'a>(&mut self, all: Vec<Placed<'n, 'a>>) -> Vec<Placed<'n, 'a>> {
        let mut kept: Vec<Placed<'n, 'a>> = Vec::with_capacity(all.len());
        let mut seen = HashSet::new();
        for found in all {
            if seen.insert((found.section.clone(), found.key.clone())) {
                kept.push(found);
            } else {
                let text = format!("`{}` is given twice under two names; the first holds", named(&found.key));
                self.note(found.entry.at, text);
                self.keep(&found, true);
            }
        }
        kept
    }

    /// One remark on settings that the file leaves to their defaults, since another version may have other ones.
    fn note_missing(&mut self, all: &[Placed<'_, '_>], at: Position) {
        let given = |field: &Field| all.iter().any(|f| f.section == field.section.key() && f.key == field.key());
        let missing: Vec<&str> = fields()
            .iter()
            .filter(|field| !matches!(field.kind, FieldKind::Text | FieldKind::Notes))
            // How much is run and at what price bears on no figure of memory, and older files lack it all.
            .filter(|field| !matches!(field.section, Section::Run | Section::Cost))
            .filter(|field| (field.applies)(&self.plan) && (field.get)(&self.plan).is_some() && !given(field))
            .map(|field| field.id)
            .collect();
        let count = missing.len();
        let names = missing.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        match count {
            0 => {}
            1..=NAMED => self.note(at, format!("not in the file, so as by default: {names}")),
            _ => self.note(at, format!("not in the file, so as by default: {names} and {} more", count - NAMED)),
        }
    }

    fn assign(&mut self, field: &'static Field, found: &Placed<'_, '_>) {
        let node = &found.entry.value;
        let result = value_of(field, node).and_then(|value| field.assign(&mut self.plan, &value));
        if let Err(message) = result {
            let text = format!("`{}`: {message}; the default holds, what stands here is kept as a comment", found.key);
            self.note(node.at, text);
            self.keep(found, true);
        }
    }

    fn keep(&mut self, found: &Placed<'_, '_>, as_comment: bool) {
        let text = found.entry.raw.to_owned();
        self.unknown.push(UnknownKey { section: found.section.clone(), text, as_comment });
    }

    /// A value that an earlier save kept as a comment stays one.
    fn keep_comment(&mut self, comment: &Comment<'_>, entries: &[Entry<'_>]) -> Result<(), ReadError> {
        let text = comment.text.trim_start_matches('/').trim_start();
        let Some(text) = text.strip_prefix(super::write::NOT_UNDERSTOOD) else { return Ok(()) };
        // Entries stand in the order of the file: it can only be within the last that begins before it.
        let before = entries.partition_point(|entry| entry.start <= comment.start);
        let within = entries[..before].last().filter(|entry| comment.start < entry.start + entry.raw.len());
        let section = within.map_or("", |entry| entry.key.as_str()).to_owned();
        // Inside an unknown section it is kept together with that.
        if !section.is_empty() && !is_section(&section) {
            return Ok(());
        }
        self.unknown.push(UnknownKey { section, text: text.trim().to_owned(), as_comment: true });
        self.check_unknown(comment.at)
    }

    /// An error once there is more that is not understood than any plan has.
    fn check_unknown(&self, at: Position) -> Result<(), ReadError> {
        if self.unknown.len() <= MAX_UNKNOWN {
            return Ok(());
        }
        let most = grouped(MAX_UNKNOWN as u64);
        let message = format!("over {most} keys that this version does not know: not a plan file. It is left as it is");
        Err(ReadError { line: at.line, column: at.column, message })
    }

    fn report_unknown(&mut self, found: &Placed<'_, '_>) -> Result<(), ReadError> {
        let is_known = fields().iter().any(|field| field.section.key() == found.section && field.key() == found.key)
            || found.section.is_empty() && matches!(found.key.as_str(), "schema" | DECISION)
            || found.section == "model" && matches!(found.key.as_str(), "path" | "architecture");
        if is_known {
            return Ok(());
        }
        let keys = fields().iter().filter(|field| field.section.key() == found.section).map(Field::key);
        let sections = Section::ALL.iter().map(|section| section.key()).chain([DECISION]);
        let sections = sections.filter(|_| found.section.is_empty());
        let key = named(&found.key);
        let message = match nearest(&found.key, keys.chain(sections)) {
            Some(near) => format!("`{key}` is not a key of this version, did you mean `{near}`? It is kept"),
            None => format!("`{key}` is not a key of this version; it is kept"),
        };
        self.note(found.entry.at, message);
        self.keep(found, false);
        self.check_unknown(found.entry.at)
    }
}

/// The value of a node as the field's kind takes it.
fn value_of(field: &Field, node: &Node<'_>) -> Result<FieldValue, String> {
    let node = match &node.kind {
        NodeKind::Some(inner) => inner,
        _ => node,
    };
    let text = || ron::from_str::<String>(node.raw).map_err(|_error| wrong(field, node));
    match field.kind {
        FieldKind::OptionalInteger { .. } | FieldKind::OptionalDecimal { .. } if node.raw == "None" => {
            Ok(FieldValue::Unset)
        }
        FieldKind::Integer { .. } | FieldKind::OptionalInteger { .. } => {
            ron::from_str(node.raw).map(FieldValue::Integer).map_err(|_error| wrong(field, node))
        }
        FieldKind::Decimal { .. } | FieldKind::OptionalDecimal { .. } => {
            ron::from_str(node.raw).map(FieldValue::Decimal).map_err(|_error| wrong(field, node))
        }
        FieldKind::Toggle => ron::from_str(node.raw).map(FieldValue::Toggle).map_err(|_error| wrong(field, node)),
        // A bare word is what other RON files have in the place of a choice.
        FieldKind::Choice(_) if is_bare_word(node.raw) => Ok(FieldValue::Id(node.raw.to_owned())),
        FieldKind::Choice(_) | FieldKind::Catalog(_) => text().map(FieldValue::Id),
        FieldKind::Text | FieldKind::Notes => text().map(FieldValue::Text),
        FieldKind::Counts { .. } => match &node.kind {
            NodeKind::List(items) => items
                .iter()
                .map(|item| ron::from_str::<u64>(item.raw).map_err(|_error| wrong(field, item)))
                .collect::<Result<_, _>>()
                .map(FieldValue::Counts),
            _ => Err(wrong(field, node)),
        },
        FieldKind::Targets | FieldKind::Stages | FieldKind::Lines(_) => match &node.kind {
            NodeKind::List(items) => items
                .iter()
                .map(|item| ron::from_str::<String>(item.raw).map_err(|_error| wrong(field, item)))
                .collect::<Result<_, _>>()
                .map(FieldValue::List),
            _ => Err(wrong(field, node)),
        },
    }
}

fn is_bare_word(raw: &str) -> bool {
    raw.starts_with(|c: char| c.is_ascii_alphabetic())
        && raw.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn wrong(field: &Field, node: &Node<'_>) -> String {
    let brief: String = node.raw.chars().take(40).collect();
    format!("{brief} is not {}", crate::plan::field::expected(field.kind))
}
