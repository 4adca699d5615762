//! RON text as a tree that knows where everything stands.
//!
//! The `ron` crate reads values but not positions; a plan file needs both, to point at a line and to keep what it
//! does not know byte for byte. Scalars are left as text for `ron` to decode.

use super::{ReadError, named};
use crate::units::grouped;
use std::collections::HashSet;

/// Deepest nesting that is read; plans have five levels.
const MAX_DEPTH: usize = 64;

/// Most values of a file; plans have some hundred.
const MAX_VALUES: usize = 50_000;
/// Most comments; plans have one for a key.
const MAX_COMMENTS: usize = 50_000;

/// Where something begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    pub kind: NodeKind<'a>,
    pub at: Position,
    /// The value as it stands in the text.
    pub raw: &'a str,
}

#[derive(Clone, Debug)]
pub enum NodeKind<'a> {
    /// `(key: value, …)`, `Name(key: value, …)` or `{"key": value, …}`.
    Struct(Vec<Entry<'a>>),
    /// `[value, …]`.
    List(Vec<Node<'a>>),
    /// `Some(value)`.
    Some(Box<Node<'a>>),
    /// Number, string, character, word, or a tuple.
    Scalar,
}

/// One `key: value`.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub key: String,
    pub at: Position,
    /// Byte it begins at.
    pub start: usize,
    pub value: Node<'a>,
    /// `key: value` as it stands in the text.
    pub raw: &'a str,
}

/// A comment with its place; `text` begins with `//` or `/*`.
#[derive(Clone, Copy, Debug)]
pub struct Comment<'a> {
    pub at: Position,
    /// Byte it begins at.
    pub start: usize,
    pub text: &'a str,
}

/// Parses a whole text; its comments come apart.
pub fn parse(text: &str) -> Result<(Node<'_>, Vec<Comment<'_>>), ReadError> {
    let start = Cursor { byte: 0, position: Position { line: 1, column: 1 } };
    let mut parser = Parser { text, at: start, comments: Vec::new(), values: 0 };
    parser.skip_attributes()?;
    let node = parser.value(0)?;
    parser.blank()?;
    if parser.at.byte < text.len() {
        return Err(parser.error("the plan ends before this; remove what follows"));
    }
    Ok((node, parser.comments))
}

/// A byte with its line and column: counted along the way, since counting back from each value would make a long line
/// cost its length squared.
#[derive(Clone, Copy)]
struct Cursor {
    byte: usize,
    position: Position,
}

struct Parser<'a> {
    text: &'a str,
    at: Cursor,
    comments: Vec<Comment<'a>>,
    /// Values read so far.
    values: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at.byte..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, message: impl Into<String>) -> ReadError {
        at(self.at.position, message)
    }

    /// The text from `start` to here.
    fn since(&self, start: Cursor) -> &'a str {
        &self.text[start.byte..self.at.byte]
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at.byte += c.len_utf8();
        let Position { line, column } = self.at.position;
        self.at.position =
            if c == '\n' { Position { line: line + 1, column: 1 } } else { Position { line, column: column + 1 } };
        Some(c)
    }

    fn advance(&mut self, bytes: usize) {
        let end = self.at.byte + bytes;
        while self.at.byte < end && self.bump().is_some() {}
    }

    /// Skips white space and comments.
    fn blank(&mut self) -> Result<(), ReadError> {
        loop {
            let start = self.at;
            if self.rest().starts_with("//") {
                let length = self.rest().find('\n').unwrap_or(self.rest().len());
                self.advance(length);
            } else if self.rest().starts_with("/*") {
                self.block_comment()?;
            } else if self.peek().is_some_and(char::is_whitespace) {
                self.bump();
                continue;
            } else {
                return Ok(());
            }
            // Looking ahead goes over some comments twice.
            if self.comments.last().is_none_or(|last| last.start < start.byte) {
                let text = &self.text[start.byte..self.at.byte];
                if self.comments.len() >= MAX_COMMENTS {
                    let text = format!("over {} comments; a plan has one for a key", grouped(MAX_COMMENTS as u64));
                    return Err(at(start.position, text));
                }
                self.comments.push(Comment { at: start.position, start: start.byte, text });
            }
        }
    }

    /// RON's block comments nest.
    fn block_comment(&mut self) -> Result<(), ReadError> {
        let opened = self.at.position;
        let mut depth = 0_usize;
        loop {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.advance(2);
                if depth == 0 {
                    return Ok(());
                }
            } else if self.bump().is_none() {
                return Err(at(opened, "this comment is never closed; add */"));
            }
        }
    }

    /// `#![enable(…)]` lines.
    fn skip_attributes(&mut self) -> Result<(), ReadError> {
        self.blank()?;
        while self.rest().starts_with("#!") {
            let Some(end) = self.rest().find(']') else {
                return Err(self.error("this attribute is never closed; add ]"));
            };
            self.advance(end + 1);
            self.blank()?;
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, ReadError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply; a plan has a few levels"));
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(format!("over {} values; a plan has some hundred", grouped(MAX_VALUES as u64))));
        }
        self.blank()?;
        let start = self.at;
        let kind = match self.peek() {
            None => return Err(self.error("the text ends where a value was expected")),
            Some('(') => self.parenthesis(depth)?,
            Some('{') => self.entries('}', depth)?,
            Some('[') => self.list(depth)?,
            Some('"' | '\'') => self.string()?,
            Some('r' | 'b') if self.is_raw_string() => self.raw_string()?,
            Some('r') if self.is_raw_identifier() => {
                self.advance(2);
                self.word(depth)?
            }
            Some(c) if c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.') => self.word(depth)?,
            Some(c) => return Err(self.error(format!("`{c}` is not the beginning of a value"))),
        };
        Ok(Node { kind, at: start.position, raw: self.since(start) })
    }

    /// `(key: value, …)`, or a tuple, which no plan key takes but an unknown key may.
    fn parenthesis(&mut self, depth: usize) -> Result<NodeKind<'a>, ReadError> {
        let mark = self.at;
        self.bump();
        self.blank()?;
        let is_struct = self.peek() == Some(')') || self.looks_like_key();
        self.at = mark;
        if is_struct {
            return self.entries(')', depth);
        }
        self.items(')', depth)?;
        Ok(NodeKind::Scalar)
    }

    fn looks_like_key(&self) -> bool {
        let word = self.rest().chars().take_while(|c| is_word(*c)).map(char::len_utf8).sum::<usize>();
        word > 0 && self.rest()[word..].trim_start().starts_with(':')
    }

    fn entries(&mut self, close: char, depth: usize) -> Result<NodeKind<'a>, ReadError> {
        let opened = self.at.position;
        self.bump();
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut seen = HashSet::new();
        loop {
            self.blank()?;
            match self.peek() {
                None => return Err(at(opened, format!("this is never closed; add {close}"))),
                Some(c) if c == close => {
                    self.bump();
                    return Ok(NodeKind::Struct(entries));
                }
                Some(_) => {}
            }
            let start = self.at;
            let key = self.key()?;
            if !seen.insert(key.clone()) {
                return Err(at(
                    start.position,
                    format!("`{}` is here a second time; keep one of the two", named(&key)),
                ));
            }
            self.blank()?;
            if self.peek() != Some(':') {
                return Err(self.error(format!("a colon was expected after `{}`", named(&key))));
            }
            self.bump();
            let value = self.value(depth + 1)?;
            let raw = self.since(start);
            entries.push(Entry { key, at: start.position, start: start.byte, value, raw });
            self.comma(close)?;
        }
    }

    fn key(&mut self) -> Result<String, ReadError> {
        if self.peek() == Some('"') {
            let start = self.at;
            self.string()?;
            let raw = self.since(start);
            return ron::from_str(raw).map_err(|_error| self.error("this key is not a valid string"));
        }
        let length: usize = self.rest().chars().take_while(|c| is_word(*c)).map(char::len_utf8).sum();
        if length == 0 {
            let found = self.peek().map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"));
            return Err(self.error(format!("a key was expected, not {found}")));
        }
        let key = self.rest()[..length].to_owned();
        self.advance(length);
        Ok(key)
    }

    fn comma(&mut self, close: char) -> Result<(), ReadError> {
        self.blank()?;
        match self.peek() {
            Some(',') => {
                self.bump();
                Ok(())
            }
            Some(c) if c == close => Ok(()),
            Some(c) => Err(self.error(format!("`,` or `{close}` was expected, not `{c}`"))),
            None => Err(self.error(format!("the text ends before `{close}`"))),
        }
    }

    fn list(&mut self, depth: usize) -> Result<NodeKind<'a>, ReadError> {
        Ok(NodeKind::List(self.items(']', depth)?))
    }

    fn items(&mut self, close: char, depth: usize) -> Result<Vec<Node<'a>>, ReadError> {
        let opened = self.at.position;
        self.bump();
        let mut items = Vec::new();
        loop {
            self.blank()?;
            match self.peek() {
                None => return Err(at(opened, format!("this is never closed; add {close}"))),
                Some(c) if c == close => {
                    self.bump();
                    return Ok(items);
                }
                Some(_) => {}
            }
            items.push(self.value(depth + 1)?);
            self.comma(close)?;
        }
    }

    fn string(&mut self) -> Result<NodeKind<'a>, ReadError> {
        let opened = self.at.position;
        let quote = self.bump();
        loop {
            match self.bump() {
                None => return Err(at(opened, "this text is never closed; add a quotation mark")),
                Some('\\') => {
                    self.bump();
                }
                c if c == quote => return Ok(NodeKind::Scalar),
                Some(_) => {}
            }
        }
    }

    fn is_raw_string(&self) -> bool {
        let rest = self.rest().trim_start_matches('b').trim_start_matches('r').trim_start_matches('#');
        rest.starts_with('"')
    }

    /// `r#None`: a name that would be a keyword.
    fn is_raw_identifier(&self) -> bool {
        self.rest().strip_prefix("r#").and_then(|rest| rest.chars().next()).is_some_and(is_word)
    }

    fn raw_string(&mut self) -> Result<NodeKind<'a>, ReadError> {
        let opened = self.at.position;
        while matches!(self.peek(), Some('b' | 'r')) {
            self.bump();
        }
        let hashes = self.rest().chars().take_while(|c| *c == '#').count();
        if hashes == 0 {
            return self.string_without_escapes(opened, "\"");
        }
        self.advance(hashes);
        let close = format!("\"{}", "#".repeat(hashes));
        self.string_without_escapes(opened, &close)
    }

    fn string_without_escapes(&mut self, opened: Position, close: &str) -> Result<NodeKind<'a>, ReadError> {
        self.bump();
        match self.rest().find(close) {
            Some(length) => {
                self.advance(length + close.len());
                Ok(NodeKind::Scalar)
            }
            None => Err(at(opened, "this raw text is never closed")),
        }
    }

    /// A number, a word such as `None` or `true`, `Some(value)`, or a named struct.
    fn word(&mut self, depth: usize) -> Result<NodeKind<'a>, ReadError> {
        let start = self.at;
        let length: usize =
            self.rest().chars().take_while(|c| is_word(*c) || matches!(c, '-' | '+' | '.')).map(char::len_utf8).sum();
        self.advance(length);
        let word = self.since(start);
        let after_word = self.at;
        self.blank()?;
        if self.peek() != Some('(') {
            self.at = after_word;
            return Ok(NodeKind::Scalar);
        }
        if word == "Some" {
            self.bump();
            let inner = self.value(depth + 1)?;
            self.comma(')')?;
            self.blank()?;
            if self.peek() != Some(')') {
                return Err(self.error("`)` was expected"));
            }
            self.bump();
            return Ok(NodeKind::Some(Box::new(inner)));
        }
        self.parenthesis(depth)
    }
}

fn at(place: Position, message: impl Into<String>) -> ReadError {
    ReadError { line: place.line, column: place.column, message: message.into() }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
