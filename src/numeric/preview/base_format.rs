//! Formats the frozen linear layers of a model are held in.

use super::Result;
use super::config::unsuitable;
use super::ops::{Unpack, Weight};
use crate::quantize::{Codec, Packed, Whole};
use candle_core::{Device, Tensor};
use std::sync::Arc;

/// Format the frozen linear layers are held in; table, head and norms stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaseFormat {
    /// As they are, in 32 bits.
    Fp32,
    /// Rounded to 16 bits, held in 32, in which the CPU multiplies.
    Bf16,
    /// Packed, and unpacked for each product.
    Packed(Codec),
}

impl BaseFormat {
    /// All, by bits.
    pub fn all() -> impl Iterator<Item = Self> {
        let packed = Codec::ALL.into_iter().filter(|codec| *codec != Codec::Bf16).map(Self::Packed);
        [Self::Fp32, Self::Bf16].into_iter().chain(packed)
    }

    /// Word on the command line: an id of the format catalogue where it has the same layout.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => Codec::Bf16.id(),
            Self::Packed(codec) => codec.id(),
        }
    }

    /// Name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "FP32",
            Self::Bf16 => Codec::Bf16.name(),
            Self::Packed(codec) => codec.name(),
        }
    }

    /// The format of a word: its id, or its name without regard to case.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::all().find(|format| format.id() == id || format.name().eq_ignore_ascii_case(id))
    }

    /// Whether linear layers are unpacked for each product.
    pub const fn is_packed(self) -> bool {
        matches!(self, Self::Packed(_))
    }

    /// Bytes a linear layer of `rows` rows of `columns` values is held in.
    pub fn held_bytes_of(self, rows: u64, columns: u64) -> u64 {
        match self {
            Self::Fp32 | Self::Bf16 => rows.saturating_mul(columns).saturating_mul(4),
            Self::Packed(codec) => codec.held_bytes(rows, columns),
        }
    }

    /// Bytes of the same linear layer on disk; `None` as the checkpoint has it.
    pub fn disk_bytes_of(self, rows: u64, columns: u64) -> Option<u64> {
        let codec = match self {
            Self::Fp32 => return None,
            Self::Bf16 => Codec::Bf16,
            Self::Packed(codec) => codec,
        };
        Some(codec.stored_bits(rows, columns).div_ceil(8))
    }

    /// A linear layer, `[out, in]`, in this format.
    ///
    /// # Errors
    /// Rows that the format does not take, values that are not finite.
    pub fn pack(self, weight: &Tensor) -> Result<Weight> {
        let codec = match self {
            Self::Fp32 => return Ok(Weight::Dense(weight.clone())),
            Self::Bf16 => Codec::Bf16,
            Self::Packed(codec) => codec,
        };
        let shape = weight.dims2()?;
        let values: Vec<f32> = weight.flatten_all()?.to_vec1()?;
        let packed = codec
            .pack(&values, shape.1, &Whole::of(&values))
            .map_err(|error| unsuitable(format!("a matrix cannot be quantized: {error}")))?;
        if self == Self::Bf16 {
            return Ok(Weight::Dense(Tensor::from_vec(packed.values(), shape, &Device::Cpu)?));
        }
        Ok(Weight::Packed(Arc::new(PackedMatrix { packed, shape })))
    }
}

struct PackedMatrix {
    packed: Packed,
    shape: (usize, usize),
}

impl Unpack for PackedMatrix {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn unpack(&self) -> candle_core::Result<Vec<f32>> {
        Ok(self.packed.values())
    }

    fn bytes(&self) -> u64 {
        self.packed.held_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_word() {
        for format in BaseFormat::all() {
            assert_eq!(BaseFormat::from_id(format.id()), Some(format));
            assert_eq!(BaseFormat::from_id(format.name()), Some(format));
        }
        assert_eq!(BaseFormat::from_id("int3"), None);
        assert_eq!(BaseFormat::from_id("nf4-dq"), Some(BaseFormat::Packed(Codec::Nf4Double)));
    }
}
