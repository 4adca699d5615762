//! The textbook's worked examples, to the digit (fine-tuning chapter: memory, LoRA, serving adapters).

use tuneplan::architecture::{Architecture, LinearRole};
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Estimate, Inputs, estimate};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{HandShape, ModelSource, Plan};

fn set(plan: &mut Plan, id: &'static str, value: FieldValue) {
    PlanEdit::Set(id, value).apply(plan).unwrap();
}

fn word(plan: &mut Plan, id: &'static str, word: &str) {
    set(plan, id, FieldValue::Id(word.to_owned()));
}

fn estimated(plan: &Plan) -> Estimate {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Numbers)
}

/// A model of exactly 13 billion parameters: one hidden unit, all of them vocabulary rows but the few of its layer.
fn thirteen_billion() -> HandShape {
    let mut shape = HandShape {
        hidden_size: 1000,
        layers: 1,
        heads: 1,
        kv_heads: 1,
        head_dim: 1000,
        intermediate_size: 1000,
        vocab_size: 1,
        tied: true,
        gated_mlp: false,
        experts: 0,
        experts_per_token: 1,
    };
    // Four attention matrices, two of the MLP, three norms, the one vocabulary row: 6,004,000.
    let rest = 13_000_000_000 - (Architecture::from(&shape).parameters().total - 1000);
    assert_eq!(rest % 1000, 0);
    shape.vocab_size = rest / 1000;
    assert_eq!(Architecture::from(&shape).parameters().total, 13_000_000_000);
    shape
}

fn plan_of(shape: HandShape) -> Plan {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::Typed(shape);
    word(&mut plan, "precision.load_format", "bf16");
    plan
}

#[test]
fn inference_of_13_billion_in_two_bytes_is_31_2_gb() {
    let mut plan = plan_of(thirteen_billion());
    word(&mut plan, "workload", "inference");
    assert_eq!(estimated(&plan).textbook.0, 31_200_000_000);
}

#[test]
fn training_13_billion_with_adam_is_78_gb_beside_26_gb_of_weights() {
    let mut plan = plan_of(thirteen_billion());
    word(&mut plan, "method.kind", "full");
    for (optimizer, values) in [("adam", 3), ("sgd-momentum", 2), ("sgd", 1)] {
        word(&mut plan, "optimizer.algorithm", optimizer);
        assert_eq!(estimated(&plan).textbook.0, 26_000_000_000 + 13_000_000_000 * values * 2, "{optimizer}");
    }
}

#[test]
fn lora_trains_rank_times_inputs_and_outputs_and_100_customers_need_23_3_million_values() {
    let shape = HandShape { layers: 1, ..HandShape::default() };
    let architecture = Architecture::from(&shape);
    let linears = architecture.layers[0].layer.linears(shape.hidden_size, &architecture.model_code);
    let query = linears.iter().find(|linear| linear.role == LinearRole::Query).unwrap();
    let matrix = query.weight_params();
    assert_eq!(matrix, 4096 * 4096);

    let mut plan = plan_of(shape);
    word(&mut plan, "method.kind", "lora");
    set(&mut plan, "method.rank", FieldValue::Integer(8));
    set(&mut plan, "method.targets", FieldValue::List(vec!["q".to_owned()]));
    let adapter = estimated(&plan).parameters.added;
    assert_eq!(adapter, 65_536);
    assert_eq!(estimated(&plan).parameters.trainable, adapter);

    let customers = 100;
    assert_eq!((customers * matrix) / 10_000_000, 167, "merged: 1.68 billion values, rounded");
    assert_eq!((matrix + customers * adapter) / 100_000, 233, "separate: 23.3 million values");
}
