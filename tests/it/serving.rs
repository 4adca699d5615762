//! Serving and merging against independent formulas, brute force and published sizes.

use tuneplan::catalog::Catalog;
use tuneplan::estimate::merging::{MergeMethod, merges, stacked};
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::serving::{CacheKind, Largest, Stretch, adapters, cache, fit_at, largest};
use tuneplan::estimate::{Fit, Inputs, PhaseKind, estimate};
use tuneplan::plan::{Lora, Method, ModelSource, Plan, TargetPart, Targets, Workload};

fn plan(model: &str) -> Plan {
    let mut plan = Plan { workload: Workload::Inference, ..Plan::default() };
    plan.model.source = ModelSource::Catalog(model.to_owned());
    "bf16".clone_into(&mut plan.precision.load_format);
    plan.precision.double_quantization = false;
    plan.batch.micro_batch = 1;
    plan.batch.new_tokens = 0;
    plan
}

fn with<T>(plan: &Plan, read: impl FnOnce(&Inputs<'_>) -> T) -> T {
    read(&Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap())
}

/// Bytes a token of each kind of cache, from the models' published shapes.
#[test]
fn every_kind_of_cache_follows_its_formula() {
    let cases = [
        // Multi-head: 32 layers, 32 heads of 128, keys and values, 2 bytes.
        ("meta-llama/Llama-2-7b-hf", CacheKind::MultiHead, 32 * 32 * 128 * 2 * 2),
        // Grouped-query: 8 of 32 heads.
        ("meta-llama/Llama-3.1-8B", CacheKind::GroupedQuery, 32 * 8 * 128 * 2 * 2),
        // Multi-query: one head of 64.
        ("tiiuae/falcon-7b", CacheKind::MultiQuery, 32 * 64 * 2 * 2),
        // Latent: 61 layers of a latent of 512 and a rotary key of 64.
        ("deepseek-ai/DeepSeek-V3", CacheKind::Latent, 61 * (512 + 64) * 2),
    ];
    for (model, kind, bytes) in cases {
        let found = with(&plan(model), cache);
        assert_eq!(found.bytes_per_token.0, bytes, "{model}");
        assert!(found.layers.iter().all(|layers| layers.kind == kind), "{model}");
    }
    // Slopes measured on real devices (Qwen3 speed benchmark).
    for (model, bytes) in [("Qwen/Qwen3-0.6B", 114_688), ("Qwen/Qwen3-8B", 147_456), ("Qwen/Qwen3-30B-A3B", 98_304)] {
        assert_eq!(with(&plan(model), cache).bytes_per_token.0, bytes, "{model}");
    }
}

#[test]
fn windows_bound_the_cache() {
    let mut plan = plan("mistralai/Mistral-7B-v0.1");
    plan.batch.sequence_length = 3000;
    assert_eq!(with(&plan, cache).whole.0, 3000 * 131_072);
    plan.batch.sequence_length = 10_000;
    let found = with(&plan, cache);
    // A window of 4,096 needs the 4,095 tokens before the present one.
    assert_eq!(found.whole.0, 4095 * 131_072);
    assert_eq!(found.bytes_per_token_far.0, 0);
    // Every other layer of Gemma 2 has a window: 21 of 42 layers of 8 heads of 256 go on growing.
    let found = with(&self::plan("google/gemma-2-9b"), cache);
    assert_eq!(found.bytes_per_token.0, 42 * 8 * 256 * 2 * 2);
    assert_eq!(found.bytes_per_token_far.0, 21 * 8 * 256 * 2 * 2);
}

#[test]
fn linear_layers_keep_a_state_of_fixed_size() {
    let mut plan = plan("Qwen/Qwen3-Next-80B-A3B-Instruct");
    let found = with(&plan, cache);
    // 12 of 48 layers attend, with 2 heads of 256.
    assert_eq!(found.bytes_per_token.0, 12 * 2 * 256 * 2 * 2);
    let state: u64 = found.layers.iter().map(|layers| layers.state.0).sum();
    // 36 layers of 32 value heads with a matrix of 128 × 128, and 4 columns of 8,192 convolved channels, in 4 bytes.
    assert_eq!(state, 36 * 4 * (32 * 128 * 128 + 8192 * 4));
    let at = |tokens, plan: &mut Plan| {
        plan.batch.sequence_length = tokens;
        with(plan, cache).whole.0
    };
    assert_eq!(at(1000, &mut plan) - at(500, &mut plan), 500 * found.bytes_per_token.0);
    assert_eq!(at(500, &mut plan), 500 * found.bytes_per_token.0 + state);
}

#[test]
fn any_cache_format_is_counted_with_its_scales() {
    // Llama-3.1-8B: 65,536 values a token. Q8_0 stores 32 values in 34 bytes, Q4_0 in 18.
    for (format, bytes) in [
        ("fp32", 65_536 * 4),
        ("fp16", 65_536 * 2),
        ("fp8-e4m3", 65_536),
        ("gguf-q8-0", 65_536 / 32 * 34),
        ("gguf-q4-0", 65_536 / 32 * 18),
    ] {
        let mut plan = plan("meta-llama/Llama-3.1-8B");
        plan.precision.kv_cache_format = format.to_owned();
        assert_eq!(with(&plan, cache).bytes_per_token.0, bytes, "{format}");
    }
}

#[test]
fn the_cache_is_prompt_and_generated_tokens_of_every_sequence() {
    let mut plan = plan("meta-llama/Llama-3.1-8B");
    plan.batch.micro_batch = 7;
    plan.batch.sequence_length = 1000;
    plan.batch.new_tokens = 234;
    assert_eq!(with(&plan, cache).whole.0, 7 * 1234 * 131_072);
    // The estimate's last phase holds the same.
    let found = with(&plan, |inputs| estimate(inputs, tuneplan::estimate::Detail::Numbers));
    let decode = found.phases.iter().find(|phase| phase.kind == PhaseKind::Decode).unwrap();
    assert_eq!(decode.components.get(tuneplan::estimate::Component::KvCache).0, 7 * 1234 * 131_072);
}

#[test]
fn the_largest_batch_and_context_are_those_that_trying_finds() {
    let mut small = plan("Qwen/Qwen2.5-0.5B");
    small.hardware.accelerator = "tesla-t4".to_owned();
    small.batch.sequence_length = 512;
    let mut trained = small.clone();
    trained.workload = Workload::Training;
    trained.method.method = Method::Lora(Lora::default());
    for (plan, stretch, about, most) in [
        (&small, Stretch::Batch, 150, 400),
        (&small, Stretch::Context, 15_000, 40_000),
        (&trained, Stretch::Batch, 20, 60),
    ] {
        // A device that the upper end for some value just fills.
        let mut plan = plan.clone();
        let mut filling = plan.clone();
        match stretch {
            Stretch::Batch => filling.batch.micro_batch = about,
            Stretch::Context => filling.batch.sequence_length = about,
        }
        let upper = with(&filling, |inputs| estimate(inputs, tuneplan::estimate::Detail::Numbers).process.high);
        plan.hardware.memory_mib = Some(upper.0.div_ceil(1 << 20));
        with(&plan, |inputs| {
            let found = largest(inputs, stretch);
            let tried = (1..=most).take_while(|&value| fit_at(inputs, stretch, value) == Fit::Fits);
            assert_eq!(found, Largest::Fits(tried.last().unwrap()), "{stretch:?}");
        });
    }
}

#[test]
fn limits_have_words_for_no_device_and_for_nothing() {
    let mut plan = plan("meta-llama/Llama-3.1-8B");
    plan.hardware.accelerator = String::new();
    assert_eq!(with(&plan, |inputs| largest(inputs, Stretch::Batch)), Largest::NoDevice);
    plan.hardware.memory_mib = Some(4096);
    assert_eq!(with(&plan, |inputs| largest(inputs, Stretch::Batch)), Largest::Nothing);
}

#[test]
fn adapters_apart_share_one_base() {
    // LoRA of rank 8 on queries and values of Llama-2-7B: 2 · 8 · (4096 + 4096) values in each of 32 layers.
    let targets = Targets::Parts(vec![TargetPart::Q, TargetPart::V]);
    let mut plan = plan("meta-llama/Llama-2-7b-hf");
    plan.method.method =
        Method::Lora(Lora { rank: 8, targets, dtype: tuneplan::plan::FloatFormat::Bf16, ..Lora::default() });
    plan.hardware.accelerator = "geforce-rtx-4090".to_owned();
    let found = with(&plan, adapters).unwrap();
    assert_eq!(found.adapter_values, 4_194_304);
    assert_eq!(found.adapter_bytes.0, 2 * 4_194_304);
    assert_eq!(found.merged_bytes.0, 2 * 6_738_415_616);
    for point in &found.points {
        assert_eq!(point.merged.0, point.adapters * 2 * 6_738_415_616);
        assert_eq!(point.separate.0, 2 * 6_738_415_616 + point.adapters * 2 * 4_194_304);
    }
    let counts: Vec<u64> = found.points.iter().map(|point| point.adapters).collect();
    assert_eq!((counts[0], *counts.last().unwrap()), (1, 1000));
    // Switching takes as long as the bytes over the link: 16 lanes of PCIe 4.0 at 80 %.
    let rate = 16.0 * 1.969e9 * 0.8;
    assert!((found.merged_switch_secs.unwrap() - 13_476_831_232.0 / rate).abs() < 1e-6);
    assert!((found.separate_switch_secs.unwrap() - 8_388_608.0 / rate).abs() < 1e-9);
    plan.run.load_gb_s = Some(1.0);
    assert!((with(&plan, adapters).unwrap().separate_switch_secs.unwrap() - 0.008_388_608).abs() < 1e-12);
    // A quantized base is merged in 16 bits.
    plan.precision.load_format = "nf4".to_owned();
    let found = with(&plan, adapters).unwrap();
    assert_eq!(found.merged_bytes.0, 2 * 6_738_415_616);
    assert!(found.base_bytes.0 < found.merged_bytes.0 / 3);
    plan.method.method = Method::Full;
    assert_eq!(with(&plan, adapters), None);
}

#[test]
fn stacking_makes_the_published_solar() {
    // SOLAR 10.7B: Mistral-7B's shape twice, 8 layers of each dropped, 48 layers: 10,731,524,096 parameters.
    let mistral = &Catalog::embedded().model("mistralai/Mistral-7B-v0.1").unwrap().architecture;
    assert_eq!(stacked(mistral, 8), 10_731_524_096);
}

#[test]
fn merging_keeps_the_size_except_where_it_adds() {
    let mut plan = plan("mistralai/Mistral-7B-v0.1");
    plan.method.method = Method::Lora(Lora { rank: 16, ..Lora::default() });
    let total = 7_241_732_096_u64;
    let found = with(&plan, |inputs| merges(inputs, 3));
    let of = |method| *found.iter().find(|merge| merge.method == method).unwrap();
    for method in [MergeMethod::Linear, MergeMethod::Ties, MergeMethod::Dare, MergeMethod::Slerp] {
        assert_eq!((of(method).result_values, of(method).result.0), (total, 2 * total), "{method:?}");
    }
    // Three models, three and their base, two.
    assert_eq!(of(MergeMethod::Linear).read.0, 3 * 2 * total);
    assert_eq!(of(MergeMethod::Ties).read.0, 4 * 2 * total);
    assert_eq!(of(MergeMethod::Slerp).read.0, 2 * 2 * total);
    // Whole models and the result; or that many copies of the largest tensor, the token table of 32,000 × 4,096 or an
    // MLP matrix of 14,336 × 4,096, whichever is larger.
    assert_eq!(of(MergeMethod::Linear).memory_whole.0, 4 * 2 * total);
    assert_eq!(of(MergeMethod::Linear).memory_lazy.0, 4 * 2 * 32_000 * 4096);
    assert_eq!(of(MergeMethod::Stacking).result_values, 10_731_524_096);
    // Ranks add up: three adapters of rank 16 are one of rank 48.
    let three = of(MergeMethod::AdapterConcatenation);
    plan.method.method = Method::Lora(Lora { rank: 48, ..Lora::default() });
    assert_eq!(three.result_values, with(&plan, adapters).unwrap().adapter_values);
}
