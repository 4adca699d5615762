//! Derivations of the device that needs most: every component by its terms.

use super::gathered::{block_of_keys, routed};
use super::layout::Layout;
use super::phases::{Gradients, Kept, is_in_loss};
use super::shares::{self, Share, Units};
use super::terms::What;
use super::waiting::{elsewhere, waiting};
use super::{Devices, RankGroup, local, rank};
use crate::estimate::explain::{self, TRACED, found, method, moment, weights};
use crate::estimate::optimizer::optimizer;
use crate::estimate::setup::Setup;
use crate::estimate::storage::base_weights;
use crate::estimate::trainable::{TrainedTotals, totals};
use crate::estimate::{Component, Derivation, Estimate, Inputs, PhaseKind, Subject};
use crate::explained::{Exactness, Explained, Term};
use crate::plan::{Offload, Schedule, Strategy};

/// Derivations of everything in `estimate`, which is that of the device that needs most.
pub fn derivations(whole: &Setup<'_>, inputs: &Inputs<'_>, devices: &Devices, estimate: &Estimate) -> Vec<Derivation> {
    let mut out = Vec::with_capacity(24);
    let layout = &devices.layout;
    let replay = Exactness::rough(whole.is_approximate() || layout.is_simplified(whole.training));
    if let Some(group) = devices.worst_group() {
        let local = local::local(inputs.plan, &inputs.architecture, layout, group.stage, group.micro_batch);
        rank::on_device(inputs, layout, &local, whole, |mine, stored, compute| {
            let device = Device::of(mine, layout, stored, compute, group, replay);
            for component in Component::ALL.into_iter().filter(|&component| component != Component::Runtime) {
                out.push(Derivation { subject: Subject::Component(component), explained: device.component(component) });
            }
        });
    }
    explain::totals_of(whole, inputs, estimate, replay, &mut out);
    out
}

/// One device and what its terms rest on.
struct Device<'a> {
    mine: &'a Inputs<'a>,
    layout: &'a Layout,
    stored: &'a Setup<'a>,
    compute: &'a Setup<'a>,
    group: &'a RankGroup,
    replay: Exactness,
    trained: TrainedTotals,
    share: Share,
    units: Units,
    gradients: Gradients,
}

impl<'a> Device<'a> {
    fn of(
        mine: &'a Inputs<'a>,
        layout: &'a Layout,
        stored: &'a Setup<'a>,
        compute: &'a Setup<'a>,
        group: &'a RankGroup,
        replay: Exactness,
    ) -> Self {
        let trained = if stored.training { totals(stored) } else { TrainedTotals::default() };
        let share = if stored.training && layout.shard > 1 { shares::trained(stored, layout) } else { Share::WHOLE };
        let units = shares::units(compute);
        let gradients = rank::gradients(mine, layout, stored, compute, &trained, share, &units);
        Self { mine, layout, stored, compute, group, replay, trained, share, units, gradients }
    }

    fn component(&self, component: Component) -> Explained {
        let terms = self.group.terms.iter().filter(|term| term.what.component() == component);
        let parts = terms.map(|term| self.term(term.what, term.bytes.0)).collect();
        let (why, source) = words(self.layout.strategy, component);
        let device = format!("Device {} needs most. {why}", self.group.rank);
        Explained::sum(component.label(), parts).why(device).source(source)
    }

    fn term(&self, what: What, bytes: u64) -> Explained {
        let title = what.title();
        match what {
            What::KeptWeights => self.weights(title, bytes),
            What::Scales => Explained::sum(title, weights::constant_parts(self.stored)),
            What::KeptAdapters => self.adapters(title),
            What::KeptState if self.cuts_state() => {
                self.cut(title, method::bytes("state", optimizer(self.stored).state).note("of all trained values"))
            }
            What::KeptState => Explained::sum(title, method::state_parts(self.stored)),
            What::GradientBuckets => method::trained_bytes(self.stored, title),
            What::EarlierGradients => self.earlier_gradients(title),
            What::UnitGradients => {
                let layer =
                    method::bytes("layer", self.units.layer_gradients).note("the layer with most trained weights");
                Explained::bytes(title, layer + method::bytes("outside", self.units.root_gradients).note("the layers"))
            }
            What::GradientShards => self.shard(title),
            What::UpdateGradients if self.cuts_gradients() => self.shard(title),
            What::UpdateGradients if self.updates_in_backward() => method::largest_gradient(self.stored, title),
            What::UpdateGradients => method::all_gradients(self.stored, title),
            What::KeptForBackward => self.kept_for_backward(title, bytes),
            What::Logits => {
                let fitted = Exactness::rough(moment::logits_are_fitted(self.compute));
                let of_all = moment::logits_of_all(self.compute, self.mine, self.phase().0);
                moment::logit_part(self.compute, title, bytes, self.replay.max(fitted), of_all)
            }
            What::Cache => Explained::sum(title, moment::cache_parts(self.stored, self.mine, self.phase().0)),
            What::Gathered => Explained::bytes(title, self.gathered()),
            What::Buffers => self.buffers(title),
            What::UpdateCopies => self.update(title),
            What::TokenIds => moment::ids(self.stored).title_as(title),
            What::BackwardGradients | What::WorkingSet | What::NextLayer => found(title, bytes, self.replay),
        }
    }

    /// Kind and place of the peak.
    fn phase(&self) -> (PhaseKind, &'static str) {
        self.group.peak_phase().map_or((PhaseKind::Load, ""), |phase| (phase.kind, phase.place))
    }

    fn cuts_weights(&self) -> bool {
        self.stored.training && self.layout.strategy.shards_weights() && self.layout.shard > 1
    }

    fn cuts_state(&self) -> bool {
        self.layout.strategy.shards_optimizer() && self.layout.shard > 1
    }

    fn cuts_gradients(&self) -> bool {
        self.layout.strategy.shards_gradients() && self.layout.shard > 1
    }

    fn updates_in_backward(&self) -> bool {
        let plan = self.stored.plan;
        plan.optimizer.frees_gradients() && plan.batch.gradient_accumulation <= 1
    }

    /// This device's share of what belongs to trained values.
    fn share_of(&self, whole: Term) -> Term {
        match self.share.parts() {
            None => whole,
            Some((part, all)) => {
                let part = Term::count("kept values", part).note("trained values this device updates, with padding");
                (whole * part / Term::count("trained values", all)).up()
            }
        }
    }

    fn cut(&self, title: &'static str, whole: Term) -> Explained {
        Explained::bytes(title, self.share_of(whole))
    }

    fn weights(&self, title: &'static str, bytes: u64) -> Explained {
        if !self.cuts_weights() {
            return Explained::sum(title, weights::weight_parts(self.stored));
        }
        let whole =
            method::bytes("weights", base_weights(self.stored).values).note("of this device's part of the model");
        let even = (whole / Term::count("devices", self.layout.shard).note("that share one copy")).down();
        let more = bytes.saturating_sub(even.whole());
        let more =
            (more > 0).then(|| method::bytes("uncut", more).note("padding, and what fewer devices share or all keep"));
        Explained::bytes(title, even.plus(more))
    }

    fn adapters(&self, title: &'static str) -> Explained {
        if !self.cuts_weights() && !self.keeps_adapters_on_host() {
            return Explained::sum(title, method::adapter_parts(self.stored));
        }
        let mut parts = Vec::with_capacity(2);
        if !self.keeps_adapters_on_host() {
            parts.push(self.cut("Trained", method::bytes("adapters", self.trained.added_bytes).note("of all devices")));
        }
        parts.extend(self.stored.trained.adapter.frozen(self.stored));
        Explained::sum(title, parts)
    }

    fn keeps_adapters_on_host(&self) -> bool {
        let place = self.stored.plan.parallelism.offload_parameters;
        self.layout.strategy.is_fsdp() && place != Offload::None
    }

    fn earlier_gradients(&self, title: &'static str) -> Explained {
        match self.gradients.kept {
            Kept::All => method::all_gradients(self.stored, title),
            Kept::Shard => self.shard(title),
            Kept::Units => method::trained_bytes(self.compute, title),
            Kept::Wide(width) => {
                let values = Term::count("values", self.trained.values).note("trained");
                Explained::bytes(title, values * Term::count("bytes", width).note("per value"))
            }
        }
    }

    /// This device's share of the gradients.
    fn shard(&self, title: &'static str) -> Explained {
        let whole = if self.updates_in_backward() {
            method::largest_gradient(self.stored, title).named("largest gradient")
        } else {
            method::all_gradients(self.stored, title).named("gradients").note("of all trained values")
        };
        self.cut(title, whole)
    }

    fn kept_for_backward(&self, title: &'static str, bytes: u64) -> Explained {
        let waiting = waiting(self.compute, self.layout, self.group.stage);
        let less = elsewhere(self.layout, waiting.streams);
        let kept = if (waiting.in_flight, less) == (waiting.pieces, 0) {
            moment::kept_parts(self.compute)
        } else {
            let one = waiting.layers.saturating_add(waiting.beside).saturating_sub(less);
            let one = method::bytes("kept by one", one).note("micro-batch, through all layers here").trust(self.replay);
            let mut all = Term::count("in flight", waiting.in_flight).note("forward passes that wait") * one;
            if waiting.pieces > 1 {
                all = (all / Term::count("pieces", waiting.pieces).note("of the model on this device")).up();
            }
            vec![Explained::bytes("Micro-batches in flight", all)]
        };
        moment::settled(kept, bytes, "last norm, head and labels", self.replay).title_as(title)
    }

    fn gathered(&self) -> Term {
        let (units, parallel) = (&self.units, &self.stored.plan.parallelism);
        let all = || method::bytes("all weights", units.all).note("as they are computed with");
        let layer = || method::bytes("largest layer", units.layer);
        let outside = || method::bytes("outside", units.root).note("the layers");
        if self.cuts_weights() && self.layout.strategy == Strategy::Zero3 {
            let live = if units.values <= parallel.max_live {
                all()
            } else {
                let most = Term::count("gathered at most", parallel.max_live).note("values, of the plan");
                (all() * most / Term::count("values", units.values)).up()
            };
            return if live.whole() >= units.layer.max(units.root) { live } else { live.max(layer()).max(outside()) };
        }
        if self.cuts_weights() && self.layout.pipeline > 1 {
            return all();
        }
        let ahead = parallel.prefetch_units;
        let layers = match (self.cuts_weights(), is_in_loss(self.phase().1)) {
            (true, true) => ahead,
            (true, false) => ahead.saturating_add(1),
            // Offloaded: the layer at work and the next.
            (false, _) => 2,
        };
        let some = outside() + Term::count("layers", layers).note("at work and fetched ahead") * layer();
        if some.whole() > units.all { some.min(all()) } else { some }
    }

    fn buffers(&self, title: &'static str) -> Explained {
        let (layout, compute, parallel) = (self.layout, self.compute, &self.stored.plan.parallelism);
        let stream = || method::bytes("stream", compute.stream_bytes()).note("residual stream of this device's tokens");
        let two = || Term::from(2);
        let mut parts = Vec::new();
        if layout.sequence {
            add_part(&mut parts, "Tokens of all tensor-parallel devices", stream());
        }
        if layout.context > 1 {
            let block = method::bytes("block", block_of_keys(compute)).note("keys and values of one layer");
            add_part(&mut parts, "Keys and values of the neighbour", two() * block);
        }
        if layout.expert > 1 {
            add_part(
                &mut parts,
                "Tokens for this device's experts",
                method::bytes("tokens", routed(compute.architecture, compute.stream_bytes())),
            );
        }
        if layout.pipeline > 1 && layout.schedule != Schedule::Sequential {
            let cut = if layout.sequence { layout.tensor.max(1) } else { 1 };
            let message =
                if cut > 1 { (stream() / Term::count("tensor", cut).note("devices")).down() } else { stream() };
            add_part(&mut parts, "Messages between stages", two() * message);
        }
        if self.stored.training && layout.strategy.is_zero() && layout.shard > 1 {
            let width = || Term::count("bytes", compute.width.min(4)).note("per value");
            let bucket = Term::count("bucket", parallel.reduce_bucket).note("values");
            let copies = if layout.strategy == Strategy::Zero3 { two() * bucket } else { bucket };
            add_part(&mut parts, "Buckets of gradients", copies * width());
            if layout.strategy == Strategy::Zero3 {
                let ahead = Term::count("fetched ahead", parallel.prefetch_bucket).note("values");
                add_part(&mut parts, "Weights fetched ahead", ahead * width());
            }
        }
        Explained::sum(title, parts)
    }

    fn update(&self, title: &'static str) -> Explained {
        let copies = method::update(self.stored, "Copies of the optimizer");
        let mut parts = vec![if self.cuts_state() && self.share.parts().is_some() {
            self.cut("Copies of the optimizer", copies.named("copies").note("of all trained values"))
        } else {
            copies
        }];
        if self.layout.strategy.is_zero() {
            let values = if self.layout.shard > 1 { self.share.of(self.trained.values) } else { self.trained.values };
            let zero3 = self.layout.strategy == Strategy::Zero3;
            let at_once = if zero3 { values.min(rank::ZERO_SUB_GROUP) } else { values };
            let values = Term::count("values", at_once).note("averaged gradients copied to FP32 at once");
            add_part(&mut parts, "FP32 gradients", values * Term::from(4));
        }
        Explained::sum(title, parts)
    }
}

fn add_part(parts: &mut Vec<Explained>, title: &'static str, term: Term) {
    parts.push(Explained::bytes(title, term));
}

const ZERO: &str = "Rajbhandari et al. 2020 (ZeRO); PyTorch FSDP and DeepSpeed 0.18 sources";
const MEGATRON: &str = "Shoeybi et al. 2019; Narayanan et al. 2021; Korthikanti et al. 2022";

const fn words(strategy: Strategy, component: Component) -> (&'static str, &'static str) {
    match component {
        Component::Weights if strategy.shards_weights() => (
            "Each device keeps its part of every unit, padded so that all parts are equal, trained or not. Only the unit \
             at work is gathered.",
            ZERO,
        ),
        Component::Weights => (
            "Tensor, expert and pipeline parallelism cut the model; every data-parallel device holds that part whole.",
            MEGATRON,
        ),
        Component::QuantizationConstants => (
            "Scales and code tables are no parameters: they are not cut and stand on every device.",
            "bitsandbytes 0.50; fms-acceleration rows on 2 devices agree",
        ),
        Component::Adapters => {
            ("Adapters are parameters like any others: cut where weights are cut, whole elsewhere.", ZERO)
        }
        Component::Gradients => (
            "Where gradients are cut, those of one unit exist whole until they are averaged; DDP keeps buckets as large \
             as all gradients beside them.",
            ZERO,
        ),
        Component::OptimizerState => {
            ("A device keeps the state of the values it updates; offloaded state is on the host.", ZERO)
        }
        Component::Activations => (
            "Heads and inner widths are divided by the tensor-parallel devices, tokens by the context-parallel ones, norms \
             and residual stream with sequence parallelism only. In a pipeline several micro-batches wait for backward.",
            MEGATRON,
        ),
        Component::Logits => {
            ("Only the last stage makes logits; tensor-parallel devices make their part of the vocabulary.", MEGATRON)
        }
        Component::KvCache => ("Each device caches its layers, heads and tokens.", MEGATRON),
        Component::Temporaries => (
            "Weights that are gathered for the layer at work and the next, buckets and messages under way, and the \
             layer's own working set.",
            ZERO,
        ),
        Component::Runtime => ("", TRACED),
    }
}
