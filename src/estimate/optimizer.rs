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
        let (width, copy) = state_width(setup, &tensor);
        let master = tensor.values().saturating_mul(copy);
        let state = state_of(setup, &tensor, algorithm, width).bytes().saturating_mul(tensor.copies);
        if matches!(algorithm, Algorithm::PagedAdamW | Algorithm::PagedAdamW8bit) {
            sum.paged = sum.paged.saturating_add(state);
        } else {
            sum.state = sum.state.saturating_add(state);
        }
        sum.master = sum.master.saturating_add(master);
        moment = moment.saturating_add(tensor.values().saturating_mul(width));
        largest = largest.max(tensor.values_each().saturating_mul(step_width(algorithm, width)));
    });
    sum.state = sum.state.saturating_add(sum.master);
    sum.step = if updates_at_once(implementation, algorithm) {
        moment
    } else if updates_in_place(implementation, algorithm) {
        0
    } else {
        largest
    };
    sum
}

/// Lasting state of one copy of a tensor: `moments × (values × width + 4 × scales) + counter + projector`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Running means kept.
    pub moments: u64,
    /// Values of each.
    pub values: u64,
    /// Bytes of a value.
    pub width: u64,
    /// FP32 scales of each, where its values are in 8 bits.
    pub scales: u64,
    /// Bytes of a step counter.
    pub counter: u64,
    /// Bytes of the projection that GaLore keeps.
    pub projector: u64,
}

impl State {
    /// All of it.
    pub const fn bytes(&self) -> u64 {
        let moment = self.values.saturating_mul(self.width).saturating_add(self.scales.saturating_mul(4));
        moment.saturating_mul(self.moments).saturating_add(self.counter).saturating_add(self.projector)
    }
}

/// Lasting state of one copy of a tensor, without an FP32 copy of the weight; `width`: bytes of a value of state.
pub fn state_of(setup: &Setup<'_>, tensor: &TrainedTensor, algorithm: Algorithm, width: u64) -> State {
    let values = galore_values(setup, tensor);
    let plain = |moments: u64| State { moments, values, width, ..State::default() };
    let eight_bit = |moments: u64| {
        if values < BNB_SMALLEST_8BIT || tensor.embedding {
            State { width: 4, ..plain(moments) }
        } else {
            State { width: 1, scales: values.div_ceil(BNB_STATE_BLOCK), ..plain(moments) }
        }
    };
    let state = match algorithm {
        Algorithm::Sgd => State::default(),
        Algorithm::Adagrad => State { counter: 4, ..plain(1) },
        // A step counter of 4 bytes goes with the two moments.
        Algorithm::Adam | Algorithm::AdamW => State { counter: 4, ..plain(2) },
        // Paged state of 32 bits is FP32 whatever the weights are.
        Algorithm::PagedAdamW => State { width: 4, ..plain(2) },
        Algorithm::AdamW8bit | Algorithm::PagedAdamW8bit => eight_bit(2),
        Algorithm::Lion8bit => eight_bit(1),
        // transformers' Adafactor keeps its factors in FP32: one value per row and column of a matrix.
        Algorithm::Adafactor if tensor.columns > 1 => {
            State { values: tensor.rows.saturating_add(tensor.columns), width: 4, ..plain(1) }
        }
        Algorithm::Adafactor => State { width: 4, ..plain(1) },
        // Momentum for matrices of the layers; AdamW for tables, head and vectors.
        Algorithm::Muon if tensor.columns <= 1 || tensor.embedding => plain(2),
        Algorithm::SgdMomentum | Algorithm::Lion | Algorithm::RmsProp | Algorithm::Muon => plain(1),
    };
    State { projector: galore_projector(setup, tensor, width), ..state }
}

/// Bytes of a value of a tensor's state, and of its FP32 copy, if it has one.
pub const fn state_width(setup: &Setup<'_>, tensor: &TrainedTensor) -> (u64, u64) {
    let master = setup.plan.precision.fp32_master_weights && tensor.width < 4;
    if master { (4, 4) } else { (tensor.width, 0) }
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

/// Bytes that the update of one tensor allocates for each of its values, where tensors are updated one after another.
pub const fn step_width(algorithm: Algorithm, width: u64) -> u64 {
    match algorithm {
        Algorithm::Sgd
        | Algorithm::SgdMomentum
        | Algorithm::AdamW8bit
        | Algorithm::PagedAdamW
        | Algorithm::PagedAdamW8bit
        | Algorithm::Lion8bit => 0,
        // Square root of the second moment and its quotient.
        Algorithm::Adam | Algorithm::AdamW | Algorithm::Adagrad | Algorithm::RmsProp | Algorithm::Lion => {
            width.saturating_mul(2)
        }
        // Update and its negative in FP32; gradient and weight too where they are not FP32 already.
        Algorithm::Adafactor => {
            if width < 4 {
                16
            } else {
                8
            }
        }
        // Momentum, its 16-bit copy and two products of the Newton–Schulz iteration.
        Algorithm::Muon => 8,
    }
}

/// Whether an update makes one value for every trained one at the same time: the square roots of all second moments.
pub const fn updates_at_once(implementation: Implementation, algorithm: Algorithm) -> bool {
    matches!(implementation, Implementation::Foreach)
        && matches!(algorithm, Algorithm::Adam | Algorithm::AdamW | Algorithm::Adagrad | Algorithm::RmsProp)
}

/// Whether an update is one kernel that allocates nothing.
pub const fn updates_in_place(implementation: Implementation, algorithm: Algorithm) -> bool {
    matches!(implementation, Implementation::Fused)
        && matches!(algorithm, Algorithm::Adam | Algorithm::AdamW | Algorithm::Sgd | Algorithm::SgdMomentum)
}
