//! Levers against two estimates, and sets of levers against all their subsets.

use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Estimate, Fit, Inputs, estimate};
use tuneplan::plan::edit::{PlanEdit, choose_method};
use tuneplan::plan::{
    AttentionKernel, Checkpointing, Implementation, Method, ModelSource, Plan, Strategy, Workload, templates,
};
use tuneplan::solve::Known;
use tuneplan::solve::levers::combine::cheapest;
use tuneplan::solve::levers::{Risk, levers};

fn estimated(plan: &Plan) -> Estimate {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Numbers)
}

fn applied(plan: &Plan, edit: &PlanEdit) -> Plan {
    let mut after = plan.clone();
    edit.apply(&mut after).unwrap();
    after
}

/// 70B that fits nowhere near, wasteful 7B, full fine-tuning on a small card, long prompts, eight devices.
fn too_large() -> Vec<Plan> {
    let mut large = Plan::default();
    large.model.source = ModelSource::Catalog("meta-llama/Llama-3.1-70B".to_owned());
    choose_method(&large, "lora").apply(&mut large).unwrap();
    large.batch.micro_batch = 4;

    let mut wasteful = Plan::default();
    choose_method(&wasteful, "lora").apply(&mut wasteful).unwrap();
    wasteful.runtime.checkpointing = Checkpointing::None;
    wasteful.runtime.attention = AttentionKernel::Eager;
    wasteful.optimizer.implementation = Implementation::Foreach;
    wasteful.batch.micro_batch = 6;

    let mut full = Plan::default();
    choose_method(&full, "full").apply(&mut full).unwrap();

    let mut serving = Plan { workload: Workload::Inference, ..Plan::default() };
    serving.model.source = ModelSource::Catalog("Qwen/Qwen2.5-14B".to_owned());
    "bf16".clone_into(&mut serving.precision.load_format);
    serving.precision.double_quantization = false;
    serving.batch.sequence_length = 8192;
    serving.batch.micro_batch = 8;

    let mut shared = full.clone();
    shared.hardware.count = 8;
    shared.parallelism.strategy = Strategy::Ddp;
    vec![large, wasteful, full, serving, shared]
}

#[test]
fn savings_are_the_difference_of_two_estimates() {
    let plans = templates().iter().map(|template| template.plan.clone()).chain(too_large());
    let mut seen = 0;
    for plan in plans {
        let before = estimated(&plan);
        let found = levers(&plan, Known::embedded()).unwrap();
        assert_eq!(found.before.process, before.process);
        for lever in &found.levers {
            let after = estimated(&applied(&plan, &lever.kind.edit));
            let saved = i128::from(before.process.expected.0) - i128::from(after.process.expected.0);
            assert_eq!(lever.saved_bytes, saved, "{}", lever.kind.id);
            assert_eq!(lever.after.peak, after.peak_phase().map(|phase| phase.kind), "{}", lever.kind.id);
            assert!(!lever.changes.is_empty() && !lever.kind.quality.words.is_empty(), "{}", lever.kind.id);
            seen += 1;
        }
        assert!(found.levers.is_sorted_by(|a, b| a.saved_bytes >= b.saved_bytes));
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn the_set_fits_and_no_subset_does() {
    for plan in too_large() {
        assert_eq!(estimated(&plan).fit, Fit::DoesNotFit);
        let found = levers(&plan, Known::embedded()).unwrap();
        let way = cheapest(&plan, &found, Known::embedded());
        assert!(!way.sets.is_empty(), "{}", way.words);
        for set in &way.sets {
            let after = estimated(&applied(&plan, &set.edit));
            assert!(after.fit.is_within());
            assert_eq!(after.fit, set.after.fit);
            assert_eq!(after.process, set.after.process);
            let edits: Vec<&PlanEdit> = set.kinds.iter().map(|kind| &kind.edit).collect();
            assert_eq!(set.risk, set.kinds.iter().map(|kind| kind.quality.risk).max().unwrap());
            for mask in 0..(1_u32 << edits.len()) - 1 {
                let part = edits.iter().enumerate().filter(|(i, _)| mask & (1 << i) != 0);
                let changed = part.fold(plan.clone(), |plan, (_, edit)| applied(&plan, edit));
                assert!(estimated(&changed).fit > after.fit, "{} at {mask:b}", way.words);
            }
        }
    }
}

/// No set of lesser risk fits, tried over all pairs and singles.
#[test]
fn the_first_set_has_the_least_risk() {
    for plan in too_large() {
        let found = levers(&plan, Known::embedded()).unwrap();
        let way = cheapest(&plan, &found, Known::embedded());
        let (least, fit) = (way.sets[0].risk, way.sets[0].after.fit);
        for a in found.levers.iter().filter(|lever| lever.kind.quality.risk < least) {
            for b in found.levers.iter().filter(|lever| lever.kind.quality.risk < least) {
                if a.kind.id == b.kind.id || a.kind.goes_with(&b.kind) {
                    let both = applied(&applied(&plan, &a.kind.edit), &b.kind.edit);
                    assert!(estimated(&both).fit > fit, "{} {}", a.kind.id, b.kind.id);
                }
            }
        }
    }
}

#[test]
fn accumulation_keeps_what_a_step_sees_and_risk_is_none() {
    let plan = &too_large()[1];
    let found = levers(plan, Known::embedded()).unwrap();
    let lever = found.levers.iter().find(|lever| lever.kind.id == "micro-batch-1").unwrap();
    let after = applied(plan, &lever.kind.edit);
    let sequences = |plan: &Plan| plan.batch.micro_batch * plan.batch.gradient_accumulation;
    assert_eq!(sequences(&after), sequences(plan));
    assert_eq!(lever.kind.quality.risk, Risk::None);
    // The published comparison: LoRA against everything trained costs quality somewhere.
    let full = levers(&too_large()[2], Known::embedded()).unwrap();
    let lora = full.levers.iter().find(|lever| lever.kind.id == "method-lora").unwrap();
    assert_eq!(lora.kind.quality.risk, Risk::Medium);
    assert!(matches!(applied(&too_large()[2], &lora.kind.edit).method.method, Method::Lora(_)));
}

#[test]
fn nothing_to_do_and_no_way_are_said_in_words() {
    let fits = Plan::default();
    let known = Known::embedded();
    let way = cheapest(&fits, &levers(&fits, known).unwrap(), known);
    assert!(way.sets.is_empty() && way.words.contains("fits already"), "{}", way.words);

    let mut homeless = Plan::default();
    homeless.hardware.accelerator.clear();
    let found = levers(&homeless, known).unwrap();
    assert!(!found.levers.is_empty(), "savings need no device");
    assert!(found.levers.iter().all(|lever| lever.time_change.is_none()));
    assert!(cheapest(&homeless, &found, known).words.contains("No accelerator"));

    let mut hopeless = too_large().remove(0);
    hopeless.hardware.memory_mib = Some(700);
    let way = cheapest(&hopeless, &levers(&hopeless, known).unwrap(), known);
    assert!(way.sets.is_empty() && way.words.starts_with("No set"), "{}", way.words);
}
