//! What one device sees of the model: its heads, its part of every matrix, its experts, its layers, its tokens.

use super::layout::Layout;
use crate::architecture::{Architecture, Attention, DenseMlp, Layer, LayerGroup, Mlp};
use crate::estimate::shape::Ends;
use crate::plan::{Method, Plan, Workload};

/// The model and the plan as one device has them, before anything is cut among data-parallel devices.
pub struct Local {
    /// The plan with this device's batch and tokens.
    pub plan: Plan,
    /// Its part of the model.
    pub architecture: Architecture,
    /// Ends of the model it holds.
    pub ends: Ends,
    /// Something is trained in an earlier stage.
    pub upstream: bool,
    /// Layers it trains, where only the last ones are.
    pub trained_layers: Option<u64>,
    /// First and number of the layers of each piece it holds.
    pub pieces: Vec<(u64, u64)>,
}

/// The part of `architecture` that a device of `stage` has, with `micro_batch` sequences at a time.
pub fn local(plan: &Plan, architecture: &Architecture, layout: &Layout, stage: u64, micro_batch: u64) -> Local {
    let layers = architecture.num_layers();
    let pieces = layout.layers_of(stage, layers);
    let first = pieces.first().map_or(0, |piece| piece.0);
    let ends = Ends { table: stage == 0, head: stage.saturating_add(1) == layout.pipeline, classes: None };
    let mut mine = plan.clone();
    mine.batch.micro_batch = micro_batch;
    mine.batch.sequence_length = plan.batch.sequence_length.div_ceil(layout.context).max(1);
    mine.batch.new_tokens = plan.batch.new_tokens.div_ceil(layout.context);
    let mut part = architecture.clone();
    part.layers = slice(&architecture.layers, &pieces);
    for group in &mut part.layers {
        group.layer = cut_layer(&group.layer, architecture.hidden_size, layout);
    }
    part.vocab_size = architecture.vocab_size.div_ceil(layout.tensor);
    if layout.pipeline > 1 {
        // Table and head stand on different devices: a tied head becomes a copy of the table there.
        part.head.tied = false;
    }
    let last = match plan.method.method {
        Method::LastLayers { layers } | Method::Blockwise { active_layers: layers } => Some(layers),
        _ => None,
    };
    let begin = last.map(|count| layers.saturating_sub(count));
    let trained_layers = begin.map(|begin| {
        pieces.iter().map(|&(start, count)| start.saturating_add(count).saturating_sub(begin.max(start))).sum()
    });
    Local {
        upstream: first > 0 && plan.workload == Workload::Training && begin.is_none_or(|begin| first > begin),
        plan: mine,
        architecture: part,
        ends,
        trained_layers,
        pieces,
    }
}

/// The layers of `pieces`, in order, in groups of equal kind.
fn slice(groups: &[LayerGroup], pieces: &[(u64, u64)]) -> Vec<LayerGroup> {
    let mut out: Vec<LayerGroup> = Vec::new();
    for &(start, count) in pieces {
        let end = start.saturating_add(count);
        let mut at = 0_u64;
        for group in groups {
            let next = at.saturating_add(group.count);
            let here = next.min(end).saturating_sub(at.max(start));
            at = next;
            if here == 0 {
                continue;
            }
            match out.last_mut() {
                Some(last) if last.layer == group.layer => last.count = last.count.saturating_add(here),
                _ => out.push(LayerGroup { count: here, layer: group.layer.clone() }),
            }
        }
    }
    out
}

/// A layer as tensor and expert parallelism leave it (Shoeybi et al., 2019): heads and inner widths are cut, rows
/// that do not divide are padded, key heads fewer than devices are repeated, norms and routers stay whole.
fn cut_layer(layer: &Layer, hidden: u64, layout: &Layout) -> Layer {
    let t = layout.tensor;
    let mut out = layer.clone();
    match &mut out.attention {
        Attention::Softmax(attention) => {
            attention.heads = attention.heads.div_ceil(t);
            attention.kv_heads = attention.kv_heads.div_ceil(t).max(1);
        }
        Attention::Latent(attention) => attention.heads = attention.heads.div_ceil(t),
        Attention::Linear(attention) => {
            attention.key_heads = attention.key_heads.div_ceil(t);
            attention.value_heads = attention.value_heads.div_ceil(t);
        }
    }
    let narrow = |mlp: &mut DenseMlp| mlp.intermediate = mlp.intermediate.div_ceil(t);
    match &mut out.mlp {
        Mlp::Dense(mlp) => narrow(mlp),
        Mlp::Moe(moe) => {
            narrow(&mut moe.expert);
            if let Some(shared) = &mut moe.shared {
                narrow(shared);
            }
            let here = moe.experts.div_ceil(layout.expert).max(1);
            // Every device still routes to all experts: the rows of the router for the others' experts stay.
            let elsewhere = moe.experts.saturating_sub(here);
            out.extra_params = out.extra_params.saturating_add(hidden.saturating_mul(elsewhere));
            moe.experts = here;
        }
    }
    out
}
