//! The decision: taken into the plan; examples and labels read and saved.

use super::{apply, fail, notice};
use crate::app::effect::Effect;
use crate::app::state::{OpenExamples, PathPurpose, State};
use crate::decide::apply::{into_plan, turns_to_running};
use crate::decide::tally::{Reading, from_csv, to_csv};
use crate::decide::{recommend, record};
use crate::documents::store::{ExamplesFile, StoreError};
use crate::plan::decision::quoted_later;
use crate::plan::edit::PlanEdit;
use crate::units::{counted, grouped};
use std::path::PathBuf;
use std::sync::Arc;

/// Fills the plan with the recommendation, dated today unless a day was typed for a decision that is still open.
pub(super) fn take(state: &mut State) {
    let mut decision = state.document.plan.decision.as_deref().cloned().unwrap_or_default();
    if !state.session.today.is_empty() && (decision.date.is_empty() || !decision.outcomes.is_empty()) {
        decision.date.clone_from(&state.session.today);
    }
    if let Some(later) = quoted_later(&decision.answers, &state.session.today) {
        fail(state, &format!("The decision was not taken: {later}."));
        return;
    }
    let found = recommend(&decision.answers);
    let turned = if turns_to_running(&state.document.plan, &found) {
        " Nothing is trained, so the plan is set to running the model."
    } else {
        ""
    };
    match into_plan(&state.document.plan, &decision, &found) {
        Ok(edit) => {
            if apply(state, &edit) {
                notice(state, &format!("Taken into the plan: {}.{turned} Ctrl+Z takes it back.", found.headline()));
            }
        }
        Err(error) => fail(state, &error),
    }
}

/// Examples are shown for labelling; labels are taken into the tally.
pub(super) fn examples_read(state: &mut State, path: PathBuf, result: Result<ExamplesFile, StoreError>) {
    match result {
        Err(error) => fail(state, &error.to_string()),
        Ok(ExamplesFile::Examples(reading)) => show_examples(state, path, reading),
        Ok(ExamplesFile::Labels(text)) => {
            let mut decision = state.document.plan.decision.as_deref().cloned().unwrap_or_default();
            match from_csv(&decision.tally, &text) {
                Ok(tally) => {
                    decision.take_tally(tally);
                    let edit = PlanEdit::Decision { what: "labels from a file", decision: Some(Box::new(decision)) };
                    if apply(state, &edit) {
                        notice(state, &format!("Labels of {} were taken in.", path.display()));
                    }
                }
                Err(error) => fail(state, &format!("{}: {error}. No label was changed.", path.display())),
            }
        }
    }
}

/// Labels belong to examples by their places, so those of another file stand in the way of a new one.
fn show_examples(state: &mut State, path: PathBuf, reading: Reading) {
    let mut decision = state.document.plan.decision.as_deref().cloned().unwrap_or_default();
    let (shown, count) = (path.display().to_string(), reading.examples.len() as u64);
    let is_same = std::path::Path::new(&decision.tally.file).file_name() == path.file_name();
    if !decision.tally.is_empty() && !is_same && !decision.tally.file.is_empty() {
        let file = &decision.tally.file;
        let words = format!("The labels so far belong to {file}. Save and clear them before labelling another file.");
        fail(state, &words);
        return;
    }
    let mut said = format!("{} of {shown}", counted(count, "example", "examples"));
    if !decision.tally.is_empty() && decision.tally.examples != count {
        said = format!(
            "{said}; the file had {} when it was labelled, so labels may have moved",
            grouped(decision.tally.examples)
        );
    }
    if let Some(remark) = reading.remarks.first() {
        said = format!("{said}; {}, the first: {remark}", counted(reading.remarks.len() as u64, "remark", "remarks"));
    }
    if decision.tally.file != shown || decision.tally.examples < count {
        decision.tally.file = shown;
        decision.tally.examples = decision.tally.examples.max(count);
        apply(state, &PlanEdit::Decision { what: "file of examples", decision: Some(Box::new(decision)) });
    }
    state.session.examples = Some(Arc::new(OpenExamples { path, reading }));
    notice(state, &said);
}

/// Writes the labels as a table.
pub(super) fn save_labels(state: &mut State, path: PathBuf, replace: bool) -> Vec<Effect> {
    let is_table = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    match state.document.plan.decision.as_deref() {
        Some(decision) if !decision.tally.is_empty() && is_table => {
            vec![Effect::WriteText { purpose: PathPurpose::SaveLabels, path, text: to_csv(&decision.tally), replace }]
        }
        Some(decision) if !decision.tally.is_empty() => {
            fail(state, &format!("{}: end the name in .csv", path.display()));
            Vec::new()
        }
        _ => {
            fail(state, "There are no labels to save yet.");
            Vec::new()
        }
    }
}

/// Writes the page that a review signs.
pub(super) fn save_record(state: &mut State, path: PathBuf, replace: bool) -> Vec<Effect> {
    let plan = &state.document.plan;
    let mut decision = plan.decision.as_deref().cloned().unwrap_or_default();
    if decision.date.is_empty() {
        // As the window says: today where it is left empty.
        decision.date.clone_from(&state.session.today);
    }
    let found = recommend(&decision.answers);
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let text = match ending.as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("md") => record::to_markdown(&plan.name, &decision, &found),
        Some("html" | "htm") => record::to_html(&plan.name, &decision, &found),
        _ => {
            fail(state, &format!("{}: end the name in .md or .html", path.display()));
            return Vec::new();
        }
    };
    vec![Effect::WriteText { purpose: PathPurpose::SaveDecision, path, text, replace }]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::decision::{Answers, Costs, Decision};

    fn dated(date: &str, prices: &str) -> State {
        let costs = Costs { date: prices.to_owned(), ..Costs::default() };
        let answers = Answers { costs: Some(costs), ..Answers::default() };
        let decision = Decision { date: date.to_owned(), answers, ..Decision::default() };
        let mut state = State::default();
        state.session.today = "2026-02-03".to_owned();
        state.document.plan.decision = Some(Box::new(decision));
        state
    }

    /// The window shows today where no day was typed, and so does the page that is saved.
    #[test]
    fn a_record_without_a_day_is_of_today() {
        for (date, wanted) in [("", "2026-02-03"), ("2025-12-24", "2025-12-24")] {
            let mut state = dated(date, "2025-12-01");
            let effects = save_record(&mut state, PathBuf::from("record.md"), false);
            let [Effect::WriteText { text, .. }] = effects.as_slice() else { panic!("nothing is written") };
            assert!(text.contains(&format!("| **Day** | {wanted} |")), "{text}");
        }
    }

    #[test]
    fn a_decision_on_prices_of_the_future_is_not_taken() {
        let mut state = dated("", "2026-02-04");
        let before = state.document.plan.clone();
        take(&mut state);
        assert_eq!(state.document.plan, before);
        assert!(state.session.messages.latest().unwrap().text.contains("in the future"));
        let mut state = dated("", "2026-02-03");
        take(&mut state);
        assert_eq!(state.document.plan.decision.unwrap().outcomes, ["evaluation"]);
    }
}
