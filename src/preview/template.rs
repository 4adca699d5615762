//! Chat templates: Jinja, as transformers renders them, or a plain one where a model has none.

use super::Result;
use super::config::unsuitable;
use super::rows::Message;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, Value, context};
use std::ops::Range;

/// Instructions a template may take: it came with a model, and must not run for ever.
const FUEL: u64 = 5_000_000;

/// Written where a model has no template.
pub const PLAIN: &str = "{{ bos_token }}{% for message in messages %}{{ message.role | capitalize }}: {{ message.content }}\
    {% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}\
    {% if add_generation_prompt %}Assistant: {% endif %}";

/// A template with the tokens it names.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    begin: String,
    end: String,
    /// It is [`PLAIN`], since the model has none.
    pub is_plain: bool,
}

impl Template {
    /// A model's own template, or the plain one; `begin` and `end` are its special tokens, where it has them.
    pub fn new(source: Option<&str>, begin: Option<&str>, end: Option<&str>) -> Result<Self> {
        let mut environment = Environment::new();
        // As transformers sets Jinja up.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| unsuitable(error.to_string()))?);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> std::result::Result<String, _> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        let text = source.unwrap_or(PLAIN).to_owned();
        environment
            .add_template_owned("chat", text)
            .map_err(|error| unsuitable(format!("the chat template cannot be read: {error}")))?;
        let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
        Ok(Self { environment, begin: word(begin), end: word(end), is_plain: source.is_none() })
    }

    /// The text of a conversation; with `asks` it ends where the assistant begins to speak.
    pub fn render(&self, messages: &[Message], asks: bool) -> Result<String> {
        let turn = |message: &Message| context! { role => message.role.as_str(), content => message.content.as_str() };
        let values = context! {
            messages => messages.iter().map(turn).collect::<Vec<Value>>(),
            add_generation_prompt => asks,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
        };
        let template = self.environment.get_template("chat");
        template.and_then(|template| template.render(values)).map_err(|error| {
            let reason = error.detail().map_or_else(|| error.to_string(), str::to_owned);
            unsuitable(format!("the chat template refuses it: {reason}"))
        })
    }

    /// The text of a conversation, and the bytes of it that the assistant says: what is added when its turn joins the
    /// prompt before it.
    pub fn conversation(&self, messages: &[Message]) -> Result<(String, Vec<Range<usize>>)> {
        let whole = self.render(messages, false)?;
        let mut said = Vec::new();
        for (at, _) in messages.iter().enumerate().filter(|(_, message)| message.learned) {
            // Some templates write earlier turns otherwise once others follow: then only what is alike counts.
            let start = alike(&whole, &self.render(&messages[..at], true)?);
            let end = alike(&whole, &self.render(&messages[..=at], false)?);
            if end > start {
                said.push(start..end);
            }
        }
        Ok((whole, said))
    }
}

/// Bytes at the beginning that two texts have in common.
fn alike(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}
