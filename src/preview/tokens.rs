//! The tokenizer of a model, and the tokens that end an answer.

use super::Result;
use super::config::unsuitable;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use tokenizers::Tokenizer;

/// Ends of a turn in the templates of the usual families, which not every configuration names.
const USUAL_ENDS: [&str; 4] = ["<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>"];

/// A tokenizer.
pub struct Tokens {
    tokenizer: Tokenizer,
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

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.tokenizer.get_vocab_size(true))
    }
}

impl Tokens {
    /// Reads a `tokenizer.json`; `end_word` and `config`, the model's `config.json`, name tokens that end an answer.
    pub fn from_bytes(json: &[u8], end_word: Option<&str>, config: &Value) -> std::result::Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        // Lengths are decided here, with a count of what is lost.
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        let end = end_word.and_then(|word| tokenizer.token_to_id(word));
        let mut ends: BTreeSet<u32> = end.into_iter().collect();
        ends.extend(USUAL_ENDS.iter().filter_map(|word| tokenizer.token_to_id(word)));
        let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        match config.get("eos_token_id") {
            Some(Value::Array(all)) => ends.extend(all.iter().filter_map(id)),
            Some(one) => ends.extend(id(one)),
            None => {}
        }
        Ok(Self { tokenizer, ends, end })
    }

    /// The text of tokens, without special ones.
    pub fn text(&self, tokens: &[u32]) -> String {
        self.tokenizer.decode(tokens, true).unwrap_or_else(|error| format!("({error})"))
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
        let encoded = self.tokenizer.encode(text, specials).map_err(|error| unsuitable(error.to_string()))?;
        let places = encoded.get_offsets().iter().map(|(start, end)| *start..*end).collect();
        Ok(Encoded { ids: encoded.get_ids().to_vec(), places })
    }
}
