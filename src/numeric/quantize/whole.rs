//! What some formats must know of a whole tensor before its first value is coded.

use super::table4;
use super::{QuantizeError, largest_magnitude};

/// Figures of a whole tensor, gathered piece by piece.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Whole {
    /// Values.
    pub count: u64,
    /// Largest magnitude; not finite where a value is not.
    pub absmax: f32,
    sum_of_magnitudes: f64,
    blocks: u64,
    sum_of_block_absmax: f64,
}

impl Whole {
    /// Figures of `values`.
    pub fn of(values: &[f32]) -> Self {
        let mut whole = Self::default();
        whole.add(values);
        whole
    }

    /// Adds the next values. Pieces but the last have whole blocks of 64.
    pub fn add(&mut self, values: &[f32]) {
        for block in values.chunks(table4::BLOCK) {
            let absmax = largest_magnitude(block);
            // By their bits, so that what is not a number stays.
            self.absmax = f32::from_bits(self.absmax.to_bits().max(absmax.to_bits()));
            self.blocks += 1;
            self.sum_of_block_absmax += f64::from(absmax);
            self.sum_of_magnitudes += block.iter().map(|value| f64::from(value.abs())).sum::<f64>();
        }
        self.count += values.len() as u64;
    }

    /// Adds the figures of another piece.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.absmax = f32::from_bits(self.absmax.to_bits().max(other.absmax.to_bits()));
        self.sum_of_magnitudes += other.sum_of_magnitudes;
        self.blocks += other.blocks;
        self.sum_of_block_absmax += other.sum_of_block_absmax;
    }

    /// Mean magnitude.
    pub fn mean_magnitude(&self) -> f32 {
        (self.sum_of_magnitudes / self.count.max(1) as f64) as f32
    }

    /// Mean of the largest magnitudes of blocks of 64: the offset of double quantization. Summed in FP64: bitsandbytes'
    /// own FP32 sum depends on its vector width, so the last bit may differ.
    pub fn mean_block_absmax(&self) -> f32 {
        (self.sum_of_block_absmax / self.blocks.max(1) as f64) as f32
    }

    /// Refuses nothing at all and values that are not finite.
    pub(super) fn check(&self, format: &'static str) -> Result<(), QuantizeError> {
        if self.count == 0 {
            return Err(QuantizeError::Empty);
        }
        if !self.absmax.is_finite() {
            return Err(QuantizeError::NotFinite(format));
        }
        Ok(())
    }
}
