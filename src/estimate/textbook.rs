//! The textbook's rules, shown beside the estimate so that one sees what they leave out.
//!
//! Inference: N · M · 1.2. Training: weights, one gradient and 0, 1 or 2 optimizer values per trained parameter, all of
//! M bytes. No activations, logits or temporaries.

use super::Inputs;
use super::optimizer::textbook_values;
use super::setup::Setup;
use crate::units::Bytes;

/// The rule's figure for `total` parameters of which `trained` are trained.
pub fn bytes(setup: &Setup<'_>, inputs: &Inputs<'_>, total: u64, trained: u64) -> Bytes {
    let weights = weights(inputs, total);
    if setup.training {
        let values = textbook_values(setup.plan.optimizer.algorithm);
        Bytes(weights.saturating_add(training_values(trained, values, trained_width(setup))))
    } else {
        Bytes(inference(weights))
    }
}

/// N · M with M from the load format.
pub fn weights(inputs: &Inputs<'_>, total: u64) -> u64 {
    (total as f64 * inputs.load_format.element_bits / 8.0) as u64
}

/// Bytes of a value the rule takes for gradients and optimizer: that of the weights, 16 bits under quantization.
pub const fn trained_width(setup: &Setup<'_>) -> u64 {
    setup.storage.unquantized_width()
}

/// The inference rule: a fifth on top of the weights for activations and the cache.
pub const fn inference(weights: u64) -> u64 {
    weights.saturating_add(weights / 5)
}

/// Gradients and optimizer values of the training rule.
pub const fn training_values(trained: u64, optimizer_values: u64, width: u64) -> u64 {
    trained.saturating_mul(1 + optimizer_values).saturating_mul(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_textbook_examples_come_out_to_the_digit() {
        // 13 B parameters in 2 bytes: 26 GB, 31.2 GB with a fifth on top.
        assert_eq!(inference(13_000_000_000 * 2), 31_200_000_000);
        // All trained with Adam at 2 bytes: 78 GB of gradients and states; 1 B of them: 6 GB.
        assert_eq!(training_values(13_000_000_000, 2, 2), 78_000_000_000);
        assert_eq!(training_values(1_000_000_000, 2, 2), 6_000_000_000);
    }
}
