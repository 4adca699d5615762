//! An argument line (`trl sft --model_name_or_path … --use_peft`) as the same tree that a file gives.

use super::ImportError;
use super::tree::{Node, Value};
use crate::scalar::{self, Scalar};
use std::path::Path;

/// The words after which arguments of a training program follow.
const PROGRAMS: [&str; 8] =
    ["trl", "swift", "megatron", "llamafactory-cli", "mlx_lm.lora", "accelerate", "torchrun", "python"];

/// The arguments of the first command of `text` that is one; `None`: the text is no command line.
pub fn parse(text: &str) -> Option<Result<Node, ImportError>> {
    let words = words(text);
    let is_program = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        PROGRAMS.contains(&name) || name == "python3" || is_script(name)
    };
    let begin = words.iter().position(|(word, _)| is_program(word))?;
    let first = words.iter().find(|(word, _)| !is_setting(word) && word != "export");
    // A file of keys may speak of programs; a command begins with one, but for settings of the environment.
    if !first.is_some_and(|(word, _)| is_program(word)) || !words.iter().any(|(word, _)| word.starts_with("--")) {
        return None;
    }
    let mut map = Vec::new();
    // What a launcher takes for itself stands before the script.
    let script = words.iter().rposition(|(word, _)| is_script(word));
    let begin = script.map_or(begin, |script| script.max(begin));
    let mut rest = words[begin..].iter().peekable();
    if let Some((program, line)) = words[begin..].first() {
        map.push((PROGRAM.to_owned(), *line, Node { value: text_of(program), line: *line }));
    }
    let verbs: Vec<&str> = words[begin..].iter().skip(1).take(1).map(|(word, _)| word.as_str()).collect();
    if let Some(verb) = verbs.first().filter(|verb| !verb.starts_with('-')) {
        map.push((VERB.to_owned(), 1, Node { value: text_of(verb), line: 1 }));
    }
    while let Some((word, line)) = rest.next() {
        let Some(key) = word.strip_prefix("--") else { continue };
        if let Some((key, value)) = key.split_once('=') {
            map.push((key.replace('-', "_"), *line, Node { value: scalar_of(value), line: *line }));
            continue;
        }
        let mut values = Vec::new();
        while let Some((value, line)) = rest.next_if(|(word, _)| !word.starts_with("--")) {
            values.push(Node { value: scalar_of(value), line: *line });
        }
        let value = match values.len() {
            0 => Node { value: Value::Scalar(Scalar::Bool(true)), line: *line },
            1 => values.remove(0),
            _ => Node { value: Value::List(values), line: *line },
        };
        map.push((key.replace('-', "_"), *line, value));
    }
    Some(Ok(Node { value: Value::Map(map), line: 1 }))
}

/// Key of the program's own name, and of the word behind it.
pub const PROGRAM: &str = "(program)";
/// See [`PROGRAM`].
pub const VERB: &str = "(command)";

fn text_of(word: &str) -> Value {
    Value::Scalar(Scalar::Text(word.to_owned()))
}

/// Argument parsers read `1e-4` as a number, unlike YAML.
fn scalar_of(word: &str) -> Value {
    Value::Scalar(match scalar::number_in(word) {
        Some(number) => Scalar::Number(number),
        None => scalar::plain(word),
    })
}

/// Whether a word is the path of a Python script.
fn is_script(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|ending| ending == "py")
}

fn is_setting(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Words of a shell command with their lines: quotes taken off, lines joined at `\`, comments left out.
fn words(text: &str) -> Vec<(String, usize)> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut begun, mut quote, mut line, mut at) = (false, None, 1_usize, 1_usize);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line += 1;
        }
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.push(c),
            (None, '\\') => match chars.next() {
                Some('\n') => line += 1,
                Some(next) => {
                    begun = true;
                    word.push(next);
                }
                None => {}
            },
            (None, '\'' | '"') => {
                (quote, begun) = (Some(c), true);
                at = line;
            }
            (None, '#') if !begun => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push((std::mem::take(&mut word), at));
                    begun = false;
                }
            }
            (None, c) => {
                if !begun {
                    at = line;
                }
                begun = true;
                word.push(c);
            }
        }
    }
    if begun {
        words.push((word, at));
    }
    words
}
