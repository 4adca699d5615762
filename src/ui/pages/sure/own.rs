//! The user's own measurements: typed or pasted, compared, and applied as a factor.

use super::SureState;
use super::nearest::job;
use crate::app::command::{Command, Commands};
use crate::estimate::{Estimate, calibration};
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::plan::{MAX_PEAKS, MeasuredPeak, read_peaks};
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::toggle;
use crate::units::signed_percent;
use egui::{Button, Grid, Label, RichText, TextEdit, Ui};

/// Draws what is measured and the field for more.
pub fn own_ui(ui: &mut Ui, view: &View<'_>, state: &mut SureState, out: &mut Commands) {
    let Some(estimate) = &view.computed.estimate else {
        ui.label("Choose a model that is known: then a measurement has something to be compared with.");
        return;
    };
    let peaks = &view.state.document.plan.measured.peaks;
    if peaks.is_empty() {
        ui.label("None yet. Run a few steps, read the peak off PyTorch or nvidia-smi, and put it here: the error is shown, and the estimate can be corrected by it.");
    } else {
        peaks_ui(ui, view, estimate, out);
        calibration_ui(ui, view, estimate, out);
    }
    ui.add_space(space::xs());
    add_ui(ui, view, estimate, state, out);
}

fn peaks_ui(ui: &mut Ui, view: &View<'_>, estimate: &Estimate, out: &mut Commands) {
    let peaks = &view.state.document.plan.measured.peaks;
    let muted = view.tokens.muted.0;
    Grid::new("own").num_columns(5).spacing([space::l(), space::xs()]).show(ui, |ui| {
        for text in ["What", "Measured", "Expected", "Error", ""] {
            ui.label(RichText::new(text).small().color(muted));
        }
        ui.end_row();
        for (index, peak) in peaks.iter().enumerate() {
            ui.label(peak.metric.label()).on_hover_text(peak.metric.help());
            ui.label(peak.bytes.display(view.unit()));
            ui.label(calibration::expected(peak, estimate).display(view.unit()));
            ui.label(signed_percent(calibration::error(peak, estimate)));
            ui.horizontal(|ui| {
                if peak.expected.is_none()
                    && ui
                        .small_button("Compare")
                        .on_hover_text(
                            "Keep what is expected of the plan as it stands: it was measured with these settings.",
                        )
                        .clicked()
                {
                    out.push(replaced(
                        peaks,
                        index,
                        Some(&compared(peak.clone(), estimate, "")),
                        "Compare measurement",
                    ));
                }
                let remove = ui.small_button("Remove");
                let name = format!("Remove measurement {}", index + 1);
                remove.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
                if remove.clicked() {
                    out.push(replaced(peaks, index, None, "Remove measurement"));
                }
            });
            ui.end_row();
        }
    });
    for peak in peaks.iter().filter(|peak| !peak.note.is_empty()) {
        let text = format!("{}: {}", peak.metric.label(), peak.note);
        ui.add(Label::new(RichText::new(text).small().color(muted)).wrap());
    }
}

/// The factor with its switch, or why there is none.
fn calibration_ui(ui: &mut Ui, view: &View<'_>, estimate: &Estimate, out: &mut Commands) {
    ui.add_space(space::xs());
    let Some(found) = &estimate.calibration else {
        let range = calibration::BELIEVED;
        let text = format!(
            "No correction: a measurement counts once it is compared, and if it is {} to {} times what is expected.",
            range.start(),
            range.end()
        );
        ui.label(RichText::new(text).small().color(view.tokens.muted.0));
        return;
    };
    ui.horizontal(|ui| {
        if toggle::toggle_ui(ui, found.applied, "Apply the measurements", view.tokens).clicked() {
            let value = FieldValue::Toggle(!found.applied);
            out.push(Command::Edit(PlanEdit::Set(id::MEASURED_CALIBRATE, value)));
        }
        let of = if found.peaks == 1 {
            "1 measurement".to_owned()
        } else {
            format!("the median of {} measurements", found.peaks)
        };
        let text = format!(
            "Calibrate × {:.3}, {of} of {}: whole process {} instead of {}",
            found.factor,
            found.metric.label().to_lowercase(),
            found.process.expected.display(view.unit()),
            estimate.process.expected.display(view.unit())
        );
        ui.add(Label::new(text).wrap());
    });
}

fn add_ui(ui: &mut Ui, view: &View<'_>, estimate: &Estimate, state: &mut SureState, out: &mut Commands) {
    let hint = "reserved 18.42 GiB: RTX 4090, torch 2.9\nor paste max_memory_reserved: 19778240512, memory_summary(), nvidia-smi, CSV";
    let edit = TextEdit::multiline(&mut state.typed).desired_rows(2).desired_width(f32::INFINITY).hint_text(hint);
    let response = ui.add(edit);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::MultilineTextInput, true, "Measured peaks to add"));
    if response.changed() {
        state.refused = None;
    }
    ui.horizontal(|ui| {
        let add = ui.add_enabled(!state.typed.trim().is_empty(), Button::new("Add measurement"));
        if add.clicked() {
            match added(view, estimate, &state.typed) {
                Ok(command) => {
                    out.push(command);
                    state.typed.clear();
                }
                Err(refused) => state.refused = Some(refused),
            }
        }
        if let Some(refused) = &state.refused {
            ui.add(Label::new(RichText::new(refused).color(view.tokens.over.0)).wrap());
        }
    });
}

fn added(view: &View<'_>, estimate: &Estimate, text: &str) -> Result<Command, String> {
    let plan = &view.state.document.plan;
    let note = job(plan);
    let new = read_peaks(text)?.into_iter().map(|peak| compared(peak, estimate, &note));
    let all: Vec<MeasuredPeak> = plan.measured.peaks.iter().cloned().chain(new).collect();
    if all.len() > MAX_PEAKS {
        return Err(format!("a plan holds {MAX_PEAKS} measurements; remove some first"));
    }
    Ok(set(&all, "Add measurement"))
}

/// The peak with what is expected now, where it has none yet; `note` says with which settings.
fn compared(peak: MeasuredPeak, estimate: &Estimate, note: &str) -> MeasuredPeak {
    let expected = Some(calibration::expected(&peak, estimate));
    let note = match (peak.note.is_empty(), note.is_empty()) {
        (true, _) => note.to_owned(),
        (false, true) => peak.note,
        (false, false) => format!("{}; {note}", peak.note),
    };
    MeasuredPeak::new(peak.metric, peak.bytes, expected, &note)
}

fn replaced(peaks: &[MeasuredPeak], index: usize, new: Option<&MeasuredPeak>, label: &str) -> Command {
    let others = |(at, peak): (usize, &MeasuredPeak)| if at == index { new.cloned() } else { Some(peak.clone()) };
    let all: Vec<MeasuredPeak> = peaks.iter().enumerate().filter_map(others).collect();
    set(&all, label)
}

fn set(peaks: &[MeasuredPeak], label: &str) -> Command {
    let lines = peaks.iter().map(ToString::to_string).collect();
    Command::Edit(PlanEdit::Group(vec![PlanEdit::Set(id::MEASURED_PEAKS, FieldValue::List(lines))], label.to_owned()))
}
