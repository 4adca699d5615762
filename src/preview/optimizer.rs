//! The optimizers a run can use, behind one type.

use super::Result;
use super::adamw::{AdamW, AdamWSettings};
use super::gradients::Gradients;
use super::sgd::{Sgd, SgdSettings};
use candle_core::Var;

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
    pub fn new(variables: Vec<Var>, settings: OptimizerSettings) -> Result<Self> {
        Ok(match settings {
            OptimizerSettings::AdamW(settings) => Self::AdamW(AdamW::new(variables, settings)?),
            OptimizerSettings::Sgd(settings) => Self::Sgd(Sgd::new(variables, settings)),
        })
    }

    /// One step along `gradients`; a variable without one stays.
    pub fn step(&mut self, gradients: &Gradients) -> Result<()> {
        match self {
            Self::AdamW(optimizer) => optimizer.step(gradients),
            Self::Sgd(optimizer) => optimizer.step(gradients),
        }
    }
}
