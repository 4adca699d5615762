//! Single other answers that would change the outcome: what a team can choose first, what it would have to find otherwise
//! after. Counts of what was seen are neither: nobody chooses how many answers were wrong.

use super::{alternatives, outcomes};
use crate::decide::rules::Outcome;
use crate::plan::decision::Answers;
use crate::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS, Question};

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
    /// A team can choose it or bring it about; else it would have to be found so.
    pub can_be_chosen: bool,
}

/// Every answered question with another answer that leads elsewhere: the nearest for each place it leads to.
pub fn flips(answers: &Answers, now: &[Outcome]) -> Vec<Flip> {
    let is_answered = |question: &&Question| (question.get)(answers) != AnswerValue::Skipped;
    let is_count_seen = |question: &Question| !question.can_be_chosen() && question.kind != AnswerKind::YesNo;
    let mut found: Vec<Flip> = QUESTIONS
        .iter()
        .filter(is_answered)
        .filter(|question| !is_count_seen(question))
        .flat_map(|question| changes(question, answers, now))
        .collect();
    // The order of the path within each.
    found.sort_by_key(|flip| !flip.can_be_chosen);
    found
}

/// Whether the change is one that somebody would bring about: more examples, a prompt that is kept, an owner; not fewer.
fn betters(question: &Question, before: &Answers, after: &Answers) -> bool {
    match ((question.get)(before), (question.get)(after)) {
        (_, AnswerValue::YesNo(yes)) => yes != (question.id == "interest_only"),
        (AnswerValue::Count(now), AnswerValue::Count(then)) => (then > now) != (question.id == "static_tokens"),
        _ if question.kind == AnswerKind::Prompts => {
            let kept = |answers: &Answers| answers.prompts.as_ref().map_or(0, Vec::len);
            kept(after) > kept(before)
        }
        _ => true,
    }
}

/// Other answers to one question that lead elsewhere.
pub fn changes(question: &'static Question, answers: &Answers, now: &[Outcome]) -> Vec<Flip> {
    let present = question.words(answers);
    let mut seen: Vec<Vec<Outcome>> = Vec::new();
    let mut found = Vec::new();
    for (instead, changed) in alternatives::of(question, answers) {
        let outcomes = outcomes(&changed);
        if outcomes == now || seen.contains(&outcomes) {
            continue;
        }
        seen.push(outcomes.clone());
        let instead = alternatives::nearest(question, answers, &changed, &outcomes).unwrap_or(instead);
        let label = question.label;
        let can_be_chosen = question.can_be_chosen() && betters(question, answers, &changed);
        found.push(Flip { question: question.id, label, now: present.clone(), instead, outcomes, can_be_chosen });
    }
    found
}
