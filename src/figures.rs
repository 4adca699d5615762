//! What window and command line both show of a plan, worked out in one place. It knows no windows.

mod decided;
mod field_cost;
mod needs;
mod of_plan;
mod pace;

pub use decided::Decided;
pub use field_cost::FieldCost;
pub use of_plan::{gaps_line, host_moments, numbers, of_plan};
pub use pace::{MERGED_MODELS, Pace, Serving};
