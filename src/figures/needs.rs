//! The shares of a preview's memory as the components that every other memory bar has.

use crate::estimate::Component;
use crate::preview::memory::Need;

impl From<Need> for Component {
    fn from(need: Need) -> Self {
        match need {
            Need::Weights => Self::Weights,
            Need::Adapters => Self::Adapters,
            Need::Gradients => Self::Gradients,
            Need::OptimizerState => Self::OptimizerState,
            Need::Activations => Self::Activations,
            Need::Logits => Self::Logits,
            Need::Temporaries => Self::Temporaries,
            Need::Runtime => Self::Runtime,
        }
    }
}
