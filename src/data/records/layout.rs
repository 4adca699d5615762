//! How rows lie in a file, told by what is in it and never by its name.

use crate::node::Node;

/// How rows lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// JSON lines: a value on every line.
    Lines,
    /// One list of JSON.
    Array,
    /// Values of JSON one after another, on several lines each.
    Values,
    /// A table, its cells parted by this byte.
    Table(u8),
    /// Lines of text.
    Text,
}

impl Layout {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Array => "json-array",
            Self::Values => "json",
            Self::Table(b'\t') => "tsv",
            Self::Table(_) => "csv",
            Self::Text => "text",
        }
    }
}

/// Lines that are looked at.
const LINES: usize = 50;

/// Names of columns that tables of training data have.
const NAMES: [&str; 26] = [
    "text",
    "prompt",
    "completion",
    "instruction",
    "input",
    "output",
    "response",
    "question",
    "answer",
    "chosen",
    "rejected",
    "messages",
    "conversations",
    "label",
    "score",
    "content",
    "system",
    "context",
    "category",
    "id",
    "prefix",
    "suffix",
    "middle",
    "completions",
    "labels",
    "source",
];

/// By the beginning of a file, which is all of it where `is_whole`.
pub(super) fn of(head: &[u8], is_whole: bool) -> Layout {
    let begin = head.trim_ascii_start();
    match begin.first() {
        Some(b'{') => of_object(begin),
        Some(b'[') => of_list(begin),
        Some(_) => [b',', b'\t', b';']
            .into_iter()
            .find(|delimiter| is_table(head, *delimiter, is_whole))
            .map_or_else(|| if has_objects(head) { Layout::Lines } else { Layout::Text }, Layout::Table),
        None => Layout::Text,
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

fn first_line(text: &[u8]) -> &[u8] {
    lines(text).next().unwrap_or_default()
}

fn is_whole_value(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| Node::parse(text).is_ok())
}

fn of_object(begin: &[u8]) -> Layout {
    let end = end_of_value(begin);
    match end {
        Some(end) if !begin[..end].contains(&b'\n') => Layout::Lines,
        // A pretty first row, which may be faulty: its first line is an opened bracket alone.
        _ if first_line(begin).len() == 1 || end.is_some_and(|end| is_whole_value(&begin[..end])) => Layout::Values,
        _ => Layout::Lines,
    }
}

fn of_list(begin: &[u8]) -> Layout {
    let first = first_line(begin);
    let is_closed = end_of_value(first).is_some_and(|end| end == first.len());
    let goes_on = lines(begin).nth(1).is_some_and(|line| matches!(line.first(), Some(b'[' | b'{')));
    if is_closed && goes_on { Layout::Lines } else { Layout::Array }
}

/// Whether a line of the beginning is an object: then others are faulty lines.
fn has_objects(head: &[u8]) -> bool {
    lines(head).take(LINES).any(|line| line.first() == Some(&b'{') && is_whole_value(line))
}

/// The byte behind the first value, by its brackets.
fn end_of_value(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        if in_string {
            (escaped, in_string) = (!escaped && *byte == b'\\', escaped || *byte != b'"');
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// A header of names, and rows of as many cells.
fn is_table(head: &[u8], delimiter: u8, is_whole: bool) -> bool {
    let reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(head);
    let mut rows: Vec<csv::ByteRecord> = reader.into_byte_records().take(LINES).filter_map(Result::ok).collect();
    // The last one may be cut.
    if !is_whole && rows.len() > 1 && rows.len() < LINES {
        rows.pop();
    }
    let Some((header, rows)) = rows.split_first() else { return false };
    let name = |cell: &[u8]| String::from_utf8_lossy(cell.trim_ascii()).to_lowercase();
    let known = header.iter().filter(|cell| NAMES.contains(&name(cell).as_str())).count();
    if header.len() == 1 {
        return delimiter == b',' && name(&header[0]) == "text" && !rows.is_empty();
    }
    let is_name = |cell: &[u8]| {
        let cell = cell.trim_ascii();
        !cell.is_empty() && cell.len() <= 40 && !cell.contains(&b' ') && !cell.ends_with(b".")
    };
    let alike = rows.iter().filter(|row| row.len() == header.len()).count();
    let most_alike = alike * 10 >= rows.len() * 8;
    known >= 1 && header.iter().all(is_name) && (rows.is_empty() || alike > 0)
        || header.iter().all(is_name) && rows.len() >= 3 && most_alike
}
