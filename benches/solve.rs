//! Questions asked of the estimate: the search over a million plans, a heat map, levers, solving.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tuneplan::plan::edit::choose_method;
use tuneplan::plan::{ModelSource, Plan};
use tuneplan::solve::Known;
use tuneplan::solve::largest::{Question, solve};
use tuneplan::solve::levers::combine::cheapest;
use tuneplan::solve::levers::levers;
use tuneplan::solve::search::{Limits, Search};
use tuneplan::solve::sensitivity::heat_map;

fn solving(criterion: &mut Criterion) {
    let known = Known::embedded();
    let plan = Plan::default();
    let mut large = Plan::default();
    large.model.source = ModelSource::Catalog("meta-llama/Llama-3.1-70B".to_owned());
    let _ = choose_method(&large, "lora").apply(&mut large);
    large.batch.micro_batch = 4;

    let mut group = criterion.benchmark_group("solve");
    group.sample_size(10);
    for question in Question::ALL {
        group.bench_function(question.id(), |bencher| bencher.iter(|| solve(black_box(&plan), question, known)));
    }
    group.bench_function("levers", |bencher| bencher.iter(|| levers(black_box(&plan), known)));
    group.bench_function("cheapest set for 70B", |bencher| {
        bencher.iter(|| levers(black_box(&large), known).map(|found| cheapest(&large, &found, known)));
    });
    let sizes: Vec<u64> = (1..=100).collect();
    let lengths: Vec<u64> = sizes.iter().map(|size| size * 128).collect();
    group.bench_function("heat map 100 x 100", |bencher| {
        bencher.iter(|| heat_map(black_box(&plan), &sizes, &lengths, known));
    });
    if let Ok(search) = Search::new(&plan, Limits::default(), known) {
        let name = format!("search over {} plans on one core", search.space.len());
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&search).run()));
    }
    group.finish();
}

criterion_group!(benches, solving);
criterion_main!(benches);
