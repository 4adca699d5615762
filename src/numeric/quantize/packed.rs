//! A tensor, or whole rows of one, in a format.

use super::gguf::Kind;
use super::integers::{self, Levels};
use super::table4::{self, Scales};
use super::{Codec, dynamic8, float8, mxfp4, nvfp4, ternary};
use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};

/// Values in a format.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    pub(super) codec: Codec,
    pub(super) count: usize,
    pub(super) parts: Parts,
}

/// What is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parts {
    Bf16(Vec<bf16>),
    Fp16(Vec<f16>),
    Float8 { layout: float8::Layout, codes: Vec<u8>, scale: f32 },
    Integers(integers::Coded, Levels),
    Dynamic8(dynamic8::Dynamic8),
    Table4(table4::Coded),
    Gguf(Kind, Vec<u8>),
    Nvfp4(nvfp4::Coded),
    Mxfp4(Vec<[u8; mxfp4::BLOCK_BYTES]>),
    Ternary(ternary::Coded),
}

/// One part of what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it is: codes, scales, …
    pub what: &'static str,
    /// Its bits, all together.
    pub bits: u64,
}

impl Packed {
    /// The format.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Values.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// What a kernel reads back.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.count];
        self.read_into(&mut values);
        values
    }

    /// Writes what a kernel reads back; of unequal lengths the shorter counts.
    pub fn read_into(&self, out: &mut [f32]) {
        let count = out.len().min(self.count);
        let out = &mut out[..count];
        match &self.parts {
            Parts::Bf16(values) => values[..count].convert_to_f32_slice(out),
            Parts::Fp16(values) => values[..count].convert_to_f32_slice(out),
            Parts::Float8 { layout, codes, scale } => {
                let values = layout.values();
                for (out, code) in out.iter_mut().zip(codes) {
                    *out = values[usize::from(*code)] * scale;
                }
            }
            Parts::Integers(coded, _) => coded.read_into(out),
            Parts::Dynamic8(coded) => coded.read_into(out),
            Parts::Table4(coded) => coded.read_into(out),
            Parts::Gguf(kind, bytes) => kind.read_into(bytes, out),
            Parts::Nvfp4(coded) => coded.read_into(out),
            Parts::Mxfp4(blocks) => read_blocks(blocks, out, mxfp4::dequantize),
            Parts::Ternary(coded) => coded.read_into(out),
        }
    }

    /// What is stored, part by part.
    pub fn storage(&self) -> Vec<Stored> {
        let count = self.count as u64;
        let stored = |what, bits| Stored { what, bits };
        match &self.parts {
            Parts::Bf16(_) | Parts::Fp16(_) => vec![stored("16-bit values", 16 * count)],
            Parts::Float8 { .. } => vec![stored("8-bit codes", 8 * count), stored("one FP32 scale", 32)],
            Parts::Integers(coded, levels) => {
                let (bits, code) = match levels {
                    Levels::Symmetric { largest: 127, .. } => (8, "8-bit codes"),
                    _ => (4, "4-bit codes"),
                };
                let (bits_of_line, line) = match levels {
                    Levels::Symmetric { half_scale: false, .. } => (32, "FP32 scales"),
                    Levels::Symmetric { half_scale: true, .. } => (16, "FP16 scales"),
                    Levels::Asymmetric { .. } => (32, "FP16 scales and minima"),
                };
                vec![stored(code, bits * count), stored(line, bits_of_line * coded.lines.len() as u64)]
            }
            Parts::Dynamic8(coded) => {
                vec![stored("8-bit codes", 8 * count), stored("FP32 absmax", 32 * coded.absmax.len() as u64)]
            }
            Parts::Table4(coded) => {
                let codes = stored("4-bit codes", 4 * count);
                match &coded.scales {
                    Scales::Plain(absmax) => vec![codes, stored("FP32 absmax", 32 * absmax.len() as u64)],
                    Scales::Double(scales) => vec![
                        codes,
                        stored("8-bit scales", 8 * scales.coded.codes.len() as u64),
                        stored("FP32 absmax of the scales", 32 * scales.coded.absmax.len() as u64),
                        stored("FP32 mean of the scales", 32),
                    ],
                }
            }
            Parts::Gguf(kind, bytes) => {
                let blocks = (bytes.len() / kind.block_bytes()) as u64;
                kind.parts().iter().map(|(what, bits)| stored(what, bits * blocks)).collect()
            }
            Parts::Nvfp4(coded) => vec![
                stored("4-bit codes", 4 * count),
                stored("8-bit float scales", 8 * coded.blocks.len() as u64),
                stored("one FP32 scale", 32),
            ],
            Parts::Mxfp4(blocks) => {
                vec![stored("4-bit codes", 4 * count), stored("8-bit power-of-two scales", 8 * blocks.len() as u64)]
            }
            Parts::Ternary(_) => vec![stored("2-bit codes", 2 * count), stored("one FP32 scale", 32)],
        }
    }

    /// Bits of everything stored.
    pub fn bits(&self) -> u64 {
        self.storage().iter().map(|part| part.bits).sum()
    }

    /// Bits stored for each value, constants included.
    pub fn bits_per_weight(&self) -> f64 {
        self.bits() as f64 / self.count.max(1) as f64
    }

    /// Bytes held in memory: those stored, but for formats whose codes lie one in a byte here.
    pub fn held_bytes(&self) -> u64 {
        match &self.parts {
            Parts::Integers(coded, _) => (coded.codes.len() + coded.lines.len() * size_of::<integers::Line>()) as u64,
            _ => self.bits().div_ceil(8),
        }
    }
}

/// Reads blocks of `N` bytes back as `M` values each.
fn read_blocks<const N: usize, const M: usize>(blocks: &[[u8; N]], out: &mut [f32], read: fn(&[u8; N]) -> [f32; M]) {
    for (out, block) in out.chunks_mut(M).zip(blocks) {
        let values = read(block);
        out.copy_from_slice(&values[..out.len()]);
    }
}
