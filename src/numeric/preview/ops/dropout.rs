//! Dropout: values become zero with some probability, the others grow so that the mean stays. The mask is drawn from a
//! seed, again in backward, and never kept.

use super::super::lora::Random;
use super::with_values;
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// Which values are dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Probability of each, 0 to below 1.
    pub rate: f64,
    /// Of the mask.
    pub seed: u64,
}

/// Values that share one stream of random numbers, so that rows can be drawn side by side.
const CHUNK: usize = 4096;

impl Dropout {
    /// The same rate with a seed of its own for a place.
    pub const fn at(self, place: u64) -> Self {
        // One round of the generator parts seeds that lie next to each other.
        Self { rate: self.rate, seed: Random(self.seed ^ place.wrapping_mul(0xD1B5_4A32_D192_ED03)).bits() }
    }

    fn mask(self, x: &[f32]) -> Vec<f32> {
        let kept = (1.0 / (1.0 - self.rate)) as f32;
        let below = (self.rate * 2.0_f64.powi(32)) as u64;
        let mut made = vec![0.0; x.len()];
        made.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).enumerate().for_each(|(chunk, (made, x))| {
            let mut random = Random(self.at(chunk as u64).seed);
            for (made, x) in made.chunks_mut(2).zip(x.chunks(2)) {
                // Two values of each 64 bits.
                let bits = random.bits();
                for ((made, x), bits) in made.iter_mut().zip(x).zip([bits >> 32, bits & 0xffff_ffff]) {
                    *made = if bits < below { 0.0 } else { x * kept };
                }
            }
        });
        made
    }
}

/// `x` with values dropped; backward is the same on the gradient.
pub fn dropout(x: &Tensor, dropout: Dropout) -> Result<Tensor> {
    if !(0.0..1.0).contains(&dropout.rate) {
        bail!("a dropout rate of {} is none", dropout.rate);
    }
    let made = with_values(x, |x| Ok(dropout.mask(x)))?;
    Tensor::from_vec(made, x.shape(), x.device())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_share_is_dropped_the_mean_stays_and_backward_has_the_same_mask() -> Result<()> {
        let x = Tensor::ones((40, 333), candle_core::DType::F32, &Device::Cpu)?;
        let settings = Dropout { rate: 0.25, seed: 3 };
        let y = dropout(&x, settings)?;
        let values: Vec<f32> = y.flatten_all()?.to_vec1()?;
        assert!(values.iter().all(|value| *value == 0.0 || (value - 4.0 / 3.0).abs() < 1e-6));
        let dropped = values.iter().filter(|value| **value == 0.0).count() as f64 / values.len() as f64;
        // Five deviations of 13,320 draws.
        assert!((dropped - 0.25).abs() < 0.019, "{dropped}");
        // Of a sum the gradient is one everywhere: the mask is all that is left.
        let gradient: Vec<f32> = dropout(&x, settings)?.flatten_all()?.to_vec1()?;
        assert_eq!(gradient, values);
        let other: Vec<f32> = dropout(&x, settings.at(1))?.flatten_all()?.to_vec1()?;
        assert_ne!(other, values);
        assert!(dropout(&x, Dropout { rate: 1.0, seed: 3 }).is_err());
        Ok(())
    }
}
