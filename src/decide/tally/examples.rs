//! Examples of a JSONL, JSON or CSV file, for reading one by one. What cannot be read is told and left out, never
//! silently.

use crate::limits::brief;
use crate::limits::{check_json, check_table};
use crate::units::grouped;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

/// Most examples that are read: a tally of more says nothing that this many do not.
pub const MAX_EXAMPLES: usize = 10_000;
/// Longest text of one field that is shown, in characters.
const MAX_SHOWN: usize = 20_000;
/// Most fields of one example: what has more is not read one by one.
const MAX_FIELDS: usize = 200;
/// Most fields of all examples.
const MAX_ALL_FIELDS: usize = 500_000;
/// Longest line of a file of lines, in bytes.
const MAX_LINE_BYTES: usize = 4 << 20;
/// Most values of one line.
const MAX_LINE_VALUES: usize = 100_000;
/// Most values of a file that is one list.
const MAX_LIST_VALUES: usize = 1_000_000;
/// Bad lines that are told one by one.
const TOLD: usize = 20;

/// One example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Line it begins on, from 1.
    pub line: usize,
    /// Name and text of each field, in the order of the file.
    pub fields: Vec<(String, String)>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The examples.
    pub examples: Vec<Example>,
    /// What was left out, and why.
    pub remarks: Vec<String>,
    /// Fields of all examples.
    fields: usize,
}

impl Reading {
    /// Whether no more are taken.
    fn is_full(&self) -> bool {
        self.examples.len() >= MAX_EXAMPLES || self.fields >= MAX_ALL_FIELDS
    }

    /// Takes an example, or says why not; `place` is where it stands, in words.
    fn take(&mut self, place: &str, line: usize, fields: Vec<(String, String)>) {
        if fields.len() > MAX_FIELDS {
            self.remark(format!("{place}: over {MAX_FIELDS} fields; left out"));
        } else {
            self.fields += fields.len();
            self.examples.push(Example { line, fields });
        }
    }

    fn remark(&mut self, text: String) {
        match self.remarks.len() {
            count if count < TOLD => self.remarks.push(text),
            TOLD => self.remarks.push("further lines could not be read either".to_owned()),
            _ => {}
        }
    }
}

/// Reads examples; the kind of file is told by its content. The error says what is wrong with the whole file.
pub fn read_examples(bytes: &[u8]) -> Result<Reading, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("this file is UTF-16; save it as UTF-8".to_owned());
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let line = String::from_utf8_lossy(&bytes[..at]).matches('\n').count() + 1;
            return Err(format!("line {line}, byte {}: this is not UTF-8; save the file as UTF-8", grouped(at as u64)));
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut reading = match text.trim_start().chars().next() {
        None => return Err("the file is empty".to_owned()),
        Some('[') => from_array(text)?,
        Some('{') => from_lines(text),
        Some(_) => from_csv(text)?,
    };
    if reading.examples.is_empty() {
        let why = reading.remarks.first().map_or_else(String::new, |remark| format!(" ({remark})"));
        return Err(format!("no example in it could be read{why}"));
    }
    if reading.is_full() {
        let shown = grouped(reading.examples.len() as u64);
        reading.remarks.push(format!("only the first {shown} examples are shown"));
    }
    Ok(reading)
}

fn from_array(text: &str) -> Result<Reading, String> {
    check_json(text.as_bytes(), MAX_LIST_VALUES).map_err(|error| format!("{error}; give one example a line"))?;
    let all: Vec<Line> = serde_json::from_str(text)
        .map_err(|error| format!("line {}, column {}: {error}", error.line(), error.column()))?;
    let mut reading = Reading::default();
    for (index, value) in all.into_iter().enumerate() {
        if reading.is_full() {
            break;
        }
        match value {
            Line::Fields(Fields(fields)) => {
                reading.take(&format!("element {}", index + 1), index + 1, in_order(fields));
            }
            Line::Other(other) => {
                reading.remark(format!("element {}: {} is not an object", index + 1, brief(&other.to_string())));
            }
        }
    }
    Ok(reading)
}

fn from_lines(text: &str) -> Reading {
    let mut reading = Reading::default();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if reading.is_full() {
            break;
        }
        if line.len() > MAX_LINE_BYTES {
            reading.remark(format!("line {}: over {} MiB; left out", index + 1, MAX_LINE_BYTES >> 20));
            continue;
        }
        if let Err(error) = check_json(line.as_bytes(), MAX_LINE_VALUES) {
            reading.remark(format!("line {}: {error}; left out", index + 1));
            continue;
        }
        match serde_json::from_str(line) {
            Ok(Line::Fields(Fields(fields))) => {
                reading.take(&format!("line {}", index + 1), index + 1, in_order(fields));
            }
            Ok(Line::Other(_)) => reading.remark(format!("line {}: not an object; left out", index + 1)),
            Err(error) => {
                reading.remark(format!("line {}, column {}: {error}; left out", index + 1, error.column()));
            }
        }
    }
    reading
}

/// An object, or anything else.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Fields(Fields),
    Other(Json),
}

/// Fields of an object in the order of the file, a key that is there twice twice.
struct Fields(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn in_order(fields: Vec<(String, Json)>) -> Vec<(String, String)> {
    fields.into_iter().map(|(key, value)| (key, shown(&in_words(&value)))).collect()
}

/// Text as text, chats as turns, anything else as JSON.
fn in_words(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(turns) if !turns.is_empty() && turns.iter().all(Json::is_object) => {
            turns.iter().map(turn).collect::<Vec<_>>().join("\n\n")
        }
        other => {
            // Laid out it is up to a hundred times as long: only where it is shown whole.
            let short = other.to_string();
            if short.len() > MAX_SHOWN { short } else { serde_json::to_string_pretty(other).unwrap_or(short) }
        }
    }
}

fn turn(turn: &Json) -> String {
    let text = |names: [&str; 2]| names.iter().find_map(|name| turn.get(name).and_then(Json::as_str));
    match (text(["role", "from"]), text(["content", "value"])) {
        (Some(role), Some(content)) => format!("{role}: {content}"),
        _ => turn.to_string(),
    }
}

fn from_csv(text: &str) -> Result<Reading, String> {
    check_table(text.as_bytes())?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| format!("this is neither JSON lines nor CSV: {error}"))?.clone();
    let mut reading = Reading::default();
    for record in reader.records() {
        if reading.is_full() {
            break;
        }
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, |place| place.line() as usize);
                if record.len() != header.len() {
                    reading.remark(format!(
                        "line {line}: {} cells under {} names; shown as it is",
                        record.len(),
                        header.len()
                    ));
                }
                let name = |index: usize| {
                    header.get(index).map_or_else(|| format!("column {}", index + 1), |name| name.trim().to_owned())
                };
                let fields = record.iter().enumerate().map(|(index, cell)| (name(index), shown(cell))).collect();
                reading.take(&format!("line {line}"), line, fields);
            }
            Err(error) => reading.remark(format!("{error}; left out")),
        }
    }
    Ok(reading)
}

/// A text short enough for the screen, without characters that draw nothing or turn lines round.
fn shown(text: &str) -> String {
    let clean: String = text
        .chars()
        .take(MAX_SHOWN)
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .filter(|c| !('\u{202a}'..='\u{202e}').contains(c) && !('\u{2066}'..='\u{2069}').contains(c))
        .collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        format!("{clean} … cut after {} characters", grouped(MAX_SHOWN as u64))
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_that_cannot_be_read_are_told_and_the_others_stay() {
        let text = "\u{feff}{\"q\": \"a\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}\r\n\n{\"q\": }\n7\n{\"q\": \"b\"}";
        let read = read_examples(text.as_bytes()).unwrap();
        assert_eq!(read.examples.len(), 2);
        assert_eq!(read.examples[1].line, 5);
        assert_eq!(read.examples[0].fields[0].0, "q", "the order of the file");
        assert!(read.examples[0].fields.contains(&("messages".to_owned(), "user: hi".to_owned())));
        assert!(read.remarks[0].starts_with("line 3") && read.remarks[1].starts_with("line 4"), "{:?}", read.remarks);
    }

    #[test]
    fn tables_and_arrays_are_read_too() {
        let csv = read_examples(b"question,answer\n\"a, b\",c\nd,e,f\n").unwrap();
        assert_eq!(csv.examples[0].fields[0], ("question".to_owned(), "a, b".to_owned()));
        assert_eq!(csv.examples[1].fields.len(), 3);
        assert_eq!(csv.remarks.len(), 1);
        let array = read_examples(b"[{\"a\": 1}, 2]").unwrap();
        assert_eq!((array.examples.len(), array.remarks.len()), (1, 1));
    }

    #[test]
    fn files_that_are_none_are_refused_in_words() {
        for (bytes, word) in [
            (&b""[..], "empty"),
            (&[0xff, 0xfe, b'{', 0][..], "UTF-16"),
            (&b"{\"a\": \"\xc3\x28\"}"[..], "UTF-8"),
            (&b"{not json"[..], "line 1"),
            (&b"[1, 2"[..], "line 1"),
        ] {
            let error = read_examples(bytes).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_million_lines_stop_at_the_limit_and_say_so() {
        let text = "{\"a\":1}\n".repeat(MAX_EXAMPLES + 5);
        let read = read_examples(text.as_bytes()).unwrap();
        assert_eq!(read.examples.len(), MAX_EXAMPLES);
        assert!(read.remarks[0].contains("10,000"));
    }

    /// Found by trying: 32 MB of commas in a line took 3.3 GB, as a list 1.0 GB, as one object 0.96 GB.
    #[test]
    fn a_limit_on_bytes_is_none_on_counts() {
        let long = 5 << 20;
        for (text, word) in [
            (",".repeat(long), "columns"),
            (format!("a,b\n{}\n", ",".repeat(long)), "line 2: over 1,000 columns"),
            (format!("a,b\n\"{}", "x".repeat(long)), "quotation mark"),
            (format!("[{}1]", "1,".repeat(long / 2)), "over 1,000,000 values"),
            (format!("{{\"a\":[{}1]}}", "1,".repeat(long / 2)), "line 1: over 4 MiB"),
            (format!("{{\"a\":[{}1]}}", "1,".repeat(1 << 20)), "line 1: over 100,000 values"),
            (format!("{{{}\"b\":1}}", "\"a\":1,".repeat(1000)), "over 200 fields"),
        ] {
            let error = read_examples(text.as_bytes()).unwrap_err();
            assert!(error.contains(word), "{word}: {error}");
        }
        // Others in the same file are read.
        let text = format!("{{\"q\":1}}\n{{\"a\":[{}1]}}\n{{\"q\":2}}\n", "1,".repeat(1 << 20));
        let read = read_examples(text.as_bytes()).unwrap();
        assert_eq!((read.examples.len(), read.remarks.len()), (2, 1));
    }

    #[test]
    fn fields_of_all_examples_together_have_a_limit() {
        let line = format!("{{{}}}\n", vec!["\"a\":1"; MAX_FIELDS].join(","));
        let read = read_examples(line.repeat(MAX_ALL_FIELDS / MAX_FIELDS + 5).as_bytes()).unwrap();
        assert_eq!(read.examples.len(), MAX_ALL_FIELDS / MAX_FIELDS);
        assert!(read.remarks[0].contains("only the first 2,500 examples"), "{:?}", read.remarks);
    }
}
