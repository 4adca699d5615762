//! Labels given to examples, one key a label: who gave which, how well they agree, how many failures of each kind.
//!
//! A plan keeps a letter for each example and annotator, so that a file of labels is a line a person and a change of one
//! label is one letter in a diff.

use super::agreement::{cohen_range, fleiss_range};
use super::stats::{Interval, cohen_kappa, fleiss_kappa};
use crate::limits::check_table;
use crate::plan::decision::questions::{AnswerValue, question};
use crate::plan::decision::{Annotator, Answers, Decision, Failures, LABELS, Label, Tally, label_of};
use crate::units::grouped;
use std::fmt::Write as _;

mod examples;

pub use examples::{Example, MAX_EXAMPLES, Reading, read_examples};

/// Most annotators of one tally.
const MAX_ANNOTATORS: usize = 100;

/// No label.
pub const UNLABELLED: char = '.';

/// How well annotators agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// Name of the coefficient.
    pub name: &'static str,
    /// The coefficient, −1 to 1; `None` where it is not defined.
    pub kappa: Option<f64>,
    /// Its 95 % interval; `None` where it is not defined.
    pub range: Option<Interval>,
    /// Examples that all of them labelled.
    pub examples: u64,
    /// Places of those on which they differ, from 0.
    pub disagreed: Vec<usize>,
}

/// Label of the example at `index`.
pub fn label_at(annotator: &Annotator, index: usize) -> Option<&'static Label> {
    annotator.labels.chars().nth(index).and_then(label_of)
}

/// The tally with a label given or, with `None`, taken back. An annotator who is not there yet is added.
pub fn labelled(tally: &Tally, name: &str, index: usize, label: Option<&Label>) -> Tally {
    let mut tally = tally.clone();
    if !tally.annotators.iter().any(|annotator| annotator.name == name) {
        tally.annotators.push(Annotator { name: name.to_owned(), labels: String::new() });
    }
    if let Some(annotator) = tally.annotators.iter_mut().find(|annotator| annotator.name == name) {
        let mut letters: Vec<char> = annotator.labels.chars().collect();
        if letters.len() <= index {
            letters.resize(index + 1, UNLABELLED);
        }
        letters[index] = label.map_or(UNLABELLED, |label| label.letter);
        annotator.labels = letters.into_iter().collect();
        while annotator.labels.ends_with(UNLABELLED) {
            annotator.labels.pop();
        }
    }
    tally
}

impl Decision {
    /// Takes a tally: counts of failures follow from it. How well annotators agree on kinds of failure says nothing of the
    /// labels that would be trained on, so that agreement stays as it was answered.
    pub fn take_tally(&mut self, tally: Tally) {
        if !tally.is_empty() {
            self.answers.failures = failures(&tally);
        }
        self.tally = tally;
    }
}

/// Examples that somebody labelled.
pub fn labelled_examples(tally: &Tally) -> u64 {
    let letters: Vec<Vec<char>> = tally.annotators.iter().map(|annotator| annotator.labels.chars().collect()).collect();
    let longest = letters.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).filter(|&index| letters.iter().any(|l| l.get(index).is_some_and(|c| *c != UNLABELLED))).count() as u64
}

/// Failures by kind: of each example the label that most annotators gave, of several the one whose first giver came
/// first. Kinds that nobody gave stay at zero, since they were looked for.
pub fn failures(tally: &Tally) -> Failures {
    let mut answers = Answers::default();
    for label in LABELS.iter().filter(|label| !label.question.is_empty()) {
        if let Some(question) = question(label.question) {
            (question.set)(&mut answers, &AnswerValue::Count(0));
        }
    }
    for label in majority(tally).into_iter().flatten().filter(|label| !label.question.is_empty()) {
        if let Some(question) = question(label.question)
            && let AnswerValue::Count(count) = (question.get)(&answers)
        {
            (question.set)(&mut answers, &AnswerValue::Count(count + 1));
        }
    }
    answers.failures
}

fn majority(tally: &Tally) -> Vec<Option<&'static Label>> {
    let letters: Vec<Vec<char>> = tally.annotators.iter().map(|annotator| annotator.labels.chars().collect()).collect();
    let longest = letters.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .map(|index| {
            let given: Vec<char> =
                letters.iter().filter_map(|l| l.get(index).copied()).filter(|c| *c != UNLABELLED).collect();
            let votes = |letter: char| given.iter().filter(|c| **c == letter).count();
            let most = given.iter().map(|c| votes(*c)).max()?;
            given.iter().find(|c| votes(**c) == most).and_then(|c| label_of(*c))
        })
        .collect()
}

/// Cohen's kappa of two annotators, Fleiss' of more, on the examples that all of them labelled; `None` for fewer than
/// two annotators.
pub fn agreement(tally: &Tally) -> Option<Agreement> {
    let letters: Vec<Vec<char>> = tally
        .annotators
        .iter()
        .filter(|annotator| !annotator.labels.is_empty())
        .map(|annotator| annotator.labels.chars().collect())
        .collect();
    if letters.len() < 2 {
        return None;
    }
    let shortest = letters.iter().map(Vec::len).min().unwrap_or(0);
    let shared: Vec<usize> = (0..shortest).filter(|&index| letters.iter().all(|l| l[index] != UNLABELLED)).collect();
    let disagreed =
        shared.iter().copied().filter(|&index| letters.iter().any(|l| l[index] != letters[0][index])).collect();
    let (name, kappa, range) = match letters.as_slice() {
        [first, second] => {
            let pairs: Vec<(char, char)> = shared.iter().map(|&index| (first[index], second[index])).collect();
            ("Cohen's kappa", cohen_kappa(&pairs), cohen_range(&pairs))
        }
        all => {
            let row = |index: usize| -> Vec<u64> {
                LABELS.iter().map(|label| all.iter().filter(|l| l[index] == label.letter).count() as u64).collect()
            };
            let table: Vec<Vec<u64>> = shared.iter().map(|&index| row(index)).collect();
            ("Fleiss' kappa", fleiss_kappa(&table), fleiss_range(&table))
        }
    };
    Some(Agreement { name, kappa, range, examples: shared.len() as u64, disagreed })
}

/// One line a label: example (from 1), annotator, label, kind.
pub fn to_csv(tally: &Tally) -> String {
    let quoted = |text: &str| {
        // A spreadsheet must not take a name for a formula.
        let safe = if is_marked(text) { format!("'{text}") } else { text.to_owned() };
        if safe.contains([',', '"', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
    };
    let mut text = "example,annotator,label,key\n".to_owned();
    for annotator in &tally.annotators {
        for (index, letter) in annotator.labels.chars().enumerate() {
            if let Some(label) = label_of(letter) {
                let id = label.question.strip_prefix("failures.").unwrap_or("right");
                let _ = writeln!(text, "{},{},{id},{letter}", index + 1, quoted(&annotator.name));
            }
        }
    }
    text
}

/// Begins like a formula, behind any number of the marks that keep a spreadsheet from taking it for one: such a name gets
/// one mark more in a file, and loses one when it is read, so that it is the same person again.
fn is_marked(name: &str) -> bool {
    name.trim_start_matches('\'').starts_with(['=', '+', '-', '@'])
}

/// Takes in the labels of a file that [`to_csv`] wrote. Of an example that was labelled before the new label holds.
pub fn from_csv(tally: &Tally, text: &str) -> Result<Tally, String> {
    check_table(text.as_bytes())?;
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(|error| format!("this is no CSV file: {error}"))?.clone();
    let column = |name: &str| {
        header.iter().position(|cell| cell.trim() == name).ok_or_else(|| {
            format!("line 1: there is no column `{name}`; labels have `example`, `annotator` and `label`")
        })
    };
    let (example, annotator, label) = (column("example")?, column("annotator")?, column("label")?);
    let mut tally = tally.clone();
    // By letters, since a file may have a million lines.
    let mut letters: Vec<(String, Vec<char>)> =
        tally.annotators.iter().map(|known| (known.name.clone(), known.labels.chars().collect())).collect();
    for record in reader.records() {
        let record = record.map_err(|error| format!("this is no CSV file: {error}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |index: usize| record.get(index).unwrap_or("").trim();
        let number: usize =
            cell(example).parse().ok().filter(|number| (1..=MAX_EXAMPLES).contains(number)).ok_or_else(|| {
                format!(
                    "line {line}: `{}` is not an example's number from 1 to {}",
                    cell(example),
                    grouped(MAX_EXAMPLES as u64)
                )
            })?;
        let wanted = cell(label);
        let found = LABELS
            .iter()
            .find(|label| {
                label.question.strip_prefix("failures.").unwrap_or("right") == wanted
                    || label.letter.to_string() == wanted
            })
            .ok_or_else(|| {
                let ids: Vec<&str> =
                    LABELS.iter().map(|l| l.question.strip_prefix("failures.").unwrap_or("right")).collect();
                format!("line {line}: `{wanted}` is no label; labels are {}", ids.join(", "))
            })?;
        if cell(annotator).is_empty() {
            return Err(format!("line {line}: the label has no annotator"));
        }
        let name = cell(annotator);
        let name = name.strip_prefix('\'').filter(|rest| is_marked(rest)).unwrap_or(name);
        let place = letters.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            letters.push((name.to_owned(), Vec::new()));
            letters.len() - 1
        });
        if letters.len() > MAX_ANNOTATORS {
            return Err(format!("line {line}: over {MAX_ANNOTATORS} annotators; is that the right column?"));
        }
        let given = &mut letters[place].1;
        if given.len() < number {
            given.resize(number, UNLABELLED);
        }
        given[number - 1] = found.letter;
        tally.examples = tally.examples.max(number as u64);
    }
    tally.annotators =
        letters.into_iter().map(|(name, given)| Annotator { name, labels: given.into_iter().collect() }).collect();
    Ok(tally)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tally(labels: &[&str]) -> Tally {
        let annotators = labels
            .iter()
            .enumerate()
            .map(|(index, labels)| Annotator { name: format!("A{index}"), labels: (*labels).to_owned() })
            .collect();
        Tally { file: "x.jsonl".to_owned(), examples: 20, annotators }
    }

    /// 50 examples with 20, 5, 10 and 15 of the four pairs: 0.4 by hand, (0.7 − 0.5) / (1 − 0.5).
    #[test]
    fn two_annotators_get_cohens_kappa_on_what_both_labelled() {
        let first = format!("{}.{}", "f".repeat(25), "m".repeat(25));
        let second = format!("{}m{}{}{}", "f".repeat(20), "m".repeat(5), "f".repeat(10), "m".repeat(15));
        let found = agreement(&Tally { examples: 60, ..tally(&[&first, &second]) }).unwrap();
        assert_eq!((found.name, found.examples), ("Cohen's kappa", 50));
        // The unlabelled place shifts nothing: pairs are by example.
        assert_eq!(found.disagreed.len(), 15);
        assert!((found.kappa.unwrap() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn three_annotators_get_fleiss_kappa() {
        // By hand: rows agree wholly, wholly, 1/3: P = 7/9; shares f 4/9, m 5/9: chance 41/81; kappa = (63 − 41)/(81 − 41).
        let found = agreement(&tally(&["fmf", "fmm", "fmm"])).unwrap();
        assert_eq!(found.name, "Fleiss' kappa");
        assert!((found.kappa.unwrap() - 22.0 / 40.0).abs() < 1e-12, "{found:?}");
        assert!(agreement(&tally(&["fm"])).is_none());
    }

    #[test]
    fn failures_are_the_majority_of_each_example() {
        let found = failures(&tally(&["fmr.", "fosm", "ffsm"]));
        // f; m, o, f: the first; s; m.
        assert_eq!((found.format, found.missing, found.style, found.outdated), (Some(1), Some(2), Some(1), Some(0)));
        assert_eq!(labelled_examples(&tally(&["f..", "", "....m"])), 2);
    }

    /// The file of a person is read again after it was written, by this program or by a spreadsheet.
    #[test]
    fn names_that_begin_like_formulas_come_back_as_they_were() {
        for name in ["@ann", "'@ann", "''=x", "-", "+1", "=cmd", "'ann", "a'@", "'", "@", "o\"k, @"] {
            let annotators = vec![Annotator { name: name.to_owned(), labels: "fm".to_owned() }];
            let before = Tally { annotators, ..tally(&[]) };
            let text = to_csv(&before);
            let empty = Tally { annotators: Vec::new(), ..before.clone() };
            assert_eq!(from_csv(&empty, &text).unwrap(), before, "{name}");
            assert!(!text.contains(",=") && !text.contains(",@") && !text.contains(",+"), "{text}");
        }
        let foreign = from_csv(&Tally::default(), "example,annotator,label\n3,@,m\n").unwrap();
        let again = from_csv(&foreign, &to_csv(&foreign)).unwrap();
        assert_eq!(again, foreign);
    }

    #[test]
    fn labels_go_out_and_come_back() {
        let before = tally(&["fm.r", "..s"]);
        let read = from_csv(&Tally { annotators: Vec::new(), ..before.clone() }, &to_csv(&before)).unwrap();
        assert_eq!(read, before);
        let wrong = from_csv(&before, "example,annotator,label\n1,A,nonsense\n").unwrap_err();
        assert!(wrong.contains("line 2") && wrong.contains("nonsense"), "{wrong}");
        // Of a million labels of the same few examples the last of each holds.
        let mut many = "example,annotator,label\n".to_owned();
        for line in 0..1_000_000 {
            let _ = writeln!(many, "{},A0,{}", line % 4 + 1, if line % 8 < 4 { "format" } else { "style" });
        }
        assert_eq!(from_csv(&before, &many).unwrap().annotators[0].labels, "ssss");
        assert!(from_csv(&before, "a,b\n1,2\n").unwrap_err().contains("example"));
        assert!(from_csv(&before, "example,annotator,label\n0,A,format\n").is_err());
    }
}
