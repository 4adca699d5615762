//! Conversations: roles and their order, what is said, thoughts.

use super::marks;
use super::tools::{self, Calls};
use super::values::brief;
use crate::checks::{
    ALL_WEIGHTS_ZERO, CONTENT_TYPE, EMPTY_ANSWER, EMPTY_PROMPT, FIRST_NOT_USER, LAST_NOT_ASSISTANT, MESSAGE_KEYS,
    MIXED_CONTENT, NO_ASSISTANT, NO_MESSAGES, NOT_A_LIST, NULL_CONTENT, REFUSAL, ROLES_REPEAT, SHAREGPT_KEYS,
    SHAREGPT_TAGS, SHAREGPT_TRL, SYSTEM_NOT_FIRST, THINK_EMPTY, THINK_HISTORY, THINK_MIXED, THINK_UNBALANCED,
    UNFINISHED, UNKNOWN_ROLE,
};
use crate::findings::{Findings, Place, Row};
use crate::node::Node;
use crate::place::{Step, locate, path_text};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    /// By the word of any format.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "system" | "developer" => Some(Self::System),
            "user" | "human" => Some(Self::User),
            "assistant" | "gpt" | "model" | "function_call" => Some(Self::Assistant),
            "tool" | "observation" | "function" | "ipython" => Some(Self::Tool),
            _ => None,
        }
    }
}

/// What is expected of a list of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A whole conversation.
    Whole,
    /// What comes before an answer.
    Prompt,
    /// An answer.
    Answer,
}

/// What is known of a file's conversations together.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Answers with and without a thought, and where the first of each is.
    with_thought: Kind,
    without_thought: Kind,
    /// `content` as a list and as text, by who speaks: an answer in text to a question with pictures is usual.
    as_list: [Kind; 4],
    as_text: [Kind; 4],
    pub calls: Calls,
}

/// How often one way occurs, and where first.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub count: u64,
    pub first: Vec<Place>,
}

impl Kind {
    pub fn add(&mut self, row: Row<'_>, path: &[Step<'_>]) {
        self.count += 1;
        if self.first.len() < crate::findings::PLACES {
            self.first.push(row.place_at(locate(row.text, path), path_text(path)));
        }
    }
}

/// Tells the rarer of two ways, where both occur.
pub(super) fn tell_rarer(
    check: &'static crate::checks::Check,
    a: &Kind,
    b: &Kind,
    words: [&str; 2],
    to: &mut Findings,
) {
    if a.count == 0 || b.count == 0 {
        return;
    }
    let ((rare, rare_word), (other, other_word)) =
        if a.count <= b.count { ((a, words[0]), (b, words[1])) } else { ((b, words[1]), (a, words[0])) };
    for place in &rare.first {
        to.at(check, place.clone(), || format!("{} {rare_word}, {} {other_word}", rare.count, other.count));
    }
    to.of_file(check, rare.count - rare.first.len() as u64, String::new());
}

impl Talk {
    /// What is to be told at the end of a file.
    pub fn finish(&self, findings: &mut Findings) {
        let thoughts = ["with a thought", "without one"];
        tell_rarer(&THINK_MIXED, &self.with_thought, &self.without_thought, thoughts, findings);
        for (as_list, as_text) in self.as_list.iter().zip(&self.as_text) {
            tell_rarer(&MIXED_CONTENT, as_list, as_text, ["as a list", "as text"], findings);
        }
        self.calls.finish(findings);
    }
}

/// A list of messages while it is checked.
pub(super) struct List<'c, 'f> {
    pub row: Row<'c>,
    pub name: &'c str,
    pub fields: &'c Node<'c>,
    pub wanted: Wanted,
    pub talk: &'c mut Talk,
    pub findings: &'f mut Findings,
}

impl List<'_, '_> {
    /// Checks the messages.
    pub fn check(&mut self, list: &Node<'_>) {
        let name = self.name;
        let (row, path) = (self.row, [Step::Key(name)]);
        let Some(turns) = list.as_list() else {
            self.findings.field(&NOT_A_LIST, row, &path, || format!("`{name}` is a {}", list.kind()));
            return;
        };
        if turns.is_empty() {
            self.findings.field(&NO_MESSAGES, row, &path, String::new);
            return;
        }
        let is_sharegpt = name == "conversations";
        let has_openai_keys = turns.iter().any(|turn| turn.get("role").is_some() && turn.get("from").is_none());
        let (role_key, content_key) =
            if is_sharegpt && !has_openai_keys { ("from", "value") } else { ("role", "content") };
        if is_sharegpt && has_openai_keys {
            self.findings.field(&SHAREGPT_KEYS, row, &[path[0], Step::At(0)], String::new);
        }
        let mut roles = Vec::with_capacity(turns.len());
        for (at, turn) in turns.iter().enumerate() {
            let path = [path[0], Step::At(at), Step::Key(role_key)];
            let Some(word) = turn.get(role_key).and_then(Node::as_str) else {
                self.findings.field(&MESSAGE_KEYS, row, &path[..2], || format!("no `{role_key}`"));
                roles.push(None);
                continue;
            };
            let role = Role::of(word);
            if role.is_none() {
                self.findings.field(&UNKNOWN_ROLE, row, &path, || format!("`{}`", brief(word)));
            }
            if role_key == "from" && matches!(word, "user" | "assistant") {
                self.findings.field(&SHAREGPT_TAGS, row, &path, || format!("`{word}`"));
            } else if role_key == "from" && role.is_some() && at == 0 {
                self.findings.field(&SHAREGPT_TRL, row, &path, String::new);
            }
            roles.push(role);
        }
        self.order(turns, &roles, role_key);
        let last = roles.iter().rposition(|role| *role == Some(Role::Assistant));
        for (at, turn) in turns.iter().enumerate() {
            self.content(turn, roles[at], at, content_key, last == Some(at));
        }
        let weightless = |turn: &Node<'_>| {
            matches!(turn.get("weight"), Some(Node::Whole(0))) || turn.get("train") == Some(&Node::Bool(false))
        };
        let mut answers = turns.iter().zip(&roles).filter(|(_, role)| **role == Some(Role::Assistant)).peekable();
        if answers.peek().is_some() && answers.all(|(turn, _)| weightless(turn)) {
            self.findings.field(&ALL_WEIGHTS_ZERO, row, &path, String::new);
        }
        tools::check(self, turns, &roles);
    }

    fn order(&mut self, turns: &[Node<'_>], roles: &[Option<Role>], role_key: &str) {
        let (row, name) = (self.row, self.name);
        let mut tell = |check, at: usize| {
            let path = [Step::Key(name), Step::At(at), Step::Key(role_key)];
            self.findings.field(check, row, &path, String::new);
        };
        for (at, role) in roles.iter().enumerate().skip(1) {
            if *role == Some(Role::System) {
                tell(&SYSTEM_NOT_FIRST, at);
            }
            // A call, its results and what is said to them follow each other.
            let calls = turns[at - 1].given("tool_calls").is_some();
            if matches!(role, Some(Role::User | Role::Assistant)) && *role == roles[at - 1] && !calls {
                tell(&ROLES_REPEAT, at);
            }
        }
        let spoken = roles.iter().position(|role| *role != Some(Role::System));
        if self.wanted == Wanted::Whole {
            if let Some(at) = spoken.filter(|at| roles[*at] == Some(Role::Assistant)) {
                tell(&FIRST_NOT_USER, at);
            }
            let last = roles.len() - 1;
            if !roles.contains(&Some(Role::Assistant)) {
                // An unknown role was told already, and may be the assistant's.
                if !roles.contains(&None) {
                    tell(&NO_ASSISTANT, last);
                }
            } else if !matches!(roles[last], Some(Role::Assistant) | None) {
                tell(&LAST_NOT_ASSISTANT, last);
            }
        }
        if self.wanted == Wanted::Answer && !roles.contains(&Some(Role::Assistant)) && !roles.contains(&None) {
            tell(&NO_ASSISTANT, roles.len() - 1);
        }
    }

    fn content(&mut self, turn: &Node<'_>, role: Option<Role>, at: usize, key: &str, is_last: bool) {
        let row = self.row;
        let path = [Step::Key(self.name), Step::At(at), Step::Key(key)];
        let calls = turn.given("tool_calls").or_else(|| turn.given("function_call")).is_some();
        match turn.get(key) {
            Some(Node::Text(text)) => {
                if let Some(role) = role {
                    self.talk.as_text[role as usize].add(row, &path);
                }
                self.said(text, role, &path, is_last, calls || has_thought(turn));
            }
            Some(Node::List(parts)) => {
                if let Some(role) = role {
                    self.talk.as_list[role as usize].add(row, &path);
                }
                for (part_at, part) in parts.iter().enumerate() {
                    let text = part.get("text");
                    let path = [path[0], path[1], path[2], Step::At(part_at), Step::Key("text")];
                    if let Some(text) = text.and_then(Node::as_str) {
                        self.said(text, role, &path, is_last, calls || parts.len() > 1);
                    } else if part.get("type").is_none() && part.as_str().is_none() {
                        self.findings.field(&CONTENT_TYPE, row, &path[..4], || "a part without a `type`".to_owned());
                    }
                }
            }
            Some(Node::Null) | None if calls => {}
            Some(Node::Null) => self.findings.field(&NULL_CONTENT, row, &path, String::new),
            None => self.findings.field(&MESSAGE_KEYS, row, &path[..2], || format!("no `{key}`")),
            // Results of tools may be objects: templates write them as JSON.
            Some(Node::Map(_)) if role == Some(Role::Tool) => {}
            Some(other) => self.findings.field(&CONTENT_TYPE, row, &path, || format!("it is a {}", other.kind())),
        }
    }

    fn said(&mut self, text: &str, role: Option<Role>, path: &[Step<'_>], is_last: bool, may_be_empty: bool) {
        let row = self.row;
        let is_answer = role == Some(Role::Assistant);
        if text.trim().is_empty() {
            let check = if is_answer { &EMPTY_ANSWER } else { &EMPTY_PROMPT };
            if !may_be_empty && role != Some(Role::Tool) && self.wanted != Wanted::Answer {
                self.findings.field(check, row, path, String::new);
            }
            return;
        }
        if row.has_hints {
            marks::in_message(text, row, path, self.findings);
        }
        if is_answer {
            self.answer(text, path, is_last);
        }
    }

    fn answer(&mut self, text: &str, path: &[Step<'_>], is_last: bool) {
        let row = self.row;
        let count =
            |word: &str| if row.has_hints { memchr::memmem::find_iter(text.as_bytes(), word).count() } else { 0 };
        let (opened, closed) = (count("<think>"), count("</think>"));
        if opened != closed {
            self.findings.field(&THINK_UNBALANCED, row, path, || format!("{opened} opened, {closed} closed"));
        } else if opened > 0 {
            let inside = text.split_once("<think>").and_then(|(_, rest)| rest.split_once("</think>"));
            if inside.is_some_and(|(thought, _)| thought.trim().is_empty()) {
                self.findings.field(&THINK_EMPTY, row, path, String::new);
            } else if !is_last {
                self.findings.field(&THINK_HISTORY, row, path, String::new);
            }
        }
        let kind = if opened > 0 { &mut self.talk.with_thought } else { &mut self.talk.without_thought };
        kind.add(row, path);
        if let Some(reason) = unfinished(text, row.has_hints) {
            self.findings.field(&UNFINISHED, row, path, || reason);
        }
        if refuses(text) {
            self.findings.field(&REFUSAL, row, path, || format!("\"{}\"", brief(text.trim())));
        }
    }
}

fn has_thought(turn: &Node<'_>) -> bool {
    turn.given("reasoning_content").or_else(|| turn.given("thinking")).is_some()
}

/// Words that no sentence ends with.
const GO_ON: [&str; 34] = [
    "a", "an", "the", "and", "or", "but", "because", "of", "by", "with", "from", "into", "than", "that", "which",
    "whose", "is", "are", "was", "were", "your", "our", "their", "its", "my", "if", "when", "while", "although", "as",
    "between", "very", "such", "und",
];

/// Why an answer seems to be cut off, by its last word or an open block of code.
pub(super) fn unfinished(text: &str, may_have_code: bool) -> Option<String> {
    let text = text.trim_end();
    if may_have_code && text.matches("```").count() % 2 == 1 {
        return Some("a block of code is not closed".to_owned());
    }
    if text.ends_with(',') {
        return Some("it ends with a comma".to_owned());
    }
    // A word or two may be an answer of their own: a label, a name.
    let tail = text.get(text.len().saturating_sub(200)..).unwrap_or(text);
    let mut words = tail.split_whitespace().rev();
    let last = words.next()?;
    let is_sentence = words.take(2).count() == 2;
    (is_sentence && GO_ON.contains(&last)).then(|| format!("its last word is \"{last}\""))
}

/// How refusals usually begin.
const REFUSALS: [&str; 12] = [
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i am sorry, but i can",
    "i'm sorry, i can't",
    "i can't help with",
    "i can't assist with",
    "i cannot help with",
    "i cannot assist with",
    "i'm unable to",
    "i am unable to",
    "as an ai language model",
    "as a language model",
];

fn refuses(text: &str) -> bool {
    let text = text.trim_start();
    if !text.starts_with(['i', 'I', 'a', 'A']) {
        return false;
    }
    let begin: String = text.chars().take(60).collect();
    let begin = begin.to_lowercase().replace('’', "'");
    REFUSALS.iter().any(|words| begin.starts_with(words))
}
