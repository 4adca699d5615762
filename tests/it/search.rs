//! The search against brute force: every plan estimated by itself, every pair of plans compared.

use tuneplan::catalog::Catalog;
use tuneplan::estimate::cost::run;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::time::{DequantizationKernel, time};
use tuneplan::estimate::{Detail, Inputs, estimate};
use tuneplan::explained::Interval;
use tuneplan::plan::edit::choose_method;
use tuneplan::plan::{ModelSource, Plan, Strategy, Workload};
use tuneplan::solve::Known;
use tuneplan::solve::levers::Risk;
use tuneplan::solve::search::front::{Front, Spot};
use tuneplan::solve::search::{Found, Limits, Search};
use tuneplan::units::Bytes;

/// QLoRA, everything trained, a mixture of experts, running the model, four devices.
fn plans() -> Vec<Plan> {
    let priced = |mut plan: Plan| {
        plan.run.tokens = Some(5_000_000);
        plan.cost.price_per_device_hour = Some(2.5);
        plan
    };
    let default = priced(Plan::default());
    let mut full = priced(Plan::default());
    choose_method(&full, "full").apply(&mut full).unwrap();
    full.batch.micro_batch = 2;
    let mut experts = default.clone();
    experts.model.source = ModelSource::Catalog("mistralai/Mixtral-8x7B-v0.1".to_owned());
    let serving = Plan { workload: Workload::Inference, ..Plan::default() };
    let mut shared = full.clone();
    shared.hardware.count = 4;
    shared.parallelism.strategy = Strategy::Fsdp2;
    vec![default, full, experts, serving, shared]
}

/// What a plan comes to, each figure by a single estimate.
fn spot(search: &Search<'_>, index: u64) -> Option<(Spot, Interval, [Option<f64>; 2])> {
    let (plan, risk) = search.space.plan(index)?;
    let inputs = Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    let process = estimate(&inputs, Detail::Numbers).process;
    let time = time(&inputs, DequantizationKernel::Current).unwrap();
    let run = run(&inputs, &time);
    let secs_per_token = time.step_secs.expected / time.tokens_per_step as f64;
    let expected = |band: Option<tuneplan::explained::Band>| band.map(|band| band.expected);
    let spot = Spot { memory: process.expected, secs_per_token, risk, index };
    Some((spot, process, [expected(run.hours), expected(run.money)]))
}

#[test]
fn the_set_equals_brute_force() {
    for (number, plan) in plans().into_iter().enumerate() {
        for limits in [
            Limits::default(),
            Limits { memory: Some(Bytes::gib(24)), risk: Some(Risk::Low), ..Limits::default() },
            Limits { hours: Some(3.0), money: Some(6.0), ..Limits::default() },
        ] {
            if plan.run.tokens.is_none() && limits.hours.is_some() {
                continue;
            }
            let mut search = Search::new(&plan, limits, Known::embedded()).unwrap();
            search.space = search.space.limited(if plan.is_parallel() { 2 } else { 3 });
            let found = search.run();
            let mut found_tight = 0;
            let all: Vec<_> = (0..search.space.len()).filter_map(|index| spot(&search, index)).collect();
            if !plan.is_parallel() {
                assert_eq!(found.tally.estimated + found.tally.too_risky, all.len() as u64, "plan {number}");
            }
            let within: Vec<Spot> = all
                .into_iter()
                .filter(|(spot, _, [hours, money])| {
                    limits.memory.is_none_or(|most| spot.memory <= most)
                        && limits.risk.is_none_or(|most| spot.risk <= most)
                        && limits.hours.is_none_or(|most| hours.unwrap() <= most)
                        && limits.money.is_none_or(|most| money.unwrap() <= most)
                })
                .filter(|(_, process, _)| {
                    limits.memory.is_none_or(|most| process.high <= most) || {
                        found_tight += 1;
                        false
                    }
                })
                .map(|(spot, ..)| spot)
                .collect();
            if !plan.is_parallel() {
                assert_eq!(found.tally.within, within.len() as u64, "plan {number}");
                assert_eq!(found.tally.tight, found_tight, "plan {number}");
            }
            let mut best: Vec<Spot> =
                within.iter().copied().filter(|spot| !within.iter().any(|other| other.beats(spot))).collect();
            best.sort_by_key(|spot| (spot.memory, spot.risk, spot.index));
            let set: Vec<Spot> = found.front.spots().collect();
            assert_eq!(set, best, "plan {number} under {limits:?}");
        }
    }
}

/// All that is shared between plans gives the bytes and seconds of single estimates, over a sample of the whole space.
#[test]
fn shared_parts_give_single_estimates() {
    for plan in &plans()[..3] {
        let search = Search::new(plan, Limits::default(), Known::embedded()).unwrap();
        let outcome = search.run_part(search.parts() / 2);
        assert!(outcome.tally.estimated > 0);
        for found in outcome.front.spots() {
            assert_eq!(spot(&search, found.index).unwrap().0, found);
        }
    }
}

#[test]
fn the_default_space_holds_a_million_plans_without_contradictions() {
    let search = Search::new(&Plan::default(), Limits::default(), Known::embedded()).unwrap();
    assert!(search.space.len() >= 1_000_000, "{}", search.space.len());
    // The plan itself is the first of them.
    let (first, risk) = search.space.plan(0).unwrap();
    assert_eq!((first, risk), (Plan::default(), Risk::None));
    assert!(search.space.plan(search.space.len()).is_none());
    let small = search.space.clone().limited(3);
    let kinds = |plan: &Plan| (plan.optimizer.implementation, plan.batch.gradient_accumulation);
    let in_backward = (tuneplan::plan::Implementation::InBackward, 1);
    assert!((0..small.len()).filter_map(|index| small.plan(index)).any(|(plan, _)| kinds(&plan) == in_backward));
    let step = search.space.len() / 997;
    for index in (0..search.space.len()).step_by(step as usize) {
        let Some((plan, _)) = search.space.plan(index) else { continue };
        let sequences = plan.batch.micro_batch * plan.batch.gradient_accumulation;
        // A step in backward sees one micro-batch.
        let in_backward = plan.optimizer.implementation == tuneplan::plan::Implementation::InBackward;
        assert!(sequences == 8 || (in_backward && plan.batch.gradient_accumulation == 1), "{sequences}");
        let context_of = Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).unwrap();
        let errors = tuneplan::solve::figures::contradictions(&context_of);
        assert!(errors.is_empty(), "{index}: {errors:?}");
    }
}

#[test]
fn parts_in_any_order_give_the_same_set() {
    let mut search = Search::new(&plans()[0], Limits::default(), Known::embedded()).unwrap();
    search.space = search.space.limited(6);
    let forward = search.run();
    let mut backward = Found::default();
    for part in (0..search.parts()).rev() {
        backward.merge(&search.run_part(part));
    }
    assert_eq!(forward, backward);
    assert_eq!(search.run_part(search.parts()), Found::default());
    let outcome = search.outcome(&forward);
    assert_eq!(outcome.choices.len(), forward.front.len());
    for choice in &outcome.choices {
        let mut plan = plans()[0].clone();
        choice.edit.apply(&mut plan).unwrap();
        assert_eq!(plan, choice.plan);
    }
}

#[test]
fn nothing_within_the_limits_is_said_in_words() {
    let known = Known::embedded();
    let ask = |plan: &Plan, limits: Limits| {
        let mut search = Search::new(plan, limits, known)?;
        search.space = search.space.limited(3);
        Ok::<_, String>(search.outcome(&search.run()))
    };
    let plan = &plans()[0];
    let small = ask(plan, Limits { memory: Some(Bytes::gib(1)), ..Limits::default() }).unwrap();
    assert!(small.choices.is_empty() && small.words.contains("the least memory is"), "{}", small.words);
    let hasty = ask(plan, Limits { hours: Some(0.0), ..Limits::default() }).unwrap();
    assert!(hasty.words.contains("the fastest takes"), "{}", hasty.words);
    let least = ask(plan, Limits::default()).unwrap().choices[0].figures.memory();
    let fastest = ask(plan, Limits::default()).unwrap().tally.least_hours.unwrap();
    let both = ask(plan, Limits { memory: Some(least), hours: Some(fastest), ..Limits::default() }).unwrap();
    assert!(both.choices.is_empty() && both.words.contains("not all of them by one plan"), "{}", both.words);
    let unsaid = ask(&Plan::default(), Limits { hours: Some(8.0), ..Limits::default() }).unwrap_err();
    assert!(unsaid.contains("under Run"), "{unsaid}");
    let mut homeless = plan.clone();
    homeless.hardware.accelerator.clear();
    let found = ask(&homeless, Limits::default()).unwrap();
    assert!(!found.choices.is_empty() && found.choices[0].figures.step_secs.is_none());
}

#[test]
fn a_front_keeps_what_nothing_beats() {
    // A fixed pseudo-random cloud with many ties.
    let mut seed = 7_u64;
    let mut next = |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    for round in 0..50 {
        let cloud: Vec<Spot> = (0..120)
            .map(|index| Spot {
                memory: Bytes(next(20 + round)),
                secs_per_token: next(15) as f64,
                risk: Risk::ALL[next(3) as usize],
                index,
            })
            .collect();
        let mut best: Vec<Spot> =
            cloud.iter().copied().filter(|spot| !cloud.iter().any(|other| other.beats(spot))).collect();
        best.sort_by_key(|spot| (spot.memory, spot.risk, spot.index));
        for backwards in [false, true] {
            let mut front = Front::default();
            for i in 0..cloud.len() {
                front.offer(cloud[if backwards { cloud.len() - 1 - i } else { i }]);
            }
            assert_eq!(front.spots().collect::<Vec<_>>(), best);
            assert_eq!(front.len(), best.len());
        }
    }
}
