//! Number formats as codecs: what one value, or a tensor, becomes in few bits.
//!
//! * [`scalar`] — formats that store every value by itself: floats of any layout, integers times a scale.
//! * [`Codec`] — formats a tensor is put into: NF4, Q4_K, MXFP4, INT4 groups, …. Each stands in a file of its own with
//!   the bytes it packs; [`Packed`] is a tensor in one of them.
//! * [`error`](mod@error) — how far the result is from the original.
//! * [`sample`] — seeded normal values to try a format on.
//!
//! Values are `f32`, as in the libraries; a codec gives the same bits as the library its documentation names.

pub mod codec;
pub mod dynamic8;
pub mod e2m1;
pub mod error;
pub mod float8;
pub mod gguf;
pub mod integers;
pub mod llm_int8;
pub mod mxfp4;
pub mod nvfp4;
pub mod packed;
pub mod sample;
pub mod scalar;
pub mod table4;
pub mod ternary;
pub mod whole;

pub use codec::Codec;
pub use error::ErrorStats;
pub use packed::{Packed, Stored};
pub use whole::Whole;

/// Why values cannot be put into a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantizeError {
    /// Some are infinite or not a number: no scale could hold them.
    #[error("a value is not finite; {0} needs finite values")]
    NotFinite(&'static str),
    /// The format has no short blocks.
    #[error("{format} needs rows of a multiple of {block} values, and these have {columns}")]
    Ragged {
        /// Name of the format.
        format: &'static str,
        /// Values of one block.
        block: usize,
        /// Values of a row.
        columns: usize,
    },
    /// There is nothing to quantize.
    #[error("there are no values")]
    Empty,
}

/// Largest magnitude; 0 of nothing, and not finite where a value is not.
pub(crate) fn largest_magnitude(values: &[f32]) -> f32 {
    // Without their sign, the bits of floats are ordered as the floats are; integers are compared many at once.
    let largest =
        values.iter().fold(0_i32, |largest, value| largest.max((value.to_bits() & 0x7fff_ffff).cast_signed()));
    f32::from_bits(largest.cast_unsigned())
}

/// The nearest integer, ties to the even one, of a magnitude up to 2²²: beyond that the sum below would round elsewhere.
pub(crate) fn round_ties_even(value: f32) -> f32 {
    // Where floats are one apart, adding rounds; a call of the mathematical library for every value would be slow.
    const ONE_APART: f32 = 12_582_912.0;
    (value + ONE_APART) - ONE_APART
}

/// Rounded to FP16; what is beyond its range stays at its largest value.
pub(crate) fn half_or_largest(value: f32) -> f32 {
    half::f16::from_f32(value.clamp(-65_504.0, 65_504.0)).to_f32()
}
