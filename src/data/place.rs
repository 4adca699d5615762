//! Places in a text of JSON: the byte of a path, the path of a byte, and where a parser stopped.

use std::fmt::Write as _;

/// A step into a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'p> {
    /// The field of an object.
    Key(&'p str),
    /// A part of a list, from 0.
    At(usize),
}

/// A path as it is told: `messages[1].content`.
pub fn path_text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                // A key may be as long as the file; it is told by its beginning.
                text.extend(key.chars().take(80));
            }
            Step::At(at) => {
                let _ = write!(text, "[{at}]");
            }
        }
    }
    text
}

/// The byte of a text of JSON at which the value of a path begins; as far as the path goes in it.
pub fn locate(text: &[u8], path: &[Step<'_>]) -> usize {
    let mut at = skip_blanks(text, 0);
    for step in path {
        match enter(text, at, *step) {
            Some(next) => at = next,
            None => return at,
        }
    }
    at
}

/// The path to what stands at a byte of a text of JSON, as far as it can be followed where the text is faulty.
pub fn path_at(text: &[u8], byte: usize) -> String {
    const DEEPEST: usize = 8;
    // For each opened bracket the step that leads on from it: a key, or the number of a part.
    let mut open: Vec<(bool, String, usize)> = Vec::new();
    let (mut at, mut last_string) = (0, None);
    while at < byte.min(text.len()) {
        match text[at] {
            b'"' => {
                let end = skip_value(text, at);
                if end > byte {
                    break;
                }
                last_string = Some(at..end);
                at = end;
                continue;
            }
            b':' => {
                let key = last_string.take().and_then(|place| serde_json::from_slice::<String>(&text[place]).ok());
                if let (Some((_, name, _)), Some(key)) = (open.last_mut(), key) {
                    *name = key;
                }
            }
            b',' => {
                if let Some((_, name, count)) = open.last_mut() {
                    name.clear();
                    *count += 1;
                }
            }
            bracket @ (b'[' | b'{') => open.push((bracket == b'{', String::new(), 0)),
            b']' | b'}' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    let steps: Vec<Step<'_>> = open
        .iter()
        .take(DEEPEST)
        .map_while(|(is_object, key, count)| match (is_object, key.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Step::Key(key)),
            (false, _) => Some(Step::At(*count)),
        })
        .collect();
    path_text(&steps)
}

/// Where a part of the value at `at` begins.
fn enter(text: &[u8], at: usize, step: Step<'_>) -> Option<usize> {
    let opened = *text.get(at)?;
    let mut place = skip_blanks(text, at + 1);
    let mut found = None;
    for count in 0.. {
        if matches!(text.get(place)?, b']' | b'}') {
            break;
        }
        let is_it = match step {
            Step::At(wanted) => opened == b'[' && count == wanted,
            Step::Key(wanted) if opened == b'{' => {
                let end = skip_value(text, place);
                let key: Option<String> = serde_json::from_slice(&text[place..end]).ok();
                place = skip_blanks(text, end);
                if text.get(place) != Some(&b':') {
                    break;
                }
                place = skip_blanks(text, place + 1);
                key.as_deref() == Some(wanted)
            }
            Step::Key(_) => false,
        };
        if is_it {
            found = Some(place);
            if matches!(step, Step::At(_)) {
                break;
            }
        }
        place = skip_blanks(text, skip_value(text, place));
        if text.get(place) == Some(&b',') {
            place = skip_blanks(text, place + 1);
        }
    }
    found
}

fn skip_blanks(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The byte behind the value that begins at `from`.
fn skip_value(text: &[u8], from: usize) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate().skip(from) {
        if in_string {
            (escaped, in_string) = (!escaped && *byte == b'\\', escaped || *byte != b'"');
            if !in_string && depth == 0 {
                return at + 1;
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// An error of the parser in its own words, without the place, which is told otherwise.
pub fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// The byte of `text`, from 0, at which the parser stopped. Its columns are bytes, from 1.
pub fn stopped_at(text: &[u8], error: &serde_json::Error) -> usize {
    let before = error.line().saturating_sub(1);
    let start = if before == 0 { 0 } else { memchr::memchr_iter(b'\n', text).nth(before - 1).map_or(0, |at| at + 1) };
    (start + error.column().saturating_sub(1)).min(text.len())
}

/// Numbers that are whole as written and too long for 64 bits stand in the file at this path.
pub fn is_written_whole(text: &[u8], path: &[Step<'_>]) -> bool {
    let from = locate(text, path);
    let number = &text[from..skip_value(text, from)];
    !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Step::{At, Key};
    use super::*;
    use crate::node::Node;

    /// Places by hand.
    #[test]
    fn the_byte_of_a_path_is_found() {
        let text = br#" {"a": [1, {"b,:": "c]\"", "d": [ ] , "e" :null}],"f":2}"#;
        let found = |path: &[Step<'_>], begins: &str| text[locate(text, path)..].starts_with(begins.as_bytes());
        assert!(found(&[], "{\"a\""));
        assert!(found(&[Key("a"), At(0)], "1, {"));
        assert!(found(&[Key("a"), At(1), Key("b,:")], "\"c]"));
        assert!(found(&[Key("a"), At(1), Key("d")], "[ ]"));
        assert!(found(&[Key("a"), At(1), Key("e")], "null}"));
        assert!(found(&[Key("f")], "2}"));
        assert!(found(&[Key("a"), At(7)], "[1, {"), "as far as it goes");
        assert_eq!(path_text(&[Key("a"), At(1), Key("b")]), "a[1].b");
        let path = |of: &str| path_at(text, memchr::memmem::find(text, of.as_bytes()).unwrap());
        assert_eq!((path("1, {"), path("c]"), path("null")), ("a[0]".into(), "a[1].b,:".into(), "a[1].e".into()));
        assert_eq!((path("2}"), path("{\"a")), ("f".to_owned(), String::new()));
        assert!(is_written_whole(b"{\"n\": 123456789012345678901}", &[Key("n")]));
        assert!(!is_written_whole(b"{\"n\": 1e30}", &[Key("n")]));
    }

    #[test]
    fn the_place_where_parsing_stopped_is_a_byte() {
        let text = "{\n \"ä\": 1,\n x}".as_bytes();
        let error = Node::parse(std::str::from_utf8(text).unwrap()).unwrap_err();
        assert_eq!(text[stopped_at(text, &error)], b'x');
    }
}
