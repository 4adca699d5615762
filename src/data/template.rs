//! Chat templates: Jinja, as transformers renders them, or a plain one where a model has none.
//!
//! A template came with a model, and is a program. It runs behind a [`Fence`], in steps that are counted (`bounds`), for one
//! conversation and for all of a file together.

use crate::Result;
use crate::fence::{Desk, Fence, patience};
use crate::node::Node;
use crate::rows::Message;
use bounds::Bounded;
use std::borrow::Cow;
use std::ops::Range;
use std::time::{Duration, Instant};

mod bounds;
mod python;

pub use python::DATE;

/// Largest template that is read. Those of models have under 20 KiB.
const MOST_BYTES: usize = 64 << 10;

/// Steps for one text, for each of its messages, and for each of their bytes. A step is an instruction, or 64 bytes that are
/// written: this is far more than templates of models take, and is done within some tenths of a second.
const STEPS: u64 = 100_000;
const STEPS_PER_MESSAGE: u64 = 1000;
const STEPS_PER_BYTE: u64 = 4;

/// Steps for all texts of a file, and for each of its bytes. A conversation is one text and two more for each turn that is
/// learned, so that a long one with short turns takes many.
const FILE_STEPS: u64 = 2_000_000;
const FILE_STEPS_PER_BYTE: u64 = 2000;

/// Written where a model has no template.
pub const PLAIN: &str = "{{ bos_token }}{% for message in messages %}{{ message.role | capitalize }}: {{ message.content }}\
    {% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}\
    {% if add_generation_prompt %}Assistant: {% endif %}";

/// What all conversations of a file together may take.
#[derive(Debug)]
pub struct Budget {
    steps: u64,
    until: Instant,
    given: Duration,
}

impl Budget {
    /// For conversations of so many bytes.
    pub fn of(bytes: usize) -> Self {
        let given = patience(bytes);
        let steps = FILE_STEPS.saturating_add(FILE_STEPS_PER_BYTE.saturating_mul(bytes as u64));
        Self { steps, until: Instant::now() + given, given }
    }
}

/// A template with the tokens it names.
#[derive(Debug)]
pub struct Template {
    fence: Fence<Question, Answer>,
    /// It is [`PLAIN`], since the model has none.
    pub is_plain: bool,
}

/// What a template is asked.
struct Question {
    messages: Vec<Message>,
    /// Turns as they stand in a file, which take the place of the messages.
    turns: Option<Turns>,
    wanted: Wanted,
    steps: u64,
}

/// Turns with all that is in them, as templates take them.
#[derive(Clone, Debug)]
pub struct Turns {
    list: Vec<minijinja::Value>,
    tools: minijinja::Value,
    bytes: usize,
}

impl Turns {
    /// Of a list of messages, and of tools.
    pub fn of(messages: &[Node<'_>], tools: Option<&Node<'_>>) -> Self {
        let bytes = messages.iter().chain(tools).map(bytes_in).sum();
        let tools = tools.map_or(minijinja::Value::from(()), bounds::value);
        let list = messages.iter().map(|turn| bounds::value(&with_thoughts(turn))).collect();
        Self { list, tools, bytes }
    }
}

/// A turn whose thoughts stand under both names that templates read: transformers 5.24 fills them in from each other.
fn with_thoughts<'n>(turn: &'n Node<'n>) -> Cow<'n, Node<'n>> {
    const NAMES: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];
    let (Some(thought), Node::Map(fields)) = (NAMES.iter().find_map(|name| turn.given(name)), turn) else {
        return Cow::Borrowed(turn);
    };
    let mut fields = fields.clone();
    if turn.get("thinking").is_none() {
        fields.insert(0, ("thinking".into(), thought.clone()));
    }
    fields.retain(|(key, _)| key != "reasoning_content");
    fields.push(("reasoning_content".into(), thought.clone()));
    Cow::Owned(Node::Map(fields))
}

/// Bytes of the texts in a value.
fn bytes_in(node: &Node<'_>) -> usize {
    match node {
        Node::Text(text) => text.len(),
        Node::List(parts) => parts.iter().map(bytes_in).sum::<usize>() + parts.len(),
        Node::Map(fields) => fields.iter().map(|(key, value)| key.len() + bytes_in(value)).sum(),
        _ => 8,
    }
}

#[derive(Clone, Copy)]
enum Wanted {
    /// The text of it all; with `asks` it ends where the assistant begins to speak.
    Text { asks: bool },
    /// The text and what of it is said by the assistant.
    Conversation,
}

type Answer = std::result::Result<Rendered, Refused>;

/// The text of a conversation.
struct Rendered {
    text: String,
    said: Vec<Range<usize>>,
    steps: u64,
}

/// Why there is no text.
enum Refused {
    /// The template does not take this conversation, but may take others.
    Conversation(String),
    /// It takes too much, and would again.
    Bounds(String),
}

impl Template {
    /// A model's own template, or the plain one, from a file that messages name; `begin` and `end` are the model's special
    /// tokens, where it has them.
    ///
    /// # Errors
    /// It is too long, or no Jinja.
    pub fn new(file: &str, source: Option<&str>, begin: Option<&str>, end: Option<&str>) -> Result<Self> {
        let is_plain = source.is_none();
        let source = python::without_generation(source.unwrap_or(PLAIN));
        let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
        let (begin, end) = (word(begin), word(end));
        let work = move |desk: Desk<Question, Answer>| {
            if source.len() > MOST_BYTES {
                let (bytes, most) = (source.len(), MOST_BYTES >> 10);
                return Err(format!("the chat template has {bytes} bytes; those up to {most} KiB are read"));
            }
            let mut template = Bounded::new(&source, &begin, &end)?;
            desk.serve(|question| question.answer(&mut template));
            Ok(())
        };
        Ok(Self { fence: Fence::start(file.to_owned(), MOST_BYTES, work)?, is_plain })
    }

    /// The text of a conversation; with `asks` it ends where the assistant begins to speak.
    pub fn render(&self, messages: &[Message], asks: bool) -> Result<String> {
        let mut budget = Budget::of(bytes_of(messages));
        Ok(self.ask(messages, Wanted::Text { asks }, &mut budget)?.text)
    }

    /// The text of turns as they stand in a file.
    pub fn render_turns(&self, turns: &Turns, asks: bool, budget: &mut Budget) -> Result<String> {
        Ok(self.ask_with(&[], Some(turns.clone()), Wanted::Text { asks }, budget)?.text)
    }

    /// The text of a conversation, and the bytes of it that the assistant says: what is added when its turn joins the
    /// prompt before it.
    pub fn conversation(&self, messages: &[Message], budget: &mut Budget) -> Result<(String, Vec<Range<usize>>)> {
        let rendered = self.ask(messages, Wanted::Conversation, budget)?;
        Ok((rendered.text, rendered.said))
    }

    fn ask(&self, messages: &[Message], wanted: Wanted, budget: &mut Budget) -> Result<Rendered> {
        self.ask_with(messages, None, wanted, budget)
    }

    fn ask_with(
        &self,
        messages: &[Message],
        turns: Option<Turns>,
        wanted: Wanted,
        budget: &mut Budget,
    ) -> Result<Rendered> {
        let left = budget.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let seconds = budget.given.as_secs_f64();
            return Err(self.fence.told(format!(
                "the chat template takes longer than {seconds:.0} s for the conversations of this file, and was given up"
            )));
        }
        if budget.steps == 0 {
            return Err(self.fence.told(
                "the chat template takes far more steps for the conversations of this file than those of models do"
                    .to_owned(),
            ));
        }
        let question = Question { messages: messages.to_vec(), turns, wanted, steps: budget.steps };
        match self.fence.ask(question, left)? {
            Ok(rendered) => {
                budget.steps = budget.steps.saturating_sub(rendered.steps);
                Ok(rendered)
            }
            Err(Refused::Conversation(reason)) => {
                // What it had taken by then is not known; a refusal is meant to come early.
                budget.steps = budget.steps.saturating_sub(STEPS / 100);
                Err(crate::DataError::Unsuitable(format!(
                    "{}: the chat template refuses it: {reason}",
                    self.fence.file()
                )))
            }
            Err(Refused::Bounds(reason)) => Err(self.fence.told(format!("the chat template {reason}"))),
        }
    }
}

impl Question {
    fn answer(&self, template: &mut Bounded<'_>) -> Answer {
        if let (Some(given), Wanted::Text { asks }) = (&self.turns, self.wanted) {
            let own = STEPS + STEPS_PER_MESSAGE * given.list.len() as u64;
            let own = own.saturating_add(STEPS_PER_BYTE.saturating_mul(given.bytes as u64));
            let (text, steps) = template.render(&given.list, &given.tools, asks, own.min(self.steps))?;
            return Ok(Rendered { text, said: Vec::new(), steps });
        }
        let turns = bounds::turns(&self.messages);
        let mut left = self.steps;
        let mut render = |count: usize, asks: bool| {
            let bytes = bytes_of(&self.messages[..count]) as u64;
            let own = STEPS + STEPS_PER_MESSAGE * count as u64 + STEPS_PER_BYTE.saturating_mul(bytes);
            let (text, steps) = template.render(&turns[..count], &minijinja::Value::from(()), asks, own.min(left))?;
            left = left.saturating_sub(steps);
            Ok(text)
        };
        let count = turns.len();
        let (text, said) = match self.wanted {
            Wanted::Text { asks } => (render(count, asks)?, Vec::new()),
            Wanted::Conversation => {
                let whole = render(count, false)?;
                let mut said = Vec::new();
                for (at, _) in self.messages.iter().enumerate().filter(|(_, message)| message.learned) {
                    // Some templates write earlier turns otherwise once others follow: then only what is alike counts.
                    let start = alike(&whole, &render(at, true)?);
                    let end = alike(&whole, &render(at + 1, false)?);
                    if end > start {
                        said.push(start..end);
                    }
                }
                (whole, said)
            }
        };
        Ok(Rendered { text, said, steps: self.steps - left })
    }
}

/// Bytes at the beginning that two texts have in common.
fn alike(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

fn bytes_of(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.role.len() + message.content.len()).sum()
}
