//! Closed forms of the papers, for comparison with what is replayed.

/// Bytes of model states per device by the ZeRO paper (Rajbhandari et al., 2020, section 3 and figure 1).
///
/// `values` Ψ in 16-bit mixed precision: 2Ψ weights, 2Ψ gradients, KΨ optimizer state with K = 12 for Adam (FP32 copy
/// and two moments), cut over `devices` by `stage` 0 to 3. Rounded up.
pub fn zero_model_states(values: u64, stage: u8, devices: u64) -> u64 {
    let cut = |bytes: u64| bytes.div_ceil(devices.max(1));
    let (weights, gradients, state) = (values.saturating_mul(2), values.saturating_mul(2), values.saturating_mul(12));
    let kept = |from: u8, bytes: u64| if stage >= from { cut(bytes) } else { bytes };
    kept(3, weights).saturating_add(kept(2, gradients)).saturating_add(kept(1, state))
}

/// Shape of a transformer in the notation of Korthikanti et al. (2022).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transformer {
    /// s: tokens of a sequence.
    pub sequence: u64,
    /// b: sequences of a micro-batch.
    pub batch: u64,
    /// h: width of the residual stream.
    pub hidden: u64,
    /// a: heads.
    pub heads: u64,
    /// L: layers.
    pub layers: u64,
    /// v: vocabulary.
    pub vocabulary: u64,
    /// t: tensor-parallel devices.
    pub tensor: u64,
    /// p: pipeline stages.
    pub pipeline: u64,
}

/// What is recomputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recompute {
    /// Nothing.
    Nothing,
    /// Scores, softmax and dropout of attention.
    Selective,
    /// Everything but each layer's input.
    Full,
}

/// Activation bytes of one layer on one device (Korthikanti et al., 2022, table 2): 16-bit values, 1-byte dropout
/// masks, an MLP of 4h with GELU.
pub fn megatron_layer(shape: &Transformer, sequence_parallel: bool, recompute: Recompute) -> u64 {
    let sbh = shape.sequence.saturating_mul(shape.batch).saturating_mul(shape.hidden);
    let t = shape.tensor.max(1);
    let scores = 5_u64
        .saturating_mul(shape.heads)
        .saturating_mul(shape.sequence)
        .saturating_mul(shape.sequence)
        .saturating_mul(shape.batch);
    let scores = if recompute == Recompute::Nothing { scores / t } else { 0 };
    match (recompute, sequence_parallel) {
        (Recompute::Full, false) => sbh.saturating_mul(2),
        (Recompute::Full, true) => sbh.saturating_mul(2) / t,
        (_, true) => (sbh.saturating_mul(34) / t).saturating_add(scores),
        (_, false) => sbh.saturating_mul(10).saturating_add(sbh.saturating_mul(24) / t).saturating_add(scores),
    }
}

/// Activation bytes of the first pipeline stage with everything in flight (the same paper, equations 5 and 6 and
/// section 4.3): L layers' worth whatever the pipeline, dropout of the input embedding p times, and without a
/// pipeline norm, head and FP32 logits.
pub fn megatron_first_stage(shape: &Transformer, recompute: Recompute) -> u64 {
    let t = shape.tensor.max(1);
    let sbh = shape.sequence.saturating_mul(shape.batch).saturating_mul(shape.hidden);
    let layers = megatron_layer(shape, true, recompute).saturating_mul(shape.layers);
    let embedding = sbh.saturating_mul(shape.pipeline) / t;
    let head = if shape.pipeline == 1 {
        let logits = shape.sequence.saturating_mul(shape.batch).saturating_mul(shape.vocabulary).saturating_mul(4);
        (sbh.saturating_mul(4) / t).saturating_add(logits / t)
    } else {
        0
    };
    layers.saturating_add(embedding).saturating_add(head)
}
