//! Facts that the rules rested on, with the answers behind each.

use super::Settled;
use crate::decide::break_even::break_even;
use crate::decide::facts::{Fact, Holds, Kinds, Proportion, proportions};
use crate::decide::rules::{of, rules};
use crate::decide::stats::kappa_interval;
use crate::plan::decision::Answers;
use crate::plan::decision::questions::{AnswerValue, question};
use crate::units::{grouped, share_words};

/// A fact that a rule rested on.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    /// The fact.
    pub fact: Fact,
    /// Whether it holds.
    pub holds: Holds,
    /// The answers it was made from, in words.
    pub words: String,
}

/// Facts of the rules that hold and of the needs that are not met, but those that nobody answered.
pub fn drivers(answers: &Answers, settled: &Settled, holds: &[Holds]) -> Vec<Driver> {
    let held = settled.held.iter().flat_map(|held| &held.rules);
    let ids: Vec<&str> = settled.advice.iter().flat_map(|advice| &advice.rules).chain(held).map(|r| r.id).collect();
    let by_rules = rules().rules.iter().filter(|rule| ids.contains(&rule.id.as_str())).flat_map(|rule| &rule.when);
    let by_needs =
        rules().needs.iter().filter(|need| ids.contains(&need.id.as_str())).filter_map(|need| need.must.as_ref());
    let mut asked: Vec<Fact> = by_rules.chain(by_needs).map(|condition| condition.fact()).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
        .into_iter()
        .map(|fact| Driver { fact, holds: of(holds, fact), words: fact_words(fact, answers) })
        .filter(|driver| driver.holds != Holds::Unknown || driver.fact == Fact::EvaluationExists)
        .collect()
}

/// The evidence of a fact in words: its share where it is one, else the answers it is made from.
fn fact_words(fact: Fact, answers: &Answers) -> String {
    let share = |name: &str| {
        proportions(answers).iter().find(|share| share.name == name).map(Proportion::words).unwrap_or_default()
    };
    match fact {
        Fact::TargetMet | Fact::NearTarget => match answers.evaluation.target {
            Some(target) => format!("{} against {}", share("Right now"), share_words(target)),
            None => share("Right now"),
        },
        Fact::FailuresRead => read_words(answers),
        Fact::InputMostly => share("Broken input"),
        Fact::InformationMostly => share("Information"),
        Fact::BehaviourMostly => share("Behaviour"),
        Fact::LabelsMostly => share("Labels"),
        Fact::ReasoningMostly => share("Reasoning"),
        Fact::UnclearMostly => share("Task or input"),
        Fact::FormFails => format!("behaviour {}; labels {}", share("Behaviour"), share("Labels")),
        Fact::FormatOnly => match Kinds::of(answers).format {
            0 => "no failure of format".to_owned(),
            _ => share("Format among behaviour"),
        },
        Fact::BothKinds | Fact::InformationFails => {
            format!("information {}; behaviour {}", share("Information"), share("Behaviour"))
        }
        Fact::NoMajority => {
            let kinds = Kinds::of(answers);
            let each: Vec<String> = kinds
                .named()
                .iter()
                .map(|(name, count)| format!("{} {}", name.to_lowercase(), grouped(*count)))
                .collect();
            format!("{} of {}", each.join(", "), grouped(kinds.total))
        }
        Fact::LabelsAgree => kappa_words(answers),
        Fact::TuningPays => cost_words(answers),
        _ => answer_words(fact, answers),
    }
}

/// How many wrong answers were read, and how many more are to be.
fn read_words(answers: &Answers) -> String {
    let kinds = Kinds::of(answers);
    let read = match kinds.wrong {
        Some(wrong) => format!("{} of {} wrong answers read", grouped(kinds.total), grouped(wrong)),
        None => format!("{} wrong answers read", grouped(kinds.total)),
    };
    match kinds.unread() {
        0 => read,
        more => format!("{read}: read {} more", grouped(more)),
    }
}

fn answer_words(fact: Fact, answers: &Answers) -> String {
    let words = |id: &&str| {
        let question = question(id)?;
        let found = Some(question).filter(|q| (q.get)(answers) != AnswerValue::Skipped)?;
        let words = found.words(answers);
        Some(if fact.questions().len() > 1 { format!("{}: {words}", found.label.to_lowercase()) } else { words })
    };
    fact.questions().iter().filter_map(words).collect::<Vec<_>>().join("; ")
}

/// Kappa with its range, or that its range is not known.
pub fn kappa_words(answers: &Answers) -> String {
    let Some(kappa) = answers.agreement else { return String::new() };
    match answers.agreement_examples.and_then(|examples| Some((examples, kappa_interval(kappa, examples)?))) {
        Some((examples, range)) => format!(
            "κ {kappa:.2} on {} examples ({:.2} to {:.2} for two labels equally frequent)",
            grouped(examples),
            range.low,
            range.high
        ),
        None => format!("κ {kappa:.2}, on how many examples is not said"),
    }
}

fn cost_words(answers: &Answers) -> String {
    let Some(costs) = &answers.costs else { return String::new() };
    let found = break_even(costs);
    let requests = grouped(costs.requests_per_month.round() as u64);
    let each: Vec<String> = found
        .against
        .iter()
        .map(|against| format!("against {}: {}", against.other.label().to_lowercase(), against.crossing.words()))
        .collect();
    format!("{requests} requests a month; {}", each.join("; "))
}
