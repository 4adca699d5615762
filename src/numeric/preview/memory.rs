//! Memory of a run in this program: predicted from its shape, and measured.

use super::config::{Family, LlamaConfig, Part};
use super::lora::Init;
use super::ops::loss_rows;
use super::run::RunSettings;
use gemm_common::cache::CACHE_INFO;
use std::sync::OnceLock;

/// Bytes a training step needs in its largest phase, by what needs them.
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
    /// Logits of the tokens that are looked at together, their slopes, hidden states and their slopes.
    pub loss_bytes: u64,
    /// What one layer holds in backward, and the widest linear layer unpacked.
    pub working_bytes: u64,
    /// Blocks that products pack.
    pub packing_bytes: u64,
}

/// What a share of the memory is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The frozen model.
    Weights,
    /// Trained values.
    Adapters,
    /// Their gradients.
    Gradients,
    /// Moments of the optimizer.
    OptimizerState,
    /// What forward keeps for backward.
    Activations,
    /// Logits and their slopes.
    Logits,
    /// What one operation holds while it runs.
    Temporaries,
    /// Blocks of the matrix product.
    Runtime,
}

/// One share of the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// What needs it.
    pub need: Need,
    /// How much.
    pub bytes: u64,
    /// How it is computed.
    pub formula: &'static str,
}

impl Predicted {
    /// All together.
    pub fn total_bytes(&self) -> u64 {
        self.shares().iter().fold(0, |sum: u64, share| sum.saturating_add(share.bytes))
    }

    /// Share by share, in the order of the bar.
    pub fn shares(&self) -> [Share; 8] {
        let share = |need, bytes, formula| Share { need, bytes, formula };
        [
            share(
                Need::Weights,
                self.base_bytes,
                "linear layers in the run's format with its constants; token table and head in FP32",
            ),
            share(
                Need::Adapters,
                self.adapter_bytes,
                "4 bytes × trained values; twice where PiSSA or LoftQ keep their start",
            ),
            share(
                Need::Gradients,
                self.gradient_bytes,
                "4 bytes × trained values where the optimizer's step is the largest phase, or accumulation keeps a sum",
            ),
            share(Need::OptimizerState, self.optimizer_bytes, "4 bytes × trained values × states (AdamW 2)"),
            share(
                Need::Activations,
                self.activation_bytes,
                "4 bytes × tokens × layers × (2 hidden + queries + keys + values + 2 MLP + queries where the output layer \
                 is adapted + rank of each adapter); with checkpointing one layer, and the inputs of all",
            ),
            share(
                Need::Logits,
                self.loss_bytes,
                "logits of the answers' tokens looked at together (8 Mi values at most) and their slopes, and four times \
                 the hidden states",
            ),
            share(
                Need::Temporaries,
                self.working_bytes,
                "slopes of the MLP in one layer, and the widest linear layer unpacked for its product",
            ),
            share(
                Need::Runtime,
                self.packing_bytes,
                "blocks that products pack: for each thread as much as its second-level cache, and those of the widest layer",
            ),
        ]
    }
}

/// Tokens of the largest batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTokens {
    /// All, padding included.
    pub all: usize,
    /// Those of answers.
    pub counted: usize,
}

/// Of a run on `threads` threads with batches of up to so many tokens: the largest of loss, the last and the first layer's
/// backward, and the optimizer step. Runs of the embedded model from 14 to 280 MiB are met within 9 %, whatever sizes, formats,
/// optimizers and batches (benches/preview_memory.sh).
pub fn predict(config: &LlamaConfig, settings: &RunSettings, tokens: BatchTokens, threads: usize) -> Predicted {
    let (all, layers) = (tokens.all as u64, config.num_hidden_layers as u64);
    let (vocabulary, hidden) = (config.vocab_size as u64, config.hidden_size as u64);
    let trained = product(&[4, trained_values(config, settings)]);
    let kept = kept_values(config, settings);
    let of_layers = product(&[layers, if settings.recompute { hidden } else { kept }]);
    let per_token = if settings.recompute { of_layers.saturating_add(kept) } else { of_layers };
    let linears = || Part::ALL.into_iter().map(|part| config.shape_of(part));
    let held = linears().fold(0, |sum: u64, (out, inner)| {
        sum.saturating_add(settings.base.held_bytes_of(out as u64, inner as u64).saturating_mul(layers))
    });
    let tables = if config.tie_word_embeddings { 1 } else { 2 };
    // With accumulation there is the sum besides those of a batch.
    let sums = if settings.accumulation > 1 { trained } else { 0 };
    let always = Predicted {
        base_bytes: held.saturating_add(product(&[tables, 4, vocabulary, hidden])),
        // PiSSA and LoftQ keep their start, to tell what was learned.
        adapter_bytes: product(&[trained, if settings.lora.init == Init::Kaiming { 1 } else { 2 }]),
        gradient_bytes: sums,
        optimizer_bytes: product(&[trained, settings.optimizer.state_values()]),
        packing_bytes: packing_bytes(config, threads),
        ..Predicted::default()
    };
    let activation_bytes = product(&[4, all, per_token]);
    let rows = (loss_rows(config.vocab_size) as u64).min(tokens.counted as u64);
    // Stream, normed and their slope, and the rows that count.
    let values = [product(&[2, rows, vocabulary]), product(&[3, all, hidden]), product(&[rows, hidden])];
    let loss_bytes = product(&[4, sum(&values)]);
    // With checkpointing the last layer is not made again yet.
    let before = if settings.recompute { product(&[4, all, layers, hidden]) } else { activation_bytes };
    let loss = Predicted { activation_bytes: before, loss_bytes, ..always };
    let working_bytes = product(&[4, working_values(config, settings, all)]);
    let last_layer = Predicted { activation_bytes, working_bytes, ..always };
    // By then activations of the other layers are gone, and their gradients are there.
    let first_layer = Predicted {
        activation_bytes: product(&[4, all, sum(&[kept, if settings.recompute { hidden } else { 0 }])]),
        gradient_bytes: sums.saturating_add(trained - trained / layers.max(1)),
        working_bytes,
        ..always
    };
    let step = Predicted { gradient_bytes: trained.saturating_add(sums), ..always };
    let larger = |most: Predicted, phase: Predicted| {
        if phase.total_bytes() > most.total_bytes() { phase } else { most }
    };
    larger(larger(loss, last_layer), larger(first_layer, step))
}

/// A product that stops at the largest number: shapes and batches come from files and flags.
fn product(factors: &[u64]) -> u64 {
    factors.iter().fold(1, |product: u64, factor| product.saturating_mul(*factor))
}

/// A sum that stops there too.
fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part))
}

/// What the gemm crate packs: every thread keeps a block in its second-level cache; a left matrix of few rows is packed
/// before, up to 512 of the inner dimension at a time.
fn packing_bytes(config: &LlamaConfig, threads: usize) -> u64 {
    const ROWS: usize = 768;
    const DEPTH: usize = 512;
    let of_map = |(out, inner): (usize, usize)| 4 * (out.min(ROWS) * inner.min(DEPTH)) as u64;
    let widest = Part::ALL.into_iter().map(|part| of_map(config.shape_of(part))).max();
    (threads as u64).saturating_mul(CACHE_INFO[1].cache_bytes as u64).saturating_add(widest.unwrap_or(0))
}

/// Values a layer holds in backward besides what was kept.
fn working_values(config: &LlamaConfig, settings: &RunSettings, tokens: u64) -> u64 {
    let (inner, hidden) = (config.intermediate_size as u64, config.hidden_size as u64);
    // The slope that comes in, those of the MLP's product, gate and up, and what went into its last layer if that learns.
    let again = if settings.lora.targets.contains(&Part::Down) { inner } else { 0 };
    // What was dropped of that input and of its slope, made again.
    let dropped = if settings.lora.dropout > 0.0 && again > 0 { 2 * inner } else { 0 };
    let slopes = product(&[tokens, sum(&[hidden, 3 * inner, again, dropped])]);
    let of_map = |(out, inner): (usize, usize)| product(&[out as u64, inner as u64]);
    let widest = Part::ALL.map(|part| of_map(config.shape_of(part))).into_iter().max();
    let unpacked = if settings.base.is_packed() { widest.unwrap_or(0) } else { 0 };
    // The change of the widest linear layer, the sum with it and its squares (DoRA).
    let dora = if settings.lora.dora { product(&[3, widest.unwrap_or(0)]) } else { 0 };
    sum(&[slopes, unpacked, dora])
}

/// Values that are trained: r (in + out) for each adapted linear layer, and with DoRA its rows' lengths.
pub fn trained_values(config: &LlamaConfig, settings: &RunSettings) -> u64 {
    let lora = &settings.lora;
    let of = |part: &Part| {
        let (out, inner) = config.shape_of(*part);
        let lengths = if lora.dora { out } else { 0 };
        product(&[lora.rank as u64, sum(&[out as u64, inner as u64])]).saturating_add(lengths as u64)
    };
    let of_layer: Vec<u64> = lora.targets.iter().map(of).collect();
    product(&[config.num_hidden_layers as u64, sum(&of_layer)])
}

/// 32-bit values that a layer keeps for each token, as its [`Trace`](super::layer::Trace) has them.
fn kept_values(config: &LlamaConfig, settings: &RunSettings) -> u64 {
    let (queries, hidden) = config.shape_of(Part::Query);
    let (keys, _) = config.shape_of(Part::Key);
    let plain = 2 * hidden + queries + 2 * keys + 2 * config.intermediate_size;
    let unnormed = if config.norms_heads() { queries + keys } else { 0 };
    let before_norm = if config.family().is_ok_and(Family::norms_what_is_added) { 2 * hidden } else { 0 };
    let lora = &settings.lora;
    let attention_out = if lora.targets.contains(&Part::Output) { queries } else { 0 };
    let of_adapter = |part: &Part| lora.rank.saturating_add(if lora.dora { config.shape_of(*part).0 } else { 0 });
    let adapters = lora.targets.iter().map(of_adapter).fold(0, usize::saturating_add);
    (plain + unnormed + before_norm + attention_out).saturating_add(adapters) as u64
}

/// The program's count of what it allocates. Resident memory would not do: freed memory stays with the process, so that a
/// second run would seem to need none, and the window's graphics driver is in it.
///
/// A library must not choose its program's allocator, so the program that has one which counts says so with
/// [`count_heap_with`].
#[derive(Clone, Copy, Debug)]
pub struct HeapCounter {
    /// Forgets the peak: it is what is allocated now.
    pub reset_peak: fn(),
    /// Most bytes allocated since, beyond those at the reset.
    pub peak_growth_bytes: fn() -> usize,
}

static COUNTER: OnceLock<HeapCounter> = OnceLock::new();

/// Sets the count that runs are measured with; the first call of a program holds.
pub fn count_heap_with(counter: HeapCounter) {
    let _ = COUNTER.set(counter);
}

/// Measures how much the program allocates beyond what it has at a moment. There is one: a second that begins ends the first.
#[derive(Clone, Copy, Debug)]
pub struct Meter(());

impl Meter {
    /// From here.
    pub fn begin() -> Self {
        if let Some(counter) = COUNTER.get() {
            (counter.reset_peak)();
        }
        Self(())
    }

    /// Most bytes that were allocated beyond those at the beginning, by all threads; none where the program does not count.
    /// The system gives the process some more, for what lies free between.
    pub fn peak_growth_bytes(self) -> Option<u64> {
        COUNTER.get().map(|counter| (counter.peak_growth_bytes)() as u64)
    }
}
