//! Number formats: scalars, blocks, GGUF types.
#![allow(clippy::unwrap_used)]

mod blocks;
mod gguf;
mod golden;
mod scalar;
