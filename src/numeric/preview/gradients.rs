//! Gradients of what is trained, in the order of the variables.

use super::Result;
use super::ops::elementwise;
use candle_core::Tensor;

/// One gradient a variable, or none where nothing reached it.
#[derive(Clone, Debug)]
pub struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    /// None yet, for `count` variables.
    pub fn none(count: usize) -> Self {
        Self(vec![None; count])
    }

    /// Adds to the gradient of the variable at `index`; one beyond the last is dropped.
    pub fn add_at(&mut self, index: usize, more: Tensor) -> Result<()> {
        if let Some(mine) = self.0.get_mut(index) {
            *mine = Some(match mine.take() {
                Some(sum) => elementwise::sum(&sum, &more)?,
                None => more,
            });
        }
        Ok(())
    }

    /// Adds `factor` times those of another pass.
    pub fn add(&mut self, other: &Self, factor: f64) -> Result<()> {
        for (index, other) in other.0.iter().enumerate() {
            if let Some(other) = other {
                self.add_at(index, elementwise::scaled(other, factor)?)?;
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
