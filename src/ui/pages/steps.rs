//! Follow along: how the memory of the plan comes about, one picture and one thought a step.

use crate::app::command::{Command, Commands, LookCommand};
use crate::catalog::Catalog;
use crate::estimate::{ByComponent, Component, Estimate, Fit};
use crate::plan::Workload;
use crate::plan::check::is_quantized;
use crate::theme::{bold, space, type_size};
use crate::ui::widgets::component_table::swatch_ui;
use crate::ui::widgets::memory_bar::MemoryBar;
use crate::ui::{View, card};
use crate::units::{Bytes, grouped, params_short, percent};
use egui::{Key, Modifiers, RichText, Ui};

/// One step.
struct Step {
    title: String,
    /// What to understand, in a sentence or two.
    thought: String,
    /// Components that this step adds.
    adds: &'static [Component],
}

/// Draws the page.
pub fn steps_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let Some(estimate) = &view.computed.estimate else {
        ui.label("Choose a model that is known: then its memory can be followed step by step.");
        return;
    };
    let steps = steps(estimate, view);
    let last = steps.len() - 1;
    let at = view.state.session.step.min(last);
    let Some(step) = steps.get(at) else { return };
    // First, so that it stays under the pointer from step to step.
    turn_ui(ui, at, last, out);
    ui.add_space(space::xs());
    ui.label(RichText::new(format!("Step {} of {}", at + 1, steps.len())).color(view.tokens.muted.0));
    ui.label(RichText::new(&step.title).font(bold(type_size::figure())));
    card(ui, view.tokens, |ui| {
        ui.label(RichText::new(&step.thought).size(type_size::title()));
        ui.add_space(space::s());
        for component in step.adds {
            let bytes = estimate.at_peak.get(*component);
            if bytes > Bytes::ZERO {
                ui.horizontal(|ui| {
                    swatch_ui(ui, *component, view.tokens);
                    ui.label(view.text(component.label()));
                    ui.label(RichText::new(bytes.display(view.unit())).font(bold(type_size::title())));
                });
            }
        }
    });
    ui.add_space(space::s());
    card(ui, view.tokens, |ui| {
        let so_far = so_far(estimate, &steps[..=at]);
        ui.label(
            RichText::new(format!("So far {}", so_far.total().display(view.unit()))).font(bold(type_size::title())),
        );
        let bar = MemoryBar {
            amounts: &so_far,
            capacity: estimate.capacity,
            ghost: Some((estimate.process.expected, "whole process")),
            unit: view.unit(),
            marked: step.adds.first().copied(),
        };
        bar.show(ui, view.tokens);
    });
}

fn turn_ui(ui: &mut Ui, at: usize, last: usize, out: &mut Commands) {
    // Arrow keys turn pages only where nothing has the focus: a control keeps its own.
    let free = ui.memory(|memory| memory.focused().is_none());
    let pressed = |key| free && ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let (left, right) = (pressed(Key::ArrowLeft), pressed(Key::ArrowRight));
    ui.horizontal_wrapped(|ui| {
        if ui.add_enabled(at > 0, egui::Button::new("← Back")).clicked() || (left && at > 0) {
            out.push(Command::Look(LookCommand::Step(at - 1)));
        }
        if ui.add_enabled(at < last, egui::Button::new("Next →")).clicked() || (right && at < last) {
            out.push(Command::Look(LookCommand::Step(at + 1)));
        }
        for step in 0..=last {
            let response = ui.selectable_label(step == at, format!("{}", step + 1));
            let name = format!("Step {}", step + 1);
            response.widget_info(|| egui::WidgetInfo::selected(egui::Role::RadioButton, true, step == at, &name));
            if response.clicked() {
                out.push(Command::Look(LookCommand::Step(step)));
            }
        }
    });
}

/// What the steps up to here hold at the peak.
fn so_far(estimate: &Estimate, steps: &[Step]) -> ByComponent {
    let mut amounts = ByComponent::default();
    for component in steps.iter().flat_map(|step| step.adds) {
        amounts.set(*component, estimate.at_peak.get(*component));
    }
    amounts
}

fn steps(estimate: &Estimate, view: &View<'_>) -> Vec<Step> {
    let plan = &view.state.document.plan;
    let format = plan.precision.load_words(Catalog::embedded());
    let base = estimate.model.total;
    let mut steps = vec![Step {
        title: "The base model is loaded".to_owned(),
        thought: format!(
            "{} parameters ({}) are kept as {format}.{}{}",
            params_short(base),
            grouped(base),
            if format.ends_with(" + DQ") {
                " DQ is double quantization: the scales of its blocks are quantized too."
            } else {
                ""
            },
            if is_quantized(&plan.precision.load_format) {
                " Only linear layers are quantized; token table, norms and head stay wider."
            } else {
                ""
            },
        ),
        adds: &[Component::Weights, Component::QuantizationConstants],
    }];
    match plan.workload {
        Workload::Training => steps.extend(training_steps(estimate, view)),
        Workload::Inference => steps.push(Step {
            title: "The prompt is read, tokens are generated".to_owned(),
            thought: "Keys and values of every token and layer are kept so that no token is computed twice; the last \
                      layer gives one number per entry of the vocabulary."
                .to_owned(),
            adds: &[Component::KvCache, Component::Activations, Component::Logits, Component::Temporaries],
        }),
    }
    steps.push(Step {
        title: "The process around the tensors".to_owned(),
        thought:
            "The driver's context, libraries and the allocator's unused blocks come on top: what nvidia-smi shows \
                  is more than what the tensors need."
                .to_owned(),
        adds: &[Component::Runtime],
    });
    steps.push(verdict_step(estimate, view));
    steps
}

fn training_steps(estimate: &Estimate, view: &View<'_>) -> Vec<Step> {
    let parameters = estimate.parameters;
    let share = parameters.trainable as f64 / parameters.total.max(1) as f64;
    let batch = &view.state.document.plan.batch;
    let tokens = batch.micro_batch.saturating_mul(batch.sequence_length);
    vec![
        Step {
            title: "What is trained".to_owned(),
            thought: format!(
                "{} of {} parameters are trained: {}. Each needs a gradient, and the optimizer's memory of past \
                 gradients.",
                params_short(parameters.trainable),
                params_short(parameters.total),
                percent(share)
            ),
            adds: &[Component::Adapters, Component::Gradients, Component::OptimizerState],
        },
        Step {
            title: "The forward pass keeps what backward needs".to_owned(),
            thought: format!(
                "{} tokens go through every layer ({} × {}). What a layer computed is kept until its gradient is taken, \
                 unless checkpointing computes it again.",
                grouped(tokens),
                grouped(batch.micro_batch),
                grouped(batch.sequence_length)
            ),
            adds: &[Component::Activations],
        },
        Step {
            title: "The loss looks at the whole vocabulary".to_owned(),
            thought:
                "Every token gets one number per entry of the vocabulary, often copied to 32 bits: for small models \
                      this is the largest block of all. Temporaries are what single operators need for a moment."
                    .to_owned(),
            adds: &[Component::Logits, Component::Temporaries],
        },
    ]
}

fn verdict_step(estimate: &Estimate, view: &View<'_>) -> Step {
    let phase = estimate.peak_phase().map_or("", |phase| phase.kind.label());
    let figures = estimate.verdict_figures(view.unit());
    let advice = match estimate.fit {
        Fit::Tight => "The upper end of the band does not fit: measure a short run first.",
        Fit::DoesNotFit => "Something must change: sequence length, micro-batch, checkpointing, format or device.",
        Fit::Fits | Fit::CannotSay | Fit::NoDevice => estimate.fit.meaning(),
    };
    Step {
        title: estimate.fit.word().to_owned(),
        thought: format!("{figures}. The peak stands in this phase: {}. {advice}", phase.to_lowercase()),
        adds: &[],
    }
}
