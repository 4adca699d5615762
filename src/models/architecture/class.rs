//! Classes of models as data: one file each in `assets/classes`, read by one evaluator.
//!
//! A description says which tensors each class of a model type has, their sizes as expressions over configuration keys
//! and on which conditions; what the class assumes for keys a file does not give; and, in `facts`, what its tensors do
//! not show. `docs/classes.md` has the format and how a class is added.

mod configuration;
mod description;
mod evaluate;
mod expression;
mod functions;
mod roles;
mod shape;
mod value;

pub(super) use configuration::{Configuration, KeyError, canonical};
pub use description::class_faults;
pub(super) use description::{class, class_named};
pub(super) use evaluate::{Node, evaluate};
pub(super) use shape::{Shaped, shape_of};
use value::Value;
