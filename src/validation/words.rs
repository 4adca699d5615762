//! The words of a cell and what they mean. A word that is not known is refused, never read as something usual.

use super::table::Row;

/// What separates the words of a cell.
const SEPARATORS: [char; 13] = [' ', ',', ';', '+', '/', '(', ')', '×', '"', '“', '”', '|', '&'];

/// One phrase that was found: what it means, and the number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// What it means.
    pub meaning: T,
    /// The number where the phrase has one.
    pub number: Option<u64>,
}

/// Reads the cell of `column` as phrases of `known`, in any case and order; `#` in a phrase is a number. `Err`: the first
/// word that is none of them, with the cell's place.
pub fn read<T: Copy>(row: &Row, column: &str, known: &[(&str, T)]) -> Result<Vec<Found<T>>, String> {
    phrases(&row.text(column).to_lowercase(), known).map_err(|rest| row.unknown(column, &rest))
}

/// Likewise, with remarks in parentheses left out: they say how something was counted, not what was run.
pub fn read_without_remarks<T: Copy>(row: &Row, column: &str, known: &[(&str, T)]) -> Result<Vec<Found<T>>, String> {
    let mut depth = 0_usize;
    let text: String = row
        .text(column)
        .to_lowercase()
        .chars()
        .filter(|c| {
            let inside = depth > 0;
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            !inside && *c != '('
        })
        .collect();
    phrases(&text, known).map_err(|rest| row.unknown(column, &rest))
}

/// The one meaning of the cell of `column`; `None` where it is empty.
pub fn one<T: Copy>(row: &Row, column: &str, known: &[(&str, T)]) -> Result<Option<T>, String> {
    let text = row.text(column).to_lowercase();
    if text.is_empty() {
        return Ok(None);
    }
    let found = known.iter().find(|(phrase, _)| *phrase == text).map(|(_, meaning)| *meaning);
    found.map(Some).ok_or_else(|| row.unknown(column, &text))
}

fn phrases<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<Vec<Found<T>>, String> {
    let mut rest = text.trim_start_matches(SEPARATORS);
    let mut found = Vec::new();
    while !rest.is_empty() {
        // The longest phrase counts: `full-shard` is not `full`.
        let longest = known
            .iter()
            .filter_map(|(phrase, meaning)| matched(rest, phrase).map(|(length, number)| (length, *meaning, number)))
            .max_by_key(|(length, ..)| *length);
        let Some((length, meaning, number)) = longest else { return Err(rest.to_owned()) };
        found.push(Found { meaning, number });
        rest = rest[length..].trim_start_matches(SEPARATORS);
    }
    Ok(found)
}

/// Bytes of `text` that `phrase` takes at its start, and the number in them.
fn matched(text: &str, phrase: &str) -> Option<(usize, Option<u64>)> {
    let (mut at, mut number) = (0, None);
    for c in phrase.chars() {
        let rest = &text[at..];
        if c == '#' {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            number = Some(rest[..digits].parse().ok()?);
            at += digits;
        } else if rest.starts_with(c) {
            at += c.len_utf8();
        } else {
            return None;
        }
    }
    let ends = text[at..].chars().next().is_none_or(|next| SEPARATORS.contains(&next));
    ends.then_some((at, number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KNOWN: [(&str, u8); 5] = [("none", 0), ("full", 1), ("full-shard", 2), ("tp#", 3), ("zero-2", 4)];

    #[test]
    fn phrases_are_eaten_longest_first_and_what_is_left_is_refused() {
        let found = phrases("full-shard + tp8", &KNOWN).unwrap();
        assert_eq!(found, [Found { meaning: 2, number: None }, Found { meaning: 3, number: Some(8) }]);
        assert_eq!(phrases("", &KNOWN), Ok(vec![]));
        assert_eq!(phrases("full offload", &KNOWN), Err("offload".to_owned()));
        assert_eq!(phrases("fullish", &KNOWN), Err("fullish".to_owned()));
        assert_eq!(phrases("tp", &KNOWN), Err("tp".to_owned()));
        assert_eq!(phrases("zero-2x", &KNOWN), Err("zero-2x".to_owned()));
    }
}
