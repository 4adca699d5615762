//! Codecs on one thread, in bytes of FP32 a second; candle's own quantizers beside them, in the same run.
#![allow(clippy::unwrap_used)]

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tuneplan::lab::{Depth, examine};
use tuneplan::preview::base_model::embedded_source;
use tuneplan::quantize::{Codec, Whole, sample};

/// A row of a 7B model, and enough of them to be out of the first caches.
const COLUMNS: usize = 4096;
const VALUES: usize = COLUMNS * 256;

fn codecs(c: &mut Criterion) {
    let values = sample::normal(1, VALUES);
    let whole = Whole::of(&values);
    let mut group = c.benchmark_group("quantize");
    group.throughput(Throughput::Bytes(4 * VALUES as u64)).sample_size(10);
    for codec in Codec::ALL {
        group.bench_function(codec.id(), |b| b.iter(|| codec.pack(black_box(&values), COLUMNS, &whole).unwrap()));
    }
    group.finish();
    let mut group = c.benchmark_group("dequantize");
    group.throughput(Throughput::Bytes(4 * VALUES as u64)).sample_size(10);
    let mut out = vec![0.0; VALUES];
    for codec in Codec::ALL {
        let packed = codec.pack(&values, COLUMNS, &whole).unwrap();
        group.bench_function(codec.id(), |b| b.iter(|| packed.read_into(black_box(&mut out))));
    }
    group.finish();
}

fn candle(c: &mut Criterion) {
    // Its quantizers run on all threads of rayon's global pool, which this makes one.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    let values = sample::normal(1, VALUES);
    let tensor = Tensor::from_vec(values, (VALUES / COLUMNS, COLUMNS), &Device::Cpu).unwrap();
    let mut group = c.benchmark_group("candle");
    group.throughput(Throughput::Bytes(4 * VALUES as u64)).sample_size(10);
    for (name, kind) in [("q4-k", GgmlDType::Q4K), ("q6-k", GgmlDType::Q6K), ("q8-0", GgmlDType::Q8_0)] {
        group.bench_function(format!("quantize {name}"), |b| b.iter(|| QTensor::quantize(&tensor, kind).unwrap()));
        let packed = QTensor::quantize(&tensor, kind).unwrap();
        group.bench_function(format!("dequantize {name}"), |b| b.iter(|| packed.dequantize(&Device::Cpu).unwrap()));
    }
    group.finish();
}

/// What stands between opening a model and its first figures: headers, and the sample of one tensor in every format.
fn first_result(c: &mut Criterion) {
    let mut group = c.benchmark_group("first result");
    group.sample_size(10);
    group.bench_function("embedded, all formats", |b| {
        b.iter(|| {
            let source = embedded_source().unwrap();
            let first = source.tried()[0];
            examine(&source, first, &Codec::ALL, Depth::Sample, &|| false).unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, candle, codecs, first_result);
criterion_main!(benches);
