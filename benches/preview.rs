//! One LoRA step of the preview on one thread, on the shape of the published baseline: 6 layers of width 256 (inner width
//! 688, 4 heads), vocabulary 259, rank 8 on query and value, 4 sequences of 256 tokens, 32 bits. PyTorch 2.15 with peft
//! 0.21 did 1,905 to 2,199 tokens a CPU-second of it with AVX2, and 2,797 to 2,907 with AVX-512, on the same machine type.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tuneplan::preview::adamw::{AdamW, AdamWSettings};
use tuneplan::preview::attach::{Attached, attach};
use tuneplan::preview::base_format::BaseFormat;
use tuneplan::preview::config::{LlamaConfig, Part};
use tuneplan::preview::lora::LoraSettings;
use tuneplan::preview::pass::{Batch, Pass};
use tuneplan::preview::pretrain::{random_weights, shape};
use tuneplan::quantize::Codec;

const SEQUENCES: usize = 4;
const LENGTH: usize = 256;

fn lora_step(criterion: &mut Criterion) {
    let config = LlamaConfig {
        num_hidden_layers: 6,
        intermediate_size: 688,
        num_key_value_heads: Some(4),
        vocab_size: 259,
        ..shape()
    };
    let (weights, _) = random_weights(&config, 1).expect("weights");
    let lora = LoraSettings { targets: vec![Part::Query, Part::Value], ..LoraSettings::default() };
    let tokens: Vec<u32> = (0..SEQUENCES * LENGTH).map(|i| (i * 37 % 259) as u32).collect();
    let targets = tokens.iter().skip(1).chain(tokens.first()).copied().collect();
    let batch = Batch { tokens, targets, length: LENGTH };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let mut group = criterion.benchmark_group("lora step, one thread");
    group.throughput(Throughput::Elements((SEQUENCES * LENGTH) as u64)).sample_size(10);
    for format in [BaseFormat::Fp32, BaseFormat::Packed(Codec::Nf4)] {
        let Attached { model, adapters, .. } = attach(config.clone(), &weights, format, &lora).expect("a model");
        let variables = adapters.variables();
        let mut optimizer = AdamW::new(variables.clone(), AdamWSettings::default());
        group.bench_function(format.id(), |bencher| {
            bencher.iter(|| {
                pool.install(|| {
                    let (gradients, found) =
                        model.gradients(&batch, Pass::with(&adapters), variables.len()).expect("gradients");
                    optimizer.step(&gradients).expect("a step");
                    black_box(found.loss)
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lora_step);
criterion_main!(benches);
