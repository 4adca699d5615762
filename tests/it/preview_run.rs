//! The run on the embedded model: it learns, the quantized base stays as it is, the comparison is of the same models,
//! and it can be stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tuneplan::preview::adamw::AdamWSettings;
use tuneplan::preview::base_format::BaseFormat;
use tuneplan::preview::base_model::BaseModel;
use tuneplan::preview::compare::Variant;
use tuneplan::preview::control::{Control, Gate};
use tuneplan::preview::data::Data;
use tuneplan::preview::lora::LoraSettings;
use tuneplan::preview::ops::Weight;
use tuneplan::preview::optimizer::OptimizerSettings;
use tuneplan::preview::run::{Run, RunSettings};
use tuneplan::preview::saved::{resume, save};
use tuneplan::preview::train::{End, Event, Schedule, train};
use tuneplan::quantize::Codec;
use tuneplan::quantize::gguf::Kind;

const NF4: BaseFormat = BaseFormat::Packed(Codec::Nf4);

fn settings(base: BaseFormat, learning_rate: f64) -> RunSettings {
    RunSettings {
        base,
        lora: LoraSettings { rank: 4, alpha: 8.0, ..LoraSettings::default() },
        optimizer: OptimizerSettings::AdamW(AdamWSettings { learning_rate, ..AdamWSettings::default() }),
        batch: 4,
        ..RunSettings::default()
    }
}

fn base() -> Arc<BaseModel> {
    Arc::new(BaseModel::embedded().unwrap())
}

fn orders(seed: u64, count: usize, held_out: usize) -> Data {
    base().orders(seed, count, held_out).unwrap()
}

fn run(data: Data, settings: RunSettings) -> Run {
    Run::new(base(), data, settings).unwrap()
}

#[test]
fn a_four_bit_base_learns_a_new_format_within_eight_steps() {
    let mut run = run(orders(1, 60, 4), settings(NF4, 5e-3));
    let (control, ticks) = (Control::default(), AtomicU64::new(0));
    // A second passes at every look.
    let clock = || Duration::from_secs(ticks.fetch_add(1, Ordering::SeqCst));
    let mut events = Vec::new();
    let schedule = Schedule { steps: 8, evaluate_every: 100, samples: 1, kept_in: None };
    let end = train(&mut run, &schedule, &Gate::new(&control, &clock), &mut |event| events.push(event)).unwrap();
    assert_eq!(end, End::Done);
    let evaluations: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::HeldOut { after, found } = event { Some((*after, *found)) } else { None })
        .collect();
    let [(0, before), (8, after)] = evaluations[..] else { panic!("{evaluations:?}") };
    assert!(after.loss < 0.75 * before.loss, "{before:?} {after:?}");
    let steps: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Step(progress) = event { Some(*progress) } else { None })
        .collect();
    assert_eq!(steps.len(), 8);
    // Each step looks at the clock before and after.
    assert_eq!(steps[7].trained_for, Duration::from_secs(8));
    assert_eq!(steps[7].tokens, steps.iter().map(|progress| progress.step.tokens as u64).sum::<u64>());
    assert_eq!(steps[5].time_left(), Duration::from_secs(2));
    let samples = events.iter().filter(|event| matches!(event, Event::Sample { index: 0, .. })).count();
    assert_eq!(samples, 2);
    let bars: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Compared(bar) = event { Some(bar.clone()) } else { None })
        .collect();
    let of = |variant| bars.iter().find(|bar| bar.variant == variant).unwrap();
    // Adapters that start at zero changed nothing before; merging them changes nothing after.
    assert!((of(Variant::Quantized).task.loss - before.loss).abs() < 1e-6);
    assert!((of(Variant::Merged).task.loss - after.loss).abs() < 1e-3);
    // 4.5 instead of 16 bits a value in the linear layers; table and norms stay as they are.
    let linears = 4 * (256 * 256 * 2 + 2 * 128 * 256 + 3 * 256 * 768);
    let [base, quantized, adapted] = [Variant::Base, Variant::Quantized, Variant::Adapted].map(|v| of(v).disk_bytes);
    assert_eq!(base - quantized, linears * 2 - linears * 9 / 16);
    assert_eq!(adapted - quantized, 4 * run.trained_values());
    // The same prompt was put to each.
    assert!(bars.iter().all(|bar| bar.answers.len() == 1 && bar.answers[0].wanted.contains("\"who\"")), "{bars:?}");
    assert!(of(Variant::Base).base_text.unwrap() < 0.4, "it was made from such text: {bars:?}");
    // A run that goes on tells the memory of its steps, not that of the comparison between.
    let (control, mut told) = (Control::default(), None);
    let more = Schedule { steps: 9, ..schedule };
    let end = train(&mut run, &more, &Gate::new(&control, &clock), &mut |event| {
        if let Event::Step(progress) = event {
            told = Some(progress.peak_growth_bytes);
            control.cancel();
        }
    });
    assert_eq!((end.unwrap(), told), (End::Cancelled, Some(steps[7].peak_growth_bytes)));
}

#[test]
fn a_run_that_is_ended_keeps_what_it_has_and_goes_on_as_if_it_had_not_been() {
    let data = orders(2, 12, 1);
    let clock = || Duration::ZERO;
    let kept = tempfile::tempdir().unwrap();
    let schedule = Schedule { steps: 4, evaluate_every: 100, samples: 0, kept_in: Some(kept.path().to_owned()) };
    let losses = |events: &[Event]| -> Vec<f64> {
        events
            .iter()
            .filter_map(|event| if let Event::Step(progress) = event { Some(progress.step.loss) } else { None })
            .collect()
    };
    let mut whole = Vec::new();
    let control = Control::default();
    let gate = Gate::new(&control, &clock);
    let mut straight = run(data.clone(), settings(BaseFormat::Fp32, 1e-3));
    while straight.steps() < 4 {
        whole.push(straight.step(&gate).unwrap().loss);
    }
    // Ended when the second step is told.
    let mut ended = run(data.clone(), settings(BaseFormat::Fp32, 1e-3));
    let (control, mut events) = (Control::default(), Vec::new());
    let end = train(&mut ended, &schedule, &Gate::new(&control, &clock), &mut |event| {
        if matches!(&event, Event::Step(progress) if progress.step.number == 2) {
            control.cancel();
        }
        events.push(event);
    });
    assert_eq!(end.unwrap(), End::Cancelled);
    assert_eq!((ended.steps(), losses(&events)), (2, whole[..2].to_vec()));
    // A step that is ended in its middle changes nothing: the next is as it would have been.
    let after_layers = AtomicU64::new(0);
    let stopping = Control::default();
    stopping.pause();
    let waker = {
        let stopping = stopping.clone();
        std::thread::spawn(move || stopping.cancel())
    };
    let slow = || Duration::from_secs(after_layers.fetch_add(1, Ordering::SeqCst));
    assert!(ended.step(&Gate::new(&stopping, &slow)).is_err());
    waker.join().unwrap();
    let control = Control::default();
    let gate = Gate::new(&control, &clock);
    assert_eq!(ended.step(&gate).unwrap().loss, whole[2]);
    assert_eq!(ended.step(&gate).unwrap().loss, whole[3]);
    // Another run continues from the checkpoint saved when this one was ended, as if nothing had happened.
    let [.., Event::Kept { after: 2, failure: None }, Event::Updated(updates)] = &events[..] else {
        panic!("{:?}", events.last())
    };
    // Seven linear layers of four layers, each with as many directions as the rank.
    assert!(updates.len() == 28 && updates.iter().all(|update| update.values.len() == 4), "{updates:?}");
    let mut resumed = run(data.clone(), settings(BaseFormat::Fp32, 1e-3));
    assert!(resume(kept.path(), &mut resumed).unwrap());
    assert_eq!(resumed.steps(), 2);
    let again = [resumed.step(&gate).unwrap().loss, resumed.step(&gate).unwrap().loss];
    assert_eq!(again, whole[2..]);
    // A newer one takes its place; other settings are refused, a damaged file is said, an empty folder is none.
    save(kept.path(), &resumed).unwrap();
    assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 1);
    let mut other = run(data.clone(), settings(BaseFormat::Fp32, 2e-3));
    let refused = resume(kept.path(), &mut other).unwrap_err().to_string();
    assert!(refused.contains("another optimizer"), "{refused}");
    std::fs::write(kept.path().join("step-000004/run.safetensors"), b"{").unwrap();
    let refused = resume(kept.path(), &mut ended).unwrap_err().to_string();
    assert!(refused.contains("run.safetensors"), "{refused}");
    assert!(!resume(&kept.path().join("none"), &mut ended).unwrap());
}

#[test]
fn batches_of_one_that_are_added_up_step_as_one_large_batch_does() {
    let clock = || Duration::ZERO;
    let control = Control::default();
    let gate = Gate::new(&control, &clock);
    let steps = |batch: usize, accumulation: usize| {
        let settings = RunSettings { batch, accumulation, ..settings(BaseFormat::Fp32, 1e-3) };
        let mut run = run(orders(4, 9, 1), settings);
        (0..2).map(|_| run.step(&gate).unwrap().loss).collect::<Vec<_>>()
    };
    // Answers differ in length, so that a mean of means would show.
    for (large, small) in steps(4, 1).into_iter().zip(steps(1, 4)) {
        assert!((large - small).abs() < 2e-5 * large, "{large} {small}");
    }
}

#[test]
fn too_fast_a_rate_is_said_and_so_are_missing_examples() {
    let clock = || Duration::ZERO;
    let control = Control::default();
    let gate = Gate::new(&control, &clock);
    let mut fast = run(orders(3, 20, 2), settings(BaseFormat::Fp32, 1e30));
    let refused = (0..4).find_map(|_| fast.step(&gate).err()).unwrap().to_string();
    assert!(refused.contains("lower the learning rate"), "{refused}");
    let none = Data { train: Vec::new(), ..orders(3, 1, 1) };
    assert!(Run::new(base(), none, settings(NF4, 1e-3)).is_err());
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_the_quantizer() {
    let wrong = candle_core::Tensor::new(&[[1.0_f32, f32::NAN]], &candle_core::Device::Cpu).unwrap();
    assert!(NF4.pack(&wrong).unwrap_err().to_string().contains("not finite"));
    // An odd number of values, and a block of zeros, come back as they should.
    let values: Vec<f32> = (0..195).map(|i| if i < 64 { 0.0 } else { (i % 7) as f32 - 3.0 }).collect();
    let matrix = candle_core::Tensor::from_vec(values.clone(), (3, 65), &candle_core::Device::Cpu).unwrap();
    let packed = NF4.pack(&matrix).unwrap();
    assert!(matches!(packed, Weight::Packed(_)));
    let back: Vec<f32> = packed.values().unwrap().flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(back.len(), 195);
    assert!(back[..64].iter().all(|value| *value == 0.0));
    let worst = values.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // Half the widest gap between levels of NF4 (0.304 of the largest magnitude, below −0.696).
    assert!(worst <= 3.0 * 0.152 + 1e-6, "{worst}");
    // Rows of 65 are no blocks of 256.
    assert!(
        BaseFormat::Packed(Codec::Gguf(Kind::Q4K)).pack(&matrix).unwrap_err().to_string().contains("multiple of 256")
    );
}
