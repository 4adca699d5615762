//! Configurations of other tools, read as what they say of a job. It knows no plans, no models and no windows.

pub mod import;

use tuneplan_ground::typos;
