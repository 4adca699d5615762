//! How fast each pair of a head's values turns with the position: plain rotary positions (Su et al., 2021), stretched by a
//! factor, or as Llama 3.1 stretches the slow ones only.

use super::Result;
use super::config::unsuitable;
use serde_json::Value;
use std::f64::consts::TAU;

/// How positions are stretched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Stretch {
    /// Not.
    #[default]
    None,
    /// All by one factor (`linear`).
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Pairs that turn slower than once in the original context by a factor, fast ones not, between them a mixture
    /// (`llama3`).
    Llama3 {
        /// The factor.
        factor: f64,
        /// Turns in the original context below which a pair is slow.
        low_frequency: f64,
        /// Turns from which it is fast.
        high_frequency: f64,
        /// Positions of the original context.
        original_positions: f64,
    },
}

impl Stretch {
    /// Reads `rope_scaling`, or `rope_parameters` as transformers 5 writes it; null is none.
    ///
    /// # Errors
    /// A kind that cannot be run here, or figures that are missing or make no sense.
    pub fn from_json(settings: &Value) -> Result<Self> {
        let kind = settings.get("rope_type").or_else(|| settings.get("type")).and_then(Value::as_str);
        let number = |name: &str| {
            let found = settings.get(name).and_then(Value::as_f64).filter(|found| found.is_finite() && *found > 0.0);
            found.ok_or_else(|| unsuitable(format!("the rotary settings have no usable `{name}`")))
        };
        let factor = || match number("factor")? {
            factor if factor >= 1.0 => Ok(factor),
            factor => {
                Err(unsuitable(format!("the rotary settings have the `factor` {factor}; it stretches from 1 on")))
            }
        };
        match kind {
            None | Some("default") => Ok(Self::None),
            Some("linear") => Ok(Self::Linear { factor: factor()? }),
            Some("llama3") => {
                let (low_frequency, high_frequency) = (number("low_freq_factor")?, number("high_freq_factor")?);
                if low_frequency >= high_frequency {
                    return Err(unsuitable(format!(
                        "the rotary settings have `low_freq_factor` {low_frequency} not below `high_freq_factor` \
                         {high_frequency}"
                    )));
                }
                Ok(Self::Llama3 {
                    factor: factor()?,
                    low_frequency,
                    high_frequency,
                    original_positions: number("original_max_position_embeddings")?,
                })
            }
            Some(other) => Err(unsuitable(format!(
                "rotary positions of the kind `{other}` cannot be run here; default, linear and llama3 can"
            ))),
        }
    }

    /// Radians a position of each pair of a head of `head_dim` values: θ^(−2i / head_dim), stretched.
    pub fn frequencies(self, head_dim: usize, theta: f64) -> Vec<f64> {
        let plain = |pair: usize| theta.powf(-2.0 * pair as f64 / head_dim as f64);
        (0..head_dim / 2).map(|pair| self.stretched(plain(pair))).collect()
    }

    fn stretched(self, frequency: f64) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low_frequency, high_frequency, original_positions } => {
                let turns = original_positions * frequency / TAU;
                let fast = ((turns - low_frequency) / (high_frequency - low_frequency)).clamp(0.0, 1.0);
                (1.0 - fast) * frequency / factor + fast * frequency
            }
        }
    }
}
