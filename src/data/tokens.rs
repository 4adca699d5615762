//! The tokenizer of a model, and the tokens that end an answer.

use crate::Result;
use crate::fence::{Desk, Fence, patience};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;
use tokenizers::Tokenizer;

/// Largest `tokenizer.json` that is read. The largest of known models have some 35 MiB.
const MOST_BYTES: usize = 128 << 20;

/// Ends of a turn in the templates of the usual families, which not every configuration names.
const USUAL_ENDS: [&str; 4] = ["<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>"];

/// A tokenizer.
pub struct Tokens {
    fence: Fence<Question, Answer>,
    /// Tokens that end an answer.
    ends: BTreeSet<u32>,
    /// Ends texts and answers that no template ends.
    end: Option<u32>,
}

/// A text as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Token numbers.
    pub ids: Vec<u32>,
    /// Bytes of the text each stands for; empty of a special token that no text stands for.
    pub places: Vec<Range<usize>>,
}

/// What a tokenizer is asked.
enum Question {
    Number(String),
    Text(Vec<u32>),
    Pieces(Vec<u32>),
    Encode { text: String, specials: bool },
}

/// What it answers, or why it cannot.
enum Answer {
    Number(Option<u32>),
    Text(std::result::Result<String, String>),
    Pieces(Vec<String>),
    Encoded(std::result::Result<Encoded, String>),
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({:?})", self.fence)
    }
}

impl Tokens {
    /// Reads a `tokenizer.json`, which messages call `file`; `end_word` and `config`, the model's `config.json`, name tokens
    /// that end an answer.
    ///
    /// # Errors
    /// It is too long, no JSON, or none that the tokenizers library can work with.
    pub fn from_bytes(file: &str, json: Vec<u8>, end_word: Option<&str>, config: &Value) -> Result<Self> {
        let bytes = json.len();
        let work = move |desk: Desk<Question, Answer>| {
            let tokenizer = read(&json)?;
            drop(json);
            desk.serve(|question| question.answer(&tokenizer));
            Ok(())
        };
        let fence = Fence::start(file.to_owned(), bytes, work)?;
        let number = |word: &str| match fence.ask(Question::Number(word.to_owned()), patience(0))? {
            Answer::Number(number) => Ok(number),
            _ => Err(fence.told(OTHER.to_owned())),
        };
        let end = end_word.map(number).transpose()?.flatten();
        let mut ends: BTreeSet<u32> = end.into_iter().collect();
        for word in USUAL_ENDS {
            ends.extend(number(word)?);
        }
        let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        match config.get("eos_token_id") {
            Some(Value::Array(all)) => ends.extend(all.iter().filter_map(id)),
            Some(one) => ends.extend(id(one)),
            None => {}
        }
        Ok(Self { fence, ends, end })
    }

    /// The text of tokens, without special ones; what went wrong, in brackets.
    pub fn text(&self, tokens: &[u32]) -> String {
        let limit = patience(tokens.len().saturating_mul(4));
        match self.fence.ask(Question::Text(tokens.to_vec()), limit) {
            Ok(Answer::Text(Ok(text))) => text,
            Ok(Answer::Text(Err(error))) => format!("({error})"),
            Ok(_) => format!("({OTHER})"),
            Err(error) => format!("({error})"),
        }
    }

    /// The number of a token that stands for a word, if there is one.
    pub fn number(&self, word: &str, limit: Duration) -> Result<Option<u32>> {
        match self.fence.ask(Question::Number(word.to_owned()), limit)? {
            Answer::Number(number) => Ok(number),
            _ => Err(self.fence.told(OTHER.to_owned())),
        }
    }

    /// Each token as text, special ones too.
    pub fn pieces(&self, tokens: &[u32]) -> Result<Vec<String>> {
        let limit = patience(tokens.len().saturating_mul(64));
        match self.fence.ask(Question::Pieces(tokens.to_vec()), limit)? {
            Answer::Pieces(pieces) => Ok(pieces),
            _ => Err(self.fence.told(OTHER.to_owned())),
        }
    }

    /// Whether an answer ends with this token.
    pub fn ends(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    /// What is put after a text or an answer that no template ends.
    pub const fn end(&self) -> Option<u32> {
        self.end
    }

    /// A text as tokens; with `specials` in the frame the tokenizer puts around a text.
    pub fn encode(&self, text: &str, specials: bool) -> Result<Encoded> {
        let question = Question::Encode { text: text.to_owned(), specials };
        match self.fence.ask(question, patience(text.len()))? {
            Answer::Encoded(encoded) => encoded.map_err(crate::DataError::Unsuitable),
            _ => Err(self.fence.told(OTHER.to_owned())),
        }
    }
}

/// Never said: every question has its own kind of answer.
const OTHER: &str = "it answered another question";

impl Question {
    fn answer(self, tokenizer: &Tokenizer) -> Answer {
        match self {
            Self::Number(word) => Answer::Number(tokenizer.token_to_id(&word)),
            Self::Text(tokens) => Answer::Text(tokenizer.decode(&tokens, true).map_err(|error| error.to_string())),
            Self::Pieces(tokens) => {
                let piece = |token: &u32| tokenizer.decode(&[*token], false).unwrap_or_default();
                Answer::Pieces(tokens.iter().map(piece).collect())
            }
            Self::Encode { text, specials } => {
                let encoded = tokenizer.encode(text, specials).map_err(|error| error.to_string());
                Answer::Encoded(encoded.map(|encoded| Encoded {
                    ids: encoded.get_ids().to_vec(),
                    places: encoded.get_offsets().iter().map(|(start, end)| *start..*end).collect(),
                }))
            }
        }
    }
}

fn read(json: &[u8]) -> std::result::Result<Tokenizer, String> {
    if json.len() > MOST_BYTES {
        return Err(format!("it has {} MiB; those up to {} MiB are read", json.len() >> 20, MOST_BYTES >> 20));
    }
    // The library takes broken JSON for granted in some places.
    let parts: Parts = serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
        format!("line {line}, column {column}: it is no tokenizer.json: {what}")
    })?;
    for part in [&parts.normalizer, &parts.pre_tokenizer, &parts.post_processor, &parts.decoder] {
        check(part)?;
    }
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
    // Lengths are decided here, with a count of what is lost.
    tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

/// The small parts of a `tokenizer.json`; the large ones are only gone through.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
}

/// Refuses a table of replacements that says it is longer than it is: that much is reserved for it.
fn check(part: &Value) -> std::result::Result<(), String> {
    match part {
        Value::Object(fields) => {
            let is_precompiled = fields.get("type").is_some_and(|kind| kind == "Precompiled");
            match fields.get("precompiled_charsmap") {
                Some(Value::String(table)) => check_table(table)?,
                None if !is_precompiled => {}
                _ => return Err("a normalizer of the type Precompiled has no `precompiled_charsmap`".to_owned()),
            }
            fields.values().try_for_each(check)
        }
        Value::Array(parts) => parts.iter().try_for_each(check),
        _ => Ok(()),
    }
}

/// In base 64: the length of what comes first in four bytes, the lowest first, then that, then the rest.
fn check_table(table: &str) -> std::result::Result<(), String> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let bits = table.bytes().take(6).try_fold(0_u64, |bits, byte| Some(bits << 6 | u64::from(digit(byte)?)));
    let bits = bits.filter(|_| table.len() >= 8);
    let bits = bits.ok_or("the `precompiled_charsmap` of a normalizer is no table in base 64")?;
    // Six digits are 36 bits; the first 32 are the length.
    let says = u64::from(u32::try_from(bits >> 4).unwrap_or(u32::MAX).swap_bytes());
    let has = table.len() as u64 / 4 * 3;
    // The library also reads from its beginning without looking whether there is any.
    if says < 4 || says > has.saturating_sub(4) {
        return Err(format!(
            "the `precompiled_charsmap` of a normalizer says its first part has {says} bytes, and has {has} in total"
        ));
    }
    Ok(())
}
