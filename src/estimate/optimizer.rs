//! State the optimizer keeps, and what its step allocates on top for a moment.

use super::setup::Setup;
use super::trainable::{Place, TrainedTensor, trained_tensors};
use crate::plan::{Algorithm, Implementation, Method, StatePlace};

/// Tensors under this many values keep unquantized state, in bitsandbytes and in torchao.
const SMALLEST_QUANTIZED: u64 = 4096;
/// Values that share one FP32 scale of 8-bit state.
const BNB_STATE_BLOCK: u64 = 256;

/// Optimizer memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptimizerBytes {
    /// Lasting state on the device.
    pub state: u64,
    /// What lasts in host memory: paged state, or state with the copies that are updated there.
    pub host: u64,
    /// FP32 copies of 16-bit weights, part of `state`.
    pub master: u64,
    /// Most that one step allocates on top.
    pub step: u64,
}

/// Values of state per parameter that the textbook counts: 0, 1 or 2.
pub const fn textbook_values(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Sgd => 0,
        Algorithm::SgdMomentum
        | Algorithm::Lion
        | Algorithm::Lion8bit
        | Algorithm::Muon
        | Algorithm::AdamMini
        | Algorithm::Adagrad
        | Algorithm::RmsProp => 1,
        Algorithm::Adam
        | Algorithm::AdamW
        | Algorithm::AdamW8bit
        | Algorithm::TorchaoAdamW8bit
        | Algorithm::AdamW4bit
        | Algorithm::AdamWFp8
        | Algorithm::PagedAdamW
        | Algorithm::PagedAdamW8bit
        | Algorithm::OffloadedAdamW
        | Algorithm::OffloadedAdamWGradients
        | Algorithm::ScheduleFree
        | Algorithm::Apollo
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
        match algorithm.state_place() {
            StatePlace::Device => sum.state = sum.state.saturating_add(state),
            StatePlace::Paged => sum.host = sum.host.saturating_add(state),
            // The copies of weight and gradient that the host updates from lie there, pinned.
            StatePlace::Host => {
                sum.host = sum.host.saturating_add(state).saturating_add(tensor.bytes().saturating_mul(2));
            }
        }
        sum.master = sum.master.saturating_add(master);
        moment = moment.saturating_add(tensor.values().saturating_mul(width));
        let each = step_width(algorithm, width, setup.lion_in_fp32);
        largest = largest.max(tensor.values_each().saturating_mul(each));
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

/// Lasting state of one copy of a tensor: `moments × (values × width + 4 × scales) + extra`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Running means kept.
    pub moments: u64,
    /// Values of each, or pairs of them where two share a byte.
    pub values: u64,
    /// Bytes of a value.
    pub width: u64,
    /// FP32 scales of each, where its values are in 8 bits or fewer.
    pub scales: u64,
    /// What is kept beside them.
    pub extra: Extra,
}

/// Bytes kept beside the moments of one tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// A step counter.
    pub counter: u64,
    /// Tables of what the codes of quantized moments stand for.
    pub code_tables: u64,
    /// Second moments of heads and rows (Adam-mini).
    pub blocks: u64,
    /// The projection of gradients (GaLore, APOLLO).
    pub projector: u64,
}

impl Extra {
    /// All of it.
    pub const fn bytes(&self) -> u64 {
        self.counter.saturating_add(self.code_tables).saturating_add(self.blocks).saturating_add(self.projector)
    }
}

impl State {
    /// All of it.
    pub const fn bytes(&self) -> u64 {
        let moment = self.values.saturating_mul(self.width).saturating_add(self.scales.saturating_mul(4));
        moment.saturating_mul(self.moments).saturating_add(self.extra.bytes())
    }
}

/// How a library packs moments into few bits.
struct Packed {
    /// Values that share a scale.
    block: u64,
    /// Values in a byte.
    a_byte: u64,
    /// Bytes of the table of codes that each moment keeps.
    code_table: u64,
}

/// Lasting state of one copy of a tensor, without an FP32 copy of the weight; `width`: bytes of a value of state.
///
/// Measured with the libraries themselves on the CPU (`tests/fixtures/optimizer-state.csv`).
pub fn state_of(setup: &Setup<'_>, tensor: &TrainedTensor, algorithm: Algorithm, width: u64) -> State {
    let values = tensor.values_each();
    let plain = |moments: u64| State { moments, values, width, ..State::default() };
    let counted = |state: State| State { extra: Extra { counter: 4, ..state.extra }, ..state };
    let eight_bit = |moments: u64| {
        if values < SMALLEST_QUANTIZED || tensor.place == Place::Table {
            State { width: 4, ..plain(moments) }
        } else {
            State { width: 1, scales: values.div_ceil(BNB_STATE_BLOCK), ..plain(moments) }
        }
    };
    let torchao = |packed: &Packed| {
        if values < SMALLEST_QUANTIZED || !values.is_multiple_of(packed.block) {
            return counted(plain(2));
        }
        let extra = Extra { counter: 4, code_tables: 2 * packed.code_table, ..Extra::default() };
        State { values: values / packed.a_byte, width: 1, scales: values / packed.block, extra, ..plain(2) }
    };
    if let Some(projected) = projected(setup, tensor, algorithm, width) {
        return projected;
    }
    match algorithm {
        Algorithm::Sgd => State::default(),
        Algorithm::Adagrad => counted(plain(1)),
        // GaLore's own AdamW counts in Python.
        Algorithm::Adam | Algorithm::AdamW if !matches!(setup.plan.method.method, Method::Galore { .. }) => {
            counted(plain(2))
        }
        Algorithm::Adam | Algorithm::AdamW | Algorithm::Apollo | Algorithm::ScheduleFree => plain(2),
        Algorithm::OffloadedAdamW | Algorithm::OffloadedAdamWGradients => counted(plain(2)),
        // Paged state of 32 bits is FP32 whatever the weights are.
        Algorithm::PagedAdamW => State { width: 4, ..plain(2) },
        Algorithm::AdamW8bit | Algorithm::PagedAdamW8bit => eight_bit(2),
        Algorithm::TorchaoAdamW8bit => torchao(&Packed { block: 256, a_byte: 1, code_table: 1024 }),
        Algorithm::AdamW4bit => torchao(&Packed { block: 128, a_byte: 2, code_table: 64 }),
        Algorithm::AdamWFp8 => torchao(&Packed { block: 256, a_byte: 1, code_table: 0 }),
        Algorithm::AdamMini => {
            let extra = Extra { blocks: tensor.blocks.saturating_mul(width), ..Extra::default() };
            State { extra, ..plain(1) }
        }
        Algorithm::Lion if setup.lion_in_fp32 => State { width: 4, ..plain(1) },
        Algorithm::Lion8bit => eight_bit(1),
        // transformers' Adafactor keeps its factors in FP32: one value per row and column of a matrix.
        Algorithm::Adafactor if tensor.columns > 1 => {
            State { values: tensor.rows.saturating_add(tensor.columns), width: 4, ..plain(1) }
        }
        Algorithm::Adafactor => State { width: 4, ..plain(1) },
        // Momentum for matrices of the layers; AdamW for tables, head and vectors.
        Algorithm::Muon if !tensor.is_matrix_of_layer() => counted(plain(2)),
        Algorithm::SgdMomentum | Algorithm::Lion | Algorithm::RmsProp | Algorithm::Muon => plain(1),
    }
}

/// State of a matrix of a layer whose gradient is projected to a low rank: moments of the projection (`larger side ×
/// rank`) and the projection (`smaller side × rank`).
fn projected(setup: &Setup<'_>, tensor: &TrainedTensor, algorithm: Algorithm, width: u64) -> Option<State> {
    let (rank, norm) = match (&setup.plan.method.method, algorithm) {
        (Method::Galore { rank }, _) => (*rank, 0),
        // The norm of the last scaled gradient, which limits the next.
        (_, Algorithm::Apollo) => (setup.plan.optimizer.rank, width),
        _ => return None,
    };
    if !tensor.is_matrix_of_layer() || tensor.rows <= rank || tensor.columns <= rank {
        return None;
    }
    let values = tensor.rows.max(tensor.columns).saturating_mul(rank);
    let projector = tensor.rows.min(tensor.columns).saturating_mul(rank).saturating_mul(width).saturating_add(norm);
    let extra = Extra { projector, ..Extra::default() };
    Some(match algorithm {
        Algorithm::Sgd => State { extra, ..State::default() },
        Algorithm::AdamW8bit | Algorithm::PagedAdamW8bit if values >= SMALLEST_QUANTIZED => {
            State { moments: 2, values, width: 1, scales: values.div_ceil(BNB_STATE_BLOCK), extra }
        }
        Algorithm::SgdMomentum | Algorithm::Lion | Algorithm::RmsProp | Algorithm::Adagrad | Algorithm::Muon => {
            State { moments: 1, values, width, scales: 0, extra }
        }
        _ => State { moments: 2, values, width, scales: 0, extra },
    })
}

/// Bytes of a value of a tensor's state, and of its FP32 copy, if it has one.
pub const fn state_width(setup: &Setup<'_>, tensor: &TrainedTensor) -> (u64, u64) {
    let master = setup.plan.precision.fp32_master_weights && tensor.width < 4;
    if master { (4, 4) } else { (tensor.width, 0) }
}

/// Bytes that the update of one tensor allocates for each of its values, where tensors are updated one after another.
pub const fn step_width(algorithm: Algorithm, width: u64, lion_in_fp32: bool) -> u64 {
    match algorithm {
        // Kernels that write in place, or an update that is not on the device.
        Algorithm::Sgd
        | Algorithm::SgdMomentum
        | Algorithm::AdamW8bit
        | Algorithm::PagedAdamW
        | Algorithm::PagedAdamW8bit
        | Algorithm::OffloadedAdamW
        | Algorithm::OffloadedAdamWGradients
        | Algorithm::Lion8bit => 0,
        Algorithm::Lion if lion_in_fp32 => 0,
        // Square root of the second moment and its quotient; APOLLO's scaled gradient and its norm.
        Algorithm::Adam
        | Algorithm::AdamW
        | Algorithm::Adagrad
        | Algorithm::RmsProp
        | Algorithm::Lion
        | Algorithm::AdamMini
        | Algorithm::ScheduleFree
        | Algorithm::Apollo => width.saturating_mul(2),
        // Update and its negative in FP32; gradient and weight too where they are not FP32 already.
        Algorithm::Adafactor => {
            if width < 4 {
                16
            } else {
                8
            }
        }
        // Both moments unpacked to FP32; momentum, its 16-bit copy and two products of the Newton–Schulz iteration.
        Algorithm::TorchaoAdamW8bit | Algorithm::AdamW4bit | Algorithm::AdamWFp8 | Algorithm::Muon => 8,
    }
}

/// Whether an update makes one value for every trained one at the same time: the square roots of all second moments.
pub const fn updates_at_once(implementation: Implementation, algorithm: Algorithm) -> bool {
    match algorithm {
        // Its own loop is over many tensors.
        Algorithm::ScheduleFree => !matches!(implementation, Implementation::InBackward),
        Algorithm::Adam | Algorithm::AdamW | Algorithm::Adagrad | Algorithm::RmsProp => {
            matches!(implementation, Implementation::Foreach)
        }
        _ => false,
    }
}

/// Whether an update is one kernel that allocates nothing.
pub const fn updates_in_place(implementation: Implementation, algorithm: Algorithm) -> bool {
    matches!(implementation, Implementation::Fused)
        && matches!(algorithm, Algorithm::Adam | Algorithm::AdamW | Algorithm::Sgd | Algorithm::SgdMomentum)
}
