//! The keys of a file, and which of them were read.

use super::known::{Fate, Known};
use super::scalar::{Scalar, number_in};
use super::tree::{Node, Value};
use super::{ImportError, Keys, Place, Remark, Unknown};
use std::collections::HashMap;

/// Most keys of a file.
const MAX_KEYS: usize = 20_000;

/// Unknown names for which a near one is looked for: a file that has more is no file of this engine, and each is held
/// against hundreds of names.
const MOST_LOOKED_FOR: usize = 100;

/// One key.
struct Entry<'n> {
    path: String,
    line: usize,
    node: &'n Node,
    read: Read,
    /// The entry it stands in.
    parent: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    Unread,
    Taken,
    Idle,
}

/// A file as its keys in order, by dotted path; entries of lists are `name[0].key`.
pub struct Document<'n> {
    entries: Vec<Entry<'n>>,
    by_path: HashMap<String, usize>,
    remarks: Vec<Remark>,
}

impl<'n> Document<'n> {
    /// Walks over all keys.
    pub fn new(root: &'n Node) -> Result<Self, ImportError> {
        let Value::Map(_) = root.value else {
            return Err(ImportError("the file is no table of keys and values".to_owned()));
        };
        let mut document = Self { entries: Vec::new(), by_path: HashMap::new(), remarks: Vec::new() };
        document.walk("", root, None)?;
        Ok(document)
    }

    fn walk(&mut self, prefix: &str, node: &'n Node, parent: Option<usize>) -> Result<(), ImportError> {
        match &node.value {
            Value::Scalar(_) => {}
            Value::List(list) => {
                for (index, node) in list.iter().enumerate() {
                    if matches!(node.value, Value::Map(_)) {
                        self.walk(&format!("{prefix}[{index}]"), node, parent)?;
                    }
                }
            }
            Value::Map(map) => {
                for (key, line, node) in map {
                    let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    let index = self.entries.len();
                    if index >= MAX_KEYS {
                        return Err(ImportError(format!("{line}: the file has more than {MAX_KEYS} keys")));
                    }
                    self.entries.push(Entry { path: path.clone(), line: *line, node, read: Read::Unread, parent });
                    if let Some(earlier) = self.by_path.insert(path.clone(), index) {
                        let first = self.entries.get(earlier).map_or(0, |entry| entry.line);
                        let message = format!("`{path}` stands twice, in line {first} and here; PyYAML takes the last");
                        self.remarks.push(Remark { line: *line, message });
                    }
                    self.walk(&path, node, Some(index))?;
                }
            }
        }
        Ok(())
    }

    fn entry(&self, key: &str) -> Option<&Entry<'n>> {
        self.by_path.get(key).and_then(|&index| self.entries.get(index))
    }

    fn mark(&mut self, key: &str, read: Read) {
        if let Some(&index) = self.by_path.get(key)
            && let Some(entry) = self.entries.get_mut(index)
        {
            entry.read = read;
        }
    }

    /// The scalar behind `key`; `None` where there is none or nothing behind it.
    fn scalar(&self, key: &str) -> Option<Scalar> {
        match &self.entry(key)?.node.value {
            Value::Scalar(Scalar::Null) => None,
            Value::Scalar(scalar) => Some(scalar.clone()),
            _ => None,
        }
    }

    /// Whether something stands behind `key`.
    pub fn is_set(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|entry| entry.node.value != Value::Scalar(Scalar::Null))
    }

    /// Whether the key stands there at all.
    pub fn has(&self, key: &str) -> bool {
        self.by_path.contains_key(key)
    }

    /// Names of the top.
    pub fn top(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| entry.parent.is_none()).map(|entry| entry.path.as_str())
    }

    /// Counts a key as read.
    pub fn take(&mut self, key: &str) {
        self.mark(key, Read::Taken);
    }

    /// Counts a key as without influence in this file.
    pub fn idle(&mut self, key: &str) {
        if self.entry(key).is_some_and(|entry| entry.read == Read::Unread) {
            self.mark(key, Read::Idle);
        }
    }

    /// A remark at a key.
    pub fn remark(&mut self, key: &str, message: impl Into<String>) {
        let line = self.entry(key).map_or(0, |entry| entry.line);
        self.remarks.push(Remark { line, message: message.into() });
    }

    /// The text behind `key`; a number as it would be written.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let text = match self.scalar(key)? {
            Scalar::Text(text) => text,
            Scalar::Number(number) => number.to_string(),
            Scalar::Bool(on) => on.to_string(),
            Scalar::Null => return None,
        };
        self.take(key);
        Some(text)
    }

    /// The text behind `key`, without reading it.
    pub fn peek(&self, key: &str) -> Option<String> {
        match self.scalar(key)? {
            Scalar::Text(text) => Some(text),
            Scalar::Number(number) => Some(number.to_string()),
            Scalar::Bool(on) => Some(on.to_string()),
            Scalar::Null => None,
        }
    }

    /// The number behind `key`. Text that PyYAML does not take for a number is taken for the one it spells, and said.
    pub fn number(&mut self, key: &str) -> Option<f64> {
        let number = match self.scalar(key)? {
            Scalar::Number(number) => number,
            Scalar::Text(text) => {
                let Some(number) = number_in(&text) else {
                    // `auto`: the trainer fills it, so the file does not say it.
                    self.idle(key);
                    return None;
                };
                let message = format!(
                    "`{key}: {text}` is text to PyYAML, not a number; the engine converts it or fails. Write {number:?}"
                );
                self.remark(key, message);
                number
            }
            _ => return None,
        };
        self.take(key);
        Some(number)
    }

    /// The whole number from 1 behind `key`.
    pub fn count(&mut self, key: &str) -> Option<u64> {
        let number = self.number(key)?;
        (number >= 1.0 && number.fract() == 0.0 && number < 1e15).then_some(number as u64)
    }

    /// On or off; `auto` and other words are `None`.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let on = match self.scalar(key)? {
            Scalar::Bool(on) => on,
            Scalar::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => true,
                "false" | "no" | "off" | "none" => false,
                _ => return None,
            },
            Scalar::Number(number) => number != 0.0,
            Scalar::Null => return None,
        };
        self.take(key);
        Some(on)
    }

    /// The words of a list, or of a text with commas.
    pub fn words(&mut self, key: &str) -> Option<Vec<String>> {
        let entry = self.entry(key)?;
        let words: Vec<String> = match &entry.node.value {
            Value::List(list) => list
                .iter()
                .filter_map(|node| match &node.value {
                    Value::Scalar(Scalar::Text(text)) => Some(text.clone()),
                    Value::Scalar(Scalar::Number(number)) => Some(number.to_string()),
                    _ => None,
                })
                .collect(),
            Value::Scalar(Scalar::Text(text)) => {
                text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
            }
            _ => return None,
        };
        self.take(key);
        (!words.is_empty()).then_some(words)
    }

    /// Paths of the keys that end in `ending`.
    pub fn ending(&self, ending: &str) -> Vec<String> {
        self.entries.iter().map(|entry| &entry.path).filter(|path| path.ends_with(ending)).cloned().collect()
    }

    /// Every key in one of the four lists.
    pub fn account(self, known: &Known) -> (Keys, Vec<Remark>) {
        let mut fates: Vec<Fate> = self.entries.iter().map(|entry| self.own_fate(entry, known)).collect();
        // A table is taken where something in it is, and not needed where nothing in it is.
        for index in (0..self.entries.len()).rev() {
            let Some(parent) = self.entries[index].parent else { continue };
            let (child, own) = (fates[index].clone(), fates[parent].clone());
            let unsettled = matches!(own, Fate::NoField | Fate::NotNeeded);
            if child == Fate::Taken && unsettled {
                fates[parent] = Fate::Taken;
            }
        }
        let mut keys = Keys::default();
        let mut remarks = self.remarks;
        let mut told = Told { known, messages: HashMap::new() };
        for (entry, fate) in self.entries.iter().zip(fates) {
            let (key, line) = (entry.path.clone(), entry.line);
            if key.starts_with('(') {
                continue;
            }
            // What an older release called so is read, and the newer one's word said.
            if let (Read::Taken, Fate::Unknown(name)) = (entry.read, known.fate(&key)) {
                let message = format!("`{key}` is {}; it is read all the same", told.of(&name));
                remarks.push(Remark { line, message });
            }
            match fate {
                Fate::Taken => keys.taken.push(key),
                Fate::NotNeeded => keys.not_needed.push(key),
                Fate::NoField => keys.no_field.push(Place { key, line }),
                Fate::Unknown(name) => keys.unknown.push(Unknown { key, line, message: told.of(&name) }),
            }
        }
        remarks.sort_by_key(|remark| remark.line);
        (keys, remarks)
    }

    fn own_fate(&self, entry: &Entry<'_>, known: &Known) -> Fate {
        let is_last = self.entry(&entry.path).is_some_and(|last| std::ptr::eq(last, entry));
        let fate = known.fate(&entry.path);
        match (entry.read, fate) {
            (Read::Taken, _) => Fate::Taken,
            (_, Fate::Unknown(name)) => Fate::Unknown(name),
            (Read::Idle, _) => Fate::NotNeeded,
            // What is not set, or set again below, changes nothing.
            _ if !is_last || entry.node.value == Value::Scalar(Scalar::Null) => Fate::NotNeeded,
            (Read::Unread, fate) => fate,
        }
    }
}

/// What is said of unknown names, each worked out once.
struct Told<'k> {
    known: &'k Known,
    messages: HashMap<String, String>,
}

impl Told<'_> {
    fn of(&mut self, name: &str) -> String {
        if let Some(message) = self.messages.get(name) {
            return message.clone();
        }
        let message = self.known.unknown(name, self.messages.len() < MOST_LOOKED_FOR);
        self.messages.insert(name.to_owned(), message.clone());
        message
    }
}
