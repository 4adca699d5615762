//! A field's value without its type: what widgets, flags, files and undo labels trade in.

use super::{CatalogKind, Choice, Field, FieldKind, Section, words};
use crate::typos::nearest;
use crate::units::grouped;

/// Longest text a field takes, in bytes.
const MAX_TEXT: usize = 64 << 10;
/// What an empty accelerator is called.
const NO_ACCELERATOR: &str = "none";
/// What an empty list of counts is called.
const EVEN: &str = "the same";
/// Most entries a list takes.
const MAX_LIST: usize = 256;
/// Most entries a list of counts takes.
const MAX_COUNTS: usize = 65_536;

/// A field's value without its type.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Whole number.
    Integer(u64),
    /// Decimal number.
    Decimal(f64),
    /// Absent: the catalogue's figure holds.
    Unset,
    /// On or off.
    Toggle(bool),
    /// A choice's id or a catalogue id.
    Id(String),
    /// Whole numbers in order; empty: none of their own.
    Counts(Vec<u64>),
    /// Ids in order (targets, stages).
    List(Vec<String>),
    /// Text.
    Text(String),
}

impl FieldValue {
    /// Reads what a person typed for `field`: `8k`, `4,096` and `4_096` are numbers, `q,v` is a list.
    pub fn parse(field: &Field, text: &str) -> Result<Self, String> {
        let word = text.trim();
        let value = match field.kind {
            FieldKind::OptionalInteger { .. } | FieldKind::OptionalDecimal { .. }
                if matches!(word, "" | "none" | "catalogue" | "catalog" | "not given") =>
            {
                Self::Unset
            }
            FieldKind::Integer { .. } | FieldKind::OptionalInteger { .. } => Self::Integer(parse_count(word)?),
            FieldKind::Decimal { .. } | FieldKind::OptionalDecimal { .. } => Self::Decimal(parse_decimal(word)?),
            FieldKind::Toggle => match word.to_ascii_lowercase().as_str() {
                "on" | "yes" | "true" | "1" => Self::Toggle(true),
                "off" | "no" | "false" | "0" => Self::Toggle(false),
                _ => return Err(format!("`{word}` is neither on nor off")),
            },
            FieldKind::Choice(choices) => Self::Id(choice_word(choices, word)),
            FieldKind::Catalog(CatalogKind::Accelerator) if word == NO_ACCELERATOR => Self::Id(String::new()),
            FieldKind::Catalog(_) => Self::Id(word.to_owned()),
            FieldKind::Targets | FieldKind::Stages => Self::List(
                word.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect(),
            ),
            FieldKind::Counts { .. } if matches!(word, "" | "none" | EVEN) => Self::Counts(Vec::new()),
            FieldKind::Counts { .. } => {
                let parts = word.split([',', ' ', ';']).map(str::trim).filter(|part| !part.is_empty());
                Self::Counts(parts.map(parse_count).collect::<Result<_, _>>()?)
            }
            FieldKind::Lines(_) => {
                let lines = word.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty() && *line != "none");
                Self::List(lines.map(ToOwned::to_owned).collect())
            }
            FieldKind::Text | FieldKind::Notes => Self::Text(text.to_owned()),
        };
        value.check(field)?;
        Ok(value)
    }

    /// Whether the value is of the field's kind and inside its range.
    pub(super) fn check(&self, field: &Field) -> Result<(), String> {
        let label = field.label;
        match (field.kind, self) {
            (FieldKind::Integer { min, max, .. } | FieldKind::OptionalInteger { min, max }, Self::Integer(n)) => {
                if (min..=max).contains(n) {
                    Ok(())
                } else {
                    Err(format!("{label} is {}; from {} to {} is allowed", grouped(*n), grouped(min), grouped(max)))
                }
            }
            (FieldKind::Decimal { min, max, .. } | FieldKind::OptionalDecimal { min, max }, Self::Decimal(x)) => {
                if x.is_finite() && *x >= min && *x <= max {
                    Ok(())
                } else {
                    Err(format!("{label} is {x}; from {min} to {max} is allowed"))
                }
            }
            (FieldKind::OptionalInteger { .. } | FieldKind::OptionalDecimal { .. }, Self::Unset)
            | (FieldKind::Toggle, Self::Toggle(_)) => Ok(()),
            (FieldKind::Choice(choices), Self::Id(id)) => check_word(label, choices, id),
            (FieldKind::Catalog(_), Self::Id(id)) => check_text(label, id),
            (FieldKind::Counts { max }, Self::Counts(counts)) => {
                if counts.len() > MAX_COUNTS {
                    return Err(format!("{label} has {} entries; {MAX_COUNTS} is the most", counts.len()));
                }
                counts.iter().try_for_each(|n| {
                    if (1..=max).contains(n) {
                        Ok(())
                    } else {
                        Err(format!("{label} has {}; from 1 to {} is allowed", grouped(*n), grouped(max)))
                    }
                })
            }
            (FieldKind::Stages, Self::List(ids)) => {
                check_list(label, ids)?;
                ids.iter().try_for_each(|id| check_word(label, words::STAGE_KINDS, id))
            }
            (FieldKind::Targets, Self::List(ids)) => {
                check_list(label, ids)?;
                if ids.is_empty() {
                    return Err(format!("{label} is empty; name at least one module, or all-linear"));
                }
                if ids.len() > 1 && ids.iter().any(|id| id == "all-linear") {
                    return Err(format!("{label}: all-linear stands alone; name either it or single modules"));
                }
                if ids.iter().any(|id| id.trim().is_empty()) {
                    return Err(format!("{label} has an empty name"));
                }
                ids.iter().try_for_each(|id| check_text(label, id))
            }
            (FieldKind::Lines(kind), Self::List(lines)) => {
                check_list(label, lines)?;
                lines.iter().try_for_each(|line| kind.check(line))
            }
            (FieldKind::Text | FieldKind::Notes, Self::Text(text)) => check_text(label, text),
            _ => Err(format!("{label} takes {}", expected(field.kind))),
        }
    }

    /// Text for a person: `2,048`, `On`, `In backward`, `q, v`.
    pub fn display(&self, field: &Field) -> String {
        match self {
            Self::Integer(n) => grouped(*n),
            Self::Decimal(x) => x.to_string(),
            Self::Unset => unset_word(field).to_owned(),
            Self::Toggle(on) => if *on { "on" } else { "off" }.to_owned(),
            Self::Id(id) => match field.kind {
                FieldKind::Choice(choices) => {
                    choices.iter().find(|choice| choice.id == id).map_or(id.as_str(), |choice| choice.label).to_owned()
                }
                FieldKind::Catalog(CatalogKind::Accelerator) if id.is_empty() => NO_ACCELERATOR.to_owned(),
                _ => id.clone(),
            },
            Self::Counts(counts) if counts.is_empty() => EVEN.to_owned(),
            Self::Counts(counts) => counts.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            Self::List(lines) if matches!(field.kind, FieldKind::Lines(_)) => {
                if lines.is_empty() {
                    "none".to_owned()
                } else {
                    lines.join("; ")
                }
            }
            Self::List(ids) => ids.join(", "),
            Self::Text(text) => text.clone(),
        }
    }
}

/// What stands where nothing is given: figures of the devices are the catalogue's, others are simply not known.
pub fn unset_word(field: &Field) -> &'static str {
    if field.section == Section::Hardware { "catalogue" } else { "not given" }
}

/// What a kind of field takes, in words.
pub const fn expected(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Integer { .. } => "a whole number",
        FieldKind::Decimal { .. } => "a number",
        FieldKind::OptionalInteger { .. } => "a whole number or None",
        FieldKind::OptionalDecimal { .. } => "a number or None",
        FieldKind::Toggle => "true or false",
        FieldKind::Choice(_) => "one of its words",
        FieldKind::Catalog(_) => "an id of the catalogue, in quotes",
        FieldKind::Targets | FieldKind::Stages => "a list of names",
        FieldKind::Counts { .. } => "a list of whole numbers",
        FieldKind::Lines(kind) => kind.expected(),
        FieldKind::Text | FieldKind::Notes => "text in quotes",
    }
}

fn check_word(label: &str, choices: &[Choice], id: &str) -> Result<(), String> {
    if choices.iter().any(|choice| choice.id == id) {
        return Ok(());
    }
    let ids: Vec<&str> = choices.iter().map(|choice| choice.id).collect();
    Err(match nearest(id, ids.iter().copied()) {
        Some(near) => format!("{label} does not know `{id}`; did you mean `{near}`?"),
        None => format!("{label} does not know `{id}`; it takes {}", ids.join(", ")),
    })
}

fn check_text(label: &str, text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT {
        return Err(format!(
            "{label} has {} bytes; {} is the most",
            grouped(text.len() as u64),
            grouped(MAX_TEXT as u64)
        ));
    }
    Ok(())
}

fn check_list(label: &str, ids: &[String]) -> Result<(), String> {
    if ids.len() > MAX_LIST {
        Err(format!("{label} has {} entries; {MAX_LIST} is the most", ids.len()))
    } else {
        Ok(())
    }
}

/// The id of a choice, whether its id or its label was typed.
fn choice_word(choices: &[Choice], word: &str) -> String {
    let folded = |text: &str| text.to_lowercase().replace([' ', '_'], "-");
    let wanted = folded(word);
    let found = choices.iter().find(|choice| choice.id == wanted);
    let found = found.or_else(|| choices.iter().find(|choice| folded(choice.label) == wanted));
    found.map_or(wanted, |choice| choice.id.to_owned())
}

/// Whether commas stand only where they part thousands: `1,5` is no 15.
fn groups_thousands(text: &str) -> bool {
    let mut groups = text.trim_end_matches(['k', 'K']).trim_end().split(',');
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    rest.peek().is_none() || (1..=3).contains(&first.len()) && rest.all(|group| group.len() == 3)
}

fn parse_count(text: &str) -> Result<u64, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect();
    let (digits, factor) = match plain.char_indices().last() {
        Some((i, 'k' | 'K')) => (&plain[..i], 1024),
        _ => (plain.as_str(), 1),
    };
    let wrong = || format!("`{text}` is not a whole number (write 4096, 4,096 or 4k)");
    if !groups_thousands(text) || !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wrong());
    }
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(wrong)
}

fn parse_decimal(text: &str) -> Result<f64, String> {
    text.replace(['_', ' '], "").parse().map_err(|_error| format!("`{text}` is not a number"))
}
