//! One value of a file changed where it stands: comments, order, quoting and every other byte stay.

use super::ImportError;
use super::tree::next_event;
use crate::export::Value;
use crate::export::rendered;
use granit_parser::{Event, Parser, Span, StrInput};
use std::ops::Range;

/// Most entries of a file that is changed.
const MAX_ENTRIES: usize = 20_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Longest path of a key, in bytes.
const MAX_PATH: usize = 4096;

/// A change of a file: a key, dotted, with its new value; `None`: it goes.
pub type Change = (String, Option<Value>);

/// A key and its value in the text.
struct Entry {
    path: String,
    key: Range<usize>,
    /// From the value's first byte to its last; empty where nothing stands there.
    value: Range<usize>,
    /// Written in braces.
    in_flow: bool,
    /// The value is a table or list over several lines.
    is_block: bool,
}

/// `text` with the changes made. What cannot be changed in place is an error, never another file.
pub fn patched(text: &str, changes: &[Change]) -> Result<String, ImportError> {
    let entries = Walk::over(text)?;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (key, value) in changes {
        let of_key: Vec<&Entry> = entries.iter().filter(|entry| entry.path == *key).collect();
        match (of_key.as_slice(), value) {
            ([], None) => {}
            ([], Some(value)) => edits.push(added(text, &entries, key, value)?),
            ([entry], Some(value)) => edits.push(replaced(text, entry, value)),
            ([entry], None) => edits.push(removed(text, entry)?),
            (_, _) => return Err(ImportError(format!("`{key}` stands more than once: change it by hand"))),
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    if edits.windows(2).any(|pair| pair[0].0.end > pair[1].0.start) {
        return Err(ImportError("two changes meet in one place: make them one after the other".to_owned()));
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (range, new) in edits {
        out.push_str(&text[from..range.start]);
        out.push_str(&new);
        from = range.end;
    }
    out.push_str(&text[from..]);
    if is_else_the_same(&entries, text, &out, changes) {
        Ok(out)
    } else {
        Err(ImportError("the change would move more than its key in this file: change it by hand".to_owned()))
    }
}

/// Whether `after` has the keys and values that `before` has, but for those that were changed.
fn is_else_the_same(entries: &[Entry], before: &str, after: &str, changes: &[Change]) -> bool {
    let others = |entries: &[Entry], text: &str| -> Vec<(String, String)> {
        let is_other = |entry: &&Entry| !changes.iter().any(|(key, _)| concerns(&entry.path, key));
        let of = |entry: &Entry| (entry.path.clone(), text.get(entry.value.clone()).unwrap_or_default().to_owned());
        entries.iter().filter(is_other).map(of).collect()
    };
    Walk::over(after).is_ok_and(|changed| others(entries, before) == others(&changed, after))
}

/// Whether a path is a changed key, stands in it, or holds it.
fn concerns(path: &str, key: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    within(path, key) || within(key, path)
}

fn replaced(text: &str, entry: &Entry, value: &Value) -> (Range<usize>, String) {
    let old = &text[entry.value.clone()];
    let new = match (value, old.chars().next()) {
        (Value::Text(text), Some('\'')) => format!("'{}'", text.replace('\'', "''")),
        (Value::Text(text), Some('"')) => rendered::quoted(text),
        _ if entry.in_flow => rendered::json(value),
        _ => rendered::yaml(value),
    };
    if entry.value.is_empty() || entry.is_block {
        // Behind the colon: nothing stands there, or a table that begins on the next line.
        let colon = text[entry.key.end..].find(':').map_or(entry.key.end, |at| entry.key.end + at + 1);
        return (colon..entry.value.end.max(colon), format!(" {new}"));
    }
    (entry.value.clone(), new)
}

/// The lines of an entry, with its own line end.
fn removed(text: &str, entry: &Entry) -> Result<(Range<usize>, String), ImportError> {
    if entry.in_flow {
        return Err(ImportError(format!("`{}` stands in braces: take it out by hand", entry.path)));
    }
    let start = text[..entry.key.start].rfind('\n').map_or(0, |at| at + 1);
    if text[start..entry.key.start].trim_start().starts_with('-') {
        return Err(ImportError(format!("`{}` begins an entry of a list: take it out by hand", entry.path)));
    }
    let end = entry.value.end.max(entry.key.end);
    let end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    Ok((start..end, String::new()))
}

/// A key that is not there yet, after the last of its table.
fn added(text: &str, entries: &[Entry], key: &str, value: &Value) -> Result<(Range<usize>, String), ImportError> {
    let (parent, name) = key.rsplit_once('.').map_or(("", key), |(parent, name)| (parent, name));
    let is_child = |entry: &&Entry| {
        let rest = if parent.is_empty() {
            Some(entry.path.as_str())
        } else {
            entry.path.strip_prefix(parent).and_then(|rest| rest.strip_prefix('.'))
        };
        rest.is_some_and(|rest| !rest.contains(['.', '[']))
    };
    let Some(last) = entries.iter().rfind(is_child) else {
        // The table itself is new: it is written on one line, in the table above it.
        let whole = format!("{{{}: {}}}", rendered::quoted(name), rendered::json(value));
        return match parent {
            "" => Err(ImportError("the file has no keys".to_owned())),
            _ => added_text(text, entries, parent, &whole),
        };
    };
    Ok(beside(text, last, name, &if last.in_flow { rendered::json(value) } else { rendered::yaml(value) }))
}

fn added_text(text: &str, entries: &[Entry], key: &str, whole: &str) -> Result<(Range<usize>, String), ImportError> {
    if key.contains('.') || entries.iter().any(|entry| entry.path == key) {
        return Err(ImportError(format!("`{key}` has no place for another key: add it by hand")));
    }
    match entries.iter().rfind(|entry| !entry.path.contains(['.', '['])) {
        Some(last) => Ok(beside(text, last, key, whole)),
        None => Err(ImportError("the file has no keys".to_owned())),
    }
}

/// A key after `last`, with its indentation.
fn beside(text: &str, last: &Entry, name: &str, value: &str) -> (Range<usize>, String) {
    let start = text[..last.key.start].rfind('\n').map_or(0, |at| at + 1);
    let end = last.value.end.max(last.key.end);
    if last.in_flow {
        let before = &text[start..last.key.start];
        let parting = if before.trim().is_empty() { format!(",\n{before}") } else { ", ".to_owned() };
        return (end..end, format!("{parting}{}: {value}", rendered::quoted(name)));
    }
    let indent: String = text[start..last.key.start].chars().map(|c| if c == '-' { ' ' } else { c }).collect();
    let (at, line_end) = match text[end..].find('\n') {
        Some(found) => (end + found + 1, ""),
        None => (text.len(), "\n"),
    };
    (at..at, format!("{line_end}{indent}{name}: {value}\n"))
}

/// The parser's events with the path they stand at.
struct Walk<'t> {
    parser: Parser<'t, StrInput<'t>>,
    entries: Vec<Entry>,
    text: &'t str,
}

impl<'t> Walk<'t> {
    fn over(text: &'t str) -> Result<Vec<Entry>, ImportError> {
        let mut walk = Walk { parser: Parser::new_from_str(text), entries: Vec::new(), text };
        loop {
            let (event, span) = walk.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd | Event::DocumentEnd => break,
                event => {
                    walk.node(&event, span, "", false, 0)?;
                    break;
                }
            }
        }
        Ok(walk.entries)
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), ImportError> {
        next_event(&mut self.parser)
    }

    /// Goes over a value; its bytes, and whether it goes over lines without brackets.
    fn node(
        &mut self,
        event: &Event<'t>,
        span: Span,
        path: &str,
        in_flow: bool,
        depth: usize,
    ) -> Result<(Range<usize>, bool), ImportError> {
        if depth > MAX_DEPTH || self.entries.len() > MAX_ENTRIES || path.len() > MAX_PATH {
            return Err(ImportError("the file is too large or too deep to be changed in place".to_owned()));
        }
        let range = span.byte_range().ok_or_else(|| ImportError("no places are known in this file".to_owned()))?;
        let opens = |mark: char| self.text[range.start..].starts_with(mark);
        match event {
            Event::SequenceStart(..) => {
                let flow = in_flow || opens('[');
                let mut end = range.end;
                let mut index = 0;
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, span) => {
                            let last = span.byte_range().map_or(end, |range| range.end);
                            return Ok((range.start..if flow { last } else { end }, !flow));
                        }
                        (event, span) => {
                            let below = format!("{path}[{index}]");
                            end = self.node(&event, span, &below, flow, depth + 1)?.0.end.max(end);
                            index += 1;
                        }
                    }
                }
            }
            Event::MappingStart(..) => {
                let flow = in_flow || opens('{');
                let mut end = range.end;
                loop {
                    let (event, span) = self.next()?;
                    let key_range = span.byte_range().unwrap_or(end..end);
                    let key = match event {
                        Event::MappingEnd => {
                            return Ok((range.start..if flow { key_range.end } else { end }, !flow));
                        }
                        Event::Scalar(text, ..) => text.into_owned(),
                        _ => return Err(ImportError("a key must be a word to be changed in place".to_owned())),
                    };
                    let below = if path.is_empty() { key } else { format!("{path}.{key}") };
                    let at = self.entries.len();
                    self.entries.push(Entry {
                        path: below.clone(),
                        key: key_range.clone(),
                        value: key_range.end..key_range.end,
                        in_flow: flow,
                        is_block: false,
                    });
                    let (event, span) = self.next()?;
                    let (value, is_block) = self.node(&event, span, &below, flow, depth + 1)?;
                    end = value.end.max(key_range.end).max(end);
                    if let Some(entry) = self.entries.get_mut(at) {
                        entry.value = if value.is_empty() { key_range.end..key_range.end } else { value };
                        entry.is_block = is_block;
                    }
                }
            }
            // A scalar over lines ends with its line end; that is not its own.
            _ => {
                let text = &self.text[range.clone()];
                let own = text.trim_end_matches(['\n', '\r', ' ']).len();
                Ok((range.start..range.start + own, false))
            }
        }
    }
}
