//! One notion of "fits" and one space of changes: whatever asks gets the same word, and whatever is offered is found.

use proptest::prelude::*;
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use tuneplan::architecture::Knowledge;
use tuneplan::catalog::Catalog;
use tuneplan::cli::{self, Outcome};
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Estimate, Fit, Inputs, estimate};
use tuneplan::explained::Interval;
use tuneplan::plan::edit::{PlanEdit, choose_method};
use tuneplan::plan::{
    Algorithm, AttentionKernel, Checkpointing, Implementation, LossKernel, ModelSource, Offload, Plan,
    Strategy as Sharing, Workload, file,
};
use tuneplan::solve::Known;
use tuneplan::solve::levers::combine::{Way, cheapest};
use tuneplan::solve::levers::{Risk, levers};
use tuneplan::solve::search::space::Space;
use tuneplan::solve::search::{Limits, Search};
use tuneplan::units::Bytes;

fn inputs(plan: &Plan) -> Inputs<'_> {
    Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap()
}

fn estimated(plan: &Plan) -> Estimate {
    estimate(&inputs(plan), Detail::Numbers)
}

fn applied(plan: &Plan, edit: &PlanEdit) -> Plan {
    let mut after = plan.clone();
    edit.apply(&mut after).unwrap();
    after
}

fn way(plan: &Plan) -> Way {
    cheapest(plan, &levers(plan, Known::embedded()).unwrap(), Known::embedded())
}

/// 70B with QLoRA on one card of 24 GB.
fn one_card() -> Plan {
    let text = std::fs::read_to_string("tests/fixtures/70b-one-card.plan.ron").unwrap();
    file::read(&text).unwrap().plan
}

/// `plan` on a device that holds the expected figure and not the upper end.
fn made_tight(mut plan: Plan) -> Plan {
    let process = estimated(&plan).process;
    let mib = Bytes(u64::midpoint(process.expected.0, process.high.0)).0 >> 20;
    plan.hardware.memory_mib = Some(mib + plan.hardware.reserve_mib);
    assert_eq!(estimated(&plan).fit, Fit::Tight);
    plan
}

#[test]
fn the_band_decides() {
    let process = Interval { low: Bytes(8), expected: Bytes(10), high: Bytes(12) };
    let verdicts = [(12, Fit::Fits), (11, Fit::Tight), (10, Fit::Tight), (9, Fit::DoesNotFit)];
    for (capacity, fit) in verdicts {
        assert_eq!(Fit::of(process, Some(Bytes(capacity)), Knowledge::Whole), fit, "{capacity}");
    }
    assert_eq!(Fit::of(process, None, Knowledge::Whole), Fit::NoDevice);
    assert!(Fit::ALL.is_sorted(), "the better comes first");
    let words: std::collections::BTreeSet<_> = Fit::ALL.iter().flat_map(|fit| [fit.word(), fit.id()]).collect();
    assert_eq!(words.len(), 8, "one word each");
}

/// A plan that is tight is not done: it is offered what makes it fit, and nothing that is worse in every respect.
#[test]
fn a_tight_plan_is_offered_what_fits() {
    let mut long = Plan::default();
    long.batch.sequence_length = 8192;
    for plan in [made_tight(Plan::default()), made_tight(long)] {
        let found = way(&plan);
        assert!(!found.words.contains("already"), "{}", found.words);
        assert!(!found.sets.is_empty(), "{}", found.words);
        for set in &found.sets {
            assert_eq!(estimated(&applied(&plan, &set.edit)).fit, Fit::Fits, "{}", set.kinds[0].title);
        }
    }
    let fits = way(&Plan::default());
    assert!(fits.sets.is_empty() && fits.words.contains("upper end of the band"), "{}", fits.words);
}

/// Memory, time, risk and number of changes, worked out anew from the plans.
#[test]
fn no_set_is_offered_that_another_is_as_good_as() {
    let mut long = Plan::default();
    long.batch.sequence_length = 8192;
    let mut wasteful = Plan::default();
    choose_method(&wasteful, "lora").apply(&mut wasteful).unwrap();
    wasteful.runtime.checkpointing = Checkpointing::None;
    wasteful.batch.micro_batch = 6;
    for plan in [made_tight(long), one_card(), wasteful] {
        let sets = way(&plan).sets;
        let figures: Vec<_> = sets
            .iter()
            .map(|set| {
                let after = estimated(&applied(&plan, &set.edit));
                (after.fit, after.process.expected, set.time_change.unwrap(), set.risk, set.kinds.len())
            })
            .collect();
        for (i, a) in figures.iter().enumerate() {
            for (j, b) in figures.iter().enumerate() {
                let as_good = a.0 <= b.0 && a.1 <= b.1 && a.2 <= b.2 && a.3 <= b.3 && a.4 <= b.4;
                assert!(i == j || !as_good, "{} is as good as {}", sets[i].kinds[0].title, sets[j].kinds[0].title);
            }
        }
    }
}

/// The lever that fits is a plan of the search, with its figures, and the search's part finds nothing that needs more.
#[test]
fn the_search_finds_what_a_lever_offers() {
    let plan = one_card();
    let known = Known::embedded();
    let found = levers(&plan, known).unwrap();
    let lever = found.levers.iter().find(|lever| lever.kind.id == "offload-weights").unwrap();
    // By the expected figure: alone it is tight.
    assert_eq!((lever.after.fit, lever.kind.quality.risk), (Fit::Tight, Risk::None));
    let limits = Limits { memory: Some(Bytes::gib(24)), risk: Some(Risk::Low), ..Limits::default() };
    let search = Search::new(&plan, limits, known).unwrap();
    let index = search.space.find(&applied(&plan, &lever.kind.edit)).unwrap();
    // The plan's own method is the first part.
    let part = (index / (search.space.len() / search.parts() as u64)) as usize;
    assert_eq!(part, 0);
    let outcome = search.outcome(&search.run_part(part));
    let least = outcome.choices.first().unwrap().figures.memory();
    assert!(least <= lever.after.memory(), "{least:?}: {}", outcome.words);
    assert!(outcome.choices.iter().all(|choice| choice.figures.process.high <= Bytes::gib(24)));
    for set in way(&plan).sets {
        assert!(search.space.find(&applied(&plan, &set.edit)).is_some(), "{}", set.kinds[0].title);
        assert!(set.risk > Risk::Low || least <= set.after.memory());
    }
}

/// Every command that says whether a plan fits says the same.
#[test]
fn every_command_has_the_same_word() {
    let folder = tempfile::tempdir().unwrap();
    let mut none = Plan::default();
    none.hardware.accelerator.clear();
    let plans = [
        (Plan::default(), Fit::Fits),
        (made_tight(Plan::default()), Fit::Tight),
        (one_card(), Fit::DoesNotFit),
        (none, Fit::NoDevice),
    ];
    for (plan, fit) in plans {
        let path = folder.path().join(format!("{}.plan.ron", fit.id()));
        std::fs::write(&path, file::write(&plan, &[])).unwrap();
        let estimate = json(&["estimate"], &path);
        assert_eq!(estimate["verdict"], fit.id());
        let fits = if fit == Fit::NoDevice { Value::Null } else { (fit == Fit::Fits).into() };
        assert_eq!(estimate["fits"], fits);
        assert_eq!(json(&["levers"], &path)["before"]["verdict"], fit.id());
        let solved = json(&["solve", "--for", "seq-len"], &path);
        assert_eq!(solved["before"]["verdict"], fit.id());
        for answer in solved["answers"].as_array().unwrap() {
            assert!(["fits", "tight"].contains(&answer["after"]["verdict"].as_str().unwrap()));
        }
        let curve = json(&["sensitivity", "--over", "sequence-length"], &path);
        let own = curve["points"]
            .as_array()
            .unwrap()
            .iter()
            .find(|point| point["value"] == plan.batch.sequence_length)
            .unwrap();
        assert_eq!(own["figures"]["verdict"], fit.id());
        let beside = run(&["compare", path.to_str().unwrap(), path.to_str().unwrap(), "--json"]).1;
        let beside: Value = serde_json::from_str(&beside).unwrap();
        assert_eq!(beside["plans"][0]["figures"]["verdict"], fit.id());
        // The exit code refuses what does not fit; what is tight is for the reader to judge.
        let checked = run(&["estimate", path.to_str().unwrap(), "--check"]).0;
        if fit != Fit::NoDevice {
            assert_eq!(checked == Outcome::CheckFailed, fit == Fit::DoesNotFit, "{fit:?}");
        }
        let shown = run(&["estimate", path.to_str().unwrap()]).1;
        assert!(shown.contains(&format!("{}: ", fit.word())), "{shown}");
    }
}

fn run(args: &[&str]) -> (Outcome, String) {
    let args = std::iter::once("tuneplan").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = cli::run(args, &mut out, &mut err);
    (outcome, String::from_utf8(out).unwrap())
}

fn json(args: &[&str], path: &Path) -> Value {
    let (outcome, out) = run(&[args, &[path.to_str().unwrap(), "--json"]].concat());
    assert_eq!(outcome, Outcome::Done);
    serde_json::from_str(&out).unwrap()
}

/// Plans of many kinds, with what a lever could change set either way.
fn any_plan() -> impl Strategy<Value = Plan> {
    let method = prop_oneof![
        Just(("full", "bf16")),
        Just(("lora", "bf16")),
        Just(("lora", "fp32")),
        Just(("qlora", "nf4")),
        Just(("qlora", "fp4")),
        Just(("qlora", "int8")),
        Just(("dora", "bf16")),
        Just(("galore", "bf16")),
        Just(("ia3", "bf16")),
    ];
    let optimizer = (
        prop_oneof![
            Just(Algorithm::AdamW),
            Just(Algorithm::Adam),
            Just(Algorithm::AdamW8bit),
            Just(Algorithm::PagedAdamW),
            Just(Algorithm::Lion),
            Just(Algorithm::SgdMomentum)
        ],
        prop_oneof![
            Just(Implementation::Fused),
            Just(Implementation::Foreach),
            Just(Implementation::ForLoop),
            Just(Implementation::InBackward)
        ],
        any::<bool>(),
    );
    let runtime = (
        prop_oneof![Just(Checkpointing::None), Just(Checkpointing::Selective), Just(Checkpointing::Full)],
        prop_oneof![Just(LossKernel::Unfused), Just(LossKernel::FusedLogits), Just(LossKernel::FusedLinear)],
        prop_oneof![Just(AttentionKernel::Sdpa), Just(AttentionKernel::Eager)],
    );
    let sharing = (
        prop_oneof![3 => Just(1_u64), 1 => Just(2), 1 => Just(6)],
        prop_oneof![Just(Sharing::Ddp), Just(Sharing::Zero2), Just(Sharing::Fsdp2)],
        prop_oneof![3 => Just(Offload::None), 1 => Just(Offload::Cpu)],
    );
    let switches = proptest::array::uniform6(any::<bool>());
    let amounts = (1_u64..9, 1_u64..9, 100_u64..4096, 3_u64..80);
    (method, optimizer, runtime, sharing, switches, amounts, prop_oneof![4 => Just(true), 1 => Just(false)]).prop_map(
        |((method, format), optimizer, runtime, sharing, switches, amounts, trains)| {
            let mut plan = Plan::default();
            plan.model.source = ModelSource::Catalog("Qwen/Qwen2.5-0.5B".to_owned());
            let _ = choose_method(&plan, method).apply(&mut plan);
            format.clone_into(&mut plan.precision.load_format);
            (plan.optimizer.algorithm, plan.optimizer.implementation, plan.optimizer.clip_gradients) = optimizer;
            (plan.runtime.checkpointing, plan.runtime.loss, plan.runtime.attention) = runtime;
            plan.hardware.count = sharing.0;
            if sharing.0 > 1 {
                plan.parallelism.strategy = sharing.1;
            }
            plan.parallelism.offload_optimizer = sharing.2;
            let [dropout, double, upcast, embeddings, head, master] = switches;
            plan.precision.double_quantization = double && matches!(format, "nf4" | "fp4");
            plan.precision.upcast_unquantized = upcast;
            plan.precision.fp32_master_weights = master;
            (plan.method.train_embeddings, plan.method.train_head) = (embeddings, head);
            (plan.batch.micro_batch, plan.batch.gradient_accumulation, plan.batch.sequence_length, _) = amounts;
            if let tuneplan::plan::Method::Lora(lora) | tuneplan::plan::Method::Qlora(lora) = &mut plan.method.method {
                lora.rank = amounts.3;
                lora.dropout = if dropout { 0.1 } else { 0.0 };
            }
            if !trains {
                plan.workload = Workload::Inference;
            }
            plan
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every lever, and every pair of levers that go together, is a plan of the search's space: the same plan, so the same
    /// figures, at no greater risk.
    #[test]
    fn what_levers_offer_the_search_holds(plan in any_plan(), pick in any::<proptest::sample::Index>()) {
        let known = Known::embedded();
        let Ok(found) = levers(&plan, known) else { return Ok(()) };
        let space = Space::of(&plan, &inputs(&plan), known);
        for lever in &found.levers {
            let changed = applied(&plan, &lever.kind.edit);
            let index = space.find(&changed);
            prop_assert!(index.is_some(), "{} is not found", lever.kind.id);
            let (same, risk) = space.plan(index.unwrap()).unwrap();
            prop_assert_eq!(&same, &changed);
            prop_assert!(risk <= lever.kind.quality.risk, "{}: {:?}", lever.kind.id, risk);
            prop_assert_eq!(estimated(&same).process, lever.after.process);
        }
        if found.levers.is_empty() {
            return Ok(());
        }
        let first = pick.get(&found.levers);
        for second in found.levers.iter().filter(|other| other.kind.goes_with(&first.kind)) {
            let both = applied(&applied(&plan, &first.kind.edit), &second.kind.edit);
            let risk = first.kind.quality.risk.max(second.kind.quality.risk);
            let index = space.find(&both);
            prop_assert!(index.is_some(), "{} with {}", first.kind.id, second.kind.id);
            prop_assert!(space.plan(index.unwrap()).unwrap().1 <= risk, "{} with {}", first.kind.id, second.kind.id);
        }
    }
}
