//! The class's ending names its head: a vocabulary's, a score for each text or token, or none.

use crate::architecture::Flag;

/// Endings of classes that predict words.
const VOCABULARY: [&str; 6] =
    ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM", "WithLMHeadModel", "ForPreTraining"];

/// Says which head the class has that an estimate takes for a vocabulary's. `model` is what the description calls the
/// class; without one `usual` is assumed.
pub fn say(class: &str, model: Option<&str>, usual: &str, labels: i64, flags: &mut Vec<Flag>) {
    if VOCABULARY.iter().any(|ending| class.ends_with(ending)) || !class.contains(char::is_uppercase) {
        return;
    }
    flags.push(if class.ends_with("ForSequenceClassification") {
        Flag::TaskHead(format!("{class} gives {labels} scores a text"))
    } else if class.ends_with("ForTokenClassification") {
        Flag::TaskHead(format!("{class} gives {labels} scores a token"))
    } else if class.ends_with("ForQuestionAnswering") {
        Flag::TaskHead(format!("{class} marks the beginning and end of an answer"))
    } else if model.is_some_and(|model| model != usual) {
        Flag::TaskHead(format!("{class} has no head"))
    } else {
        Flag::Mismatch(format!("the head of {class} is not known; a vocabulary's is assumed"))
    });
}
