//! What is trained: what the method adds, gradients, optimizer state, and the update.

use super::super::optimizer::{self, state_of, state_width};
use super::super::setup::Setup;
use super::super::step::Moment;
use super::super::trainable::{TrainedTensor, adapter_tensors, each_adapted, outer, trained_tensors};
use super::super::{Ledger, PhaseKind};
use super::{TRACED, found};
use crate::explained::{Exactness, Explained, Term};
use crate::plan::{Algorithm, FloatFormat, Implementation};
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
    let in_backward = setup.plan.optimizer.implementation == Implementation::InBackward;
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

/// State that the optimizer keeps on the device: FP32 copies of weights, moments.
pub fn state_parts(setup: &Setup<'_>) -> Vec<Explained> {
    let algorithm = setup.plan.optimizer.algorithm;
    let paged = matches!(algorithm, Algorithm::PagedAdamW | Algorithm::PagedAdamW8bit);
    let mut copied = 0_u64;
    // Tensors with the same moments, width and kind of scales.
    let mut kinds: Vec<(optimizer::State, u64, u64)> = Vec::with_capacity(4);
    if setup.training {
        trained_tensors(setup, &mut |tensor| {
            let (width, copy) = state_width(setup, &tensor);
            copied = copied.saturating_add(if copy > 0 { tensor.values() } else { 0 });
            let one = state_of(setup, &tensor, algorithm, width);
            let times = |amount: u64| amount.saturating_mul(tensor.copies);
            let known = kinds.iter_mut().find(|(known, ..)| {
                (known.moments, known.width, known.scales > 0) == (one.moments, one.width, one.scales > 0)
            });
            let (sum, tensors, projected) = match known {
                Some(known) => known,
                None => {
                    let empty =
                        optimizer::State { values: 0, scales: one.scales.min(1), counter: 0, projector: 0, ..one };
                    kinds.push((empty, 0, 0));
                    let Some(last) = kinds.last_mut() else { return };
                    last.0.scales = 0;
                    last
                }
            };
            sum.values = sum.values.saturating_add(times(one.values));
            sum.scales = sum.scales.saturating_add(times(one.scales));
            *tensors = tensors.saturating_add(if one.counter > 0 { tensor.copies } else { 0 });
            *projected = projected.saturating_add(times(one.projector));
        });
    }
    let mut parts = vec![Explained::bytes(
        "FP32 copies of the weights",
        Term::count("values", copied).note("trained, of 16 bits") * Term::from(4),
    )];
    for (kind, tensors, projected) in kinds.into_iter().filter(|_| !paged) {
        let values = Term::count("values", kind.values).note(match algorithm {
            Algorithm::Adafactor => "rows and columns of trained tensors",
            _ => "trained",
        });
        let scales =
            (kind.scales > 0).then(|| Term::from(4) * Term::count("scales", kind.scales).note("one for 256 values"));
        let one = (values * width(kind.width)).plus(scales);
        let moments = Term::count("moments", kind.moments);
        let moments = if algorithm == Algorithm::Muon { moments.rough() } else { moments };
        let counters =
            (tensors > 0).then(|| Term::from(4) * Term::count("tensors", tensors).note("a step counter each"));
        let title = if kind.moments == 1 { "Moment of" } else { "Moments of" };
        let title = format!(
            "{title} {} a value",
            if kind.width == 1 { "1 byte".to_owned() } else { format!("{} bytes", kind.width) }
        );
        parts.push(Explained::bytes(title, (moments * one).plus(counters)));
        parts.push(found("Projections of GaLore", projected, Exactness::Exact));
    }
    parts
}

/// Optimizer state, as a component.
pub fn optimizer_state(setup: &Setup<'_>) -> Explained {
    let why = match setup.plan.optimizer.algorithm {
        Algorithm::Sgd => "Plain SGD keeps nothing between steps.",
        Algorithm::SgdMomentum | Algorithm::Lion | Algorithm::RmsProp | Algorithm::Adagrad => {
            "One running mean per trained value, in the format of the parameter."
        }
        Algorithm::Adam | Algorithm::AdamW => {
            "Two running means per trained value, in the format of the parameter, and a step counter."
        }
        Algorithm::AdamW8bit | Algorithm::Lion8bit => {
            "8-bit moments with an FP32 scale for 256; tensors under 4,096 values and embeddings keep FP32 moments."
        }
        Algorithm::PagedAdamW | Algorithm::PagedAdamW8bit => {
            "Paged state lives in unified memory and is moved to the host under pressure: none of it counts here."
        }
        Algorithm::Adafactor => "The second moment of a matrix is kept as one value per row and column, in FP32.",
        Algorithm::Muon => "One momentum for the matrices of the layers; AdamW's two moments for the rest.",
    };
    Explained::sum("Optimizer state", state_parts(setup))
        .why(why)
        .source("torch.optim, transformers.optimization, bitsandbytes.optim")
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
            let each = optimizer::step_width(algorithm, state_width(setup, &tensor).0);
            let values = tensor.values_each();
            if values.saturating_mul(each) > largest.0.saturating_mul(largest.1) {
                largest = (values, each);
            }
        });
    }
    let (values, each) = largest;
    let term = Term::count("values", values).note("of the largest tensor")
        * Term::count("bytes", each).note("per value, copies of the update");
    Explained::bytes(title, term)
}

/// Memory of the plan's own kind with a name, for formulas that rest on it.
pub fn bytes(name: &'static str, bytes: u64) -> Term {
    Term::bytes(name, Bytes(bytes))
}
