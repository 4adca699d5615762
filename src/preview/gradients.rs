//! Gradients of what is trained, in the order of the variables, whatever graph they came from.

use super::Result;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

/// One gradient a variable, or none where nothing reached it.
#[derive(Clone, Debug)]
pub struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    /// None yet, for `count` variables.
    pub fn none(count: usize) -> Self {
        Self(vec![None; count])
    }

    /// Those that a backward pass left for `variables`.
    pub fn of(store: &GradStore, variables: &[Var]) -> Self {
        let mut gradients = Self::none(variables.len());
        gradients.take_from(store, variables);
        gradients
    }

    /// Takes over what a backward pass left; variables it did not reach keep what they have.
    pub fn take_from(&mut self, store: &GradStore, variables: &[Var]) {
        for (mine, variable) in self.0.iter_mut().zip(variables) {
            if let Some(found) = store.get(variable) {
                *mine = Some(found.detach());
            }
        }
    }

    /// Adds `factor` times those of another pass.
    pub fn add(&mut self, other: &Self, factor: f64) -> Result<()> {
        for (mine, other) in self.0.iter_mut().zip(&other.0) {
            if let Some(other) = other {
                let scaled = (other * factor)?;
                *mine = Some(match mine.take() {
                    Some(sum) => (sum + scaled)?,
                    None => scaled,
                });
            }
        }
        Ok(())
    }

    /// The gradient of the variable at `index`.
    pub fn get(&self, index: usize) -> Option<&Tensor> {
        self.0.get(index)?.as_ref()
    }

    /// Each variable's.
    pub fn iter(&self) -> impl Iterator<Item = Option<&Tensor>> {
        self.0.iter().map(Option::as_ref)
    }
}
