//! Derivations of the figures of time.

use super::generation::cache_moves;
use super::{Basis, TimeEstimate, TimeKind, TimeSubject, flops, step};
use crate::estimate::Inputs;
use crate::estimate::setup::Setup;
use crate::explained::{Exactness, Explained, Term, Value};
use crate::plan::Method;
use clock::Clock;
use std::borrow::Cow;

mod clock;
mod request;

pub use request::inference;

type Derivations = Vec<(TimeSubject, Explained)>;

const FLOPS_SOURCE: &str = "Kaplan et al. 2020, Scaling Laws for Neural Language Models; Chowdhery et al. 2022, PaLM, appendix B; counted here matrix by matrix";

/// Of a training step.
pub fn training(inputs: &Inputs<'_>, setup: &Setup<'_>, basis: &Basis<'_>, estimate: &TimeEstimate) -> Derivations {
    let causes = Causes { inputs, setup, basis };
    let source = format!("Band of measured by predicted time: {}", basis.device.efficiency.source);
    let mut out = vec![
        (
            TimeSubject::Step,
            summed("Time of one optimizer step", estimate)
                .why(
                    "Chip, memory, host and links each take their time; these are the expected ones. The range is that of \
                     measured by predicted time.",
                )
                .source(source),
        ),
        (TimeSubject::Rate, rate(estimate)),
        (TimeSubject::Flops, operations(inputs, setup, basis, estimate)),
        (TimeSubject::Utilisation, causes.utilisation(estimate)),
    ];
    let busy = estimate.spent.iter().filter(|part| part.kind != TimeKind::Data).map(|part| part.secs).sum();
    out.extend(
        estimate
            .spent
            .iter()
            .map(|part| (TimeSubject::Kind(part.kind), causes.of(part.kind, part.secs, busy, estimate))),
    );
    out
}

/// The step or request as the sum of its causes.
fn summed(title: &'static str, estimate: &TimeEstimate) -> Explained {
    let part =
        |part: &super::Spent| Explained::found(part.kind.label(), Value::Seconds(part.secs), Exactness::Approximate);
    if estimate.spent.is_empty() {
        return Explained::found(title, Value::Seconds(0.0), Exactness::Approximate);
    }
    Explained::sum(title, estimate.spent.iter().map(part).collect())
}

fn rate(estimate: &TimeEstimate) -> Explained {
    let clock = Clock::of(estimate.step_secs.expected);
    let tokens = Term::count("tokens of a step", estimate.tokens_per_step)
        .note("micro-batch × sequence × accumulation × groups of devices");
    let step = clock.secs("step", estimate.step_secs.expected).note("expected").rough();
    Explained::amount("Tokens a second", clock.a_second(tokens) / step, "tokens/s").why("Over all devices.")
}

fn operations(inputs: &Inputs<'_>, setup: &Setup<'_>, basis: &Basis<'_>, estimate: &TimeEstimate) -> Explained {
    let per = estimate.model_flops_per_token / basis.flops.model().max(1.0) / 1e9;
    let trust = Exactness::rough(!setup.trained.adapter.counts_all_operations());
    let part =
        |title: &'static str, amount: f64| Explained::found(title, Value::Quantity(amount * per, "GFLOP"), trust);
    let frozen = !matches!(inputs.plan.method.method, Method::Full | Method::Galore { .. });
    let parts = vec![
        part("Forward, matrices", basis.flops.forward.matrix),
        part("Forward, attention", basis.flops.forward.attention),
        part("Backward, matrices", basis.flops.backward.matrix),
        part("Backward, attention", basis.flops.backward.attention),
        part("Recomputed", basis.flops.recompute.total()),
    ];
    Explained::sum("Operations of one token", parts)
        .why(if frozen {
            "Frozen weights need no gradient of their own: about 4 operations a weight instead of 6. Recomputed layers cost their forward pass again."
        } else {
            "2 operations a weight forward, 4 backward. Recomputed layers cost their forward pass again."
        })
        .source(FLOPS_SOURCE)
}

/// Share of a step under which waiting for the host is no figure to be checked.
const LEAST_WAIT: f64 = 1e-6;

/// Everything the causes of a training step rest on.
struct Causes<'a> {
    inputs: &'a Inputs<'a>,
    setup: &'a Setup<'a>,
    basis: &'a Basis<'a>,
}

impl Causes<'_> {
    fn peak(&self) -> Term {
        Term::quantity("peak", self.basis.device.flops_per_sec / 1e12, "TFLOP/s").note("dense, of the data sheet")
    }

    fn bandwidth(&self) -> Term {
        let bytes = self.basis.device.bytes_per_sec;
        Term::quantity("bandwidth", bytes / 1e9, "GB/s").note("of the device's memory")
    }

    fn matrix_share(&self) -> Term {
        let device = &self.basis.device;
        let note =
            if device.is_measured { "measured on this device" } else { "that matrix products reach on such a chip" };
        Term::factor("share", device.matrix_share).note(note).rough()
    }

    fn micro_batches(&self) -> Option<Term> {
        let count = self.inputs.plan.batch.gradient_accumulation.max(1);
        (count > 1).then(|| Term::count("micro-batches", count).note("of a step"))
    }

    fn shared(&self) -> Option<Term> {
        let shared = self.basis.division.shared;
        (shared > 1).then(|| Term::count("shared by", shared).note("devices that work on one micro-batch together"))
    }

    /// `one` of a micro-batch, on this device and in a whole step.
    fn in_step(&self, one: Term) -> Term {
        let all = match self.micro_batches() {
            Some(count) => count * one,
            None => one,
        };
        let band = self.basis.band.expected;
        let all =
            all.times((band != 1.0).then(|| Term::factor("band", band).note("measured by predicted time").rough()));
        match self.shared() {
            Some(shared) => all / shared,
            None => all,
        }
    }

    fn utilisation(&self, estimate: &TimeEstimate) -> Explained {
        let clock = Clock::of(estimate.step_secs.expected);
        let needed = clock.operations("needed", self.basis.flops.model()).note("forward and backward of a micro-batch");
        let needed = match self.micro_batches() {
            Some(count) => count * needed,
            None => needed,
        };
        let step = clock.secs("step", estimate.step_secs.expected).note("expected").rough();
        let offered = match self.shared() {
            Some(shared) => shared * step * self.peak(),
            None => step * self.peak(),
        };
        Explained::amount("Model FLOPs utilisation", Term::from(100) * needed / offered, "%")
            .why("Recomputation counts as no use: it is the price of memory. 30 to 55 % is what well-tuned stacks reach.")
            .source("Chowdhery et al. 2022, PaLM, appendix B")
    }

    fn of(&self, kind: TimeKind, secs: f64, busy: f64, estimate: &TimeEstimate) -> Explained {
        let clock = Clock::of(secs);
        let title = format!("{}, in one step", kind.label());
        if kind == TimeKind::Launch && secs < LEAST_WAIT * estimate.step_secs.expected {
            // A difference of two times that agree in every digit one could print.
            return Explained::found(title, Value::Quantity(clock.amount(secs), clock.unit()), Exactness::Approximate)
                .why("The chip is busy for so long that the host is always ahead of it.")
                .source(self.basis.table.launch.source.clone());
        }
        let (term, why, source) = match kind {
            TimeKind::Matrix => self.matrix(clock),
            TimeKind::Attention => self.attention(clock),
            TimeKind::Operators => self.operators(clock),
            TimeKind::Dequantization => self.dequantization(clock),
            TimeKind::Launch => self.launch(clock),
            TimeKind::Optimizer => self.optimizer(clock),
            TimeKind::Communication => self.communication(clock),
            TimeKind::Data => self.data(clock, busy, estimate),
            TimeKind::Bubble => self.bubble(clock),
            // Of requests, not of steps.
            TimeKind::Prompt | TimeKind::Generation => (clock.secs("seconds", secs), "", Cow::Borrowed("")),
        };
        Explained::amount(title, term, clock.unit()).why(why).source(source)
    }

    fn matrix(&self, clock: Clock) -> Cause {
        let all = &self.basis.flops;
        let work = all.forward.matrix + all.backward.matrix + all.recompute.matrix;
        let work = clock.operations("operations", work).note("of a micro-batch");
        let device = &self.basis.device;
        if device.in_fp8 {
            let rate = device.matrix_flops_per_sec / 1e12 / self.basis.table.fp8_share;
            let peak = Term::quantity("peak", rate, "TFLOP/s").note("dense FP8, of the data sheet");
            let scaled =
                Term::factor("scaled", self.basis.table.fp8_share).note("what scaling and casts leave").rough();
            let term = self.in_step(work / (peak * scaled * self.matrix_share()));
            return (term, "Products of tokens with weights in FP8.", self.basis.table.fp8_source.clone().into());
        }
        let term = self.in_step(work / (self.peak() * self.matrix_share()));
        (term, "Products of tokens with weights, head and adapters included.", self.chip_source())
    }

    fn attention(&self, clock: Clock) -> Cause {
        let all = &self.basis.flops;
        let work = all.forward.attention + all.backward.attention + all.recompute.attention;
        let note = if self.setup.eager { "of a micro-batch" } else { "of a micro-batch, only the causal half" };
        let work = clock.operations("operations", work).note(note);
        let share = if self.setup.eager {
            self.matrix_share()
        } else {
            Term::factor("share", self.basis.device.efficiency.attention_share).note("that attention reaches").rough()
        };
        let why = "Products of tokens with tokens; grows with the square of the sequence.";
        (self.in_step(work / (self.peak() * share)), why, self.chip_source())
    }

    fn operators(&self, clock: Clock) -> Cause {
        let basis = self.basis;
        let moved = step::traffic_bytes(self.setup, &basis.device, basis.table);
        let moved = clock.bytes("moved", moved).note("by all operators and passes of a micro-batch").rough();
        let why = "Norms, rotary positions, activations, casts, adapters and the loss do little arithmetic: memory bounds them. Fused kernels move less.";
        (self.in_step(moved / self.bandwidth()), why, basis.table.traffic.source.clone().into())
    }

    fn dequantization(&self, clock: Clock) -> Cause {
        let weights = clock.count("weights", step::quantized_weights(self.setup)).note("held quantized");
        let passes = Term::factor("passes", step::passes(self.setup)).note("over every layer");
        let each = Term::factor("bytes", self.basis.dequantization_bytes).note("moved per weight and pass").rough();
        let why =
            "Each pass unpacks the base to 16 bits, whatever the number of tokens: larger micro-batches dilute it.";
        (self.in_step(weights * passes * each / self.bandwidth()), why, self.chip_source())
    }

    fn launch(&self, clock: Clock) -> Cause {
        let basis = self.basis;
        let chip =
            || clock.secs("chip", basis.micro.total() - basis.micro.launch).note("busy in a micro-batch").rough();
        let host = step::launch_secs(self.setup, basis.table);
        let host = clock.secs("host", host).note("to start the kernels of all layers and passes").rough();
        let why = "With few tokens kernels end before Python has started the next: a larger micro-batch costs no time then. \
                   Chip and host work at the same time; what is beyond the chip's own time counts here.";
        (self.in_step(chip().beside(host) - chip()), why, basis.table.launch.source.clone().into())
    }

    fn optimizer(&self, clock: Clock) -> Cause {
        let basis = self.basis;
        let moved = clock.bytes("bytes", basis.update_bytes).note("weights and state read and written, gradients read");
        let share = Term::factor("share", basis.table.optimizer_share).note("that an update reaches").rough();
        let mut rate = self.bandwidth() * share;
        let cut = if basis.division.strategy.shards_optimizer() { basis.division.data } else { 1 };
        let devices = basis.division.shared.saturating_mul(cut);
        if devices > 1 {
            rate = Term::count("devices", devices).note("that divide the update") * rate;
        }
        (moved / rate, "One update of all trained values.", basis.table.optimizer_source.clone().into())
    }

    fn communication(&self, clock: Clock) -> Cause {
        let (sent, table) = (&self.basis.sent, &self.basis.table.communication);
        let link = crate::units::quantity(sent.link_bytes_per_sec / 1e9, "GB/s");
        let share =
            || Term::factor("share", table.share.expected.max(0.01)).note("of a link's rate that is reached").rough();
        let rate = format!("gathered and reduced at the link's {link}");
        let mut hideable = clock.secs("collectives", sent.hideable).note(rate).rough();
        if sent.host > 0.0 {
            hideable = hideable + clock.secs("host", sent.host).note("to and from host memory or disk").rough();
        }
        let hidden = Term::factor("hidden", table.hidden.expected).note("share of backward that can hide them").rough();
        let backward = clock.secs("backward", self.basis.backward).note("arithmetic they go along with").rough();
        let mut exposed = Term::from(0).max(hideable / share() - hidden * backward);
        if sent.blocking > 0.0 {
            let blocking =
                clock.secs("waited for", sent.blocking).note("between halves of a matrix, stages or experts").rough();
            exposed = exposed + blocking / share();
        }
        let state = sent.state;
        if state.link > 0.0 {
            let link = clock.secs("state", state.link).note("of the optimizer, over the host's link at its full rate");
            exposed = exposed + link.rough() / share();
        }
        if state.host > 0.0 {
            exposed = exposed + clock.secs("host", state.host).note("that updates from its own memory").rough();
        }
        if sent.hideable + sent.host + sent.blocking <= 0.0 {
            let why = "State in host memory comes over the link and goes back for each update; pages stay on the device where it has \
                       room, so paged state may cost less.";
            return (exposed, why, table.source.clone().into());
        }
        let why = "Ring collectives: B bytes over n devices take 2·(n − 1)/n·B over a link to sum, half of that to gather or scatter.";
        (exposed, why, table.source.clone().into())
    }

    fn data(&self, clock: Clock, busy: f64, estimate: &TimeEstimate) -> Cause {
        let rate = self.inputs.plan.run.loader_tokens_per_sec.unwrap_or_default();
        let loading =
            Term::count("tokens of a step", estimate.tokens_per_step) / clock.rate("loader", rate).note("of the plan");
        let busy = clock.secs("busy", busy).note("all other causes").rough();
        let why = "The devices wait for data: a faster loader, or data tokenized beforehand, takes this away.";
        (loading - busy, why, "".into())
    }

    fn bubble(&self, clock: Clock) -> Cause {
        let share = 1.0 - (1.0 - self.basis.division.bubble).max(1e-6);
        let idle = || Term::factor("idle", share).note("share of the step while the pipeline fills and drains");
        let busy = clock.secs("busy", self.basis.micro.total()).note("in a micro-batch").rough();
        let why = "More micro-batches in a step, or an interleaved schedule, fill the pipeline better.";
        let source = "Huang et al. 2019, GPipe: (p − 1) / (m + p − 1); Narayanan et al. 2021";
        (self.in_step(busy) * idle() / (Term::from(1) - idle()), why, source.into())
    }

    fn chip_source(&self) -> Cow<'static, str> {
        self.basis.device.efficiency.source.clone().into()
    }
}

/// Formula, reason and source of a cause.
type Cause = (Term, &'static str, Cow<'static, str>);
