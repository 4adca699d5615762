//! Memory of a run in this program: predicted from its shape, and measured.

use super::config::{LlamaConfig, Part};
use super::lora::Init;
use super::ops::loss_rows;
use super::run::RunSettings;
use crate::estimate::Component;

/// Bytes a training step needs, by what needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Predicted {
    /// Frozen weights as they are held.
    pub base_bytes: u64,
    /// Adapters.
    pub adapter_bytes: u64,
    /// Gradients of the adapters.
    pub gradient_bytes: u64,
    /// Optimizer's state.
    pub optimizer_bytes: u64,
    /// What is kept between forward and backward.
    pub activation_bytes: u64,
    /// Logits of the tokens that are looked at together, their slopes, and the slope of the hidden states.
    pub loss_bytes: u64,
    /// What backward holds at one time, and the widest map unpacked.
    pub working_bytes: u64,
}

/// One share of the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// What it is.
    pub component: Component,
    /// How much.
    pub bytes: u64,
    /// How it is reckoned.
    pub formula: &'static str,
}

impl Predicted {
    /// All together.
    pub fn total_bytes(&self) -> u64 {
        self.shares().iter().fold(0, |sum, share| sum.saturating_add(share.bytes))
    }

    /// Share by share, in the order of the bar.
    pub fn shares(&self) -> [Share; 7] {
        let share = |component, bytes, formula| Share { component, bytes, formula };
        [
            share(
                Component::Weights,
                self.base_bytes,
                "linear layers in the run's format with its constants, token table and head in FP32",
            ),
            share(
                Component::Adapters,
                self.adapter_bytes,
                "4 bytes × trained values; twice where PiSSA or LoftQ keep their start",
            ),
            share(
                Component::Gradients,
                self.gradient_bytes,
                "4 bytes × trained values; twice with accumulation, for the sum beside those of a batch",
            ),
            share(Component::OptimizerState, self.optimizer_bytes, "4 bytes × trained values × states (AdamW 2)"),
            share(
                Component::Activations,
                self.activation_bytes,
                "4 bytes × tokens × layers × values kept: 6 of the hidden width, 3 of queries and of keys, 3 of the MLP, and \
                 twice outputs and rank for each adapter; one layer and the inputs of the others with checkpointing",
            ),
            share(
                Component::Logits,
                self.loss_bytes,
                "logits and their slopes of the tokens looked at together (4 Mi values at most), and the slope of the hidden \
                 states",
            ),
            share(
                Component::Temporaries,
                self.working_bytes,
                "slopes at work in one layer, and the widest linear layer unpacked for its product",
            ),
        ]
    }
}

/// Of a run whose batches have up to `tokens` tokens, padding included.
pub fn predict(config: &LlamaConfig, settings: &RunSettings, tokens: usize) -> Predicted {
    let tokens = tokens as u64;
    let layers = config.num_hidden_layers as u64;
    let (vocabulary, hidden) = (config.vocab_size as u64, config.hidden_size as u64);
    let trained = 4 * trained_values(config, settings);
    let kept = kept_values(config, settings);
    let per_token = if settings.recompute { layers * hidden + kept } else { layers * kept };
    let rows = (loss_rows(config.vocab_size) as u64).min(tokens);
    let maps = || Part::ALL.into_iter().map(|part| config.shape_of(part));
    let held = maps().fold(0, |sum: u64, (out, inner)| {
        sum.saturating_add(settings.base.held_bytes_of(out as u64, inner as u64).saturating_mul(layers))
    });
    let tables = if config.tie_word_embeddings { 1 } else { 2 };
    let widest = maps().map(|(out, inner)| (out * inner) as u64).max().unwrap_or(0);
    let unpacked = if settings.base.is_packed() { widest } else { 0 };
    // The change of the widest map, the sum with it and its squares (DoRA).
    let dora = if settings.lora.dora { 3 * widest } else { 0 };
    // Slopes of gate, up and their product, and of the residual stream before and after.
    let backward = tokens * (3 * config.intermediate_size as u64 + 2 * hidden);
    Predicted {
        base_bytes: held + tables * 4 * vocabulary * hidden,
        // PiSSA and LoftQ keep their start, to tell what was learned.
        adapter_bytes: trained * if settings.lora.init == Init::Kaiming { 1 } else { 2 },
        // With accumulation there is the sum besides those of a batch.
        gradient_bytes: trained * if settings.accumulation > 1 { 2 } else { 1 },
        optimizer_bytes: trained * settings.optimizer.state_values(),
        activation_bytes: 4 * tokens * per_token,
        loss_bytes: 4 * (2 * rows * vocabulary + tokens * hidden),
        working_bytes: 4 * (backward + unpacked + dora),
    }
}

/// Values that are trained: r (in + out) for each adapted map, and with DoRA its rows' lengths.
pub fn trained_values(config: &LlamaConfig, settings: &RunSettings) -> u64 {
    let lora = &settings.lora;
    let of = |part: &Part| {
        let (out, inner) = config.shape_of(*part);
        let lengths = if lora.dora { out } else { 0 };
        (lora.rank * (out + inner) + lengths) as u64
    };
    config.num_hidden_layers as u64 * lora.targets.iter().map(of).sum::<u64>()
}

/// 32-bit values that a layer keeps for each token, read off the graph of [`Llama`](super::model::Llama): six of the
/// residual width (two norms, two maps, two sums), queries plain, turned and mixed, keys plain and turned, values, and
/// gate, up and their product; each adapter adds twice its outputs and twice its rank.
fn kept_values(config: &LlamaConfig, settings: &RunSettings) -> u64 {
    let (queries, inner) = config.shape_of(Part::Query);
    let (keys, _) = config.shape_of(Part::Key);
    let plain = 6 * inner + 3 * queries + 3 * keys + 3 * config.intermediate_size;
    let lora = &settings.lora;
    let adapters: usize = lora
        .targets
        .iter()
        .map(|part| {
            let (out, inner) = config.shape_of(*part);
            let dropped = if lora.dropout > 0.0 { inner } else { 0 };
            let dora = match (lora.dora, lora.dropout > 0.0) {
                (false, _) => 0,
                (true, false) => out,
                // The base's part of the dropped values, its share, the sum with it and the scaled change.
                (true, true) => 4 * out,
            };
            2 * out + 2 * lora.rank + dropped + dora
        })
        .sum();
    (plain + adapters) as u64
}

/// Measures by how much the memory of this process grows (resident bytes, Linux only).
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    before: Option<u64>,
}

impl Meter {
    /// From here. The kernel is asked to forget the peak until now; where it refuses, an earlier and higher peak of this
    /// process counts.
    pub fn begin() -> Self {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self { before: status_bytes("VmRSS:") }
    }

    /// Most bytes this process had beyond those at the beginning; `None` where the system does not tell.
    pub fn peak_growth_bytes(&self) -> Option<u64> {
        Some(status_bytes("VmHWM:")?.saturating_sub(self.before?))
    }
}

fn status_bytes(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
