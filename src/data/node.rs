//! JSON as it stands in the file: text is borrowed where it can be, keys keep their order and their repetitions.

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

/// Most values of one row. One byte of `[1,1,1,…` becomes dozens in memory.
pub const MAX_VALUES: usize = 1_000_000;

/// What is said where a row has more.
pub const TOO_MANY: &str = "over 1,000,000 values in one row";

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<'a> {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number of at most 64 bits.
    Whole(i128),
    /// Any other number; whole ones that are longer are among them, rounded.
    Number(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// An object, its keys in order, repeated ones included.
    Map(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Node<'a> {
    /// The value of a text of JSON, and nothing after it.
    ///
    /// # Errors
    /// It is no JSON, deeper than 128, or holds over [`MAX_VALUES`].
    pub fn parse(text: &'a str) -> serde_json::Result<Self> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let left = Cell::new(MAX_VALUES);
        let node = Seed { left: &left }.deserialize(&mut reader)?;
        reader.end().map(|()| node)
    }

    /// Text, if it is that.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list, if it is that.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(parts) => Some(parts),
            _ => None,
        }
    }

    /// An object's fields, if it is that.
    pub fn as_map(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        match self {
            Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The field of an object; the last one, if it stands there several times, as Python takes it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The field of an object that is there and not `null`: tables turn what is left out into `null`.
    pub fn given(&self, name: &str) -> Option<&Self> {
        self.get(name).filter(|value| **value != Self::Null)
    }

    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Node<'static> {
        match self {
            Self::Null => Node::Null,
            Self::Bool(value) => Node::Bool(value),
            Self::Whole(value) => Node::Whole(value),
            Self::Number(value) => Node::Number(value),
            Self::Text(text) => Node::Text(Cow::Owned(text.into_owned())),
            Self::List(parts) => Node::List(parts.into_iter().map(Self::into_owned).collect()),
            Self::Map(fields) => Node::Map(
                fields.into_iter().map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned())).collect(),
            ),
        }
    }

    /// What kind of value it is, in the words of JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Whole(_) | Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "object",
        }
    }
}

/// Makes nodes while there are some left to make.
#[derive(Clone, Copy)]
struct Seed<'c> {
    left: &'c Cell<usize>,
}

impl Seed<'_> {
    fn take<E: de::Error>(self) -> Result<(), E> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(E::custom(TOO_MANY)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Node<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Whole(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Whole(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value))
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Node<'de>, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = from.next_element_seed(self)? {
            self.take()?;
            parts.push(part);
        }
        Ok(Node::List(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Node<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = from.next_key_seed(KeySeed)? {
            self.take()?;
            fields.push((key, from.next_value_seed(self)?));
        }
        Ok(Node::Map(fields))
    }
}

/// Keys are borrowed too.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Cow<'de, str>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: de::Error>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// A step into a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'p> {
    /// The field of an object.
    Key(&'p str),
    /// A part of a list, from 0.
    At(usize),
}

/// A path as it is told: `messages[1].content`.
pub fn path_text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                // A key may be as long as the file; it is told by its beginning.
                text.extend(key.chars().take(80));
            }
            Step::At(at) => text.push_str(&format!("[{at}]")),
        }
    }
    text
}

/// The byte of a text of JSON at which the value of a path begins; as far as the path goes in it.
pub fn locate(text: &[u8], path: &[Step<'_>]) -> usize {
    let mut at = skip_blanks(text, 0);
    for step in path {
        match enter(text, at, *step) {
            Some(next) => at = next,
            None => return at,
        }
    }
    at
}

/// The path to what stands at a byte of a text of JSON, as far as it can be followed where the text is faulty.
pub fn path_at(text: &[u8], byte: usize) -> String {
    const DEEPEST: usize = 8;
    // For each opened bracket the step that leads on from it: a key, or the number of a part.
    let mut open: Vec<(bool, String, usize)> = Vec::new();
    let (mut at, mut last_string) = (0, None);
    while at < byte.min(text.len()) {
        match text[at] {
            b'"' => {
                let end = skip_value(text, at).unwrap_or(text.len());
                if end > byte {
                    break;
                }
                last_string = Some(at..end);
                at = end;
                continue;
            }
            b':' => {
                let key = last_string.take().and_then(|place| serde_json::from_slice::<String>(&text[place]).ok());
                if let (Some((_, name, _)), Some(key)) = (open.last_mut(), key) {
                    *name = key;
                }
            }
            b',' => {
                if let Some((_, name, count)) = open.last_mut() {
                    name.clear();
                    *count += 1;
                }
            }
            bracket @ (b'[' | b'{') => open.push((bracket == b'{', String::new(), 0)),
            b']' | b'}' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    let steps: Vec<Step<'_>> = open
        .iter()
        .take(DEEPEST)
        .map_while(|(is_object, key, count)| match (is_object, key.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Step::Key(key)),
            (false, _) => Some(Step::At(*count)),
        })
        .collect();
    path_text(&steps)
}

/// Where a part of the value at `at` begins.
fn enter(text: &[u8], at: usize, step: Step<'_>) -> Option<usize> {
    let opened = *text.get(at)?;
    let mut place = skip_blanks(text, at + 1);
    let mut found = None;
    for count in 0.. {
        if matches!(text.get(place)?, b']' | b'}') {
            break;
        }
        let is_it = match step {
            Step::At(wanted) => opened == b'[' && count == wanted,
            Step::Key(wanted) if opened == b'{' => {
                let end = skip_value(text, place)?;
                let key: Option<String> = serde_json::from_slice(&text[place..end]).ok();
                place = skip_blanks(text, end);
                if text.get(place) != Some(&b':') {
                    break;
                }
                place = skip_blanks(text, place + 1);
                key.as_deref() == Some(wanted)
            }
            Step::Key(_) => false,
        };
        if is_it {
            found = Some(place);
            if matches!(step, Step::At(_)) {
                break;
            }
        }
        place = skip_blanks(text, skip_value(text, place)?);
        if text.get(place) == Some(&b',') {
            place = skip_blanks(text, place + 1);
        }
    }
    found
}

fn skip_blanks(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The byte behind the value that begins at `from`.
fn skip_value(text: &[u8], from: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate().skip(from) {
        if in_string {
            (escaped, in_string) = (!escaped && *byte == b'\\', escaped || *byte != b'"');
            if !in_string && depth == 0 {
                return Some(at + 1);
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 0 => return Some(at),
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' | b':' if depth == 0 => return Some(at),
            _ if depth == 0 && byte.is_ascii_whitespace() => return Some(at),
            _ => {}
        }
    }
    Some(text.len())
}

/// An error of the parser in its own words, without the place, which is told otherwise.
pub fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// The byte of `text`, from 0, at which the parser stopped. Its columns are bytes, from 1.
pub fn stopped_at(text: &[u8], error: &serde_json::Error) -> usize {
    let before = error.line().saturating_sub(1);
    let start = if before == 0 { 0 } else { memchr::memchr_iter(b'\n', text).nth(before - 1).map_or(0, |at| at + 1) };
    (start + error.column().saturating_sub(1)).min(text.len())
}

/// Numbers that are whole as written and too long for 64 bits stand in the file at this path.
pub fn is_written_whole(text: &[u8], path: &[Step<'_>]) -> bool {
    let from = locate(text, path);
    let number = &text[from..skip_value(text, from).unwrap_or(text.len())];
    !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Step::{At, Key};
    use super::*;

    #[test]
    fn text_is_borrowed_keys_are_kept_and_values_are_counted() {
        let node = Node::parse(r#"{"a": "x", "b": ["y\n", 1, -2, 1.5, null, true], "a": {}}"#).unwrap();
        let fields = node.as_map().unwrap();
        assert_eq!(fields.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), ["a", "b", "a"]);
        assert!(matches!(&fields[0].1, Node::Text(Cow::Borrowed("x"))));
        assert!(matches!(&fields[1].1.as_list().unwrap()[0], Node::Text(Cow::Owned(text)) if text == "y\n"));
        assert_eq!(node.get("a"), Some(&Node::Map(Vec::new())), "the last one, as in Python");
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert!(Node::parse(&many).is_err_and(|error| error.to_string().contains("1,000,000")));
        assert!(Node::parse(&"[".repeat(500)).is_err_and(|error| error.to_string().contains("recursion")));
        assert!(Node::parse("1 2").is_err());
    }

    /// Places by hand.
    #[test]
    fn the_byte_of_a_path_is_found() {
        let text = br#" {"a": [1, {"b,:": "c]\"", "d": [ ] , "e" :null}],"f":2}"#;
        let found = |path: &[Step<'_>], begins: &str| text[locate(text, path)..].starts_with(begins.as_bytes());
        assert!(found(&[], "{\"a\""));
        assert!(found(&[Key("a"), At(0)], "1, {"));
        assert!(found(&[Key("a"), At(1), Key("b,:")], "\"c]"));
        assert!(found(&[Key("a"), At(1), Key("d")], "[ ]"));
        assert!(found(&[Key("a"), At(1), Key("e")], "null}"));
        assert!(found(&[Key("f")], "2}"));
        assert!(found(&[Key("a"), At(7)], "[1, {"), "as far as it goes");
        assert_eq!(path_text(&[Key("a"), At(1), Key("b")]), "a[1].b");
        let path = |of: &str| path_at(text, memchr::memmem::find(text, of.as_bytes()).unwrap());
        assert_eq!((path("1, {"), path("c]"), path("null")), ("a[0]".into(), "a[1].b,:".into(), "a[1].e".into()));
        assert_eq!((path("2}"), path("{\"a")), ("f".to_owned(), String::new()));
        assert!(is_written_whole(b"{\"n\": 123456789012345678901}", &[Key("n")]));
        assert!(!is_written_whole(b"{\"n\": 1e30}", &[Key("n")]));
    }

    #[test]
    fn the_place_where_parsing_stopped_is_a_byte() {
        let text = "{\n \"ä\": 1,\n x}".as_bytes();
        let error = Node::parse(std::str::from_utf8(text).unwrap()).unwrap_err();
        assert_eq!(text[stopped_at(text, &error)], b'x');
    }
}
