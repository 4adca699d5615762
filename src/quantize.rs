//! Number formats as codecs: what one value, or a block of values, becomes in few bits.
//!
//! * [`scalar`] — formats that store every value by itself: floats of any layout, integers times a scale.
//! * [`BlockFormat`] — formats whose values share constants: NF4, Q4_K, MXFP4, absmax integers. Each codec stands in a
//!   file of its own and also offers its packed bytes, so that whole tensors can be quantized the same way.
//! * [`error`](mod@error) — how far the result is from the original.
//! * [`sample`] — seeded normal values to try a format on.
//!
//! Values are `f32`, as the libraries reckon; a codec gives the same bits as the library its documentation names.

pub mod absmax;
pub mod dynamic8;
pub mod error;
pub mod mxfp4;
pub mod nf4;
pub mod q4_k;
pub mod sample;
pub mod scalar;

pub use error::ErrorStats;

/// A format whose values share constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockFormat {
    /// bitsandbytes NF4: 16 levels from the normal distribution, one FP32 absmax per 64 values.
    Nf4,
    /// The same with the absmax values quantized to 8 bits in turn.
    Nf4Double,
    /// llama.cpp Q4_K: 4-bit codes with a 6-bit scale and minimum per 32 of 256 values.
    Q4K,
    /// OCP microscaling FP4: E2M1 values with one power-of-two scale per 32.
    Mxfp4,
    /// Integers −127 … 127 times one FP32 scale per 64 values.
    Int8,
    /// Integers −7 … 7 times one FP16 scale per 64 values.
    Int4,
}

/// Values that came back from a block format.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    /// What a kernel reads back, one for each value.
    pub values: Vec<f32>,
    /// What is stored, part by part.
    pub storage: Vec<Stored>,
}

/// One part of what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it is: codes, scales, …
    pub what: &'static str,
    /// Its bits, all together.
    pub bits: u64,
}

/// Why values cannot be put into a block format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantizeError {
    /// One is infinite or not a number: no scale could hold it.
    #[error("value {0} is not finite; a block format needs finite values")]
    NotFinite(usize),
    /// The format has no short blocks.
    #[error("{format} needs blocks of {block} values, and {values} are not a multiple of that")]
    Ragged {
        /// Name of the format.
        format: &'static str,
        /// Values of one block.
        block: usize,
        /// Values that were given.
        values: usize,
    },
    /// There is nothing to quantize.
    #[error("there are no values")]
    Empty,
}

impl BlockFormat {
    /// All, in the order of the picture.
    pub const ALL: [Self; 6] = [Self::Nf4, Self::Nf4Double, Self::Q4K, Self::Mxfp4, Self::Int8, Self::Int4];

    /// Name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nf4 => "NF4",
            Self::Nf4Double => "NF4 + DQ",
            Self::Q4K => "Q4_K",
            Self::Mxfp4 => "MXFP4",
            Self::Int8 => "INT8 absmax",
            Self::Int4 => "INT4 absmax",
        }
    }

    /// How it works, in one sentence, with its source.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Nf4 => {
                "16 levels at quantiles of a normal distribution, times the largest magnitude of each 64 values \
                 (Dettmers et al., 2023; codes as bitsandbytes 0.50 writes them)."
            }
            Self::Nf4Double => {
                "NF4 whose scales are quantized too: to 8 bits around their mean, in blocks of 256 scales \
                 (Dettmers et al., 2023)."
            }
            Self::Q4K => {
                "Codes 0 to 15 times a scale, minus a minimum; both have 6 bits for each 32 values, under two FP16 \
                 factors for 256 (llama.cpp K-quants; scales found by least squares)."
            }
            Self::Mxfp4 => {
                "E2M1 floats (0, ½, 1, 1½, 2, 3, 4, 6 and negatives) times a power of two for each 32 values \
                 (OCP Microscaling v1.0); what is above 6 times the scale becomes 6."
            }
            Self::Int8 => "Evenly spaced codes −127 to 127 times a scale: the largest magnitude of 64 values over 127.",
            Self::Int4 => "Evenly spaced codes −7 to 7 times a scale: the largest magnitude of 64 values over 7.",
        }
    }

    /// Values that share the innermost constants.
    pub const fn block(self) -> usize {
        match self {
            Self::Nf4 | Self::Nf4Double => nf4::BLOCK,
            Self::Q4K => q4_k::SUB_BLOCK,
            Self::Mxfp4 => mxfp4::BLOCK,
            Self::Int8 | Self::Int4 => absmax::BLOCK,
        }
    }

    /// Bits per weight in a large tensor, constants included.
    pub const fn bits_per_weight(self) -> f64 {
        match self {
            Self::Nf4 => 4.0 + 32.0 / nf4::BLOCK as f64,
            // An 8-bit scale per 64 and an FP32 absmax per 256 scales; the one offset of a tensor vanishes.
            Self::Nf4Double => 4.0 + (8.0 + 32.0 / dynamic8::BLOCK as f64) / nf4::BLOCK as f64,
            Self::Q4K => q4_k::BLOCK_BYTES as f64 * 8.0 / q4_k::BLOCK as f64,
            Self::Mxfp4 => mxfp4::BLOCK_BYTES as f64 * 8.0 / mxfp4::BLOCK as f64,
            Self::Int8 => 8.0 + 32.0 / absmax::BLOCK as f64,
            Self::Int4 => 4.0 + 16.0 / absmax::BLOCK as f64,
        }
    }

    /// Puts `values` into the format and reads them back.
    pub fn round_trip(self, values: &[f32]) -> Result<Quantized, QuantizeError> {
        if values.is_empty() {
            return Err(QuantizeError::Empty);
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(QuantizeError::NotFinite(index));
        }
        let whole = match self {
            Self::Q4K => q4_k::BLOCK,
            Self::Mxfp4 => mxfp4::BLOCK,
            _ => 1,
        };
        if !values.len().is_multiple_of(whole) {
            return Err(QuantizeError::Ragged { format: self.name(), block: whole, values: values.len() });
        }
        let count = values.len() as u64;
        let blocks = count.div_ceil(self.block() as u64);
        Ok(match self {
            Self::Nf4 => Quantized {
                values: nf4::quantize(values, nf4::BLOCK).values(),
                storage: vec![Stored { what: "4-bit codes", bits: 4 * count }, constants("FP32 absmax", 32 * blocks)],
            },
            Self::Nf4Double => {
                let coded = nf4::quantize(values, nf4::BLOCK);
                let scales = nf4::quantize_scales(&coded.absmax);
                let groups = blocks.div_ceil(dynamic8::BLOCK as u64);
                let storage = vec![
                    Stored { what: "4-bit codes", bits: 4 * count },
                    constants("8-bit scales", 8 * blocks),
                    constants("FP32 absmax of the scales", 32 * groups),
                    constants("FP32 mean of the scales", 32),
                ];
                Quantized { values: nf4::Nf4 { absmax: scales.values(), ..coded }.values(), storage }
            }
            Self::Q4K => Quantized {
                values: values
                    .chunks_exact(q4_k::BLOCK)
                    .flat_map(|block| q4_k::dequantize(&q4_k::quantize(block)))
                    .collect(),
                storage: vec![
                    Stored { what: "4-bit codes", bits: 4 * count },
                    constants("6-bit scales and minima", 12 * blocks),
                    constants("two FP16 factors per 256", 32 * (count / q4_k::BLOCK as u64)),
                ],
            },
            Self::Mxfp4 => Quantized {
                values: values
                    .chunks_exact(mxfp4::BLOCK)
                    .flat_map(|block| mxfp4::dequantize(&mxfp4::quantize(block)))
                    .collect(),
                storage: vec![
                    Stored { what: "4-bit codes", bits: 4 * count },
                    constants("8-bit power-of-two scales", 8 * blocks),
                ],
            },
            Self::Int8 => Quantized {
                values: absmax::quantize(values, absmax::BLOCK, absmax::Levels::INT8).values(),
                storage: vec![Stored { what: "8-bit codes", bits: 8 * count }, constants("FP32 scale", 32 * blocks)],
            },
            Self::Int4 => Quantized {
                values: absmax::quantize(values, absmax::BLOCK, absmax::Levels::INT4).values(),
                storage: vec![Stored { what: "4-bit codes", bits: 4 * count }, constants("FP16 scale", 16 * blocks)],
            },
        })
    }
}

const fn constants(what: &'static str, bits: u64) -> Stored {
    Stored { what, bits }
}

impl Quantized {
    /// Bits stored for each value of this vector, constants included.
    pub fn bits_per_weight(&self) -> f64 {
        let bits: u64 = self.storage.iter().map(|part| part.bits).sum();
        bits as f64 / self.values.len().max(1) as f64
    }
}

/// Largest magnitude; 0 of nothing.
pub(crate) fn largest_magnitude(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}
