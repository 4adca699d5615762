//! What to find out next: open questions in the order of how often their answer decides.
//!
//! How much an answer is worth depends on what else will be found. So the other open questions are answered at random many
//! times (a fixed sequence; some stay open), and a question is worth the share of those in which two of its own answers
//! lead to different outcomes. A question that never does is not asked.

use super::flips::changes;
use super::{Outcome, alternatives, named};
use crate::decide::break_even::{Pays, pays};
use crate::decide::facts::{Fact, Holds, Kinds, Proportion, facts};
use crate::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS, Question, question};
use crate::plan::decision::{Answers, Costs, Failures, TunedCosts};

/// Ways in which the other questions are answered.
const WAYS: usize = 24;

/// Something that is not known and would matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// Id of the question, or `costs` for prices and requests a month.
    pub question: &'static str,
    /// What to find out, in a few words.
    pub label: String,
    /// Why it matters.
    pub why: String,
    /// About how many more labels are needed, where that is what is missing.
    pub more: Option<u64>,
    /// Share of the ways the other open questions could be answered in which this one decides.
    pub worth_share: f64,
}

/// An open question with answers that it could get.
struct Open {
    /// Id of the question, the first of its table for counts of failures.
    id: &'static str,
    answers: Vec<Given>,
}

/// An answer that a question could get.
enum Given {
    Value(&'static Question, AnswerValue),
    Whole(Box<Answers>),
    Failures(Failures),
    Score(u64, u64),
    Costs(Box<Costs>),
}

impl Given {
    fn give(&self, answers: &mut Answers) {
        match self {
            Self::Value(question, value) => (question.set)(answers, value),
            Self::Whole(whole) => answers.prompts.clone_from(&whole.prompts),
            Self::Failures(failures) => answers.failures.clone_from(failures),
            Self::Score(correct, examples) => {
                answers.evaluation.correct = Some(*correct);
                answers.evaluation.examples = Some(*examples);
            }
            Self::Costs(costs) => answers.costs = Some((**costs).clone()),
        }
    }
}

/// Open questions and shares that are not told apart, the most worth knowing first.
pub fn missing(answers: &Answers, proportions: &[Proportion], now: &[Outcome]) -> Vec<Missing> {
    let open = open(answers);
    let worths = worths(answers, &open);
    let worth = |id: &str| open.iter().zip(&worths).find(|(open, _)| open.id == id).map_or(0.0, |(_, worth)| *worth);
    let mut found = shares(proportions, &worth);
    let unread = Kinds::of(answers).unread();
    if Kinds::of(answers).counted && unread > 0 {
        // Until then no share of the kinds says anything, and how many more labels would tell them apart is no question.
        found.retain(|missing| !missing.question.starts_with("failures."));
        let why = format!(
            "Too few wrong answers were read for their kinds to say anything: read about {} more.",
            crate::units::grouped(unread)
        );
        let label = "Failures by kind".to_owned();
        let (more, worth_share) = (Some(unread), worth("failures.missing"));
        found.push(Missing { question: "failures.missing", label, why, more, worth_share });
    }
    for (open, worth_share) in open.iter().zip(&worths) {
        let is_there = found.iter().any(|missing| missing.question == open.id);
        let Some(question) = question(open.id).filter(|_| !is_there) else { continue };
        let leads = changes(question, answers, now);
        let (label, why) = match open.id {
            "failures.missing" => ("Failures by kind", FAILURES.to_owned()),
            // How many follows from the difference one wants to see, not from a rule.
            "evaluation.examples" => (question.label, question.help.to_owned()),
            "evaluation.correct" => ("Score now", format!("{} {STOP}", question.help)),
            "evaluation.target" => ("Target", format!("{} {STOP}", question.help)),
            _ => (question.label, led(question, &leads)),
        };
        let is_forced = matches!(open.id, "evaluation.correct" | "evaluation.target")
            && answers.evaluation.examples.is_some_and(|examples| examples > 0);
        if *worth_share > 0.0 || is_forced || !leads.is_empty() && open.id != "failures.missing" {
            let (label, worth_share) = (label.to_owned(), *worth_share);
            found.push(Missing { question: open.id, label, why, more: None, worth_share });
        }
    }
    if pays(answers) == Pays::Unknown && worth("costs") > 0.0 {
        let why = "Prices and your requests a month: whether a tuned model is cheaper decides here.".to_owned();
        let label = "Break-even".to_owned();
        found.push(Missing { question: "costs", label, why, more: None, worth_share: worth("costs") });
    }
    found.sort_by(|a, b| b.worth_share.total_cmp(&a.worth_share));
    found
}

const FAILURES: &str = "Read wrong answers, note the first failure of each, and count: which kind it is decides between retrieval and training.";
const STOP: &str = "Without it nobody can say when to stop.";

/// What the answers to a question would lead to, or that it decides together with others.
fn led(question: &Question, leads: &[super::Flip]) -> String {
    let words = |flip: &super::Flip| format!("if {}: {}", flip.instead, named(&flip.outcomes));
    match (leads, question.kind) {
        ([], _) => format!("{} It decides together with other answers.", question.help),
        (all, AnswerKind::YesNo) => all.iter().map(words).collect::<Vec<_>>().join("; "),
        ([first, ..], _) => words(first),
    }
}

/// Shares that are not told apart, with the labels it takes.
fn shares(proportions: &[Proportion], worth: &impl Fn(&str) -> f64) -> Vec<Missing> {
    let mut found = Vec::new();
    for share in proportions {
        let Some(advice) = share.advice().filter(|_| !share.is_narrow) else { continue };
        let (question, table) = match share.name.as_str() {
            "Right now" => ("evaluation.correct", "evaluation.correct"),
            "Information" => ("failures.missing", "failures.missing"),
            "Labels" => ("failures.wrong_label", "failures.missing"),
            "Reasoning" => ("failures.reasoning", "failures.missing"),
            "Broken input" => ("failures.input_error", "failures.missing"),
            "Task or input" => ("failures.unclear_task", "failures.missing"),
            _ => ("failures.format", "failures.missing"),
        };
        let why = format!("{}: {advice}", share.words());
        let (label, more, worth_share) = (share.name.clone(), share.more, worth(table));
        found.push(Missing { question, label, why, more, worth_share });
    }
    found
}

/// Every question that is not answered, or counted too rarely to tell.
fn open(answers: &Answers) -> Vec<Open> {
    let mut all: Vec<Open> = Vec::new();
    let holds = facts(answers);
    let undecided = |fact: Fact| holds.get(fact as usize) == Some(&Holds::Undecided);
    let is_counted = Kinds::of(answers).counted;
    for question in QUESTIONS {
        if question.id.starts_with("failures.") || (question.get)(answers) != AnswerValue::Skipped {
            continue;
        }
        let values = values(question, answers);
        if !values.is_empty() {
            all.push(Open { id: question.id, answers: values });
        }
    }
    let is_near = holds.get(Fact::NearTarget as usize) == Some(&Holds::Yes);
    if undecided(Fact::TargetMet)
        && !is_near
        && let Some(target) = answers.evaluation.target
    {
        let missed = (target * 1000.0 * 0.9) as u64;
        all.push(Open {
            id: "evaluation.correct",
            answers: vec![Given::Score(1000, 1000), Given::Score(missed, 1000)],
        });
    }
    let kinds = [Fact::InformationMostly, Fact::BehaviourMostly, Fact::BothKinds, Fact::LabelsMostly, Fact::NoMajority];
    if !is_counted || kinds.into_iter().any(undecided) {
        all.push(Open { id: "failures.missing", answers: profiles(answers) });
    }
    if pays(answers) == Pays::Unknown {
        let cheap = TunedCosts { input_price: 0.01, ..TunedCosts::default() };
        let typed = |tuned| Costs {
            requests_per_month: 1e6,
            static_tokens: 1000,
            dynamic_tokens: 1000,
            input_price: 1.0,
            tuned,
            ..Costs::default()
        };
        let expensive = TunedCosts { input_price: 9.0, ..TunedCosts::default() };
        let answers = vec![Given::Costs(Box::new(typed(cheap))), Given::Costs(Box::new(typed(expensive)))];
        all.push(Open { id: "costs", answers });
    }
    all
}

/// Counts of failures as they could be: each kind most of all, both great ones, none. Scaled to the wrong answers there are.
fn profiles(answers: &Answers) -> Vec<Given> {
    let evaluation = &answers.evaluation;
    let wrong = evaluation.examples.map(|examples| examples.saturating_sub(evaluation.correct.unwrap_or(0)));
    let size = wrong.filter(|wrong| *wrong > 0).unwrap_or(400).min(400);
    let shared = |parts: [u64; 5]| {
        let of = |part: u64| Some(size * part / 20);
        let [missing, style, wrong_label, reasoning, unclear_task] = parts.map(of);
        Given::Failures(Failures { missing, style, wrong_label, reasoning, unclear_task, ..Failures::default() })
    };
    [[18, 2, 0, 0, 0], [2, 18, 0, 0, 0], [10, 10, 0, 0, 0], [0, 1, 19, 0, 0], [1, 1, 0, 18, 0], [5, 5, 0, 5, 5]]
        .map(shared)
        .into_iter()
        .collect()
}

/// A few answers that a question could get, far enough from each other to matter.
fn values(question: &'static Question, answers: &Answers) -> Vec<Given> {
    let value = |value| Given::Value(question, value);
    let counts = |all: &[u64]| all.iter().map(|count| value(AnswerValue::Count(*count))).collect();
    match (question.id, question.kind) {
        (_, AnswerKind::YesNo) => [true, false].map(|yes| value(AnswerValue::YesNo(yes))).into(),
        (_, AnswerKind::Choice(choices)) => choices.iter().map(|(id, _)| value(AnswerValue::Choice(id))).collect(),
        (_, AnswerKind::Prompts) => {
            alternatives::of(question, answers).into_iter().map(|(_, whole)| Given::Whole(Box::new(whole))).collect()
        }
        ("evaluation.examples", _) => counts(&[0, 400]),
        ("evaluation.correct", _) => {
            let examples = answers.evaluation.examples.unwrap_or(400);
            counts(&[examples, examples / 2])
        }
        ("static_tokens", _) => counts(&[100, 8000]),
        ("agreement", _) => [0.2, 0.95].map(|kappa| value(AnswerValue::Number(kappa))).into(),
        ("evaluation.target", _) => [0.4, 0.99].map(|share| value(AnswerValue::Number(share))).into(),
        (_, AnswerKind::Count) => counts(&[10, 1000]),
        _ => Vec::new(),
    }
}

/// The worth of each open question.
fn worths(answers: &Answers, open: &[Open]) -> Vec<f64> {
    let mut decides = vec![0_usize; open.len()];
    let mut seed = 20_250_101_u64;
    let mut draw = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as usize) % most.max(1)
    };
    for _ in 0..WAYS {
        let mut way = answers.clone();
        // Given in their order; a later one may be at odds with an earlier one, which only blurs the picture.
        let chosen: Vec<Option<usize>> =
            open.iter().map(|open| (draw(2) == 0).then(|| draw(open.answers.len()))).collect();
        for (open, chosen) in open.iter().zip(&chosen) {
            if let Some(given) = chosen.and_then(|chosen| open.answers.get(chosen)) {
                given.give(&mut way);
            }
        }
        for (open, decides) in open.iter().zip(&mut decides) {
            let mut first = None;
            for given in &open.answers {
                let mut tried = way.clone();
                given.give(&mut tried);
                let led = super::settled::outcome_bits(&facts(&tried));
                if *first.get_or_insert(led) != led {
                    *decides += 1;
                    break;
                }
            }
        }
    }
    decides.into_iter().map(|count| count as f64 / WAYS as f64).collect()
}
