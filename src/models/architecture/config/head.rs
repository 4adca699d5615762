//! The class's ending names its head: a vocabulary's, a score for each text or token, or none.

use super::super::{Architecture, Flag};
use super::nested::Parts;
use serde_json::{Map, Value};

/// Labels that transformers assumes where none are named.
const USUAL_LABELS: u64 = 2;

/// Counts the head that the class of `file` ends in.
pub fn take(class: &str, file: &Map<String, Value>, parts: &Parts<'_>, architecture: &mut Architecture) {
    let is_vocabulary = ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration"];
    if is_vocabulary.iter().any(|ending| class.ends_with(ending)) || !class.contains(char::is_uppercase) {
        return;
    }
    // A class around a language model is named for the whole: `…ChatModel` has the language model's own head.
    if parts.is_nested() && class.ends_with("Model") {
        return;
    }
    let hidden = architecture.hidden_size;
    let labels = [file, parts.text].into_iter().find_map(labels).unwrap_or(USUAL_LABELS);
    let scores = |labels: u64, bias: bool| labels.saturating_mul(hidden.saturating_add(u64::from(bias)));
    let (words, values) = if class.ends_with("ForSequenceClassification") {
        (format!("{class} gives {labels} scores a text"), scores(labels, false))
    } else if class.ends_with("ForTokenClassification") {
        (format!("{class} gives {labels} scores a token"), scores(labels, true))
    } else if class.ends_with("ForQuestionAnswering") {
        (format!("{class} marks the beginning and end of an answer"), scores(2, true))
    } else if class.ends_with("Model") && !class.ends_with("RewardModel") {
        (format!("{class} has no head"), 0)
    } else {
        let text = format!("the head of {class} is not known; a vocabulary's is assumed");
        return architecture.flags.push(Flag::Mismatch(text));
    };
    // No second matrix of the vocabulary, whatever the file says of its tie.
    architecture.head.tied = true;
    architecture.head.bias = false;
    architecture.other_params = architecture.other_params.saturating_add(values);
    architecture.flags.push(Flag::TaskHead(words));
}

fn labels(map: &Map<String, Value>) -> Option<u64> {
    let named = map.get("id2label").and_then(Value::as_object).map(|labels| labels.len() as u64);
    named.or_else(|| map.get("num_labels").and_then(Value::as_u64)).filter(|labels| *labels > 0)
}
