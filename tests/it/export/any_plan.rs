//! Random plans over what engines differ by.

use super::id_of;
use proptest::prelude::*;
use tuneplan::plan::Plan;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::{FieldValue, id};

/// A plan with the kinds, methods and formats that engines differ by.
pub fn any_plan() -> impl Strategy<Value = Plan> {
    let words = |words: &'static [&'static str]| proptest::sample::select(words);
    let methods = words(&[
        "full",
        "lora",
        "qlora",
        "dora",
        "rslora",
        "pissa",
        "loftq",
        "vera",
        "oft",
        "galore",
        "blockwise",
        "last-layers",
        "prefix",
    ]);
    let job = (
        methods,
        words(&["supervised", "preference", "reward-model", "continued-pretraining"]),
        words(&["dpo", "kto", "orpo", "simpo", "cpo"]),
    );
    let formats = (words(&["bf16", "fp16", "fp32", "nf4", "fp4", "int8"]), words(&["off", "bf16", "fp16"]));
    let kernels = (
        words(&["full", "none", "selective"]),
        words(&["sdpa", "eager"]),
        words(&["stack", "unfused", "fused-linear"]),
        words(&["packed", "padded"]),
    );
    let optimizer =
        (words(&["adamw", "adamw-8bit", "paged-adamw-8bit", "adafactor", "lion", "sgd"]), words(&["fused", "foreach"]));
    let devices = (words(&["single", "ddp", "zero-1", "zero-2", "zero-3", "fsdp2"]), words(&["none", "cpu"]));
    let model = words(&["meta-llama/Llama-3.1-8B", "Qwen/Qwen3-8B", "mistralai/Mistral-7B-v0.1"]);
    let targets = words(&["all-linear", "q,v", "q,k,v,o", "gate,up,down", "q,down"]);
    let numbers = (1_u64..9, 1_u64..40, 1_u64..9000, 1_u64..600, 0.0..300.0_f64, 0.0..0.5_f64, 0.1..9.0_f64);
    ((job, formats, kernels, optimizer), (devices, model, targets, numbers), any::<[bool; 6]>()).prop_map(
        |((job, formats, kernels, optimizer), (devices, model, targets, numbers), on)| {
            let mut plan = Plan::default();
            let (micro, accumulation, length, rank, alpha, dropout, epochs) = numbers;
            let list = |text: &str| FieldValue::List(text.split(',').map(str::to_owned).collect());
            let edits = [
                (id::MODEL_ID, id_of(model)),
                (id::STAGES, list(job.1)),
                (id::OBJECTIVE_PREFERENCE, id_of(job.2)),
                (id::METHOD_KIND, id_of(job.0)),
                (id::PRECISION_LOAD_FORMAT, id_of(formats.0)),
                (id::METHOD_RANK, FieldValue::Integer(rank)),
                (id::METHOD_ALPHA, FieldValue::Decimal(if on[0] { alpha.round() } else { alpha })),
                (id::METHOD_DROPOUT, FieldValue::Decimal(dropout)),
                (id::METHOD_TARGETS, list(targets)),
                (id::METHOD_TRAIN_HEAD, FieldValue::Toggle(on[1])),
                (id::METHOD_TRAIN_EMBEDDINGS, FieldValue::Toggle(on[2])),
                (id::METHOD_WEIGHT_DECOMPOSED, FieldValue::Toggle(on[5] && on[4])),
                (id::PRECISION_DOUBLE_QUANTIZATION, FieldValue::Toggle(on[3])),
                (id::PRECISION_AUTOCAST, id_of(formats.1)),
                (id::RUNTIME_CHECKPOINTING, id_of(kernels.0)),
                (id::RUNTIME_ATTENTION, id_of(kernels.1)),
                (id::RUNTIME_LOSS, id_of(kernels.2)),
                (id::BATCH_PACKING, id_of(kernels.3)),
                (id::OPTIMIZER_ALGORITHM, id_of(optimizer.0)),
                (id::OPTIMIZER_IMPLEMENTATION, id_of(optimizer.1)),
                (id::OPTIMIZER_CLIP_GRADIENTS, FieldValue::Toggle(on[4])),
                (id::BATCH_MICRO_BATCH, FieldValue::Integer(micro)),
                (id::BATCH_GRADIENT_ACCUMULATION, FieldValue::Integer(accumulation)),
                (id::BATCH_SEQUENCE_LENGTH, FieldValue::Integer(length)),
                (id::RUN_EPOCHS, FieldValue::Decimal(epochs)),
                (id::OBJECTIVE_EVALUATION_BATCH, if on[5] { FieldValue::Integer(micro) } else { FieldValue::Unset }),
            ];
            for (id, value) in edits {
                // Some methods have no such setting.
                let _ = PlanEdit::Set(id, value).apply(&mut plan);
            }
            if devices.0 != "single" {
                for (id, value) in [
                    (id::HARDWARE_COUNT, FieldValue::Integer(8)),
                    (id::PARALLELISM_STRATEGY, id_of(devices.0)),
                    (
                        id::PARALLELISM_OFFLOAD_OPTIMIZER,
                        id_of(if devices.0.starts_with("zero") { devices.1 } else { "none" }),
                    ),
                ] {
                    let _ = PlanEdit::Set(id, value).apply(&mut plan);
                }
            }
            plan
        },
    )
}
