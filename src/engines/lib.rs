//! Configurations of other tools: read as what they say of a job, and written of one. It knows no plans, no models and no
//! windows.

pub mod export;
pub mod import;
pub mod scalar;

use tuneplan_ground::typos;
