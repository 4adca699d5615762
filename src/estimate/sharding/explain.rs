//! Derivations of the device that needs most: every component by its terms.

use super::{Devices, RankGroup};
use crate::estimate::explain::{explained, part, totals_of};
use crate::estimate::setup::Setup;
use crate::estimate::{Component, Derivation, Estimate, Inputs, Subject};
use crate::explained::{Explained, Input, Value};
use crate::plan::Strategy;

/// Derivations of everything in `estimate`, which is that of the device that needs most.
pub fn derivations(setup: &Setup<'_>, inputs: &Inputs<'_>, devices: &Devices, estimate: &Estimate) -> Vec<Derivation> {
    let mut out = Vec::with_capacity(24);
    if let Some(group) = devices.worst_group() {
        for component in Component::ALL.into_iter().filter(|&component| component != Component::Runtime) {
            let explained = component_of(devices, group, estimate, component);
            out.push(Derivation { subject: Subject::Component(component), explained });
        }
    }
    out.extend(totals_of(setup, inputs, estimate));
    out
}

fn component_of(devices: &Devices, group: &RankGroup, estimate: &Estimate, component: Component) -> Explained {
    let layout = &devices.layout;
    let value = estimate.at_peak.get(component);
    let mut inputs = vec![
        Input::count("device", group.rank, "the one that needs most, counted from 0"),
        Input::count("shared by", layout.shard, "data-parallel devices with one copy"),
        Input::count("tensor", layout.tensor, "devices per matrix"),
        Input::count("stage", group.stage, "of the pipeline, from 0"),
        Input::count("stages", layout.pipeline, ""),
    ];
    if component == Component::Activations {
        inputs.push(Input::count("in flight", group.in_flight, "forward passes of a piece that wait"));
        inputs.push(Input::count("context", layout.context, "devices per sequence"));
    }
    let parts: Vec<Explained> = group
        .terms
        .iter()
        .filter(|term| term.component == component)
        .map(|term| part(term.title, term.bytes.0, term.formula, Vec::new()))
        .collect();
    let (formula, why, source) = words(layout.strategy, component);
    let mut out = explained(component.label(), Value::Bytes(value), formula, inputs, why, source);
    if matches!(component, Component::Temporaries | Component::Activations) {
        out = out.rough(true);
    }
    out.with_parts(parts)
}

const ZERO: &str = "Rajbhandari et al. 2020 (ZeRO); PyTorch FSDP and DeepSpeed 0.18 sources";
const MEGATRON: &str = "Shoeybi et al. 2019; Narayanan et al. 2021; Korthikanti et al. 2022";

const fn words(strategy: Strategy, component: Component) -> (&'static str, &'static str, &'static str) {
    match component {
        Component::Weights if strategy.shards_weights() => (
            "Σ ⌈this device's part of the model / devices⌉",
            "Each device keeps its part of every unit, padded so that all parts are equal, trained or not. Only the unit \
             at work is gathered.",
            ZERO,
        ),
        Component::Weights => (
            "Σ values × bytes of this device's part of the model",
            "Tensor, expert and pipeline parallelism cut the model; every data-parallel device holds that part whole.",
            MEGATRON,
        ),
        Component::QuantizationConstants => (
            "scales of this device's part of the model",
            "Scales and code tables are no parameters: they are not cut and stand on every device.",
            "bitsandbytes 0.50; fms-acceleration rows on 2 devices agree",
        ),
        Component::Adapters => (
            "Σ ⌈r × (in + out) × bytes / devices⌉",
            "Adapters are parameters like any others: cut where weights are cut, whole elsewhere.",
            ZERO,
        ),
        Component::Gradients => (
            "shards + the unit in backward + buckets",
            "Where gradients are cut, those of one unit exist whole until they are averaged; DDP keeps buckets as large \
             as all gradients beside them.",
            ZERO,
        ),
        Component::OptimizerState => (
            "Σ ⌈state / devices⌉",
            "A device keeps the state of the values it updates; offloaded state is on the host.",
            ZERO,
        ),
        Component::Activations => (
            "kept by this device's layers for its tokens × micro-batches in flight",
            "Heads and inner widths are divided by the tensor-parallel devices, tokens by the context-parallel ones, norms \
             and residual stream with sequence parallelism only. In a pipeline several micro-batches wait for backward.",
            MEGATRON,
        ),
        Component::Logits => (
            "tokens × ⌈vocabulary / tensor⌉ × bytes per logit",
            "Only the last stage makes logits; tensor-parallel devices make their part of the vocabulary.",
            MEGATRON,
        ),
        Component::KvCache => (
            "Σ layers here × key and value width here × tokens here",
            "Each device caches its layers, heads and tokens.",
            MEGATRON,
        ),
        Component::Temporaries => (
            "gathered weights + buffers + working set + token ids",
            "Weights that are gathered for the layer at work and the next, buckets and messages under way, and the \
             layer's own working set.",
            ZERO,
        ),
        Component::Runtime => ("", "", ""),
    }
}
