//! A configuration read by a class description.

use super::super::class::{Configuration, KeyError, Node, Shaped, class, evaluate, shape_of};
use super::super::{Architecture, Flag};
use super::choice::Choice;
use super::head;
use super::nested::Parts;
use crate::units::grouped;
use serde_json::{Map, Value};
use std::rc::Rc;

/// What a class that is not known is read as, and said to be.
const GUESS: &str = "_unknown";

/// The shape of the file as `choice` reads it.
pub fn read(file: &Map<String, Value>, parts: &Parts<'_>, choice: &Choice) -> Result<Architecture, KeyError> {
    let model_type = choice.model_type.as_deref();
    let map = if choice.text_only || model_type.is_none() { parts.text } else { file };
    let known = class(model_type.unwrap_or(GUESS));
    let configuration = Rc::new(Configuration::new(map, known));
    let Some(known) = known else { return Err(KeyError("its description is missing".to_owned())) };
    let own = known.model_of(&choice.model_code).filter(|_| !choice.text_only && model_type.is_some());
    let usual = known.usual_model();
    // A model around a language model is named for the whole: `…ChatModel` has the language model's own head.
    let whole = choice.text_only && choice.model_code.ends_with("Model");
    let model = own.or_else(|| known.model_with_ending(&choice.model_code)).filter(|_| !whole);
    let nodes = evaluate(&configuration, model.unwrap_or(usual))?
        .ok_or_else(|| KeyError("its description is incomplete".to_owned()))?;
    let text = known.text_path();
    let shaped = shape_of(&configuration, &text, &nodes)?;
    let language = configuration.at(&text);
    let mut flags = Vec::new();
    left_out(&shaped, &mut flags);
    if !whole {
        head::say(&choice.model_code, model, usual, configuration.labels(), &mut flags);
    }
    ties(file, parts, &configuration, &mut flags)?;
    if configuration.fact("unchecked")? || language.fact("unchecked")? {
        let text = "its class was read from transformers and not checked a second time: the count may be off";
        flags.push(Flag::Mismatch(text.to_owned()));
    }
    if model_type.is_some() {
        fixed(&configuration, &text, &mut flags)?;
    } else {
        flags.push(Flag::UnknownModelCode(choice.model_code.clone()));
    }
    if let Some(other) = &choice.other_class {
        flags.push(Flag::Contradiction(format!(
            "`architectures` names {}, a class of {other}, and `model_type` is {}; it is read by `model_type`",
            choice.model_code,
            model_type.unwrap_or_default()
        )));
    }
    let left_out = parts.others().any(|name| !leads_to(&nodes, name));
    if left_out && !choice.text_only && model_type.is_some() && !flags.contains(&Flag::TextModelOnly) {
        flags.push(Flag::TextModelOnly);
    }
    if (choice.text_only || own.is_none() && text.is_empty())
        && (parts.has_towers() || choice.model_code.ends_with("ForConditionalGeneration"))
        && !flags.contains(&Flag::TextModelOnly)
    {
        flags.push(Flag::TextModelOnly);
    }
    let mut architecture = shaped.architecture;
    architecture.max_positions = language.count("max_position_embeddings")?;
    architecture.flags = flags;
    Ok(architecture)
}

/// Whether a model within is made from the configuration under `name`.
fn leads_to(nodes: &[Node], name: &str) -> bool {
    nodes.iter().any(|node| match node {
        Node::Part { path, nodes, .. } => {
            path.iter().any(|step| step == name) || nodes.as_deref().is_some_and(|nodes| leads_to(nodes, name))
        }
        Node::Tensor { .. } | Node::Layers { .. } => false,
    })
}

/// Says what is counted but not gone through, and what is not counted.
fn left_out(shaped: &Shaped, flags: &mut Vec<Flag>) {
    let counted: Vec<String> =
        shaped.towers.iter().filter_map(|(name, values)| Some(format!("`{name}` ({})", grouped((*values)?)))).collect();
    if !counted.is_empty() {
        flags.push(Flag::Partly(format!(
            "the parameters of {} are counted; what it keeps for the backward pass is not",
            counted.join(", ")
        )));
    }
    if shaped.towers.iter().any(|(_, values)| values.is_none()) {
        flags.push(Flag::TextModelOnly);
    }
    if shaped.architecture.layers.is_empty() {
        let text = "its layers are not those of a language model: its parameters are counted; what it keeps for the backward pass is not";
        flags.push(Flag::Partly(text.to_owned()));
    }
    if shaped.other_layers > 0 {
        flags.push(Flag::Partly(format!(
            "{} parameters of other layers, such as an encoder's, are counted; what they keep for the backward pass is not",
            grouped(shaped.other_layers)
        )));
    }
    if !shaped.unexplained.is_empty() {
        let names: Vec<String> = shaped.unexplained.iter().take(4).map(|name| format!("`{name}`")).collect();
        let more = if shaped.unexplained.len() > names.len() { " and others" } else { "" };
        flags.push(Flag::Partly(format!(
            "the parameters of {}{more} in its layers are counted; what they keep for the backward pass is not, and adapters do \
             not reach them here",
            names.join(", ")
        )));
    }
}

/// Where the tie of the head is said within and outside the text part and differs, it is said which one counts.
fn ties(
    file: &Map<String, Value>,
    parts: &Parts<'_>,
    configuration: &Configuration<'_>,
    flags: &mut Vec<Flag>,
) -> Result<(), KeyError> {
    let said = |part: &Map<String, Value>| part.get("tie_word_embeddings").and_then(Value::as_bool);
    let Some(outer) = said(file).filter(|_| parts.is_nested()) else { return Ok(()) };
    if let Some(inner) = said(parts.text).filter(|inner| *inner != outer) {
        let taken = configuration.key("tie_word_embeddings")?.is_true();
        let which = if taken == outer { "outer" } else { "inner" };
        flags.push(Flag::Contradiction(format!(
            "`tie_word_embeddings` is {outer} outside the text part and {inner} within it; the {which} one is taken, as transformers \
             5.24 does"
        )));
    }
    Ok(())
}

/// Keys that never changed while the description was checked, and differ here.
fn fixed(configuration: &Rc<Configuration<'_>>, text: &[String], flags: &mut Vec<Flag>) -> Result<(), KeyError> {
    let language = configuration.at(text);
    for part in if text.is_empty() { vec![configuration] } else { vec![configuration, &language] } {
        for (key, expected) in part.class().into_iter().flat_map(|class| &class.fixed) {
            let expected = part.evaluate(expected, &Default::default())?;
            let given = part.key(key)?;
            if part.raw(key).is_some() && !given.same(&expected) {
                flags.push(Flag::Mismatch(format!(
                    "`{key}` is {}, and this class was checked with {} alone",
                    given.brief(),
                    expected.brief()
                )));
            }
        }
    }
    Ok(())
}
