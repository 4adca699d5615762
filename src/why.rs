//! An out-of-memory message explained: what asked for the memory, as a product of the plan's own dimensions.
//!
//! A printed size is an interval ([`message::Size`]): torch rounds sizes above 10 MiB up to whole 2 MiB and prints two
//! digits. Every product of the plan's dimensions that falls into it is a candidate; what the message says is in use
//! tells weights being loaded from gradients and states. Where no product fits, nothing is claimed.

use crate::estimate::{Component, Estimate};
use crate::plan::Plan;
use crate::units::Bytes;

mod factors;
pub mod message;

pub use factors::Candidate;
use message::{Message, Source};

/// What holds the memory that was asked for. The words are those of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named by their words")]
pub enum Class {
    Weights,
    Gradients,
    Optimizer,
    Activations,
    Logits,
    Attention,
    Cache,
    OutsidePytorch,
    OtherProcesses,
    HostMemory,
    NotDeviceMemory,
    Limit,
    Full,
    Defect,
    Unexplained,
}

impl Class {
    /// Word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Gradients => "gradients",
            Self::Optimizer => "optimizer",
            Self::Activations => "activations",
            Self::Logits => "logits",
            Self::Attention => "attention",
            Self::Cache => "cache",
            Self::OutsidePytorch => "outside-pytorch",
            Self::OtherProcesses => "other-processes",
            Self::HostMemory => "host-memory",
            Self::NotDeviceMemory => "not-device-memory",
            Self::Limit => "limit",
            Self::Full => "full",
            Self::Defect => "defect",
            Self::Unexplained => "unexplained",
        }
    }
}

impl Why {
    /// Whether changes of the plan bear on what the message is about: not on memories that the plan does not fill.
    pub fn concerns_the_plan(&self) -> bool {
        self.classes.iter().any(|class| match class {
            Class::Weights
            | Class::Gradients
            | Class::Optimizer
            | Class::Activations
            | Class::Logits
            | Class::Attention
            | Class::Cache
            | Class::Limit
            | Class::Full => true,
            // A device ran out, but of no product of this plan.
            Class::Unexplained => self.bytes.is_some(),
            Class::OutsidePytorch
            | Class::OtherProcesses
            | Class::HostMemory
            | Class::NotDeviceMemory
            | Class::Defect => false,
        })
    }
}

/// When memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named by their words")]
pub enum Moment {
    Load,
    Forward,
    Backward,
    Step,
}

impl Moment {
    /// Word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Step => "step",
        }
    }
}

/// The explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// Size that was asked for, as printed.
    pub bytes: Option<Bytes>,
    /// What holds it; more than one where the message leaves it open.
    pub classes: Vec<Class>,
    /// When; likewise.
    pub moments: Vec<Moment>,
    /// Whether the size comes out of the plan's dimensions.
    pub explained: bool,
    /// All products that give the size, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// What the message means, in a sentence or two.
    pub words: String,
}

/// Explains `text`, by the dimensions of `plan` where there is one.
pub fn explain(text: &str, plan: Option<(&Plan, &Estimate)>) -> Why {
    let message = Message::read(text);
    let plain = |classes: &[Class], moments: &[Moment], words: &str| Why {
        bytes: message.size.map(|size| size.printed),
        classes: classes.to_vec(),
        moments: moments.to_vec(),
        explained: false,
        candidates: Vec::new(),
        words: words.to_owned(),
    };
    match message.source {
        Source::OnChip => plain(
            &[Class::NotDeviceMemory],
            &[],
            "The memory of one kernel on the chip ran out, not the device memory: no setting of a plan gives this size. \
             Another version of the kernel or of the compiler, or smaller blocks in it, helps.",
        ),
        Source::Outside => plain(
            &[Class::OutsidePytorch],
            &[],
            "A library beside PyTorch (NCCL, cuBLAS, the driver) asked for this: it comes on top of what PyTorch \
             holds. Leave more of the device free.",
        ),
        Source::HostPaged => plain(
            &[Class::HostMemory],
            &[Moment::Step],
            "bitsandbytes asked for memory that host and device share, as paged optimizers do; where the system gives \
             none (WSL 2 without it, a full host) it fails here.",
        ),
        Source::Host => plain(&[Class::HostMemory], &[], "The host's memory ran out, not the device's."),
        Source::Watermark => plain(
            &[Class::Limit],
            &[],
            "The allowed share of the unified memory is used up: the limit is a setting of the Metal backend, and raising it takes \
             memory from the system.",
        ),
        Source::GraphBuffer => {
            let words = "A buffer that the program sized by itself was too small: a fault of the program, not of the \
                         device's memory.";
            let candidates =
                message.size.zip(plan).map_or_else(Vec::new, |(size, (plan, _))| factors::candidates(plan, size));
            Why { explained: !candidates.is_empty(), candidates, ..plain(&[Class::Defect], &[], words) }
        }
        Source::NoBlocks => plain(
            &[Class::Weights, Class::Cache],
            &[Moment::Load],
            "After the weights nothing of vLLM's share of the device is left for the cache. Give it a larger share, a smaller \
             format, or more devices.",
        ),
        Source::CacheTokens { .. } => cache(&message, plan),
        Source::WholeProgram => compiled(text, &message, plan, plain),
        Source::Allocation => allocation(&message, plan, plain),
        Source::Unknown => plain(
            &[Class::Unexplained],
            &[],
            "This is no message of a memory that ran out that can be read: paste the line that names the size.",
        ),
    }
}

/// vLLM counts the cache of one request against what is left.
fn cache(message: &Message, plan: Option<(&Plan, &Estimate)>) -> Why {
    let candidates = plan.map_or_else(Vec::new, |(plan, _)| factors::cache(plan, message));
    let words = "The cache of keys and values of one whole request does not fit into what vLLM has left. Shorten the longest \
                 request (max_model_len), store the cache in 8 bits, or use more devices.";
    Why {
        bytes: message.size.map(|size| size.printed),
        classes: vec![Class::Cache],
        moments: vec![Moment::Load],
        // The message itself says what the size is.
        explained: true,
        candidates,
        words: words.to_owned(),
    }
}

/// XLA plans the memory of a whole program at once and prints the sum.
fn compiled(
    text: &str,
    message: &Message,
    plan: Option<(&Plan, &Estimate)>,
    plain: impl Fn(&[Class], &[Moment], &str) -> Why,
) -> Why {
    let eager = plan.is_some_and(|(plan, _)| plan.runtime.attention == crate::plan::AttentionKernel::Eager);
    let words = "This is the sum of a whole compiled program, not one allocation: no single setting gives it.";
    if eager || message::has_square_buffer(text) {
        return plain(&[Class::Attention], &[Moment::Forward, Moment::Backward], words);
    }
    Why { bytes: message.size.map(|size| size.printed), ..plain(&[Class::Unexplained], &[], words) }
}

/// One allocation of PyTorch or JAX.
fn allocation(
    message: &Message,
    plan: Option<(&Plan, &Estimate)>,
    plain: impl Fn(&[Class], &[Moment], &str) -> Why,
) -> Why {
    let Some(size) = message.size else {
        return plain(&[Class::Unexplained], &[], "The message names no size, so that nothing can be read from it.");
    };
    // The allocator fetches small tensors in blocks of 2 and 20 MiB: such a size is the last straw, not the cause.
    if size.printed.0 <= 20 << 20 {
        let words = "So small a request is the last straw: the device was full already. The size says nothing of the \
                     cause; look at what the plan holds at its peak.";
        return plain(&[Class::Full], &[], words);
    }
    if size.is_coarse() {
        let words = "The size is printed so coarsely that many products fit it: nothing can be read from it.";
        return plain(&[Class::Unexplained], &[], words);
    }
    if message.others_hold_much() {
        let words = "Other processes hold much of this device: the size says little. End them, or give each process its \
                     own device.";
        return plain(&[Class::OtherProcesses], &[], words);
    }
    let Some((plan, estimate)) = plan else {
        return plain(
            &[Class::Unexplained],
            &[],
            "Give the plan of the job: the size is looked for among its dimensions.",
        );
    };
    let mut candidates = factors::candidates(plan, size);
    let held = message.allocated.map(|bytes| bytes.0);
    rank(&mut candidates, estimate, held);
    let best = candidates.first().map(|candidate| candidate.rank);
    let likely: Vec<&Candidate> = candidates.iter().filter(|candidate| Some(candidate.rank) == best).collect();
    let mut classes: Vec<Class> = likely.iter().map(|candidate| candidate.class).collect();
    let mut moments: Vec<Moment> = likely.iter().flat_map(|candidate| candidate.moments.clone()).collect();
    classes.sort_unstable();
    classes.dedup();
    moments.sort_unstable();
    moments.dedup();
    let Some(first) = candidates.first() else {
        let words = "No product of this plan's dimensions gives this size: another length, batch or model than planned, or a \
                     buffer of a library. Nothing is claimed.";
        return plain(&[Class::Unexplained], &[], words);
    };
    let words = format!("{} = {}: {}.", size.printed.fine(crate::units::ByteUnit::GiB), first.factors, first.term);
    Why { bytes: Some(size.printed), classes, moments, explained: true, candidates, words }
}

/// Puts the likeliest first, by what is in use: less than the weights need means that they are still loaded; less than
/// weights and gradients, that gradients come into being.
fn rank(candidates: &mut [Candidate], estimate: &Estimate, held_bytes: Option<u64>) {
    let of = |component: Component| estimate.at_peak.get(component).0;
    let weights = of(Component::Weights).saturating_add(of(Component::QuantizationConstants));
    let with_gradients = weights.saturating_add(of(Component::Gradients));
    for candidate in &mut *candidates {
        let place = match (candidate.class, held_bytes) {
            (Class::Weights, Some(held)) if held < weights => 0,
            (Class::Weights, Some(_)) => 4,
            (Class::Gradients, Some(held)) if held < weights => 3,
            (Class::Optimizer, Some(held)) if held < with_gradients => 3,
            (_, Some(held)) if held < weights => 3,
            _ => 1,
        };
        // A product that was guessed at another length than planned is worth less.
        candidate.rank = place + if candidate.inferred { 2 } else { 0 };
    }
    candidates.sort_by_key(|candidate| (candidate.rank, candidate.class));
}
