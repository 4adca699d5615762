//! Rows that are no JSON: what is wrong with them, told by what stands where the parser stopped.

use crate::checks::{
    Check, LONE_SURROGATE, NAN, NOT_AN_OBJECT, NOT_JSON, OUT_OF_RANGE, PYTHON_REPR, RAW_CONTROL, TOO_DEEP,
    TOO_MANY_VALUES, TRAILING_COMMA, TRUNCATED, TWO_VALUES,
};
use crate::findings::{Findings, Row};
use crate::node::{Node, TOO_MANY};
use crate::place::{path_at, reason, stopped_at};
use std::borrow::Cow;

/// Words that Python writes and JSON does not have.
const NOT_NUMBERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// The row with NaN and Infinity outside of strings written as `null`, each told; `None` where there is none.
pub(super) fn without_nan(row: Row<'_>, findings: &mut Findings) -> Option<Vec<u8>> {
    let mut patched: Option<Vec<u8>> = None;
    let (mut at, mut in_string, mut escaped) = (0, false, false);
    while let Some(byte) = row.text.get(at) {
        if in_string {
            (escaped, in_string) = (!escaped && *byte == b'\\', escaped || *byte != b'"');
        } else if *byte == b'"' {
            in_string = true;
        } else if matches!(byte, b'-' | b'I' | b'N') {
            let follows_value =
                at.checked_sub(1).and_then(|at| row.text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
            let word = NOT_NUMBERS.into_iter().find(|word| !follows_value && row.text[at..].starts_with(word));
            if let Some(word) = word {
                let copy = patched.get_or_insert_with(|| row.text.to_vec());
                // As long as before, so that places stay.
                copy[at..at + word.len()].fill(b' ');
                copy[at + word.len() - 1] = b'0';
                findings
                    .at(&NAN, row.place_at(at, path_at(row.text, at)), || String::from_utf8_lossy(word).into_owned());
                at += word.len();
                continue;
            }
        }
        at += 1;
    }
    patched
}

/// Tells why a row is no JSON.
pub(super) fn tell(row: Row<'_>, error: &serde_json::Error, is_last: bool, findings: &mut Findings) {
    let stopped = stopped_at(row.text, error);
    let (check, byte) = cause(row.text, error, stopped, is_last);
    let detail = || match check.id {
        id if id == NOT_JSON.id => format!("{}, at byte {stopped} of the row", reason(error)),
        _ => String::new(),
    };
    findings.at(check, row.place_at(byte, path_at(row.text, byte)), detail);
}

fn cause(text: &[u8], error: &serde_json::Error, stopped: usize, is_last: bool) -> (&'static Check, usize) {
    let said = reason(error);
    let has = |word: &str| said.contains(word);
    if has(TOO_MANY) {
        (&TOO_MANY_VALUES, 0)
    } else if has("recursion limit") {
        (&TOO_DEEP, stopped)
    } else if has("number out of range") {
        (&OUT_OF_RANGE, stopped)
    } else if has("lone leading surrogate") || has("unexpected end of hex escape") || has("surrogate") {
        (&LONE_SURROGATE, start_of_escape(text, stopped))
    } else if has("control character") {
        (&RAW_CONTROL, control_before(text, stopped))
    } else if has("trailing comma") {
        (&TRAILING_COMMA, last_before(text, stopped, b','))
    } else if has("trailing characters") {
        trailing(text, stopped)
    } else if is_python(text) {
        (&PYTHON_REPR, first_apostrophe(text))
    } else if error.is_eof() && is_last {
        (&TRUNCATED, stopped)
    } else {
        (&NOT_JSON, stopped)
    }
}

/// What follows a whole value: another one, or a remainder.
fn trailing(text: &[u8], stopped: usize) -> (&'static Check, usize) {
    let rest = text.get(stopped..).unwrap_or_default();
    let is_value = std::str::from_utf8(rest).is_ok_and(|rest| {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
        values.all(|value| value.is_ok())
    });
    if is_value { (&TWO_VALUES, stopped) } else { (&NOT_JSON, stopped) }
}

/// Keys in apostrophes, or the constants of Python.
fn is_python(text: &[u8]) -> bool {
    let begin = text.trim_ascii_start();
    let inside = begin.get(1..).unwrap_or_default().trim_ascii_start();
    let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    begin.first() == Some(&b'{') && inside.first() == Some(&b'\'')
        || has(b": None")
        || has(b": True")
        || has(b": False")
}

fn first_apostrophe(text: &[u8]) -> usize {
    memchr::memchr(b'\'', text).unwrap_or(0)
}

fn last_before(text: &[u8], at: usize, byte: u8) -> usize {
    memchr::memrchr(byte, &text[..at.min(text.len())]).unwrap_or(at)
}

/// The `\u` that the parser had gone through or stood in.
fn start_of_escape(text: &[u8], at: usize) -> usize {
    let before = &text[..(at + 1).min(text.len())];
    let escapes: Vec<usize> = memchr::memmem::rfind_iter(before, b"\\u").take(2).collect();
    let is_high =
        |at: usize| matches!(text.get(at + 2..at + 4), Some([b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B']));
    // A high half is followed by what is no low half: the fault is the first of the two.
    escapes.iter().copied().find(|at| is_high(*at)).or_else(|| escapes.first().copied()).unwrap_or(at)
}

fn control_before(text: &[u8], at: usize) -> usize {
    let until = (at + 1).min(text.len());
    text[..until].iter().rposition(|byte| *byte < 0x20).unwrap_or(at)
}

/// A row that is JSON, but no object.
pub(super) fn is_object(row: Row<'_>, node: &Node<'_>, findings: &mut Findings) -> bool {
    let is_it = node.as_map().is_some();
    if !is_it {
        findings.field(&NOT_AN_OBJECT, row, &[], || format!("it is a {}", node.kind()));
    }
    is_it
}

/// The text of a row, if it is UTF-8; without what was no text, if not.
pub(super) fn text_of(bytes: &[u8]) -> (Cow<'_, str>, Option<usize>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), None),
        Err(error) => (String::from_utf8_lossy(bytes), Some(error.valid_up_to())),
    }
}
