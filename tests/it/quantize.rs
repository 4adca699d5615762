//! Number formats: scalars, blocks, GGUF types.

mod blocks;
mod gguf;
pub mod golden;
mod scalar;
