//! Which description a file is read by: that of its own type, else that of the language model within, else Llama's.

use super::nested::Parts;
use crate::architecture::class::{Configuration, canonical, class, class_named};
use serde_json::{Map, Value};

/// How a file is read.
pub struct Choice {
    /// What the class is called.
    pub model_code: String,
    /// The model type whose description is taken; `None`: none is known.
    pub model_type: Option<String>,
    /// The description is of the language model within alone.
    pub text_only: bool,
    /// `architectures` names a class of another type.
    pub other_class: Option<String>,
}

impl Choice {
    /// `None` where the file says neither type nor class.
    pub fn of(file: &Map<String, Value>, parts: &Parts<'_>) -> Option<Self> {
        let class_of = |map: &Map<String, Value>| map.get("architectures")?.get(0)?.as_str().map(ToOwned::to_owned);
        let type_of = |map: &Map<String, Value>| map.get("model_type")?.as_str().map(ToOwned::to_owned);
        let known = |model_type: Option<String>| {
            model_type.map(|found| canonical(&found).to_owned()).filter(|found| class(found).is_some())
        };
        let by_class = |name: Option<String>| name.and_then(|name| class_named(&name)).map(ToOwned::to_owned);
        let (outer_class, outer_type) = (class_of(file), type_of(file));

        // Composite types are also written flat, with the sizes of the language model outside.
        let flat = !parts.is_nested() && ["hidden_size", "num_hidden_layers"].iter().all(|key| file.contains_key(*key));
        let text_of = |found: String| known(flat.then(|| format!("{found}_text"))).unwrap_or(found);
        let outer =
            known(outer_type.clone()).filter(|found| !Configuration::new(file, class(found)).has_part_of_another());
        let within = parts.is_nested().then(|| known(type_of(parts.text)).or_else(|| by_class(class_of(parts.text))));
        let named = || by_class(outer_class.clone());
        let (model_type, text_only) = match (outer, within.flatten()) {
            (Some(outer), _) => (Some(text_of(outer)), false),
            (None, Some(within)) => (Some(within), true),
            (None, None) => (named().map(text_of), parts.is_nested()),
        };
        let usual = || Some(class(model_type.as_deref()?)?.usual_class());
        let model_code = outer_class.clone().or_else(usual).or(outer_type)?;
        let chosen = model_type.as_deref().and_then(class);
        // The class of a composite type is what its flat file names too.
        let is_flat_text = flat && model_type.as_deref().is_some_and(|found| found.ends_with("_text"));
        let other_class = outer_class.filter(|_| !text_only && !is_flat_text).and_then(|name| {
            let chosen = chosen.filter(|chosen| chosen.model_of(&name).is_none())?;
            // Looking a class up by its name reads all descriptions; most files need none of it.
            let other = class_named(&name)?;
            (class(other)?.prefix != chosen.prefix).then(|| other.to_owned())
        });
        Some(Self { model_code, model_type, text_only, other_class })
    }
}
