//! Solving against brute force: an answer is the largest that fits, and one step more does not.

use proptest::prelude::*;
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Fit, Inputs, estimate};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::{
    Algorithm, Checkpointing, HandShape, Implementation, Lora, LossKernel, Method, ModelSource, Plan,
    Strategy as Sharing, Workload, templates,
};
use tuneplan::solve::Known;
use tuneplan::solve::largest::{Ending, Question, Solution, solve, stretched};

fn fits(plan: &Plan) -> bool {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    let found = estimate(&inputs, Detail::Numbers);
    found.process.high <= found.capacity.unwrap()
}

fn fit(plan: &Plan) -> Fit {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Numbers).fit
}

fn ask(plan: &Plan, question: Question) -> Solution {
    solve(plan, question, Known::embedded()).unwrap()
}

fn applied(plan: &Plan, edit: Option<&PlanEdit>) -> Plan {
    let mut after = plan.clone();
    if let Some(edit) = edit {
        edit.apply(&mut after).unwrap();
    }
    after
}

fn process_mib(plan: &Plan) -> u64 {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Numbers).process.high.0.div_ceil(1 << 20)
}

/// A model so small that a device of a few hundred MiB decides, and so large that one step of a setting is seen in MiB.
fn small() -> Plan {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::Typed(HandShape {
        hidden_size: 512,
        layers: 6,
        heads: 8,
        kv_heads: 4,
        head_dim: 64,
        intermediate_size: 1408,
        vocab_size: 16_000,
        ..HandShape::default()
    });
    plan.hardware.memory_mib = Some(3000);
    plan.batch.sequence_length = 64;
    plan
}

fn with_value(plan: &Plan, question: Question, value: u64) -> Plan {
    let mut changed = plan.clone();
    match question {
        Question::SequenceLength => changed.batch.sequence_length = value,
        Question::MicroBatch => changed.batch.micro_batch = value,
        Question::Rank => match &mut changed.method.method {
            Method::Lora(lora) | Method::Qlora(lora) => lora.rank = value,
            Method::Galore { rank } => *rank = value,
            _ => unreachable!("no rank"),
        },
        _ => unreachable!("no number"),
    }
    changed
}

#[test]
fn one_step_more_does_not_fit() {
    for template in templates().iter().filter(|template| !template.plan.hardware.accelerator.is_empty()) {
        for question in [Question::SequenceLength, Question::MicroBatch, Question::Rank, Question::Context] {
            let found = ask(&template.plan, question);
            let Some(best) = found.best() else { continue };
            let after = applied(&template.plan, best.edit.as_ref());
            assert_eq!(fit(&after), best.after.fit, "{} {question:?}: {}", template.name, found.words);
            assert_eq!(
                fits(&after),
                found.ending != Ending::OnlyTight,
                "{} {question:?}: {}",
                template.name,
                found.words
            );
            if found.ending != Ending::Found || question == Question::Context {
                continue;
            }
            let beyond = with_value(&after, question, best.number.unwrap() + 1);
            assert!(!fits(&beyond), "{} {question:?}: {}", template.name, found.words);
        }
    }
}

#[test]
fn a_context_is_one_sequence_and_keeps_the_step() {
    let mut plan = Plan::default();
    plan.batch.micro_batch = 4;
    let found = ask(&plan, Question::Context);
    let after = applied(&plan, found.best().unwrap().edit.as_ref());
    assert_eq!(after.batch.micro_batch, 1);
    assert_eq!(after.batch.gradient_accumulation, plan.batch.gradient_accumulation * 4);
    let mut longer = after.clone();
    longer.batch.sequence_length += 1;
    assert!(fits(&after) && !fits(&longer));
    let mut serving = Plan { workload: Workload::Inference, ..plan };
    serving.batch.new_tokens = 1000;
    let found = ask(&serving, Question::Context);
    let best = found.best().unwrap();
    let after = applied(&serving, best.edit.as_ref());
    assert_eq!(after.batch.sequence_length + 1000, best.number.unwrap());
}

#[test]
fn models_devices_and_accelerators_equal_brute_force() {
    let plan = Plan::default();
    let catalog = Catalog::embedded();
    let found = ask(&plan, Question::Model);
    let best = found.best().unwrap().number.unwrap();
    for entry in &catalog.models {
        let mut other = plan.clone();
        other.model.source = ModelSource::Catalog(entry.id.clone());
        assert!(entry.params_total <= best || !fits(&other), "{}", entry.id);
    }
    let found = ask(&plan, Question::Accelerator);
    for device in &catalog.accelerators {
        let mut other = plan.clone();
        other.hardware.accelerator.clone_from(&device.id);
        let listed = found.candidates.iter().any(|candidate| candidate.value == device.name);
        assert!(fits(&other) || !listed, "{}", device.id);
    }
    let memory: Vec<_> = found.candidates.iter().map(|candidate| candidate.after.capacity.unwrap()).collect();
    assert!(memory.is_sorted());

    // 70B in 16 bits, everything trained: 8 bytes a value at least, so no fewer than 8 of 80 GB.
    let mut large = templates().iter().find(|template| template.name == "8b-lora-80gb").unwrap().plan.clone();
    large.model.source = ModelSource::Catalog("meta-llama/Llama-3.1-70B".to_owned());
    large.method.method = Method::Full;
    let found = ask(&large, Question::Devices);
    let best = found.best().unwrap();
    let count = best.number.unwrap();
    assert!(count >= 8, "{count}");
    assert!(fits(&applied(&large, best.edit.as_ref())), "{}", found.words);
    for fewer in 1..count {
        let mut other = large.clone();
        other.hardware.count = fewer;
        other.parallelism.strategy = if fewer == 1 { Sharing::Single } else { Sharing::Fsdp2 };
        assert!(!fits(&other), "{fewer}");
    }
}

#[test]
fn a_price_orders_accelerators_by_the_cost_of_the_run() {
    let mut plan = Plan::default();
    plan.run.tokens = Some(10_000_000);
    plan.cost.price_per_device_hour = Some(0.5);
    plan.cost.price_date = "2026-06-01".to_owned();
    let found = ask(&plan, Question::Accelerator);
    let costs: Vec<Option<f64>> =
        found.candidates.iter().map(|candidate| candidate.after.money.map(|money| money.expected)).collect();
    let known: Vec<f64> = costs.iter().copied().flatten().collect();
    assert!(known.len() > 3 && known.is_sorted(), "{known:?}");
    assert!(costs[..known.len()].iter().all(Option::is_some), "devices without a price come last");
    let own = found.candidates.iter().find(|candidate| candidate.edit.is_none()).unwrap();
    let hours = own.after.hours.unwrap().expected;
    assert!((own.after.money.unwrap().expected - hours * 0.5).abs() < 1e-9);
}

#[test]
fn what_cannot_be_answered_is_said_in_words() {
    let mut plan = Plan::default();
    plan.hardware.accelerator.clear();
    let found = ask(&plan, Question::SequenceLength);
    assert_eq!(found.ending, Ending::NoDevice);
    assert!(found.words.contains("choose one under Hardware"), "{}", found.words);
    // Which accelerator would do is a question that needs none.
    assert!(ask(&plan, Question::Accelerator).best().is_some());

    let mut full = Plan::default();
    full.method.method = Method::Full;
    assert_eq!(ask(&full, Question::Rank).ending, Ending::NoSuchSetting);
    full.model.source = ModelSource::Catalog("meta-llama/Llama-3.1-405B".to_owned());
    full.precision.load_format = "bf16".to_owned();
    let found = ask(&full, Question::SequenceLength);
    assert_eq!(found.ending, Ending::NothingFits);
    assert!(found.words.starts_with("Nothing fits"), "{}", found.words);

    let everything = stretched(&small(), Question::MicroBatch, Some(2), Known::embedded()).unwrap();
    assert_eq!((everything.ending, everything.best().unwrap().number), (Ending::EverythingFits, Some(2)));

    plan.precision.load_format = "nf3".to_owned();
    assert!(solve(&plan, Question::Model, Known::embedded()).unwrap_err().contains("nf3"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// On a small range every value is tried: rank under an 8-bit optimizer is not monotone there.
    #[test]
    fn equals_brute_force(
        question in prop_oneof![Just(Question::SequenceLength), Just(Question::MicroBatch), Just(Question::Rank)],
        method in prop_oneof![
            Just(Method::Lora(Lora::default())),
            Just(Method::Qlora(Lora { dropout: 0.1, ..Lora::default() })),
            Just(Method::Galore { rank: 8 }),
        ],
        algorithm in prop_oneof![Just(Algorithm::AdamW), Just(Algorithm::AdamW8bit), Just(Algorithm::Lion8bit)],
        implementation in prop_oneof![Just(Implementation::Foreach), Just(Implementation::InBackward)],
        checkpointing in prop_oneof![Just(Checkpointing::None), Just(Checkpointing::Full)],
        loss in prop_oneof![Just(LossKernel::Unfused), Just(LossKernel::FusedLinear)],
        about in 1_u64..300,
        less_mib in 0_u64..3,
        batch in 1_u64..6,
    ) {
        let mut plan = small();
        plan.method.method = method;
        plan.precision.load_format =
            if matches!(plan.method.method, Method::Qlora(_)) { "nf4".to_owned() } else { "bf16".to_owned() };
        plan.optimizer.algorithm = algorithm;
        plan.optimizer.implementation = implementation;
        plan.runtime.checkpointing = checkpointing;
        plan.runtime.loss = loss;
        plan.batch.micro_batch = batch;
        // The device just holds some value of the range, or just does not.
        plan.hardware.memory_mib = Some(process_mib(&with_value(&plan, question, about)) - less_mib);
        let most = 300;
        let brute = (1..=most).rev().find(|&value| fits(&with_value(&plan, question, value)));
        let found = stretched(&plan, question, Some(most), Known::embedded()).unwrap();
        let best = found.best().filter(|best| best.after.fit == Fit::Fits);
        prop_assert_eq!(best.and_then(|best| best.number), brute, "{}", found.words);
        // How far it is tight: by the expected figure.
        let tight = (1..=most).rev().find(|&value| fit(&with_value(&plan, question, value)).is_within());
        let farthest = found.candidates.iter().filter_map(|candidate| candidate.number).max();
        prop_assert_eq!(farthest, tight, "{}", found.words);
    }
}
