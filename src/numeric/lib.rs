//! Arithmetic on real weights: number formats, linear algebra, and the small training run. It knows no plans and no windows.
//!
//! A package of its own, because it must be optimised to be of use, and the rest need not be to be tested.

pub mod lab;
pub mod linear_algebra;
pub mod preview;
pub mod quantize;

use tuneplan_data as data;
use tuneplan_ground::{files, jobs, limits, units};
use tuneplan_models::architecture;
