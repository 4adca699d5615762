//! Contradictions: each is found, and its fix mends it.
#![allow(clippy::unwrap_used)]

use tuneplan::catalog::Catalog;
use tuneplan::plan::check::{Context, Diagnostic, Severity, check};
use tuneplan::plan::edit::{PlanEdit, choose_method};
use tuneplan::plan::field::{FieldValue, field};
use tuneplan::plan::{ModelSource, Plan, templates};

fn remarks(plan: &Plan) -> Vec<Diagnostic> {
    let catalog = Catalog::embedded();
    let ModelSource::Catalog(id) = &plan.model.source else { panic!("these plans name catalogue models") };
    let context = Context {
        architecture: catalog.model(id).map(|entry| &entry.architecture),
        load_format: catalog.format(&plan.precision.load_format),
        accelerator: catalog.accelerator(&plan.hardware.accelerator),
    };
    check(plan, &context)
}

fn word(id: &'static str, word: &str) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Id(word.to_owned()))
}

fn number(id: &'static str, number: u64) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Integer(number))
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
            "8-bit",
        ),
        (
            vec![word("optimizer.implementation", "in-backward")],
            "batch.gradient_accumulation",
            "nothing can be accumulated",
        ),
        (vec![word("optimizer.implementation", "in-backward")], "optimizer.clip_gradients", "norm of all gradients"),
        (vec![word("optimizer.algorithm", "adafactor")], "optimizer.implementation", "no fused kernel"),
        (vec![number("batch.sequence_length", 200_000)], "batch.sequence_length", "131072 positions"),
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
