//! Which rules hold, what drove them, what one answer would flip, what is missing.

use super::facts::{Fact, Holds, Kinds, Proportion, facts, proportions};
use super::rules::{Against, Outcome, Rule, rules};
use super::stats::{Samples, samples};
use crate::plan::decision::Answers;
use crate::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS, Question, Step};

mod alternatives;
mod unsettled;

/// What follows from answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// What to do, in the order of the path; empty: there is not enough evidence.
    pub advice: Vec<Advice>,
    /// Facts that the rules rested on.
    pub drivers: Vec<Driver>,
    /// Single answers that would change the outcome, the nearest for each outcome they lead to.
    pub flips: Vec<Flip>,
    /// What is not known and would matter.
    pub missing: Vec<Missing>,
    /// Facts nobody knows that could change the recommendation; empty: it was tried, and no answer does.
    pub unsettled: Vec<Fact>,
    /// Reasons against fine-tuning that apply here.
    pub against: Vec<&'static Against>,
    /// Every share with its interval.
    pub proportions: Vec<Proportion>,
    /// Examples it takes to see the step from the present score to the target.
    pub samples: Option<Samples>,
}

/// An outcome with the rules that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// What to do.
    pub outcome: Outcome,
    /// Why; at least one.
    pub rules: Vec<&'static Rule>,
}

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

/// An answer that would change the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// Id of the question.
    pub question: &'static str,
    /// Its label.
    pub label: &'static str,
    /// The answer now, in words.
    pub now: String,
    /// The answer that flips it.
    pub instead: String,
    /// What would follow; empty: not enough evidence.
    pub outcomes: Vec<Outcome>,
}

/// Something that is not known and would matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Id of the question.
    pub question: &'static str,
    /// What to find out, in a few words.
    pub label: String,
    /// Why it matters.
    pub why: String,
    /// About how many more labels are needed, where that is what is missing.
    pub more: Option<u64>,
}

impl Recommendation {
    /// Whether there is nothing that can be recommended.
    pub const fn is_open(&self) -> bool {
        self.advice.is_empty()
    }

    /// The outcomes in a line.
    pub fn headline(&self) -> String {
        named(&self.outcomes())
    }

    /// The outcomes.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.advice.iter().map(|advice| advice.outcome).collect()
    }

    /// What stands where no single question is missing: that nothing would change the recommendation, or what could.
    pub fn nothing_missing_words(&self) -> String {
        if self.unsettled.is_empty() {
            return "Nothing that would change the recommendation: every answer to what is open was tried.".to_owned();
        }
        let facts: Vec<&str> = self.unsettled.iter().map(|fact| fact.words()).collect();
        format!("No answer to a single question, but it is not known whether {}.", facts.join("; whether "))
    }

    /// Whether any outcome changes weights.
    pub fn trains(&self) -> bool {
        self.advice.iter().any(|advice| advice.outcome.is_training())
    }
}

/// Names of outcomes in a line.
pub fn named(outcomes: &[Outcome]) -> String {
    if outcomes.is_empty() {
        return "Not enough evidence".to_owned();
    }
    outcomes.iter().map(|outcome| outcome.label()).collect::<Vec<_>>().join(" + ")
}

/// Rules that hold, in their order; one that stops stands alone.
pub fn fired(holds: &[Holds]) -> Vec<&'static Rule> {
    let mut found = Vec::new();
    for rule in &rules().rules {
        if rule.when.iter().all(|condition| condition.allows(holds_of(holds, condition.fact()))) {
            found.push(rule);
            if rule.stops {
                break;
            }
        }
    }
    found
}

fn holds_of(holds: &[Holds], fact: Fact) -> Holds {
    holds.get(fact as usize).copied().unwrap_or(Holds::Unknown)
}

/// Outcomes of `answers` in the order of the path.
pub fn outcomes(answers: &Answers) -> Vec<Outcome> {
    let mut found: Vec<Outcome> = fired(&facts(answers)).into_iter().map(|rule| rule.outcome).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The recommendation for `answers`.
pub fn recommend(answers: &Answers) -> Recommendation {
    let holds = facts(answers);
    let held = fired(&holds);
    let now = outcomes(answers);
    let advice = now
        .iter()
        .map(|outcome| Advice {
            outcome: *outcome,
            rules: held.iter().copied().filter(|rule| rule.outcome == *outcome).collect(),
        })
        .collect();
    let proportions = proportions(answers);
    let changes = changes(answers, &now);
    let missing = missing(answers, &proportions, &changes);
    let is_answered = |flip: &Flip| flip.now != "–";
    let mut flips: Vec<Flip> = changes.into_iter().filter(is_answered).collect();
    // That everything hangs on the evaluation is no news; what the failures decide comes first.
    let is_basic = |flip: &Flip| {
        let step = crate::plan::decision::questions::question(flip.question).map(|question| question.step);
        matches!(step, Some(Step::Evaluate | Step::Prompt))
    };
    flips.sort_by_key(is_basic);
    let applies = |against: &&'static Against| {
        against.when.iter().all(|condition| condition.allows(holds_of(&holds, condition.fact())))
    };
    Recommendation {
        advice,
        drivers: drivers(answers, &held, &holds),
        flips,
        missing,
        unsettled: unsettled::unsettled(&holds),
        against: rules().against.iter().filter(applies).collect(),
        proportions,
        samples: wanted_step(answers),
    }
}

fn wanted_step(answers: &Answers) -> Option<Samples> {
    let evaluation = &answers.evaluation;
    let (correct, examples, target) = (evaluation.correct?, evaluation.examples?, evaluation.target?);
    let before = (examples > 0).then(|| correct.min(examples) as f64 / examples as f64)?;
    if target > before { samples(before, target) } else { None }
}

/// Facts of the rules that hold, but those that nobody answered.
fn drivers(answers: &Answers, held: &[&'static Rule], holds: &[Holds]) -> Vec<Driver> {
    let mut asked: Vec<Fact> =
        held.iter().flat_map(|rule| rule.when.iter().map(|condition| condition.fact())).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
        .into_iter()
        .map(|fact| Driver { fact, holds: holds_of(holds, fact), words: fact_words(fact, answers) })
        .filter(|driver| driver.holds != Holds::Unknown || driver.fact == Fact::EvaluationExists)
        .collect()
}

/// The evidence of a fact in words: its share where it is one, else the answers it is made from.
fn fact_words(fact: Fact, answers: &Answers) -> String {
    let share = |name: &str| {
        proportions(answers).iter().find(|share| share.name == name).map(Proportion::words).unwrap_or_default()
    };
    match fact {
        Fact::TargetMet => match answers.evaluation.target {
            Some(target) => format!("{} against {}", share("Right now"), crate::units::share_words(target)),
            None => share("Right now"),
        },
        Fact::InformationMostly => share("Information"),
        Fact::BehaviourMostly => share("Behaviour"),
        Fact::ReasoningMostly => share("Reasoning"),
        Fact::UnclearMostly => share("Task or input"),
        Fact::FormatOnly => match Kinds::of(&answers.failures).format {
            0 => "no failure of format".to_owned(),
            _ => share("Format among behaviour"),
        },
        Fact::BothKinds => format!("information {}; behaviour {}", share("Information"), share("Behaviour")),
        _ => {
            let words = |id: &&'static str| {
                let question = crate::plan::decision::questions::question(id)?;
                let found = Some(question).filter(|q| (q.get)(answers) != AnswerValue::Skipped)?;
                let words = found.words(answers);
                Some(if fact.questions().len() > 1 {
                    format!("{}: {words}", found.label.to_lowercase())
                } else {
                    words
                })
            };
            fact.questions().iter().filter_map(words).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Every single answer that leads elsewhere: the nearest to the present one for each place it leads to.
fn changes(answers: &Answers, now: &[Outcome]) -> Vec<Flip> {
    let mut found = Vec::new();
    for question in QUESTIONS {
        let present = question.words(answers);
        let mut seen: Vec<Vec<Outcome>> = Vec::new();
        for (instead, changed) in alternatives::of(question, answers) {
            let outcomes = outcomes(&changed);
            if outcomes == now || seen.contains(&outcomes) {
                continue;
            }
            seen.push(outcomes.clone());
            let instead = alternatives::nearest(question, answers, &changed, &outcomes).unwrap_or(instead);
            found.push(Flip { question: question.id, label: question.label, now: present.clone(), instead, outcomes });
        }
    }
    found
}

/// Shares that are not told apart, and skipped questions that would matter.
fn missing(answers: &Answers, proportions: &[Proportion], changes: &[Flip]) -> Vec<Missing> {
    let mut found = Vec::new();
    if answers.evaluation.examples.is_some_and(|examples| examples > 0) {
        for (id, label) in [("evaluation.correct", "Score now"), ("evaluation.target", "Target")] {
            let is_skipped = |question: &&Question| (question.get)(answers) == AnswerValue::Skipped;
            if let Some(question) = crate::plan::decision::questions::question(id).filter(is_skipped) {
                let why = format!("{} Without it nobody can say when to stop.", question.help);
                found.push(Missing { question: id, label: label.to_owned(), why, more: None });
            }
        }
    }
    for share in proportions {
        if let Some(advice) = share.advice() {
            let question = match share.name.as_str() {
                "Right now" => "evaluation.correct",
                "Information" => "failures.missing",
                "Reasoning" => "failures.reasoning",
                "Task or input" => "failures.unclear_task",
                _ => "failures.format",
            };
            let why = format!("{}: {advice}", share.words());
            found.push(Missing { question, label: share.name.clone(), why, more: share.more });
        }
    }
    for question in QUESTIONS {
        if found.iter().any(|missing: &Missing| missing.question == question.id)
            || (question.get)(answers) != AnswerValue::Skipped
            // Of kinds that were counted a skipped one has none.
            || question.id.starts_with("failures.") && answers.failures != crate::plan::decision::Failures::default()
        {
            continue;
        }
        let leads: Vec<String> = changes
            .iter()
            .filter(|change| change.question == question.id)
            .map(|change| format!("if {}: {}", change.instead, named(&change.outcomes)))
            .collect();
        if question.id == "evaluation.examples" && !leads.is_empty() {
            // How many follows from the difference one wants to see, not from a rule.
            found.push(Missing {
                question: question.id,
                label: question.label.to_owned(),
                why: question.help.to_owned(),
                more: None,
            });
            continue;
        }
        if let Some(first) = leads.first() {
            let why = if question.kind == AnswerKind::YesNo { leads.join("; ") } else { first.clone() };
            found.push(Missing { question: question.id, label: question.label.to_owned(), why, more: None });
        }
    }
    // A whole table of counts that is empty is one thing to do.
    if answers.failures == crate::plan::decision::Failures::default() {
        let before = found.len();
        found.retain(|missing| !missing.question.starts_with("failures."));
        if found.len() < before {
            found.push(Missing {
                question: "failures.missing",
                label: "Failures by kind".to_owned(),
                why: "Read wrong answers, note the first failure of each, and count: which kind it is decides between retrieval and training.".to_owned(),
                more: None,
            });
        }
    }
    found
}
