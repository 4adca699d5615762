//! Which keys an engine's release knows, and what becomes of those nobody reads.

use super::engine::Engine;
use super::fields::{Fields, Standard};
use crate::typos::nearest;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// What becomes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Read.
    Taken,
    /// Without influence on the job's figures.
    NotNeeded,
    /// Known, without a field.
    NoField,
    /// Not known: the part of the path that is not.
    Unknown(String),
}

/// An engine as it stands in `assets/engines/engines.ron`.
#[derive(Deserialize)]
struct Table {
    id: Engine,
    /// Newest first.
    releases: Vec<String>,
    /// Names that the release knows besides those of its configuration classes.
    #[serde(default)]
    also: Vec<String>,
    /// Names of tables that are handed on to other libraries, so that anything may stand in them.
    #[serde(default)]
    free: Vec<String>,
    /// Names (with `*`) without influence on the job's figures.
    #[serde(default)]
    not_needed: Vec<String>,
    /// Names of earlier releases.
    #[serde(default)]
    old: BTreeMap<String, Old>,
    /// What it does by itself.
    #[serde(default)]
    standards: Vec<(String, String, String)>,
}

/// A name that went.
#[derive(Deserialize)]
struct Old {
    /// Last release read that had it.
    until: String,
    /// What it is called now; empty: it is gone.
    #[serde(default)]
    now: String,
}

#[derive(Default, Deserialize)]
struct Tables {
    /// Names that no engine's figures depend on.
    not_needed: Vec<String>,
    engines: Vec<Table>,
}

/// What is known of an engine.
pub struct Known {
    table: Table,
    /// Names of each release, newest first.
    names: Vec<(String, BTreeSet<&'static str>)>,
    not_needed: Vec<String>,
}

/// Names of the releases, as `tools/engines/keys.py` wrote them.
const NAMES: &[(&str, &str)] = &[
    ("accelerate-1.15.0", include_str!("../../../assets/engines/names/accelerate-1.15.0.txt")),
    ("axolotl-0.19.0", include_str!("../../../assets/engines/names/axolotl-0.19.0.txt")),
    ("axolotl-0.21.0", include_str!("../../../assets/engines/names/axolotl-0.21.0.txt")),
    ("deepspeed-0.19.8", include_str!("../../../assets/engines/names/deepspeed-0.19.8.txt")),
    ("llama-factory-0.9.5", include_str!("../../../assets/engines/names/llama-factory-0.9.5.txt")),
    ("mlx-lm-0.32.2", include_str!("../../../assets/engines/names/mlx-lm-0.32.2.txt")),
    ("ms-swift-4.6.0", include_str!("../../../assets/engines/names/ms-swift-4.6.0.txt")),
    ("peft-0.21.2", include_str!("../../../assets/engines/names/peft-0.21.2.txt")),
    ("skypilot-0.12", include_str!("../../../assets/engines/names/skypilot-0.12.txt")),
    ("torchtune-0.6.1", include_str!("../../../assets/engines/names/torchtune-0.6.1.txt")),
    ("trl-1.16.0", include_str!("../../../assets/engines/names/trl-1.16.0.txt")),
];

fn all() -> &'static [Known] {
    static ALL: OnceLock<Vec<Known>> = OnceLock::new();
    ALL.get_or_init(|| {
        // The file is part of the program; a test reads it.
        let tables: Tables = ron::from_str(include_str!("../../../assets/engines/engines.ron")).unwrap_or_default();
        let known = |table: Table| {
            let names = table.releases.iter().map(|version| {
                let file = format!("{}-{version}", table.id.id());
                let text = NAMES.iter().find(|(name, _)| *name == file).map_or("", |(_, text)| text);
                (version.clone(), text.lines().collect())
            });
            Known { names: names.collect(), not_needed: tables.not_needed.clone(), table }
        };
        tables.engines.into_iter().map(known).collect()
    })
}

/// What is known of `engine`.
pub fn of(engine: Engine) -> Option<&'static Known> {
    all().iter().find(|known| known.table.id == engine)
}

/// Engines with the releases whose keys are known, newest first.
pub fn releases() -> Vec<(Engine, Vec<String>)> {
    all().iter().map(|known| (known.table.id, known.table.releases.clone())).collect()
}

impl Known {
    /// The newest release.
    pub fn version(&self) -> &str {
        self.names.first().map_or("", |(version, _)| version)
    }

    /// How many names of the top the release knows, of those in `names`.
    pub fn knows<'a>(&self, names: impl Iterator<Item = &'a str>) -> usize {
        names.filter(|name| self.is_known(name) || self.table.old.contains_key(*name)).count()
    }

    fn is_known(&self, name: &str) -> bool {
        let newest = self.names.first().is_some_and(|(_, names)| names.contains(name));
        newest || self.table.also.iter().any(|also| matches(also, name))
    }

    /// What becomes of a key that nobody reads.
    pub fn fate(&self, path: &str) -> Fate {
        let mut so_far = String::new();
        for segment in path.split('.') {
            let name = segment.split('[').next().unwrap_or(segment);
            so_far = if so_far.is_empty() { name.to_owned() } else { format!("{so_far}.{name}") };
            if !self.is_known(name) {
                return Fate::Unknown(name.to_owned());
            }
            if self.is_not_needed(&so_far) || self.is_not_needed(name) {
                return Fate::NotNeeded;
            }
            if self.table.free.iter().any(|free| *free == name || *free == so_far) {
                return Fate::NoField;
            }
        }
        Fate::NoField
    }

    fn is_not_needed(&self, name: &str) -> bool {
        self.table.not_needed.iter().chain(&self.not_needed).any(|pattern| matches(pattern, name))
    }

    /// Why a name is unknown: what it is called now, which release had it, or, where it is to be looked for, the nearest name.
    pub fn unknown(&self, name: &str, look_for_near: bool) -> String {
        let engine = self.table.id.title();
        let version = self.version();
        if let Some(old) = self.table.old.get(name) {
            let now = if old.now.is_empty() { "it is gone".to_owned() } else { format!("now `{}`", old.now) };
            return format!("not known to {engine} {version}; {} knew it, {now}", old.until);
        }
        if let Some((earlier, _)) = self.names.iter().skip(1).find(|(_, names)| names.contains(name)) {
            return format!("not known to {engine} {version}; {earlier} knew it");
        }
        let newest = self.names.first().filter(|_| look_for_near);
        let near = newest.and_then(|(_, names)| nearest(name, names.iter().copied()));
        match near {
            Some(near) => format!("not known to {engine} {version}; did you mean `{near}`?"),
            None => format!("not known to {engine} {version}"),
        }
    }

    /// What the engine does where `fields` say nothing.
    pub fn standards(&self, fields: &Fields) -> Vec<Standard> {
        let adapters = fields.method.as_deref().is_some_and(|method| method != "full");
        let of_adapter = |field: &str| matches!(field, "rank" | "alpha" | "targets");
        self.table
            .standards
            .iter()
            .filter(|(field, ..)| fields.says(field) == Some(false) && (adapters || !of_adapter(field)))
            .filter(|(field, ..)| field != "epochs" || fields.steps.is_none())
            .map(|(field, value, source)| Standard {
                field: field.clone(),
                value: match (value.as_str(), fields.rank) {
                    ("2 × rank", Some(rank)) => rank.saturating_mul(2).to_string(),
                    _ => value.clone(),
                },
                source: source.clone(),
            })
            .collect()
    }
}

/// Whether `name` is `pattern`, in which one `*` may stand for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, NAMES, Tables};

    /// A table that does not parse would leave every key unknown without a word.
    #[test]
    fn the_tables_parse_and_name_files_that_are_there() {
        let parsed: Result<Tables, _> = ron::from_str(include_str!("../../../assets/engines/engines.ron"));
        assert!(parsed.is_ok(), "{:?}", parsed.err());
        let tables = parsed.unwrap_or_default();
        assert_eq!(tables.engines.len(), 10);
        for table in &tables.engines {
            for version in &table.releases {
                let file = format!("{}-{version}", table.id.id());
                let text = NAMES.iter().find(|(name, _)| *name == file);
                assert!(text.is_some_and(|(_, text)| text.lines().count() > 20), "{file}");
            }
            // A default of a field that is not there would never be taken.
            for (field, ..) in &table.standards {
                assert!(Fields::default().says(field).is_some(), "{}: {field}", table.id.id());
            }
        }
    }
}
