//! What must hold for any plan: sums add up, more never costs less, absurd sizes do not break anything.

use proptest::prelude::*;
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Component, Detail, Estimate, Inputs, estimate};
use tuneplan::plan::edit::{PlanEdit, choose_method};
use tuneplan::plan::field::{FieldKind, FieldValue, field};
use tuneplan::plan::{ModelSource, Plan};
use tuneplan::units::Bytes;

fn estimated(plan: &Plan) -> Estimate {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Explained)
}

fn ids(id: &str) -> Vec<&'static str> {
    let FieldKind::Choice(choices) = field(id).unwrap().kind else { panic!("{id} is no choice") };
    choices.iter().map(|choice| choice.id).collect()
}

/// A plan over all models, methods, optimizers and kernels of the program.
fn any_plan() -> impl Strategy<Value = Plan> {
    let models: Vec<String> = Catalog::embedded().models.iter().map(|entry| entry.id.clone()).collect();
    let word = |id: &'static str| proptest::sample::select(ids(id));
    (
        (proptest::sample::select(models), word("method.kind"), word("optimizer.algorithm")),
        (word("optimizer.implementation"), word("runtime.checkpointing"), word("runtime.attention")),
        (word("runtime.loss"), word("precision.autocast"), word("workload"), word("batch.packing")),
        (1_u64..9, 1_u64..5, 1_u64..5000, 1_u64..130),
    )
        .prop_map(
            |(
                (model, method, optimizer),
                (loops, checkpointing, attention),
                (loss, autocast, workload, packing),
                (batch, accumulation, length, rank),
            )| {
                let mut plan = Plan::default();
                plan.model.source = ModelSource::Catalog(model);
                choose_method(&plan, method).apply(&mut plan).unwrap();
                for (id, word) in [
                    ("optimizer.algorithm", optimizer),
                    ("optimizer.implementation", loops),
                    ("runtime.checkpointing", checkpointing),
                    ("runtime.attention", attention),
                    ("runtime.loss", loss),
                    ("precision.autocast", autocast),
                    ("workload", workload),
                    ("batch.packing", packing),
                ] {
                    PlanEdit::Set(id, FieldValue::Id(word.to_owned())).apply(&mut plan).unwrap();
                }
                for (id, number) in [
                    ("batch.micro_batch", batch),
                    ("batch.gradient_accumulation", accumulation),
                    ("batch.sequence_length", length),
                ] {
                    PlanEdit::Set(id, FieldValue::Integer(number)).apply(&mut plan).unwrap();
                }
                // Not every method has a rank.
                let _ = PlanEdit::Set("method.rank", FieldValue::Integer(rank)).apply(&mut plan);
                plan
            },
        )
}

fn with(plan: &Plan, id: &'static str, number: u64) -> Plan {
    let mut changed = plan.clone();
    PlanEdit::Set(id, FieldValue::Integer(number)).apply(&mut changed).unwrap();
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn shares_add_up_and_the_peak_is_the_largest_phase(plan in any_plan()) {
        let answer = estimated(&plan);
        let most = answer.phases.iter().map(tuneplan::estimate::Phase::total).max().unwrap();
        prop_assert_eq!(answer.phases[answer.peak].total(), most);
        prop_assert_eq!(answer.tensors.expected, most);
        prop_assert_eq!(answer.at_peak.total(), answer.process.expected);
        for band in [answer.tensors, answer.reserved, answer.process] {
            prop_assert!(band.low <= band.expected && band.expected <= band.high);
        }
        prop_assert!(answer.tensors.expected <= answer.reserved.expected);
        prop_assert!(answer.reserved.expected <= answer.process.expected);
        prop_assert!(answer.parameters.trainable <= answer.parameters.total);
        for component in Component::ALL {
            prop_assert!(answer.at_peak.get(component) <= answer.process.expected);
        }
    }

    #[test]
    fn more_tokens_never_need_less(plan in any_plan()) {
        let base = estimated(&plan).tensors.expected;
        let batch = with(&plan, "batch.micro_batch", plan.batch.micro_batch + 1);
        prop_assert!(estimated(&batch).tensors.expected >= base, "batch");
        let length = with(&plan, "batch.sequence_length", plan.batch.sequence_length + 64);
        prop_assert!(estimated(&length).tensors.expected >= base, "sequence");
    }

    #[test]
    fn a_higher_rank_never_needs_less(plan in any_plan(), rank in 1_u64..64) {
        if plan.method.method.lora().is_some() {
            let low = estimated(&with(&plan, "method.rank", rank));
            let high = estimated(&with(&plan, "method.rank", rank * 2));
            prop_assert!(low.tensors.expected <= high.tensors.expected);
            prop_assert!(low.parameters.trainable <= high.parameters.trainable);
        }
    }

    #[test]
    fn qlora_holds_no_more_than_lora_and_lora_no_more_than_full(plan in any_plan()) {
        let lasting = |method: &str| {
            let mut plan = plan.clone();
            choose_method(&plan, method).apply(&mut plan).unwrap();
            let answer = estimated(&plan);
            let load = &answer.phases[0].components;
            load.total()
        };
        let (qlora, lora) = (lasting("qlora"), lasting("lora"));
        // Stacked experts stay in 16 bits: then a quantized load can save nothing.
        prop_assert!(qlora <= lora, "{qlora} {lora}");
        let small_rank = plan.method.method.lora().is_none_or(|lora| lora.rank <= 16);
        let keeps_moments = matches!(
            plan.optimizer.algorithm,
            tuneplan::plan::Algorithm::AdamW | tuneplan::plan::Algorithm::Adam
        );
        if small_rank && keeps_moments && plan.workload == tuneplan::plan::Workload::Training {
            prop_assert!(lora <= lasting("full"));
        }
    }

    #[test]
    fn absurd_sizes_stop_at_the_largest_number(plan in any_plan()) {
        let mut huge = with(&plan, "batch.micro_batch", 1 << 20);
        huge = with(&huge, "batch.sequence_length", 1 << 24);
        prop_assert!(estimated(&huge).process.expected > Bytes::gib(1));
    }

    #[test]
    fn explanations_change_no_number(plan in any_plan()) {
        let inputs = Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).unwrap();
        let plain = estimate(&inputs, Detail::Numbers);
        let mut explained = estimate(&inputs, Detail::Explained);
        explained.derivations.clear();
        prop_assert_eq!(plain, explained);
    }
}
