//! The field table covers the plan: every setting reachable, every value kept, every name unique.

use proptest::prelude::*;
use std::collections::BTreeSet;
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Inputs, serving};
use tuneplan::figures::{self, Pace};
use tuneplan::plan::field::{Field, FieldKind, FieldValue, LineKind, Section, field, fields};
use tuneplan::plan::{
    Algorithm, Generator, HandShape, Implementation, LossKernel, MeasuredPeak, Method, ModelSource, Packing, Plan,
    Schedule, StageKind, Strategy as Sharing, Trial, Workload,
};

/// Plans that between them have every setting: each method, a typed model.
fn plans() -> Vec<Plan> {
    let FieldKind::Choice(methods) = field("method.kind").unwrap().kind else { panic!("the method is a choice") };
    let mut plans: Vec<Plan> = methods
        .iter()
        .map(|choice| {
            let mut plan = Plan::default();
            plan.method.method = Method::named(choice.id, &plan.method.method).unwrap();
            plan
        })
        .collect();
    let mut typed = Plan::default();
    typed.model.source = ModelSource::Typed(HandShape::default());
    plans.push(typed);
    for strategy in [Sharing::Single, Sharing::Ddp, Sharing::Zero3, Sharing::HybridShard] {
        let mut many = Plan::default();
        many.hardware.count = 8;
        many.parallelism.strategy = strategy;
        many.parallelism.tensor = 2;
        many.parallelism.pipeline = 2;
        many.parallelism.schedule = Schedule::Interleaved;
        plans.push(many);
    }
    let mut measured = Plan::default();
    measured.measured.peaks = vec!["process 20 GiB: RTX 4090".parse().unwrap()];
    measured.measured.trials = vec!["loss 5.4 to 0.2, exact 12 of 48: NF4".parse().unwrap()];
    plans.push(measured);
    let stages =
        vec![StageKind::Preference, StageKind::Reinforcement, StageKind::Distillation, StageKind::Classification];
    let mut chain = Plan { stages, ..Plan::default() };
    chain.objective.generator = Generator::Colocated;
    chain.objective.evaluation_batch = Some(8);
    plans.push(chain);
    let mut projecting = Plan::default();
    projecting.method.method = Method::Full;
    projecting.optimizer.algorithm = Algorithm::Apollo;
    plans.push(projecting);
    plans
}

fn value_strategy(field: &'static Field) -> BoxedStrategy<FieldValue> {
    match field.kind {
        FieldKind::Integer { min, max, .. } => (min..=max).prop_map(FieldValue::Integer).boxed(),
        FieldKind::Decimal { min, max, .. } => (min..=max).prop_map(FieldValue::Decimal).boxed(),
        FieldKind::OptionalInteger { min, max } => {
            prop_oneof![Just(FieldValue::Unset), (min..=max).prop_map(FieldValue::Integer)].boxed()
        }
        FieldKind::OptionalDecimal { min, max } => {
            prop_oneof![Just(FieldValue::Unset), (min..=max).prop_map(FieldValue::Decimal)].boxed()
        }
        FieldKind::Toggle => any::<bool>().prop_map(FieldValue::Toggle).boxed(),
        FieldKind::Choice(choices) => proptest::sample::select(
            choices.iter().map(|choice| FieldValue::Id(choice.id.to_owned())).collect::<Vec<_>>(),
        )
        .boxed(),
        FieldKind::Catalog(_) => "[a-z0-9/.-]{0,30}".prop_map(FieldValue::Id).boxed(),
        FieldKind::Targets => proptest::sample::subsequence(vec!["q", "k", "v", "o", "gate", "up", "down"], 1..=7)
            .prop_map(|ids| FieldValue::List(ids.into_iter().map(ToOwned::to_owned).collect()))
            .boxed(),
        FieldKind::Stages => proptest::sample::subsequence(
            vec!["continued-pretraining", "infilling", "reinforcement", "preference"],
            0..=4,
        )
        .prop_map(|ids| FieldValue::List(ids.into_iter().map(ToOwned::to_owned).collect()))
        .boxed(),
        FieldKind::Counts { max } => proptest::collection::vec(1..=max, 0..=9).prop_map(FieldValue::Counts).boxed(),
        FieldKind::Lines(LineKind::Trials) => {
            let trial =
                (0_u32..10_000_000, 0_u32..10_000_000, "[a-z0-9 ,.]{0,12}").prop_map(|(before, after, note)| {
                    let [before, after] = [before, after].map(|loss| f64::from(loss) / 1000.0);
                    format!("loss {before} to {after}, exact 3 of 48: {note}").parse::<Trial>().unwrap().to_string()
                });
            proptest::collection::vec(trial, 1..4).prop_map(FieldValue::List).boxed()
        }
        FieldKind::Lines(LineKind::Peaks) => {
            let peak = (1_u64..1 << 30, "[a-z0-9 ,.]{0,12}").prop_map(|(mib, note)| {
                // As the file writes it: what is typed otherwise is rewritten.
                format!("reserved {mib}.0 MiB: {note}").parse::<MeasuredPeak>().unwrap().to_string()
            });
            proptest::collection::vec(peak, 1..4).prop_map(FieldValue::List).boxed()
        }
        FieldKind::Text | FieldKind::Notes => any::<String>().prop_map(FieldValue::Text).boxed(),
    }
}

#[test]
fn ids_flags_and_keys_are_unique_and_well_formed() {
    let mut ids = BTreeSet::new();
    let mut flags = BTreeSet::new();
    for field in fields() {
        assert!(ids.insert(field.id), "{} twice", field.id);
        assert!(flags.insert(field.flag), "--{} twice", field.flag);
        let section = field.section.key();
        let expected = if section.is_empty() { field.key().to_owned() } else { format!("{section}.{}", field.key()) };
        assert_eq!(field.id, expected);
        assert!(field.flag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", field.flag);
        assert!(!field.help.is_empty() && field.help.ends_with('.'), "{}: help is a sentence", field.id);
        assert!(!field.label.ends_with(':') && !field.label.is_empty(), "{}", field.id);
        assert!(!field.help.contains('\n'), "{}", field.id);
    }
    for section in Section::ALL {
        assert!(fields().iter().any(|field| field.section == section), "{section:?} is empty");
    }
}

#[test]
fn every_field_can_be_set_and_read_back_in_some_plan() {
    let plans = plans();
    for field in fields() {
        let home = plans.iter().find(|plan| (field.get)(plan).is_some());
        assert!(home.is_some(), "{} is in no plan", field.id);
        assert!(plans.iter().chain([&inference()]).any(|plan| (field.applies)(plan)), "{} never applies", field.id);
    }
}

fn inference() -> Plan {
    Plan { workload: tuneplan::plan::Workload::Inference, ..Plan::default() }
}

/// A field shown but without a value, or the other way round, would be a hole in the panel.
#[test]
fn a_field_that_applies_has_a_value() {
    for plan in plans() {
        for field in fields().iter().filter(|field| (field.applies)(&plan) && field.id != "model.id") {
            assert!(
                (field.get)(&plan).is_some(),
                "{} applies to {} without a value",
                field.id,
                plan.method.method.id()
            );
        }
    }
}

#[test]
fn values_out_of_range_and_of_the_wrong_kind_are_refused_and_change_nothing() {
    let refused = [
        ("batch.micro_batch", FieldValue::Integer(0)),
        ("batch.sequence_length", FieldValue::Integer(u64::MAX)),
        ("batch.sequence_length", FieldValue::Text("8k".to_owned())),
        ("method.alpha", FieldValue::Decimal(f64::NAN)),
        ("method.dropout", FieldValue::Decimal(1.0)),
        ("method.kind", FieldValue::Id("qlara".to_owned())),
        ("method.targets", FieldValue::List(Vec::new())),
        ("stages", FieldValue::List(vec!["sft".to_owned()])),
        ("method.bottleneck", FieldValue::Integer(8)),
        ("model.hidden_size", FieldValue::Integer(8)),
    ];
    for (id, value) in refused {
        let mut plan = Plan::default();
        let message = field(id).unwrap().assign(&mut plan, &value).unwrap_err();
        assert!(!message.is_empty());
        assert_eq!(plan, Plan::default(), "{id} {value:?}");
    }
}

#[test]
fn people_type_numbers_in_several_ways() {
    let length = field("batch.sequence_length").unwrap();
    for text in ["8k", "8192", "8,192", "8_192", " 8 192 ", "8K"] {
        assert_eq!(FieldValue::parse(length, text), Ok(FieldValue::Integer(8192)), "{text}");
    }
    for text in [
        "",
        "k",
        "-1",
        "+1",
        "1.5",
        "1,5",
        "8,19",
        "8,1922",
        ",192",
        "8,,192",
        "1,024,5k",
        "eight",
        "99999999999999999999",
        "999999999999999k",
    ] {
        assert!(FieldValue::parse(length, text).is_err(), "{text}");
    }
    let message = FieldValue::parse(field("method.kind").unwrap(), "qlorra").unwrap_err();
    assert!(message.contains("did you mean `qlora`"), "{message}");
    assert_eq!(
        FieldValue::parse(field("method.targets").unwrap(), "q_proj, v"),
        Ok(FieldValue::List(vec!["q_proj".to_owned(), "v".to_owned()]))
    );
}

#[test]
fn switching_methods_keeps_what_both_have() {
    let mut plan = Plan::default();
    field("method.rank").unwrap().assign(&mut plan, &FieldValue::Integer(48)).unwrap();
    for id in ["dora", "lora", "vera", "rslora", "qlora"] {
        field("method.kind").unwrap().assign(&mut plan, &FieldValue::Id(id.to_owned())).unwrap();
        assert_eq!((field("method.rank").unwrap().get)(&plan), Some(FieldValue::Integer(48)), "{id}");
        assert_eq!(plan.method.method.id(), id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_set_is_read_back(index in 0..fields().len(), seed in any::<u64>()) {
        let field = &fields()[index];
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(
            ProptestConfig::default(),
            proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &{
                let mut bytes = [0_u8; 32];
                bytes[..8].copy_from_slice(&seed.to_le_bytes());
                bytes
            }),
        );
        let value = value_strategy(field).new_tree(&mut runner).unwrap().current();
        let mut plan = plans().into_iter().find(|plan| (field.get)(plan).is_some()).unwrap();
        field.assign(&mut plan, &value).unwrap();
        if value != FieldValue::Id("typed".to_owned()) {
            prop_assert_eq!((field.get)(&plan), Some(value));
        }
    }
}

#[test]
fn what_is_shown_can_be_typed_again() {
    for plan in plans() {
        for field in fields().iter().filter(|field| !matches!(field.kind, FieldKind::Stages)) {
            let Some(value) = (field.get)(&plan) else { continue };
            let shown = value.display(field);
            assert_eq!(FieldValue::parse(field, &shown), Ok(value), "{} shows {shown:?}", field.id);
        }
    }
    for field in fields() {
        let FieldKind::Choice(choices) = field.kind else { continue };
        for choice in choices {
            for typed in [choice.id, choice.label, &choice.label.to_uppercase()] {
                assert_eq!(
                    FieldValue::parse(field, typed),
                    Ok(FieldValue::Id(choice.id.to_owned())),
                    "{} {typed:?}",
                    field.id
                );
            }
        }
    }
    let accelerator = field("hardware.accelerator").unwrap();
    let none = FieldValue::Id(String::new());
    assert_eq!(FieldValue::parse(accelerator, &none.display(accelerator)), Ok(none));
}

#[test]
fn targets_that_say_two_things_are_refused() {
    let targets = field("method.targets").unwrap();
    let list = |ids: &[&str]| FieldValue::List(ids.iter().map(|id| (*id).to_owned()).collect());
    for ids in [&["all-linear", "lm_head"][..], &["q", ""], &["q", " "]] {
        let mut plan = Plan::default();
        assert!(targets.assign(&mut plan, &list(ids)).is_err(), "{ids:?}");
        assert_eq!(plan, Plan::default());
    }
}

/// A field wired to another's place would be seen here: it would change that one, or nothing.
#[test]
fn each_field_changes_the_plan_and_only_what_it_names() {
    let mut seen = BTreeSet::new();
    for plan in plans() {
        for field in fields() {
            let Some(before) = (field.get)(&plan) else { continue };
            let Some(value) = other_value(field, &before) else { continue };
            let mut changed = plan.clone();
            field.assign(&mut changed, &value).unwrap();
            assert_ne!(changed, plan, "{} {value:?} changes nothing", field.id);
            seen.insert(field.id);
            // These decide what else there is, and so are changed alone here.
            if matches!(field.id, "model.id" | "method.kind" | "precision.load_format" | "hardware.count")
                || matches!(field.id, "method.scaling" | "method.weight_decomposed" | "method.init")
                || matches!(field.id, "stages" | "objective.evaluation_batch" | "optimizer.algorithm")
            {
                continue;
            }
            for other in fields().iter().filter(|other| other.id != field.id) {
                assert_eq!((other.get)(&changed), (other.get)(&plan), "{} changes {} too", field.id, other.id);
            }
        }
    }
    let never: Vec<_> = fields().iter().map(|field| field.id).filter(|id| !seen.contains(id)).collect();
    assert_eq!(never, Vec::<&str>::new());
}

/// A value the field takes and does not have.
fn other_value(field: &Field, present: &FieldValue) -> Option<FieldValue> {
    other_values(field).into_iter().find(|value| value != present)
}

/// Values the field takes.
fn other_values(field: &Field) -> Vec<FieldValue> {
    let words = |ids: &[&str]| FieldValue::List(ids.iter().map(|id| (*id).to_owned()).collect());
    match field.kind {
        FieldKind::Integer { min, max, .. } | FieldKind::OptionalInteger { min, max } => {
            vec![FieldValue::Integer(min), FieldValue::Integer(max)]
        }
        FieldKind::Decimal { min, max, .. } | FieldKind::OptionalDecimal { min, max } => {
            vec![FieldValue::Decimal(min), FieldValue::Decimal(max)]
        }
        FieldKind::Toggle => vec![FieldValue::Toggle(true), FieldValue::Toggle(false)],
        FieldKind::Choice(choices) => choices.iter().map(|choice| FieldValue::Id(choice.id.to_owned())).collect(),
        FieldKind::Catalog(_) => vec![FieldValue::Id("another".to_owned())],
        FieldKind::Targets => vec![words(&["q"]), words(&["all-linear"])],
        FieldKind::Stages => vec![words(&["infilling"])],
        FieldKind::Counts { .. } => vec![FieldValue::Counts(vec![1, 2])],
        FieldKind::Lines(LineKind::Peaks) => vec![words(&["reserved 1.0 MiB"])],
        FieldKind::Lines(LineKind::Trials) => vec![words(&["loss 1.000 to 0.500, exact 1 of 2"])],
        FieldKind::Text | FieldKind::Notes => vec![FieldValue::Text("another".to_owned())],
    }
}

/// A value that no save would write is refused, not kept where nobody sees it.
#[test]
fn a_setting_that_a_plan_has_not_is_refused() {
    for plan in plans() {
        for field in fields().iter().filter(|field| (field.get)(&plan).is_none()) {
            for value in other_values(field) {
                let mut changed = plan.clone();
                let taken = field.assign(&mut changed, &value).is_ok();
                assert_eq!(taken, (field.get)(&changed).is_some(), "{} {value:?}", field.id);
                assert!(taken || changed == plan, "{} {value:?}", field.id);
            }
        }
    }
}

/// All that a plan is told: figures of memory, time, money and serving, and remarks.
fn told(plan: &Plan) -> String {
    let (estimate, remarks, _) = figures::of_plan(plan);
    let figures = estimate.map(|found| {
        (found.needed(), found.phases, found.tensors, found.process, found.host, found.fit, found.gaps, found.devices)
    });
    let pace = Pace::of_plan(plan).map(|pace| {
        let time = pace.time.map(|time| (time.tokens_per_step, time.step_secs, time.tokens_per_sec));
        (time, pace.run.map(|run| (run.steps, run.hours, run.money, run.currency, run.price_date)))
    });
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).ok();
    let served = inputs.map(|inputs| (serving::cache(&inputs), serving::adapters(&inputs)));
    format!("{figures:?}{remarks:?}{pace:?}{served:?}")
}

/// Plans in which a setting counts that elsewhere hides behind another.
fn particular() -> Vec<Plan> {
    let mut plans = Vec::new();
    for stage in [StageKind::Preference, StageKind::Reinforcement, StageKind::Distillation, StageKind::Classification] {
        for (generator, prompt_tokens) in [(Generator::Trainer, 0), (Generator::Colocated, 1024)] {
            let mut plan = Plan { stages: vec![stage], ..Plan::default() };
            "trl-1.16".clone_into(&mut plan.runtime.profile);
            plan.runtime.loss = LossKernel::Stack;
            plan.method.method = Method::Full;
            "bf16".clone_into(&mut plan.precision.load_format);
            plan.objective.generator = generator;
            plan.objective.prompt_tokens = prompt_tokens;
            plans.push(plan);
        }
    }
    let mut in_backward = Plan::default();
    in_backward.optimizer.implementation = Implementation::InBackward;
    plans.push(in_backward);
    let mut measured = Plan::default();
    measured.measured.peaks = vec!["reserved 20000.0 MiB of 16000.0 MiB expected: RTX 4090".parse().unwrap()];
    plans.push(measured);
    let shape = HandShape { experts: 8, experts_per_token: 2, ..HandShape::default() };
    let mut mixture = Plan::default();
    mixture.model.source = ModelSource::Typed(shape);
    plans.push(mixture);
    for strategy in [Sharing::Ddp, Sharing::Fsdp2] {
        let mut shared = Plan::default();
        shared.hardware.count = 4;
        shared.parallelism.strategy = strategy;
        shared.method.method = Method::Full;
        "bf16".clone_into(&mut shared.precision.load_format);
        plans.push(shared);
    }
    plans
}

/// A setting that nothing reads misleads whoever chooses it. Each changes a figure or a remark in some plan, or its help says
/// that it does not.
#[test]
fn each_setting_changes_an_answer_or_says_that_it_does_not() {
    let mut bases = plans();
    bases.extend(particular());
    let mut long = Plan::default();
    long.run.examples = Some(100_000);
    long.run.save_steps = Some(100);
    long.hardware.disk_gb = Some(1.0);
    long.cost.price_per_device_hour = Some(2.5);
    bases.push(long.clone());
    let mut warm = Plan::default();
    warm.optimizer.warmup_share = Some(0.6);
    bases.push(warm);
    bases.push(Plan { workload: Workload::Inference, ..Plan::default() });
    let mut padded = long;
    padded.batch.packing = Packing::Padded;
    bases.push(padded);
    let said: Vec<String> = bases.iter().map(told).collect();
    let mut silent = Vec::new();
    for field in fields().iter().filter(|field| !matches!(field.kind, FieldKind::Notes | FieldKind::Lines(_))) {
        let changes = bases.iter().zip(&said).any(|(base, before)| {
            let Some(present) = (field.get)(base).filter(|_| (field.applies)(base)) else { return false };
            other_values(field).into_iter().filter(|value| *value != present).any(|value| {
                let mut changed = base.clone();
                field.assign(&mut changed, &value).is_ok() && told(&changed) != *before
            })
        });
        if changes == field.help.contains("o figure rests on it") && field.id != "name" {
            // A rate and a warm-up are checked and are in no figure: both are true of them.
            let checked = changes && field.help.contains("hecked against");
            if !checked {
                silent.push((field.id, changes));
            }
        }
    }
    assert_eq!(silent, []);
}
