//! A model and examples from local files: a folder as Hugging Face lays it out, and a JSONL file.

use super::config::{LlamaConfig, unsuitable};
use super::data::{Data, Sequence, Shuffled, Vocabulary};
use super::model::Checkpoint;
use super::rows::{BadLine, Row, read};
use super::template::Template;
use super::{PreviewError, Result};
use crate::lab::source::Source;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokenizers::Tokenizer;

/// Held-out examples at most.
const MOST_HELD_OUT: usize = 48;
/// One of so many examples is held out.
const HELD_OUT_SHARE: usize = 10;
/// Places beyond the cut-off, for answers that are longer than those they are compared with.
const SPARE_POSITIONS: usize = 16;

/// A model from a folder.
pub struct LocalModel {
    /// The folder.
    pub folder: PathBuf,
    /// Its shape.
    pub config: LlamaConfig,
    /// Its weights, read when they are needed.
    pub source: Arc<Source>,
    /// Its template; a plain one where it has none.
    pub template: Template,
    tokens: Arc<Tokens>,
}

struct Tokens {
    tokenizer: Tokenizer,
    ends: BTreeSet<u32>,
    /// Ends texts and answers that no template ends.
    end: Option<u32>,
}

impl Vocabulary for Tokens {
    fn text(&self, tokens: &[u32]) -> String {
        self.tokenizer.decode(tokens, true).unwrap_or_else(|error| format!("({error})"))
    }

    fn ends(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }
}

/// What came of a file of examples.
#[derive(Debug)]
pub struct LocalData {
    /// To learn from and test with.
    pub data: Data,
    /// Lines that are no examples, or that the template refuses.
    pub bad: Vec<BadLine>,
    /// Examples that were cut off at the end.
    pub cut: usize,
    /// Tokens that were cut off.
    pub cut_tokens: u64,
    /// Examples of whose answer nothing was left, and that were left out.
    pub without_answer: usize,
    /// Examples that are the same as another and were left out.
    pub doubles: usize,
}

fn failed(path: &Path, error: &impl ToString) -> PreviewError {
    PreviewError::File { path: path.display().to_string(), error: error.to_string() }
}

fn text_of(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| failed(path, &error))
}

/// A file that need not be there.
fn optional(path: &Path) -> Result<Option<String>> {
    if path.exists() { text_of(path).map(Some) } else { Ok(None) }
}

impl LocalModel {
    /// Reads `config.json`, the headers of the weights, `tokenizer.json` and the chat template of a folder.
    ///
    /// # Errors
    /// A file is missing or damaged, or the model is none that can be run here.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let text = text_of(&path)?;
        let config = LlamaConfig::from_json(&text)?;
        let raw: Value = serde_json::from_str(&text).map_err(|error| failed(&path, &error))?;
        let source = Source::open(folder).map_err(|error| unsuitable(error.to_string()))?;
        let path = folder.join("tokenizer.json");
        if !path.exists() {
            return Err(failed(&path, &"it is missing; a run needs the model's own tokenizer"));
        }
        let mut tokenizer = Tokenizer::from_file(&path).map_err(|error| failed(&path, &error))?;
        // Lengths are decided here, with a count of what is lost.
        tokenizer.with_truncation(None).map_err(|error| failed(&path, &error))?;
        tokenizer.with_padding(None);
        let path = folder.join("tokenizer_config.json");
        let settings: Value = match optional(&path)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| failed(&path, &error))?,
            None => Value::Null,
        };
        let word = |name: &str| {
            let value = settings.get(name)?;
            value.as_str().or_else(|| value.get("content")?.as_str())
        };
        let file = optional(&folder.join("chat_template.jinja"))?;
        let template = file.as_deref().or_else(|| template_of(settings.get("chat_template")?));
        let template = Template::new(template, word("bos_token"), word("eos_token"))?;
        let end = word("eos_token").and_then(|word| tokenizer.token_to_id(word));
        let mut ends: BTreeSet<u32> = end.into_iter().collect();
        ends.extend(["<|im_end|>", "<|eot_id|>", "<|end|>"].iter().filter_map(|word| tokenizer.token_to_id(word)));
        match raw.get("eos_token_id") {
            Some(Value::Array(all)) => ends.extend(all.iter().filter_map(id)),
            Some(one) => ends.extend(id(one)),
            None => {}
        }
        let tokens = Arc::new(Tokens { tokenizer, ends, end });
        Ok(Self { folder: folder.to_owned(), config, source: Arc::new(source), template, tokens })
    }

    /// The weights, for a run.
    pub fn weights(&self) -> Arc<dyn Checkpoint> {
        Arc::<Source>::clone(&self.source)
    }

    /// The shape with no more positions than examples of `cutoff` tokens need.
    pub fn config_for(&self, cutoff: usize) -> LlamaConfig {
        let most = cutoff.saturating_add(SPARE_POSITIONS);
        let max_position_embeddings = self.config.max_position_embeddings.min(most);
        LlamaConfig { max_position_embeddings, ..self.config.clone() }
    }

    /// Examples of a JSONL file, cut off at `cutoff` tokens; every tenth, chosen by the seed, is held out.
    ///
    /// # Errors
    /// The file cannot be read, fewer than two examples are left, or tokens are beyond the model's table.
    pub fn examples(&self, path: &Path, cutoff: usize, seed: u64) -> Result<LocalData> {
        let bytes = std::fs::read(path).map_err(|error| failed(path, &error))?;
        let (rows, mut bad) = read(&bytes);
        let cutoff = cutoff.min(self.config.max_position_embeddings);
        let (mut cut, mut cut_tokens, mut without_answer, mut doubles) = (0, 0_u64, 0, 0);
        let mut seen = BTreeSet::new();
        let mut sequences = Vec::new();
        for (number, row) in rows {
            let mut sequence = match self.sequence(&row) {
                Ok(sequence) => sequence,
                Err(error) => {
                    bad.push(BadLine { number, message: error.to_string() });
                    continue;
                }
            };
            if let Some(token) = sequence.tokens.iter().find(|token| **token as usize >= self.config.vocab_size) {
                let rows = self.config.vocab_size;
                let message = format!(
                    "line {number} has the token {token}, and the model's table has {rows} rows: this tokenizer is not \
                     the model's"
                );
                return Err(failed(path, &message));
            }
            if sequence.tokens.len() > cutoff {
                cut += 1;
                cut_tokens += (sequence.tokens.len() - cutoff) as u64;
                sequence.tokens.truncate(cutoff);
                sequence.learned.truncate(cutoff);
            }
            if sequence.targets() == 0 {
                without_answer += 1;
            } else if seen.insert(sequence.tokens.clone()) {
                sequences.push(sequence);
            } else {
                doubles += 1;
            }
        }
        bad.sort_by_key(|bad| bad.number);
        if sequences.len() < 2 {
            let first = bad.first().map_or_else(String::new, |bad| format!("; {bad}"));
            let message = format!(
                "{} examples are left of it, and a run needs 2: {} bad lines, {without_answer} without an answer within \
                 {cutoff} tokens{first}",
                sequences.len(),
                bad.len()
            );
            return Err(failed(path, &message));
        }
        let held_out = (sequences.len() / HELD_OUT_SHARE).clamp(1, MOST_HELD_OUT);
        let order = Shuffled::new(sequences.len(), seed ^ 0x0E1D).take(sequences.len());
        let of = |places: &[usize]| places.iter().filter_map(|place| sequences.get(*place).cloned()).collect();
        let (tested, trained) = order.split_at(held_out);
        let vocabulary: Arc<dyn Vocabulary> = Arc::<Tokens>::clone(&self.tokens);
        let data = Data { train: of(trained), held_out: of(tested), base_text: None, vocabulary };
        Ok(LocalData { data, bad, cut, cut_tokens, without_answer, doubles })
    }

    /// An example as tokens, with what is learned of it.
    pub fn sequence(&self, row: &Row) -> Result<Sequence> {
        let (text, said, specials) = match row {
            Row::Chat(messages) => {
                let (text, said) = self.template.conversation(messages)?;
                (text, said, false)
            }
            Row::Pair { prompt, completion } => {
                let text = format!("{prompt}{completion}");
                let said = prompt.len()..text.len();
                (text, vec![said], true)
            }
            Row::Text(text) => {
                let said = 0..text.len();
                (text.clone(), vec![said], true)
            }
        };
        let encoded = self.tokens.tokenizer.encode(text.as_str(), specials).map_err(|e| unsuitable(e.to_string()))?;
        let mut tokens = encoded.get_ids().to_vec();
        // A token is learned when it begins within what is said; a special one has no place of its own.
        let mut learned: Vec<bool> = encoded
            .get_offsets()
            .iter()
            .map(|(start, end)| end > start && said.iter().any(|said| said.contains(start)))
            .collect();
        if let Some(end) = self.tokens.end.filter(|end| specials && tokens.last() != Some(end)) {
            tokens.push(end);
            learned.push(true);
        }
        Ok(Sequence { tokens, learned })
    }
}

fn id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// One template, or the one named `default` of several.
fn template_of(value: &Value) -> Option<&str> {
    let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some("default");
    value.as_str().or_else(|| value.as_array()?.iter().find(named)?.get("template")?.as_str())
}
