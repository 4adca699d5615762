//! The optimizers a run can use, behind one type.

use super::Result;
use super::adamw::{AdamW, AdamWSettings};
use super::gradients::Gradients;
use super::saved::misfit;
use super::sgd::{Sgd, SgdSettings};
use candle_core::{Device, Tensor, Var};
use std::collections::BTreeMap;

/// Which optimizer, and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimizerSettings {
    /// Two means a value.
    AdamW(AdamWSettings),
    /// No state, or one direction a value with momentum.
    Sgd(SgdSettings),
}

impl OptimizerSettings {
    /// Word on the command line.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::AdamW(_) => "adamw",
            Self::Sgd(_) => "sgd",
        }
    }

    /// 32-bit values of state for each value that is trained.
    pub const fn state_values(&self) -> u64 {
        match self {
            Self::AdamW(_) => 2,
            Self::Sgd(settings) => {
                if settings.momentum == 0.0 {
                    0
                } else {
                    1
                }
            }
        }
    }
}

/// An optimizer with its state.
#[derive(Debug)]
pub enum Optimizer {
    /// AdamW.
    AdamW(AdamW),
    /// SGD.
    Sgd(Sgd),
}

impl Optimizer {
    /// For these variables, in this order.
    pub fn new(variables: Vec<Var>, settings: OptimizerSettings) -> Self {
        match settings {
            OptimizerSettings::AdamW(settings) => Self::AdamW(AdamW::new(variables, settings)),
            OptimizerSettings::Sgd(settings) => Self::Sgd(Sgd::new(variables, settings)),
        }
    }

    /// One step along `gradients`; a variable without one stays.
    pub fn step(&mut self, gradients: &Gradients) -> Result<()> {
        match self {
            Self::AdamW(optimizer) => optimizer.step(gradients),
            Self::Sgd(optimizer) => optimizer.step(gradients),
        }
    }

    /// Names of the tensors of state each variable may have.
    pub const fn kinds(&self) -> &'static [&'static str] {
        match self {
            Self::AdamW(_) => &["mean", "mean_square"],
            Self::Sgd(_) => &["direction"],
        }
    }

    fn variables(&self) -> &[Var] {
        match self {
            Self::AdamW(optimizer) => &optimizer.variables,
            Self::Sgd(optimizer) => &optimizer.variables,
        }
    }

    /// The state: number of the variable, name, tensor of its shape.
    pub fn state(&self) -> Result<Vec<(usize, &'static str, Tensor)>> {
        let kinds = self.kinds();
        let held: Vec<(usize, &'static str, &Vec<f32>)> = match self {
            Self::AdamW(optimizer) => {
                let means = optimizer.means.iter().enumerate();
                means
                    .flat_map(|(index, [first, second])| [(index, kinds[0], first), (index, kinds[1], second)])
                    .collect()
            }
            Self::Sgd(optimizer) => {
                let directions = optimizer.directions.iter().enumerate();
                directions.filter_map(|(index, held)| Some((index, kinds[0], held.as_ref()?))).collect()
            }
        };
        let tensor = |(index, kind, values): (usize, &'static str, &Vec<f32>)| {
            let shape = self.variables()[index].shape().clone();
            Ok((index, kind, Tensor::from_vec(values.clone(), shape, &Device::Cpu)?))
        };
        held.into_iter().map(tensor).collect()
    }

    /// Steps taken, where they matter.
    pub const fn steps(&self) -> i32 {
        match self {
            Self::AdamW(optimizer) => optimizer.steps,
            Self::Sgd(_) => 0,
        }
    }

    /// Takes over a state; without one a variable begins anew.
    ///
    /// # Errors
    /// A tensor does not fit its variable: nothing was taken over.
    pub fn restore(&mut self, state: &BTreeMap<(usize, &str), Tensor>, steps: i32) -> Result<()> {
        let kinds = self.kinds();
        let mut values: BTreeMap<(usize, &str), Vec<f32>> = BTreeMap::new();
        for ((index, kind), tensor) in state {
            if self.variables().get(*index).is_none_or(|variable| variable.dims() != tensor.dims()) {
                return Err(misfit(kind));
            }
            values.insert((*index, kind), tensor.flatten_all()?.to_vec1()?);
        }
        match self {
            Self::AdamW(optimizer) => {
                for (index, means) in optimizer.means.iter_mut().enumerate() {
                    for (mean, kind) in means.iter_mut().zip(kinds) {
                        match values.remove(&(index, *kind)) {
                            Some(found) => *mean = found,
                            None => mean.fill(0.0),
                        }
                    }
                }
                optimizer.steps = steps;
            }
            Self::Sgd(optimizer) => {
                for (index, direction) in optimizer.directions.iter_mut().enumerate() {
                    *direction = values.remove(&(index, kinds[0]));
                }
            }
        }
        Ok(())
    }
}
