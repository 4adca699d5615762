//! Stacks as data: what their versions say is what was read in the released packages, each with its source, and choosing one
//! brings along what it does by itself.

use std::process::Command as Process;
use tuneplan::app::{Command, dispatch};
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Inputs, estimate};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{Checkpointing, FloatFormat, Generator, LossKernel, Method, ModelSource, Plan, StageKind};

/// `tests/fixtures/engines.csv`: facts read in the code of released packages, by the profile and key that must say them.
#[test]
fn no_profile_contradicts_what_was_read_of_its_engine() {
    let mut reader = csv::Reader::from_path("tests/fixtures/engines.csv").unwrap();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in reader.records().map(Result::unwrap) {
        let [id, key, value, source] = [0, 1, 2, 3].map(|column| row[column].to_owned());
        let profile = Profiles::embedded().get(&id).unwrap_or_else(|| panic!("no profile {id}"));
        let said = profile.facts_said().into_iter().find(|(name, _)| *name == key).map(|(_, value)| value);
        if said.as_deref() != Some(value.as_str()) {
            wrong.push(format!("{id} {key}: {said:?}, read {value} in {source}"));
        }
        rows += 1;
    }
    assert!(rows > 30 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_version_says_where_each_thing_it_changes_was_read() {
    let profiles = Profiles::embedded();
    let mut silent = Vec::new();
    for profile in &profiles.entries {
        let Some(base) = &profile.inherits else { continue };
        for change in profiles.get(base).unwrap().changes_to(profile) {
            if change.source.is_empty() {
                silent.push(format!("{} {}", profile.id, change.key));
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn a_file_may_hold_versions_that_build_on_each_other_and_says_what_is_wrong_where() {
    let known = Profiles::embedded();
    let text = "[\n    (id: \"ours-1\", inherits: \"trl-1.16\", source: \"measured\", repeats_kv: true),\n    (id: \"ours-2\", \
                inherits: \"ours-1\",\n     heads: {\"dpo\": LogProbabilities(shifted: true)}),\n]";
    let merged = known.merged_with(text).unwrap();
    let (first, second) = (merged.get("ours-1").unwrap(), merged.get("ours-2").unwrap());
    assert!(first.repeats_kv && second.repeats_kv && second.source == "measured");
    assert_eq!(second.heads.get("supervised"), known.get("trl-1.16").unwrap().heads.get("supervised"));
    assert_ne!(second.heads.get("dpo"), first.heads.get("dpo"));
    let fault = |text: &str| known.merged_with(text).unwrap_err();
    assert!(fault("[\n(id: \"a\",\n inherits: \"nobody\")\n]").starts_with("3:2: `inherits`: no profile"));
    assert!(fault("(id: \"a\", source: \"s\")").contains("is missing, and nothing is inherited"));
    assert!(
        fault("(id: \"a\", inherits: \"trl-1.16\",\n defaults: (loss: Some(\"quick\")))").starts_with("2:13: `loss`")
    );
}

fn process(plan: &Plan) -> u64 {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Numbers).process.expected.0
}

#[test]
fn choosing_a_stack_is_one_step_with_what_it_does_by_itself() {
    let mut state = tuneplan::app::State::default();
    state.document.plan.method.method = Method::named("lora", &state.document.plan.method.method).unwrap();
    state.document.plan.precision.load_format = "bf16".to_owned();
    state.document.plan.runtime.checkpointing = Checkpointing::None;
    let before = state.document.plan.clone();
    let edit = PlanEdit::Set("runtime.profile", FieldValue::Id("trl-1.16".to_owned()));
    dispatch(&mut state, Command::Edit(edit));
    let plan = &state.document.plan;
    assert_eq!(plan.runtime.profile, "trl-1.16");
    // TRL 0.27 on loads FP32 unless told otherwise; its own loss; checkpointing from 0.22 on.
    assert_eq!((plan.runtime.loss, plan.runtime.checkpointing), (LossKernel::Stack, Checkpointing::Full));
    assert_eq!(plan.precision.load_format, "fp32");
    assert!(Profiles::embedded().get("trl-1.16").unwrap().departures(plan).is_empty());
    dispatch(&mut state, Command::GoToStep(0));
    assert_eq!(state.document.plan, before);
    // What is quantized stays so, and its adapters are brought to BF16.
    let mut quantized = Plan::default();
    for edit in Profiles::embedded().get("trl-1.16").unwrap().edits(&quantized.clone()) {
        edit.apply(&mut quantized).unwrap();
    }
    assert_eq!(quantized.precision.load_format, "nf4");
    assert_eq!(quantized.method.method.lora().unwrap().dtype, FloatFormat::Bf16);
}

#[test]
fn a_kind_without_a_model_says_so_and_a_chain_is_as_large_as_its_largest_stage() {
    let on = |profile: &str, stages: &[StageKind]| {
        let mut plan = Plan::default();
        plan.runtime.profile = profile.to_owned();
        plan.runtime.loss = LossKernel::Stack;
        plan.stages = stages.to_vec();
        plan
    };
    let estimated = |plan: &Plan| {
        let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
        estimate(&inputs, Detail::Explained)
    };
    // The Trainer of transformers has no preference loss: as supervised, and said.
    let unknown = estimated(&on("hf-trainer", &[StageKind::Preference]));
    let supervised = estimated(&on("hf-trainer", &[StageKind::Supervised]));
    assert_eq!(unknown.process, supervised.process);
    assert!(unknown.gaps.iter().any(|gap| gap.contains("DPO") && gap.contains("supervised")), "{:?}", unknown.gaps);
    assert!(unknown.verdict_reason(tuneplan::units::ByteUnit::GiB).contains("DPO") && supervised.gaps.is_empty());
    let of = |stage| process(&on("trl-1.16", &[stage]));
    let [first, second] = [StageKind::Supervised, StageKind::Preference].map(of);
    let chain = estimated(&on("trl-1.16", &[StageKind::Supervised, StageKind::Preference]));
    assert_eq!(chain.process.expected.0, first.max(second));
    let stages: Vec<_> = chain.stages.iter().map(|stage| (stage.kind, stage.process.expected.0)).collect();
    assert_eq!(stages, [("Supervised", first), ("DPO", second)]);
}

/// `LLM(gpu_memory_utilization=0.3)` takes that share of the whole device; asleep it is there only while it generates.
#[test]
fn vllm_beside_the_trainer_takes_its_share_of_the_device() {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::Catalog("Qwen/Qwen2.5-0.5B".to_owned());
    plan.runtime.profile = "trl-1.16".to_owned();
    plan.runtime.loss = LossKernel::Stack;
    plan.stages = vec![StageKind::Reinforcement];
    plan.hardware.memory_mib = Some(81_920);
    plan.objective.generator = Generator::Server;
    let elsewhere = process(&plan);
    plan.objective.generator = Generator::Colocated;
    let awake = process(&plan);
    assert_eq!(awake, elsewhere + (81_920 << 20) * 3 / 10);
    plan.objective.generator_sleeps = true;
    let asleep = process(&plan);
    assert!(asleep < awake && asleep > (81_920_u64 << 20) * 3 / 10, "{asleep} {awake}");
    // With a share of nothing the trainer alone decides.
    plan.objective.generator_share = 0.0;
    assert_eq!(process(&plan), elsewhere);
}

#[test]
fn two_versions_of_a_stack_are_one_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    let run = |args: &[&str]| Process::new(env!("CARGO_BIN_EXE_tuneplan")).args(args).output().unwrap();
    let made = run(&["new", "--template", "8b-lora-80gb", "-o", path.to_str().unwrap()]);
    assert!(made.status.success());
    let plan = path.to_str().unwrap();
    let told = run(&["compare", plan, "--stacks", "trl-1.6,trl-1.16"]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.contains("heads.supervised: CrossEntropy { entropy_rows: 128 } → Tiled"), "{text}");
    assert!(text.contains("kernels/chunked_logprob.py"), "{text}");
    let json = run(&["compare", plan, "--stacks", "trl-1.6,trl-1.16", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["stack_changes"].as_array().unwrap().len() > 4);
    let wrong = run(&["compare", plan, "--stacks", "trl-1.6,trl-9"]);
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("no software stack `trl-9`"));
}

/// What a plan asks for and its stack does otherwise by itself is said, and one edit takes the plan there.
#[test]
fn what_a_stack_does_by_itself_is_said_beside_what_a_plan_asks_for() {
    let mut plan = Plan::default();
    plan.runtime.profile = "trl-1.16".to_owned();
    plan.runtime.checkpointing = Checkpointing::None;
    let remark = |plan: &Plan| {
        let (_, remarks, _) = tuneplan::figures::of_plan(plan);
        remarks.into_iter().find(|remark| remark.message.contains("where nobody asks"))
    };
    let found = remark(&plan).unwrap();
    assert!(found.message.contains("Checkpointing None, by this stack Full"), "{}", found.message);
    let (_, fix) = found.fix.unwrap();
    fix.apply(&mut plan).unwrap();
    assert_eq!(plan.runtime.checkpointing, Checkpointing::Full);
    assert_eq!(remark(&plan), None);
    // A stack that says nothing of itself is not spoken for.
    plan.runtime.profile = "hf-trainer".to_owned();
    assert_eq!(remark(&plan), None);
}
