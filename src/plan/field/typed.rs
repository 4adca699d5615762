//! A value as the type a setting asks for. A value of another kind is refused, never passed over.

use super::FieldValue;
use super::words::Word;

impl FieldValue {
    /// A whole number.
    pub(super) fn integer(&self) -> Result<u64, String> {
        if let Self::Integer(number) = self { Ok(*number) } else { Err(self.instead_of("a whole number")) }
    }

    /// A decimal number.
    pub(super) fn decimal(&self) -> Result<f64, String> {
        if let Self::Decimal(number) = self { Ok(*number) } else { Err(self.instead_of("a number")) }
    }

    /// On or off.
    pub(super) fn toggle(&self) -> Result<bool, String> {
        if let Self::Toggle(on) = self { Ok(*on) } else { Err(self.instead_of("on or off")) }
    }

    /// An id as it stands.
    pub(super) fn id(&self) -> Result<&str, String> {
        if let Self::Id(id) = self { Ok(id) } else { Err(self.instead_of("an id")) }
    }

    /// Ids or lines in order.
    pub(super) fn list(&self) -> Result<&[String], String> {
        if let Self::List(list) = self { Ok(list) } else { Err(self.instead_of("a list")) }
    }

    /// Whole numbers in order.
    pub(super) fn counts(&self) -> Result<&[u64], String> {
        if let Self::Counts(counts) = self { Ok(counts) } else { Err(self.instead_of("a list of whole numbers")) }
    }

    /// Text.
    pub(super) fn text(&self) -> Result<&str, String> {
        if let Self::Text(text) = self { Ok(text) } else { Err(self.instead_of("text")) }
    }

    /// A word of an enum.
    pub(super) fn word<W: Word>(&self) -> Result<W, String> {
        let id = self.id()?;
        W::from_id(id).ok_or_else(|| format!("`{id}` is none of the words of this setting"))
    }

    /// A word of an enum, or `none`, which stands for its absence.
    pub(super) fn word_or<W: Word>(&self, none: &str) -> Result<Option<W>, String> {
        if self.id()? == none { Ok(None) } else { self.word().map(Some) }
    }

    /// What `read` makes of a value that is there; `None` of one left unset.
    pub(super) fn optional<T>(&self, read: impl FnOnce(&Self) -> Result<T, String>) -> Result<Option<T>, String> {
        if matches!(self, Self::Unset) { Ok(None) } else { read(self).map(Some) }
    }

    fn instead_of(&self, wanted: &str) -> String {
        let given = match self {
            Self::Integer(_) => "a whole number",
            Self::Decimal(_) => "a number",
            Self::Unset => "nothing",
            Self::Toggle(_) => "on or off",
            Self::Id(_) => "an id",
            Self::Counts(_) => "a list of whole numbers",
            Self::List(_) => "a list",
            Self::Text(_) => "text",
        };
        format!("{given} was given where {wanted} is wanted")
    }
}
