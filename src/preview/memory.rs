//! Memory of a run in this program: predicted from its shape, and measured.

use super::attach::Attached;
use super::config::{LlamaConfig, Part};
use super::ops::loss_rows;
use super::run::RunSettings;

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

impl Predicted {
    /// All together.
    pub const fn total_bytes(&self) -> u64 {
        self.base_bytes
            .saturating_add(self.adapter_bytes)
            .saturating_add(self.gradient_bytes)
            .saturating_add(self.optimizer_bytes)
            .saturating_add(self.activation_bytes)
            .saturating_add(self.loss_bytes)
            .saturating_add(self.working_bytes)
    }
}

/// Of a run whose batches have up to `tokens` tokens, padding included.
pub fn predict(attached: &Attached, settings: &RunSettings, tokens: usize) -> Predicted {
    let config = &attached.model.config;
    let trained: u64 = attached.adapters.variables().iter().map(|variable| 4 * variable.elem_count() as u64).sum();
    let tokens = tokens as u64;
    let layers = config.num_hidden_layers as u64;
    let kept = kept_values(config, settings);
    let hidden = config.hidden_size as u64;
    let per_token = if settings.recompute { layers * hidden + kept } else { layers * kept };
    let rows = (loss_rows(config.vocab_size) as u64).min(tokens);
    let widest = Part::ALL.map(|part| config.shape_of(part)).into_iter().map(|(out, inner)| (out * inner) as u64).max();
    let unpacked = if settings.base.is_packed() { widest.unwrap_or(0) } else { 0 };
    // The change of the widest map, the sum with it and its squares (DoRA).
    let dora = if settings.lora.dora { 3 * widest.unwrap_or(0) } else { 0 };
    // Slopes of gate, up and their product, and of the residual stream before and after.
    let backward = tokens * (3 * config.intermediate_size as u64 + 2 * hidden);
    // With accumulation there is the sum besides those of a batch.
    let gradients = if settings.accumulation > 1 { 2 } else { 1 };
    Predicted {
        base_bytes: attached.model.bytes(),
        adapter_bytes: trained * if attached.start.is_some() { 2 } else { 1 },
        gradient_bytes: trained * gradients,
        optimizer_bytes: trained * settings.optimizer.state_values(),
        activation_bytes: 4 * tokens * per_token,
        loss_bytes: 4 * (2 * rows * config.vocab_size as u64 + tokens * hidden),
        working_bytes: 4 * (backward + unpacked + dora),
    }
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
