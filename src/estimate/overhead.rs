//! From tensors to what the allocator reserves and the driver shows, and what the device offers.

use super::Inputs;
use super::kind::Asks;
use super::profile::{RatioBand, RuntimeProfile};
use crate::architecture::Knowledge;
use crate::explained::Interval;
use crate::plan::Generator;
use crate::units::Bytes;

/// `bytes` with a band of ratios.
pub fn scale(bytes: Bytes, band: RatioBand) -> Interval {
    let times = |factor: f64| {
        if factor == 1.0 { bytes } else { Bytes((bytes.0 as f64 * factor) as u64) }
    };
    Interval { low: times(band.low), expected: times(band.expected), high: times(band.high) }
}

/// Band of a replay that follows simplified operators: nine in ten traced rows of such classes lie inside.
const APPROXIMATE: RatioBand = RatioBand { low: 0.92, expected: 1.0, high: 1.08 };

/// The tensors' peak with the profile's band, and a wider one where the replay is `approximate`.
pub fn tensors(peak: Bytes, profile: &RuntimeProfile, approximate: bool) -> Interval {
    let band = profile.tensors;
    if !approximate {
        return scale(peak, band);
    }
    let wide = RatioBand {
        low: band.low.min(band.expected * APPROXIMATE.low),
        expected: band.expected,
        high: band.high.max(band.expected * APPROXIMATE.high),
    };
    scale(peak, wide)
}

/// Band of a shape that is a guess: of 258 configurations of unknown classes that were read as plain dense decoders, 179
/// came within a factor of two of transformers' own count. Not fitted; the others were far worse, which is why no verdict
/// rests on it.
const GUESSED: RatioBand = RatioBand { low: 0.5, expected: 1.0, high: 2.0 };

/// `answer` with the band that is left of it where the model was not wholly read.
pub fn widened(answer: Interval, knowledge: Knowledge) -> Interval {
    let wide = scale(answer.expected, GUESSED);
    match knowledge {
        Knowledge::Whole => answer,
        Knowledge::AtLeast => Interval { high: answer.high.max(wide.high), ..answer },
        Knowledge::Guess => Interval { low: answer.low.min(wide.low), high: answer.high.max(wide.high), ..answer },
    }
}

/// What the caching allocator holds: what lasts is packed tightly when it is loaded; what comes and goes leaves gaps, so
/// that part counts by the profile's ratio.
pub fn reserved(tensors: Interval, lasting: Bytes, profile: &RuntimeProfile) -> Interval {
    let lasting = lasting.min(tensors.low);
    let fleeting = |bytes: Bytes| scale(bytes.saturating_sub(lasting), profile.reserved);
    Interval {
        low: lasting + fleeting(tensors.low).low,
        expected: lasting + fleeting(tensors.expected).expected,
        high: lasting + fleeting(tensors.high).high,
    }
}

/// Reserved memory and the CUDA context.
pub fn process(reserved: Interval, profile: &RuntimeProfile) -> Interval {
    let context = profile.context_mib;
    Interval {
        low: reserved.low + Bytes::mib(context.low.min(1 << 40)),
        expected: reserved.expected + Bytes::mib(context.expected.min(1 << 40)),
        high: reserved.high + Bytes::mib(context.high.min(1 << 40)),
    }
}

/// What vLLM asks for on the trainer's device, in bytes: its share of the whole memory, whatever is free (`LLM(gpu_memory_utilization=…)`
/// of TRL's `generation/vllm_generation.py`); 0 without a device, or where it runs elsewhere.
fn generator_bytes(inputs: &Inputs<'_>) -> Bytes {
    let share = inputs.plan.objective.generator_share.clamp(0.0, 1.0);
    generator_device(inputs).map_or(Bytes::ZERO, |whole| Bytes((whole.0 as f64 * share) as u64))
}

/// Memory of the device that vLLM shares with the trainer; `None`: it does not run there, or no device is chosen.
pub fn generator_device(inputs: &Inputs<'_>) -> Option<Bytes> {
    let generates =
        inputs.kind.asks == Asks::ReferenceBefore && inputs.plan.objective.generator == Generator::Colocated;
    if !generates {
        return None;
    }
    whole(inputs)
}

/// What software may use of one device, before the reserve; `None` without a device.
fn whole(inputs: &Inputs<'_>) -> Option<Bytes> {
    match (inputs.plan.hardware.memory_mib, inputs.accelerator) {
        (typed, Some(accelerator)) => Some(Bytes(accelerator.usable(typed).bytes)),
        (Some(typed), None) => Some(mib(typed)),
        (None, None) => None,
    }
}

/// The trainer's process with vLLM beside it: at every moment, or, where it sleeps, while only what `lasting` is there.
pub fn beside_trainer(inputs: &Inputs<'_>, process: Interval, lasting: Bytes) -> Interval {
    let generator = generator_bytes(inputs);
    if generator == Bytes::ZERO {
        return process;
    }
    if !inputs.plan.objective.generator_sleeps {
        let with = |bytes: Bytes| bytes + generator;
        return Interval { low: with(process.low), expected: with(process.expected), high: with(process.high) };
    }
    let context = |amount: u64| lasting + generator + Bytes::mib(amount.min(1 << 40));
    let band = inputs.profile.context_mib;
    Interval {
        low: process.low.max(context(band.low)),
        expected: process.expected.max(context(band.expected)),
        high: process.high.max(context(band.high)),
    }
}

/// What one device offers after the reserve; `None` without a device.
pub fn capacity(inputs: &Inputs<'_>) -> Option<Bytes> {
    Some(whole(inputs)?.saturating_sub(mib(inputs.plan.hardware.reserve_mib)))
}

fn mib(amount: u64) -> Bytes {
    Bytes(amount.saturating_mul(1 << 20))
}
