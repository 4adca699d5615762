//! Derivations of the time of a request.

use super::super::device::Device;
use super::super::efficiency::Efficiency;
use super::super::step::produced_per_token;
use super::{Clock, Derivations, Inputs, Setup, TimeEstimate, TimeKind, TimeSubject, cache_moves, flops, summed};
use crate::estimate::time::Generation;
use crate::explained::{Explained, Term};

/// Of a request.
pub fn inference(
    inputs: &Inputs<'_>,
    setup: &Setup<'_>,
    device: &Device<'_>,
    table: &Efficiency,
    estimate: &TimeEstimate,
) -> Derivations {
    let Some(made) = estimate.generation else { return Vec::new() };
    let request = Request { inputs, setup, device, table, made };
    let step = summed("Time of one request", estimate)
        .why("The prompt is bound by arithmetic, generation by memory and by the host that starts kernels.")
        .source(table.decode.source.clone());
    vec![
        (TimeSubject::Step, step),
        (TimeSubject::Rate, request.rate(estimate)),
        (TimeSubject::Kind(TimeKind::Generation), request.generation()),
        (TimeSubject::Token, request.token()),
        (TimeSubject::Kind(TimeKind::Prompt), request.prompt()),
    ]
}

struct Request<'a> {
    inputs: &'a Inputs<'a>,
    setup: &'a Setup<'a>,
    device: &'a Device<'a>,
    table: &'a Efficiency,
    made: Generation,
}

impl Request<'_> {
    fn new_tokens(&self) -> Term {
        Term::count("new tokens", self.inputs.plan.batch.new_tokens).note("after the prompt")
    }

    fn bandwidth(&self) -> Term {
        Term::quantity("bandwidth", self.device.bytes_per_sec / 1e9, "GB/s").note("of the device's memory")
    }

    fn read_share(&self) -> Term {
        Term::factor("read share", self.table.decode.bandwidth_share)
            .note("of the bandwidth that reading weights reaches")
            .rough()
    }

    fn peak(&self) -> Term {
        Term::quantity("peak", self.device.flops_per_sec / 1e12, "TFLOP/s").note("dense")
    }

    fn matrix_share(&self) -> Term {
        Term::factor("matrix share", self.device.matrix_share).note("of the peak that matrix products reach").rough()
    }

    fn weights(&self, clock: Clock) -> Term {
        clock.bytes("weights", self.made.weight_bytes).note("read for a token; of experts those that are met")
    }

    fn host(&self, clock: Clock) -> Term {
        clock.secs("host", self.made.host_secs).note("to start the kernels of a pass").rough()
    }

    fn rate(&self, estimate: &TimeEstimate) -> Explained {
        let clock = Clock::of(estimate.step_secs.expected);
        let sequences = Term::count("sequences", self.setup.batch).note("at a time");
        let mut tokens = sequences * self.new_tokens();
        if estimate.devices > 1 {
            tokens = Term::count("devices", estimate.devices).note("each answers requests of its own") * tokens;
        }
        let request = clock.secs("request", estimate.step_secs.expected).note("expected").rough();
        Explained::amount("Generated tokens a second", clock.a_second(tokens) / request, "tokens/s")
            .why("With the stack of the plan, which starts kernels one by one; engines with captured graphs come near the ceiling.")
            .source(self.table.decode.source.clone())
    }

    fn generation(&self) -> Explained {
        let clock = Clock::of(self.made.decode_secs);
        let token =
            clock.secs("time of a token", self.made.token_secs).note("of every sequence, halfway through").rough();
        Explained::amount("Generation, in one request", self.new_tokens() * token, clock.unit())
            .why("A token reads every weight once for all sequences together: a larger batch costs little until memory or arithmetic bind.")
            .source(self.table.decode.source.clone())
    }

    fn token(&self) -> Explained {
        let clock = Clock::of(self.made.token_secs);
        let halfway = self.setup.sequence.saturating_add(self.inputs.plan.batch.new_tokens / 2);
        let work = flops::token(self.setup, halfway as f64).total();
        let work = clock.operations("operations", work).note("of one token of every sequence");
        let read = self.weights(clock) / (self.bandwidth() * self.read_share());
        let chip = read.max(work / (self.peak() * self.matrix_share())).called("chip");
        let moves = Term::factor("cache moves", cache_moves(self.setup, self.table))
            .note("of this stack, for one token")
            .rough();
        let cache = clock.bytes("cache", self.made.cache_bytes).note("keys and values halfway through");
        let term = chip.beside(self.host(clock)) + moves * cache / self.bandwidth();
        Explained::amount("Time of one token", term, clock.unit())
            .why("Weights stream while the host works; what eager code does to the cache comes on top.")
            .source(self.table.decode.source.clone())
    }

    fn prompt(&self) -> Explained {
        let clock = Clock::of(self.made.prefill_secs);
        let (setup, device) = (self.setup, self.device);
        let work = flops::prompt(setup, self.inputs.profile.full_prefill_logits);
        let matrix = clock.operations("matrix products", work.matrix).note("of all prompts");
        let attention = clock.operations("attention", work.attention).note("of all prompts");
        let share = if setup.eager {
            self.matrix_share()
        } else {
            Term::factor("attention share", device.efficiency.attention_share).note("of the peak").rough()
        };
        let groups = setup.architecture.layers.iter();
        let produced: f64 = groups.map(|group| group.count as f64 * produced_per_token(setup, &group.layer)).sum();
        let moved = setup.tokens as f64 * produced * self.table.traffic.plain;
        let moved = clock.bytes("moved", moved).note("by all other operators").rough();
        let chip =
            matrix / (self.peak() * self.matrix_share()) + attention / (self.peak() * share) + moved / self.bandwidth();
        let read = self.weights(clock) / (self.bandwidth() * self.read_share());
        let term = chip.called("chip").beside(self.host(clock)).max(read);
        Explained::amount("Prompt, in one request", term, clock.unit())
            .why("All tokens of the prompt go through together, as in a forward pass of training; no less than reading all weights takes.")
            .source(device.efficiency.source.clone())
    }
}
