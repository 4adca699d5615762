//! Bytes of weights in the format they are loaded in, matrix by matrix.

use super::setup::Setup;
use super::shape::{BaseTensor, Part, layer_tensors, outer_tensors};
use crate::catalog::NumberFormat;

/// How weights are held.
#[derive(Clone, Copy)]
pub enum Storage<'a> {
    /// Every weight in a float format of this many bytes.
    Float(u64),
    /// Linear layers in 4 bits as bitsandbytes packs them, the rest in 16.
    BitsAndBytes4 {
        /// Scales are quantized again.
        double: bool,
    },
    /// Linear layers in a block or row-scaled format, the rest in 16 bits.
    Blocks(&'a NumberFormat),
    /// A GGUF block format: every matrix, tables too; vectors in 32 bits.
    Gguf(&'a NumberFormat),
    /// A mix of formats of which only the mean is known (GGUF files).
    Mean(&'a NumberFormat),
}

/// Payload and what belongs to quantization beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredBytes {
    /// Packed or plain values.
    pub values: u64,
    /// Scales, offsets and code tables.
    pub constants: u64,
}

impl StoredBytes {
    fn add(&mut self, other: Self, copies: u64) {
        self.values = self.values.saturating_add(other.values.saturating_mul(copies));
        self.constants = self.constants.saturating_add(other.constants.saturating_mul(copies));
    }
}

/// Values one 4-bit scale is for (bitsandbytes' default).
pub const BNB_BLOCK: u64 = 64;
/// Scales one second-level scale is for.
pub const BNB_SCALE_BLOCK: u64 = 256;
/// The 16 levels in FP32.
pub const BNB_CODE: u64 = 16 * 4;
/// The 256 levels of the quantized scales in FP32, and their offset.
pub const BNB_SCALE_CODE: u64 = 256 * 4 + 4;

impl<'a> Storage<'a> {
    /// How `format` holds weights.
    pub fn new(format: &'a NumberFormat, double: bool) -> Self {
        let kind = format.kind.as_str();
        if kind == "gguf file mix" {
            Self::Mean(format)
        } else if kind == "gguf block" {
            Self::Gguf(format)
        } else if matches!(format.id.as_str(), "nf4" | "nf4-dq" | "fp4") {
            Self::BitsAndBytes4 { double: double || format.id == "nf4-dq" }
        } else if kind == "scalar float" && format.element_bits >= 16.0 {
            // TF32 is a rounding of FP32: it is stored in 32 bits.
            Self::Float(if format.element_bits > 32.0 {
                8
            } else if format.element_bits > 16.0 {
                4
            } else {
                2
            })
        } else {
            Self::Blocks(format)
        }
    }

    /// Bytes of a weight that is not quantized.
    pub const fn unquantized_width(&self) -> u64 {
        match self {
            Self::Float(width) => *width,
            _ => 2,
        }
    }

    /// Whether linear layers are held in fewer bits than the rest.
    pub const fn is_quantized(&self) -> bool {
        !matches!(self, Self::Float(_))
    }

    /// Whether bitsandbytes does it, which replaces linear modules one by one.
    pub fn is_bitsandbytes(&self) -> bool {
        match self {
            Self::BitsAndBytes4 { .. } => true,
            Self::Blocks(format) => format.id == "int8",
            _ => false,
        }
    }

    /// Bits of one value of a matrix, without scales.
    pub const fn element_bits(&self) -> f64 {
        match self {
            Self::Float(width) => 8.0 * *width as f64,
            Self::BitsAndBytes4 { .. } => 4.0,
            Self::Blocks(format) | Self::Gguf(format) => format.element_bits,
            Self::Mean(format) => format.effective_bits,
        }
    }

    /// Bytes of a `rows × columns` matrix.
    pub fn matrix(&self, rows: u64, columns: u64) -> StoredBytes {
        let values = rows.saturating_mul(columns);
        match self {
            Self::Float(width) => StoredBytes { values: values.saturating_mul(*width), constants: 0 },
            Self::BitsAndBytes4 { double } => {
                let blocks = values.div_ceil(BNB_BLOCK);
                let constants = if *double {
                    blocks
                        .saturating_add(blocks.div_ceil(BNB_SCALE_BLOCK).saturating_mul(4))
                        .saturating_add(BNB_CODE + BNB_SCALE_CODE)
                } else {
                    blocks.saturating_mul(4).saturating_add(BNB_CODE)
                };
                StoredBytes { values: values.div_ceil(2), constants }
            }
            Self::Blocks(format) | Self::Gguf(format) => blocks(format, rows, columns),
            Self::Mean(format) => StoredBytes { values: bits(values, format.effective_bits), constants: 0 },
        }
    }

    /// Bytes of the FP32 scales that are unpacked while a `rows × columns` matrix is dequantized.
    pub const fn unpacked_scales(&self, rows: u64, columns: u64) -> u64 {
        match self {
            Self::BitsAndBytes4 { double: true } => rows.saturating_mul(columns).div_ceil(BNB_BLOCK).saturating_mul(4),
            _ => 0,
        }
    }
}

fn bits(values: u64, bits: f64) -> u64 {
    (values as f64 * bits / 8.0).ceil() as u64
}

fn blocks(format: &NumberFormat, rows: u64, columns: u64) -> StoredBytes {
    let values = rows.saturating_mul(columns);
    let payload = bits(values, format.element_bits);
    let rows_scales = rows.saturating_mul(format.row_scale_bits / 8);
    let whole = match (format.block_size, format.block_bytes) {
        (Some(size), Some(bytes)) if size > 0 => rows.saturating_mul(columns.div_ceil(size)).saturating_mul(bytes),
        _ => bits(values, format.effective_bits),
    };
    StoredBytes {
        values: payload.min(whole.max(payload)),
        constants: whole.saturating_sub(payload).saturating_add(rows_scales),
    }
}

/// Bytes of the base model's weights, and of what is trained among them.
pub fn base_weights(setup: &Setup<'_>) -> StoredBytes {
    let mut sum = StoredBytes::default();
    for group in &setup.architecture.layers {
        layer_tensors(&group.layer, setup.architecture.hidden_size, &setup.architecture.model_code, |tensor| {
            sum.add(tensor_bytes(setup, tensor), tensor.copies.saturating_mul(group.count));
        });
    }
    outer_tensors(setup.architecture, setup.ends, |tensor| sum.add(tensor_bytes(setup, tensor), tensor.copies));
    sum
}

/// Bytes of the base model and of a frozen second one beside it.
pub fn all_weights(setup: &Setup<'_>) -> StoredBytes {
    let mut sum = base_weights(setup);
    if let Some((_, second)) = super::step::second_model(setup).filter(|_| setup.training) {
        sum.add(base_weights(&second), 1);
    }
    sum
}

/// Bytes of one copy of `tensor`.
pub fn tensor_bytes(setup: &Setup<'_>, tensor: BaseTensor) -> StoredBytes {
    match plain_width(setup, tensor.part) {
        Some(width) => {
            StoredBytes { values: tensor.rows.saturating_mul(tensor.columns).saturating_mul(width), constants: 0 }
        }
        None => setup.storage.matrix(tensor.rows, tensor.columns),
    }
}

/// Bits of one value of a tensor of the base model, without scales.
pub fn element_bits(setup: &Setup<'_>, part: Part) -> f64 {
    plain_width(setup, part).map_or_else(|| setup.storage.element_bits(), |width| 8.0 * width as f64)
}

/// Bytes of a value of a tensor that is not held as the load format packs matrices.
fn plain_width(setup: &Setup<'_>, part: Part) -> Option<u64> {
    let storage = &setup.storage;
    match (part, storage) {
        (_, Storage::Mean(_)) | (Part::Linear, _) | (Part::Embedding | Part::Head, Storage::Gguf(_)) => None,
        (Part::Experts, _) if setup.quantizes_experts || !storage.is_bitsandbytes() => None,
        (Part::Experts, _) => Some(setup.width),
        (_, Storage::Gguf(_)) => Some(4),
        (
            Part::Bias
            | Part::Vector
            | Part::Embedding
            | Part::EmbeddingExtra
            | Part::FinalNorm
            | Part::Head
            | Part::HeadBias,
            _,
        ) => Some(setup.outer_width),
    }
}
