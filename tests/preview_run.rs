//! The run on the embedded model: it learns, the quantized base stays as it is, the comparison is of the same models.
#![allow(clippy::unwrap_used)]

use tuneplan::preview::adamw::AdamWSettings;
use tuneplan::preview::config::Part;
use tuneplan::preview::corpus::orders;
use tuneplan::preview::lora::LoraSettings;
use tuneplan::preview::ops::FrozenWeight;
use tuneplan::preview::run::{BaseFormat, Run, RunSettings, embedded};

fn settings(base: BaseFormat, learning_rate: f64) -> RunSettings {
    let lora = LoraSettings { rank: 4, alpha: 8.0, rank_stabilized: false, targets: Part::ALL.to_vec(), seed: 1 };
    RunSettings { base, lora, adamw: AdamWSettings { learning_rate, ..AdamWSettings::default() }, batch: 4, seed: 1 }
}

/// Backward is recursive.
fn on_a_large_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(64 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn a_four_bit_base_learns_a_new_format_within_eight_steps() {
    on_a_large_stack(|| {
        let (config, weights) = embedded().unwrap();
        let (train, held_out) = orders(1, 60, 4);
        let mut run = Run::new(config, &weights, &train, &held_out, settings(BaseFormat::Nf4, 5e-3)).unwrap();
        let before = run.held_out().unwrap();
        for _ in 0..8 {
            run.step().unwrap();
        }
        let after = run.held_out().unwrap();
        assert!(after.loss < 0.75 * before.loss, "{before:?} {after:?}");
        let bars = run.compare().unwrap();
        let of = |name: &str| bars.iter().find(|bar| bar.name == name).unwrap();
        // Adapters that start at zero changed nothing before; merging them changes nothing after.
        assert!((of("quantized").task.loss - before.loss).abs() < 1e-6);
        assert!((of("merged").task.loss - after.loss).abs() < 1e-3);
        // 4.5 bits a value in the maps; the table stays as it is.
        assert!(of("quantized").bytes * 5 < of("base").bytes, "{} {}", of("quantized").bytes, of("base").bytes);
        assert!(of("base").base_text < 0.4, "it was made from such text: {}", of("base").base_text);
    });
}

#[test]
fn the_same_seed_gives_the_same_run_and_too_fast_a_rate_is_said() {
    on_a_large_stack(|| {
        let losses = |rate: f64| -> Vec<f64> {
            let (config, weights) = embedded().unwrap();
            let (train, held_out) = orders(3, 20, 2);
            let mut run = Run::new(config, &weights, &train, &held_out, settings(BaseFormat::Fp32, rate)).unwrap();
            (0..3).map(|_| run.step().unwrap().loss).collect()
        };
        assert_eq!(losses(1e-3), losses(1e-3));
        let (config, weights) = embedded().unwrap();
        let (train, held_out) = orders(3, 20, 2);
        let mut run = Run::new(config.clone(), &weights, &train, &held_out, settings(BaseFormat::Fp32, 1e30)).unwrap();
        let refused = (0..4).find_map(|_| run.step().err()).unwrap().to_string();
        assert!(refused.contains("lower the learning rate"), "{refused}");
        assert!(Run::new(config, &weights, &[], &held_out, settings(BaseFormat::Fp32, 1e-3)).is_err());
    });
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_the_quantizer() {
    let wrong = candle_core::Tensor::new(&[[1.0_f32, f32::NAN]], &candle_core::Device::Cpu).unwrap();
    assert!(BaseFormat::Nf4.pack(&wrong).unwrap_err().to_string().contains("NaN"));
    // An odd number of values, and a block of zeros, come back as they should.
    let values: Vec<f32> = (0..195).map(|i| if i < 64 { 0.0 } else { (i % 7) as f32 - 3.0 }).collect();
    let matrix = candle_core::Tensor::from_vec(values.clone(), (3, 65), &candle_core::Device::Cpu).unwrap();
    let packed = BaseFormat::Nf4.pack(&matrix).unwrap();
    assert!(matches!(packed, FrozenWeight::Packed(_)));
    let back: Vec<f32> = packed.values().unwrap().flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(back.len(), 195);
    assert!(back[..64].iter().all(|value| *value == 0.0));
    let worst = values.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // Half the widest gap between levels of NF4 (0.304 of the largest magnitude, below −0.696).
    assert!(worst <= 3.0 * 0.152 + 1e-6, "{worst}");
}
