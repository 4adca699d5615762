//! What one stack says and another does not: the comparison of two versions.

use super::RuntimeProfile;

/// Keys that name a profile rather than say what its stack does.
const NAMES: [&str; 4] = ["name", "engine", "versions", "source"];

/// One fact in which two stacks differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Key in the profile: `heads.supervised`, `upcasts_unquantized`.
    pub key: String,
    /// What the first says; `none` where it says nothing.
    pub before: String,
    /// What the second says.
    pub after: String,
    /// Where the second's comes from; empty where its profile does not say.
    pub source: String,
}

/// What is said where nothing is.
const NOTHING: &str = "none";

impl RuntimeProfile {
    /// Every fact of the stack: key and value as a file says it.
    pub fn facts_said(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> =
            self.heads.iter().map(|(kind, head)| (format!("heads.{kind}"), format!("{head:?}"))).collect();
        all.extend(self.defaults.said().into_iter().map(|(key, word)| (format!("defaults.{key}"), word.to_owned())));
        let plain = self.values().into_iter().filter(|(key, _)| !NAMES.contains(key));
        all.extend(plain.map(|(key, value)| (key.to_owned(), value)));
        all
    }

    /// In what `to` differs, in the order of its facts; what only this stack says comes last.
    pub fn changes_to(&self, to: &Self) -> Vec<Change> {
        let (before, after) = (self.facts_said(), to.facts_said());
        let of = |facts: &[(String, String)], key: &str| {
            facts.iter().find(|(name, _)| name == key).map_or_else(|| NOTHING.to_owned(), |(_, value)| value.clone())
        };
        let mut keys: Vec<&String> = after.iter().map(|(key, _)| key).collect();
        keys.extend(before.iter().map(|(key, _)| key).filter(|key| !after.iter().any(|(name, _)| name == *key)));
        keys.into_iter()
            .map(|key| Change {
                key: key.clone(),
                before: of(&before, key),
                after: of(&after, key),
                source: to.facts.get(key).cloned().unwrap_or_default(),
            })
            .filter(|change| change.before != change.after)
            .collect()
    }
}

impl super::Defaults {
    /// What is said, by key.
    pub(super) fn said(&self) -> Vec<(&'static str, &str)> {
        [
            ("loss", &self.loss),
            ("load_format", &self.load_format),
            ("trained_format", &self.trained_format),
            ("adapter_format", &self.adapter_format),
            ("quantized_adapter_format", &self.quantized_adapter_format),
            ("autocast", &self.autocast),
            ("optimizer", &self.optimizer),
            ("offload_activations", &self.offload_activations),
            ("checkpointing", &self.checkpointing),
        ]
        .into_iter()
        .filter_map(|(key, word)| Some((key, word.as_deref()?)))
        .collect()
    }
}
