//! Which shape a model's name means: its own entry, the same shape under another name, or none that is known.

use super::spelling::{Spelling, id_of};
use super::{Catalog, ModelEntry};
use crate::architecture::Architecture;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Most names that are offered in place of one that is not known.
const NEAREST: usize = 5;
/// Least likeness of a name that is offered, of 1.
const LIKENESS: f64 = 0.34;

/// A published name whose shape is that of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// `organisation/name`.
    pub name: String,
    /// Id of the entry of that shape; empty where it is known to have the shape of none.
    pub model: String,
    /// Where it says so.
    pub source: String,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelReading<'a> {
    /// The entry called so.
    Exact(&'a ModelEntry),
    /// Another name of a model that has the shape of this entry.
    SameShape(&'a ModelEntry),
    /// No shape of this name is known; these have names near to it.
    Unknown(Vec<&'a ModelEntry>),
}

impl<'a> ModelReading<'a> {
    /// The entry whose shape the name has, where one is known.
    pub fn entry(&self) -> Option<&'a ModelEntry> {
        match self {
            Self::Exact(entry) | Self::SameShape(entry) => Some(entry),
            Self::Unknown(_) => None,
        }
    }

    /// The sentence for a name that means nothing known: what to do, and which names are near.
    pub fn refusal(&self, name: &str) -> Option<String> {
        let Self::Unknown(near) = self else { return None };
        let short: String = name.chars().take(80).collect();
        let near: Vec<&str> = near.iter().map(|entry| entry.id.as_str()).collect();
        let near = if near.is_empty() { String::new() } else { format!("; names near to it: {}", near.join(", ")) };
        Some(format!("the shape of `{short}` is not known: open its config.json{near}"))
    }
}

/// A name of an entry, its own or an alias, taken apart.
#[derive(Clone, Debug)]
struct Name {
    spelt: Spelling,
    /// Who published it, in lower case.
    organisation: String,
    /// Position of the entry; `None` where the name is known to have another shape than its words say.
    model: Option<usize>,
    /// The entry's own name.
    is_own: bool,
}

/// Names of a catalogue, taken apart once.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    names: Vec<Name>,
    /// Positions in `names` by the whole name in lower case, with organisation and without.
    whole: HashMap<String, Vec<usize>>,
    /// Likewise by the stem.
    stems: HashMap<String, Vec<usize>>,
}

impl Index {
    pub fn of(models: &[ModelEntry], aliases: &[Alias]) -> Self {
        let mut index = Self::default();
        for (at, entry) in models.iter().enumerate() {
            index.add(&entry.id, Some(at), true, true);
        }
        for alias in aliases {
            let model = models.iter().position(|entry| entry.id == alias.model);
            if model.is_some() || alias.model.is_empty() {
                // Another's name for it counts only together with that other's.
                let is_makers =
                    alias.model.is_empty() || parts(&alias.name).0.eq_ignore_ascii_case(parts(&alias.model).0);
                index.add(&alias.name, model, false, is_makers);
            }
        }
        index
    }

    fn add(&mut self, id: &str, model: Option<usize>, is_own: bool, is_makers: bool) {
        let id = id.to_lowercase();
        let Some(spelt) = Spelling::of(&id) else { return };
        let (organisation, name) = parts(&id);
        let at = self.names.len();
        if is_makers {
            self.whole.entry(name.to_owned()).or_default().push(at);
        }
        if !organisation.is_empty() {
            self.whole.entry(id.clone()).or_default().push(at);
        }
        self.stems.entry(spelt.stem.clone()).or_default().push(at);
        self.names.push(Name { spelt, organisation: organisation.to_owned(), model, is_own });
    }

    fn whole(&self, name: &str) -> Vec<&Name> {
        self.whole.get(name).into_iter().flatten().filter_map(|&at| self.names.get(at)).collect()
    }

    /// Names with the stem of `spelt` that do not contradict it.
    fn called(&self, spelt: &Spelling) -> Vec<&Name> {
        let known = self.stems.get(&spelt.stem).into_iter().flatten().filter_map(|&at| self.names.get(at));
        known
            .filter(|name| spelt.is_of(&name.spelt))
            .filter(|name| name.model.is_some() || spelt.is_in_form_of(&name.spelt))
            .collect()
    }
}

/// Of several names those at the stage of training of `spelt`; all of them where there is none.
fn of_stage<'a>(names: Vec<&'a Name>, spelt: &Spelling) -> Vec<&'a Name> {
    let same: Vec<&Name> = names.iter().copied().filter(|name| spelt.is_at_the_stage_of(&name.spelt)).collect();
    if same.is_empty() || names.iter().any(|name| name.model.is_none()) { names } else { same }
}

/// Of several names those of the organisation that was typed; without one, or with one that is not among them, those of
/// who published the first: others copy its models, and some convert them.
fn of_publisher<'a>(names: Vec<&'a Name>, organisation: &str) -> Vec<&'a Name> {
    let typed = names.iter().any(|name| name.organisation == organisation);
    let publisher = if typed {
        organisation
    } else if let Some(first) = names.iter().find(|name| name.is_own) {
        &first.organisation
    } else {
        return names;
    };
    names.into_iter().filter(|name| name.organisation == publisher).collect()
}

fn parts(id: &str) -> (&str, &str) {
    id.rsplit_once('/').unwrap_or(("", id))
}

impl Catalog {
    /// What `name` means. A shape is given only where every entry that the name may mean has it.
    pub fn read_model(&self, name: &str) -> ModelReading<'_> {
        if let Some(entry) = self.models.iter().find(|entry| entry.id == name) {
            return ModelReading::Exact(entry);
        }
        let id = id_of(name).to_lowercase();
        let index = self.index();
        let (organisation, bare) = parts(&id);
        let whole = of_publisher(index.whole(&id), organisation);
        if whole.iter().any(|name| name.model.is_none()) {
            return ModelReading::Unknown(Spelling::of(&id).map(|spelt| self.near(&spelt)).unwrap_or_default());
        }
        if let Some(found) = self.of_one_shape(&whole) {
            let is_own = whole.iter().any(|name| name.is_own);
            return if is_own { ModelReading::Exact(found) } else { ModelReading::SameShape(found) };
        }
        let Some(spelt) = Spelling::of(&id) else { return ModelReading::Unknown(Vec::new()) };
        let copies = of_publisher(index.whole(bare), organisation);
        let called = of_stage(of_publisher(index.called(&spelt), organisation), &spelt);
        // `deepseek` is a family; `tinyllama` is the whole name of one.
        let is_definite = spelt.says_a_size() || called.iter().all(|name| !name.spelt.says_a_size());
        let found = self.of_one_shape(&copies);
        let found = found.or_else(|| self.of_one_shape(&called).filter(|_| is_definite));
        found.map_or_else(|| ModelReading::Unknown(self.near(&spelt)), ModelReading::SameShape)
    }

    /// Entries that `name` may mean, whether or not they have one shape: for those who know more than the name.
    pub fn models_called(&self, name: &str) -> Vec<&ModelEntry> {
        let id = id_of(name).to_lowercase();
        let (index, (_, bare)) = (self.index(), parts(&id));
        let called = Spelling::of(&id).map(|spelt| index.called(&spelt)).unwrap_or_default();
        let mut positions = Vec::new();
        for at in index.whole(&id).into_iter().chain(index.whole(bare)).chain(called).filter_map(|name| name.model) {
            if !positions.contains(&at) {
                positions.push(at);
            }
        }
        positions.into_iter().filter_map(|at| self.models.get(at)).collect()
    }

    /// The first of these entries, if all have one shape and none is known to have another.
    fn of_one_shape(&self, names: &[&Name]) -> Option<&ModelEntry> {
        let entry = |name: &&Name| name.model.and_then(|at| self.models.get(at));
        let first = names.first().and_then(entry)?;
        let same = |name: &&Name| entry(name).is_some_and(|other| same_shape(&first.architecture, &other.architecture));
        names.iter().all(same).then_some(first)
    }

    /// Entries whose names share most words with a name, best first.
    fn near(&self, spelt: &Spelling) -> Vec<&ModelEntry> {
        let mut best: HashMap<usize, f64> = HashMap::new();
        for known in &self.index().names {
            let words = &known.spelt.words;
            let shared = spelt.words.iter().filter(|word| words.contains(word)).count();
            let likeness = 2.0 * shared as f64 / (spelt.words.len() + words.len()).max(1) as f64;
            let Some(at) = known.model else { continue };
            let slot = best.entry(at).or_default();
            *slot = slot.max(likeness);
        }
        let mut near: Vec<(f64, usize)> = best
            .into_iter()
            .map(|(at, likeness)| (likeness, at))
            .filter(|(likeness, _)| *likeness >= LIKENESS)
            .collect();
        near.sort_by(|(a, a_at), (b, b_at)| b.total_cmp(a).then(a_at.cmp(b_at)));
        near.into_iter().take(NEAREST).filter_map(|(_, at)| self.models.get(at)).collect()
    }
}

/// The same tensors, whatever context they were trained for and in which format they were published.
fn same_shape(a: &Architecture, b: &Architecture) -> bool {
    let bare = |of: &Architecture| {
        let mut bare = of.clone();
        bare.max_positions = None;
        bare.native_dtype = crate::architecture::NativeDtype::Unknown;
        bare.flags.clear();
        bare
    };
    std::ptr::eq(a, b) || bare(a) == bare(b)
}
