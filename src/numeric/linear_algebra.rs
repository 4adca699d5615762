//! Arithmetic of matrices: singular values, small products, inner loops for whatever registers a processor has.

pub mod product;
mod svd;
pub mod wide;

pub use svd::{Svd, svd};
