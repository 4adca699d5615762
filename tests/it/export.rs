//! Plans as files of engines: what is written reads back as the plan, and nothing planned is left out in silence.

use proptest::prelude::*;
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
        assert_eq!(imported.keys.unknown, Vec::new(), "{name}\n{}", file.text);
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
            // LoRA on a quantized base is QLoRA, whichever word the plan has.
            let is_lora = |value: &Option<FieldValue>| matches!(value, Some(FieldValue::Id(word)) if word == "lora" || word == "qlora");
            if read != was && !(field.id == id::METHOD_KIND && is_lora(&read) && is_lora(&was)) {
                differ.push(format!("{id}: {} by {}: read {read:?}, planned {was:?}", said.fact, said.key));
            }
        }
    }
    (held, differ)
}

/// Engines whose main file the importer reads.
const READ_BACK: [&str; 7] =
    ["trl", "axolotl@0.21", "axolotl@0.19", "llama-factory", "ms-swift", "mlx-lm", "torchtune"];

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
                    assert!(held > 8, "{name} {}", template.name);
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
                let is_given = !matches!((field.get)(&plan), None | Some(FieldValue::Unset | FieldValue::Counts(_)));
                assert!(!is_given || is_data || told.contains(field.id), "{name} {}: {}", template.name, field.id);
            }
            // Once each: said or not.
            for cannot in &made.cannot_say {
                assert!(!made.said.iter().any(|said| said.fact == cannot.fact), "{name}: {}", cannot.fact);
                assert!(cannot.why.len() > 10, "{name}: {}", cannot.fact);
                // JSON has no comments.
                let has_comments = made.files.iter().any(|file| !file.name.ends_with(".json"));
                let stands = made.files.iter().any(|file| file.text.contains(&format!("Not said: {}", cannot.fact)));
                assert!(stands || !has_comments, "{name}: {} stands in no comment", cannot.fact);
            }
            for said in made.said.iter().filter(|said| !said.key.is_empty() && !said.file.ends_with(".py")) {
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
            for file in made.files.iter().filter(|file| file.name.ends_with(".yaml") || file.name.ends_with(".yml")) {
                let imported = import::read(&file.text, &file.name).unwrap_or_else(|e| panic!("{e}\n{}", file.text));
                assert_eq!(imported.keys.unknown, Vec::new(), "{}", file.text);
                assert_eq!(imported.fields.model.as_deref(), Some(name), "{}", file.text);
            }
            for file in made.files.iter().filter(|file| file.name.ends_with(".sh")) {
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

/// A plan with the kinds, methods and formats that engines differ by.
fn any_plan() -> impl Strategy<Value = Plan> {
    let words = |words: &'static [&'static str]| proptest::sample::select(words);
    let methods = words(&[
        "full",
        "lora",
        "qlora",
        "dora",
        "rslora",
        "pissa",
        "loftq",
        "vera",
        "oft",
        "galore",
        "blockwise",
        "last-layers",
        "prefix",
    ]);
    let job = (
        methods,
        words(&["supervised", "preference", "reward-model", "continued-pretraining"]),
        words(&["dpo", "kto", "orpo", "simpo", "cpo"]),
    );
    let formats = (words(&["bf16", "fp16", "fp32", "nf4", "fp4", "int8"]), words(&["off", "bf16", "fp16"]));
    let kernels = (
        words(&["full", "none", "selective"]),
        words(&["sdpa", "eager"]),
        words(&["stack", "unfused", "fused-linear"]),
        words(&["packed", "padded"]),
    );
    let optimizer =
        (words(&["adamw", "adamw-8bit", "paged-adamw-8bit", "adafactor", "lion", "sgd"]), words(&["fused", "foreach"]));
    let devices = (words(&["single", "ddp", "zero-1", "zero-2", "zero-3", "fsdp2"]), words(&["none", "cpu"]));
    let model = words(&["meta-llama/Llama-3.1-8B", "Qwen/Qwen3-8B", "mistralai/Mistral-7B-v0.1"]);
    let targets = words(&["all-linear", "q,v", "q,k,v,o", "gate,up,down", "q,down"]);
    let numbers = (1_u64..9, 1_u64..40, 1_u64..9000, 1_u64..600, 0.0..300.0_f64, 0.0..0.5_f64, 0.1..9.0_f64);
    ((job, formats, kernels, optimizer), (devices, model, targets, numbers), any::<[bool; 6]>()).prop_map(
        |((job, formats, kernels, optimizer), (devices, model, targets, numbers), on)| {
            let mut plan = Plan::default();
            let (micro, accumulation, length, rank, alpha, dropout, epochs) = numbers;
            let list = |text: &str| FieldValue::List(text.split(',').map(str::to_owned).collect());
            let edits = [
                (id::MODEL_ID, id_of(model)),
                (id::STAGES, list(job.1)),
                (id::OBJECTIVE_PREFERENCE, id_of(job.2)),
                (id::METHOD_KIND, id_of(job.0)),
                (id::PRECISION_LOAD_FORMAT, id_of(formats.0)),
                (id::METHOD_RANK, FieldValue::Integer(rank)),
                (id::METHOD_ALPHA, FieldValue::Decimal(if on[0] { alpha.round() } else { alpha })),
                (id::METHOD_DROPOUT, FieldValue::Decimal(dropout)),
                (id::METHOD_TARGETS, list(targets)),
                (id::METHOD_TRAIN_HEAD, FieldValue::Toggle(on[1])),
                (id::METHOD_TRAIN_EMBEDDINGS, FieldValue::Toggle(on[2])),
                (id::METHOD_WEIGHT_DECOMPOSED, FieldValue::Toggle(on[5] && on[4])),
                (id::PRECISION_DOUBLE_QUANTIZATION, FieldValue::Toggle(on[3])),
                (id::PRECISION_AUTOCAST, id_of(formats.1)),
                (id::RUNTIME_CHECKPOINTING, id_of(kernels.0)),
                (id::RUNTIME_ATTENTION, id_of(kernels.1)),
                (id::RUNTIME_LOSS, id_of(kernels.2)),
                (id::BATCH_PACKING, id_of(kernels.3)),
                (id::OPTIMIZER_ALGORITHM, id_of(optimizer.0)),
                (id::OPTIMIZER_IMPLEMENTATION, id_of(optimizer.1)),
                (id::OPTIMIZER_CLIP_GRADIENTS, FieldValue::Toggle(on[4])),
                (id::BATCH_MICRO_BATCH, FieldValue::Integer(micro)),
                (id::BATCH_GRADIENT_ACCUMULATION, FieldValue::Integer(accumulation)),
                (id::BATCH_SEQUENCE_LENGTH, FieldValue::Integer(length)),
                (id::RUN_EPOCHS, FieldValue::Decimal(epochs)),
                (id::OBJECTIVE_EVALUATION_BATCH, if on[5] { FieldValue::Integer(micro) } else { FieldValue::Unset }),
            ];
            for (id, value) in edits {
                // Some methods have no such setting.
                let _ = PlanEdit::Set(id, value).apply(&mut plan);
            }
            if devices.0 != "single" {
                for (id, value) in [
                    (id::HARDWARE_COUNT, FieldValue::Integer(8)),
                    (id::PARALLELISM_STRATEGY, id_of(devices.0)),
                    (
                        id::PARALLELISM_OFFLOAD_OPTIMIZER,
                        id_of(if devices.0.starts_with("zero") { devices.1 } else { "none" }),
                    ),
                ] {
                    let _ = PlanEdit::Set(id, value).apply(&mut plan);
                }
            }
            plan
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_plan_reads_back_as_it_was_written(plan in any_plan()) {
        for name in READ_BACK {
            if let Ok(made) = export(&plan, name) {
                prop_assert_eq!(check_back(&plan, name, &made).1, Vec::<String>::new());
            }
        }
    }

    #[test]
    fn any_plan_is_written_or_refused_with_a_reason(plan in any_plan()) {
        for name in engines() {
            match export(&plan, &name) {
                Ok(made) => prop_assert!(!made.files.is_empty() && made.files.iter().all(|file| file.text.len() > 20), "{}", name),
                Err(why) => prop_assert!(why.len() > 20, "{}: {}", name, why),
            }
        }
    }
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

/// Settings changed in the files of the importer's own tests: the diff is the changed lines, everything else stays.
mod round_trip {
    use std::fs;
    use tuneplan::handover::round_trip::changed;
    use tuneplan::import;

    fn fixture(name: &str) -> (String, String) {
        let path = format!("tests/fixtures/import/{name}");
        (fs::read_to_string(&path).unwrap(), path)
    }

    fn change(name: &str, settings: &[&str]) -> (String, String, Vec<(Option<String>, Option<String>)>) {
        let (text, path) = fixture(name);
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let made = changed(&text, &path, &settings).unwrap_or_else(|error| panic!("{name} {settings:?}: {error}"));
        let lines = made.lines.into_iter().map(|line| (line.before, line.after)).collect();
        (text, made.text, lines)
    }

    #[test]
    fn an_untouched_file_is_the_same_to_the_byte() {
        for entry in fs::read_dir("tests/fixtures/import").unwrap() {
            let path = entry.unwrap().path();
            let is_file =
                path.extension().is_some_and(|ending| ["yml", "yaml", "json"].iter().any(|known| *known == ending));
            if is_file {
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(import::patched(&text, &[]).unwrap(), text, "{}", path.display());
            }
        }
    }

    #[test]
    fn one_setting_changes_one_line() {
        let (before, after, lines) = change("axolotl-qlora.yml", &["rank=64"]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].0.as_ref().unwrap().contains("lora_r: 32") && lines[0].1.as_ref().unwrap().contains("lora_r: 64")
        );
        assert_eq!(before.lines().count(), after.lines().count());
        assert_eq!(before.matches('#').count(), after.matches('#').count(), "comments stay");
        let (_, after, lines) = change("llama-factory-qlora-zero3.yaml", &["micro-batch=7", "gradient-accumulation=3"]);
        assert!(
            after.contains("per_device_train_batch_size: 7") && after.contains("gradient_accumulation_steps: 3"),
            "{after}"
        );
        assert!(lines.len() <= 2, "{lines:?}");
        let (_, after, lines) = change("trl-dpo.yaml", &["sequence-length=4096"]);
        assert!(after.contains("max_length: 4096") && lines.len() == 1, "{lines:?}");
        let (_, after, _) = change("mlx.yaml", &["alpha=32"]);
        assert!(after.contains("scale: "), "{after}");
    }

    #[test]
    fn a_key_of_the_file_can_be_named_itself() {
        let (_, after, lines) = change("axolotl-qlora.yml", &["learning_rate=0.0001"]);
        assert!(lines.len() == 1 && after.contains("learning_rate: 0.0001"), "{lines:?}");
    }

    #[test]
    fn values_keep_their_quotes_and_comments_and_new_keys_their_table() {
        let patch = |text: &str, key: &str, value: tuneplan::export::Value| {
            import::patched(text, &[(key.to_owned(), Some(value))]).unwrap()
        };
        use tuneplan::export::Value;
        let text = "a: 1  # one\n# two\nb: 'x'   # three\nc:\n  - p\n  - q\nd: {e: 1, f: 2}\nn:\nt:\n  u: 1\n";
        assert_eq!(patch(text, "a", Value::Count(2)), text.replace("a: 1", "a: 2"));
        assert_eq!(patch(text, "b", Value::text("it's")), text.replace("'x'", "'it''s'"));
        assert_eq!(patch(text, "c", Value::texts(["rr"])), text.replace("c:\n  - p\n  - q", "c: [rr]"));
        assert_eq!(patch(text, "d.f", Value::Count(3)), text.replace("f: 2", "f: 3"));
        assert_eq!(patch(text, "d.g", Value::Flag(true)), text.replace("f: 2", "f: 2, \"g\": true"));
        assert_eq!(patch(text, "n", Value::text("xx")), text.replace("n:\n", "n: xx\n"));
        assert_eq!(patch(text, "t.v", Value::Number(0.5)), format!("{text}  v: 0.5\n"));
        assert_eq!(patch(text, "z", Value::Count(1)), format!("{text}z: 1\n"));
        let json = "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": \"x\"\n}\n";
        assert_eq!(patch(json, "a.b", Value::Count(2)), json.replace("\"b\": 1", "\"b\": 2"));
        assert_eq!(patch(json, "c", Value::text("y\"")), json.replace("\"x\"", "\"y\\\"\""));
        assert_eq!(patch(json, "d", Value::Count(3)), json.replace("\"x\"", "\"x\",\n  \"d\": 3"));
        let gone = |text: &str, key: &str| import::patched(text, &[(key.to_owned(), None)]);
        assert_eq!(gone(text, "c").unwrap(), text.replace("c:\n  - p\n  - q\n", ""));
        assert!(gone(text, "d.e").is_err() && gone("a: 1\na: 2\n", "a").is_err());
        // Windows line ends, and a file without a last one.
        assert_eq!(patch("a: 1\r\nb: 2\r\n", "a", Value::Count(3)), "a: 3\r\nb: 2\r\n");
        assert_eq!(patch("a: 1", "b", Value::Count(3)), "a: 1\nb: 3\n");
    }
}
