//! What a model's name says once its dress is off: organisation, link, number format, training stage, date.
//!
//! `unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit`, `llama3.1:8b` and a link to the page of `meta-llama/Llama-3.1-8B` all
//! have the stem `llama-3.1-8b`. Nothing here knows which models there are.

/// Longest name that is looked at, in bytes; longer ones are no names.
const MAX_BYTES: usize = 300;

/// Words that name a stage of training, which changes the values of a model and not its shape.
const STAGES: [&str; 14] = [
    "base",
    "chat",
    "deduped",
    "dpo",
    "hf",
    "instruct",
    "it",
    "pretrained",
    "preview",
    "pt",
    "reasoning",
    "sft",
    "think",
    "thinking",
];

/// Words that name a number format or who packed it.
const FORMATS: [&str; 38] = [
    "2bit",
    "3bit",
    "4bit",
    "4bits",
    "6bit",
    "8bit",
    "8bits",
    "autoround",
    "awq",
    "bf16",
    "block",
    "bnb",
    "dynamic",
    "exl2",
    "exl3",
    "f16",
    "fp16",
    "fp32",
    "fp4",
    "fp8",
    "ggml",
    "gguf",
    "gptq",
    "hqq",
    "int4",
    "int8",
    "marlin",
    "mlx",
    "mxfp4",
    "nf4",
    "nvfp4",
    "prequantized",
    "qat",
    "quantized",
    "static",
    "torchao",
    "ud",
    "unsloth",
];

/// A name taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Family and size: `llama-3.1-8b`.
    pub stem: String,
    /// Words of the stem, for names that are near.
    pub words: Vec<String>,
    /// Stages of training, in order of the alphabet.
    stages: Vec<String>,
    /// `v0.1`: another version of one name may have another shape.
    version: Option<String>,
    /// `2507`, `0324`, `20240522`.
    date: Option<String>,
    /// `128k`: the context it was made for.
    context: Option<String>,
    /// Number formats and packers, in order of the alphabet.
    formats: Vec<String>,
}

impl Spelling {
    /// Takes `name` apart; `None` where nothing is left of it.
    pub fn of(name: &str) -> Option<Self> {
        let id = id_of(name);
        let name = id.rsplit('/').next().unwrap_or_default().to_lowercase();
        let name = name.strip_suffix(".gguf").or_else(|| name.strip_suffix("-gguf")).unwrap_or(&name);
        let mut spelt = Self::default();
        let words: Vec<&str> = name.split(['-', ' ', ':', '@']).filter(|word| !word.is_empty()).collect();
        for (at, word) in words.iter().enumerate() {
            if at > 0 && is_format(word) {
                spelt.formats.push((*word).to_owned());
                continue;
            }
            let dotted = dotted(word);
            for part in dotted.split('_').filter(|part| !part.is_empty()) {
                spelt.take(part, at > 0);
            }
        }
        if let [first, second, ..] = spelt.words.as_slice()
            && (first, second.as_str()) == (&"meta".to_owned(), "llama")
        {
            spelt.words.remove(0);
        }
        spelt.take_date();
        spelt.stages.sort_unstable();
        spelt.stages.dedup();
        spelt.stem = stem(&spelt.words);
        (!spelt.stem.is_empty()).then_some(spelt)
    }

    fn take(&mut self, part: &str, is_after_first: bool) {
        if is_after_first && STAGES.contains(&part) {
            self.stages.push(part.to_owned());
        } else if is_after_first && is_format(part) {
            self.formats.push(part.to_owned());
        } else if is_after_first && is_version(part) {
            self.version = Some(part.to_owned());
        } else if is_after_first && is_context(part) {
            self.context = Some(part.to_owned());
        } else {
            self.words.extend(lexed(part));
        }
    }

    /// A date stands at the end; `OLMo-2-1124-7B` has it inside, where it belongs to the name.
    fn take_date(&mut self) {
        if self.words.len() > 1 && self.words.last().is_some_and(|word| is_date(word)) {
            self.date = self.words.pop();
        }
    }

    /// Whether a model called so may be the one called `known`, as far as the names say.
    pub fn is_of(&self, known: &Self) -> bool {
        let agree =
            |typed: &Option<String>, known: &Option<String>| typed.is_none() || known.is_none() || typed == known;
        self.stem == known.stem
            && (self.version.is_none() || self.version == known.version)
            && agree(&self.date, &known.date)
            && agree(&self.context, &known.context)
    }

    /// Whether it is said of the very form that `known` names, such as its GPTQ file.
    pub fn is_in_form_of(&self, known: &Self) -> bool {
        known.formats.is_empty() || known.formats.iter().any(|format| self.formats.contains(format))
    }

    /// Whether a size, a version or a release is said; a bare family has many shapes.
    pub fn says_a_size(&self) -> bool {
        self.stem.contains(|c: char| c.is_ascii_digit()) || self.version.is_some() || self.date.is_some()
    }

    /// Whether both name the same stages of training.
    pub fn is_at_the_stage_of(&self, known: &Self) -> bool {
        self.stages == known.stages
    }
}

/// `organisation/name` of what was typed or pasted, or a name alone: a link to a page loses its host, its branch and its query.
pub fn id_of(typed: &str) -> String {
    let text = typed.trim().lines().next().unwrap_or_default();
    let cut = (0..=MAX_BYTES.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let text = &text[..cut];
    let is_link = text.contains("://");
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let mut parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    let has_host = parts.first().is_some_and(|host| is_link || HOSTS.contains(&host.to_lowercase().as_str()));
    if has_host && parts.len() > 1 {
        parts.remove(0);
        if parts.len() > 1 && ["models", "library"].contains(&parts[0]) {
            parts.remove(0);
        }
        parts.truncate(
            parts.iter().position(|part| ["tree", "blob", "resolve", "raw"].contains(part)).unwrap_or(2).max(1),
        );
    }
    parts.join("/")
}

/// Where people copy links from, also without `https://`.
const HOSTS: [&str; 6] =
    ["huggingface.co", "www.huggingface.co", "hf.co", "modelscope.cn", "www.modelscope.cn", "ollama.com"];

/// Words side by side are one word, however they were parted: `gpt-oss` and `gptoss`.
fn stem(words: &[String]) -> String {
    let mut stem = String::new();
    for word in words {
        let joins = stem.ends_with(|c: char| c.is_alphabetic()) && word.chars().all(char::is_alphabetic);
        let after_word = stem.rsplit('-').next().is_some_and(|last| last.chars().all(char::is_alphabetic));
        if !(stem.is_empty() || joins && after_word) {
            stem.push('-');
        }
        stem.push_str(word);
    }
    stem
}

/// `1_5` → `1.5`: people write the point of a number so in file names.
fn dotted(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    chars
        .iter()
        .enumerate()
        .map(|(at, c)| if *c == '_' && is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)) { '.' } else { *c })
        .collect()
}

/// `llama3.1` → `llama`, `3.1`; `8x7b`, `a3b`, `e2b` and `r1` are words of their own.
fn lexed(part: &str) -> Vec<String> {
    let letters = part.chars().take_while(|c| c.is_alphabetic()).map(char::len_utf8).sum::<usize>();
    let (word, rest) = part.split_at(letters);
    if word.chars().count() < 2 || !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return vec![part.to_owned()];
    }
    vec![word.to_owned(), rest.to_owned()]
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.split('.').all(is_digits))
}

fn is_context(word: &str) -> bool {
    word == "1m" || word.strip_suffix('k').is_some_and(is_digits)
}

/// `q4_k_m`, `iq4_xs`, `q8_0`, `w4a16`, `g128`, or a word for a format.
fn is_format(word: &str) -> bool {
    let quantized = word.strip_prefix('i').unwrap_or(word).strip_prefix('q').is_some_and(|rest| {
        let mut parts = rest.split('_');
        parts.next().is_some_and(|bits| bits.len() == 1 && is_digits(bits)) && parts.all(|part| part.len() <= 3)
    });
    let activations = word
        .strip_prefix('w')
        .and_then(|rest| rest.split_once('a'))
        .is_some_and(|(weights, activations)| is_digits(weights) && is_digits(activations));
    quantized || activations || word == "g128" || FORMATS.contains(&word)
}

/// Year and month (`2507`), month and day (`0324`), or all of a date (`20240522`).
fn is_date(word: &str) -> bool {
    let number = |range: std::ops::Range<usize>| word.get(range).and_then(|digits| digits.parse::<u32>().ok());
    if !is_digits(word) {
        return false;
    }
    match (word.len(), number(0..2), number(2..4)) {
        (4, Some(first), Some(second)) => {
            (23..=39).contains(&first) && (1..=12).contains(&second)
                || (1..=12).contains(&first) && (1..=31).contains(&second)
        }
        (8, Some(20), _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stem_of(name: &str) -> String {
        Spelling::of(name).map(|spelt| spelt.stem).unwrap_or_default()
    }

    #[test]
    fn one_model_has_one_stem_however_it_is_written() {
        for name in [
            "meta-llama/Llama-3.1-8B",
            "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/tree/main?show=files",
            "hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M",
            "unsloth/Meta-Llama-3.1-8B-Instruct-unsloth-bnb-4bit",
            "llama3.1:8b-instruct-q4_K_M",
            "Llama 3.1 8B",
            "Llama-3.1-8B-Instruct-Q4_K_M.gguf",
        ] {
            assert_eq!(stem_of(name), "llama-3.1-8b", "{name}");
        }
        assert_eq!(stem_of("microsoft/phi-1_5"), stem_of("Phi 1.5"));
        assert_eq!(stem_of("openai/gpt-oss-20b-BF16"), stem_of("gptoss-20b"));
        assert_eq!(stem_of("code-llama-7b"), stem_of("codellama/CodeLlama-7b-hf"));
    }

    #[test]
    fn other_models_keep_other_stems() {
        for (a, b) in [
            ("gemma-2b", "gemma-2-2b"),
            ("Qwen2-7B", "Qwen2.5-7B"),
            ("Llama-2-7b", "CodeLlama-7b"),
            ("Qwen3-4B", "Qwen-34B"),
            ("Llama-3-70B", "Llama-3.70B"),
            ("OLMo-2-1124-7B", "OLMo-2-0425-7B"),
            ("DeepSeek-V3", "DeepSeek-V3.1"),
        ] {
            let (a_spelt, b_spelt) = (Spelling::of(a).unwrap(), Spelling::of(b).unwrap());
            assert!(!a_spelt.is_of(&b_spelt), "{a} {b}");
        }
        assert_eq!(Spelling::of(" / "), None);
    }
}
