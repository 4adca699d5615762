//! Prompt versions: name, score, examples inside, interval, and whether a version is better than the one before, as pairs
//! where both were tried on the same examples.

use super::{DecideState, changed, decision, head_ui, intervals, keep_focus, note_ui, steady_ui, text_ui};
use crate::app::command::Commands;
use crate::decide::facts::Proportion;
use crate::decide::paired::{Step, Verdict, compare};
use crate::plan::decision::PromptVersion;
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::number;
use egui::{Grid, RichText, Ui};

/// Stands for a count that was not written down.
const NOT_WRITTEN: f64 = -1.0;

/// Draws the list and what adds to it.
pub fn prompts_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    let versions = decision(view).answers.prompts.as_deref();
    head_ui(ui, "Prompt versions");
    match versions {
        None => note_ui(ui, view, "Skipped. Add versions with their scores, or say that none were kept."),
        Some([]) => note_ui(ui, view, "No versions were kept."),
        Some(versions) => table_ui(ui, view, versions, state, out),
    }
    steady_ui(ui, "change", |ui| change_ui(ui, view, versions, out));
    ui.add_space(space::xs());
}

/// What adds a version, or says that there are none.
fn change_ui(ui: &mut Ui, view: &View<'_>, versions: Option<&[PromptVersion]>, out: &mut Commands) {
    ui.horizontal(|ui| {
        if ui.button("Add version").on_hover_text("A version with its score on the evaluation set.").clicked() {
            let of = decision(view).answers.evaluation.examples.unwrap_or(100).max(1);
            out.push(changed(view, "prompts", |record| {
                let all = record.answers.prompts.get_or_insert_default();
                let name = format!("v{}", all.len() + 1);
                all.push(PromptVersion { name, correct: 0, of, examples: Some(0), lost: None });
            }));
        }
        if versions.is_none_or(|all| !all.is_empty())
            && ui.button("None kept").on_hover_text("No versions were kept and scored.").clicked()
        {
            out.push(changed(view, "prompts", |record| record.answers.prompts = Some(Vec::new())));
        }
        if versions.is_some() && ui.button("Skip").on_hover_text("Not answered.").clicked() {
            out.push(changed(view, "prompts", |record| record.answers.prompts = None));
        }
    });
}

fn table_ui(ui: &mut Ui, view: &View<'_>, versions: &[PromptVersion], state: &mut DecideState, out: &mut Commands) {
    Grid::new("prompt-versions").num_columns(6).spacing([space::s(), space::xs()]).show(ui, |ui| {
        for head in ["Name", "Right", "Of", "Inside", "95 % interval", ""] {
            ui.label(RichText::new(head).small().color(view.tokens.muted.0));
        }
        ui.end_row();
        for (index, version) in versions.iter().enumerate() {
            row_ui(ui, view, index, version, state, out);
            ui.end_row();
        }
    });
    for (index, pair) in versions.windows(2).enumerate() {
        if let [before, after] = pair {
            step_ui(ui, view, index + 1, before, after, out);
        }
    }
}

/// Whether a version is better than the one before it, and how many answers turned wrong on the way.
fn step_ui(
    ui: &mut Ui,
    view: &View<'_>,
    index: usize,
    before: &PromptVersion,
    after: &PromptVersion,
    out: &mut Commands,
) {
    let Some(step) = compare(before, after) else { return };
    note_ui(ui, view, &step_words(before, after, step));
    if !step.is_paired {
        return;
    }
    ui.horizontal(|ui| {
        ui.label(RichText::new(view.text("Answers that turned wrong")).small().color(view.tokens.muted.0));
        let now = after.lost.map_or(NOT_WRITTEN, |lost| lost as f64);
        let mut new = now;
        let drag = number::typed(ui.ctx(), &mut new)
            .range(NOT_WRITTEN..=1e9)
            .max_decimals(0)
            .custom_formatter(|number, _| if number < 0.0 { "–".to_owned() } else { format!("{number:.0}") })
            .custom_parser(|text| text.trim().parse().ok());
        let response = steady_ui(ui, (index, "turned"), |ui| ui.add_sized([64.0, 24.0], drag));
        keep_focus(ui, &response);
        let name = format!("Answers that turned wrong in prompt version {}", index + 1);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, &name));
        if new != now {
            let lost = (new >= 0.0).then_some(new.round() as u64);
            out.push(replaced(view, index, PromptVersion { lost, ..after.clone() }));
        }
    });
}

fn row_ui(
    ui: &mut Ui,
    view: &View<'_>,
    index: usize,
    version: &PromptVersion,
    state: &mut DecideState,
    out: &mut Commands,
) {
    let place = format!("Name of prompt version {}", index + 1);
    let name = steady_ui(ui, (index, "name"), |ui| text_ui(ui, state, &place, &version.name, "name", 60.0, 1));
    if let Some(name) = name {
        out.push(replaced(view, index, PromptVersion { name, ..version.clone() }));
    }
    let mut number = |ui: &mut Ui, name: &str, now: u64, set: fn(&mut PromptVersion, u64)| {
        let mut new = now;
        let response = steady_ui(ui, (index, name), |ui| {
            let drag = number::typed(ui.ctx(), &mut new).range(0..=1_000_000_000_u64);
            ui.add_sized([64.0, 24.0], drag)
        });
        keep_focus(ui, &response);
        let name = format!("{name} of prompt version {}", index + 1);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, &name));
        if new != now {
            let mut changed = version.clone();
            set(&mut changed, new);
            out.push(replaced(view, index, changed));
        }
    };
    number(ui, "Right", version.correct, |version, count| version.correct = count);
    number(ui, "Total", version.of, |version, count| version.of = count);
    number(ui, "Examples inside", version.examples.unwrap_or(0), |version, count| version.examples = Some(count));
    let name = format!("Prompt {}", version.name);
    let (count, total) = (version.correct, version.of);
    let share = Proportion { name, count, total, against: None, more: None, told: true, is_narrow: false };
    intervals::bar_ui(ui, view, &share, 90.0);
    let remove = steady_ui(ui, (index, "remove"), |ui| ui.small_button("Remove"));
    let name = format!("Remove prompt version {}", index + 1);
    remove.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    if remove.clicked() {
        out.push(changed(view, "prompts", |record| {
            if let Some(all) = record.answers.prompts.as_mut().filter(|all| index < all.len()) {
                all.remove(index);
            }
        }));
    }
}

fn replaced(view: &View<'_>, index: usize, version: PromptVersion) -> crate::app::command::Command {
    changed(view, "prompts", |record| {
        if let Some(slot) = record.answers.prompts.as_mut().and_then(|all| all.get_mut(index)) {
            *slot = version;
        }
    })
}

/// Whether the later version is better, in words.
fn step_words(before: &PromptVersion, after: &PromptVersion, step: Step) -> String {
    let points = |share: f64| format!("{:+.0}", share * 100.0).replace('-', "−");
    let verdict = match step.verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NotDistinguishable => "not distinguishable",
        Verdict::DependsOnTheTurned => "it depends on how many answers turned wrong: write it down",
    };
    let how = match (step.is_paired, after.lost) {
        (true, Some(_)) => "as pairs on the same examples",
        (true, None) => "as pairs on the same examples; the widest that the scores allow",
        (false, _) => "as if on separate examples",
    };
    let (low, high) = (points(step.interval.low), points(step.interval.high));
    format!("{} → {}: {verdict} ({low} to {high} percentage points, {how})", before.name, after.name)
}
