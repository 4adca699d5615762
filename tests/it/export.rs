//! Plans as files of engines: what is written reads back as the plan, and nothing planned is left out in silence.

mod any_plan;

use any_plan::any_plan;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use tuneplan::export::{Group, Table, all};
use tuneplan::handover::export::{Exported, Needs, engine, exported};
use tuneplan::handover::facts;
use tuneplan::handover::planned::planned;
use tuneplan::import;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::{FieldValue, field, fields, id};
use tuneplan::plan::{Plan, StageKind, templates};

fn id_of(word: &str) -> FieldValue {
    FieldValue::Id(word.to_owned())
}

fn set(plan: &mut Plan, id: &'static str, value: FieldValue) {
    PlanEdit::Set(id, value).apply(plan).unwrap_or_else(|error| panic!("{id}: {error}"));
}

fn written(plan: &Plan, name: &str) -> Exported {
    export(plan, name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn export(plan: &Plan, name: &str) -> Result<Exported, String> {
    let version = engine(name).map_err(|error| error.to_string())?;
    let with = (version.table.group == Group::Machines).then(|| engine("trl").unwrap());
    let needs = Needs { host_bytes: Some(40 << 30), disk_bytes: Some(90 << 30) };
    exported(plan, plan.stages[0], version, with, needs).map_err(|error| error.to_string())
}

/// Every engine with every release.
fn engines() -> Vec<String> {
    let of = |table: &Table| table.versions.iter().map(|version| format!("{}@{version}", table.id)).collect::<Vec<_>>();
    all().iter().flat_map(of).collect()
}

/// Files that the importer reads, and what each cannot give back though it is said: the reason stands beside.
fn gives_back(engine: &str, id: &str, plan: &Plan) -> bool {
    let rank_stabilized =
        plan.method.method.lora().is_some_and(|l| l.scaling == tuneplan::plan::LoraScaling::RankStabilized);
    match engine {
        // The folder of the checkpoint; one of two words for the same layers; epochs that are no whole number.
        "torchtune" => id != id::MODEL_ID && id != id::RUN_EPOCHS && id != id::OPTIMIZER_IMPLEMENTATION,
        // Iterations of the whole run; one factor for both scalings.
        "mlx-lm" => id != id::RUN_EPOCHS && !(rank_stabilized && id == id::METHOD_ALPHA),
        // Shares of the run.
        "trl" | "llama-factory" | "ms-swift" | "axolotl" if id == id::RUN_CHECKPOINTS => false,
        // Devices that see different data.
        "axolotl" if id == id::HARDWARE_COUNT || id == id::PARALLELISM_SHARD_GROUP => false,
        // The environment of the command.
        "ms-swift" if id == id::HARDWARE_COUNT => false,
        _ => true,
    }
}

/// Reads every file back and holds each setting against the plan: how many were held, and what differs.
fn check_back(plan: &Plan, name: &str, made: &Exported) -> (usize, Vec<String>) {
    let id = name.split('@').next().unwrap();
    let (mut held, mut differ) = (0, Vec::new());
    for file in &made.files {
        let beside =
            ["accelerate", "deepspeed", "dataset_info", "train.py"].iter().any(|word| file.name.contains(word));
        if beside {
            continue;
        }
        let imported =
            import::read(&file.text, &file.name).unwrap_or_else(|error| panic!("{name}: {error}\n{}", file.text));
        assert_eq!(imported.engine.id(), id, "{}", file.text);
        differ.extend(imported.keys.unknown.iter().map(|key| format!("{id}: unknown {}", key.key)));
        let back = planned(&imported, "back").plan;
        for said in made.said.iter().filter(|said| said.file == file.name && !said.key.is_empty()) {
            let field = field(&said.fact).unwrap();
            let (read, was) = ((field.get)(&back), (field.get)(plan));
            // A file of one process says nothing of several.
            let of_one = read.is_none() && (field.get)(&Plan::default()).is_none();
            if of_one || !gives_back(id, field.id, plan) {
                continue;
            }
            held += 1;
            if !is_same(field.id, read.as_ref(), was.as_ref()) {
                differ.push(format!("{id}: {} by {}: read {read:?}, planned {was:?}", said.fact, said.key));
            }
        }
    }
    (held, differ)
}

/// LoRA's names are one method: its variants and its base are settings of their own. Factors are equal but for rounding.
fn is_same(id: &str, read: Option<&FieldValue>, was: Option<&FieldValue>) -> bool {
    let is_lora = |word: &str| ["lora", "qlora", "dora", "rslora", "pissa", "loftq"].contains(&word);
    match (read, was) {
        (Some(FieldValue::Id(read)), Some(FieldValue::Id(was))) if id == id::METHOD_KIND => {
            read == was || is_lora(read) && is_lora(was)
        }
        (Some(FieldValue::Decimal(read)), Some(FieldValue::Decimal(was))) => (read - was).abs() <= 1e-9 * was.abs(),
        _ => read == was,
    }
}

/// Engines whose main file the importer reads.
const READ_BACK: [&str; 7] =
    ["trl", "axolotl@0.21", "axolotl@0.19", "llama-factory", "ms-swift", "mlx-lm", "torchtune"];

fn has_ending(name: &str, ending: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|found| found == ending)
}

#[test]
fn every_template_reads_back_as_it_was_written() {
    let mut written_of = BTreeSet::new();
    for template in templates() {
        for stage in &template.plan.stages {
            let plan = Plan { stages: vec![*stage], ..template.plan.clone() };
            for name in READ_BACK {
                if let Ok(made) = export(&plan, name) {
                    let (held, differ) = check_back(&plan, name, &made);
                    assert_eq!(differ, Vec::<String>::new(), "{}", template.name);
                    assert!(held > 5, "{name} {}: {held}", template.name);
                    written_of.insert((name, template.name));
                }
            }
        }
    }
    // Eight templates train; torchtune and MLX-LM have no preferences, and torchtune no builder for each model.
    assert!(written_of.len() >= 7 * 8 - 12, "{written_of:?}");
}

#[test]
fn nothing_that_is_planned_is_left_out_in_silence() {
    for template in templates() {
        for name in engines() {
            let Ok(made) = export(&template.plan, &name) else { continue };
            let group = engine(&name).unwrap().table.group;
            if !matches!(group, Group::Training) {
                continue;
            }
            let told: BTreeSet<&str> = made
                .said
                .iter()
                .map(|said| said.fact.as_str())
                .chain(made.cannot_say.iter().map(|cannot| cannot.fact.as_str()))
                .collect();
            let plan = Plan { stages: vec![template.plan.stages[0]], ..template.plan.clone() };
            for field in fields().iter().filter(|field| (field.applies)(&plan) && !facts::is_only_planning(field)) {
                let is_data = [id::RUN_EXAMPLES, id::RUN_TOKENS, id::RUN_ADAPTERS].contains(&field.id);
                let value = (field.get)(&plan);
                let is_empty = value == Some(FieldValue::Text(String::new()))
                    || (field.id == id::DATA_ADDED_TOKENS && value == Some(FieldValue::Integer(0)));
                let is_given = !is_empty && !matches!(value, None | Some(FieldValue::Unset | FieldValue::Counts(_)));
                assert!(!is_given || is_data || told.contains(field.id), "{name} {}: {}", template.name, field.id);
            }
            // Once each: said or not.
            for cannot in &made.cannot_say {
                assert!(!made.said.iter().any(|said| said.fact == cannot.fact), "{name}: {}", cannot.fact);
                assert!(cannot.why.len() > 10, "{name}: {}", cannot.fact);
                // JSON has no comments.
                let has_comments = made.files.iter().any(|file| !has_ending(&file.name, "json"));
                let stands = made.files.iter().any(|file| file.text.contains(&format!("Not said: {}", cannot.fact)));
                assert!(stands || !has_comments, "{name}: {} stands in no comment", cannot.fact);
            }
            for said in made.said.iter().filter(|said| !said.key.is_empty() && !has_ending(&said.file, "py")) {
                let file = made.files.iter().find(|file| file.name == said.file).unwrap();
                let line = file.text.lines().nth(said.line.saturating_sub(1)).unwrap();
                let last = said.key.rsplit('.').next().unwrap().trim_start_matches(['$', '<']);
                assert!(
                    said.key.starts_with('<') || line.contains(last),
                    "{name}: {} in line {}: {line}",
                    said.key,
                    said.line
                );
            }
        }
    }
}

/// What the step and the run come to, worked out from the files alone.
#[test]
fn batch_steps_and_iterations_of_the_files_are_the_plans() {
    let mut plan = templates().iter().find(|template| template.name == "8b-lora-80gb").unwrap().plan.clone();
    set(&mut plan, id::RUN_EXAMPLES, FieldValue::Integer(10_000));
    set(&mut plan, id::RUN_EPOCHS, FieldValue::Decimal(3.0));
    set(&mut plan, id::BATCH_PACKING, id_of("padded"));
    set(&mut plan, id::BATCH_MICRO_BATCH, FieldValue::Integer(4));
    set(&mut plan, id::BATCH_GRADIENT_ACCUMULATION, FieldValue::Integer(8));
    set(&mut plan, id::HARDWARE_COUNT, FieldValue::Integer(4));
    set(&mut plan, id::PARALLELISM_STRATEGY, id_of("zero-2"));
    // 10,000 examples × 3 epochs, 4 × 8 × 4 a step: 234.4, so 235 steps.
    for name in ["trl", "llama-factory"] {
        let made = written(&plan, name);
        let read = |part: &str| {
            let file = made.files.iter().find(|file| file.name.contains(part)).unwrap();
            import::read(&file.text, &file.name).unwrap().fields
        };
        let main = read(if name == "trl" { "sft" } else { "llama_factory" });
        let batch = main.micro_batch.unwrap() * main.accumulation.unwrap();
        let devices = if name == "trl" {
            read("accelerate").devices.unwrap()
        } else {
            let whole: serde_json::Value = made
                .files
                .iter()
                .find(|file| file.name.contains("deepspeed"))
                .map(|file| serde_json::from_str(&file.text).unwrap())
                .unwrap();
            whole["train_batch_size"].as_u64().unwrap() / batch
        };
        assert_eq!(batch * devices, 128, "{name}");
        assert_eq!((10_000.0 * main.epochs.unwrap() / (batch * devices) as f64).ceil(), 235.0, "{name}");
        assert_eq!(batch * devices * main.sequence_length.unwrap(), 128 * plan.batch.sequence_length, "{name}: tokens");
    }
    // MLX-LM counts micro-batches on one device: 30,000 / 32 = 937.5, so 938 steps of 8.
    set(&mut plan, id::HARDWARE_COUNT, FieldValue::Integer(1));
    set(&mut plan, id::PARALLELISM_STRATEGY, id_of("single"));
    let made = written(&plan, "mlx-lm");
    let fields = import::read(&made.files[0].text, "mlx.yaml").unwrap().fields;
    assert_eq!(fields.steps, Some(938 * 8));
}

#[test]
fn what_an_engine_has_not_is_refused_with_those_that_have_it() {
    let mut plan = Plan::default();
    set(&mut plan, id::METHOD_KIND, id_of("prefix"));
    let why = export(&plan, "axolotl").unwrap_err();
    assert!(why.contains("prefix") && why.contains("trl") && !why.contains("unsloth"), "{why}");
    let mut plan = Plan::default();
    set(&mut plan, id::STAGES, FieldValue::List(vec!["reinforcement".to_owned()]));
    assert!(export(&plan, "llama-factory").unwrap_err().contains("grpo"));
    assert!(export(&plan, "nothing").unwrap_err().contains("axolotl"));
    assert!(export(&plan, "axolotl@0.1").unwrap_err().contains("0.21.0, 0.19.0"));
}

/// Names and notes are foreign text: none ends its comment, its quotes or its line.
#[test]
fn foreign_text_stays_where_it_was_put() {
    let names =
        ["a\nrun_name: x", "a\rb: c", "x\u{2028}y: z", "\"\"\"\nimport os", "'; rm -rf / #", "{{head}}", "\u{85}k: v"];
    for name in names {
        let mut plan = Plan { name: name.to_owned(), ..Plan::default() };
        plan.model.source = tuneplan::plan::ModelSource::Catalog(name.to_owned());
        for engine in ["trl", "axolotl", "llama-factory", "ms-swift", "mlx-lm", "vllm"] {
            let Ok(made) = export(&plan, engine) else { continue };
            for file in made.files.iter().filter(|file| has_ending(&file.name, "yaml") || has_ending(&file.name, "yml"))
            {
                let imported = import::read(&file.text, &file.name).unwrap_or_else(|e| panic!("{e}\n{}", file.text));
                assert_eq!(imported.keys.unknown, Vec::new(), "{}", file.text);
                assert_eq!(imported.fields.model.as_deref(), Some(name), "{}", file.text);
            }
            for file in made.files.iter().filter(|file| has_ending(&file.name, "sh")) {
                let words = file.text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
                assert!(
                    !words.contains("; rm") || words.contains("''\\''; rm") || words.contains("'\\''; rm"),
                    "{words}"
                );
            }
        }
    }
}

#[test]
fn serving_says_beforehand_what_it_will_refuse() {
    let mut plan = Plan::default();
    set(&mut plan, id::METHOD_RANK, FieldValue::Integer(24));
    let made = written(&plan, "vllm");
    let text = &made.files[0].text;
    assert!(text.contains("--max-lora-rank 32") && text.contains("--enable-lora"), "{text}");
    assert!(made.serving.iter().any(|line| line.contains("rank 24 takes slots of 32")), "{:?}", made.serving);
    assert!(made.serving.iter().any(|line| line.contains("16-bit one")), "{:?}", made.serving);
    set(&mut plan, id::METHOD_WEIGHT_DECOMPOSED, FieldValue::Toggle(true));
    let made = written(&plan, "vllm");
    assert!(
        made.files[0].text.contains("vllm serve ./merged") && !made.files[0].text.contains("lora"),
        "{}",
        made.files[0].text
    );
    assert!(made.serving.iter().any(|line| line.starts_with("DoRA")), "{:?}", made.serving);
    assert!(export(&plan, "mergekit").unwrap_err().contains("DoRA"));
    set(&mut plan, id::METHOD_WEIGHT_DECOMPOSED, FieldValue::Toggle(false));
    set(&mut plan, id::METHOD_TRAIN_HEAD, FieldValue::Toggle(true));
    let trl = written(&plan, "trl");
    assert!(trl.serving.iter().any(|line| line.contains("modules_to_save")), "told with the training already");
}

#[test]
fn machines_are_asked_for_what_the_plan_needs() {
    let mut plan = Plan::default();
    set(&mut plan, id::HARDWARE_ACCELERATOR, id_of("h100-sxm5-80gb"));
    set(&mut plan, id::HARDWARE_COUNT, FieldValue::Integer(8));
    set(&mut plan, id::PARALLELISM_STRATEGY, id_of("fsdp2"));
    let sky = written(&plan, "skypilot");
    let task = sky.files.iter().find(|file| file.name == "sky.yaml").unwrap();
    assert!(
        task.text.contains("accelerators: \"H100:8\"") || task.text.contains("accelerators: H100:8"),
        "{}",
        task.text
    );
    assert!(task.text.contains("memory: \"40+\"") && task.text.contains("disk_size: 90"), "{}", task.text);
    assert!(task.text.contains("accelerate launch"), "{}", task.text);
    let names: Vec<&str> = sky.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["sft.yaml", "train.py", "accelerate.yaml", "sky.yaml"]);
    let back = import::read(&task.text, "sky.yaml").unwrap();
    assert_eq!(back.fields.devices, Some(8));
    let slurm = written(&plan, "slurm");
    let batch = &slurm.files.last().unwrap().text;
    assert!(batch.starts_with("#!/bin/bash\n") && batch.contains("#SBATCH --gres=gpu:8\n#SBATCH --mem=40G"), "{batch}");
    let job = written(&plan, "kubeflow");
    assert!(job.files.last().unwrap().text.contains("nvidia.com/gpu: 8"), "{}", job.files.last().unwrap().text);
    set(&mut plan, id::HARDWARE_ACCELERATOR, id_of("geforce-rtx-4070-laptop"));
    assert!(export(&plan, "skypilot").unwrap_err().contains("accelerator"));
}

/// Random plans, the same in every run.
fn random_plans() -> Vec<Plan> {
    let mut runner = TestRunner::deterministic();
    let plans = any_plan();
    (0..300).map(|_| plans.new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn any_plan_reads_back_as_it_was_written() {
    let mut differ = BTreeSet::new();
    let mut held = 0;
    for plan in random_plans() {
        for name in READ_BACK {
            if let Ok(made) = export(&plan, name) {
                let (more, found) = check_back(&plan, name, &made);
                held += more;
                differ.extend(found);
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(held > 10_000, "{held} settings were held against what was read");
}

#[test]
fn any_plan_is_written_or_refused_with_a_reason() {
    let mut written = 0;
    for plan in random_plans() {
        for name in engines() {
            match export(&plan, &name) {
                Ok(made) => {
                    written += 1;
                    assert!(!made.files.is_empty() && made.files.iter().all(|file| file.text.len() > 20), "{name}");
                }
                Err(why) => assert!(why.len() > 20, "{name}: {why}"),
            }
        }
    }
    assert!(written > 2000, "{written}");
}

/// Stages of a chain are written one by one.
#[test]
fn a_chain_is_written_stage_by_stage() {
    let chain = &templates().iter().find(|template| template.name == "preference").unwrap().plan;
    assert_eq!(chain.stages, [StageKind::Supervised, StageKind::Preference]);
    let version = engine("trl").unwrap();
    let names: Vec<String> = chain
        .stages
        .iter()
        .map(|stage| exported(chain, *stage, version, None, Needs::default()).unwrap().files[0].name.clone())
        .collect();
    assert_eq!(names, ["sft.yaml", "dpo.yaml"]);
}
