//! How much a text holds, counted in one pass before anything is made of it.
//!
//! A limit on bytes alone is none on memory: a byte of `[1,1,1,…` or `,,,,` becomes dozens as a value or a cell. What is
//! counted here is an upper bound that costs no memory.

use crate::units::grouped;

/// Foreign text for a message: no more than a few words of it.
pub fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Refuses JSON that holds more than `most` values and keys.
///
/// # Errors
/// In words, without the file.
pub fn check_json(text: &[u8], most: usize) -> Result<(), String> {
    let (mut count, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        if in_string {
            (escaped, in_string) = (!escaped && *byte == b'\\', escaped || *byte != b'"');
            continue;
        }
        match byte {
            b'"' => in_string = true,
            // Each value but the first comes after one of these.
            b',' | b':' | b'[' | b'{' => {
                count += 1;
                if count > most {
                    return Err(format!("over {} values, which is more than is read", grouped(most as u64)));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Most columns of a table.
pub const MAX_COLUMNS: usize = 1000;
/// Longest row of a table, in bytes.
pub const MAX_ROW_BYTES: usize = 4 << 20;

/// Where a cell of CSV stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Start,
    Plain,
    Quoted,
    /// After a quotation mark within quotes: the end of them, or the first of two that stand for one.
    Closing,
}

/// Refuses a table with a row of over [`MAX_COLUMNS`] cells or [`MAX_ROW_BYTES`], by the rules of the reader of CSV files.
///
/// # Errors
/// In words, with the line.
pub fn check_table(text: &[u8]) -> Result<(), String> {
    let (mut cell, mut columns, mut row_bytes) = (Cell::Start, 1_usize, 0_usize);
    let (mut line, mut row_line) = (1_u64, 1_u64);
    for byte in text {
        row_bytes += 1;
        cell = match (cell, byte) {
            (Cell::Quoted, b'"') => Cell::Closing,
            (Cell::Quoted, _) | (Cell::Start | Cell::Closing, b'"') => Cell::Quoted,
            (_, b',') => {
                columns += 1;
                Cell::Start
            }
            (_, b'\n' | b'\r') => {
                (columns, row_bytes) = (1, 0);
                Cell::Start
            }
            _ => Cell::Plain,
        };
        line += u64::from(*byte == b'\n');
        if row_bytes == 0 {
            row_line = line;
        }
        if columns > MAX_COLUMNS {
            return Err(format!("line {row_line}: over {} columns; is this a table?", grouped(MAX_COLUMNS as u64)));
        }
        if row_bytes > MAX_ROW_BYTES {
            return Err(format!(
                "line {row_line}: a row of over {} MiB; is a quotation mark open?",
                MAX_ROW_BYTES >> 20
            ));
        }
    }
    Ok(())
}

/// The first of a text's lines that is longer than `most` bytes, from 1.
pub fn long_line(text: &[u8], most: usize) -> Option<usize> {
    text.split(|byte| *byte == b'\n').position(|line| line.len() > most).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        // Six by hand: the object, two keys with a value each, of which one is a list of two; `{ : , : [ ,`.
        let text = br#"{"a": "x,[{\",:", "b": [1, 2]}"#;
        assert!(check_json(text, 6).is_ok());
        assert!(check_json(text, 5).is_err_and(|error| error.contains('5')));
        assert!(check_json("[".repeat(100).as_bytes(), 99).is_err());
        // Never fewer than the library finds.
        let long = format!("[{}]", vec!["1"; 1000].join(","));
        assert!(check_json(long.as_bytes(), 999).is_err() && check_json(long.as_bytes(), 1000).is_ok());
    }

    /// The reader of CSV files says how many cells a row has.
    #[test]
    fn columns_are_those_of_the_reader() {
        let wide = ",".repeat(MAX_COLUMNS);
        let quoted = "\"\n\",".repeat(MAX_COLUMNS);
        for (text, line) in [
            (wide.clone(), 1),
            (format!("a,b\n{wide}"), 2),
            // Breaks of lines within quotes end no row.
            (format!("a\n{quoted}"), 2),
            // A mark within a cell that does not begin with one opens nothing.
            (format!("a\"b{wide}"), 1),
            (format!("\"a\"\"b\"{wide}"), 1),
        ] {
            let cells = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes())
                .byte_records()
                .filter_map(Result::ok)
                .map(|row| row.len())
                .max();
            assert!(cells > Some(MAX_COLUMNS), "{cells:?}");
            let error = check_table(text.as_bytes());
            assert!(error.as_ref().is_err_and(|error| error.starts_with(&format!("line {line}:"))), "{error:?}");
        }
        assert_eq!(check_table(format!("a,b\n\"{wide}\",c\n").as_bytes()), Ok(()), "one cell, however many commas");
        assert!(check_table(&vec![b'a'; MAX_ROW_BYTES + 1]).is_err());
        assert!(check_table(&b"aaaa\n".repeat(MAX_ROW_BYTES / 4)).is_ok());
    }
}
