//! What would run, and the button that begins it.

use crate::app::command::{Command, Commands, FileCommand, RunCommand};
use crate::app::state::PathPurpose;
use crate::jobs::{cores, spare_threads};
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::run::RunSettings;
use crate::tasks::tuning::{Request, Tuning, forecast, words};
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::number;
use crate::units::Bytes;
use egui::{Button, DragValue, Grid, Label, RichText, Ui, Vec2};
use std::path::Path;

/// Name of the embedded model on its button.
const EMBEDDED: &str = "Embedded, 3.2 M parameters";
/// Name of the built-in task on its button.
const BUILT_IN: &str = "Orders as JSON, built in";

/// Draws choices, summary and button.
pub fn ask_ui(ui: &mut Ui, view: &View<'_>, tuning: Option<&Tuning>, out: &mut Commands) {
    let request = &view.state.session.request;
    let (job, notes) = request.job(&view.state.document.plan);
    let needs = forecast(&job).map_or_else(String::new, |predicted| {
        format!(". Needs about {} of memory", Bytes(predicted.total_bytes()).small(view.unit()))
    });
    ui.add(Label::new(format!("{}{needs}.", summary(&job.settings))).wrap());
    for note in notes {
        ui.label(RichText::new(format!("{}.", sentence(&note))).small().color(view.tokens.tight.0));
    }
    if tuning.is_none() {
        ui.label(
            RichText::new(
                "It shows what the method, the number format of the base and the settings of the adapters do to real \
                 weights, and what they need. It says nothing about how well a large model will learn your task.",
            )
            .small()
            .color(view.tokens.muted.0),
        );
    }
    ui.add_space(space::xs());
    Grid::new("small-run-files").num_columns(2).spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        files_ui(ui, "Base model", (EMBEDDED, request.model.as_deref()), &BASE, out);
        files_ui(ui, "Examples", (BUILT_IN, request.data.as_deref()), &EXAMPLES, out);
    });
    ui.add_space(space::xs());
    numbers_ui(ui, view, tuning, out);
}

/// How a file or folder is chosen.
struct Choice {
    choose: &'static str,
    help: &'static str,
    purpose: PathPurpose,
    take: fn(Option<std::path::PathBuf>) -> Command,
}

const BASE: Choice = Choice {
    choose: "Folder…",
    help: "Your own model: a folder with config.json, safetensors and tokenizer.json, of the shape of Llama, Mistral, \
           Qwen2, Qwen3 or Gemma.",
    purpose: PathPurpose::ChooseBase,
    take: |path| Command::Run(RunCommand::ChooseBase(path)),
};

const EXAMPLES: Choice = Choice {
    choose: "File…",
    help: "Your own examples, one JSON object a line: messages, conversations, instruction and output, prompt and \
           completion, or text.",
    purpose: PathPurpose::ChooseExamples,
    take: |path| Command::Run(RunCommand::ChooseExamples(path)),
};

/// One row: the usual, or a path of one's own.
fn files_ui(ui: &mut Ui, label: &str, (usual, own): (&str, Option<&Path>), choice: &Choice, out: &mut Commands) {
    ui.label(label);
    ui.horizontal_wrapped(|ui| {
        if ui.add(Button::selectable(own.is_none(), usual)).clicked() {
            out.push((choice.take)(None));
        }
        if let Some(path) = own {
            let name =
                path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
            ui.add(Button::selectable(true, name)).on_hover_text(path.display().to_string());
        }
        let pick = ui.button(choice.choose);
        pick.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{label}: {}", choice.choose)));
        if pick.on_hover_text(choice.help).clicked() {
            out.push(Command::File(FileCommand::PickFile(choice.purpose)));
        }
        let typed = ui.button("By path…");
        typed.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{label}: by path…")));
        if typed.on_hover_text("Type or paste the path.").clicked() {
            out.push(Command::File(FileCommand::AskPath(choice.purpose)));
        }
    });
    ui.end_row();
}

/// Steps, rate, seed, threads, and the button.
fn numbers_ui(ui: &mut Ui, view: &View<'_>, tuning: Option<&Tuning>, out: &mut Commands) {
    let before = &view.state.session.request;
    let mut request = before.clone();
    ui.horizontal_wrapped(|ui| {
        let labelled = |ui: &mut Ui, label: &'static str, help: &str, value: DragValue<'_>| {
            ui.add(Label::new(label).extend());
            let response = ui.add(value).on_hover_text(help);
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(label));
            response.changed()
        };
        let ctx = ui.ctx().clone();
        labelled(ui, "Steps", "Optimizer steps.", number::typed(&ctx, &mut request.steps).range(1..=5000).speed(0.5));
        let mut rate = request.learning_rate();
        let help = "Constant; the plan has none. The embedded model takes more than a large one.";
        let drag = number::typed(&ctx, &mut rate).range(1e-6..=1.0).speed(1e-4).max_decimals(6);
        if labelled(ui, "Learning rate", help, drag) {
            request.learning_rate = Some(rate);
        }
        let help = "Of adapters, examples and their order.";
        labelled(ui, "Seed", help, number::typed(&ctx, &mut request.seed).speed(0.1));
        let mut threads = request.threads.unwrap_or(spare_threads());
        let help = "All but one of the machine's leave a core for the window.";
        let most = cores();
        if labelled(ui, "Threads", help, number::typed(&ctx, &mut threads).range(1..=most).speed(0.05)) {
            request.threads = Some(threads);
        }
        let running = tuning.is_some_and(Tuning::is_running);
        let text = if running { "Start over" } else { "Run" };
        let size = Vec2::new(72.0, 0.0);
        // While a run goes on, pausing and stopping it come first.
        let button = if running {
            Button::new(text).min_size(size)
        } else {
            let fill = view.tokens.accent.0;
            let ink = crate::theme::Tokens::text_on(fill);
            Button::new(RichText::new(text).color(ink).strong()).fill(fill).min_size(size)
        };
        if ui.add(button).on_hover_text(how_long(&request, running)).clicked() {
            out.push(Command::Run(RunCommand::Start));
        }
    });
    if request != *before {
        out.push(Command::Run(RunCommand::Request(Box::new(request))));
    }
}

const fn how_long(request: &Request, running: bool) -> &'static str {
    match (running, request.model.is_some()) {
        (true, _) => "Ends the run that goes on and begins with these settings.",
        (false, false) => "Takes about half a minute. Nothing is sent anywhere.",
        (false, true) => "How long it takes shows after the first steps; it can be paused and stopped.",
    }
}

fn sentence(note: &str) -> String {
    let mut letters = note.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// `Base in NF4 + DQ, LoRA r 16 α 32, on all linear layers; AdamW; 1 × 8 sequences a step`.
fn summary(settings: &RunSettings) -> String {
    let lora = &settings.lora;
    let on = if lora.targets.len() == 7 {
        "all linear layers".to_owned()
    } else {
        lora.targets.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ")
    };
    let optimizer = match settings.optimizer {
        OptimizerSettings::AdamW(_) => "AdamW",
        OptimizerSettings::Sgd(_) => "SGD",
    };
    let scaling = if lora.rank_stabilized { ", α / √r" } else { "" };
    let dropout = if lora.dropout > 0.0 { format!(", dropout {}", lora.dropout) } else { String::new() };
    let recompute = if settings.recompute { "; gradient checkpointing" } else { "" };
    format!(
        "Base in {}{scaling}{dropout}, on {on}; {optimizer}; {} × {} sequences a step{recompute}",
        words(settings),
        settings.batch,
        settings.accumulation
    )
}
