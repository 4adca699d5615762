//! Whatever is said about several devices, there is an answer that adds up.

use super::*;

fn parts_add_up(explained: &Explained) {
    if let (Value::Bytes(value), false) = (explained.value, explained.parts.is_empty()) {
        let sum: u64 = explained
            .parts
            .iter()
            .map(|part| if let Value::Bytes(bytes) = part.value { bytes.0 } else { 0 })
            .fold(0, u64::saturating_add);
        assert_eq!(sum, value.0, "{}", explained.title);
    }
    explained.parts.iter().for_each(parts_add_up);
}

fn any_plan() -> impl proptest::strategy::Strategy<Value = Plan> {
    let sharing = prop_oneof![
        Just(Sharing::Single),
        Just(Sharing::Ddp),
        Just(Sharing::Zero1),
        Just(Sharing::Zero2),
        Just(Sharing::Zero3),
        Just(Sharing::Fsdp),
        Just(Sharing::Fsdp2),
        Just(Sharing::HybridShard),
    ];
    let place = || prop_oneof![Just(Offload::None), Just(Offload::Cpu), Just(Offload::Nvme)];
    let size = || prop_oneof![1_u64..20, Just(64), Just(1_048_576)];
    let schedule =
        prop_oneof![Just(Schedule::OneForwardOneBackward), Just(Schedule::Interleaved), Just(Schedule::Sequential)];
    let method = prop_oneof![
        Just(Method::Full),
        Just(Method::Qlora(Lora::default())),
        Just(Method::Lora(Lora::default())),
        Just(Method::LastLayers { layers: 3 }),
        Just(Method::BitFit),
    ];
    let models = Catalog::embedded().models.len();
    (
        (sharing, size(), size(), size(), size(), size(), schedule, size()),
        (
            place(),
            place(),
            place(),
            any::<bool>(),
            any::<bool>(),
            0_u64..1 << 40,
            proptest::collection::vec(1_u64..9, 0..5),
        ),
        (method, 0..models, any::<bool>(), 1_u64..70, any::<bool>(), any::<bool>()),
    )
        .prop_map(|(degrees, rest, what)| {
            let mut plan = Plan::default();
            let parallel = &mut plan.parallelism;
            parallel.strategy = degrees.0;
            plan.hardware.count = degrees.1;
            parallel.tensor = degrees.2.min(64);
            parallel.context = degrees.3;
            parallel.expert = degrees.4;
            parallel.pipeline = degrees.5;
            parallel.schedule = degrees.6;
            parallel.shard_group = degrees.7;
            parallel.virtual_stages = degrees.7;
            parallel.offload_optimizer = rest.0;
            parallel.offload_parameters = rest.1;
            parallel.offload_activations = rest.2;
            parallel.sequence = rest.3;
            parallel.gradient_as_bucket_view = rest.4;
            parallel.reduce_bucket = rest.5;
            parallel.max_live = rest.5;
            parallel.prefetch_units = rest.5 % 4;
            parallel.micro_batches = rest.6;
            let quantized = matches!(what.0, Method::Qlora(_));
            plan.method.method = what.0;
            if quantized { "nf4" } else { "bf16" }.clone_into(&mut plan.precision.load_format);
            plan.model.source = ModelSource::Catalog(Catalog::embedded().models[what.1].id.clone());
            plan.workload = if what.2 { Workload::Training } else { Workload::Inference };
            plan.batch.gradient_accumulation = what.3;
            plan.precision.fp32_master_weights = what.4;
            plan.runtime.checkpointing = if what.5 { Checkpointing::Full } else { Checkpointing::None };
            plan
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is said, there is an answer whose derivations add up, and the headline is that of the worst device.
    #[test]
    fn any_plan_has_an_answer(plan in any_plan()) {
        let found = run(&plan);
        for derivation in &found.derivations {
            parts_add_up(&derivation.explained);
        }
        if let Some(devices) = &found.devices {
            let worst = devices.groups.iter().map(|group| group.process.expected).max().unwrap();
            prop_assert_eq!(found.process.expected, worst);
            for group in &devices.groups {
                let terms: u64 = group.terms.iter().map(|term| term.bytes.0).fold(0, u64::saturating_add);
                prop_assert_eq!(group.peak_phase().unwrap().total().0, terms);
                prop_assert_eq!(group.at_peak.total(), group.process.expected);
            }
        }
    }
}
