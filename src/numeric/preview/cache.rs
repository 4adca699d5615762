//! Keys and values of the tokens so far, so that generation runs each token once.

use super::Result;
use candle_core::Tensor;
use std::cell::RefCell;

/// Of one sequence, for each layer.
#[derive(Debug)]
pub struct Cache {
    layers: RefCell<Vec<Option<[Tensor; 2]>>>,
}

impl Cache {
    /// Empty, for a model of so many layers.
    pub fn new(layers: usize) -> Self {
        Self { layers: RefCell::new(vec![None; layers]) }
    }

    /// Tokens a layer has.
    pub fn tokens(&self, layer: usize) -> usize {
        let layers = self.layers.borrow();
        layers.get(layer).and_then(Option::as_ref).map_or(0, |[keys, _]| keys.dims().first().copied().unwrap_or(0))
    }

    /// Adds keys and values of the next tokens; gives those of all.
    pub fn extended(&self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let mut layers = self.layers.borrow_mut();
        let all = match layers.get(layer).and_then(Option::as_ref) {
            Some([before_k, before_v]) => [Tensor::cat(&[before_k, keys], 0)?, Tensor::cat(&[before_v, values], 0)?],
            None => [keys.clone(), values.clone()],
        };
        let all = all.map(|tensor| tensor.detach());
        if let Some(held) = layers.get_mut(layer) {
            *held = Some(all.clone());
        }
        let [keys, values] = all;
        Ok((keys, values))
    }
}
