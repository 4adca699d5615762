//! What data-parallel devices keep of the weights, the gradients and the optimizer state, tensor by tensor.

use super::layout::Layout;
use crate::estimate::setup::Setup;
use crate::estimate::shape::{BaseTensor, Part, layer_tensors, outer_tensors};
use crate::estimate::storage::tensor_bytes;
use crate::estimate::trainable::{adapter_tensors, totals, trained_tensors};
use crate::plan::Strategy;

/// Parameters up to this many values stay whole on every device (DeepSpeed's `stage3_param_persistence_threshold`).
const ZERO_PERSISTENT: u64 = 100_000;

/// `part / whole` of a whole number, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    part: u64,
    whole: u64,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { part: 1, whole: 1 };

    /// `part / whole`.
    pub const fn new(part: u64, whole: u64) -> Self {
        Self { part, whole }
    }

    /// Part and whole; `None` where it is all.
    pub const fn parts(self) -> Option<(u64, u64)> {
        if self.whole == 0 || self.part == self.whole { None } else { Some((self.part, self.whole)) }
    }

    /// This share of `bytes`.
    pub fn of(self, bytes: u64) -> u64 {
        if self.whole == 0 {
            return bytes;
        }
        let exact = (u128::from(bytes) * u128::from(self.part)).div_ceil(u128::from(self.whole));
        u64::try_from(exact).unwrap_or(u64::MAX)
    }
}

/// Bytes of the units that are gathered, and of their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Weights of the largest layer, as computed with.
    pub layer: u64,
    /// Weights outside the layers.
    pub root: u64,
    /// Gradients of the layer with the most trained weights.
    pub layer_gradients: u64,
    /// Gradients outside the layers.
    pub root_gradients: u64,
    /// Weights of all units.
    pub all: u64,
    /// Values of all units.
    pub values: u64,
}

/// Bytes of the base model's weights that a device keeps when `shard` devices share one copy.
///
/// FSDP pads each flat parameter to a multiple of the devices, FSDP2 each tensor to whole rows per device, ZeRO-3
/// each tensor to whole values and keeps small ones everywhere. Routed experts are shared by as many fewer devices as
/// experts are spread over already.
pub fn weights(stored: &Setup<'_>, layout: &Layout) -> u64 {
    let architecture = stored.architecture;
    let mut sum = 0_u64;
    for group in &architecture.layers {
        let mut unit = Unit::default();
        layer_tensors(&group.layer, architecture.hidden_size, &architecture.model_code, |tensor| {
            unit.add(stored, layout, tensor);
        });
        sum = sum.saturating_add(unit.share(layout).saturating_mul(group.count));
    }
    let mut root = Unit::default();
    outer_tensors(architecture, stored.ends, |tensor| root.add(stored, layout, tensor));
    sum.saturating_add(root.share(layout))
}

/// One unit that is cut together.
#[derive(Default)]
struct Unit {
    flat: u64,
    flat_experts: u64,
    apart: u64,
}

impl Unit {
    fn add(&mut self, stored: &Setup<'_>, layout: &Layout, tensor: BaseTensor) {
        let bytes = tensor_bytes(stored, tensor).values;
        let values = tensor.rows.saturating_mul(tensor.columns);
        let experts = tensor.part == Part::Experts;
        let n = sharers(layout, experts);
        match layout.strategy {
            Strategy::Fsdp | Strategy::HybridShard if experts => {
                self.flat_experts = self.flat_experts.saturating_add(bytes.saturating_mul(tensor.copies));
            }
            Strategy::Fsdp | Strategy::HybridShard => {
                self.flat = self.flat.saturating_add(bytes.saturating_mul(tensor.copies));
            }
            _ => {
                let each = match layout.strategy {
                    Strategy::Fsdp2 if !experts => by_rows(bytes, tensor.rows, n),
                    Strategy::Zero3 if values <= ZERO_PERSISTENT => bytes,
                    _ => bytes.div_ceil(n),
                };
                self.apart = self.apart.saturating_add(each.saturating_mul(tensor.copies));
            }
        }
    }

    fn share(&self, layout: &Layout) -> u64 {
        self.flat
            .div_ceil(sharers(layout, false))
            .saturating_add(self.flat_experts.div_ceil(sharers(layout, true)))
            .saturating_add(self.apart)
    }
}

/// Devices that share one copy of dense weights or of experts.
const fn sharers(layout: &Layout, experts: bool) -> u64 {
    if experts { at_least_one(layout.shard / at_least_one(layout.expert)) } else { at_least_one(layout.shard) }
}

const fn at_least_one(n: u64) -> u64 {
    if n == 0 { 1 } else { n }
}

/// The first device's rows: as many as ⌈rows / n⌉.
fn by_rows(bytes: u64, rows: u64, n: u64) -> u64 {
    Share { part: rows.div_ceil(n), whole: rows }.of(bytes)
}

/// The share of trained values whose state a device keeps.
pub fn trained(stored: &Setup<'_>, layout: &Layout) -> Share {
    let (mut whole, mut part) = (0_u64, 0_u64);
    let n = sharers(layout, false);
    let by_rows = matches!(layout.strategy, Strategy::Fsdp2);
    trained_tensors(stored, &mut |tensor| {
        whole = whole.saturating_add(tensor.values());
        let each = if by_rows {
            tensor.rows.div_ceil(n).saturating_mul(tensor.columns)
        } else {
            tensor.values_each().div_ceil(n)
        };
        part = part.saturating_add(each.saturating_mul(tensor.copies));
    });
    if layout.expert > 1 && stored.trained.layers > 0 {
        // Experts are cut among fewer devices: what they share more of than the rest.
        let experts = expert_values(stored);
        part = part.saturating_add(experts.div_ceil(sharers(layout, true))).saturating_sub(experts.div_ceil(n));
    }
    Share { part: part.min(whole), whole }
}

fn expert_values(setup: &Setup<'_>) -> u64 {
    let architecture = setup.architecture;
    let mut sum = 0_u64;
    for group in &architecture.layers {
        layer_tensors(&group.layer, architecture.hidden_size, &architecture.model_code, |tensor| {
            if tensor.part == Part::Experts {
                let values = tensor.rows.saturating_mul(tensor.columns).saturating_mul(tensor.copies);
                sum = sum.saturating_add(values.saturating_mul(group.count));
            }
        });
    }
    sum
}

/// Units of the model as they are computed with.
pub fn units(compute: &Setup<'_>) -> Units {
    let architecture = compute.architecture;
    let mut units = Units::default();
    let mut layer_gradients_all = 0_u64;
    for group in &architecture.layers {
        let (mut bytes, mut values, mut gradients) = (0_u64, 0_u64, 0_u64);
        layer_tensors(&group.layer, architecture.hidden_size, &architecture.model_code, |tensor| {
            let count = tensor.rows.saturating_mul(tensor.columns).saturating_mul(tensor.copies);
            bytes = bytes.saturating_add(tensor_bytes(compute, tensor).values.saturating_mul(tensor.copies));
            values = values.saturating_add(count);
            if compute.trained.layers > 0 {
                gradients = gradients.saturating_add(count.saturating_mul(compute.width));
            }
        });
        adapter_tensors(compute, &group.layer, |tensor| {
            bytes = bytes.saturating_add(tensor.bytes());
            values = values.saturating_add(tensor.values());
            gradients = gradients.saturating_add(tensor.bytes());
        });
        units.layer = units.layer.max(bytes);
        units.layer_gradients = units.layer_gradients.max(gradients);
        units.all = units.all.saturating_add(bytes.saturating_mul(group.count));
        units.values = units.values.saturating_add(values.saturating_mul(group.count));
        layer_gradients_all = layer_gradients_all.saturating_add(gradients.saturating_mul(group.count));
    }
    outer_tensors(architecture, compute.ends, |tensor| {
        let count = tensor.rows.saturating_mul(tensor.columns).saturating_mul(tensor.copies);
        units.root = units.root.saturating_add(tensor_bytes(compute, tensor).values.saturating_mul(tensor.copies));
        units.values = units.values.saturating_add(count);
    });
    units.all = units.all.saturating_add(units.root);
    if compute.training {
        units.root_gradients = totals(compute).bytes.saturating_sub(layer_gradients_all);
    }
    units
}
