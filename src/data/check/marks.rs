//! Marks in texts: the tokens of chat templates, by list, and characters that nobody meant.

use crate::checks::{CONTROL, INVISIBLE, LINE_SEPARATOR, MOJIBAKE, NUL, REPLACEMENT, SPECIAL_TOKENS, TEMPLATE_APPLIED};
use crate::findings::{Findings, Row};
use crate::place::Step;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// A family of chat templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    ChatMl,
    Llama3,
    Llama2,
    Gemma,
    Phi,
    Harmony,
    DeepSeek,
    Command,
    Gpt2,
    Infilling,
    Alpaca,
}

impl Family {
    /// As it is told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatMl => "ChatML",
            Self::Llama3 => "Llama 3",
            Self::Llama2 => "Llama 2 or Mistral",
            Self::Gemma => "Gemma",
            Self::Phi => "Phi",
            Self::Harmony => "gpt-oss",
            Self::DeepSeek => "DeepSeek",
            Self::Command => "Command R",
            Self::Gpt2 => "GPT-2",
            Self::Infilling => "infilling",
            Self::Alpaca => "Alpaca",
        }
    }
}

/// What a mark does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Begins a text.
    Begin,
    /// Begins or names a turn.
    Turn,
    /// Ends a turn or a text.
    End,
    /// Anything else.
    Other,
}

use Family::{Alpaca, ChatMl, Command, DeepSeek, Gemma, Gpt2, Harmony, Infilling, Llama2, Llama3, Phi};
use Part::{Begin, End, Other, Turn};

/// Known marks.
pub(crate) const MARKS: [(&str, Family, Part); 53] = [
    ("<|im_start|>", ChatMl, Turn),
    ("<|im_end|>", ChatMl, End),
    ("<|begin_of_text|>", Llama3, Begin),
    ("<|start_header_id|>", Llama3, Turn),
    ("<|end_header_id|>", Llama3, Other),
    ("<|eot_id|>", Llama3, End),
    ("<|eom_id|>", Llama3, End),
    ("<|python_tag|>", Llama3, Other),
    ("<|end_of_text|>", Llama3, End),
    ("<s>", Llama2, Begin),
    ("</s>", Llama2, End),
    ("[INST]", Llama2, Turn),
    ("[/INST]", Llama2, Turn),
    ("<<SYS>>", Llama2, Other),
    ("[TOOL_CALLS]", Llama2, Other),
    ("[AVAILABLE_TOOLS]", Llama2, Other),
    ("<bos>", Gemma, Begin),
    ("<eos>", Gemma, End),
    ("<start_of_turn>", Gemma, Turn),
    ("<end_of_turn>", Gemma, End),
    ("<|user|>", Phi, Turn),
    ("<|assistant|>", Phi, Turn),
    ("<|system|>", Phi, Turn),
    ("<|end|>", Phi, End),
    ("<|start|>", Harmony, Turn),
    ("<|channel|>", Harmony, Other),
    ("<|message|>", Harmony, Other),
    ("<|return|>", Harmony, End),
    ("<|call|>", Harmony, End),
    ("<｜begin▁of▁sentence｜>", DeepSeek, Begin),
    ("<｜end▁of▁sentence｜>", DeepSeek, End),
    ("<｜User｜>", DeepSeek, Turn),
    ("<｜Assistant｜>", DeepSeek, Turn),
    ("<|START_OF_TURN_TOKEN|>", Command, Turn),
    ("<|END_OF_TURN_TOKEN|>", Command, End),
    ("<BOS_TOKEN>", Command, Begin),
    ("<|endoftext|>", Gpt2, End),
    ("<|fim_prefix|>", Infilling, Other),
    ("<|fim_suffix|>", Infilling, Other),
    ("<|fim_middle|>", Infilling, Other),
    ("<fim_prefix>", Infilling, Other),
    ("<fim_suffix>", Infilling, Other),
    ("<fim_middle>", Infilling, Other),
    ("<｜fim▁begin｜>", Infilling, Other),
    ("<｜fim▁hole｜>", Infilling, Other),
    ("<｜fim▁end｜>", Infilling, Other),
    ("### Instruction:", Alpaca, Turn),
    ("### Input:", Alpaca, Other),
    ("### Response:", Alpaca, Turn),
    ("### Question:", Alpaca, Turn),
    ("### Answer:", Alpaca, Turn),
    ("### Human:", Alpaca, Turn),
    ("### Assistant:", Alpaca, Turn),
];

static FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let words = MARKS.iter().map(|(word, ..)| *word);
    let builder = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words);
    builder.unwrap_or_else(|error| unreachable!("the table of marks: {error}"))
});

/// What is beyond ASCII and told: marks, zero-width and direction marks, damage.
static BEYOND_ASCII: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let hints = ["<｜", "Ã", "Â", "â€"].map(str::as_bytes);
    // Bytes that begin what is told: U+2028 and its neighbours, U+2060 and its, U+FEFF, U+FFFD.
    let bytes: [&[u8]; 6] =
        [b"\xe2\x80\x8b", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xe2\x81", b"\xef\xbb\xbf", b"\xef\xbf\xbd"];
    let marks: [&[u8]; 5] = [b"\xe2\x80\xaa", b"\xe2\x80\xab", b"\xe2\x80\xac", b"\xe2\x80\xad", b"\xe2\x80\xae"];
    let built =
        AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(hints.into_iter().chain(bytes).chain(marks));
    built.unwrap_or_else(|error| unreachable!("the table of hints: {error}"))
});

/// What is of ASCII and told, or begins it; a `<` begins most marks.
static IN_ASCII: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| {
    let hints = ["\\u", "\\b", "\\f", "### ", "INST]", "_CALLS]", "_TOOLS]", "```"];
    hints.into_iter().map(Finder::new).collect()
});

/// Whether anything in a row asks for its texts to be gone through.
pub(super) fn may_have_any(row: &[u8]) -> bool {
    memchr::memchr2(b'<', 0x7f, row).is_some()
        || IN_ASCII.iter().any(|hint| hint.find(row).is_some())
        || (!row.is_ascii() && begins_beyond_ascii(row) && BEYOND_ASCII.is_match(row))
}

/// The bytes that all hints beyond ASCII begin with: most text in other scripts has none of them.
fn begins_beyond_ascii(row: &[u8]) -> bool {
    memchr::memchr2(0xe2, 0xef, row).is_some() || DAMAGED.iter().any(|hint| hint.find(row).is_some())
}

/// What `Ã` and `Â` are in bytes.
static DAMAGED: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| [Finder::new(b"\xc3\x83"), Finder::new(b"\xc3\x82")]);

/// Marks of a text in their order.
pub(crate) fn marks(text: &str) -> impl Iterator<Item = (&'static str, Family, Part, usize)> {
    FINDER.find_iter(text).map(|found| {
        let (word, family, part) = MARKS[found.pattern().as_usize()];
        (word, family, part, found.start())
    })
}

/// Tells marks of templates in what a message says.
pub(super) fn in_message(text: &str, row: Row<'_>, path: &[Step<'_>], findings: &mut Findings) {
    let found: Vec<_> = marks(text).take(64).collect();
    let Some((first, ..)) = found.iter().find(|(_, family, ..)| *family != Alpaca).or(found.first()) else { return };
    let turns = |family: Family| {
        let of_family = found.iter().filter(|(_, other, part, _)| *other == family && matches!(part, Turn | End));
        of_family.map(|(word, ..)| *word).collect::<std::collections::BTreeSet<_>>().len()
    };
    if let Some((word, family, ..)) = found.iter().find(|(_, family, ..)| turns(*family) >= 2) {
        findings.within(&TEMPLATE_APPLIED, row, path, word, || format!("marks of {}", family.name()));
    } else if found.iter().any(|(_, family, ..)| *family != Alpaca) {
        findings.within(&SPECIAL_TOKENS, row, path, first, || format!("`{first}`"));
    }
}

/// Tells characters that nobody meant, one kind of them once a text.
pub(super) fn characters(text: &str, row: Row<'_>, path: &[Step<'_>], findings: &mut Findings) {
    let mut told = [false; 6];
    let mut once = |at: usize| !std::mem::replace(&mut told[at], true);
    let mut before = '\0';
    for sign in text.chars() {
        let code = || format!("U+{:04X}", sign as u32);
        match sign {
            '\0' if once(0) => findings.within(&NUL, row, path, "\\u0000", String::new),
            '\u{1}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
                if !matches!(before, 'Ã' | 'Â' | '€' | 'â') && once(1) =>
            {
                findings.field(&CONTROL, row, path, code);
            }
            '\u{fffd}' if once(2) => findings.within(&REPLACEMENT, row, path, "\u{fffd}", String::new),
            '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' if once(3) => {
                findings.field(&INVISIBLE, row, path, code);
            }
            '\u{2028}' | '\u{2029}' if once(4) => findings.field(&LINE_SEPARATOR, row, path, code),
            _ => {
                let is_damage = match before {
                    'Ã' | 'Â' => ('\u{80}'..='\u{bf}').contains(&sign),
                    'â' => sign == '€',
                    _ => false,
                };
                if is_damage && once(5) {
                    findings.field(&MOJIBAKE, row, path, || format!("{before}{sign}"));
                }
            }
        }
        before = sign;
    }
}

/// The family that a text's turns are written in, and whether it begins or ends with marks.
pub(super) struct Written {
    pub family: Option<Family>,
    pub begins: Option<&'static str>,
    pub ends: bool,
}

/// How a text of its own is written.
pub(super) fn written(text: &str) -> Written {
    let trimmed = text.trim_start();
    let lead = text.len() - trimmed.len();
    let (mut family, mut begins, mut end) = (None, None, None);
    for (word, of, part, at) in marks(text) {
        if part == Turn {
            family.get_or_insert(of);
        }
        if part == Begin && at == lead {
            begins = Some(word);
        }
        if part == End {
            end = Some(at + word.len());
        }
    }
    Written { family, begins, ends: end.is_some_and(|end| text[end..].trim().is_empty()) }
}
