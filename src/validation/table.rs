//! A CSV file by column name, whatever the order of its columns.

use crate::limits::check_table;
use std::collections::HashMap;
use std::rc::Rc;

/// Most rows that are read of one file.
pub const MAX_ROWS: usize = 100_000;

/// Why a text is not a table of measurements.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing in it.
    #[error("the file is empty: expected a header line and one row per measurement")]
    Empty,
    /// The header line itself is broken.
    #[error("line 1: the header cannot be read: {0}")]
    Header(String),
    /// Neither layout.
    #[error(
        "line 1: these columns are neither layout: traced peaks need `peak_bytes`, published measurements need \
         `peak_gib` and `metric`; found {found}"
    )]
    UnknownLayout {
        /// The first few columns found.
        found: String,
    },
    /// Nearly a layout.
    #[error("line 1: the header looks like {layout}, but lacks {missing}")]
    MissingColumns {
        /// Which.
        layout: &'static str,
        /// Names, in backticks.
        missing: String,
    },
    /// A name twice.
    #[error("line 1: the column `{0}` appears twice; remove or rename one")]
    DuplicateColumn(String),
    /// A row wider or longer than any of measurements.
    #[error("{0}")]
    TooWide(String),
    /// More rows than [`MAX_ROWS`].
    #[error("the file has more than {MAX_ROWS} rows; split it")]
    TooManyRows,
}

/// Which of the three layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Peaks traced from model code.
    Truth,
    /// The same for jobs of every kind.
    Kinds,
    /// Published measurements.
    Published,
}

const TRUTH: [&str; 9] = ["id", "model", "method", "weights", "amp", "optimizer", "micro_batch", "seq", "peak_bytes"];
const KINDS: [&str; 12] =
    ["id", "kind", "lib", "loss", "model", "method", "weights", "amp", "optimizer", "micro_batch", "seq", "peak_bytes"];
const PUBLISHED: [&str; 8] = ["id", "task", "model", "method", "weight_format", "micro_batch", "peak_gib", "metric"];

/// One row.
pub struct Row {
    /// Line it starts on, from 1.
    pub line: u64,
    columns: Rc<HashMap<String, usize>>,
    record: csv::StringRecord,
}

impl Row {
    /// A cell without surrounding blanks; empty where the column is not there.
    pub fn text(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|&index| self.record.get(index)).unwrap_or_default().trim()
    }

    /// The row's name.
    pub fn id(&self) -> String {
        let id = self.text("id");
        if id.is_empty() { format!("line {}", self.line) } else { id.to_owned() }
    }

    /// A whole number of 0 or more; `None` where the cell is empty.
    pub fn count(&self, column: &str) -> Result<Option<u64>, String> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        if let Ok(count) = text.parse::<u64>() {
            return Ok(Some(count));
        }
        match text.parse::<f64>() {
            // Spreadsheets write whole numbers as 4096.0.
            Ok(value) if value >= 0.0 && value.fract() == 0.0 && value < 9.0e15 => Ok(Some(value as u64)),
            _ => Err(self.not_a("whole number", column)),
        }
    }

    /// A whole number above 0 that the prediction needs.
    pub fn needed(&self, column: &str) -> Result<u64, String> {
        match self.count(column)? {
            Some(0) => Err(format!("`{column}` is 0")),
            Some(count) => Ok(count),
            None => Err(format!("`{column}` is empty")),
        }
    }

    /// A finite number; `None` where the cell is empty.
    pub fn number(&self, column: &str) -> Result<Option<f64>, String> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(self.not_a("number", column)),
        }
    }

    /// A yes or no written 1 or 0 (true and false too); `absent` where the cell is empty.
    pub fn flag(&self, column: &str, absent: bool) -> Result<bool, String> {
        match self.text(column) {
            "" => Ok(absent),
            "1" | "1.0" | "true" | "True" => Ok(true),
            "0" | "0.0" | "false" | "False" => Ok(false),
            _ => Err(self.not_a("yes or no (1 or 0)", column)),
        }
    }

    /// What is said of a word in the cell of `column` that is not known.
    pub fn unknown(&self, column: &str, word: &str) -> String {
        let shown: String = word.chars().take(60).collect();
        let place = self.columns.get(column).map_or(0, |index| index + 1);
        format!("column {place} (`{column}`): “{shown}” is not known here; nothing is taken in its place")
    }

    fn not_a(&self, what: &str, column: &str) -> String {
        // Foreign text is quoted, not repeated at full length.
        let shown: String = self.text(column).chars().take(40).collect();
        format!("`{column}` is not a {what}: “{shown}”")
    }
}

/// A file of rows.
pub struct Table {
    /// Its layout.
    pub layout: Layout,
    /// Readable rows.
    pub rows: Vec<Row>,
    /// Line and fault of the others.
    pub broken: Vec<(u64, String)>,
}

impl Table {
    /// Reads header and rows.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let text = text.trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            return Err(ReadError::Empty);
        }
        check_table(text.as_bytes()).map_err(ReadError::TooWide)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| ReadError::Header(error.to_string()))?.clone();
        let mut columns = HashMap::new();
        for (index, name) in header.iter().enumerate() {
            let name = name.trim();
            if !name.is_empty() && columns.insert(name.to_owned(), index).is_some() {
                return Err(ReadError::DuplicateColumn(name.chars().take(60).collect()));
            }
        }
        let layout = layout(&columns, &header)?;
        let columns = Rc::new(columns);
        let (mut rows, mut broken) = (Vec::new(), Vec::new());
        for record in reader.records() {
            if rows.len() + broken.len() >= MAX_ROWS {
                return Err(ReadError::TooManyRows);
            }
            match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    if record.iter().all(|cell| cell.trim().is_empty()) {
                        continue;
                    }
                    if record.len() == header.len() {
                        rows.push(Row { line, columns: Rc::clone(&columns), record });
                    } else {
                        let why = format!("{} cells where the header has {}", record.len(), header.len());
                        broken.push((line, why));
                    }
                }
                Err(error) => broken.push((error.position().map_or(0, csv::Position::line), error.to_string())),
            }
        }
        Ok(Self { layout, rows, broken })
    }
}

fn layout(columns: &HashMap<String, usize>, header: &csv::StringRecord) -> Result<Layout, ReadError> {
    let has = |name: &str| columns.contains_key(name);
    let (layout, label, needed): (_, _, &[&str]) = if has("peak_bytes") && has("kind") && has("lib") {
        (Layout::Kinds, "traced peaks of every kind", &KINDS)
    } else if has("peak_bytes") {
        (Layout::Truth, "traced peaks", &TRUTH)
    } else if has("peak_gib") || has("metric") {
        (Layout::Published, "published measurements", &PUBLISHED)
    } else {
        let mut found: Vec<String> =
            header.iter().take(8).map(|name| format!("`{}`", name.chars().take(40).collect::<String>())).collect();
        if header.len() > 8 {
            found.push(format!("and {} more", header.len() - 8));
        }
        return Err(ReadError::UnknownLayout { found: found.join(", ") });
    };
    let missing: Vec<String> = needed.iter().filter(|name| !has(name)).map(|name| format!("`{name}`")).collect();
    if missing.is_empty() {
        Ok(layout)
    } else {
        Err(ReadError::MissingColumns { layout: label, missing: missing.join(", ") })
    }
}
