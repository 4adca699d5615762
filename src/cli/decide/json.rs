//! The recommendation as one JSON object.

use crate::decide::Recommendation;
use crate::decide::break_even::{BreakEven, Crossing, pays};
use crate::decide::engine::{Needed, Reason};
use crate::decide::follow::follow;
use crate::plan::decision::{Answers, Follow};
use serde_json::{Value as Json, json};

fn rule_json(rule: &Reason) -> Json {
    json!({ "id": rule.id, "name": rule.name, "reason": rule.reason, "source": rule.source })
}

fn need_json(needed: &Needed) -> Json {
    let need = needed.need;
    json!({ "id": need.id, "what": need.name, "state": needed.state.word(), "reason": need.reason, "source": need.source })
}

pub(super) fn to_json(found: &Recommendation, answers: &Answers, costs: Option<&BreakEven>) -> Json {
    let advice: Vec<Json> = found
        .advice
        .iter()
        .map(|advice| {
            json!({
                "id": advice.outcome.id(),
                "label": advice.outcome.label(),
                "what": advice.outcome.words(),
                "rules": advice.rules.iter().map(rule_json).collect::<Vec<_>>(),
                "must_be_true_first": advice.needs.iter().map(need_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    let held: Vec<Json> = found
        .held
        .iter()
        .map(|held| {
            json!({
                "id": held.outcome.id(),
                "label": held.outcome.label(),
                "rules": held.rules.iter().map(rule_json).collect::<Vec<_>>(),
                "must_be_true_first": held.needs.iter().map(need_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    let place = found.place.map(|place| {
        json!({ "id": place.place.id(), "label": place.place.label(), "reason": place.reason, "source": place.source })
    });
    let drivers: Vec<Json> = found
        .drivers
        .iter()
        .map(|driver| json!({ "fact": driver.fact.words(), "holds": driver.holds.word(), "evidence": driver.words }))
        .collect();
    let flips: Vec<Json> = found
        .flips
        .iter()
        .map(|flip| {
            let outcomes: Vec<&str> = flip.outcomes.iter().map(|outcome| outcome.id()).collect();
            json!({ "question": flip.question, "label": flip.label, "now": flip.now, "instead": flip.instead, "outcomes": outcomes, "can_be_chosen": flip.can_be_chosen })
        })
        .collect();
    let missing: Vec<Json> = found
        .missing
        .iter()
        .map(|missing| {
            json!({ "question": missing.question, "label": missing.label, "why": missing.why, "more_labels": missing.more, "worth_share": missing.worth_share })
        })
        .collect();
    let against: Vec<Json> = found
        .against
        .iter()
        .map(|against| {
            json!({ "id": against.id, "name": against.name, "reason": against.reason, "pays": against.pays, "source": against.source })
        })
        .collect();
    let evidence: Vec<Json> = found
        .proportions
        .iter()
        .map(|share| {
            let interval = crate::decide::stats::wilson(share.count, share.total);
            json!({
                "name": share.name,
                "count": share.count,
                "total": share.total,
                "low_share": interval.map(|interval| interval.low),
                "high_share": interval.map(|interval| interval.high),
                "against_share": share.against,
                "distinguishable": share.told,
                "narrow_enough": share.is_narrow,
                "more_labels": share.more,
            })
        })
        .collect();
    let contradictions: Vec<Json> =
        found.contradictions.iter().map(|(path, message)| json!({ "path": path, "message": message })).collect();
    let samples = found.samples.map(|samples| {
        json!({
            "before_share": samples.before,
            "after_share": samples.after,
            "unpaired_examples_per_arm": samples.unpaired_per_arm,
            "paired_examples_low": samples.paired.0,
            "paired_examples_high": samples.paired.1,
        })
    });
    json!({
        "verdict": found.verdict.id(),
        "outcomes": advice,
        "held": held,
        "place": place,
        "drivers": drivers,
        "flips": flips,
        "missing": missing,
        "unsettled": found.unsettled.iter().map(|fact| fact.words()).collect::<Vec<_>>(),
        "evidence": evidence,
        "samples": samples,
        "against_fine_tuning": against,
        "break_even": costs.map(costs_json),
        "tuning_pays": pays(answers).id(),
        "contradictions": contradictions,
        "follow": follow_json(&follow(answers, found)),
    })
}

fn follow_json(follow: &Follow) -> Json {
    let stages: Vec<Json> = follow
        .stages
        .iter()
        .map(|stage| {
            json!({
                "outcome": stage.outcome,
                "kind": stage.kind,
                "example": stage.example,
                "examples_have": stage.examples_have,
                "examples_first": stage.examples_first,
            })
        })
        .collect();
    let evaluation = &follow.evaluation;
    json!({
        "stages": stages,
        "must_be_true_first": follow.first,
        "evaluation": {
            "examples": evaluation.examples,
            "metric": evaluation.metric,
            "target_share": evaluation.target,
            "stop": evaluation.stop,
        },
        "budget": follow.budget.as_ref().map(|budget| json!({
            "currency": budget.currency,
            "money_once": budget.once,
            "money_per_month": budget.per_month,
            "months": budget.months,
        })),
    })
}

fn costs_json(costs: &BreakEven) -> Json {
    let lines: Vec<Json> = costs
        .lines
        .iter()
        .map(|line| json!({ "way": line.way.id(), "money_per_month": line.per_month, "money_per_request": line.per_request }))
        .collect();
    let against: Vec<Json> = costs
        .against
        .iter()
        .map(|against| match against.crossing {
            Crossing::From { expected, low, high } => json!({
                "other": against.other.id(), "cheaper": "from",
                "requests_per_month": expected, "low_requests_per_month": low, "high_requests_per_month": high,
            }),
            Crossing::Always => json!({ "other": against.other.id(), "cheaper": "always" }),
            Crossing::UpTo(requests) => {
                json!({ "other": against.other.id(), "cheaper": "up-to", "requests_per_month": requests })
            }
            Crossing::Never => json!({ "other": against.other.id(), "cheaper": "never" }),
        })
        .collect();
    json!({
        "currency": costs.currency,
        "price_date": costs.date,
        "lines": lines,
        "fine_tuning_against": against,
        "missing": costs.missing,
        "counted_as_zero": costs.counted_as_zero,
        "cache_pays_from_uses": costs.cache_pays_from_uses,
    })
}
