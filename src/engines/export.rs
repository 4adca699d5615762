//! A job written as the files of an engine.
//!
//! One table an engine (`assets/engines/export/*.ron`) says which key stands for which value, in which releases, with the
//! engine's own default and where that was read. [`write()`] fills a table's files with the values of a job: every value is
//! written, also where it equals today's default. What the engine has no key or word for is told, and stands as a comment
//! in the file. It knows no plans: a job comes as [`Facts`], named values.

mod command;
pub(crate) mod rendered;
mod rows;
mod script;
mod table;
mod tree;
mod yaml;

pub use rows::{Cannot, File, Keyed, Said, Written, keys, named, write};
pub use table::{Facts, Group, Table, Value, Version, When, all, find, holds};
