//! Stochastic gradient descent as torch computes it: decay joins the gradient, momentum is not dampened.

use super::Result;
use super::gradients::Gradients;
use super::ops::with_values;
use candle_core::{Device, Tensor, Var};

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
    settings: SgdSettings,
    pub(super) variables: Vec<Var>,
    /// Direction of each variable, once it has one.
    pub(super) directions: Vec<Option<Vec<f32>>>,
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
        let (rate, momentum, decay) = (learning_rate as f32, momentum as f32, weight_decay as f32);
        for ((variable, direction), gradient) in self.variables.iter().zip(&mut self.directions).zip(gradients.iter()) {
            let Some(gradient) = gradient else { continue };
            let mut values: Vec<f32> = with_values(variable, |values| Ok(values.to_vec()))?;
            let mut along: Vec<f32> = with_values(&gradient.contiguous()?, |gradient| {
                Ok(gradient.iter().zip(&values).map(|(g, value)| g + decay * value).collect())
            })?;
            if momentum != 0.0 {
                if let Some(last) = direction {
                    along.iter_mut().zip(last).for_each(|(along, last)| *along += momentum * *last);
                }
                *direction = Some(along.clone());
            }
            values.iter_mut().zip(&along).for_each(|(value, along)| *value -= rate * along);
            variable.set(&Tensor::from_vec(values, variable.shape().clone(), &Device::Cpu)?)?;
        }
        Ok(())
    }
}
