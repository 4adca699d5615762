//! TRL 1.16.0, `trl/trainer/sft_trainer.py` `SFTTrainer._prepare_dataset`, and Unsloth, `unsloth_zoo/dataset_utils.py`
//! `sft_prepare_dataset`, which takes its place.

use super::{Labelled, Made, Preparation, Trainer, tools_of};
use crate::Result;
use crate::node::Node;

/// How all rows are read: the first one decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A list of messages.
    Turns,
    /// `conversations`, whose keys are renamed, and whose values are not.
    Renamed,
    /// `prompt` and `completion` as messages.
    PromptTurns,
    /// `prompt` and `completion` as text.
    PromptText,
    /// `text`.
    Text,
    /// Not at all.
    Refused(&'static str),
}

impl Way {
    fn of(first: &Node<'_>, trainer: Trainer) -> Self {
        let has = |name: &str| first.get(name).is_some();
        let is_talk = |name: &str, role: &str, content: &str| {
            let turn = first.get(name).and_then(Node::as_list).and_then(<[_]>::first);
            turn.is_some_and(|turn| turn.get(role).is_some() && turn.get(content).is_some())
        };
        if trainer == Trainer::Unsloth {
            return if has("prompt") && has("completion") {
                if is_talk("prompt", "role", "content") { Self::PromptTurns } else { Self::PromptText }
            } else if has("text") {
                Self::Text
            } else if first.get("messages").and_then(Node::as_list).is_some_and(|turns| !turns.is_empty()) {
                Self::Turns
            } else {
                Self::Refused(
                    "Unsloth: You must specify a `formatting_func`: the first row has no text, messages, or prompt and completion",
                )
            };
        }
        if is_talk("conversations", "from", "value") {
            return Self::Renamed;
        }
        match (has("prompt"), has("completion")) {
            (true, true) if is_talk("prompt", "role", "content") => Self::PromptTurns,
            (true, true) => Self::PromptText,
            (true, false) => Self::Refused("KeyError: 'completion': the first row has a prompt and no completion"),
            (false, _) if is_talk("messages", "role", "content") => Self::Turns,
            (false, _) if has("text") => Self::Text,
            (false, _) => {
                Self::Refused("KeyError: 'text': the first row has neither messages, prompt and completion, nor text")
            }
        }
    }
}

impl Preparation<'_> {
    pub(super) fn trl(&mut self, row: &Node<'_>) -> Result<Made> {
        let trainer = self.trainer;
        let way = self.first.get_or_insert_with(|| Way::of(row, trainer)).clone();
        let whole = match way {
            Way::Refused(reason) => return Ok(Made::rejected(reason)),
            Way::Turns => match row.given("messages").and_then(Node::as_list) {
                Some(turns) => self.whole(turns, row)?,
                None => return Ok(Made::rejected("it has no messages, which the first row has")),
            },
            Way::Renamed => match row.given("conversations").and_then(Node::as_list) {
                Some(turns) => self.whole(&turns.iter().map(renamed).collect::<Vec<_>>(), row)?,
                None => return Ok(Made::rejected("it has no conversations, which the first row has")),
            },
            Way::PromptTurns => match (row.given("prompt"), row.given("completion")) {
                (Some(Node::List(prompt)), Some(Node::List(completion))) => self.talk(prompt, completion, row)?,
                _ => return Ok(Made::rejected("prompt and completion are not both messages, as in the first row")),
            },
            Way::PromptText => match (row.given("prompt"), row.given("completion")) {
                (Some(Node::Text(prompt)), Some(Node::Text(completion))) => self.pair(prompt, completion)?,
                _ => return Ok(Made::rejected("prompt and completion are not both text, as in the first row")),
            },
            Way::Text => match row.given("text") {
                Some(Node::Text(text)) => self.text(text)?,
                _ => return Ok(Made::rejected("it has no text, which the first row has")),
            },
        };
        Ok(self.cut(whole))
    }

    /// Cut at the end; TRL leaves out what then trains nothing.
    fn cut(&self, whole: Labelled) -> Made {
        let made = Made::cut_at_end(whole, self.cutoff);
        let is_left = made.kept.trained_tokens() > 0;
        match (is_left, self.trainer) {
            (true, _) => made,
            (false, Trainer::Unsloth) => {
                let reason = "nothing of it is trained, and it is kept".to_owned();
                Made { verdict: super::Verdict::Untrained, reason, ..made }
            }
            (false, _) if made.whole.ids.is_empty() => Made::dropped(made.whole, "the template writes nothing of it"),
            (false, _) => {
                let reason = format!("nothing that is trained lies within {} tokens", self.cutoff);
                Made::dropped(made.whole, reason)
            }
        }
    }

    fn whole(&mut self, turns: &[Node<'_>], row: &Node<'_>) -> Result<Labelled> {
        let text = self.render(turns, tools_of(row).as_ref(), false)?;
        Ok(Labelled::all(self.encode(&text, false)?, true))
    }

    fn talk(&mut self, prompt: &[Node<'_>], completion: &[Node<'_>], row: &Node<'_>) -> Result<Labelled> {
        let tools = tools_of(row);
        let asked = self.render(prompt, tools.as_ref(), true)?;
        let turns: Vec<Node<'_>> = prompt.iter().chain(completion).cloned().collect();
        let whole = self.render(&turns, tools.as_ref(), false)?;
        Ok(self.parted(&self.encode(&asked, false)?, self.encode(&whole, false)?))
    }

    fn pair(&mut self, prompt: &str, completion: &str) -> Result<Labelled> {
        let mut whole = format!("{prompt}{completion}");
        if let Some(eos) = self.model.eos.as_ref().filter(|eos| !completion.ends_with(&eos.word)) {
            whole.push_str(&eos.word);
        }
        let specials = self.adds_specials(prompt);
        Ok(self.parted(&self.encode(prompt, specials)?, self.encode(&whole, specials)?))
    }

    /// The completion begins where the tokens of the prompt and of both part (TRL), or after as many (Unsloth).
    fn parted(&self, prompt: &[u32], whole: Vec<u32>) -> Labelled {
        let alike = prompt.iter().zip(&whole).take_while(|(a, b)| a == b).count();
        let begin = if self.trainer == Trainer::Unsloth { prompt.len().min(whole.len()) } else { alike };
        let trained = (0..whole.len()).map(|at| at >= begin).collect();
        Labelled { ids: whole, trained }
    }

    fn text(&mut self, text: &str) -> Result<Labelled> {
        let mut text = text.to_owned();
        let eos = self.model.eos.as_ref().filter(|eos| self.trainer == Trainer::Trl && !text.ends_with(&eos.word));
        if let Some(eos) = eos {
            text.push_str(&eos.word);
        }
        let specials = self.adds_specials(&text);
        Ok(Labelled::all(self.encode(&text, specials)?, true))
    }

    /// Unsloth leaves the frame away where text or template have the token that begins a text.
    fn adds_specials(&self, text: &str) -> bool {
        let bos = self.model.bos.as_ref().filter(|_| self.trainer == Trainer::Unsloth);
        bos.is_none_or(|bos| !text.starts_with(&bos.word) && !self.model.template_source.contains(&bos.word))
    }
}

/// `from` and `value` called `role` and `content`.
fn renamed(turn: &Node<'_>) -> Node<'static> {
    let Node::Map(fields) = turn.clone().into_owned() else { return turn.clone().into_owned() };
    let renamed = fields.into_iter().map(|(key, value)| match &*key {
        "from" => ("role".into(), value),
        "value" => ("content".into(), value),
        _ => (key, value),
    });
    Node::Map(renamed.collect())
}
