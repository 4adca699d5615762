//! Plans and examples as files, and the revisions of a plan in git: what window and command line both open and save.

pub mod revision;
pub mod store;
