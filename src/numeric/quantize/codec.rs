//! The formats a tensor can be put into.

use super::gguf::Kind;
use super::packed::{Packed, Parts};
use super::table4::{self, AF4, FP4, NF4, Table};
use super::{QuantizeError, Whole, dynamic8, float8, integers, mxfp4, nvfp4, ternary};
use integers::Levels;

/// A format for a whole tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// Brain float: nothing shared.
    Bf16,
    /// IEEE half: nothing shared.
    Fp16,
    /// 8-bit floats under one scale.
    Float8(float8::Layout),
    /// Integers −127 … 127 times one FP32 scale per row: the weights of LLM.int8().
    Int8Rows,
    /// Integers −127 … 127 times one FP16 scale per 64 values.
    Int8,
    /// 256 levels, dense near zero, times an FP32 absmax per 256 values: bitsandbytes' "dynamic" blocks.
    Dynamic8,
    /// Integers −7 … 7 times one FP16 scale per 64 values.
    Int4,
    /// Integers 0 … 15 times an FP16 scale and from an FP16 minimum, per 64 or 128 values.
    Int4Asymmetric(Group),
    /// bitsandbytes NF4: 16 levels from the normal distribution, one FP32 absmax per 64 values.
    Nf4,
    /// The same with the absmax values quantized to 8 bits in turn.
    Nf4Double,
    /// bitsandbytes FP4: its own 4-bit float, one FP32 absmax per 64 values.
    Fp4,
    /// The same with the absmax values quantized in turn.
    Fp4Double,
    /// bitsandbytes AF4: 16 levels for the least absolute error.
    Af4,
    /// A block type of GGUF files.
    Gguf(Kind),
    /// OCP microscaling FP4: E2M1 values with one power-of-two scale per 32.
    Mxfp4,
    /// NVIDIA's 4-bit floats: E2M1 values with one E4M3 scale per 16, and one for the tensor.
    Nvfp4,
    /// −1, 0 and 1 times one scale: BitNet b1.58.
    Ternary,
}

/// Values along a row that share constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// 64.
    Of64,
    /// 128.
    Of128,
}

impl Group {
    const fn values(self) -> usize {
        match self {
            Self::Of64 => 64,
            Self::Of128 => 128,
        }
    }
}

impl Codec {
    /// All, by bits.
    pub const ALL: [Self; 28] = [
        Self::Bf16,
        Self::Fp16,
        Self::Gguf(Kind::Q8_0),
        Self::Int8,
        Self::Dynamic8,
        Self::Int8Rows,
        Self::Float8(float8::Layout::E4m3),
        Self::Float8(float8::Layout::E5m2),
        Self::Gguf(Kind::Q6K),
        Self::Gguf(Kind::Q5_1),
        Self::Gguf(Kind::Q5K),
        Self::Gguf(Kind::Q5_0),
        Self::Gguf(Kind::Q4_1),
        Self::Gguf(Kind::Q4K),
        Self::Gguf(Kind::Q4_0),
        Self::Nf4,
        Self::Fp4,
        Self::Af4,
        Self::Nvfp4,
        Self::Int4Asymmetric(Group::Of64),
        Self::Int4Asymmetric(Group::Of128),
        Self::Int4,
        Self::Mxfp4,
        Self::Nf4Double,
        Self::Fp4Double,
        Self::Gguf(Kind::Q3K),
        Self::Gguf(Kind::Q2K),
        Self::Ternary,
    ];

    /// Stable word for the command line and files; that of the format catalogue where it has the same layout.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Float8(float8::Layout::E4m3) => "fp8-e4m3",
            Self::Float8(float8::Layout::E5m2) => "fp8-e5m2",
            Self::Int8Rows => "int8",
            Self::Int8 => "int8-g64",
            Self::Dynamic8 => "int8-dynamic",
            Self::Int4 => "int4-g64",
            Self::Int4Asymmetric(Group::Of64) => "int4-asym-g64",
            Self::Int4Asymmetric(Group::Of128) => "int4-asym-g128",
            Self::Nf4 => "nf4",
            Self::Nf4Double => "nf4-dq",
            Self::Fp4 => "fp4",
            Self::Fp4Double => "fp4-dq",
            Self::Af4 => "af4",
            Self::Gguf(kind) => kind.id(),
            Self::Mxfp4 => "mxfp4",
            Self::Nvfp4 => "nvfp4",
            Self::Ternary => "ternary",
        }
    }

    /// The codec of a word: its id, or its name without regard to case.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.id() == id || codec.name().eq_ignore_ascii_case(id))
    }

    /// Name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::Fp16 => "FP16",
            Self::Float8(float8::Layout::E4m3) => "FP8 E4M3",
            Self::Float8(float8::Layout::E5m2) => "FP8 E5M2",
            Self::Int8Rows => "INT8 rows",
            Self::Int8 => "INT8 absmax",
            Self::Dynamic8 => "INT8 dynamic",
            Self::Int4 => "INT4 absmax",
            Self::Int4Asymmetric(Group::Of64) => "INT4 min-max 64",
            Self::Int4Asymmetric(Group::Of128) => "INT4 min-max 128",
            Self::Nf4 => "NF4",
            Self::Nf4Double => "NF4 + DQ",
            Self::Fp4 => "FP4",
            Self::Fp4Double => "FP4 + DQ",
            Self::Af4 => "AF4",
            Self::Gguf(kind) => kind.name(),
            Self::Mxfp4 => "MXFP4",
            Self::Nvfp4 => "NVFP4",
            Self::Ternary => "Ternary",
        }
    }

    /// How it works, in one sentence, with its source.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Bf16 => "Brain float: FP32 with 7 digits of mantissa instead of 23; the format most models come in.",
            Self::Fp16 => "IEEE half precision: 10 digits of mantissa, but nothing above 65,504.",
            Self::Float8(float8::Layout::E4m3) => {
                "8-bit floats with 3 digits of mantissa under one scale for the tensor (Micikevicius et al., 2022)."
            }
            Self::Float8(float8::Layout::E5m2) => {
                "8-bit floats with 2 digits of mantissa under one scale for the tensor (Micikevicius et al., 2022)."
            }
            Self::Int8Rows => {
                "Evenly spaced codes −127 to 127 with one scale per row, as LLM.int8() stores weights (Dettmers et \
                 al., 2022); on a GPU it also keeps outlier columns of the activations in 16 bits."
            }
            Self::Int8 => "Evenly spaced codes −127 to 127 times a scale: the largest magnitude of 64 values over 127.",
            Self::Dynamic8 => {
                "256 levels that lie closer together near zero, times the largest magnitude of each 256 values \
                 (Dettmers et al., 2021); 8-bit optimizers keep their state so."
            }
            Self::Int4 => "Evenly spaced codes −7 to 7 times a scale: the largest magnitude of 64 values over 7.",
            Self::Int4Asymmetric(Group::Of64) => {
                "Evenly spaced codes from the least to the largest of each 64 values; the storage of GPTQ, AWQ and HQQ, \
                 rounded to the nearest without their calibration data."
            }
            Self::Int4Asymmetric(Group::Of128) => {
                "Evenly spaced codes from the least to the largest of each 128 values; the storage of GPTQ, AWQ and \
                 HQQ, rounded to the nearest without their calibration data."
            }
            Self::Nf4 => {
                "16 levels at quantiles of a normal distribution, times the largest magnitude of each 64 values \
                 (Dettmers et al., 2023; codes as bitsandbytes 0.50 writes them)."
            }
            Self::Nf4Double => {
                "NF4 whose scales are quantized too: to 8 bits around their mean, in blocks of 256 scales \
                 (Dettmers et al., 2023)."
            }
            Self::Fp4 => {
                "bitsandbytes' own 4-bit float: 0, 1/192, 1/6, 1/4, 1/3, 1/2, 2/3 and 1 times the largest magnitude of \
                 64 values."
            }
            Self::Fp4Double => "FP4 of bitsandbytes whose scales are quantized to 8 bits too.",
            Self::Af4 => {
                "16 levels that leave the least absolute error of normal values in blocks of 64 (Yoshida, 2023)."
            }
            Self::Gguf(kind) => kind.help(),
            Self::Mxfp4 => {
                "E2M1 floats (0, ½, 1, 1½, 2, 3, 4, 6 and negatives) times a power of two for each 32 values \
                 (OCP Microscaling v1.0); what is above 6 times the scale becomes 6."
            }
            Self::Nvfp4 => {
                "E2M1 floats (0, ½, 1, 1½, 2, 3, 4, 6 and negatives) times an 8-bit float for each 16 values, under one \
                 FP32 scale for the tensor (NVIDIA Blackwell)."
            }
            Self::Ternary => {
                "−1, 0 and 1 times the mean magnitude of the tensor (BitNet b1.58, Ma et al., 2024): made for models \
                 that are trained so, and ruinous to others."
            }
        }
    }

    /// Values that share the innermost constants; `None` where it is a row, the tensor, or nothing.
    pub const fn block(self) -> Option<usize> {
        match self {
            Self::Bf16 | Self::Fp16 | Self::Float8(_) | Self::Int8Rows | Self::Ternary => None,
            Self::Nf4 | Self::Nf4Double | Self::Fp4 | Self::Fp4Double | Self::Af4 => Some(table4::BLOCK),
            Self::Dynamic8 => Some(dynamic8::BLOCK),
            Self::Int8 | Self::Int4 => Some(integers::GROUP),
            Self::Int4Asymmetric(group) => Some(group.values()),
            Self::Gguf(kind) => Some(kind.sub_block()),
            Self::Nvfp4 => Some(nvfp4::BLOCK),
            Self::Mxfp4 => Some(mxfp4::BLOCK),
        }
    }

    /// Rows must be a multiple of so many values.
    pub const fn row_multiple(self) -> usize {
        match self {
            Self::Gguf(kind) => kind.block(),
            Self::Nvfp4 => nvfp4::BLOCK,
            Self::Mxfp4 => mxfp4::BLOCK,
            _ => 1,
        }
    }

    /// Bits per weight in a large tensor with rows of `columns` values, constants included.
    pub fn bits_per_weight(self, columns: usize) -> f64 {
        // So many rows that what is stored once for a tensor no longer counts.
        let rows = 1 << 32;
        self.stored_bits(rows, columns as u64) as f64 / (rows as f64 * columns.max(1) as f64)
    }

    /// Bits of a tensor of `rows` rows of `columns` values, constants included.
    pub fn stored_bits(self, rows: u64, columns: u64) -> u64 {
        let values = rows.saturating_mul(columns);
        let blocks = |values: u64, block: usize| values.div_ceil(block as u64);
        let bits = |each: u64, count: u64| each.saturating_mul(count);
        match self {
            Self::Bf16 | Self::Fp16 => bits(16, values),
            Self::Float8(_) => bits(8, values).saturating_add(32),
            Self::Int8Rows => bits(8, values).saturating_add(bits(32, rows)),
            // Groups end with their row.
            Self::Int8 => {
                bits(8, values).saturating_add(bits(16, rows.saturating_mul(blocks(columns, integers::GROUP))))
            }
            Self::Int4 => {
                bits(4, values).saturating_add(bits(16, rows.saturating_mul(blocks(columns, integers::GROUP))))
            }
            Self::Int4Asymmetric(group) => {
                bits(4, values).saturating_add(bits(32, rows.saturating_mul(blocks(columns, group.values()))))
            }
            Self::Dynamic8 => bits(8, values).saturating_add(bits(32, blocks(values, dynamic8::BLOCK))),
            Self::Nf4 | Self::Fp4 | Self::Af4 => {
                bits(4, values).saturating_add(bits(32, blocks(values, table4::BLOCK)))
            }
            // An 8-bit scale per 64 values, an FP32 absmax per 256 scales, and their mean once.
            Self::Nf4Double | Self::Fp4Double => {
                let scales = blocks(values, table4::BLOCK);
                let nested = bits(8, scales).saturating_add(bits(32, blocks(scales, dynamic8::BLOCK)));
                bits(4, values).saturating_add(nested).saturating_add(32)
            }
            Self::Gguf(kind) => bits(8 * kind.block_bytes() as u64, blocks(values, kind.block())),
            Self::Nvfp4 => bits(8 * nvfp4::BLOCK_BYTES as u64, blocks(values, nvfp4::BLOCK)).saturating_add(32),
            Self::Mxfp4 => bits(8 * mxfp4::BLOCK_BYTES as u64, blocks(values, mxfp4::BLOCK)),
            Self::Ternary => bits(2, values).saturating_add(32),
        }
    }

    /// Bytes the same tensor takes in memory here: those stored, but for integers, whose codes lie one in a byte.
    pub fn held_bytes(self, rows: u64, columns: u64) -> u64 {
        let line = size_of::<integers::Line>() as u64;
        let group = match self {
            Self::Int8Rows => columns,
            Self::Int8 | Self::Int4 => integers::GROUP as u64,
            Self::Int4Asymmetric(group) => group.values() as u64,
            _ => return self.stored_bits(rows, columns).div_ceil(8),
        };
        let lines = rows.saturating_mul(columns.div_ceil(group.max(1)));
        rows.saturating_mul(columns).saturating_add(lines.saturating_mul(line))
    }

    /// Whether rows of `columns` values can be put into the format.
    pub const fn takes_rows_of(self, columns: usize) -> Result<(), QuantizeError> {
        let block = self.row_multiple();
        if columns.is_multiple_of(block) {
            Ok(())
        } else {
            Err(QuantizeError::Ragged { format: self.name(), block, columns })
        }
    }

    /// Puts whole rows of `columns` values into the format. They may be a piece of a tensor whose figures are `whole`;
    /// pieces but the last must have a multiple of 16,384 values, so that no block is cut.
    pub fn pack(self, values: &[f32], columns: usize, whole: &Whole) -> Result<Packed, QuantizeError> {
        whole.check(self.name())?;
        self.takes_rows_of(columns)?;
        let table = |table: &'static Table| table4::quantize(table, values, table4::BLOCK);
        let integers =
            |group: usize, levels: Levels| Parts::Integers(integers::quantize(values, columns, group, levels), levels);
        let parts = match self {
            Self::Bf16 => Parts::Bf16(values.iter().map(|value| half::bf16::from_f32(*value)).collect()),
            Self::Fp16 => Parts::Fp16(values.iter().map(|value| half::f16::from_f32(*value)).collect()),
            Self::Float8(layout) => {
                let scale = layout.scale(whole.absmax);
                let codes = values.iter().map(|value| layout.encode(value / scale)).collect();
                Parts::Float8 { layout, codes, scale }
            }
            Self::Int8Rows => integers(columns, Levels::INT8_ROWS),
            Self::Int8 => integers(integers::GROUP, Levels::INT8),
            Self::Int4 => integers(integers::GROUP, Levels::INT4),
            Self::Int4Asymmetric(group) => integers(group.values(), Levels::INT4_ASYMMETRIC),
            Self::Dynamic8 => Parts::Dynamic8(dynamic8::quantize(values, dynamic8::BLOCK)),
            Self::Nf4 => Parts::Table4(table(&NF4)),
            Self::Nf4Double => Parts::Table4(table(&NF4).doubly(whole.mean_block_absmax())),
            Self::Fp4 => Parts::Table4(table(&FP4)),
            Self::Fp4Double => Parts::Table4(table(&FP4).doubly(whole.mean_block_absmax())),
            Self::Af4 => Parts::Table4(table(&AF4)),
            Self::Gguf(kind) => Parts::Gguf(kind, kind.quantize(values)),
            Self::Nvfp4 => Parts::Nvfp4(nvfp4::quantize(values, whole.absmax)),
            Self::Mxfp4 => Parts::Mxfp4(values.chunks_exact(mxfp4::BLOCK).map(mxfp4::quantize).collect()),
            Self::Ternary => Parts::Ternary(ternary::quantize(values, whole.mean_magnitude())),
        };
        Ok(Packed { codec: self, count: values.len(), parts })
    }

    /// Puts one row into the format and reads it back.
    pub fn round_trip(self, values: &[f32]) -> Result<(Vec<f32>, Packed), QuantizeError> {
        let packed = self.pack(values, values.len(), &Whole::of(values))?;
        Ok((packed.values(), packed))
    }
}
