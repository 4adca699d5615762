//! Curves, heat maps and comparisons against single estimates.

use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::time::{DequantizationKernel, time};
use tuneplan::estimate::{Detail, Estimate, Fit, Inputs, estimate};
use tuneplan::plan::decision::{Cache, Costs, Decision};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::{FieldValue, field};
use tuneplan::plan::{Plan, templates};
use tuneplan::solve::Known;
use tuneplan::solve::compare::compare;
use tuneplan::solve::sensitivity::{curve, heat_map, numeric_fields, tornado, values};

fn estimated(plan: &Plan) -> Estimate {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Numbers)
}

#[test]
fn a_heat_map_is_made_of_single_estimates() {
    let (batches, lengths) = ([1, 2, 3, 8, 40], [1, 100, 2048, 5000, 65_536]);
    for template in templates() {
        let map = heat_map(&template.plan, &batches, &lengths, Known::embedded()).unwrap();
        for (row, batch) in batches.into_iter().enumerate() {
            let mut last = None;
            for (column, length) in lengths.into_iter().enumerate() {
                let mut plan = template.plan.clone();
                plan.batch.micro_batch = batch;
                plan.batch.sequence_length = length;
                let single = estimated(&plan);
                assert_eq!(map.cell(row, column), Some((single.process.expected, single.fit)), "{}", template.name);
                if single.fit == Fit::Fits {
                    last = Some(column);
                }
            }
            assert_eq!(map.contour()[row], last);
        }
        assert_eq!(map.cell(0, lengths.len()), None);
    }
}

#[test]
fn every_number_of_a_plan_has_a_curve_of_single_estimates() {
    for template in templates() {
        let fields = numeric_fields(&template.plan);
        assert!(fields.len() >= 4, "{}", template.name);
        for field in fields {
            let found = curve(&template.plan, field.id, &values(&template.plan, field), Known::embedded()).unwrap();
            assert!(found.points.is_sorted_by(|a, b| a.number < b.number), "{}", field.id);
            assert!(found.points.iter().any(|point| Some(&point.value) == (field.get)(&template.plan).as_ref()));
            for point in &found.points {
                let mut plan = template.plan.clone();
                PlanEdit::Set(field.id, point.value.clone()).apply(&mut plan).unwrap();
                assert_eq!(point.figures.process, estimated(&plan).process, "{}", field.id);
                let inputs = Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).unwrap();
                let secs = time(&inputs, DequantizationKernel::Current).ok().map(|time| time.step_secs);
                assert_eq!(point.figures.step_secs, secs, "{}", field.id);
            }
        }
    }
}

#[test]
fn what_is_no_number_has_no_curve() {
    let plan = Plan::default();
    let known = Known::embedded();
    assert!(curve(&plan, "notes", &[], known).unwrap_err().contains("no number"));
    assert!(curve(&plan, "nothing", &[], known).unwrap_err().contains("no setting"));
    assert!(values(&plan, field("hardware.memory_mib").unwrap()).is_empty());
    let wrong = curve(&plan, "method.rank", &[FieldValue::Integer(0)], known).unwrap_err();
    assert!(wrong.contains("from 1"), "{wrong}");
}

#[test]
fn the_tornado_names_what_moves_memory() {
    let plan = Plan::default();
    let found = tornado(&plan, Known::embedded()).unwrap();
    assert!(found.is_sorted_by(|a, b| a.range_bytes >= b.range_bytes));
    let strongest = found[0].field;
    assert!(["batch.micro_batch", "batch.sequence_length"].contains(&strongest), "{strongest}");
    assert!(found.iter().all(|swing| swing.field != "method.alpha"), "alpha costs no memory");
    let rank = found.iter().find(|swing| swing.field == "method.rank").unwrap();
    let (value, bytes) = rank.above.as_ref().unwrap();
    let mut larger = plan;
    PlanEdit::Set("method.rank", value.clone()).apply(&mut larger).unwrap();
    assert_eq!(estimated(&larger).process.expected, *bytes);
}

#[test]
fn comparisons_hold_only_what_differs() {
    let base = Plan::default();
    let mut longer = base.clone();
    longer.batch.sequence_length = 4096;
    longer.cost.price_per_device_hour = Some(2.0);
    longer.run.examples = Some(1000);
    let mut unknown = base.clone();
    "no/such-model".clone_into(&mut unknown.name);
    "for the review".clone_into(&mut unknown.notes);
    unknown.model.source = tuneplan::plan::ModelSource::Catalog("no/such-model".to_owned());
    let named = [("a".to_owned(), &base), ("b".to_owned(), &longer), ("c".to_owned(), &unknown)];
    let found = compare(&named, Known::embedded());
    let labels: Vec<&str> = found.settings.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["Base model", "Sequence length", "Examples", "Price"]);
    assert_eq!(found.settings[1].values, ["2,048 tokens", "4,096 tokens", "2,048 tokens"]);
    // What it is called and what is noted change nothing that is computed.
    let texts: Vec<&str> = found.texts.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(texts, ["Name", "Notes"]);
    assert!(found.figures[2].as_ref().unwrap_err().contains("no/such-model"));
    let memory = &found.headlines[0];
    let expected = [Some(estimated(&base)), Some(estimated(&longer)), None]
        .map(|found| found.map(|found| found.process.expected.0 as f64));
    assert_eq!(memory.values, expected);
    assert_eq!(memory.change(1), Some(expected[1].unwrap() - expected[0].unwrap()));
    assert_eq!((memory.change(0), memory.change(2)), (Some(0.0), None));
    assert!(compare(&named[..1], Known::embedded()).settings.is_empty());
    // Money of different currencies is not subtracted.
    let mut euros = longer.clone();
    "EUR".clone_into(&mut euros.cost.currency);
    let mixed = compare(&[("a".to_owned(), &longer), ("b".to_owned(), &euros)], Known::embedded());
    assert!(mixed.headlines.iter().all(|row| row.id != "money") && mixed.currency.is_none());
}

/// What changed one's mind about the break-even is named as its form names it, an amount a row.
#[test]
fn prices_that_differ_are_told_in_words() {
    let priced = |price: f64, hit_share: Option<f64>| {
        let mut costs = Costs { input_price: price, requests_per_month: 2e6, ..Costs::default() };
        costs.cache =
            hit_share.map(|hit_share| Cache { hit_share, read_factor: 0.1, write_factor: 1.25, ..Cache::default() });
        let mut decision = Decision::default();
        decision.answers.costs = Some(costs);
        Plan { decision: Some(Box::new(decision)), ..Plan::default() }
    };
    let (cheap, dear) = (priced(2.5, None), priced(3.0, Some(0.9)));
    let rows = |plans: [&Plan; 2]| -> Vec<(String, Vec<String>)> {
        let named = plans.map(|plan| ("plan".to_owned(), plan));
        let found = compare(&named, Known::embedded());
        found.settings.into_iter().map(|row| (row.label, row.values)).collect()
    };
    let row = |label: &str, values: [&str; 2]| (label.to_owned(), values.map(str::to_owned).to_vec());
    assert_eq!(
        rows([&cheap, &dear]),
        [
            row("Break-even: Input price", ["2.5 a million", "3 a million"]),
            row("Break-even: Hit share", ["–", "0.9 of requests"]),
            row("Break-even: Read factor", ["–", "0.1 × price"]),
            row("Break-even: Write factor", ["–", "1.25 × price"]),
        ]
    );
    let against_none = rows([&Plan::default(), &dear]);
    assert!(against_none.contains(&row("Break-even: Requests", ["–", "2,000,000 a month"])), "{against_none:?}");
}
