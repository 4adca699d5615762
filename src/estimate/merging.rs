//! Merging models: what comes out, how large it is, and what merging itself needs.
//!
//! Linear averages (Wortsman et al. 2022), task arithmetic (Ilharco et al. 2022), TIES (Yadav et al. 2023), DARE (Yu et
//! al. 2023) and SLERP leave the shape as it is. Stacking layers makes a deeper model (depth up-scaling, Kim et al. 2023:
//! `SOLAR` takes a 32-layer model twice and drops 8 layers at the seam of each). Concatenated adapters add up their ranks.

use super::Inputs;
use super::setup::Setup;
use super::shape::{BaseTensor, Ends, layer_tensors, outer_tensors};
use super::{serving, trainable};
use crate::architecture::Architecture;
use crate::plan::{Plan, Workload};
use crate::units::Bytes;

/// A way to merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergeMethod {
    /// Weighted average of the weights.
    Linear,
    /// Sum of differences to the base.
    TaskArithmetic,
    /// The same, trimmed and with signs elected.
    Ties,
    /// The same with differences dropped at random and the rest scaled up.
    Dare,
    /// Average on the sphere, of two.
    Slerp,
    /// Layers of several copies, one after the other.
    Stacking,
    /// Adapters side by side: ranks add up.
    AdapterConcatenation,
}

impl MergeMethod {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Linear,
        Self::TaskArithmetic,
        Self::Ties,
        Self::Dare,
        Self::Slerp,
        Self::Stacking,
        Self::AdapterConcatenation,
    ];

    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::TaskArithmetic => "task_arithmetic",
            Self::Ties => "ties",
            Self::Dare => "dare",
            Self::Slerp => "slerp",
            Self::Stacking => "stacking",
            Self::AdapterConcatenation => "adapter_concatenation",
        }
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Linear => "Linear average",
            Self::TaskArithmetic => "Task arithmetic",
            Self::Ties => "TIES",
            Self::Dare => "DARE",
            Self::Slerp => "SLERP",
            Self::Stacking => "Layer stacking",
            Self::AdapterConcatenation => "Adapter concatenation",
        }
    }

    /// What it does, in a sentence.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Linear => "Weighted average of the models' weights.",
            Self::TaskArithmetic => "Adds up what each model learnt beyond the base.",
            Self::Ties => "Keeps the largest changes only and settles their signs before adding up.",
            Self::Dare => "Drops most changes at random and scales up the rest before adding up.",
            Self::Slerp => "Walks on the sphere from one model to another; takes exactly two.",
            Self::Stacking => {
                "Puts layers of two copies after one another, a quarter of each dropped at the seam; needs training afterwards."
            }
            Self::AdapterConcatenation => {
                "Puts adapters of one base side by side; the ranks add up, so little is saved."
            }
        }
    }

    /// Models that go in, of `wanted`.
    pub const fn inputs(self, wanted: u64) -> u64 {
        match self {
            Self::Slerp | Self::Stacking => 2,
            _ => wanted,
        }
    }

    /// Whether the base model is read too.
    pub const fn needs_base(self) -> bool {
        matches!(self, Self::TaskArithmetic | Self::Ties | Self::Dare)
    }
}

/// Size and needs of one merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// How.
    pub method: MergeMethod,
    /// Models or adapters that go in, without the base.
    pub inputs: u64,
    /// Parameters of the result.
    pub result_values: u64,
    /// Bytes of the result in 16 bits, or in the adapter's format.
    pub result: Bytes,
    /// Bytes read from disk.
    pub read: Bytes,
    /// Memory if everything is loaded whole.
    pub memory_whole: Bytes,
    /// Memory tensor by tensor: all inputs' copies of the largest one and the result.
    pub memory_lazy: Bytes,
}

/// Bytes of a value while models are merged: as checkpoints are published.
const WIDTH: u64 = 2;

/// What merging `models` fine-tuned copies of the plan's model comes to. Adapter concatenation only where the plan has
/// adapters.
pub fn merges(inputs: &Inputs<'_>, models: u64) -> Vec<Merge> {
    let architecture = inputs.architecture.as_ref();
    let total = architecture.parameters().total;
    let largest = largest_tensor(architecture);
    let mut out = Vec::new();
    for method in MergeMethod::ALL {
        let going_in = method.inputs(models.max(2));
        if method == MergeMethod::AdapterConcatenation {
            out.extend(adapters(inputs, going_in));
            continue;
        }
        let result =
            if method == MergeMethod::Stacking { stacked(architecture, architecture.num_layers() / 4) } else { total };
        // A layer of the stack comes from one copy; the copies are one checkpoint.
        let read = if method == MergeMethod::Stacking { 1 } else { going_in + u64::from(method.needs_base()) };
        let bytes = |values: u64| Bytes(values.saturating_mul(WIDTH));
        out.push(Merge {
            method,
            inputs: going_in,
            result_values: result,
            result: bytes(result),
            read: bytes(total.saturating_mul(read)),
            memory_whole: bytes(total.saturating_mul(read).saturating_add(result)),
            memory_lazy: bytes(largest.saturating_mul(read + 1)),
        });
    }
    out
}

/// Parameters of a model made of two copies of `architecture`, each without `dropped` layers at the seam.
///
/// Exact where all layers are alike; a model of several kinds keeps their proportion.
pub fn stacked(architecture: &Architecture, dropped: u64) -> u64 {
    let layers = architecture.num_layers();
    let in_layers: u64 = architecture
        .layers
        .iter()
        .map(|group| group.layer.params(architecture.hidden_size).saturating_mul(group.count))
        .fold(0, u64::saturating_add);
    let outside = architecture.parameters().total.saturating_sub(in_layers);
    let kept = layers.saturating_sub(dropped).saturating_mul(2);
    let stack = u128::from(in_layers) * u128::from(kept) / u128::from(layers.max(1));
    outside.saturating_add(u64::try_from(stack).unwrap_or(u64::MAX))
}

/// Values of the largest tensor.
fn largest_tensor(architecture: &Architecture) -> u64 {
    let mut largest = 0;
    let mut visit = |tensor: BaseTensor| largest = tensor.rows.saturating_mul(tensor.columns).max(largest);
    for group in &architecture.layers {
        layer_tensors(&group.layer, architecture.hidden_size, &architecture.model_code, &mut visit);
    }
    outer_tensors(architecture, Ends::WHOLE, &mut visit);
    largest
}

/// Adapters of the plan's rank side by side.
fn adapters(inputs: &Inputs<'_>, count: u64) -> Option<Merge> {
    if inputs.plan.method.method.lora().is_none() || !serving::has_adapters(&inputs.plan.method.method) {
        return None;
    }
    let plan = Plan { workload: Workload::Training, ..inputs.plan.clone() };
    let inputs = Inputs { plan: &plan, ..inputs.clone() };
    let setup = Setup::new(&inputs);
    let one = trainable::totals(&setup);
    let bytes = one.added_bytes.saturating_mul(count);
    Some(Merge {
        method: MergeMethod::AdapterConcatenation,
        inputs: count,
        result_values: one.added_values.saturating_mul(count),
        result: Bytes(bytes),
        read: Bytes(bytes),
        memory_whole: Bytes(bytes.saturating_mul(2)),
        memory_lazy: Bytes(bytes.saturating_mul(2)),
    })
}
