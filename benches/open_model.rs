//! Opening a model of 400 shards and a terabyte: headers only, so the aim is 50 ms.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/it/common/model_files.rs"]
mod files;

use criterion::{Criterion, criterion_group, criterion_main};
use files::{Llama, Shape, write_sharded, write_sparse};
use std::hint::black_box;
use tuneplan::architecture::{from_config_text, read};

/// 400 dense layers, a shard each.
fn dense() -> (Llama, Vec<Vec<Shape>>) {
    let model = Llama { layers: 400, hidden: 8192, heads: 64, kv_heads: 8, inner: 86_016, vocab: 128_256, tied: false };
    let mut shards: Vec<Vec<Shape>> = (0..400).map(|i| model.layer(i)).collect();
    shards[0].extend(model.outside());
    (model, shards)
}

/// The same with the tensors of 72 experts in each shard: 90,000 tensors, as many as the largest mixtures have.
fn with_experts() -> (Llama, Vec<Vec<Shape>>) {
    let (model, mut shards) = dense();
    for (i, shard) in shards.iter_mut().enumerate() {
        for expert in 0..72 {
            for part in ["gate_proj", "up_proj", "down_proj"] {
                shard.push((format!("model.layers.{i}.mlp.experts.{expert}.{part}.weight"), vec![2048, 8192]));
            }
        }
    }
    (model, shards)
}

fn open_model(c: &mut Criterion) {
    let mut group = c.benchmark_group("open_model");
    for (name, (model, shards)) in [("400_shards", dense()), ("400_shards_90k_tensors", with_experts())] {
        let folder = tempfile::tempdir().unwrap();
        write_sharded(folder.path(), &shards);
        std::fs::write(folder.path().join("config.json"), model.config()).unwrap();
        group.bench_function(name, |b| b.iter(|| read(black_box(folder.path())).unwrap()));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    write_sparse(&file, &Llama::SMALL.all());
    std::fs::write(folder.path().join("config.json"), Llama::SMALL.config()).unwrap();
    group.bench_function("one_small_file", |b| b.iter(|| read(black_box(&file)).unwrap()));
    let config = dense().0.config();
    group.bench_function("config_text", |b| b.iter(|| from_config_text(black_box(&config)).unwrap()));
    group.finish();
}

criterion_group!(benches, open_model);
criterion_main!(benches);
