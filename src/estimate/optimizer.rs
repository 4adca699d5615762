//! State the optimizer keeps, and what its step allocates on top for a moment.

use super::setup::Setup;
use super::trainable::{TrainedTensor, trained_tensors};
use crate::plan::{Algorithm, Implementation, Method};

/// Tensors under this many values keep FP32 state in bitsandbytes' 8-bit optimizers.
const BNB_SMALLEST_8BIT: u64 = 4096;
/// Values that share one FP32 scale of 8-bit state.
const BNB_STATE_BLOCK: u64 = 256;

/// Optimizer memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptimizerBytes {
    /// Lasting state on the device.
    pub state: u64,
    /// Lasting state in host memory (paged optimizers).
    pub paged: u64,
    /// FP32 copies of 16-bit weights, part of `state`.
    pub master: u64,
    /// Most that one step allocates on top.
    pub step: u64,
    /// What gradient clipping allocates before the step.
    pub clipping: u64,
}

/// Values of state per parameter that the textbook counts: 0, 1 or 2.
pub const fn textbook_values(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Sgd => 0,
        Algorithm::SgdMomentum
        | Algorithm::Lion
        | Algorithm::Lion8bit
        | Algorithm::Muon
        | Algorithm::Adagrad
        | Algorithm::RmsProp => 1,
        Algorithm::Adam
        | Algorithm::AdamW
        | Algorithm::AdamW8bit
        | Algorithm::PagedAdamW
        | Algorithm::PagedAdamW8bit
        | Algorithm::Adafactor => 2,
    }
}

/// Optimizer memory of the plan.
pub fn optimizer(setup: &Setup<'_>) -> OptimizerBytes {
    let algorithm = setup.plan.optimizer.algorithm;
    let implementation = setup.plan.optimizer.implementation;
    let mut sum = OptimizerBytes::default();
    let mut moment = 0_u64;
    let mut largest = 0_u64;
    trained_tensors(setup, &mut |tensor| {
        let master = if setup.plan.precision.fp32_master_weights && tensor.width < 4 {
            tensor.values().saturating_mul(4)
        } else {
            0
        };
        let width = if master > 0 { 4 } else { tensor.width };
        let state = state_bytes(setup, &tensor, algorithm, width).saturating_mul(tensor.copies);
        if matches!(algorithm, Algorithm::PagedAdamW | Algorithm::PagedAdamW8bit) {
            sum.paged = sum.paged.saturating_add(state);
        } else {
            sum.state = sum.state.saturating_add(state);
        }
        sum.master = sum.master.saturating_add(master);
        moment = moment.saturating_add(tensor.values().saturating_mul(width));
        largest = largest.max(step_of_one(&tensor, algorithm, width));
    });
    sum.state = sum.state.saturating_add(sum.master);
    let adam = matches!(algorithm, Algorithm::Adam | Algorithm::AdamW);
    sum.step = match implementation {
        // The square root of the second moment exists for all tensors at once.
        Implementation::Foreach if adam || matches!(algorithm, Algorithm::Adagrad | Algorithm::RmsProp) => moment,
        Implementation::Fused if adam || matches!(algorithm, Algorithm::Sgd | Algorithm::SgdMomentum) => 0,
        _ => largest,
    };
    sum
}

/// Lasting state of one copy of a tensor, without an FP32 copy of the weight; `width`: bytes of a value of state.
pub fn state_bytes(setup: &Setup<'_>, tensor: &TrainedTensor, algorithm: Algorithm, width: u64) -> u64 {
    let values = galore_values(setup, tensor);
    let plain = |count: u64| values.saturating_mul(width).saturating_mul(count);
    let eight_bit = |count: u64| {
        if values < BNB_SMALLEST_8BIT || tensor.embedding {
            values.saturating_mul(4).saturating_mul(count)
        } else {
            values.saturating_add(values.div_ceil(BNB_STATE_BLOCK).saturating_mul(4)).saturating_mul(count)
        }
    };
    let projector = galore_projector(setup, tensor, width);
    let state = match algorithm {
        Algorithm::Sgd => 0,
        Algorithm::Adagrad => plain(1).saturating_add(4),
        // A step counter of 4 bytes goes with the two moments.
        Algorithm::Adam | Algorithm::AdamW => plain(2).saturating_add(4),
        // Paged state of 32 bits is FP32 whatever the weights are.
        Algorithm::PagedAdamW => values.saturating_mul(8),
        Algorithm::AdamW8bit | Algorithm::PagedAdamW8bit => eight_bit(2),
        Algorithm::Lion8bit => eight_bit(1),
        // transformers' Adafactor keeps its factors in FP32: one value per row and column of a matrix.
        Algorithm::Adafactor if tensor.columns > 1 => tensor.rows.saturating_add(tensor.columns).saturating_mul(4),
        Algorithm::Adafactor => values.saturating_mul(4),
        // Momentum for matrices of the layers; AdamW for tables, head and vectors.
        Algorithm::Muon if tensor.columns <= 1 || tensor.embedding => plain(2),
        Algorithm::SgdMomentum | Algorithm::Lion | Algorithm::RmsProp | Algorithm::Muon => plain(1),
    };
    state.saturating_add(projector)
}

/// Values the optimizer sees of one tensor: all, or its projection (GaLore).
fn galore_values(setup: &Setup<'_>, tensor: &TrainedTensor) -> u64 {
    match setup.plan.method.method {
        Method::Galore { rank } if projected(tensor, rank) => tensor.rows.max(tensor.columns).saturating_mul(rank),
        _ => tensor.values_each(),
    }
}

fn galore_projector(setup: &Setup<'_>, tensor: &TrainedTensor, width: u64) -> u64 {
    match setup.plan.method.method {
        Method::Galore { rank } if projected(tensor, rank) => {
            tensor.rows.min(tensor.columns).saturating_mul(rank).saturating_mul(width)
        }
        _ => 0,
    }
}

const fn projected(tensor: &TrainedTensor, rank: u64) -> bool {
    !tensor.embedding && tensor.rows > rank && tensor.columns > rank
}

/// What the update of one tensor allocates, where tensors are updated one after another.
const fn step_of_one(tensor: &TrainedTensor, algorithm: Algorithm, width: u64) -> u64 {
    let values = tensor.values_each();
    match algorithm {
        Algorithm::Sgd
        | Algorithm::SgdMomentum
        | Algorithm::AdamW8bit
        | Algorithm::PagedAdamW
        | Algorithm::PagedAdamW8bit
        | Algorithm::Lion8bit => 0,
        // Square root of the second moment and its quotient.
        Algorithm::Adam | Algorithm::AdamW | Algorithm::Adagrad | Algorithm::RmsProp | Algorithm::Lion => {
            values.saturating_mul(width).saturating_mul(2)
        }
        // Update and its negative in FP32; gradient and weight too where they are not FP32 already.
        Algorithm::Adafactor => values.saturating_mul(if width < 4 { 16 } else { 8 }),
        // Momentum, its 16-bit copy and two products of the Newton–Schulz iteration.
        Algorithm::Muon => values.saturating_mul(8),
    }
}
