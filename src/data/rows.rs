//! Examples from a JSONL file: chats, ShareGPT conversations, Alpaca, prompt and completion, plain text.
//!
//! Every line is read by itself; one that is none of these is told with its number, and the others are used.

use crate::limits::check_json;
use serde_json::{Map, Value};

/// One turn of a conversation, as chat templates take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub content: String,
    /// Whether it is learned, if it is the assistant's.
    pub learned: bool,
}

impl Message {
    /// A turn; what the assistant says is learned.
    pub fn new(role: &str, content: impl Into<String>) -> Self {
        Self { role: role.to_owned(), content: content.into(), learned: role == "assistant" }
    }
}

/// An example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A conversation: what the assistant says is learned.
    Chat(Vec<Message>),
    /// A prompt and what follows it, which is learned.
    Pair {
        /// Not learned.
        prompt: String,
        /// Learned.
        completion: String,
    },
    /// Text that is learned whole.
    Text(String),
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// From 1.
    pub number: usize,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.number, self.message)
    }
}

/// The examples of a file, each with the number of its line, and the lines that are none.
pub fn read(bytes: &[u8]) -> (Vec<(usize, Row)>, Vec<BadLine>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match row(line) {
            Ok(row) => rows.push((number, row)),
            Err(message) => bad.push(BadLine { number, message }),
        }
    }
    (rows, bad)
}

type Read<T> = Result<T, String>;

/// Longest line that is read, in bytes.
const MAX_LINE_BYTES: usize = 4 << 20;
/// Most values of one line.
const MAX_LINE_VALUES: usize = 100_000;

fn row(line: &[u8]) -> Read<Row> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("over {} MiB, which is more than is read of one example", MAX_LINE_BYTES >> 20));
    }
    check_json(line, MAX_LINE_VALUES)?;
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(fields) = value else { return Err("not a JSON object".to_owned()) };
    if let Some(messages) = fields.get("messages") {
        return chat(messages, "messages", "role", "content", &fields);
    }
    if let Some(turns) = fields.get("conversations") {
        let openai = turns.get(0).is_some_and(|turn| turn.get("role").is_some());
        let (role, content) = if openai { ("role", "content") } else { ("from", "value") };
        return chat(turns, "conversations", role, content, &fields);
    }
    if fields.contains_key("instruction") {
        return alpaca(&fields);
    }
    if let (Some(prompt), Some(completion)) = (fields.get("prompt"), fields.get("completion")) {
        return pair(prompt, completion);
    }
    if let Some(text) = fields.get("text") {
        let text = text.as_str().ok_or("`text` is not a string")?;
        return if text.trim().is_empty() { Err("`text` is empty".to_owned()) } else { Ok(Row::Text(text.to_owned())) };
    }
    if fields.contains_key("chosen") || fields.contains_key("rejected") {
        return Err("preference pairs (chosen, rejected) are not for supervised fine-tuning".to_owned());
    }
    Err("none of `messages`, `conversations`, `instruction`, `prompt` with `completion`, or `text`".to_owned())
}

fn chat(turns: &Value, name: &str, role: &str, content: &str, fields: &Map<String, Value>) -> Read<Row> {
    let turns = turns.as_array().ok_or_else(|| format!("`{name}` is not a list"))?;
    let mut messages = Vec::with_capacity(turns.len() + 1);
    if let Some(system) = fields.get("system").and_then(Value::as_str).filter(|system| !system.is_empty()) {
        messages.push(Message::new("system", system));
    }
    for (turn, at) in turns.iter().zip(1..) {
        messages.push(message(turn, role, content).map_err(|error| format!("`{name}`, turn {at}: {error}"))?);
    }
    if !messages.iter().any(|message| message.learned) {
        return Err(format!("`{name}` has no turn of the assistant: nothing to learn"));
    }
    Ok(Row::Chat(messages))
}

fn message(turn: &Value, role: &str, content: &str) -> Read<Message> {
    let named = turn.get(role).and_then(Value::as_str).ok_or_else(|| format!("no `{role}`"))?;
    let known = match named {
        "system" | "developer" => "system",
        "user" | "human" => "user",
        "assistant" | "gpt" | "model" => "assistant",
        "tool" | "observation" => "tool",
        other => return Err(format!("the role `{other}` is unknown")),
    };
    let mut message = Message::new(known, said(turn.get(content), content)?);
    if turn.get("weight").and_then(Value::as_f64) == Some(0.0) || turn.get("train") == Some(&Value::Bool(false)) {
        message.learned = false;
    }
    Ok(message)
}

/// A string, or the texts of a list of parts.
fn said(value: Option<&Value>, name: &str) -> Read<String> {
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| {
                part.get("text")
                    .and_then(Value::as_str)
                    .ok_or_else(|| format!("a part of `{name}` has no `text`; only text can be learned here"))
            })
            .collect(),
        Some(Value::Null) => Err(format!("`{name}` is null; calls of tools cannot be learned here")),
        Some(_) => Err(format!("`{name}` is not a string")),
        None => Err(format!("no `{name}`")),
    }
}

fn alpaca(fields: &Map<String, Value>) -> Read<Row> {
    let of = |name: &str| said(fields.get(name), name);
    let maybe = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let output =
        of("output").or_else(|error| if fields.contains_key("response") { of("response") } else { Err(error) })?;
    let mut messages = Vec::new();
    messages.extend(maybe("system").map(|system| Message::new("system", system)));
    if let Some(history) = fields.get("history").and_then(Value::as_array) {
        for turn in history {
            messages.push(Message::new("user", said(turn.get(0), "history")?));
            messages.push(Message::new("assistant", said(turn.get(1), "history")?));
        }
    }
    let instruction = of("instruction")?;
    let asked = maybe("input").map_or_else(|| instruction.clone(), |input| format!("{instruction}\n{input}"));
    messages.push(Message::new("user", asked));
    messages.push(Message::new("assistant", output));
    Ok(Row::Chat(messages))
}

fn pair(prompt: &Value, completion: &Value) -> Read<Row> {
    match (prompt, completion) {
        (Value::String(prompt), Value::String(completion)) => {
            Ok(Row::Pair { prompt: prompt.clone(), completion: completion.clone() })
        }
        (Value::Array(before), Value::Array(after)) => {
            let mut messages = Vec::new();
            for (turns, name, learned) in [(before, "prompt", false), (after, "completion", true)] {
                for (turn, at) in turns.iter().zip(1..) {
                    let mut turn = message(turn, "role", "content").map_err(|e| format!("`{name}`, turn {at}: {e}"))?;
                    turn.learned &= learned;
                    messages.push(turn);
                }
            }
            if !messages.iter().any(|message| message.learned) {
                return Err("`completion` has no turn of the assistant: nothing to learn".to_owned());
            }
            Ok(Row::Chat(messages))
        }
        _ => Err("`prompt` and `completion` must both be strings, or both lists of messages".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Row {
        row(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn the_formats_of_supervised_fine_tuning_are_read() {
        let talk = Row::Chat(vec![Message::new("user", "a"), Message::new("assistant", "b")]);
        assert_eq!(one(r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#), talk);
        assert_eq!(one(r#"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#), talk);
        assert_eq!(one(r#"{"instruction":"a","input":"","output":"b"}"#), talk);
        let parts = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}]}"#;
        assert_eq!(one(parts), talk);
        assert_eq!(
            one(r#"{"instruction":"a","input":"c","output":"b","history":[["q","w"]],"system":"s"}"#),
            Row::Chat(vec![
                Message::new("system", "s"),
                Message::new("user", "q"),
                Message::new("assistant", "w"),
                Message::new("user", "a\nc"),
                Message::new("assistant", "b"),
            ])
        );
        assert_eq!(
            one(r#"{"prompt":"a","completion":"b"}"#),
            Row::Pair { prompt: "a".to_owned(), completion: "b".to_owned() }
        );
        let turns = r#"{"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b"}]}"#;
        assert_eq!(one(turns), talk);
        assert_eq!(one(r#"{"text":"a"}"#), Row::Text("a".to_owned()));
        let weighed = one(
            r#"{"messages":[{"role":"assistant","content":"a","weight":0},{"role":"assistant","content":"b","weight":1}]}"#,
        );
        let Row::Chat(turns) = weighed else { panic!("{weighed:?}") };
        assert_eq!(turns.iter().map(|turn| turn.learned).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn bad_lines_are_told_by_number_and_the_others_are_used() {
        let file = b"\xef\xbb\xbf{\"text\":\"a\"}\r\n\n{oops\n[1]\n{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n\
            {\"messages\":[{\"role\":\"robot\",\"content\":\"a\"}]}\n{\"chosen\":\"a\",\"rejected\":\"b\"}\n{\"q\":1}\n\
            {\"messages\":[{\"role\":\"assistant\",\"content\":null}]}\n{\"prompt\":\"a\",\"completion\":[]}\n{\"text\":\"b\"}";
        let (rows, bad) = read(file);
        assert_eq!(rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 11]);
        let words = [
            "not JSON",
            "not a JSON object",
            "no turn of the assistant",
            "`robot`",
            "preference",
            "none of",
            "null",
            "both",
        ];
        assert_eq!(bad.len(), words.len(), "{bad:?}");
        for ((bad, word), number) in bad.iter().zip(words).zip(3..) {
            assert!(bad.number == number && bad.message.contains(word), "{bad}");
        }
        assert!(bad[0].to_string().starts_with("line 3: "));
    }

    #[test]
    fn lines_of_too_much_are_told_and_the_others_are_used() {
        let file = format!(
            "{{\"text\":\"{}\"}}\n{{\"text\":\"a\",\"b\":[{}1]}}\n{{\"text\":\"c\"}}\n",
            "x".repeat(MAX_LINE_BYTES),
            "1,".repeat(MAX_LINE_VALUES)
        );
        let (rows, bad) = read(file.as_bytes());
        assert_eq!((rows.len(), bad.len()), (1, 2));
        assert!(bad[0].message.contains("4 MiB") && bad[1].message.contains("100,000 values"), "{bad:?}");
    }
}
