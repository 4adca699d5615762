//! AdamW (Loshchilov & Hutter, 2019) as torch computes it: decay first, then the step with bias-corrected means.

use super::Result;
use super::gradients::Gradients;
use candle_core::{Tensor, Var};

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
    pub(super) means: Vec<[Tensor; 2]>,
    pub(super) steps: i32,
}

impl AdamW {
    /// For these variables, in this order.
    pub fn new(variables: Vec<Var>, settings: AdamWSettings) -> Result<Self> {
        let means: Vec<[Tensor; 2]> = variables
            .iter()
            .map(|variable| Ok([variable.zeros_like()?.detach(), variable.zeros_like()?.detach()]))
            .collect::<Result<_>>()?;
        Ok(Self { settings, variables, means, steps: 0 })
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
        for ((variable, [first, second]), gradient) in self.variables.iter().zip(&mut self.means).zip(gradients.iter())
        {
            let Some(gradient) = gradient else { continue };
            *first = ((&*first * beta1)? + (gradient * (1.0 - beta1))?)?;
            *second = ((&*second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let root = ((&*second / bias2)?.sqrt()? + epsilon)?;
            let update = ((&*first / bias1)? / root)?;
            let decayed = (variable.as_tensor().detach() * (1.0 - learning_rate * weight_decay))?;
            variable.set(&(decayed - (update * learning_rate)?)?)?;
        }
        Ok(())
    }
}
