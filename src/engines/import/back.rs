//! Settings that a file says beside the common ones, read back by the rows of the engine's key table.

use super::document::Document;
use super::engine::Engine;
use super::fields::Fields;
use crate::export::find;

/// Reads every row that says so. A value that stands for several words says none.
pub fn read(engine: Engine, document: &mut Document<'_>, fields: &mut Fields) {
    let Some(table) = find(engine.id()) else { return };
    for row in table.back() {
        let Some(given) = document.peek(row.key) else { continue };
        let word = if row.words.is_empty() {
            Some(given.clone())
        } else {
            let mut of_value = row.words.iter().filter(|(_, value)| is_same(&value.to_string(), &given));
            of_value.next().filter(|_| of_value.next().is_none()).map(|(word, _)| word.clone())
        };
        if let Some(word) = word {
            document.take(row.key);
            fields.more.insert(row.field.to_owned(), word);
        }
    }
}

/// `1`, `1.0` and `1e0` are one number.
fn is_same(own: &str, given: &str) -> bool {
    match (own.parse::<f64>(), given.parse::<f64>()) {
        (Ok(own), Ok(given)) => own.to_bits() == given.to_bits(),
        _ => own == given,
    }
}
