//! One estimate, numbers only and with every derivation: the window computes one per frame, a search thousands.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Inputs, estimate};
use tuneplan::plan::{ModelSource, Plan};

fn estimates(criterion: &mut Criterion) {
    let default = Plan::default();
    let mut deepseek = Plan::default();
    deepseek.model.source = ModelSource::Catalog("deepseek-ai/DeepSeek-V3".to_owned());
    for (name, plan) in [("default plan", &default), ("61-layer DeepSeek-V3", &deepseek)] {
        let Ok(inputs) = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()) else { continue };
        let mut group = criterion.benchmark_group(name);
        group.bench_function("numbers", |bencher| {
            bencher.iter(|| estimate(black_box(&inputs), Detail::Numbers));
        });
        group.bench_function("explained", |bencher| {
            bencher.iter(|| estimate(black_box(&inputs), Detail::Explained));
        });
        group.bench_function("resolve", |bencher| {
            bencher.iter(|| Inputs::resolve(black_box(plan), Catalog::embedded(), Profiles::embedded()).is_ok());
        });
        group.finish();
    }
}

criterion_group!(benches, estimates);
criterion_main!(benches);
