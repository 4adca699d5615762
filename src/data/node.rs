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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
}
