//! From text to answers, with line and column of what is wrong.

use super::contradictions::contradictions;
use super::{Answers, Decision};
use crate::plan::file::tree::{self, Node, NodeKind, Position};
use crate::typos::nearest;
use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

/// Largest file of answers that is read; real ones have a few kilobytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Most of anything that is counted.
const MAX_COUNT: u64 = 1_000_000_000;
/// Most prompt versions.
const MAX_PROMPTS: usize = 1000;

/// Why a text holds no answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct AnswersError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl AnswersError {
    fn at(place: Position, message: impl Into<String>) -> Self {
        Self { line: place.line, column: place.column, message: message.into() }
    }
}

/// Reads a file of answers (`ANSWERS.ron`).
pub fn read_answers(text: &str) -> Result<Answers, AnswersError> {
    read_checked(text, |answers: &Answers| problems(answers))
}

/// Reads a decision as it stands in a plan; places are counted from the text's beginning. One that is still being made
/// may contradict itself: the window says where.
pub fn read_decision(text: &str) -> Result<Decision, AnswersError> {
    read_checked(text, |_: &Decision| Vec::new())
}

fn read_checked<T: DeserializeOwned>(
    text: &str,
    problems: impl Fn(&T) -> Vec<(String, String)>,
) -> Result<T, AnswersError> {
    let start = Position { line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        return Err(AnswersError::at(start, format!("over {} MiB: not a file of answers", MAX_BYTES >> 20)));
    }
    let clean = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    if clean.trim().is_empty() {
        return Err(AnswersError::at(start, "the file is empty; `()` is a file in which every question is skipped"));
    }
    let (root, _) = tree::parse(&clean).map_err(|error| AnswersError {
        line: error.line,
        column: error.column,
        message: error.message,
    })?;
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    let value: T = options.from_str(&clean).map_err(|error| {
        let place = error.span.start;
        AnswersError { line: place.line, column: place.col, message: explained(&error.code) }
    })?;
    match problems(&value).into_iter().next() {
        None => Ok(value),
        Some((path, message)) => Err(AnswersError::at(place_of(&root, &path), message)),
    }
}

/// RON's remark, and the nearest name where one is unknown.
fn explained(error: &ron::Error) -> String {
    match error {
        ron::Error::NoSuchStructField { expected, found, .. } => match nearest(found, expected.iter().copied()) {
            Some(near) => format!("`{found}` is no answer; did you mean `{near}`?"),
            None => format!("`{found}` is no answer here; there are {}", expected.join(", ")),
        },
        ron::Error::NoSuchEnumVariant { expected, found, .. } => {
            format!("`{found}` is not one of {}", expected.join(", "))
        }
        other => {
            let text = other.to_string();
            let mut words = text.chars();
            words.next().map_or_else(String::new, |first| first.to_lowercase().chain(words).collect())
        }
    }
}

/// Where the value at a path such as `prompts.1.correct` begins, or the nearest of its parents that is there.
fn place_of(root: &Node<'_>, path: &str) -> Position {
    let mut node = root;
    for part in path.split('.') {
        let inner = match &node.kind {
            NodeKind::Some(inner) => inner,
            _ => node,
        };
        let next = match &inner.kind {
            NodeKind::Struct(entries) => entries.iter().find(|entry| entry.key == part).map(|entry| &entry.value),
            NodeKind::List(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node.at
}

/// What contradicts itself or cannot be meant: path and message.
pub fn problems(answers: &Answers) -> Vec<(String, String)> {
    let mut found = contradictions(answers);
    let mut say = |path: &str, message: String| found.push((path.to_owned(), message));
    let evaluation = &answers.evaluation;
    if evaluation.correct.is_some() && evaluation.examples.is_none() {
        let words = "right answers without the number of examples say nothing; give `examples` beside it";
        say("evaluation.correct", words.to_owned());
    }
    if let Some(target) = evaluation.target
        && !(target > 0.0 && target <= 1.0)
    {
        say("evaluation.target", format!("{target} is no share; write 0.85 for 85 %"));
    }
    for (index, version) in answers.prompts.iter().flatten().enumerate() {
        let path = format!("prompts.{index}.correct");
        if version.of == 0 {
            say(&path, format!("prompt `{}` was tried on no example; leave it out or give `of`", version.name));
        }
    }
    if answers.prompts.as_ref().is_some_and(|all| all.len() > MAX_PROMPTS) {
        say("prompts", format!("over {MAX_PROMPTS} prompt versions; keep those that were decided between"));
    }
    if let Some(kappa) = answers.agreement
        && !(-1.0..=1.0).contains(&kappa)
    {
        say("agreement", format!("{kappa} is no kappa: it goes from -1 to 1"));
    }
    if answers.agreement_examples == Some(0) {
        say("agreement_examples", "agreement on no example is none; leave both out".to_owned());
    }
    let counts = super::questions::QUESTIONS.iter().filter_map(|question| match (question.get)(answers) {
        super::questions::AnswerValue::Count(count) if count > MAX_COUNT => Some((question, count)),
        _ => None,
    });
    for (question, count) in counts {
        say(question.id, format!("{count} is over {MAX_COUNT}: {} is a count", question.label.to_lowercase()));
    }
    found.extend(cost_problems(answers));
    found
}

fn cost_problems(answers: &Answers) -> Vec<(String, String)> {
    let Some(costs) = &answers.costs else { return Vec::new() };
    let mut found = Vec::new();
    let mut say = |path: &str, message: String| found.push((format!("costs.{path}"), message));
    if !is_date(&costs.date) {
        say("date", "prices need the day they were quoted, as \"YYYY-MM-DD\"".to_owned());
    }
    let tuned = &costs.tuned;
    let mut amounts = vec![
        ("requests_per_month", costs.requests_per_month),
        ("input_price", costs.input_price),
        ("output_price", costs.output_price),
        ("tuned.input_price", tuned.input_price),
        ("tuned.output_price", tuned.output_price),
        ("tuned.data", tuned.data),
        ("tuned.run", tuned.run),
        ("tuned.evaluation", tuned.evaluation),
        ("tuned.idle_per_month", tuned.idle_per_month),
        ("tuned.retrain_months", tuned.retrain_months),
        ("tuned.retrain", tuned.retrain),
    ];
    if let Some(cache) = &costs.cache {
        amounts.extend([
            ("cache.read_factor", cache.read_factor),
            ("cache.write_factor", cache.write_factor),
            ("cache.storage_per_month", cache.storage_per_month),
        ]);
        if !(0.0..=1.0).contains(&cache.hit_share) {
            say("cache.hit_share", format!("{} is no share; write 0.9 for 90 %", cache.hit_share));
        }
    }
    if let Some(rag) = &costs.rag {
        amounts.extend([
            ("rag.build", rag.build),
            ("rag.index_per_month", rag.index_per_month),
            ("rag.search", rag.search),
        ]);
    }
    for (path, amount) in amounts {
        if !(amount.is_finite() && (0.0..=1e15).contains(&amount)) {
            say(path, format!("{amount} is no amount; it takes a number from 0"));
        }
    }
    if !(0.0..=0.9).contains(&costs.uncertainty) {
        say("uncertainty", format!("{} is out of 0 to 0.9", costs.uncertainty));
    }
    if !(costs.horizon_months.is_finite() && costs.horizon_months > 0.0) {
        say("horizon_months", "one-off costs are spread over some months; give a number above 0".to_owned());
    }
    found
}

/// Whether a text is a day as `YYYY-MM-DD`.
pub fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |part: &str, digits: usize| {
        (part.len() == digits)
            .then(|| part.parse::<u32>().ok())
            .flatten()
            .filter(|_| part.bytes().all(|b| b.is_ascii_digit()))
    };
    let in_range = |found: Option<u32>, low: u32, high: u32| found.is_some_and(|n| (low..=high).contains(&n));
    in_range(number(year, 4), 1, 9999) && in_range(number(month, 2), 1, 12) && in_range(number(day, 2), 1, 31)
}
