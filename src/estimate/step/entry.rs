//! What is made before the first layer: token rows, positions, rotary tables, masks.

use super::super::setup::Setup;
use crate::architecture::{Attention, Layer};

/// What is made before the first layer.
#[derive(Clone, Copy, Default)]
pub struct Entry {
    /// Kept for backward.
    pub kept: u64,
    /// There while the layers run.
    pub forward: u64,
    /// The first layer's input is another tensor than the token rows.
    pub separate: bool,
}

/// Token rows, learned positions, their sum and its dropout.
pub fn entry(setup: &Setup<'_>) -> Entry {
    if setup.architecture.embedding.position_rows == 0 || !setup.ends.table {
        return Entry::default();
    }
    let hidden = setup.architecture.hidden_size;
    let positions = setup.sequence.saturating_mul(hidden).saturating_mul(setup.stream_width());
    let dropout = setup.architecture.layers.first().is_some_and(|group| group.layer.residual_dropout > 0.0);
    // The dropout mask is one byte per value; position ids are kept for the table's gradient.
    let kept = if setup.trained.embedding {
        let mask = if dropout { setup.tokens.saturating_mul(hidden) } else { 0 };
        mask.saturating_add(setup.sequence.saturating_mul(8))
    } else {
        0
    };
    Entry { kept, forward: setup.stream_bytes().saturating_add(positions), separate: true }
}

/// Tables every layer reads.
#[derive(Clone, Copy, Default)]
pub struct Tables {
    /// Kept for backward: cos and sin, and with recomputation the masks.
    pub kept: u64,
    /// There while the layers run only.
    pub forward: u64,
}

/// Values of a head that positions turn.
pub fn rotated_width(layer: &Layer) -> u64 {
    match &layer.attention {
        Attention::Softmax(a) => (a.head_dim as f64 * a.rotary_share) as u64,
        Attention::Latent(a) => a.qk_rope_head_dim,
        Attention::Linear(_) => 0,
    }
}

/// Bytes of the tables of sines and cosines that every layer keeps for itself from the start, in the model's own
/// format (`cos_cached`, `sin_cached` of transformers before 4.48).
pub fn kept_rotary_tables(setup: &Setup<'_>) -> u64 {
    setup.architecture.layers.iter().fold(0_u64, |sum, group| {
        let values = setup.rotary_rows_per_layer.saturating_mul(rotated_width(&group.layer)).saturating_mul(2);
        sum.saturating_add(values.saturating_mul(setup.width).saturating_mul(group.count))
    })
}

/// cos and sin for each position, the masks where there are some.
pub fn tables(setup: &Setup<'_>) -> Tables {
    let rotated = setup.architecture.layers.iter().map(|group| rotated_width(&group.layer)).max().unwrap_or(0);
    let pairs = if setup.class.two_rotary_tables { 2 } else { 1 };
    let positions =
        setup.sequence.saturating_mul(rotated).saturating_mul(2 * pairs).saturating_mul(setup.stream_width());
    // One mask for each kind of attention, of every sequence: as numbers for eager attention, else as booleans.
    let scores = setup.batch.saturating_mul(setup.sequence).saturating_mul(setup.sequence);
    let (mut windowed, mut whole) = (false, false);
    for group in &setup.architecture.layers {
        let window = matches!(&group.layer.attention, Attention::Softmax(attention) if attention.window.is_some());
        windowed |= window;
        whole |= !window;
    }
    let masks = if setup.eager {
        scores.saturating_mul(setup.stream_width()).saturating_mul(u64::from(windowed) + u64::from(whole))
    } else {
        // Without padding all sequences share one window mask.
        let square = if setup.padded { scores } else { setup.sequence.saturating_mul(setup.sequence) };
        let needed = |window: bool| setup.padded || (window && setup.windows_bind());
        square.saturating_mul(u64::from(windowed && needed(true)) + u64::from(whole && needed(false)))
    };
    if setup.recompute {
        Tables { kept: positions.saturating_add(masks), forward: 0 }
    } else {
        Tables { kept: positions, forward: masks }
    }
}
