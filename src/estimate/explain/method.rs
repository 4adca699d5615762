//! What is trained: what the method adds, gradients, optimizer state, and the update.

use super::super::optimizer::{self, state_of, state_width};
use super::super::setup::Setup;
use super::super::step::Moment;
use super::super::trainable::{TrainedTensor, adapter_tensors, each_adapted, outer, totals, trained_tensors};
use super::super::{Ledger, PhaseKind};
use super::{TRACED, found};
use crate::explained::{Exactness, Explained, Term};
use crate::plan::{Algorithm, FloatFormat, StatePlace};
use crate::units::{Bytes, grouped};

fn width(bytes: u64) -> Term {
    Term::count("bytes", bytes).note("per value")
}

/// How many of something, where it is more than one.
pub fn several(name: &'static str, count: u64) -> Option<Term> {
    (count != 1).then(|| Term::count(name, count))
}

/// A trained tensor, or several of one shape.
fn tensor_part(title: String, tensor: &TrainedTensor) -> Explained {
    let columns = (tensor.columns != 1).then(|| Term::count("columns", tensor.columns));
    let values = Term::count("rows", tensor.rows).times(columns);
    Explained::bytes(title, Term::count("tensors", tensor.copies) * values * width(tensor.width))
}

fn shape_title(tensor: &TrainedTensor) -> String {
    if tensor.columns == 1 {
        format!("Vectors of {}", grouped(tensor.rows))
    } else {
        format!("Matrices of {} × {}", grouped(tensor.rows), grouped(tensor.columns))
    }
}

/// What the method adds to the model: by linear layer where the method has a formula for it, else by shape.
pub fn adapter_parts(setup: &Setup<'_>) -> Vec<Explained> {
    let mut parts = formulas(setup);
    if parts.is_empty() {
        let mut shapes: Vec<TrainedTensor> = Vec::new();
        for group in &setup.architecture.layers {
            adapter_tensors(setup, &group.layer, |tensor| {
                let copies = tensor.copies.saturating_mul(group.count);
                let same = |known: &&mut TrainedTensor| {
                    (known.rows, known.columns, known.width) == (tensor.rows, tensor.columns, tensor.width)
                };
                match shapes.iter_mut().find(same) {
                    Some(known) => known.copies = known.copies.saturating_add(copies),
                    None => shapes.push(TrainedTensor { copies, ..tensor }),
                }
            });
        }
        parts.extend(shapes.iter().map(|tensor| tensor_part(shape_title(tensor), tensor)));
    }
    outer(setup, &mut |tensor| {
        if tensor.added {
            parts.push(tensor_part(format!("{}, outside the layers", shape_title(&tensor)), &tensor));
        }
    });
    parts.extend(setup.trained.adapter.frozen(setup));
    parts
}

/// The method's formulas at the adapted linear layers.
fn formulas(setup: &Setup<'_>) -> Vec<Explained> {
    let mut parts = Vec::new();
    for group in &setup.architecture.layers {
        each_adapted(setup, &group.layer, |linear| {
            if let Some(formula) = setup.trained.adapter.formula(&linear) {
                let copies = several("copies", linear.copies);
                let term = Term::count("layers", group.count).times(copies) * formula;
                parts.push(Explained::bytes(linear.name, term));
            }
        });
    }
    parts
}

/// What the method adds to the model, as a component.
pub fn adapters(setup: &Setup<'_>) -> Explained {
    let why = setup.trained.adapter.why();
    Explained::sum("Adapters", adapter_parts(setup)).why(why).source("PEFT 0.21 tuners and the methods' papers")
}

/// Trained values by the bytes of each.
fn by_width(setup: &Setup<'_>, of: impl Fn(&TrainedTensor) -> u64) -> Vec<(u64, u64)> {
    let mut sums: Vec<(u64, u64)> = Vec::with_capacity(2);
    if setup.training {
        trained_tensors(setup, &mut |tensor| {
            let width = of(&tensor);
            match sums.iter_mut().find(|sum| sum.0 == width) {
                Some(sum) => sum.1 = sum.1.saturating_add(tensor.values()),
                None => sums.push((width, tensor.values())),
            }
        });
    }
    sums
}

/// Trained values times the bytes of each.
fn trained_parts(widths: Vec<(u64, u64)>) -> Vec<Explained> {
    let part = |(bytes, values)| {
        Explained::bytes(
            format!("Values of {bytes} bytes"),
            Term::count("values", values).note("trained") * width(bytes),
        )
    };
    widths.into_iter().map(part).collect()
}

/// Parameters that are trained, in their own width.
pub fn trained_bytes(setup: &Setup<'_>, title: &'static str) -> Explained {
    Explained::sum(title, trained_parts(by_width(setup, |tensor| tensor.width)))
}

/// Gradients of everything that is trained.
pub fn all_gradients(setup: &Setup<'_>, title: &'static str) -> Explained {
    let format = setup.plan.precision.gradient_format.map(FloatFormat::bytes);
    Explained::sum(title, trained_parts(by_width(setup, |tensor| format.unwrap_or(tensor.width))))
}

/// The gradient of the largest trained tensor.
pub fn largest_gradient(setup: &Setup<'_>, title: &'static str) -> Explained {
    let mut largest: Option<TrainedTensor> = None;
    if setup.training {
        trained_tensors(setup, &mut |tensor| {
            let bytes = |tensor: &TrainedTensor| tensor.values_each().saturating_mul(tensor.width);
            if largest.as_ref().is_none_or(|known| bytes(&tensor) > bytes(known)) {
                largest = Some(tensor);
            }
        });
    }
    let parts = largest.map(|tensor| tensor_part(title.to_owned(), &TrainedTensor { copies: 1, ..tensor }));
    Explained::sum(title, parts.into_iter().collect())
}

/// Gradients alive at the peak.
pub fn gradients(setup: &Setup<'_>, ledger: &Ledger, kind: PhaseKind, moment: Moment, replay: Exactness) -> Explained {
    let in_backward = setup.plan.optimizer.frees_gradients();
    let kept = ledger.lasting_gradients > 0;
    let why = if !setup.training {
        "Running a model makes no gradients."
    } else if in_backward {
        "Each weight is updated as soon as its gradient is there, so that one gradient is alive at a time."
    } else if kept {
        "Gradients are accumulated over several forward passes, so they are there during forward and backward."
    } else {
        "Each trained parameter gets a gradient in backward; what is counted is what exists at the peak."
    };
    let mut parts = Vec::with_capacity(2);
    if kept && kind != PhaseKind::Load {
        parts.push(all_gradients(setup, "From earlier passes"));
    } else if kind == PhaseKind::OptimizerStep {
        parts.push(if in_backward {
            largest_gradient(setup, "Of the largest tensor")
        } else {
            all_gradients(setup, "Of all trained values")
        });
    }
    parts.push(found("Made in this backward pass", moment.gradients, replay));
    Explained::sum("Gradients", parts).why(why).source(TRACED)
}

/// Moments of all tensors with the same number, width and kind of scales.
struct Moments {
    /// Of one value.
    each: optimizer::State,
    values: u64,
    scales: u64,
    counters: u64,
}

/// State that the optimizer keeps on the device: FP32 copies of weights, moments.
pub fn state_parts(setup: &Setup<'_>) -> Vec<Explained> {
    let mut copied = 0_u64;
    if setup.training {
        trained_tensors(setup, &mut |tensor| {
            let (_, copy) = state_width(setup, &tensor);
            copied = copied.saturating_add(if copy > 0 { tensor.values() } else { 0 });
        });
    }
    let mut parts = vec![Explained::bytes(
        "FP32 copies of the weights",
        Term::count("values", copied).note("trained, of 16 bits") * Term::from(4),
    )];
    if setup.plan.optimizer.algorithm.state_place() == StatePlace::Device {
        parts.extend(moment_parts(setup));
    }
    parts
}

/// What the optimizer keeps in host memory.
pub fn host_memory(setup: &Setup<'_>) -> Explained {
    let place = setup.plan.optimizer.algorithm.state_place();
    let mut parts = if place == StatePlace::Device { Vec::new() } else { moment_parts(setup) };
    if place == StatePlace::Host {
        let trained = totals(setup).bytes;
        let copies = Term::count("copies", 2).note("weights and gradients") * bytes("trained", trained);
        parts.push(Explained::bytes("Copies that the host updates from", copies));
    }
    Explained::sum("Host memory", parts)
        .why("What lasts beside the device. What loading a model takes there for a while is not in it.")
        .source("bitsandbytes (paged optimizers), torchao (CPUOffloadOptimizer)")
}

/// Moments of all trained tensors, wherever they are.
fn moment_parts(setup: &Setup<'_>) -> Vec<Explained> {
    let algorithm = setup.plan.optimizer.algorithm;
    let mut kinds: Vec<Moments> = Vec::with_capacity(4);
    let mut beside = optimizer::Extra::default();
    if setup.training {
        trained_tensors(setup, &mut |tensor| {
            let (width, _) = state_width(setup, &tensor);
            let one = state_of(setup, &tensor, algorithm, width);
            let times = |amount: u64| amount.saturating_mul(tensor.copies);
            beside.code_tables = beside.code_tables.saturating_add(times(one.extra.code_tables));
            beside.blocks = beside.blocks.saturating_add(times(one.extra.blocks));
            beside.projector = beside.projector.saturating_add(times(one.extra.projector));
            let like = |known: &&mut Moments| {
                let known = &known.each;
                (known.moments, known.width, known.scales > 0) == (one.moments, one.width, one.scales > 0)
            };
            let counters = if one.extra.counter > 0 { tensor.copies } else { 0 };
            match kinds.iter_mut().find(like) {
                Some(known) => {
                    known.values = known.values.saturating_add(times(one.values));
                    known.scales = known.scales.saturating_add(times(one.scales));
                    known.counters = known.counters.saturating_add(counters);
                }
                None => {
                    kinds.push(Moments { each: one, values: times(one.values), scales: times(one.scales), counters });
                }
            }
        });
    }
    let mut parts = Vec::with_capacity(kinds.len() + 3);
    let block = if algorithm == Algorithm::AdamW4bit { "one for 128 values" } else { "one for 256 values" };
    for Moments { each, values, scales, counters } in kinds {
        let values = Term::count("values", values).note(match algorithm {
            Algorithm::Adafactor => "rows and columns of trained tensors",
            Algorithm::AdamW4bit if each.scales > 0 => "pairs of trained values",
            _ => "trained",
        });
        let scales = (each.scales > 0).then(|| Term::from(4) * Term::count("scales", scales).note(block));
        let one = (values * width(each.width)).plus(scales);
        let counters =
            (counters > 0).then(|| Term::from(4) * Term::count("tensors", counters).note("a step counter each"));
        let title = if each.moments == 1 { "Moment of" } else { "Moments of" };
        let pair = if algorithm == Algorithm::AdamW4bit && each.scales > 0 { "two values" } else { "a value" };
        let bytes = if each.width == 1 { "1 byte".to_owned() } else { format!("{} bytes", each.width) };
        let moments = Term::count("moments", each.moments);
        parts.push(Explained::bytes(format!("{title} {bytes} {pair}"), (moments * one).plus(counters)));
    }
    parts.push(found("Tables of codes", beside.code_tables, Exactness::Exact));
    parts.push(found("Second moments of heads and rows", beside.blocks, Exactness::Exact));
    parts.push(found("Projections of gradients", beside.projector, Exactness::Exact));
    parts
}

/// Optimizer state, as a component.
pub fn optimizer_state(setup: &Setup<'_>) -> Explained {
    let why = match setup.plan.optimizer.algorithm {
        Algorithm::Sgd => "Plain SGD keeps nothing between steps.",
        Algorithm::Lion if setup.lion_in_fp32 => {
            "One running mean per trained value, in FP32 whatever the weights are (bitsandbytes, which Trainer takes)."
        }
        Algorithm::SgdMomentum | Algorithm::Lion | Algorithm::RmsProp | Algorithm::Adagrad => {
            "One running mean per trained value, in the format of the parameter."
        }
        Algorithm::Adam | Algorithm::AdamW => {
            "Two running means per trained value, in the format of the parameter, and a step counter."
        }
        Algorithm::AdamW8bit | Algorithm::Lion8bit => {
            "8-bit moments with an FP32 scale for 256; tensors under 4,096 values and embeddings keep FP32 moments."
        }
        Algorithm::TorchaoAdamW8bit | Algorithm::AdamWFp8 => {
            "Moments of one byte with an FP32 scale for 256, tables too; tensors under 4,096 values keep the parameter's format."
        }
        Algorithm::AdamW4bit => {
            "Moments of half a byte with an FP32 scale for 128, tables too; tensors under 4,096 values keep the parameter's format."
        }
        Algorithm::PagedAdamW | Algorithm::PagedAdamW8bit => {
            "Paged state waits in host memory and comes over the link for the update: none of it counts here."
        }
        Algorithm::OffloadedAdamW | Algorithm::OffloadedAdamWGradients => {
            "State, and copies of weights and gradients, lie in host memory, where the update is done: none of it counts here."
        }
        Algorithm::AdamMini => {
            "One running mean per trained value; the second moment is one value for each head of queries and keys and for each row of other matrices."
        }
        Algorithm::ScheduleFree => "A second copy of the weights, and one running mean per trained value.",
        Algorithm::Apollo => {
            "Matrices of layers keep two running means of their projected gradients and the projection; all else has AdamW's two."
        }
        Algorithm::Adafactor => "The second moment of a matrix is kept as one value per row and column, in FP32.",
        Algorithm::Muon => {
            "One momentum for the matrices of the layers; AdamW's two moments for tables, head and vectors."
        }
    };
    Explained::sum("Optimizer state", state_parts(setup))
        .why(why)
        .source("torch.optim, transformers.optimization, bitsandbytes, torchao, galore-torch, apollo-torch, adam-mini, schedulefree")
}

/// What the update allocates.
pub fn update(setup: &Setup<'_>, title: &'static str) -> Explained {
    let (algorithm, implementation) = (setup.plan.optimizer.algorithm, setup.plan.optimizer.implementation);
    if optimizer::updates_at_once(implementation, algorithm) {
        return Explained::sum(title, trained_parts(by_width(setup, |tensor| state_width(setup, tensor).0)));
    }
    let mut largest = (0_u64, 0_u64);
    if setup.training && !optimizer::updates_in_place(implementation, algorithm) {
        trained_tensors(setup, &mut |tensor| {
            let each = optimizer::step_width(algorithm, state_width(setup, &tensor).0, setup.lion_in_fp32);
            let values = tensor.values_each();
            if values.saturating_mul(each) > largest.0.saturating_mul(largest.1) {
                largest = (values, each);
            }
        });
    }
    let (values, each) = largest;
    let term = Term::count("values", values).note("of the largest tensor")
        * Term::count("bytes", each).note("per value, copies of the update");
    Explained::bytes(title, if algorithm.is_traced() { term } else { term.rough() })
}

/// Memory of the plan's own kind with a name, for formulas that rest on it.
pub fn bytes(name: &'static str, bytes: u64) -> Term {
    Term::bytes(name, Bytes(bytes))
}
