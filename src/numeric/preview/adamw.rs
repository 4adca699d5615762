//! AdamW (Loshchilov & Hutter, 2019) as torch computes it: decay first, then the step with bias-corrected means.

use super::Result;
use super::gradients::Gradients;
use super::ops::with_values;
use crate::linear_algebra::wide::wide;
use candle_core::{Device, Tensor, Var};

/// Settings; torch's defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWSettings {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay of the first mean.
    pub beta1: f64,
    /// Decay of the second mean.
    pub beta2: f64,
    /// Added to the root of the second mean.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl Default for AdamWSettings {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

/// The optimizer with its state.
#[derive(Debug)]
pub struct AdamW {
    settings: AdamWSettings,
    pub(super) variables: Vec<Var>,
    /// Means of the gradients and of their squares.
    pub(super) means: Vec<[Vec<f32>; 2]>,
    pub(super) steps: i32,
}

impl AdamW {
    /// For these variables, in this order.
    pub fn new(variables: Vec<Var>, settings: AdamWSettings) -> Self {
        let zeros = |variable: &Var| vec![0.0; variable.elem_count()];
        let means = variables.iter().map(|variable| [zeros(variable), zeros(variable)]).collect();
        Self { settings, variables, means, steps: 0 }
    }

    /// Changes the learning rate.
    pub const fn set_learning_rate(&mut self, learning_rate: f64) {
        self.settings.learning_rate = learning_rate;
    }

    /// One step along `gradients`; a variable without one stays.
    pub fn step(&mut self, gradients: &Gradients) -> Result<()> {
        self.steps = self.steps.saturating_add(1);
        let AdamWSettings { learning_rate, beta1, beta2, epsilon, weight_decay } = self.settings;
        let (bias1, bias2) = (1.0 - beta1.powi(self.steps), 1.0 - beta2.powi(self.steps));
        let kept = (1.0 - learning_rate * weight_decay) as f32;
        let (rate, root) = ((learning_rate / bias1) as f32, (1.0 / bias2.sqrt()) as f32);
        let (beta1, rest1) = (beta1 as f32, (1.0 - beta1) as f32);
        let (beta2, rest2) = (beta2 as f32, (1.0 - beta2) as f32);
        let epsilon = epsilon as f32;
        for ((variable, [first, second]), gradient) in self.variables.iter().zip(&mut self.means).zip(gradients.iter())
        {
            let Some(gradient) = gradient else { continue };
            let shape = variable.shape().clone();
            let mut values: Vec<f32> = with_values(variable, |values| Ok(values.to_vec()))?;
            with_values(&gradient.contiguous()?, |gradient| {
                wide(|| {
                    let means = first.iter_mut().zip(second.iter_mut());
                    for ((value, (first, second)), g) in values.iter_mut().zip(means).zip(gradient) {
                        *first = beta1 * *first + rest1 * g;
                        *second = beta2 * *second + rest2 * g * g;
                        *value = *value * kept - rate * *first / (second.sqrt() * root + epsilon);
                    }
                });
                Ok(())
            })?;
            variable.set(&Tensor::from_vec(values, shape, &Device::Cpu)?)?;
        }
        Ok(())
    }
}
