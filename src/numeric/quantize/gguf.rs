//! The block types of GGUF files, byte for byte.
//!
//! Layouts are those of ggml (`ggml-common.h`). Q4_0 to Q8_0 take scale and codes straight from the largest value and
//! give the bytes of gguf-py 0.19. K-quants search their scales, and the bytes are those of candle 0.11: other programs
//! may choose other scales for the same layout. A factor beyond FP16 stays at its largest value instead of becoming
//! infinite, and a block of one value keeps that value.

mod lines;
mod plain;
mod steps;

/// Values of a super-block.
pub const SUPER_BLOCK: usize = 256;

/// A block type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the format's own names")]
pub enum Kind {
    Q8_0,
    Q6K,
    Q5_1,
    Q5_0,
    Q5K,
    Q4_1,
    Q4_0,
    Q4K,
    Q3K,
    Q2K,
}

impl Kind {
    /// All, by bits.
    pub const ALL: [Self; 10] = [
        Self::Q8_0,
        Self::Q6K,
        Self::Q5_1,
        Self::Q5_0,
        Self::Q5K,
        Self::Q4_1,
        Self::Q4_0,
        Self::Q4K,
        Self::Q3K,
        Self::Q2K,
    ];

    /// Its name in GGUF files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q8_0 => "Q8_0",
            Self::Q6K => "Q6_K",
            Self::Q5_1 => "Q5_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5K => "Q5_K",
            Self::Q4_1 => "Q4_1",
            Self::Q4_0 => "Q4_0",
            Self::Q4K => "Q4_K",
            Self::Q3K => "Q3_K",
            Self::Q2K => "Q2_K",
        }
    }

    /// Its id in the format catalogue.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Q8_0 => "gguf-q8-0",
            Self::Q6K => "gguf-q6-k",
            Self::Q5_1 => "gguf-q5-1",
            Self::Q5_0 => "gguf-q5-0",
            Self::Q5K => "gguf-q5-k",
            Self::Q4_1 => "gguf-q4-1",
            Self::Q4_0 => "gguf-q4-0",
            Self::Q4K => "gguf-q4-k",
            Self::Q3K => "gguf-q3-k",
            Self::Q2K => "gguf-q2-k",
        }
    }

    /// The type of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How it works, in one sentence.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Q8_0 => "Codes −127 to 127 times an FP16 scale for each 32 values (GGUF).",
            Self::Q6K => {
                "Codes −32 to 31 times an 8-bit scale for each 16 values, under one FP16 factor for 256 (GGUF K-quant)."
            }
            Self::Q5_1 => "Codes 0 to 31 times an FP16 scale from an FP16 minimum, for each 32 values (GGUF).",
            Self::Q5_0 => "Codes −16 to 15 times an FP16 scale for each 32 values (GGUF).",
            Self::Q5K => {
                "Codes 0 to 31 times a scale, minus a minimum; both have 6 bits for each 32 values, under two FP16 \
                 factors for 256 (GGUF K-quant; scales found by least squares)."
            }
            Self::Q4_1 => "Codes 0 to 15 times an FP16 scale from an FP16 minimum, for each 32 values (GGUF).",
            Self::Q4_0 => "Codes −8 to 7 times an FP16 scale for each 32 values (GGUF).",
            Self::Q4K => {
                "Codes 0 to 15 times a scale, minus a minimum; both have 6 bits for each 32 values, under two FP16 \
                 factors for 256 (llama.cpp K-quants; scales found by least squares)."
            }
            Self::Q3K => {
                "Codes −4 to 3 times a 6-bit scale for each 16 values, under one FP16 factor for 256 (GGUF K-quant)."
            }
            Self::Q2K => {
                "Codes 0 to 3 times a scale, minus a minimum; both have 4 bits for each 16 values, under two FP16 \
                 factors for 256 (GGUF K-quant)."
            }
        }
    }

    /// Values of a block: rows must be a multiple of it.
    pub const fn block(self) -> usize {
        match self {
            Self::Q8_0 | Self::Q5_1 | Self::Q5_0 | Self::Q4_1 | Self::Q4_0 => plain::BLOCK,
            Self::Q6K | Self::Q5K | Self::Q4K | Self::Q3K | Self::Q2K => SUPER_BLOCK,
        }
    }

    /// Values that share the innermost scale.
    pub const fn sub_block(self) -> usize {
        match self {
            Self::Q6K | Self::Q3K | Self::Q2K => 16,
            _ => 32,
        }
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::Q8_0 => 34,
            Self::Q6K => 210,
            Self::Q5_1 => 24,
            Self::Q5_0 => 22,
            Self::Q5K => 176,
            Self::Q4_1 => 20,
            Self::Q4_0 => 18,
            Self::Q4K => 144,
            Self::Q3K => 110,
            Self::Q2K => 84,
        }
    }

    /// What a block stores, part by part, with bits.
    pub const fn parts(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Q8_0 => &[("8-bit codes", 256), ("FP16 scales", 16)],
            Self::Q6K => &[("6-bit codes", 1536), ("8-bit scales", 128), ("one FP16 factor per 256", 16)],
            Self::Q5_1 => &[("5-bit codes", 160), ("FP16 scales and minima", 32)],
            Self::Q5_0 => &[("5-bit codes", 160), ("FP16 scales", 16)],
            Self::Q5K => &[("5-bit codes", 1280), ("6-bit scales and minima", 96), ("two FP16 factors per 256", 32)],
            Self::Q4_1 => &[("4-bit codes", 128), ("FP16 scales and minima", 32)],
            Self::Q4_0 => &[("4-bit codes", 128), ("FP16 scales", 16)],
            Self::Q4K => &[("4-bit codes", 1024), ("6-bit scales and minima", 96), ("two FP16 factors per 256", 32)],
            Self::Q3K => &[("3-bit codes", 768), ("6-bit scales", 96), ("one FP16 factor per 256", 16)],
            Self::Q2K => &[("2-bit codes", 512), ("4-bit scales and minima", 128), ("two FP16 factors per 256", 32)],
        }
    }

    /// Bytes of `values`; what is left over of a last block is left out.
    pub fn quantize(self, values: &[f32]) -> Vec<u8> {
        let mut bytes = vec![0; values.len() / self.block() * self.block_bytes()];
        for (values, bytes) in values.chunks_exact(self.block()).zip(bytes.chunks_exact_mut(self.block_bytes())) {
            match self {
                Self::Q8_0 => plain::quantize_q8_0(values, bytes),
                Self::Q5_1 => plain::quantize_from_minimum(values, plain::Bits::Five, bytes),
                Self::Q5_0 => plain::quantize_around_zero(values, plain::Bits::Five, bytes),
                Self::Q4_1 => plain::quantize_from_minimum(values, plain::Bits::Four, bytes),
                Self::Q4_0 => plain::quantize_around_zero(values, plain::Bits::Four, bytes),
                Self::Q5K => lines::quantize_q5_k(values, bytes),
                Self::Q4K => lines::quantize_q4_k(values, bytes),
                Self::Q2K => lines::quantize_q2_k(values, bytes),
                Self::Q6K => steps::quantize_q6_k(values, bytes),
                Self::Q3K => steps::quantize_q3_k(values, bytes),
            }
        }
        bytes
    }

    /// Writes the values of whole blocks; of unequal lengths the shorter counts.
    pub fn read_into(self, bytes: &[u8], out: &mut [f32]) {
        for (bytes, out) in bytes.chunks_exact(self.block_bytes()).zip(out.chunks_exact_mut(self.block())) {
            match self {
                Self::Q8_0 => plain::read_q8_0(bytes, out),
                Self::Q5_1 => plain::read_from_minimum(bytes, plain::Bits::Five, out),
                Self::Q5_0 => plain::read_around_zero(bytes, plain::Bits::Five, out),
                Self::Q4_1 => plain::read_from_minimum(bytes, plain::Bits::Four, out),
                Self::Q4_0 => plain::read_around_zero(bytes, plain::Bits::Four, out),
                Self::Q5K => lines::read_q5_k(bytes, out),
                Self::Q4K => lines::read_q4_k(bytes, out),
                Self::Q2K => lines::read_q2_k(bytes, out),
                Self::Q6K => steps::read_q6_k(bytes, out),
                Self::Q3K => steps::read_q3_k(bytes, out),
            }
        }
    }
}

/// The nearest integer, half-way away from zero, as `f32::round` has it, without a call of the mathematical library.
fn nearest(value: f32) -> i32 {
    let towards_zero = value as i32;
    let rest = value - towards_zero as f32;
    towards_zero.saturating_add(i32::from(rest >= 0.5) - i32::from(rest <= -0.5))
}

/// 1 / value; 0 for 0.
fn inverse(value: f32) -> f32 {
    if value == 0.0 { 0.0 } else { 1.0 / value }
}

/// Rounded to FP16, within its range: what is read back, and its bytes.
fn half(value: f32) -> (f32, [u8; 2]) {
    let rounded = half::f16::from_f32(value.clamp(-65_504.0, 65_504.0));
    (rounded.to_f32(), rounded.to_le_bytes())
}

/// The FP16 number at a place.
fn half_at(bytes: &[u8], at: usize) -> f32 {
    half::f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}
