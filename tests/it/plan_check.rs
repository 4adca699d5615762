//! Contradictions: each is found, and its fix mends it.

use proptest::prelude::*;
use tuneplan::architecture::Architecture;
use tuneplan::catalog::Catalog;
use tuneplan::plan::check::{Context, Diagnostic, Severity, check};
use tuneplan::plan::edit::{PlanEdit, choose_method};
use tuneplan::plan::field::{CatalogKind, Field, FieldKind, FieldValue, LineKind, field, fields};
use tuneplan::plan::{Method, ModelSource, Plan, templates};

fn remarks(plan: &Plan) -> Vec<Diagnostic> {
    let catalog = Catalog::embedded();
    let architecture = match &plan.model.source {
        ModelSource::Catalog(id) => catalog.model(id).map(|entry| entry.architecture.clone()),
        ModelSource::Typed(shape) => Some(Architecture::from(shape)),
        ModelSource::File { architecture, .. } => Some(architecture.as_ref().clone()),
    };
    let context = Context {
        architecture: architecture.as_ref(),
        load_format: catalog.format(&plan.precision.load_format),
        accelerator: catalog.accelerator(&plan.hardware.accelerator),
        ..Context::default()
    };
    check(plan, &context)
}

fn word(id: &'static str, word: &str) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Id(word.to_owned()))
}

fn number(id: &'static str, number: u64) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Integer(number))
}

fn decimal(id: &'static str, number: f64) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Decimal(number))
}

fn on(id: &'static str) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Toggle(true))
}

fn targets(ids: &[&str]) -> PlanEdit {
    PlanEdit::Set("method.targets", FieldValue::List(ids.iter().map(|id| (*id).to_owned()).collect()))
}

/// Changes to the default plan, the field the remark must be about, and a word of its message.
fn cases() -> Vec<(Vec<PlanEdit>, &'static str, &'static str)> {
    vec![
        (vec![word("precision.load_format", "fp64")], "precision.load_format", "QLoRA stands on a quantized base"),
        (vec![word("precision.load_format", "bf16")], "precision.double_quantization", "double quantization"),
        (vec![word("method.kind", "lora")], "method.kind", "is QLoRA"),
        (vec![word("method.kind", "full")], "method.kind", "cannot be trained themselves"),
        (vec![word("method.kind", "bitfit")], "method.kind", "cannot be trained themselves"),
        (vec![word("precision.load_format", "no-such")], "precision.load_format", "no number format"),
        (vec![word("precision.load_format", "tf32")], "precision.load_format", "not a storage format"),
        (
            vec![word("method.kind", "lora"), word("precision.load_format", "fp16")],
            "precision.load_format",
            "wider range",
        ),
        (vec![word("method.kind", "loftq"), word("precision.load_format", "bf16")], "method.init", "LoftQ"),
        (
            vec![
                word("method.kind", "full"),
                word("precision.load_format", "fp32"),
                on("precision.fp32_master_weights"),
            ],
            "precision.fp32_master_weights",
            "adds nothing",
        ),
        (vec![word("precision.autocast", "fp16")], "precision.autocast", "loss scaling"),
        (vec![word("hardware.accelerator", "tesla-t4")], "precision.autocast", "no BF16"),
        (vec![word("hardware.accelerator", "no-such")], "hardware.accelerator", "no accelerator"),
        (
            vec![word("optimizer.algorithm", "adamw-8bit"), word("optimizer.implementation", "foreach")],
            "optimizer.implementation",
            "one loop",
        ),
        (
            vec![word("optimizer.implementation", "in-backward")],
            "batch.gradient_accumulation",
            "nothing can be accumulated",
        ),
        (vec![word("optimizer.implementation", "in-backward")], "optimizer.clip_gradients", "norm of all gradients"),
        (vec![word("optimizer.algorithm", "adafactor")], "optimizer.implementation", "no fused kernel"),
        (
            vec![word("optimizer.algorithm", "adamw-offloaded-gradients")],
            "batch.gradient_accumulation",
            "nothing can be accumulated",
        ),
        // QLoRA's authors trained 8B-sized models at 2e-4.
        (vec![decimal("optimizer.learning_rate", 0.02)], "optimizer.learning_rate", "far above"),
        (vec![decimal("optimizer.learning_rate", 1e-6)], "optimizer.learning_rate", "far below"),
        (
            vec![decimal("optimizer.warmup_share", 0.03), word("optimizer.schedule", "constant")],
            "optimizer.schedule",
            "no warm-up",
        ),
        // 100 steps typed where a share is asked for are refused by the field; the whole run is not.
        (vec![decimal("optimizer.warmup_share", 1.0)], "optimizer.warmup_share", "half of the run"),
        (
            vec![word("optimizer.algorithm", "schedule-free"), word("optimizer.schedule", "cosine")],
            "optimizer.schedule",
            "in place of a schedule",
        ),
        // 256/√256 = 16, where 256/256 was meant.
        (
            vec![word("method.scaling", "rank-stabilized"), number("method.rank", 256), decimal("method.alpha", 256.0)],
            "method.alpha",
            "rank-stabilized",
        ),
        (vec![number("run.evaluation_steps", 100)], "objective.evaluation_batch", "no evaluation batch"),
        (vec![number("batch.sequence_length", 200_000)], "batch.sequence_length", "131,072 positions"),
        (
            vec![word("runtime.attention", "eager"), number("batch.sequence_length", 8192)],
            "runtime.attention",
            "every token with every token",
        ),
        (vec![targets(&["query_key_value"])], "method.targets", "query_key_value"),
        (vec![number("method.rank", 8192)], "method.rank", "no low rank"),
        (vec![word("method.kind", "last-layers"), number("method.layers", 99)], "method.layers", "32 layers"),
        (
            vec![
                on("precision.upcast_unquantized"),
                word("method.kind", "lora"),
                word("precision.load_format", "bf16"),
            ],
            "precision.upcast_unquantized",
            "quantized bases",
        ),
        (vec![word("precision.load_format", "gguf-q4-k")], "precision.load_format", "unpack them"),
        (vec![word("precision.quantize_when", "during-training")], "precision.quantize_when", "quantized already"),
        (vec![word("method.kind", "pissa")], "method.init", "PiSSA"),
        (vec![word("precision.gradient_format", "fp32")], "precision.gradient_format", "format of its weight"),
        (
            vec![word("method.kind", "full"), word("precision.load_format", "fp16")],
            "precision.fp32_master_weights",
            "loss scaling refuses",
        ),
        (
            vec![word("method.kind", "galore"), word("precision.load_format", "bf16")],
            "precision.fp32_master_weights",
            "round away",
        ),
        (
            vec![word("method.kind", "galore"), word("precision.load_format", "bf16"), number("method.rank", 5000)],
            "method.rank",
            "no low rank",
        ),
        (vec![PlanEdit::Set("method.alpha", FieldValue::Decimal(0.0))], "method.alpha", "no effect"),
        (vec![PlanEdit::Set("stages", FieldValue::List(Vec::new()))], "stages", "no kind of fine-tuning"),
        (vec![number("hardware.reserve_mib", 24_564)], "hardware.reserve_mib", "nothing is left"),
        (
            vec![word("workload", "inference"), number("batch.sequence_length", 131_000)],
            "batch.sequence_length",
            "256 new tokens",
        ),
        (
            vec![
                word("workload", "inference"),
                word("runtime.attention", "eager"),
                number("batch.sequence_length", 8192),
            ],
            "runtime.attention",
            "every token with every token",
        ),
        (
            vec![word("method.kind", "prompt"), number("batch.sequence_length", 131_072)],
            "batch.sequence_length",
            "20 virtual tokens",
        ),
        (
            vec![word("model.id", "typed"), number("model.heads", 32), number("model.kv_heads", 5)],
            "model.kv_heads",
            "cannot share",
        ),
        (
            vec![word("model.id", "typed"), number("model.experts", 4), number("model.experts_per_token", 8)],
            "model.experts_per_token",
            "of 4 experts",
        ),
        (
            vec![word("hardware.accelerator", "instinct-mi300x"), word("optimizer.algorithm", "paged-adamw-8bit")],
            "optimizer.algorithm",
            "CUDA unified memory",
        ),
        (
            vec![
                word("hardware.accelerator", "a100-sxm4-80gb"),
                word("method.kind", "vera"),
                word("precision.load_format", "fp8-e4m3"),
            ],
            "precision.load_format",
            "no FP8",
        ),
    ]
}

#[test]
fn each_contradiction_is_found_and_its_fix_mends_it() {
    for (edits, about, saying) in cases() {
        let mut plan = Plan::default();
        for edit in &edits {
            edit.apply(&mut plan).unwrap();
        }
        let find = |plan: &Plan| {
            remarks(plan).into_iter().find(|remark| remark.field == Some(about) && remark.message.contains(saying))
        };
        let remark = find(&plan)
            .unwrap_or_else(|| panic!("{edits:?}: nothing about {about} saying {saying:?}: {:?}", remarks(&plan)));
        let (label, fix) = remark.fix.unwrap_or_else(|| panic!("{}: no fix", remark.message));
        assert!(!label.is_empty());
        fix.apply(&mut plan).unwrap();
        assert!(find(&plan).is_none(), "{label} does not mend: {}", remark.message);
    }
}

#[test]
fn the_default_plan_and_the_templates_have_nothing_to_mend() {
    for plan in templates().iter().map(|template| &template.plan).chain([&Plan::default()]) {
        let grave: Vec<Diagnostic> =
            remarks(plan).into_iter().filter(|remark| remark.severity >= Severity::Warning).collect();
        assert_eq!(grave, [], "{}", plan.name);
    }
}

#[test]
fn every_remark_is_about_a_field_of_the_table() {
    for (edits, ..) in cases() {
        let mut plan = Plan::default();
        for edit in &edits {
            edit.apply(&mut plan).unwrap();
        }
        for remark in remarks(&plan) {
            assert!(field(remark.field.unwrap()).is_some(), "{remark:?}");
        }
    }
}

#[test]
fn choosing_a_method_brings_the_load_format_it_needs() {
    let mut plan = Plan::default();
    choose_method(&plan, "full").apply(&mut plan).unwrap();
    assert_eq!((plan.precision.load_format.as_str(), plan.precision.double_quantization), ("bf16", false));
    choose_method(&plan, "qlora").apply(&mut plan).unwrap();
    assert_eq!((plan.precision.load_format.as_str(), plan.precision.double_quantization), ("nf4", true));
    for template in templates() {
        for method in ["full", "lora", "qlora", "dora", "vera", "galore", "prompt"] {
            let mut plan = template.plan.clone();
            choose_method(&plan, method).apply(&mut plan).unwrap();
            let errors: Vec<_> =
                remarks(&plan).into_iter().filter(|remark| remark.severity == Severity::Error).collect();
            assert_eq!(errors, [], "{} with {method}", template.name);
        }
    }
}

#[test]
fn labels_say_what_changed() {
    let plan = Plan::default();
    assert_eq!(number("method.rank", 64).label(&plan), "Rank 16 → 64");
    assert_eq!(number("batch.sequence_length", 4096).label(&plan), "Sequence length 2,048 → 4,096");
    assert_eq!(choose_method(&plan, "full").label(&plan), "Method QLoRA → Full");
    assert_eq!(PlanEdit::Model(ModelSource::Catalog("Qwen/Qwen3-8B".to_owned())).label(&plan), "Base model Qwen3-8B");
}

#[test]
fn a_group_that_fails_changes_nothing() {
    let mut plan = Plan::default();
    let group = PlanEdit::Group(vec![number("method.rank", 4), number("batch.micro_batch", 0)], "Both".to_owned());
    assert!(group.apply(&mut plan).is_err());
    assert_eq!(plan, Plan::default());
}

#[test]
fn a_device_without_bf16_is_not_told_to_go_back_to_it() {
    let mut plan = Plan::default();
    for edit in [word("hardware.accelerator", "tesla-t4"), word("precision.autocast", "fp16")] {
        edit.apply(&mut plan).unwrap();
    }
    let about: Vec<Diagnostic> =
        remarks(&plan).into_iter().filter(|remark| remark.field == Some("precision.autocast")).collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].message.contains("loss scaling") && about[0].fix.is_none(), "{about:?}");
}

/// A variant of LoRA has one word whatever it stands on; the load format says which it is.
#[test]
fn variants_of_lora_stand_on_what_is_loaded() {
    for variant in ["dora", "rslora", "pissa"] {
        let mut plan = Plan::default();
        choose_method(&plan, variant).apply(&mut plan).unwrap();
        assert!(matches!(plan.method.method, Method::Qlora(_)), "{variant} keeps the 4-bit base");
        word("precision.load_format", "bf16").apply(&mut plan).unwrap();
        assert!(matches!(plan.method.method, Method::Lora(_)), "{variant} on BF16");
        word("precision.load_format", "int8").apply(&mut plan).unwrap();
        assert!(matches!(plan.method.method, Method::Qlora(_)), "{variant} on INT8");
    }
    let mut plan = Plan::default();
    choose_method(&plan, "full").apply(&mut plan).unwrap();
    choose_method(&plan, "dora").apply(&mut plan).unwrap();
    assert!(matches!(plan.method.method, Method::Lora(_)));
    choose_method(&plan, "loftq").apply(&mut plan).unwrap();
    assert_eq!((plan.method.method.id(), plan.precision.load_format.as_str()), ("loftq", "nf4"));
    assert!(matches!(plan.method.method, Method::Qlora(_)));
}

/// A value the field takes, chosen by a number.
fn some_value(field: &Field, pick: u64) -> FieldValue {
    let catalog = Catalog::embedded();
    let of = |ids: Vec<&str>| FieldValue::Id(ids[(pick % ids.len() as u64) as usize].to_owned());
    let between = |min: u64, max: u64| {
        // Sizes of every order: a uniform draw would only ever be huge.
        let bits = pick % 64;
        (min + ((pick >> 6) & ((1 << bits) - 1))).clamp(min, max)
    };
    match field.kind {
        FieldKind::Integer { min, max, .. } => FieldValue::Integer(between(min, max)),
        FieldKind::OptionalInteger { min, max } if pick.is_multiple_of(3) => FieldValue::Integer(between(min, max)),
        FieldKind::Decimal { min, max, .. } => FieldValue::Decimal((pick % 7) as f64 / 8.0 * (max - min) + min),
        FieldKind::OptionalDecimal { min, max } if pick.is_multiple_of(3) => {
            FieldValue::Decimal(f64::midpoint(min, max))
        }
        FieldKind::OptionalInteger { .. } | FieldKind::OptionalDecimal { .. } => FieldValue::Unset,
        FieldKind::Toggle => FieldValue::Toggle(pick.is_multiple_of(2)),
        FieldKind::Lines(LineKind::Trials) => {
            let trial = |n: u64| format!("loss {}.5 to {}.25, exact {} of 48: run {n}", n % 9, pick % 7, pick % 49);
            FieldValue::List((0..pick % 4).map(trial).collect())
        }
        FieldKind::Lines(LineKind::Peaks) => {
            let peak = |n: u64| format!("reserved {}.5 MiB of {} MiB expected: run {n}", n % 50_000, pick % 60_000 + 1);
            FieldValue::List((0..pick % 4).map(peak).collect())
        }
        FieldKind::Choice(choices) => of(choices.iter().map(|choice| choice.id).collect()),
        FieldKind::Catalog(CatalogKind::Model) if pick.is_multiple_of(4) => FieldValue::Id("typed".to_owned()),
        FieldKind::Catalog(CatalogKind::Model) => of(catalog.models.iter().map(|entry| entry.id.as_str()).collect()),
        FieldKind::Catalog(CatalogKind::Accelerator) => {
            of(catalog.accelerators.iter().map(|entry| entry.id.as_str()).chain(["", "no-such"]).collect())
        }
        FieldKind::Catalog(CatalogKind::LoadFormat) => {
            of(catalog.formats.iter().map(|entry| entry.id.as_str()).chain(["no-such"]).collect())
        }
        FieldKind::Catalog(CatalogKind::KvFormat) => of(vec!["bf16", "fp8-e4m3", "int8"]),
        FieldKind::Catalog(CatalogKind::Profile) => of(vec!["hf-trainer", "plain-pytorch", "unsloth"]),
        FieldKind::Targets => FieldValue::List(vec![
            ["all-linear", "q", "gate", "c_attn", "query_key_value", "no_such"][(pick % 6) as usize].to_owned(),
        ]),
        FieldKind::Stages => {
            FieldValue::List(if pick.is_multiple_of(2) { Vec::new() } else { vec!["preference".to_owned()] })
        }
        FieldKind::Counts { max } => {
            FieldValue::Counts((0..pick % 4).map(|i| between(1, max).saturating_add(i).min(max)).collect())
        }
        FieldKind::Text | FieldKind::Notes => FieldValue::Text("a \"b\"\nc".to_owned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is set, each fix can be applied and mends its own remark, and clicking the first fix again and again
    /// comes to an end: no two fixes undo each other.
    #[test]
    fn fixes_of_any_plan_come_to_an_end(picks in proptest::collection::vec(any::<u64>(), fields().len())) {
        let mut plan = Plan::default();
        for (field, pick) in fields().iter().zip(&picks) {
            if let Some(present) = (field.get)(&plan)
                // Half of the settings stay as they are, so that plans do not contradict themselves everywhere.
                && pick >> 63 == 0
            {
                let value = some_value(field, *pick);
                field.assign(&mut plan, &value).unwrap_or_else(|error| panic!("{} {present:?} {value:?}: {error}", field.id));
            }
        }
        for step in 0.. {
            prop_assert!(step < 40, "fixes go in a circle: {:?}", remarks(&plan));
            let all = remarks(&plan);
            for remark in &all {
                if let Some((label, fix)) = &remark.fix {
                    let mut mended = plan.clone();
                    prop_assert!(fix.apply(&mut mended).is_ok(), "{label}");
                    prop_assert!(!remarks(&mended).contains(remark), "{label} does not mend {remark:?}");
                }
            }
            let Some((_, fix)) = all.into_iter().find_map(|remark| remark.fix) else { break };
            fix.apply(&mut plan).unwrap();
        }
    }
}
