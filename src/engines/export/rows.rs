//! What the rows of a table make of a job.

use super::table::{Facts, FileOf, Form, Group, Row, Value, Version, holds};
use super::{command, script, tree, yaml};
use serde::Serialize;
use std::collections::BTreeSet;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Name in the folder.
    pub name: String,
    /// What is written.
    pub text: String,
}

/// A value with the key that says it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// The fact.
    pub fact: String,
    /// Its value.
    pub value: String,
    /// The key; empty: the engine does it anyway.
    pub key: String,
    /// The file.
    pub file: String,
    /// Line, from 1; 0: none.
    pub line: usize,
    /// What the engine takes where the key is not there; empty: not known.
    pub default: String,
    /// Where that was read.
    pub source: String,
}

/// A value that cannot be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cannot {
    /// The fact.
    pub fact: String,
    /// Its value.
    pub value: String,
    /// Why.
    pub why: String,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyed {
    /// The key, dotted.
    pub key: String,
    /// The value.
    pub value: Value,
    /// A comment behind it.
    pub comment: String,
}

/// What came of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Written {
    /// The files.
    pub files: Vec<File>,
    /// Values with their keys.
    pub said: Vec<Said>,
    /// Values that cannot be said.
    pub cannot: Vec<Cannot>,
    /// Keys whose value no plan says: key, value, why.
    pub assumed: Vec<(String, String, String)>,
    /// What a reader is told beside.
    pub notes: Vec<String>,
}

/// The keys of the first file, without those whose value no plan says.
pub fn keys(version: Version<'_>, facts: &Facts) -> Vec<Keyed> {
    let mut written = Written::default();
    let keyed = keyed(version, facts, &mut written, &mut BTreeSet::new());
    let assumed = |key: &str| written.assumed.iter().any(|(assumed, ..)| assumed == key);
    keyed.into_iter().next().unwrap_or_default().into_iter().filter(|keyed| !assumed(&keyed.key)).collect()
}

/// Fills the files of `version` with `facts`. `head` stands on top of every file as comments, before what cannot be said;
/// what is said `elsewhere` is not among that.
pub fn write(version: Version<'_>, facts: &Facts, head: &[String], elsewhere: &BTreeSet<String>) -> Written {
    let table = version.table;
    let mut written = Written::default();
    let mut answered = BTreeSet::new();
    let keyed = keyed(version, facts, &mut written, &mut answered);
    // A file beside another speaks of its own part alone.
    let is_whole = matches!(table.group, Group::Training | Group::Serving);
    for (fact, value) in facts {
        let is_ours = is_whole || table.rows.iter().any(|row| row.say == *fact);
        let is_setting = is_ours && !answered.contains(fact) && !fact.starts_with(':');
        if is_setting && !written.cannot.iter().any(|cannot| cannot.fact == *fact) {
            let why = format!("for {} {} no key is written for it", table.title, version.version);
            written.cannot.push(Cannot { fact: fact.clone(), value: value.to_string(), why });
        }
    }
    written.cannot.retain(|cannot| !answered.contains(&cannot.fact) && !elsewhere.contains(&cannot.fact));
    written.notes = table.notes.iter().filter(|(when, _)| holds(when, facts)).map(|(_, note)| note.clone()).collect();
    let mut comments = head.to_vec();
    let cannot = written.cannot.iter();
    comments.extend(cannot.map(|cannot| format!("Not said: {} = {}: {}", cannot.fact, cannot.value, cannot.why)));
    comments.extend(written.notes.iter().map(|note| format!("Note: {note}")));
    for (file, keyed) in table.files.iter().zip(&keyed) {
        if holds(&file.when, facts) {
            let text = text_of(file, keyed, &comments, facts);
            place(&mut written.said, &named(&file.name, facts), keyed, &text);
            written.files.push(File { name: named(&file.name, facts), text });
        }
    }
    written
}

/// The keys of every file, with what is said and what cannot be on the way.
fn keyed(
    version: Version<'_>,
    facts: &Facts,
    written: &mut Written,
    answered: &mut BTreeSet<String>,
) -> Vec<Vec<Keyed>> {
    let table = version.table;
    let mut keyed: Vec<Vec<Keyed>> = table.files.iter().map(|_| Vec::new()).collect();
    for row in table.rows.iter().filter(|row| row.is_of(version.version) && holds(&row.when, facts)) {
        let Some(file) = file_of(&table.files, row).filter(|file| holds(&table.files[*file].when, facts)) else {
            continue;
        };
        let Some((value, comment)) = value_of(row, facts, version, written, answered) else { continue };
        if !row.say.is_empty() && !row.say.starts_with(':') {
            answered.insert(row.say.clone());
            written.said.push(said(row, facts, &named(&table.files[file].name, facts), &table.source));
        }
        if !row.key.is_empty() {
            let value = if row.commas { Value::text(value.to_string()) } else { value };
            keyed[file].retain(|before| before.key != row.key);
            keyed[file].push(Keyed { key: row.key.clone(), value, comment });
        }
    }
    keyed
}

/// A text with `{:fact}` for the value of a fact.
pub fn named(text: &str, facts: &Facts) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{:") {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&facts.get(&format!(":{name}")).map(ToString::to_string).unwrap_or_default());
        rest = after;
    }
    out + rest
}

fn file_of(files: &[FileOf], row: &Row) -> Option<usize> {
    if row.file.is_empty() { Some(0) } else { files.iter().position(|file| file.name == row.file) }
}

fn said(row: &Row, facts: &Facts, file: &str, source: &str) -> Said {
    let value = facts.get(&row.say).map(ToString::to_string).unwrap_or_default();
    let has_key = !row.key.is_empty();
    Said {
        fact: row.say.clone(),
        value,
        key: row.key.clone(),
        file: if has_key { file.to_owned() } else { String::new() },
        line: 0,
        default: row.default.clone(),
        source: if row.source.is_empty() { source } else { &row.source }.to_owned(),
    }
}

/// The value that a row writes. What is said without a key, or cannot be said, is noted on the way.
fn value_of(
    row: &Row,
    facts: &Facts,
    version: Version<'_>,
    written: &mut Written,
    answered: &mut BTreeSet<String>,
) -> Option<(Value, String)> {
    if row.say.is_empty() {
        return Some(assumed(row, row.value.clone()?, written));
    }
    let value = facts.get(&row.say)?;
    let word = value.to_string();
    if let Some(own) = row.words.get(&word) {
        return Some(assumed(row, own.clone(), written));
    }
    if row.absent.contains(&word) {
        answered.insert(row.say.clone());
        written.said.push(said(&Row { key: String::new(), ..row.clone() }, facts, "", &version.table.source));
        return None;
    }
    let mut refuse = |why: String| {
        let fact = row.say.clone();
        if !written.cannot.iter().any(|cannot| cannot.fact == fact) {
            written.cannot.push(Cannot { fact, value: word.clone(), why });
        }
    };
    if let Some(why) = row.cannot.get(&word).or_else(|| row.cannot.get("*")) {
        refuse(why.clone());
        return None;
    }
    if !row.words.is_empty() || row.key.is_empty() {
        return None;
    }
    let value = if row.take.is_empty() { value } else { facts.get(&row.take)? };
    match value {
        Value::Number(number) if row.whole && number.fract() == 0.0 && *number < 1e15 => {
            Some((Value::Count(*number as u64), String::new()))
        }
        Value::Number(_) if row.whole => {
            refuse(format!("{} {} takes whole numbers only", version.table.title, version.version));
            None
        }
        _ => Some(assumed(row, value.clone(), written)),
    }
}

/// A value with its comment; one that no plan says is told.
fn assumed(row: &Row, value: Value, written: &mut Written) -> (Value, String) {
    if row.assume.is_empty() {
        return (value, String::new());
    }
    written.assumed.push((row.key.clone(), value.to_string(), row.assume.clone()));
    (value, format!("not in the plan: {}", row.assume))
}

fn text_of(file: &FileOf, keyed: &[Keyed], comments: &[String], facts: &Facts) -> String {
    match file.form {
        Form::Yaml => yaml::text(&tree::of(keyed), comments),
        Form::Json => tree::json(&tree::of(keyed)),
        Form::Command => command::text(&named(&file.text, facts), keyed, comments, true),
        Form::Switches => command::text(&named(&file.text, facts), keyed, comments, false),
        Form::Lines => command::lines(keyed, comments),
        Form::Script => script::text(&file.text, keyed, comments),
    }
}

/// The line each key stands on: the first that begins with its last word, from the line of the key before on.
fn place(said: &mut [Said], file: &str, keyed: &[Keyed], text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let mut from = 0;
    for keyed in keyed {
        let last = keyed.key.rsplit('.').next().unwrap_or_default().trim_start_matches('$');
        let begins = |line: &str| {
            let line = line.trim_start_matches([' ', '-', '"', '\'']);
            line.strip_prefix(last).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        };
        let found = (from..lines.len()).chain(0..from).find(|at| !last.is_empty() && begins(lines[*at]));
        let Some(found) = found else { continue };
        from = found;
        for said in said.iter_mut().filter(|said| said.key == keyed.key && said.file == file) {
            said.line = found + 1;
        }
    }
}
