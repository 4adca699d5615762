//! Profiles as files: what a file says, and how it builds on the profile it inherits from.

use serde::{Deserialize, Deserializer};

/// Most profiles of one file.
const MOST: usize = 256;

/// Defines [`RuntimeProfile`](super::RuntimeProfile) and, key by key, what a file says of one; a default stands where
/// neither the file nor what it inherits from says anything.
macro_rules! profile {
    (@default $key:ident, $default:expr) => { $default };
    (@default $key:ident) => { return Err(stringify!($key)) };
    (
        $(#[doc = $about:literal])+
        @
        $($(#[$doc:meta])* $key:ident: $type:ty $(= $default:expr)?;)+
    ) => {
        $(#[doc = $about])+
                #[derive(Clone, Debug, PartialEq)]
        pub struct RuntimeProfile {
            /// Stable id: `hf-trainer`, `trl-1.16`, …
            pub id: String,
            /// Profile it builds on.
            pub inherits: Option<String>,
            /// How the stack computes the loss, by [`Kind::id`](super::kind::Kind): kinds that are not in it have no model
            /// of their own on this stack.
            pub heads: BTreeMap<String, LossHead>,
            /// What the stack does where a plan does not say.
            pub defaults: Defaults,
            /// Where facts come from, by key.
            pub facts: BTreeMap<String, String>,
            $($(#[$doc])* pub $key: $type,)+
        }

        /// What a file says of one profile.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Said {
            pub(super) id: String,
            #[serde(default, deserialize_with = "file::said")]
            pub(super) inherits: Option<String>,
            #[serde(default)]
            heads: BTreeMap<String, LossHead>,
            #[serde(default, deserialize_with = "file::said")]
            defaults: Option<Defaults>,
            #[serde(default)]
            facts: BTreeMap<String, String>,
            $(#[serde(default, deserialize_with = "file::said")] $key: Option<$type>,)+
        }

        impl RuntimeProfile {
            /// Keys that are plain values, and the values as they are written.
            pub(super) fn values(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($key), format!("{:?}", self.$key)),)+]
            }
        }

        impl Said {
            /// The profile, with what is not said taken from `base`; the error is the key that neither says.
            pub(super) fn onto(self, base: Option<&RuntimeProfile>) -> Result<RuntimeProfile, &'static str> {
                let mut heads = base.map(|base| base.heads.clone()).unwrap_or_default();
                heads.extend(self.heads);
                let mut facts = base.map(|base| base.facts.clone()).unwrap_or_default();
                facts.extend(self.facts);
                let inherited = base.map(|base| base.defaults.clone()).unwrap_or_default();
                Ok(RuntimeProfile {
                    id: self.id,
                    inherits: self.inherits,
                    heads,
                    defaults: self.defaults.map_or_else(|| inherited.clone(), |own| own.over(&inherited)),
                    facts,
                    $($key: match (self.$key, base) {
                        (Some(said), _) => said,
                        (None, Some(base)) => base.$key.clone(),
                        (None, None) => file::profile!(@default $key $(, $default)?),
                    },)+
                })
            }
        }
    };
}
pub(super) use profile;

/// A key that is there, whatever its value.
pub(super) fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// What `text` says: one profile, or a list of them.
pub(super) fn read(text: &str) -> Result<Vec<super::Said>, String> {
    let list = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("//"));
    let read = if list.is_some_and(|line| line.starts_with('[')) {
        ron::from_str::<Vec<super::Said>>(text)
    } else {
        ron::from_str::<super::Said>(text).map(|one| vec![one])
    };
    let read = read.map_err(|error| error.to_string())?;
    if read.len() > MOST {
        return Err(format!("{} profiles; {MOST} is the most of a file", read.len()));
    }
    Ok(read)
}

/// Line and column, from 1, of a key in the text of profile `id`; the beginning where it is not found.
pub(super) fn place_of(text: &str, id: &str, key: &str) -> (usize, usize) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let own = format!("\"{id}\"");
    let mut inside = false;
    for (line, number) in text.lines().zip(1..) {
        let code = line.split("//").next().unwrap_or_default();
        if let Some(at) = code.find("id:").filter(|&at| !code[..at].chars().next_back().is_some_and(is_word)) {
            inside = code[at..].contains(&own);
        }
        if !inside {
            continue;
        }
        for (at, _) in code.match_indices(key) {
            let before = code[..at].chars().next_back().is_some_and(is_word);
            if !before && code[at + key.len()..].trim_start().starts_with(':') {
                return (number, code[..at].chars().count() + 1);
            }
        }
    }
    (1, 1)
}

impl super::Defaults {
    /// These, and where they say nothing those of `base`.
    pub(super) fn over(self, base: &Self) -> Self {
        let or = |own: Option<String>, base: &Option<String>| own.or_else(|| base.clone());
        Self {
            loss: or(self.loss, &base.loss),
            load_format: or(self.load_format, &base.load_format),
            trained_format: or(self.trained_format, &base.trained_format),
            adapter_format: or(self.adapter_format, &base.adapter_format),
            quantized_adapter_format: or(self.quantized_adapter_format, &base.quantized_adapter_format),
            autocast: or(self.autocast, &base.autocast),
            optimizer: or(self.optimizer, &base.optimizer),
            offload_activations: or(self.offload_activations, &base.offload_activations),
            checkpointing: or(self.checkpointing, &base.checkpointing),
        }
    }
}
