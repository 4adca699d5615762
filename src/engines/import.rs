//! A configuration of a training engine as what it says of the job: every key accounted for, nothing made up.
//!
//! [`read`] finds out the engine by the keys, reads what the job's figures need, and puts every key of the file into one
//! of four: taken; not needed (logging, paths, data columns); known to the engine but without a field here; unknown, with
//! its line, the version that knew it and the nearest name. What the file does not say stays unsaid in [`Fields`]; the
//! engine's own default stands beside, with its version.

mod arguments;
mod back;
mod document;
mod engine;
mod fields;
mod known;
mod patch;
mod readers;
mod tree;

pub use engine::Engine;
pub use fields::{Fields, Standard};
pub use known::releases;
pub use patch::{Change, patched};

use document::Document;
use serde::Serialize;

/// Most bytes of a configuration.
pub const MAX_BYTES: usize = 4 << 20;

/// Why a text is no configuration of an engine; a sentence for the user, with line and column where there are such.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(pub(crate) String);

impl ImportError {
    /// With this sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// What a configuration says.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Whose it is.
    pub engine: Engine,
    /// Release of the engine that the keys were held against.
    pub version: String,
    /// What the file says.
    pub fields: Fields,
    /// What the engine does where the file says nothing.
    pub standards: Vec<Standard>,
    /// Every key of the file.
    pub keys: Keys,
    /// Things a reader of the file would want to know: text that looks like a number, a key given twice, a kind that is
    /// only in the path.
    pub remarks: Vec<Remark>,
}

/// Every key of a file, each in exactly one list, by its dotted path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Keys {
    /// Read into the job.
    pub taken: Vec<String>,
    /// Without influence on the job's figures, or set to nothing.
    pub not_needed: Vec<String>,
    /// Not known to this version of the engine.
    pub unknown: Vec<Unknown>,
    /// Known to the engine, without a field here.
    pub no_field: Vec<Place>,
}

/// A key and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Dotted path.
    pub key: String,
    /// Line, from 1.
    pub line: usize,
}

/// A key that the engine does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Dotted path.
    pub key: String,
    /// Line, from 1.
    pub line: usize,
    /// What is known of it: the version that had it, the name it has now, the nearest name.
    pub message: String,
}

/// A sentence about a place in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Line, from 1; 0: the file as a whole.
    pub line: usize,
    /// The sentence.
    pub message: String,
}

/// Reads `text`, a configuration found at `path`; the path's words are used where a file leaves its kind to its name.
pub fn read(text: &str, path: &str) -> Result<Imported, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError(format!("the file has {} bytes; {MAX_BYTES} is the most", text.len())));
    }
    let (root, given_as_arguments) = match arguments::parse(text) {
        Some(root) => (root?, true),
        None => (tree::parse(text)?, false),
    };
    let mut document = Document::new(&root)?;
    let engine = engine::of(&document, path, given_as_arguments)?;
    let known = known::of(engine).ok_or_else(|| ImportError(format!("no keys of {} are known", engine.title())))?;
    let mut fields = Fields::default();
    readers::read(engine, &mut document, path, &mut fields);
    back::read(engine, &mut document, &mut fields);
    let standards = known.standards(&fields);
    let (keys, remarks) = document.account(known);
    Ok(Imported { engine, version: known.version().to_owned(), fields, standards, keys, remarks })
}
