//! What trainers make of a row: the tokens they give the model, which of them are trained, and what is cut or left out.
//!
//! Each file follows the preprocessing of one trainer at one version, with its defaults, and says where that stands. Nothing
//! here is an opinion on what a trainer should do.

mod axolotl;
mod llama_factory;
mod openai;
mod trl;

use crate::check::Shape;
use crate::model::TextModel;
use crate::node::Node;
use crate::template::{Budget, Turns};
use crate::{DataError, Result};
pub use llama_factory::TEMPLATES;

/// A trainer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trainer {
    /// `SFTTrainer`.
    Trl,
    /// axolotl.
    Axolotl,
    /// LLaMA-Factory, stage `sft`.
    LlamaFactory,
    /// Unsloth's trainer.
    Unsloth,
    /// OpenAI's service.
    OpenAi,
}

impl Trainer {
    /// All.
    pub const ALL: [Self; 5] = [Self::Trl, Self::Axolotl, Self::LlamaFactory, Self::Unsloth, Self::OpenAi];

    /// Word on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Trl => "trl",
            Self::Axolotl => "axolotl",
            Self::LlamaFactory => "llama-factory",
            Self::Unsloth => "unsloth",
            Self::OpenAi => "openai",
        }
    }

    /// The version whose preprocessing is followed.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Trl => "1.16.0",
            Self::Axolotl => "0.21.0",
            Self::LlamaFactory => "0.9.5",
            Self::Unsloth => "unsloth_zoo 2026.10.9",
            Self::OpenAi => "openai-cookbook, chat_finetuning_data_prep",
        }
    }

    /// The defaults that decide, and what is assumed.
    pub const fn defaults(self) -> &'static str {
        match self {
            Self::Trl => {
                "max_length 1024 where nothing is set; truncation_mode keep_start; packing off; completion_only_loss for prompt \
                 and completion; assistant_only_loss off: conversations and texts are trained whole"
            }
            Self::Axolotl => {
                "sequence_len 512 where nothing is set; excess_length_strategy drop; roles_to_train assistant; train_on_eos turn; \
                 type chat_template for conversations, alpaca for instructions, completion for texts"
            }
            Self::LlamaFactory => {
                "cutoff_len 2048 where nothing is set; train_on_prompt and mask_history off; packing off; enable_thinking true; \
                 messages are assumed to be listed as `formatting: sharegpt` with role and content tags, as its data README has it"
            }
            Self::Unsloth => {
                "max_length as given; texts get no end token; rows are not dropped; train_on_responses_only is not used unless \
                 the script does"
            }
            Self::OpenAi => {
                "counted with the tokenizer that is given, which is not OpenAI's; 3 tokens a message and 3 a conversation are \
                 added; longer rows are cut at the end, as its notebook assumes"
            }
        }
    }

    /// Where no cutoff is said.
    pub const fn default_cutoff(self) -> usize {
        match self {
            Self::Trl | Self::Unsloth => 1024,
            Self::Axolotl => 512,
            Self::LlamaFactory => 2048,
            Self::OpenAi => 65_536,
        }
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is trained as it is.
    Kept,
    /// Its end is cut, or some of it.
    Truncated,
    /// It is left out.
    Dropped,
    /// The trainer stops at it, or does not take it.
    Rejected,
    /// It stays, and nothing of it is trained.
    Untrained,
}

impl Verdict {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Truncated => "truncated",
            Self::Dropped => "dropped",
            Self::Rejected => "rejected",
            Self::Untrained => "untrained",
        }
    }
}

/// Tokens with what is trained of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labelled {
    /// Token numbers.
    pub ids: Vec<u32>,
    /// Which of them are trained.
    pub trained: Vec<bool>,
}

impl Labelled {
    /// Tokens, all or none of them trained.
    fn all(ids: Vec<u32>, is_trained: bool) -> Self {
        let trained = vec![is_trained; ids.len()];
        Self { ids, trained }
    }

    fn extend(&mut self, ids: &[u32], is_trained: bool) {
        self.ids.extend_from_slice(ids);
        self.trained.resize(self.ids.len(), is_trained);
    }

    /// How many are trained.
    pub fn trained_tokens(&self) -> usize {
        self.trained.iter().filter(|trained| **trained).count()
    }
}

/// What a trainer makes of a row.
#[derive(Clone, Debug)]
pub struct Made {
    /// Before anything is cut.
    pub whole: Labelled,
    /// What the model gets; empty where the row is left out.
    pub kept: Labelled,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why, where it is not kept.
    pub reason: String,
}

impl Made {
    fn rejected(reason: impl Into<String>) -> Self {
        let (whole, kept) = (Labelled::default(), Labelled::default());
        Self { whole, kept, verdict: Verdict::Rejected, reason: reason.into() }
    }

    fn dropped(whole: Labelled, reason: impl Into<String>) -> Self {
        Self { whole, kept: Labelled::default(), verdict: Verdict::Dropped, reason: reason.into() }
    }

    /// Cut at the end.
    fn cut_at_end(whole: Labelled, cutoff: usize) -> Self {
        let is_cut = whole.ids.len() > cutoff;
        let mut kept = whole.clone();
        kept.ids.truncate(cutoff);
        kept.trained.truncate(cutoff);
        let verdict = if is_cut { Verdict::Truncated } else { Verdict::Kept };
        let reason = if is_cut { format!("{} tokens, of which {cutoff} stay", whole.ids.len()) } else { String::new() };
        Self { whole, kept, verdict, reason }
    }
}

/// A trainer at work on a file.
#[derive(Debug)]
pub struct Preparation<'m> {
    model: &'m TextModel,
    trainer: Trainer,
    cutoff: usize,
    template: Option<&'static llama_factory::Slots>,
    /// TRL and Unsloth go by the first row.
    first: Option<trl::Way>,
    budget: Budget,
}

impl<'m> Preparation<'m> {
    /// Of a file of so many bytes. `template` is the name of LLaMA-Factory's; the others use the tokenizer's own.
    ///
    /// # Errors
    /// The template has no such name, or none can be told from the tokenizer.
    pub fn new(
        model: &'m TextModel,
        trainer: Trainer,
        cutoff: usize,
        template: Option<&str>,
        bytes: u64,
    ) -> Result<Self> {
        let template = match trainer {
            Trainer::LlamaFactory => Some(llama_factory::slots(template, model)?),
            _ => None,
        };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(Self { model, trainer, cutoff, template, first: None, budget: Budget::of(bytes) })
    }

    /// The name of the template, where it is one of LLaMA-Factory's.
    pub fn template_name(&self) -> Option<&'static str> {
        self.template.map(|slots| slots.name)
    }

    /// What becomes of a row; rows come in the order of the file.
    ///
    /// # Errors
    /// The tokenizer or the template cannot be worked with at all.
    pub fn make(&mut self, row: &Node<'_>) -> Result<Made> {
        let made = match self.trainer {
            Trainer::Trl | Trainer::Unsloth => self.trl(row),
            Trainer::Axolotl => self.axolotl(row),
            Trainer::LlamaFactory => self.llama_factory(row),
            Trainer::OpenAi => self.openai(row),
        };
        match made {
            // The template refuses this row, and others may be taken.
            Err(DataError::Unsuitable(reason)) => Ok(Made::rejected(reason)),
            other => other,
        }
    }

    fn encode(&self, text: &str, specials: bool) -> Result<Vec<u32>> {
        Ok(self.model.tokens.encode(text, specials)?.ids)
    }

    fn render(&mut self, messages: &[Node<'_>], tools: Option<&Node<'_>>, asks: bool) -> Result<String> {
        let template = self.model.template.as_ref();
        let template =
            template.ok_or_else(|| DataError::Unsuitable("the tokenizer has no chat template".to_owned()))?;
        template.render_turns(&Turns::of(messages, tools), asks, &mut self.budget)
    }

    fn bos(&self) -> Option<u32> {
        self.model.bos.as_ref().and_then(|special| special.id)
    }

    fn eos(&self) -> Option<u32> {
        self.model.eos.as_ref().and_then(|special| special.id)
    }
}

/// `tools` of a row, which may be text that holds them.
fn tools_of(row: &Node<'_>) -> Option<Node<'static>> {
    match row.given("tools")? {
        Node::Text(text) => Node::parse(text).ok().map(Node::into_owned),
        other => Some(other.clone().into_owned()),
    }
}

/// A message made here.
fn message(role: &str, content: &str) -> Node<'static> {
    let text = |text: &str| Node::Text(text.to_owned().into());
    Node::Map(vec![("role".into(), text(role)), ("content".into(), text(content))])
}

/// Messages of any list of turns, with the words of each role as they stand.
fn turns_of<'n>(row: &'n Node<'_>) -> Option<(&'static str, &'n [Node<'n>])> {
    let (name, list) = match Shape::of(row) {
        Shape::ShareGpt => ("conversations", row.get("conversations")?),
        _ => ("messages", row.get("messages")?),
    };
    list.as_list().map(|turns| (name, turns))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    /// `tools/data/make.py` ran TRL's and LLaMA-Factory's own preprocessing over these files: tokens and labels are equal.
    #[test]
    fn tokens_and_labels_are_those_of_the_trainers_themselves() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/data/trainers");
        let (mut compared, mut faults) = (0, Vec::new());
        for line in std::fs::read_to_string(folder.join("expected.jsonl")).unwrap().lines() {
            let expected: Value = serde_json::from_str(line).unwrap();
            let word = |name: &str| expected[name].as_str().unwrap_or_default().to_owned();
            let model = TextModel::open(&folder.join("tokenizers").join(word("tokenizer"))).unwrap();
            let trainer = Trainer::ALL.into_iter().find(|trainer| trainer.id() == word("trainer")).unwrap();
            let cutoff = usize::try_from(expected["cutoff"].as_u64().unwrap()).unwrap();
            let rows = std::fs::read_to_string(folder.join(word("file") + ".jsonl")).unwrap();
            let mut preparation =
                Preparation::new(&model, trainer, cutoff, expected["template"].as_str(), rows.len() as u64).unwrap();
            let wanted: BTreeMap<u64, &Value> = expected["rows"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|row| (row["row"].as_u64().unwrap(), row))
                .collect();
            for (row, number) in rows.lines().zip(0..) {
                let made = preparation.make(&Node::parse(row).unwrap()).unwrap();
                let name = format!("{} {} {} {cutoff} row {number}", word("file"), word("tokenizer"), trainer.id());
                compared += 1;
                if expected.get("error").is_some() {
                    assert_eq!(made.verdict, Verdict::Rejected, "{name}");
                    continue;
                }
                let is_left = !matches!(made.verdict, Verdict::Dropped | Verdict::Rejected);
                let Some(wanted) = wanted.get(&number) else {
                    assert!(!is_left, "{name}: it is left out there, and {} here", made.verdict.id());
                    continue;
                };
                let ids: Vec<u32> =
                    wanted["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
                let trained: String =
                    made.kept.trained.iter().map(|trained| if *trained { '1' } else { '0' }).collect();
                if made.kept.ids != ids || trained != wanted["trained"].as_str().unwrap() {
                    faults.push(format!("{name}: {:?}\n{ids:?}\n{trained}\n{}", made.kept.ids, wanted["trained"]));
                }
            }
        }
        assert!(
            faults.is_empty(),
            "{} of {compared}\n{}",
            faults.len(),
            faults.iter().take(3).cloned().collect::<Vec<_>>().join("\n")
        );
        assert!(compared > 500, "{compared}");
    }
}
