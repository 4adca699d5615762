//! axolotl 0.21.0: `prompt_strategies/chat_template.py` `ChatTemplateStrategy`, `prompt_tokenizers.py`
//! `InstructionPromptTokenizingStrategy`, `utils/data/utils.py` `handle_long_seq_in_dataset`.

use super::{Labelled, Made, Preparation, message, tools_of, turns_of};
use crate::Result;
use crate::check::Shape;
use crate::node::Node;

/// What is put in the place of an answer to find where it stands: two texts, since a template may write a sign beside it
/// that one of them begins or ends with.
const SENTINELS: [&str; 2] = ["[[dummy_message]]", "zzdummymessagezz"];

/// Places behind an answer among which its end token is looked for.
const NEAR: usize = 3;

impl Preparation<'_> {
    pub(super) fn axolotl(&mut self, row: &Node<'_>) -> Result<Made> {
        let whole = match Shape::of(row) {
            Shape::Messages | Shape::ShareGpt => {
                let Some((name, turns)) = turns_of(row).filter(|(_, turns)| !turns.is_empty()) else {
                    return Ok(Made::rejected("it has no messages"));
                };
                let keys = if name == "conversations" { ["from", "value"] } else { ["role", "content"] };
                let mut mapped: Vec<Node<'static>> = turns.iter().map(|turn| turn_of(turn, keys)).collect();
                let begins = mapped[0].get("role").and_then(Node::as_str) == Some("system");
                if let Some(system) = row.given("system").and_then(Node::as_str).filter(|_| !begins) {
                    mapped.insert(0, message("system", system));
                }
                self.spans(&mapped, tools_of(row).as_ref())?
            }
            Shape::Alpaca => match self.instruction(row)? {
                Some(whole) => whole,
                None => return Ok(Made::rejected("instruction or output is no text")),
            },
            Shape::Text => match row.given("text") {
                Some(Node::Text(text)) => Labelled::all(self.with_end(text, self.cutoff, true)?, true),
                _ => return Ok(Made::rejected("its text is no text")),
            },
            other => {
                let reason =
                    format!("no type reads rows of the format {} without a configuration of its own", other.id());
                return Ok(Made::rejected(reason));
            }
        };
        if whole.ids.len() > self.cutoff {
            let reason =
                format!("{} tokens are over sequence_len {}: the whole row is left out", whole.ids.len(), self.cutoff);
            return Ok(Made::dropped(whole, reason));
        }
        if whole.trained_tokens() == 0 {
            return Ok(Made::dropped(whole, "nothing of it is trained"));
        }
        Ok(Made { kept: whole.clone(), whole, verdict: super::Verdict::Kept, reason: String::new() })
    }

    /// The conversation as one text; of each answer the tokens that differ where another stands in its place, and the end
    /// token behind it.
    fn spans(&mut self, turns: &[Node<'_>], tools: Option<&Node<'_>>) -> Result<Labelled> {
        let text = self.render(turns, tools, false)?;
        let encoded = self.model.tokens.encode(&text, false)?;
        let mut made = Labelled::all(encoded.ids, false);
        let places = encoded.places;
        for at in 0..turns.len() {
            let is_trained = turns[at].get("role").and_then(Node::as_str) == Some("assistant");
            if !is_trained {
                continue;
            }
            let mut span: Option<(usize, usize)> = None;
            for sentinel in SENTINELS {
                let mut others = turns.to_vec();
                let role = turns[at].get("role").and_then(Node::as_str).unwrap_or_default();
                others[at] = message(role, sentinel);
                let (start, end) = difference(&text, &self.render(&others, tools, false)?);
                span = Some(span.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
            }
            let Some((start, end)) = span.filter(|(start, end)| end > start) else { continue };
            let first = places.partition_point(|place| place.end <= start);
            let last = places.partition_point(|place| place.start < end);
            if first >= places.len() {
                continue;
            }
            for trained in &mut made.trained[first..last.max(first)] {
                *trained = true;
            }
            let eos = self.eos();
            if let Some(behind) =
                made.ids.iter().skip(last).position(|id| Some(*id) == eos).filter(|behind| *behind <= NEAR)
            {
                made.trained[last + behind] = true;
            }
        }
        Ok(made)
    }

    fn instruction(&mut self, row: &Node<'_>) -> Result<Option<Labelled>> {
        let of = |name: &str| row.given(name).and_then(Node::as_str);
        let answer = of("output").or_else(|| of("response"));
        let (Some(instruction), Some(answer)) = (of("instruction"), answer) else { return Ok(None) };
        let asked = match of("input").filter(|input| !input.is_empty()) {
            Some(input) => format!(
                "Below is an instruction that describes a task, paired with an input that provides further context. Write a \
                 response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\
                 \n\n### Response:\n"
            ),
            None => format!(
                "Below is an instruction that describes a task. Write a response that appropriately completes the \
                 request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
            ),
        };
        let mut whole = Labelled::all(self.with_end(&asked, self.cutoff, false)?, false);
        let mut answer = self.with_end(answer, self.cutoff, true)?;
        if answer.first().copied() == self.bos() && self.bos().is_some() {
            answer.remove(0);
        }
        whole.extend(&answer, true);
        Ok(Some(whole))
    }

    /// Tokens in the frame of the tokenizer, no more than fit, with the end token where there is room.
    fn with_end(&self, text: &str, most: usize, ends: bool) -> Result<Vec<u32>> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids = self.encode(text, true)?;
        ids.truncate(most);
        if let Some(eos) = self.eos().filter(|eos| ends && ids.len() < most && ids.last() != Some(eos)) {
            ids.push(eos);
        }
        Ok(ids)
    }
}

/// A turn with the keys and roles of a template.
fn turn_of(turn: &Node<'_>, [role_key, content_key]: [&str; 2]) -> Node<'static> {
    let Node::Map(fields) = turn.clone().into_owned() else { return turn.clone().into_owned() };
    let role = |value: Node<'static>| match value.as_str() {
        Some("human") => Node::Text("user".into()),
        Some("gpt") => Node::Text("assistant".into()),
        _ => value,
    };
    let mapped = fields.into_iter().filter(|(_, value)| *value != Node::Null).map(|(key, value)| {
        if key == role_key {
            ("role".into(), role(value))
        } else if key == content_key {
            ("content".into(), value)
        } else {
            (key, value)
        }
    });
    Node::Map(mapped.collect())
}

/// The bytes of a text between what it has in common with another at both ends.
fn difference(text: &str, other: &str) -> (usize, usize) {
    let limit = text.len().min(other.len());
    let mut start = text.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let backwards = text.bytes().rev().zip(other.bytes().rev());
    let alike = backwards.take(limit - start).take_while(|(a, b)| a == b).count();
    let mut end = text.len() - alike;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand.
    #[test]
    fn a_difference_is_between_what_is_alike() {
        let cut = |text: &'static str, other| {
            let (start, end) = difference(text, other);
            &text[start..end]
        };
        assert_eq!(cut("ab[x]cd", "ab[yy]cd"), "x");
        assert_eq!(cut("aé|z", "aè|z"), "é", "whole signs, whose first bytes are alike");
        assert_eq!(cut("aa", "aaa"), "");
    }
}
