//! Serving: what the cache holds, how far batch and context go, and adapters kept apart against merged.

use super::adapter::Adapter;
use super::inference::layer_cache;
use super::setup::Setup;
use super::storage;
use super::time::efficiency::Efficiency;
use super::time::links::host_gb_s;
use super::{Detail, Fit, Inputs, estimate, trainable};
use crate::architecture::{Attention, Layer};
use crate::plan::{Method, Plan, Workload};
use crate::units::{Bytes, grouped};

/// Which setting is stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stretch {
    /// Sequences at a time.
    Batch,
    /// Tokens of a sequence: the prompt, or the training sequence.
    Context,
}

impl Stretch {
    /// What is asked, of training or of running the model.
    pub const fn label(self, workload: Workload) -> &'static str {
        match (self, workload) {
            (Self::Batch, Workload::Training) => "Largest micro-batch of a training step that fits",
            (Self::Batch, Workload::Inference) => "Most sequences at a time that fit",
            (Self::Context, Workload::Training) => "Longest training sequence that fits",
            (Self::Context, Workload::Inference) => "Longest prompt that fits",
        }
    }

    /// One and several of what is counted.
    const fn units(self) -> [&'static str; 2] {
        match self {
            Self::Batch => ["sequence", "sequences"],
            Self::Context => ["token", "tokens"],
        }
    }
}

/// How far a setting goes until the whole process no longer fits, as [`Fit`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Largest {
    /// No device is chosen.
    NoDevice,
    /// Not even 1 fits.
    Nothing,
    /// Not even 1 fits at the upper end of the band; up to here it is tight.
    Tight(u64),
    /// Up to here.
    Fits(u64),
    /// The setting's own limit is reached first.
    Unbounded(u64),
}

impl Largest {
    /// The number that fits, where there is one.
    pub const fn value(self) -> Option<u64> {
        match self {
            Self::Fits(value) | Self::Unbounded(value) => Some(value),
            Self::NoDevice | Self::Nothing | Self::Tight(_) => None,
        }
    }

    /// The number with its unit, or why there is none.
    pub fn words(self, stretch: Stretch) -> String {
        let [one, many] = stretch.units();
        let amount = |value| format!("{} {}", grouped(value), if value == 1 { one } else { many });
        match self {
            Self::NoDevice => "no device is chosen; pick one under Hardware".to_owned(),
            Self::Nothing => format!("none, not even 1 {one}: what does not depend on it is too much already"),
            Self::Tight(value) => format!("none; up to {} it is tight", amount(value)),
            Self::Fits(value) => amount(value),
            Self::Unbounded(value) => format!("over {}", amount(value)),
        }
    }
}

/// Most sequences that are tried, the plan's own limit.
const MOST_SEQUENCES: u64 = 1 << 20;
/// Most tokens that are tried, the plan's own limit.
const MOST_TOKENS: u64 = 1 << 24;

/// The largest batch or context that fits, all else as in the plan; exact, by bisection on the estimate.
pub fn largest(inputs: &Inputs<'_>, stretch: Stretch) -> Largest {
    let most = match stretch {
        Stretch::Batch => MOST_SEQUENCES,
        Stretch::Context => MOST_TOKENS,
    };
    let fit = |value: u64| fit_at(inputs, stretch, value);
    match fit(1) {
        Fit::NoDevice => Largest::NoDevice,
        Fit::DoesNotFit => Largest::Nothing,
        Fit::Tight | Fit::CannotSay => Largest::Tight(last_that(most, |value| fit(value).is_within())),
        Fit::Fits => match last_that(most, |value| fit(value) == Fit::Fits) {
            value if value == most => Largest::Unbounded(most),
            value => Largest::Fits(value),
        },
    }
}

/// The verdict with one setting changed.
pub fn fit_at(inputs: &Inputs<'_>, stretch: Stretch, value: u64) -> Fit {
    let mut plan = inputs.plan.clone();
    match stretch {
        Stretch::Batch => plan.batch.micro_batch = value,
        Stretch::Context => plan.batch.sequence_length = value,
    }
    let changed = Inputs { plan: &plan, ..inputs.clone() };
    estimate(&changed, Detail::Numbers).fit
}

/// The last of 1 … `most` for which `holds`, where it holds for 1 and, once it fails, for none above.
pub fn last_that(most: u64, mut holds: impl FnMut(u64) -> bool) -> u64 {
    let mut good = 1;
    let mut bad = 2;
    while bad <= most && holds(bad) {
        good = bad;
        bad = bad.saturating_mul(2);
    }
    if bad > most {
        if good == most || holds(most) {
            return most;
        }
        bad = most;
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if holds(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

/// How a kind of layer remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheKind {
    /// Keys and values of as many heads as there are queries.
    MultiHead,
    /// Keys and values of fewer heads, each shared by several query heads.
    GroupedQuery,
    /// One key and value head.
    MultiQuery,
    /// A compressed latent and one rotary key.
    Latent,
    /// A state of fixed size.
    Linear,
    /// Those of an earlier layer.
    Shared,
}

impl CacheKind {
    /// Of a layer.
    pub const fn of(layer: &Layer) -> Self {
        match &layer.attention {
            Attention::Softmax(shape) if shape.shares_kv => Self::Shared,
            Attention::Softmax(shape) if shape.kv_heads == 1 && shape.heads > 1 => Self::MultiQuery,
            Attention::Softmax(shape) if shape.kv_heads < shape.heads => Self::GroupedQuery,
            Attention::Softmax(_) => Self::MultiHead,
            Attention::Latent(_) => Self::Latent,
            Attention::Linear(_) => Self::Linear,
        }
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::MultiHead => "Multi-head",
            Self::GroupedQuery => "Grouped-query",
            Self::MultiQuery => "Multi-query",
            Self::Latent => "Latent (MLA)",
            Self::Linear => "Linear, fixed state",
            Self::Shared => "Shares an earlier layer's",
        }
    }

    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::MultiHead => "multi_head",
            Self::GroupedQuery => "grouped_query",
            Self::MultiQuery => "multi_query",
            Self::Latent => "latent",
            Self::Linear => "linear",
            Self::Shared => "shared",
        }
    }
}

/// What layers of one kind cache for one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLayers {
    /// How they remember.
    pub kind: CacheKind,
    /// How many layers.
    pub layers: u64,
    /// Tokens they keep at most.
    pub window: Option<u64>,
    /// Bytes of all these layers for one token.
    pub bytes_per_token: Bytes,
    /// Bytes of all these layers that do not grow.
    pub state: Bytes,
}

/// The key-value cache of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// By kind of layer.
    pub layers: Vec<CacheLayers>,
    /// Bytes a further token of one sequence costs while no window is full.
    pub bytes_per_token: Bytes,
    /// Bytes a further token costs once every window is full.
    pub bytes_per_token_far: Bytes,
    /// Bytes of all sequences at the end of the request (or at the training length).
    pub whole: Bytes,
    /// Tokens of a sequence that `whole` is for.
    pub tokens: u64,
}

/// The cache of the plan's model in the plan's cache format.
pub fn cache(inputs: &Inputs<'_>) -> Cache {
    // While training nothing is generated: the cache is that of a request as long as the sequence.
    let new = if inputs.plan.workload == Workload::Inference { inputs.plan.batch.new_tokens } else { 0 };
    let plan = Plan { workload: Workload::Inference, ..inputs.plan.clone() };
    let inputs = Inputs { plan: &plan, ..inputs.clone() };
    let setup = Setup::new(&inputs);
    let one = Setup { batch: 1, ..setup };
    let format = inputs.kv_format;
    let tokens = setup.sequence.saturating_add(new);
    let mut found = Cache {
        layers: Vec::new(),
        bytes_per_token: Bytes::ZERO,
        bytes_per_token_far: Bytes::ZERO,
        whole: Bytes::ZERO,
        tokens,
    };
    for group in &setup.architecture.layers {
        let of = |tokens| layer_cache(&one, format, &group.layer, tokens, false).saturating_mul(group.count);
        let (_, window) = group.layer.kv_values_per_token();
        let state = of(0);
        let layers = CacheLayers {
            kind: CacheKind::of(&group.layer),
            layers: group.count,
            window,
            bytes_per_token: Bytes(of(1).saturating_sub(state)),
            state: Bytes(state),
        };
        found.bytes_per_token += layers.bytes_per_token;
        if window.is_none() {
            found.bytes_per_token_far += layers.bytes_per_token;
        }
        found.whole += Bytes(layer_cache(&setup, format, &group.layer, tokens, true).saturating_mul(group.count));
        found.layers.push(layers);
    }
    found
}

/// Values of `models` merged models.
pub const fn merged_values(base: u64, models: u64) -> u64 {
    base.saturating_mul(models)
}

/// Values of one base model and `adapters` adapters beside it.
pub const fn separate_values(base: u64, adapter: u64, adapters: u64) -> u64 {
    base.saturating_add(adapter.saturating_mul(adapters))
}

/// Amounts for one number of adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServingPoint {
    /// Adapters, such as customers.
    pub adapters: u64,
    /// Bytes of a whole model for each.
    pub merged: Bytes,
    /// Bytes of one base and an adapter for each.
    pub separate: Bytes,
}

/// Serving a base model with adapters: merged into it, or kept apart.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterServing {
    /// Parameters of the base.
    pub base_values: u64,
    /// Values of one adapter.
    pub adapter_values: u64,
    /// Bytes of the base as the plan loads it.
    pub base_bytes: Bytes,
    /// Bytes of one merged model; of a quantized base in 16 bits, since the sum has to be rounded anew otherwise.
    pub merged_bytes: Bytes,
    /// Bytes of one adapter.
    pub adapter_bytes: Bytes,
    /// Seconds to bring another merged model to the device; `None` without a known link.
    pub merged_switch_secs: Option<f64>,
    /// Seconds to bring another adapter there.
    pub separate_switch_secs: Option<f64>,
    /// Rate that was taken, in bytes a second.
    pub load_bytes_per_sec: Option<f64>,
    /// Operations an adapter that is kept apart adds to a token, as a share of the base's.
    pub extra_operations: f64,
    /// From 1 to 1,000 adapters, and the plan's number.
    pub points: Vec<ServingPoint>,
    /// The plan's number.
    pub planned: ServingPoint,
}

/// Numbers of adapters of the plot.
const COUNTS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/// Serving of the plan's adapters; `None` where the method has none that could be kept apart.
pub fn adapters(inputs: &Inputs<'_>) -> Option<AdapterServing> {
    if !has_adapters(&inputs.plan.method.method) {
        return None;
    }
    let plan = Plan { workload: Workload::Training, ..inputs.plan.clone() };
    let inputs = Inputs { plan: &plan, ..inputs.clone() };
    let setup = Setup::new(&inputs);
    let trained = trainable::totals(&setup);
    let base = inputs.architecture.parameters();
    let stored = storage::base_weights(&setup);
    let base_bytes = stored.values.saturating_add(stored.constants);
    let merged = if setup.storage.is_quantized() { base.total.saturating_mul(2) } else { base_bytes };
    let load = load_bytes_per_sec(&inputs);
    let point = |adapters: u64| ServingPoint {
        adapters,
        merged: Bytes(merged_values(merged, adapters)),
        separate: Bytes(separate_values(base_bytes, trained.added_bytes, adapters)),
    };
    let mut counts = COUNTS.to_vec();
    counts.push(plan.run.adapters);
    counts.sort_unstable();
    counts.dedup();
    Some(AdapterServing {
        base_values: base.total,
        adapter_values: trained.added_values,
        base_bytes: Bytes(base_bytes),
        merged_bytes: Bytes(merged),
        adapter_bytes: Bytes(trained.added_bytes),
        merged_switch_secs: load.map(|rate| merged as f64 / rate),
        separate_switch_secs: load.map(|rate| trained.added_bytes as f64 / rate),
        load_bytes_per_sec: load,
        extra_operations: trained.added_values as f64 / base.active.max(1) as f64,
        points: counts.into_iter().map(point).collect(),
        planned: point(plan.run.adapters),
    })
}

/// Whether the method adds modules that can be stored apart from the base.
pub fn has_adapters(method: &Method) -> bool {
    !Adapter::of(method).is_none()
}

/// Rate at which weights reach the device: the plan's, else what its link to the host carries.
fn load_bytes_per_sec(inputs: &Inputs<'_>) -> Option<f64> {
    let table = Efficiency::embedded();
    let stated = inputs.plan.run.load_gb_s;
    let linked = || {
        let device = inputs.accelerator?;
        // Modules without a word on it sit on PCIe 4.0 or 5.0; the slower is taken.
        let rate = host_gb_s(&device.interconnect, &table.communication).or_else(|| {
            let on_board = device.interconnect.starts_with("NVLink");
            table.communication.pcie_lane_gb_s.iter().find(|(g, _)| *g == 4 && on_board).map(|(_, lane)| lane * 16.0)
        })?;
        Some(rate * table.load.share)
    };
    stated.or_else(linked).filter(|&rate| rate > 0.0).map(|rate| rate * 1e9)
}

#[cfg(test)]
mod tests {
    use super::{last_that, merged_values, separate_values};

    #[test]
    fn the_textbook_case_comes_out_to_the_digit() {
        // 4096 × 4096, rank 8, 100 customers (Huyen 2025, chapter 7).
        let (matrix, adapter) = (4096 * 4096, 8 * (4096 + 4096));
        assert_eq!(matrix, 16_777_216);
        assert_eq!(adapter, 65_536);
        assert_eq!(merged_values(matrix, 100), 1_677_721_600);
        assert_eq!(separate_values(matrix, adapter, 100), 23_330_816);
    }

    #[test]
    fn bisection_agrees_with_trying_all() {
        for most in [1_u64, 2, 3, 7, 64, 100] {
            for limit in 1..=most + 3 {
                let tried = (1..=most).filter(|&value| value <= limit).max();
                assert_eq!(Some(last_that(most, |value| value <= limit)), tried, "{most} {limit}");
            }
        }
    }
}
