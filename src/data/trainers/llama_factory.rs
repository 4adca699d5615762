//! LLaMA-Factory 0.9.5: `data/converter.py`, `data/template.py` and `data/processor/supervised.py`.

use super::{Labelled, Made, Preparation};
use crate::check::Shape;
use crate::fence::patience;
use crate::model::TextModel;
use crate::node::Node;
use crate::{DataError, Result};

/// A template of LLaMA-Factory: what is written around what is said.
#[derive(Debug)]
pub struct Slots {
    /// Its name there.
    pub name: &'static str,
    user: [&'static str; 2],
    assistant: [&'static str; 2],
    system: [&'static str; 2],
    observation: [&'static str; 2],
    /// The token that begins a text stands first.
    has_bos: bool,
    default_system: &'static str,
    /// An empty thought is put before answers without one.
    thinks: bool,
    /// The token that takes the place of the tokenizer's end.
    stop: &'static str,
}

const CHATML: Slots = Slots {
    name: "chatml",
    user: ["<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"],
    assistant: ["", "<|im_end|>\n"],
    system: ["<|im_start|>system\n", "<|im_end|>\n"],
    observation: ["<|im_start|>tool\n", "<|im_end|>\n<|im_start|>assistant\n"],
    has_bos: false,
    default_system: "",
    thinks: false,
    stop: "<|im_end|>",
};

const QWEN_TOOL: [&str; 2] =
    ["<|im_start|>user\n<tool_response>\n", "\n</tool_response><|im_end|>\n<|im_start|>assistant\n"];

/// The templates that are known here; LLaMA-Factory has over a hundred.
pub const TEMPLATES: [&Slots; 5] = [
    &CHATML,
    &Slots {
        name: "qwen",
        observation: QWEN_TOOL,
        default_system: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
        ..CHATML
    },
    &Slots { name: "qwen3", observation: QWEN_TOOL, thinks: true, ..CHATML },
    &Slots { name: "qwen3_nothink", observation: QWEN_TOOL, ..CHATML },
    &Slots {
        name: "llama3",
        user: [
            "<|start_header_id|>user<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ],
        assistant: ["", "<|eot_id|>"],
        system: ["<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"],
        observation: [
            "<|start_header_id|>ipython<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ],
        has_bos: true,
        default_system: "",
        thinks: false,
        stop: "<|eot_id|>",
    },
];

/// The template of a name, or the one that the tokenizer's own template is most like.
pub(super) fn slots(name: Option<&str>, model: &TextModel) -> Result<&'static Slots> {
    let names = || TEMPLATES.map(|slots| slots.name).join(", ");
    let Some(name) = name else {
        let source = &model.template_source;
        let name = if source.contains("<|start_header_id|>") {
            "llama3"
        } else if source.contains("<|im_start|>") && source.contains("<think>") {
            "qwen3"
        } else if source.contains("You are Qwen, created by Alibaba Cloud") {
            "qwen"
        } else if source.contains("<|im_start|>") {
            "chatml"
        } else {
            let reason = format!(
                "LLaMA-Factory needs a template, and none fits this tokenizer; --template is one of {}",
                names()
            );
            return Err(DataError::Unsuitable(reason));
        };
        return slots(Some(name), model);
    };
    let known = TEMPLATES.into_iter().find(|slots| slots.name == name);
    let slots = known
        .ok_or_else(|| DataError::Unsuitable(format!("--template {name} is not known here; known are {}", names())))?;
    if model.tokens.number(slots.stop, patience(0))?.is_none() {
        let stop = slots.stop;
        let reason =
            format!("this tokenizer has no `{stop}`; LLaMA-Factory's template {name} would add it as a new token");
        return Err(DataError::Unsuitable(reason));
    }
    Ok(slots)
}

/// The opening and closing of a thought, as most templates have them.
const THOUGHT: [&str; 2] = ["<think>\n", "\n</think>\n\n"];

/// A turn as LLaMA-Factory has it.
struct Turn<'n> {
    is_answer: bool,
    is_observation: bool,
    content: &'n str,
}

/// What the converter makes of a row: the system's words, and turns by turns.
struct Converted<'n> {
    system: String,
    turns: Vec<Turn<'n>>,
}

impl Preparation<'_> {
    pub(super) fn llama_factory(&mut self, row: &Node<'_>) -> Result<Made> {
        let Some(slots) = self.template else { return Ok(Made::rejected("no template")) };
        let asked;
        let converted = match Shape::of(row) {
            Shape::Messages => talk(row.get("messages"), "role", "content", &["user", "tool"], &["assistant"], row),
            Shape::ShareGpt => talk(
                row.get("conversations"),
                "from",
                "value",
                &["human", "observation"],
                &["gpt", "function_call"],
                row,
            ),
            Shape::Alpaca => {
                let of = |name: &str| row.given(name).and_then(Node::as_str).filter(|text| !text.is_empty());
                let parts: Vec<&str> = [of("instruction"), of("input")].into_iter().flatten().collect();
                asked = parts.join("\n");
                instruction(&asked, row.get("output").or_else(|| row.get("response")), of("system"))
            }
            Shape::PromptCompletion | Shape::Kto => {
                let Some(prompt) = row.given("prompt").and_then(Node::as_str) else {
                    return Ok(Made::rejected("`prompt` is no text; LLaMA-Factory reads it as a column of texts"));
                };
                asked = prompt.to_owned();
                instruction(&asked, row.get("completion"), None)
            }
            other => return Ok(Made::rejected(format!("stage sft does not read rows of the format {}", other.id()))),
        };
        let converted = match converted {
            Ok(converted) => converted,
            Err(Fault::Drops(reason)) => return Ok(Made::dropped(Labelled::default(), reason)),
            Err(Fault::Stops(reason)) => return Ok(Made::rejected(reason)),
        };
        self.encoded(slots, &converted)
    }

    /// Turns in pairs, each encoded by itself, and what the cutoff leaves of each pair.
    fn encoded(&mut self, slots: &Slots, converted: &Converted<'_>) -> Result<Made> {
        let thought = format!("{}{}", THOUGHT[0], THOUGHT[1]);
        let mut pairs: Vec<[Vec<u32>; 2]> = Vec::with_capacity(converted.turns.len() / 2);
        for (at, turns) in converted.turns.chunks(2).enumerate() {
            let [asked, answer] = turns else { continue };
            let mut source = String::new();
            let mut first = Vec::new();
            if at == 0 {
                if slots.has_bos {
                    first.extend(self.bos());
                }
                let system = if converted.system.is_empty() { slots.default_system } else { converted.system.as_str() };
                if !system.is_empty() {
                    first.extend(self.encode(&format!("{}{system}{}", slots.system[0], slots.system[1]), false)?);
                }
            }
            let around = if asked.is_observation { slots.observation } else { slots.user };
            source.push_str(around[0]);
            source.push_str(asked.content);
            source.push_str(around[1]);
            first.extend(self.encode(&source, false)?);
            let answered = format!("{}{}{}", slots.assistant[0], answer.content, slots.assistant[1]);
            let mut target = self.encode(&answered, false)?;
            let has_thought = answer.content.contains(THOUGHT[0].trim()) || answer.content.contains(THOUGHT[1].trim());
            if slots.thinks && !has_thought {
                let mut with = self.encode(&thought, false)?;
                with.append(&mut target);
                target = with;
            }
            pairs.push([first, target]);
        }
        let (mut whole, mut kept) = (Labelled::default(), Labelled::default());
        for [source, target] in &pairs {
            whole.extend(source, false);
            whole.extend(target, true);
            let left = self.cutoff.saturating_sub(kept.ids.len());
            if left == 0 {
                continue;
            }
            let [source_length, target_length] = shares(source.len(), target.len(), left);
            kept.extend(&source[..source_length], false);
            kept.extend(&target[..target_length], true);
        }
        let is_cut = kept.ids.len() < whole.ids.len();
        let verdict = match (is_cut, kept.trained_tokens()) {
            (_, 0) => super::Verdict::Untrained,
            (true, _) => super::Verdict::Truncated,
            (false, _) => super::Verdict::Kept,
        };
        let reason = if is_cut {
            format!("{} tokens, of which {} stay, shared between prompts and answers", whole.ids.len(), kept.ids.len())
        } else {
            String::new()
        };
        Ok(Made { whole, kept, verdict, reason })
    }
}

/// `infer_seqlen`: what is left of a prompt and of its answer.
fn shares(source: usize, target: usize, cutoff: usize) -> [usize; 2] {
    let most_target = if target * 2 < cutoff {
        cutoff
    } else if source * 2 < cutoff {
        cutoff - source
    } else {
        // Python computes the share first, in floating point.
        (cutoff as f64 * (target as f64 / (source + target) as f64)) as usize
    };
    let target = most_target.min(target);
    [source.min(cutoff.saturating_sub(target)), target]
}

/// Why a row is not taken.
enum Fault {
    /// It is left out with a warning.
    Drops(String),
    /// The run ends.
    Stops(String),
}

fn talk<'n>(
    list: Option<&'n Node<'_>>,
    role_key: &str,
    content_key: &str,
    asking: &[&str],
    answering: &[&str],
    row: &'n Node<'_>,
) -> std::result::Result<Converted<'n>, Fault> {
    let turns = list.and_then(Node::as_list).ok_or_else(|| Fault::Stops("it has no list of turns".to_owned()))?;
    let word = |turn: &'n Node<'_>| turn.get(role_key).and_then(Node::as_str);
    let said = |turn: &'n Node<'_>| match turn.get(content_key) {
        Some(Node::Text(text)) => Ok(&**text),
        Some(other) => Err(Fault::Stops(format!("Expected a string, got {}", other.kind()))),
        None => Err(Fault::Stops(format!("KeyError: '{content_key}'"))),
    };
    let mut system = row.given("system").and_then(Node::as_str).unwrap_or_default().to_owned();
    let mut rest = turns;
    if let Some((first, others)) = turns.split_first()
        && word(first) == Some("system")
    {
        said(first)?.clone_into(&mut system);
        rest = others;
    }
    let mut converted = Vec::with_capacity(rest.len());
    for (at, turn) in rest.iter().enumerate() {
        let role = word(turn).ok_or_else(|| Fault::Stops(format!("KeyError: '{role_key}'")))?;
        let is_answer = at % 2 == 1;
        let accepted = if is_answer { answering } else { asking };
        if !accepted.contains(&role) {
            return Err(Fault::Drops(format!(
                "Invalid role tag: turn {} is `{}`",
                at + 1,
                crate::check::values::brief(role)
            )));
        }
        converted.push((turn, role, is_answer));
    }
    if converted.is_empty() || converted.len() % 2 == 1 {
        return Err(Fault::Drops(format!("Invalid message count: {} turns", converted.len())));
    }
    let turns = converted.into_iter().map(|(turn, role, is_answer)| {
        Ok(Turn { is_answer, is_observation: matches!(role, "tool" | "observation"), content: said(turn)? })
    });
    let turns = turns.collect::<std::result::Result<Vec<_>, Fault>>()?;
    debug_assert!(turns.iter().enumerate().all(|(at, turn)| turn.is_answer == (at % 2 == 1)));
    Ok(Converted { system, turns })
}

fn instruction<'n>(
    asked: &'n str,
    answer: Option<&'n Node<'_>>,
    system: Option<&str>,
) -> std::result::Result<Converted<'n>, Fault> {
    let Some(Node::Text(answer)) = answer else {
        return Err(Fault::Drops("the answer is no text: it is taken for a row without one".to_owned()));
    };
    let turn = |content: &'n str, is_answer| Turn { is_answer, is_observation: false, content };
    Ok(Converted { system: system.unwrap_or_default().to_owned(), turns: vec![turn(asked, false), turn(answer, true)] })
}
