//! Totals: phases, the three answers, capacity, the textbook's figure, parameter counts.

use super::super::optimizer::textbook_values;
use super::super::overhead::DRIVER_SHARE;
use super::super::setup::Setup;
use super::super::textbook;
use super::super::trainable::trained_tensors;
use super::super::{Component, Estimate, Inputs, Phase};
use super::{TRACED, explained, part};
use crate::explained::{Explained, Input, Value};
use crate::units::Bytes;

/// The peak of a phase: its components.
pub fn phase(phase: &Phase) -> Explained {
    let parts = Component::ALL
        .into_iter()
        .map(|component| part(component.label(), phase.components.get(component).0, "", Vec::new()))
        .collect();
    explained(
        phase.kind.label(),
        Value::Bytes(phase.total()),
        "Σ of what is alive at the phase's worst moment",
        Vec::new(),
        phase.place,
        TRACED,
    )
    .with_parts(parts)
}

/// The peak of the tensors.
pub fn tensors(inputs: &Inputs<'_>, estimate: &Estimate) -> Explained {
    let ratio = inputs.profile.tensors;
    let peak = estimate.phases.get(estimate.peak).map_or(Bytes::ZERO, Phase::total);
    let mut phases = Vec::with_capacity(4);
    for phase in &estimate.phases {
        phases.push(Input::bytes(phase.kind.label(), phase.total(), phase.place));
    }
    let mut out = explained(
        "Tensors",
        Value::Bytes(estimate.tensors.expected),
        "max over phases",
        phases,
        "The peak is the largest of the phases, not the sum of all components: most of them are never alive together. \
         This is what torch.cuda.max_memory_allocated counts.",
        TRACED,
    );
    if peak != estimate.tensors.expected {
        out.formula = "max over phases × ratio".into();
        out.inputs.push(Input::factor("ratio", ratio.expected, "of this stack, from its profile"));
        out = out.rough(true);
    }
    out
}

/// Reserved by the allocator.
pub fn reserved(inputs: &Inputs<'_>, estimate: &Estimate) -> Explained {
    let band = inputs.profile.reserved;
    let lasting = crate::estimate::lasting(&estimate.phases);
    explained(
        "Reserved",
        Value::Bytes(estimate.reserved.expected),
        "lasting + (tensors − lasting) × ratio",
        vec![
            Input::bytes("tensors", estimate.tensors.expected, ""),
            Input::bytes("lasting", lasting.min(estimate.tensors.low), "weights, adapters, optimizer state"),
            Input::factor("ratio", band.expected, "expected"),
            Input::factor("low", band.low, "ratio"),
            Input::factor("high", band.high, "ratio"),
        ],
        "The caching allocator rounds blocks up and cannot reuse every gap that what comes and goes leaves. The ratio is \
         measured, so a band goes with it.",
        "measured reserved against allocated memory; see the profile's source",
    )
    .rough(true)
}

/// The whole process.
pub fn process(inputs: &Inputs<'_>, estimate: &Estimate) -> Explained {
    let context = Bytes::mib(inputs.profile.context_mib.expected.min(1 << 40));
    explained(
        "Whole process",
        Value::Bytes(estimate.process.expected),
        "reserved + context",
        Vec::new(),
        "The driver also counts the CUDA context and the libraries' workspaces: this is what nvidia-smi shows and what \
         has to fit.",
        "measured process against reserved memory; see the profile's source",
    )
    .rough(true)
    .with_parts(vec![
        part("Reserved", estimate.process.expected.saturating_sub(context).0, "", Vec::new()),
        part("CUDA context and libraries", context.0.min(estimate.process.expected.0), "", Vec::new()),
    ])
}

/// What the process holds beside tensors.
pub fn runtime(inputs: &Inputs<'_>, estimate: &Estimate, value: Bytes) -> Explained {
    let context = Bytes::mib(inputs.profile.context_mib.expected.min(1 << 40)).0.min(value.0);
    explained(
        "Runtime overhead",
        Value::Bytes(value),
        "process − tensors",
        vec![
            Input::bytes("process", estimate.process.expected, ""),
            Input::factor("reserved / tensors", inputs.profile.reserved.expected, ""),
        ],
        "Gaps in the caching allocator, and the CUDA context with its libraries.",
        "published T4 and A100 measurements; see the profile's source",
    )
    .rough(true)
    .with_parts(vec![
        part("Allocator gaps", value.0.saturating_sub(context), "", Vec::new()),
        part("CUDA context and libraries", context, "", Vec::new()),
    ])
}

/// What the device offers.
pub fn capacity(inputs: &Inputs<'_>, capacity: Bytes) -> Explained {
    let hardware = &inputs.plan.hardware;
    let reserve = Bytes(hardware.reserve_mib.saturating_mul(1 << 20));
    let listed = inputs.accelerator.and_then(|accelerator| accelerator.memory_mib_driver);
    let (why, rough) = if hardware.memory_mib.is_some() {
        ("The memory is as edited in the plan.", false)
    } else if listed.is_some() {
        ("The driver's own figure, from a published listing of this card.", false)
    } else {
        (
            "No driver listing of this card is known: the data sheet's size in GiB, less the few percent that listings of \
             other cards lack.",
            true,
        )
    };
    let mut entries = vec![Input::bytes("reserve", reserve, "kept free for other programs")];
    if let Some(accelerator) = inputs.accelerator {
        entries.push(Input::factor("data sheet", accelerator.memory_gb_marketed, "GB"));
    }
    if rough {
        entries.push(Input::factor("share", DRIVER_SHARE, "of the data sheet's GiB"));
    }
    explained(
        "Capacity",
        Value::Bytes(capacity),
        "memory of the device − reserve",
        entries,
        why,
        "catalogue of accelerators",
    )
    .rough(rough)
}

/// The textbook's figure.
pub fn textbook(setup: &Setup<'_>, inputs: &Inputs<'_>, estimate: &Estimate) -> Explained {
    let weights = textbook::weights(inputs, estimate.model.total);
    let bytes = inputs.load_format.element_bits / 8.0;
    let rest = estimate.textbook.0.saturating_sub(weights);
    if !setup.training {
        return explained(
            "Textbook rule",
            Value::Bytes(estimate.textbook),
            "N × M × 1.2",
            vec![Input::count("N", estimate.model.total, "parameters"), Input::factor("M", bytes, "bytes per parameter")],
            "A fifth on top of the weights for activations and cache: right at short context, far too little for a long one.",
            "the rule of thumb of textbooks on fine-tuning",
        )
        .with_parts(vec![
            part("Weights", weights, "N × M", Vec::new()),
            part("A fifth on top", rest, "", Vec::new()),
        ]);
    }
    explained(
        "Textbook rule",
        Value::Bytes(estimate.textbook),
        "N × M + Nt × (1 + s) × Mt",
        vec![
            Input::count("N", estimate.model.total, "parameters"),
            Input::factor("M", bytes, "bytes per parameter"),
            Input::count("Nt", estimate.parameters.trainable, "trained values"),
            Input::count("s", textbook_values(setup.plan.optimizer.algorithm), "optimizer values per trained value"),
            Input::count("Mt", textbook::trained_width(setup), "bytes per trained value"),
        ],
        "Weights, one gradient and the optimizer's values. It leaves out activations, logits, temporary copies, scales \
         and the runtime.",
        "the rule of thumb of textbooks on fine-tuning",
    )
    .with_parts(vec![
        part("Weights", weights, "N × M", Vec::new()),
        part("Gradients and optimizer", rest, "Nt × (1 + s) × Mt", Vec::new()),
    ])
}

fn count_part(title: &'static str, count: u64) -> Explained {
    explained(title, Value::Count(count), "", Vec::new(), "", "")
}

/// Parameters of model and method.
pub fn parameters(setup: &Setup<'_>, estimate: &Estimate) -> Explained {
    let model = estimate.model;
    let inner =
        model.total.saturating_sub(model.embedding).saturating_sub(model.head).saturating_sub(model.routed_experts);
    let mut out = explained(
        "Parameters",
        Value::Count(estimate.parameters.total),
        "table + layers + experts + head + added",
        vec![
            Input::count("layers", setup.layers(), ""),
            Input::count("active", model.active, "values one token passes through"),
        ],
        if setup.architecture.head.tied {
            "The head is the token table itself and counts once."
        } else {
            "Token table and head are two matrices."
        },
        "shapes of the model's tensors, equal to the published totals",
    );
    out.parts = vec![
        count_part("Token table", model.embedding),
        count_part("Layers, norms and the rest", inner),
        count_part("Routed experts", model.routed_experts),
        count_part("Output head", model.head),
        count_part("Added by the method", estimate.parameters.added),
    ];
    out.parts.retain(|part| part.value != Value::Count(0));
    out
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
    let mut out = explained(
        "Trainable parameters",
        Value::Count(estimate.parameters.trainable),
        "trained values of the model + values the method adds",
        vec![Input::new("share", Value::Share(share), "of all parameters")],
        "Only these receive gradients and optimizer state.",
        "PEFT 0.21 and the methods' papers",
    );
    out.parts = vec![count_part("Of the model", of_model), count_part("Added by the method", added)];
    out.parts.retain(|part| part.value != Value::Count(0));
    out
}
