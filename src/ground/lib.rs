//! What every room of Tuneplan stands on. It knows nothing of models, plans or windows.

pub mod files;
pub mod jobs;
pub mod limits;
pub mod typos;
pub mod units;
