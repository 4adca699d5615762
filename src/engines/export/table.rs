//! The key tables, as they stand in `assets/engines/export`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

/// A value of a job, or of a key.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Nothing: `null`.
    Null,
    /// On or off.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// A whole number below zero.
    Signed(i64),
    /// A number.
    Number(f64),
    /// A word or text.
    Text(String),
    /// Several values.
    List(Vec<Self>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }
}

/// A number without exponent: PyYAML takes `2e-4` for text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(on) => write!(f, "{on}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Signed(count) => write!(f, "{count}"),
            Self::Number(number) if number.fract() == 0.0 => write!(f, "{number:.1}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::List(list) => {
                let words: Vec<String> = list.iter().map(ToString::to_string).collect();
                f.write_str(&words.join(","))
            }
        }
    }
}

/// A job: values by name. Names of a plan's settings are their ids.
pub type Facts = BTreeMap<String, Value>;

/// What must hold: of every named fact one of the words; `!word`: none of those. A fact that is not there is empty.
pub type When = BTreeMap<String, Vec<String>>;

/// What a table's files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Group {
    /// Trains.
    Training,
    /// Goes beside a training engine: devices and sharding.
    Beside,
    /// Serves.
    Serving,
    /// Merges models.
    Merging,
    /// Gets machines for a training engine.
    Machines,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Form {
    /// Keys and values.
    Yaml,
    /// The same as JSON, which has no comments.
    Json,
    /// One command with arguments; a switch that is on is `--key true`.
    Command,
    /// One command; a switch that is on is `--key`, one that is off is left out.
    Switches,
    /// A line `KEY value` each.
    Lines,
    /// A text with gaps: `{{key}}` for a value, `{{name.*}}` for the arguments under `name`.
    Script,
}

/// A file of an engine.
#[derive(Clone, Debug, Deserialize)]
pub struct FileOf {
    /// Its name.
    pub name: String,
    /// How it is written.
    pub form: Form,
    /// When there is one.
    #[serde(default)]
    pub when: When,
    /// The text with gaps, or the words a command begins with.
    #[serde(default)]
    pub text: String,
}

/// Which key says what.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Row {
    /// The fact; empty: the value stands here.
    #[serde(default)]
    pub say: String,
    /// The fact whose value is written, where it is not the one that is said.
    #[serde(default)]
    pub take: String,
    /// The key, dotted; empty: what the engine does anyway.
    #[serde(default)]
    pub key: String,
    /// The file, where it is not the first.
    #[serde(default)]
    pub file: String,
    /// The engine's value for each word of the fact; empty: as it is.
    #[serde(default)]
    pub words: BTreeMap<String, Value>,
    /// The value, where no fact says it.
    #[serde(default)]
    pub value: Option<Value>,
    /// Words that hold where the key is not there.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Words that cannot be said, with the reason; `*`: any other.
    #[serde(default)]
    pub cannot: BTreeMap<String, String>,
    /// When the row counts.
    #[serde(default)]
    pub when: When,
    /// First release with the key.
    #[serde(default)]
    pub since: String,
    /// First release without it.
    #[serde(default)]
    pub until: String,
    /// Whole numbers only.
    #[serde(default)]
    pub whole: bool,
    /// A list is written with commas between.
    #[serde(default)]
    pub commas: bool,
    /// The importer reads the fact back off this key.
    #[serde(default)]
    pub back: bool,
    /// Why a value that no plan says is this one: it is told as assumed.
    #[serde(default)]
    pub assume: String,
    /// What the engine takes where the key is not there.
    #[serde(default)]
    pub default: String,
    /// Where key and default were read.
    #[serde(default)]
    pub source: String,
}

/// An engine's table.
#[derive(Clone, Debug, Deserialize)]
pub struct Table {
    /// Id on the command line.
    pub id: String,
    /// Name.
    pub title: String,
    /// Releases, newest first.
    pub versions: Vec<String>,
    /// What its files are for.
    pub group: Group,
    /// Where its keys and defaults were read, but for rows that say it themselves.
    pub source: String,
    /// Kinds of fine-tuning it has.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Methods it has.
    #[serde(default)]
    pub methods: Vec<String>,
    /// What it refuses beside: when, and why.
    #[serde(default)]
    pub refuses: Vec<(When, String)>,
    /// What a reader is told beside: when, and what.
    #[serde(default)]
    pub notes: Vec<(When, String)>,
    /// How it is installed: a shell line.
    #[serde(default)]
    pub install: String,
    /// How it is run, by when; the first that holds.
    #[serde(default)]
    pub run: Vec<(When, String)>,
    /// Tables whose files are written too, by when.
    #[serde(default)]
    pub beside: Vec<(When, String)>,
    /// Rows it shares with others, by the name of their file; its own come after and win.
    #[serde(default)]
    pub include: Vec<String>,
    /// What the keys of those stand under.
    #[serde(default)]
    pub include_under: String,
    /// Files.
    pub files: Vec<FileOf>,
    /// Keys.
    pub rows: Vec<Row>,
}

/// A table at one of its releases.
#[derive(Clone, Copy, Debug)]
pub struct Version<'t> {
    /// The table.
    pub table: &'t Table,
    /// The release.
    pub version: &'t str,
}

/// A row that the importer reads back.
pub struct Back<'t> {
    /// Id of the setting.
    pub field: &'t str,
    /// The key.
    pub key: &'t str,
    /// The engine's value for each word.
    pub words: &'t BTreeMap<String, Value>,
}

impl Group {
    /// Its word.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Beside => "beside",
            Self::Serving => "serving",
            Self::Merging => "merging",
            Self::Machines => "machines",
        }
    }
}

impl Table {
    /// Rows that the importer reads back.
    pub(crate) fn back(&self) -> impl Iterator<Item = Back<'_>> {
        let rows = self.rows.iter().filter(|row| row.back);
        rows.map(|row| Back { field: &row.say, key: &row.key, words: &row.words })
    }

    /// The release called `version`, or the newest.
    pub fn at(&self, version: Option<&str>) -> Option<Version<'_>> {
        let found = match version {
            None => self.versions.first(),
            Some(wanted) => {
                let is_it = |known: &&String| known.as_str() == wanted || known.starts_with(&format!("{wanted}."));
                self.versions.iter().find(is_it)
            }
        };
        found.map(|version| Version { table: self, version })
    }
}

impl Row {
    /// Whether the release has the row.
    pub(super) fn is_of(&self, version: &str) -> bool {
        let at = numbers(version);
        (self.since.is_empty() || numbers(&self.since) <= at) && (self.until.is_empty() || at < numbers(&self.until))
    }
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// Whether everything of `when` holds.
pub fn holds(when: &When, facts: &Facts) -> bool {
    when.iter().all(|(name, words)| {
        let value = facts.get(name).map(ToString::to_string).unwrap_or_default();
        let (not, any): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.starts_with('!'));
        not.iter().all(|word| word[1..] != value) && (any.is_empty() || any.iter().any(|word| **word == value))
    })
}

macro_rules! tables {
    ($($name:literal),+ $(,)?) => {
        /// Every table, in the order they are listed.
        const TEXTS: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../assets/engines/export/", $name, ".ron")))),+
        ];
    };
}

tables!(
    "trl",
    "axolotl",
    "llama-factory",
    "unsloth",
    "ms-swift",
    "mlx-lm",
    "torchtune",
    "accelerate",
    "deepspeed",
    "megatron-bridge",
    "vllm",
    "sglang",
    "llama-cpp",
    "ollama",
    "mergekit",
    "skypilot",
    "slurm",
    "kubeflow",
    "ray"
);

/// Rows that several tables share.
const SHARED: &[(&str, &str)] = &[
    ("trainer", include_str!("../../../assets/engines/export/trainer.ron")),
    ("serving", include_str!("../../../assets/engines/export/serving.ron")),
    ("machines", include_str!("../../../assets/engines/export/machines.ron")),
];

/// Every table.
pub fn all() -> &'static [Table] {
    static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
    // A table that does not parse fails a test and is left out here.
    TABLES.get_or_init(|| TEXTS.iter().filter_map(|(_, text)| read(text).ok()).collect())
}

/// The table called `id`.
pub fn find(id: &str) -> Option<&'static Table> {
    all().iter().find(|table| table.id == id)
}

fn read(text: &str) -> Result<Table, ron::error::SpannedError> {
    let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    let mut table: Table = options.from_str(text)?;
    let mut rows = Vec::new();
    for (_, text) in SHARED.iter().filter(|(name, _)| table.include.iter().any(|include| include == name)) {
        let shared: Vec<Row> = options.from_str(text)?;
        rows.extend(shared.into_iter().map(|mut row| {
            if !row.key.is_empty() && !table.include_under.is_empty() {
                row.key = format!("{}.{}", table.include_under, row.key);
            }
            row
        }));
    }
    rows.append(&mut table.rows);
    table.rows = rows;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::{Form, TEXTS, read};

    #[test]
    fn every_table_parses_and_its_rows_name_their_files_and_sources() {
        for (name, text) in TEXTS {
            let table = match read(text) {
                Ok(table) => table,
                Err(error) => panic!("{name}: {error}"),
            };
            assert_eq!(&table.id, name);
            assert!(!table.versions.is_empty() && !table.files.is_empty() && table.source.len() > 10, "{name}");
            for row in &table.rows {
                let place = format!("{name}: {} {}", row.say, row.key);
                assert!(row.file.is_empty() || table.files.iter().any(|file| file.name == row.file), "{place}");
                assert!(!row.say.is_empty() || row.value.is_some(), "{place}: a constant without a value");
                assert!(!row.back || !row.say.is_empty() && !row.key.is_empty(), "{place}");
            }
            for file in &table.files {
                assert!(file.form != Form::Script || file.text.contains("{{"), "{name}: {}", file.name);
            }
        }
    }
}
