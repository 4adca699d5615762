//! Totals: phases, the three answers, capacity, the textbook's figure, parameter counts.

use super::super::optimizer::textbook_values;
use super::super::overhead;
use super::super::setup::Setup;
use super::super::textbook;
use super::super::trainable::trained_tensors;
use super::super::{Component, Estimate, Inputs, Phase, PhaseKind, sharding};
use super::{TRACED, found};
use crate::catalog::{Accelerator, Limit, Usable};
use crate::explained::{Exactness, Explained, Term, Value};
use crate::units::{Bytes, percent};

/// The peak of a phase: its components.
pub fn phase(phase: &Phase, sure: impl Fn(Component, PhaseKind) -> Exactness) -> Explained {
    let part = |component: Component| {
        let bytes = phase.components.get(component).0;
        found(component.label(), bytes, sure(component, phase.kind))
    };
    Explained::sum(phase.kind.label(), Component::ALL.into_iter().map(part).collect())
        .why(format!("What is alive at the phase's worst moment, {}.", phase.place))
        .source(TRACED)
}

/// The three answers, one from the other.
pub struct Answers {
    /// The peak of the tensors.
    pub tensors: Explained,
    reserved: Term,
    reserved_value: Bytes,
    beside: Vec<Explained>,
    replayed: Term,
    estimate: Figures,
}

/// Figures of the estimate that decide how an answer is told.
struct Figures {
    tensors: Bytes,
    peak: Bytes,
}

impl Answers {
    pub fn of(inputs: &Inputs<'_>, estimate: &Estimate, phases: &[Explained]) -> Self {
        let ratio = inputs.profile.tensors.expected;
        let named = |one: &Explained| one.named(one.title().to_owned()).note("a phase's peak");
        let peak = phases.iter().map(named).reduce(Term::max).unwrap_or_else(|| Term::from(0));
        let replayed = phases.get(estimate.peak).map_or_else(|| Term::from(0), |one| one.named("replayed tensors"));
        let fitted =
            (ratio != 1.0).then(|| Term::factor("ratio", ratio).note("of this stack, from its profile").rough());
        let tensors = Explained::bytes("Tensors", peak.times(fitted).down()).why(
            "The peak is the largest of the phases, not the sum of all components: most of them are never alive together. \
             This is what torch.cuda.max_memory_allocated counts.",
        ).source(TRACED);

        let lasting = super::super::lasting(&estimate.phases).min(estimate.tensors.low);
        let lasting = || Term::bytes("lasting", lasting).note("weights, adapters, optimizer state");
        let band = inputs.profile.reserved;
        let share = Term::factor("ratio", band.expected)
            .note(format!("expected; {} to {} were measured", band.low, band.high))
            .rough();
        let gaps = (tensors.named("tensors") - lasting()) * share;
        let reserved = if band.expected == 1.0 { tensors.named("tensors") } else { lasting() + gaps.down() };

        let context = Bytes::mib(inputs.profile.context_mib.expected.min(1 << 40));
        let mut beside = vec![found("CUDA context and libraries", context.0, Exactness::Approximate)];
        if sharding::communicates(inputs) {
            beside.push(found("Buffers of NCCL", sharding::communicators().0, Exactness::Approximate));
        }
        let before = beside.iter().fold(reserved.whole(), |sum, part| sum.saturating_add(part.value().number() as u64));
        beside.extend(generator(inputs, estimate.process.expected.saturating_sub(Bytes(before))));
        Self {
            tensors,
            reserved_value: Bytes(reserved.whole()),
            reserved,
            beside,
            replayed,
            estimate: Figures {
                tensors: estimate.tensors.expected,
                peak: estimate.phases.get(estimate.peak).map_or(Bytes::ZERO, Phase::total),
            },
        }
    }

    /// Reserved by the allocator.
    pub fn reserved(&self) -> Explained {
        Explained::bytes("Reserved", self.reserved.clone())
            .why(
                "The caching allocator rounds blocks up and cannot reuse every gap that what comes and goes leaves. The \
                 ratio is measured, so a band goes with it.",
            )
            .source("measured reserved against allocated memory; see the profile's source")
    }

    /// The whole process.
    pub fn process(&self) -> Explained {
        let mut parts = vec![found("Reserved", self.reserved_value.0, Exactness::Approximate)];
        parts.extend(self.beside.iter().cloned());
        Explained::sum("Whole process", parts)
            .why(
                "The driver also counts the CUDA context and the libraries' workspaces: this is what nvidia-smi shows and \
                 what has to fit.",
            )
            .source("measured process against reserved memory; see the profile's source")
    }

    /// What the process holds beside the replayed tensors.
    pub fn runtime(&self) -> Explained {
        let Figures { tensors, peak } = self.estimate;
        let named = |name, bytes| Term::bytes(name, bytes).rough();
        let parts = if tensors >= peak && self.reserved_value >= tensors {
            let mut parts = Vec::with_capacity(4);
            if tensors > peak {
                let more = self.tensors.named("tensors") - self.replayed.clone();
                parts.push(Explained::bytes("Tensors of this stack beyond the replay", more));
            }
            let gaps = named("reserved", self.reserved_value) - self.tensors.named("tensors");
            parts.push(Explained::bytes("Allocator gaps", gaps));
            parts.extend(self.beside.iter().cloned());
            parts
        } else {
            let process = self
                .beside
                .iter()
                .fold(self.reserved_value.0, |sum, part| sum.saturating_add(part.value().number() as u64));
            vec![Explained::bytes("Beside the tensors", named("process", Bytes(process)) - self.replayed.clone())]
        };
        Explained::sum("Runtime overhead", parts)
            .why("Gaps in the caching allocator, and the CUDA context with its libraries.")
            .source("published T4 and A100 measurements; see the profile's source")
    }
}

/// What vLLM holds on the trainer's device beyond the trainer's own peak; `None`: it is not there.
fn generator(inputs: &Inputs<'_>, beyond: Bytes) -> Option<Explained> {
    let whole = overhead::generator_device(inputs)?;
    let objective = &inputs.plan.objective;
    if objective.generator_sleeps {
        let part = found("vLLM while it generates, beyond the trainer's peak", beyond.0, Exactness::Approximate);
        return Some(part.why("vLLM gives its memory back while the policy is trained: the larger of the two counts."));
    }
    let share = Term::factor("share", objective.generator_share).note("that vLLM asks for");
    let asked = (Term::bytes("memory", whole).note("of the device") * share).down();
    Some(
        Explained::bytes("vLLM beside the trainer", asked)
            .source("trl/generation/vllm_generation.py: LLM(gpu_memory_utilization=…)"),
    )
}

/// What the device offers.
pub fn capacity(inputs: &Inputs<'_>) -> Explained {
    let hardware = &inputs.plan.hardware;
    let mib = |amount: u64| Bytes(amount.saturating_mul(1 << 20));
    let (memory, why) = match (hardware.memory_mib, inputs.accelerator) {
        (typed, Some(device)) => {
            let usable = device.usable(typed);
            (usable_memory(device, usable), usable.limit.why(device))
        }
        (Some(typed), None) => (Term::bytes("memory", mib(typed)), "The memory is as given in the plan.".to_owned()),
        (None, None) => (Term::from(0), "No device is chosen.".to_owned()),
    };
    let reserve = mib(hardware.reserve_mib);
    let reserve = Term::bytes("reserve", reserve.min(Bytes(memory.whole()))).note("kept free for other programs");
    Explained::bytes("Capacity", memory - reserve).why(why).source("catalogue of accelerators")
}

/// What software may use of a device, as the factors it comes from.
fn usable_memory(device: &Accelerator, usable: Usable) -> Term {
    match usable.limit {
        Limit::Typed | Limit::PyTorch | Limit::Driver => Term::bytes("memory", Bytes(usable.bytes)),
        Limit::LabelByRule { share } => {
            let share = Term::factor("share", share).note("that listings of other cards show").rough();
            (Term::bytes("label", Bytes(device.label_bytes())).note("its GB read as GiB") * share).down()
        }
        Limit::Wired { memory_bytes, share } => {
            let share = Term::factor("share", share).note("that Metal lets a process wire").rough();
            (Term::bytes("memory", Bytes(memory_bytes)).note("of the machine") * share).down()
        }
    }
}

/// The textbook's figure.
pub fn textbook(setup: &Setup<'_>, inputs: &Inputs<'_>, estimate: &Estimate) -> Explained {
    let bits = inputs.load_format.element_bits;
    let values = Term::count("N", estimate.model.total).note("parameters");
    let weights = (values * Term::factor("M", bits / 8.0).note("bytes per parameter")).down();
    let out = if setup.training {
        let states = textbook_values(setup.plan.optimizer.algorithm);
        let trained = Term::count("Nt", estimate.parameters.trainable).note("trained values");
        let each = Term::from(1) + Term::count("s", states).note("optimizer values per trained value");
        let width = Term::count("Mt", textbook::trained_width(setup)).note("bytes per trained value");
        Explained::bytes("Textbook rule", weights + trained * each * width).why(
            "Weights, one gradient and the optimizer's values. It leaves out activations, logits, temporary copies, scales \
             and the runtime.",
        )
    } else {
        let fifth = (weights.clone() / Term::from(5)).down();
        Explained::bytes("Textbook rule", weights + fifth).why(
            "A fifth on top of the weights for activations and cache: right at short context, far too little for a long one.",
        )
    };
    out.source("the rule of thumb of textbooks on fine-tuning")
}

fn counted(title: &'static str, count: u64) -> Explained {
    Explained::found(title, Value::Count(count), Exactness::Exact)
}

/// Parameters of model and method.
pub fn parameters(setup: &Setup<'_>, estimate: &Estimate) -> Explained {
    let model = estimate.model;
    let inner =
        model.total.saturating_sub(model.embedding).saturating_sub(model.head).saturating_sub(model.routed_experts);
    let parts = vec![
        counted("Token table", model.embedding),
        counted("Layers, norms and the rest", inner),
        counted("Routed experts", model.routed_experts),
        counted("Output head", model.head),
        counted("Added by the method", estimate.parameters.added),
    ];
    let head = if setup.architecture.head.tied {
        "The head is the token table itself and counts once."
    } else {
        "Token table and head are two matrices."
    };
    Explained::sum("Parameters", parts).why(head).source("shapes of the model's tensors, equal to the published totals")
}

/// Trained values.
pub fn trainable(setup: &Setup<'_>, estimate: &Estimate) -> Explained {
    let (mut of_model, mut added) = (0_u64, 0_u64);
    if setup.training {
        trained_tensors(setup, &mut |tensor| {
            let slot = if tensor.added { &mut added } else { &mut of_model };
            *slot = slot.saturating_add(tensor.values());
        });
    }
    let share = estimate.parameters.trainable as f64 / estimate.parameters.total.max(1) as f64;
    Explained::sum(
        "Trainable parameters",
        vec![counted("Of the model", of_model), counted("Added by the method", added)],
    )
    .why(format!("Only these receive gradients and optimizer state: {} of all parameters.", percent(share)))
    .source("PEFT 0.21 and the methods' papers")
}
