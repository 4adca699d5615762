//! Every change that is known to save memory somewhere, with what it does to the result and where that is published: the
//! one table that levers, sets of them and the search are made from.

use super::{Kind, Quality, Risk};
use crate::estimate::Inputs;
use crate::plan::check::is_quantized;
use crate::plan::edit::{PlanEdit, choose_method};
use crate::plan::field::id;
use crate::plan::field::{FieldId, FieldValue};
use crate::plan::{
    Algorithm, AttentionKernel, Checkpointing, FloatFormat, Implementation, LossKernel, Method, Offload, Plan,
    Strategy, Targets, Workload, takes_double_quantization,
};
use crate::units::grouped;

/// Changes that mean something in `plan`.
pub fn of(plan: &Plan, inputs: &Inputs<'_>) -> Vec<Kind> {
    let mut kinds = Vec::new();
    if plan.workload == Workload::Training {
        runtime(plan, &mut kinds);
        optimizer(plan, &mut kinds);
        method(plan, &mut kinds);
        adapters(plan, &mut kinds);
        precision(plan, &mut kinds);
        offload(plan, &mut kinds);
    } else {
        serving(plan, &mut kinds);
    }
    batch(plan, &mut kinds);
    sharing(plan, inputs, &mut kinds);
    kinds
}

fn word(id: FieldId, word: &str) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Id(word.to_owned()))
}

const fn number(id: FieldId, number: u64) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Integer(number))
}

const fn toggle(id: FieldId, on: bool) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Toggle(on))
}

const fn quality(risk: Risk, words: &'static str, source: &'static str) -> Quality {
    Quality { risk, words, source }
}

fn push(kinds: &mut Vec<Kind>, slot: &'static str, id: &'static str, title: &str, edit: PlanEdit, quality: Quality) {
    kinds.push(Kind { id, slot, title: title.to_owned(), edit, quality });
}

fn runtime(plan: &Plan, kinds: &mut Vec<Kind>) {
    let again = quality(
        Risk::None,
        "The same numbers, some computed twice.",
        "Chen et al., 2016, Training deep nets with sublinear memory cost",
    );
    if plan.runtime.checkpointing != Checkpointing::Full {
        let edit = word(id::RUNTIME_CHECKPOINTING, "full");
        push(kinds, "checkpointing", "checkpointing-full", "Checkpoint every layer", edit, again);
    }
    if plan.runtime.checkpointing == Checkpointing::None {
        let selective =
            quality(Risk::None, "The same numbers, the cheap ones computed twice.", "Korthikanti et al., 2022");
        let edit = word(id::RUNTIME_CHECKPOINTING, "selective");
        push(kinds, "checkpointing", "checkpointing-selective", "Recompute the cheap parts", edit, selective);
    }
    let loss = quality(
        Risk::None,
        "The same loss; needs a kernel such as Liger's or cut cross-entropy.",
        "Hsu et al., 2024, Liger Kernel; Wijmans et al., 2024, Cut your losses",
    );
    if plan.runtime.loss != LossKernel::FusedLinear {
        let edit = word(id::RUNTIME_LOSS, "fused-linear");
        push(kinds, "loss", "loss-fused-linear", "Fuse the loss with the head, in chunks", edit, loss);
    }
    if plan.runtime.loss == LossKernel::Unfused {
        let edit = word(id::RUNTIME_LOSS, "fused-logits");
        push(kinds, "loss", "loss-fused-logits", "Fuse the loss on the logits", edit, loss);
    }
    attention(plan, kinds);
}

fn attention(plan: &Plan, kinds: &mut Vec<Kind>) {
    if plan.runtime.attention == AttentionKernel::Eager {
        let exact = quality(
            Risk::None,
            "The same attention, block by block.",
            "Dao et al., 2022, FlashAttention: exact attention",
        );
        let edit = word(id::RUNTIME_ATTENTION, "sdpa");
        push(kinds, "attention", "attention-sdpa", "Flash or SDPA attention", edit, exact);
    }
}

fn optimizer(plan: &Plan, kinds: &mut Vec<Kind>) {
    let algorithm = plan.optimizer.algorithm;
    let adam = matches!(algorithm, Algorithm::Adam | Algorithm::AdamW);
    let eight = quality(
        Risk::Low,
        "Moments in 8 bits; on the paper's tasks as good as 32 bits.",
        "Dettmers et al., 2022, 8-bit optimizers via block-wise quantization",
    );
    let paged = quality(
        Risk::None,
        "The same update; moments wait in host memory when the device is full.",
        "Dettmers et al., 2023, QLoRA",
    );
    let set = |id: &str| word(id::OPTIMIZER_ALGORITHM, id);
    if adam {
        push(kinds, "optimizer", "optimizer-8bit", "AdamW with 8-bit moments", set("adamw-8bit"), eight);
        push(kinds, "optimizer", "optimizer-paged", "Paged AdamW", set("paged-adamw"), paged);
        let four = quality(
            Risk::Low,
            "Moments in 4 bits; on the paper's tasks as good as 32 bits.",
            "Li et al., 2023, Memory efficient optimizers with 4-bit states",
        );
        push(kinds, "optimizer", "optimizer-4bit", "AdamW with 4-bit moments", set("adamw-4bit"), four);
        let offloaded = quality(
            Risk::None,
            "The same update, done on the host: state and a copy of the weights lie there.",
            "Ren et al., 2021, ZeRO-Offload; torchao, CPUOffloadOptimizer",
        );
        push(kinds, "optimizer", "optimizer-offloaded", "AdamW on the host", set("adamw-offloaded"), offloaded);
        let factored = quality(
            Risk::Medium,
            "Another update rule with a factored second moment: its learning rate is tuned anew.",
            "Shazeer & Stern, 2018, Adafactor",
        );
        let edit = PlanEdit::Group(
            vec![set("adafactor"), word(id::OPTIMIZER_IMPLEMENTATION, "for-loop")],
            "Adafactor".to_owned(),
        );
        push(kinds, "optimizer", "optimizer-adafactor", "Adafactor", edit, factored);
    }
    if adam || matches!(algorithm, Algorithm::AdamW8bit | Algorithm::PagedAdamW) {
        let edit = set("paged-adamw-8bit");
        push(kinds, "optimizer", "optimizer-paged-8bit", "Paged AdamW with 8-bit moments", edit, eight);
    }
    if algorithm == Algorithm::Lion {
        push(kinds, "optimizer", "optimizer-8bit", "Lion with an 8-bit moment", set("lion-8bit"), eight);
    }
    if plan.optimizer.implementation != Implementation::Fused && (adam || algorithm == Algorithm::SgdMomentum) {
        let same = quality(Risk::None, "The same update in one kernel.", "PyTorch, torch.optim.AdamW (fused)");
        let edit = word(id::OPTIMIZER_IMPLEMENTATION, "fused");
        push(kinds, "implementation", "implementation-fused", "Fused optimizer", edit, same);
    }
    if plan.optimizer.implementation != Implementation::InBackward {
        // Written also where it is one already: no change that accumulates goes with this one.
        let mut edits =
            vec![word(id::OPTIMIZER_IMPLEMENTATION, "in-backward"), number(id::BATCH_GRADIENT_ACCUMULATION, 1)];
        if plan.optimizer.clip_gradients {
            edits.push(toggle(id::OPTIMIZER_CLIP_GRADIENTS, false));
        }
        let source = "Lv et al., 2023, Full parameter fine-tuning with limited resources (LOMO)";
        let same_step = plan.batch.gradient_accumulation == 1 && !plan.optimizer.clip_gradients;
        let less = if same_step {
            quality(Risk::None, "The same update, each layer's as soon as its gradient is there.", source)
        } else {
            quality(
                Risk::Medium,
                "No clipping and no accumulation: a step sees one micro-batch, and the learning rate follows.",
                source,
            )
        };
        let edit = PlanEdit::Group(edits, "Optimizer step in backward".to_owned());
        push(kinds, "implementation", "implementation-in-backward", "Optimizer step in backward", edit, less);
    }
}

fn method(plan: &Plan, kinds: &mut Vec<Kind>) {
    let lora = quality(
        Risk::Medium,
        "Near full fine-tuning on instructions; behind it on much data of a new field such as code or mathematics.",
        "Biderman et al., 2024, LoRA learns less and forgets less",
    );
    let base = quality(
        Risk::Low,
        "A base in NF4 with double quantization came out as BF16 did: mean MMLU of 53.1 against 53.0.",
        "Dettmers et al., 2023, QLoRA",
    );
    match &plan.method.method {
        Method::Full => {
            push(kinds, "method", "method-lora", "LoRA instead of all weights", choose_method(plan, "lora"), lora);
            let edit = choose_method(plan, "qlora");
            push(kinds, "method", "method-qlora", "QLoRA instead of all weights", edit, lora);
            let projected = quality(
                Risk::Medium,
                "All weights learn, gradients seen through a projection that changes now and then.",
                "Zhao et al., 2024, GaLore",
            );
            push(kinds, "method", "method-galore", "GaLore", choose_method(plan, "galore"), projected);
        }
        Method::Lora(_) if !is_quantized(&plan.precision.load_format) => {
            let edit = choose_method(plan, "qlora");
            push(kinds, "method", "method-qlora", "Load the base in 4 bits (QLoRA)", edit, base);
        }
        Method::Qlora(_) if plan.precision.load_format != "nf4" => {
            let edit = PlanEdit::Group(
                vec![word(id::PRECISION_LOAD_FORMAT, "nf4"), toggle(id::PRECISION_DOUBLE_QUANTIZATION, true)],
                "Load as NF4".to_owned(),
            );
            push(kinds, "method", "load-nf4", "Load the base as NF4", edit, base);
        }
        _ => {}
    }
    let untrained = quality(Risk::Medium, "Tokens that are new to the model stay untrained.", "");
    if plan.method.train_embeddings {
        let edit = toggle(id::METHOD_TRAIN_EMBEDDINGS, false);
        push(kinds, "embeddings", "embeddings-frozen", "Leave the embeddings frozen", edit, untrained);
    }
    if plan.method.train_head {
        let edit = toggle(id::METHOD_TRAIN_HEAD, false);
        push(kinds, "head", "head-frozen", "Leave the output head frozen", edit, untrained);
    }
}

fn adapters(plan: &Plan, kinds: &mut Vec<Kind>) {
    if let Some(lora) = plan.method.method.lora() {
        let tried = quality(
            Risk::Low,
            "With every linear layer adapted, ranks from 8 on made no difference to the result.",
            "Dettmers et al., 2023, QLoRA, appendix on hyperparameters",
        );
        let small = quality(
            Risk::Medium,
            "Small ranks were enough on the paper's tasks; harder ones can need more.",
            "Hu et al., 2021, LoRA, section on the optimal rank",
        );
        let ids = [("rank-half", lora.rank / 2), ("rank-8", 8)];
        for (id, rank) in
            ids.into_iter().filter(|(id, rank)| *rank >= 1 && *rank < lora.rank && (*rank != 8 || *id == "rank-8"))
        {
            let scaled = lora.alpha * rank as f64 / lora.rank as f64;
            let edits =
                vec![number(id::METHOD_RANK, rank), PlanEdit::Set(id::METHOD_ALPHA, FieldValue::Decimal(scaled))];
            let edit = PlanEdit::Group(edits, format!("Rank {rank}"));
            let result = if rank >= 8 && lora.targets == Targets::AllLinear { tried } else { small };
            push(kinds, "rank", id, &format!("Rank {rank}"), edit, result);
        }
        if lora.dtype == FloatFormat::Fp32 {
            let rounded = quality(
                Risk::Low,
                "Adapters, gradients and moments in BF16: updates under 0.2 to 0.4 % of a value round away.",
                "Micikevicius et al., 2018, Mixed precision training",
            );
            let edit = word(id::METHOD_ADAPTER_FORMAT, "bf16");
            push(kinds, "adapter-format", "adapter-bf16", "Adapters in BF16", edit, rounded);
        }
        if lora.dropout > 0.0 {
            let edit = PlanEdit::Set(id::METHOD_DROPOUT, FieldValue::Decimal(0.0));
            let regular = quality(Risk::Low, "Less regularisation: watch the validation loss on small data.", "");
            push(kinds, "dropout", "dropout-off", "No adapter dropout", edit, regular);
        }
    }
    if plan.method.method.targets() == Some(&Targets::AllLinear) {
        let fewer = quality(
            Risk::Medium,
            "Adapters on all linear layers were needed to come up to full fine-tuning.",
            "Dettmers et al., 2023, QLoRA",
        );
        let list = |ids: &[&str]| {
            PlanEdit::Set(id::METHOD_TARGETS, FieldValue::List(ids.iter().map(|id| (*id).to_owned()).collect()))
        };
        let edit = list(&["q", "k", "v", "o"]);
        push(kinds, "targets", "targets-attention", "Adapt attention only", edit, fewer);
        push(kinds, "targets", "targets-q-v", "Adapt query and value only", list(&["q", "v"]), fewer);
    }
}

fn precision(plan: &Plan, kinds: &mut Vec<Kind>) {
    let precision = &plan.precision;
    if takes_double_quantization(&precision.load_format) && !precision.double_quantization {
        let scales = quality(Risk::Low, "Scales of scales: no loss was seen.", "Dettmers et al., 2023, QLoRA");
        let edit = toggle(id::PRECISION_DOUBLE_QUANTIZATION, true);
        push(kinds, "double-quantization", "double-quantization", "Double quantization", edit, scales);
    }
    if precision.upcast_unquantized {
        let narrow =
            quality(Risk::Low, "Norms, embeddings and head stay in 16 bits, as recent trainers leave them.", "");
        let edit = toggle(id::PRECISION_UPCAST_UNQUANTIZED, false);
        push(kinds, "upcast", "upcast-off", "Do not upcast unquantized weights to FP32", edit, narrow);
    }
    let rounds = quality(
        Risk::Medium,
        "Weights learn in 16 bits: small updates round away.",
        "Micikevicius et al., 2018, Mixed precision training",
    );
    if precision.fp32_master_weights {
        let edit = toggle(id::PRECISION_FP32_MASTER_WEIGHTS, false);
        push(kinds, "master", "master-off", "No FP32 copy of the weights", edit, rounds);
    }
    if matches!(precision.load_format.as_str(), "fp32" | "fp64") {
        let frozen = plan.method.method.lora().is_some();
        let held = quality(Risk::Low, "Frozen weights in 16 bits, as most models are published.", "");
        let edit = word(id::PRECISION_LOAD_FORMAT, "bf16");
        push(kinds, "load", "load-bf16", "Load as BF16", edit, if frozen { held } else { rounds });
    }
}

fn offload(plan: &Plan, kinds: &mut Vec<Kind>) {
    let parallel = &plan.parallelism;
    let moved = quality(
        Risk::None,
        "The same arithmetic; the device waits for transfers.",
        "Ren et al., 2021, ZeRO-Offload; Rajbhandari et al., 2021, ZeRO-Infinity",
    );
    let fetched = quality(
        Risk::None,
        "The same arithmetic; needs ZeRO-3 or FSDP, and every layer is fetched for every use.",
        "Ren et al., 2021, ZeRO-Offload; Rajbhandari et al., 2021, ZeRO-Infinity",
    );
    let fsdp = parallel.strategy.is_fsdp();
    if parallel.offload_optimizer == Offload::None && !fsdp {
        let edit = word(id::PARALLELISM_OFFLOAD_OPTIMIZER, "cpu");
        push(kinds, "offload-optimizer", "offload-optimizer", "Optimizer state in host memory", edit, moved);
    }
    if parallel.offload_parameters == Offload::None && !matches!(parallel.strategy, Strategy::Zero1 | Strategy::Zero2) {
        let edit = if fsdp {
            let edits =
                vec![word(id::PARALLELISM_OFFLOAD_PARAMETERS, "cpu"), word(id::PARALLELISM_OFFLOAD_OPTIMIZER, "cpu")];
            PlanEdit::Group(edits, "Weights and update in host memory".to_owned())
        } else {
            word(id::PARALLELISM_OFFLOAD_PARAMETERS, "cpu")
        };
        push(kinds, "offload-weights", "offload-weights", "Weights in host memory", edit, fetched);
    }
    if parallel.offload_activations == Offload::None && plan.runtime.checkpointing == Checkpointing::Full {
        let edit = word(id::PARALLELISM_OFFLOAD_ACTIVATIONS, "cpu");
        push(kinds, "offload-activations", "offload-activations", "Activations in host memory", edit, moved);
    }
}

fn batch(plan: &Plan, kinds: &mut Vec<Kind>) {
    let micro = plan.batch.micro_batch;
    let training = plan.workload == Workload::Training;
    let own = !plan.parallelism.micro_batches.is_empty();
    if micro > 1 && !own {
        let mut sizes = vec![("micro-batch-1", 1)];
        if micro.is_multiple_of(2) && micro > 2 {
            sizes.insert(0, ("micro-batch-half", micro / 2));
        }
        for (id, size) in sizes {
            let passes = plan.batch.gradient_accumulation.saturating_mul(micro / size);
            let (edit, title, result) = if training {
                let edits = vec![number(id::BATCH_MICRO_BATCH, size), number(id::BATCH_GRADIENT_ACCUMULATION, passes)];
                let title = format!("Micro-batch {size}, {} passes accumulated", grouped(passes));
                let same = quality(Risk::None, "A step sees the same sequences.", "");
                (PlanEdit::Group(edits, title.clone()), title, same)
            } else {
                let slower = quality(Risk::None, "The same answers, fewer at a time.", "");
                (number(id::BATCH_MICRO_BATCH, size), format!("{size} sequences at a time"), slower)
            };
            push(kinds, "micro-batch", id, &title, edit, result);
        }
    }
    if plan.batch.sequence_length > 256 {
        let half = plan.batch.sequence_length / 2;
        let cut = quality(Risk::Medium, "Longer examples are cut or must be split: look at their lengths first.", "");
        let edit = number(id::BATCH_SEQUENCE_LENGTH, half);
        push(kinds, "sequence", "sequence-half", &format!("Sequences of {} tokens", grouped(half)), edit, cut);
    }
}

fn sharing(plan: &Plan, inputs: &Inputs<'_>, kinds: &mut Vec<Kind>) {
    let count = plan.hardware.count;
    if count < 2 {
        return;
    }
    let parallel = &plan.parallelism;
    let cut =
        quality(Risk::None, "The same arithmetic; parts travel between devices.", "Rajbhandari et al., 2020, ZeRO");
    if plan.workload == Workload::Training {
        let stages = [("zero-1", "ZeRO-1"), ("zero-2", "ZeRO-2"), ("zero-3", "ZeRO-3"), ("fsdp2", "FSDP2")];
        let already = |id: &str| match id {
            "zero-1" => parallel.strategy.shards_optimizer(),
            "zero-2" => parallel.strategy.shards_gradients(),
            _ => parallel.strategy.shards_weights(),
        };
        for (id, title) in stages.into_iter().filter(|(id, _)| !already(id)) {
            push(kinds, "strategy", id, title, word(id::PARALLELISM_STRATEGY, id), cut);
        }
    }
    let inner = parallel.context.saturating_mul(parallel.pipeline).max(1);
    let degree = (count / inner).min(8);
    let heads = inputs.architecture.num_layers() > 0;
    if parallel.tensor == 1 && degree > 1 && heads {
        let shared = quality(
            Risk::None,
            "The same arithmetic; devices talk in every layer.",
            "Shoeybi et al., 2019, Megatron-LM",
        );
        let edit = number(id::PARALLELISM_TENSOR, degree);
        push(kinds, "tensor", "tensor-parallel", &format!("Tensor parallel over {degree}"), edit, shared);
    }
}

fn serving(plan: &Plan, kinds: &mut Vec<Kind>) {
    attention(plan, kinds);
    let load = plan.precision.load_format.as_str();
    let whole = !is_quantized(load);
    let eight = quality(
        Risk::Low,
        "Weights in 8 bits with separate outliers: no loss was seen up to 175B.",
        "Dettmers et al., 2022, LLM.int8()",
    );
    let four = quality(
        Risk::Medium,
        "Weights in 4 bits: a little is lost, more with small models. Measure it.",
        "Dettmers & Zettlemoyer, 2023, The case for 4-bit precision",
    );
    if whole {
        push(kinds, "load", "load-int8", "Weights in 8 bits", word(id::PRECISION_LOAD_FORMAT, "int8"), eight);
    }
    if whole || load == "int8" {
        push(kinds, "load", "load-nf4", "Weights as NF4", word(id::PRECISION_LOAD_FORMAT, "nf4"), four);
    }
    if matches!(plan.precision.kv_cache_format.as_str(), "fp32" | "fp16" | "bf16") {
        let cached = quality(
            Risk::Low,
            "Keys and values in 8 bits; rounding activations costs more than rounding weights.",
            "Huyen, 2025, AI Engineering, chapter 7",
        );
        let edit = word(id::PRECISION_KV_CACHE_FORMAT, "fp8-e4m3");
        push(kinds, "kv-cache", "kv-fp8", "Key-value cache in FP8", edit, cached);
    }
}
