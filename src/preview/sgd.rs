//! Stochastic gradient descent as torch computes it: decay joins the gradient, momentum is not dampened.

use super::Result;
use super::gradients::Gradients;
use candle_core::{Tensor, Var};

/// Settings; torch's defaults but for the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdSettings {
    /// Learning rate.
    pub learning_rate: f64,
    /// Share of the last direction that is kept; 0 keeps no state.
    pub momentum: f64,
    /// Weight decay, added to the gradient.
    pub weight_decay: f64,
}

impl Default for SgdSettings {
    fn default() -> Self {
        Self { learning_rate: 1e-2, momentum: 0.0, weight_decay: 0.0 }
    }
}

/// The optimizer with its state.
#[derive(Debug)]
pub struct Sgd {
    pub(super) settings: SgdSettings,
    pub(super) variables: Vec<Var>,
    /// Direction of each variable, once it has one.
    pub(super) directions: Vec<Option<Tensor>>,
}

impl Sgd {
    /// For these variables, in this order.
    pub fn new(variables: Vec<Var>, settings: SgdSettings) -> Self {
        let directions = vec![None; variables.len()];
        Self { settings, variables, directions }
    }

    /// One step along `gradients`; a variable without one stays.
    pub fn step(&mut self, gradients: &Gradients) -> Result<()> {
        let SgdSettings { learning_rate, momentum, weight_decay } = self.settings;
        for ((variable, direction), gradient) in self.variables.iter().zip(&mut self.directions).zip(gradients.iter()) {
            let Some(gradient) = gradient else { continue };
            let value = variable.as_tensor().detach();
            let mut along = if weight_decay == 0.0 { gradient.clone() } else { (gradient + (&value * weight_decay)?)? };
            if momentum != 0.0 {
                if let Some(last) = direction {
                    along = ((&*last * momentum)? + along)?;
                }
                *direction = Some(along.clone());
            }
            variable.set(&(value - (along * learning_rate)?)?)?;
        }
        Ok(())
    }
}
