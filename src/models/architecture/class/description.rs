//! The descriptions, as they stand in `assets/classes/*.ron`.

use super::expression::Expression;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

include!(concat!(env!("OUT_DIR"), "/classes.rs"));

/// Most descriptions one is like, one after the other.
const MAX_LIKE: u32 = 4;

/// Everything known of one model type.
#[derive(Debug, Default)]
pub struct Class {
    /// What its classes begin with: `Llama` of `LlamaForCausalLM`.
    pub prefix: String,
    /// The class that `AutoModel` makes, without the prefix.
    pub base: String,
    /// Key → the name it is stored under (`hidden_size` → `n_embd`).
    pub names: BTreeMap<String, String>,
    /// What a key is that a file does not give.
    pub absent: BTreeMap<String, Expression>,
    /// What a key is that a file gives as null.
    pub null: BTreeMap<String, Expression>,
    /// What becomes of a key that a file gives, where it does not stand as it is.
    pub given: BTreeMap<String, Expression>,
    /// Configurations within: their key → the model type, and whether a file can name another.
    pub parts: BTreeMap<String, PartType>,
    /// `part.key` → what the class makes of that key of a configuration within, whatever the file gives.
    pub set: BTreeMap<String, Expression>,
    /// Keys of a configuration within that a file does not have at all.
    pub without: BTreeMap<String, Map<String, Json>>,
    /// Keys that had one value only when the description was checked.
    pub fixed: BTreeMap<String, Expression>,
    /// Class without the prefix → what it is made of.
    pub models: BTreeMap<String, Vec<Item>>,
    /// What tensors do not show; `roles::Facts` has the names.
    pub facts: BTreeMap<String, Expression>,
}

/// Model type of a configuration within another.
#[derive(Clone, Debug, Deserialize)]
pub enum PartType {
    /// Always this one.
    Always(String),
    /// This one unless the file says another.
    Usually(String),
    /// As `Usually`; keys that stand outside belong to it where it is not given apart.
    Flat(String),
}

/// One piece of a model.
#[derive(Debug)]
pub enum Item {
    /// A parameter: name and sizes.
    Tensor(String, Vec<Expression>),
    /// A list of modules: name, how many, what each has.
    Loop(String, Expression, Vec<Self>),
    /// Only where the condition holds.
    When(Expression, Vec<Self>),
    /// A model within: name, class without its prefix, and the configuration it is made from.
    Part(String, String, Vec<String>),
    /// A tensor of a part that is shared with another and so not there a second time.
    Without(String),
}

#[derive(Deserialize)]
enum RawItem {
    Tensor(String, String),
    Loop(String, String, Vec<Self>),
    When(String, Vec<Self>),
    Part(String, String, String),
    Without(String),
}

/// A file. What it does not say is as in the one it is `like`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    like: Option<String>,
    prefix: String,
    #[serde(default)]
    base: Option<String>,
    #[serde(default)]
    names: BTreeMap<String, String>,
    #[serde(default)]
    absent: BTreeMap<String, String>,
    #[serde(default)]
    null: BTreeMap<String, String>,
    #[serde(default)]
    given: BTreeMap<String, String>,
    #[serde(default)]
    parts: BTreeMap<String, PartType>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    without: BTreeMap<String, String>,
    #[serde(default)]
    fixed: BTreeMap<String, String>,
    #[serde(default)]
    models: BTreeMap<String, Vec<RawItem>>,
    #[serde(default)]
    facts: BTreeMap<String, String>,
}

/// What classes that predict words end in, the usual one first.
const WITH_VOCABULARY: [&str; 6] =
    ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM", "WithLMHeadModel", "ForPreTraining"];
/// Keys under which configurations keep their language model.
const TEXT_PARTS: [&str; 5] = ["thinker_config", "text_config", "llm_config", "language_config", "decoder"];

impl Class {
    /// What the description calls the class `name`.
    pub fn model_of(&self, name: &str) -> Option<&str> {
        let rest = name.strip_prefix(&self.prefix).and_then(|rest| self.models.get_key_value(rest));
        rest.or_else(|| self.models.get_key_value(name)).map(|(model, _)| model.as_str())
    }

    /// The class of this type with the same ending as `name`, which is of another type or a maker's own.
    pub fn model_with_ending(&self, name: &str) -> Option<&str> {
        let at = name.rfind("For").or_else(|| name.rfind("LMHeadModel"));
        let ending = at.map(|at| &name[at..]);
        let bare = name.ends_with("Model") && !name.ends_with("RewardModel") && at.is_none();
        let found = ending.and_then(|ending| self.models.get_key_value(ending)).map(|(model, _)| model.as_str());
        found.or_else(|| bare.then_some(self.base.as_str()))
    }

    /// The class that predicts words, else the bare one.
    pub fn usual_model(&self) -> &str {
        let found = WITH_VOCABULARY.iter().find_map(|ending| self.models.get_key_value(*ending));
        found.map_or(self.base.as_str(), |(model, _)| model)
    }

    /// The name of [`Class::usual_model`].
    pub fn usual_class(&self) -> String {
        format!("{}{}", self.prefix, self.usual_model())
    }

    /// The keys that lead to the configuration of its language model.
    pub fn text_path(&self) -> Vec<String> {
        let part = TEXT_PARTS.iter().find_map(|name| self.parts.get_key_value(*name));
        let Some((name, PartType::Always(kind) | PartType::Usually(kind) | PartType::Flat(kind))) = part else {
            return Vec::new();
        };
        let mut path = vec![name.clone()];
        path.extend(class(kind).map(Self::text_path).unwrap_or_default().into_iter().take(2));
        path
    }
}

/// Model types with a description.
pub fn model_types() -> impl Iterator<Item = &'static str> {
    DESCRIPTIONS.iter().map(|(name, _)| *name)
}

/// The class with this `model_type`.
pub fn class(model_type: &str) -> Option<&'static Class> {
    static READ: [OnceLock<Result<Class, String>>; DESCRIPTIONS.len()] =
        [const { OnceLock::new() }; DESCRIPTIONS.len()];
    let at = DESCRIPTIONS.binary_search_by_key(&model_type, |(name, _)| name).ok()?;
    // The descriptions are files of this repository; a test reads them all, so none can be broken in a release.
    READ.get(at)?.get_or_init(|| read(at, MAX_LIKE)).as_ref().ok()
}

/// Model type of the class called `name`: the one with the longest prefix that has it.
pub fn class_named(name: &str) -> Option<&'static str> {
    let has = |class: &Class| {
        name.strip_prefix(&class.prefix).is_some_and(|rest| class.models.contains_key(rest))
            || class.models.contains_key(name)
    };
    let known =
        model_types().filter_map(|model_type| Some((model_type, class(model_type).filter(|class| has(class))?)));
    known.max_by_key(|(_, class)| class.prefix.len()).map(|(model_type, _)| model_type)
}

/// What is wrong with the descriptions that are built in; nothing, or a test fails.
pub fn class_faults() -> Vec<String> {
    (0..DESCRIPTIONS.len()).filter_map(|at| read(at, MAX_LIKE).err()).collect()
}

fn read(at: usize, more: u32) -> Result<Class, String> {
    let (name, text) = DESCRIPTIONS.get(at).copied().unwrap_or_default();
    let file: File = ron::from_str(text).map_err(|error| format!("{name}.ron: {error}"))?;
    let mut class = match &file.like {
        Some(like) => {
            let base = DESCRIPTIONS.binary_search_by_key(&like.as_str(), |(name, _)| name);
            let base =
                base.ok().filter(|_| more > 0).ok_or_else(|| format!("{name}.ron is like {like}, which is not"))?;
            read(base, more - 1)?
        }
        None => Class { base: "Model".to_owned(), ..Class::default() },
    };
    let fault = |error: String| format!("{name}.ron: {error}");
    class.prefix = file.prefix;
    class.base = file.base.unwrap_or(class.base);
    class.names.extend(file.names);
    for (from, into) in [
        (file.absent, &mut class.absent),
        (file.null, &mut class.null),
        (file.given, &mut class.given),
        (file.set, &mut class.set),
        (file.fixed, &mut class.fixed),
        (file.facts, &mut class.facts),
    ] {
        for (key, text) in from {
            into.insert(key, Expression::parse(&text).map_err(fault)?);
        }
    }
    class.parts.extend(file.parts);
    for (part, text) in file.without {
        let keys = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
        class.without.insert(part, keys);
    }
    for (model, items) in file.models {
        class.models.insert(model, compiled(items).map_err(fault)?);
    }
    Ok(class)
}

fn compiled(items: Vec<RawItem>) -> Result<Vec<Item>, String> {
    let one = |item| {
        Ok(match item {
            RawItem::Tensor(name, shape) => Item::Tensor(name, Expression::parse_list(&shape)?),
            RawItem::Loop(name, count, items) => Item::Loop(name, Expression::parse(&count)?, compiled(items)?),
            RawItem::When(condition, items) => Item::When(Expression::parse(&condition)?, compiled(items)?),
            RawItem::Part(name, model, path) => {
                let path = path.split('.').filter(|step| !step.is_empty()).map(ToOwned::to_owned).collect();
                Item::Part(name, model, path)
            }
            RawItem::Without(name) => Item::Without(name),
        })
    };
    items.into_iter().map(one).collect()
}

impl Item {
    /// Whether it differs between the repetitions at `depth`.
    pub fn varies(&self, depth: usize) -> bool {
        match self {
            Self::Tensor(_, shape) => shape.iter().any(|size| size.varies(depth)),
            Self::Loop(_, count, items) => count.varies(depth) || items.iter().any(|item| item.varies(depth)),
            Self::When(condition, items) => condition.varies(depth) || items.iter().any(|item| item.varies(depth)),
            Self::Part(..) | Self::Without(_) => false,
        }
    }
}
