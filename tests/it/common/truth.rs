//! Rows of traced peaks, and the plan each of them measured.
#![allow(dead_code, reason = "each test file uses its share")]

use std::collections::HashMap;
use tuneplan::architecture::{Architecture, Attention};
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::{Profiles, RuntimeProfile};
use tuneplan::estimate::{Detail, Estimate, Inputs, estimate};
use tuneplan::plan::{
    Algorithm, AttentionKernel, Checkpointing, FloatFormat, Implementation, Lora, Method, ModelSource, Packing, Plan,
    TargetPart, Targets, Workload,
};

/// One row by column name.
pub struct Row(pub HashMap<String, String>);

impl Row {
    pub fn text(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    pub fn bytes(&self, column: &str) -> u64 {
        self.text(column).parse().unwrap_or(0)
    }

    pub fn flag(&self, column: &str) -> bool {
        self.text(column) == "1"
    }
}

/// All rows of a file of the repository.
pub fn rows(path: &str) -> Vec<Row> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut reader = csv::Reader::from_path(path).unwrap();
    let head = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            Row(head.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect())
        })
        .collect()
}

/// Catalogue id of a traced model.
pub fn catalog_id(model: &str) -> String {
    match model {
        "Llama-2-7B" => "meta-llama/Llama-2-7b-hf".to_owned(),
        "Llama-2-13B" => "meta-llama/Llama-2-13b-hf".to_owned(),
        "Llama-2-70B" => "meta-llama/Llama-2-70b-hf".to_owned(),
        "TinyLlama-1.1B" => "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T".to_owned(),
        "gemma-3-1b" => "google/gemma-3-1b-pt".to_owned(),
        "Phi-3-mini" => "microsoft/Phi-3-mini-4k-instruct".to_owned(),
        "Phi-4-14B" => "microsoft/phi-4".to_owned(),
        "gpt2" => "openai-community/gpt2".to_owned(),
        "Mixtral-8x7B" => "mistralai/Mixtral-8x7B-v0.1".to_owned(),
        _ => {
            let owner = if model.starts_with("Llama") {
                "meta-llama"
            } else if model.starts_with("Qwen") {
                "Qwen"
            } else if model.starts_with("SmolLM2") {
                "HuggingFaceTB"
            } else if model.starts_with("gemma") {
                "google"
            } else if model.starts_with("pythia") {
                "EleutherAI"
            } else {
                "mistralai"
            };
            format!("{owner}/{model}")
        }
    }
}

/// The shape that was traced: the catalogue's, without windows where the traced configuration switched them off.
pub fn traced_architecture(model: &str) -> Architecture {
    let mut architecture = Catalog::embedded().model(&catalog_id(model)).unwrap().architecture.clone();
    if model.starts_with("Phi-3") || model.starts_with("Mi") {
        for group in &mut architecture.layers {
            if let Attention::Softmax(attention) = &mut group.layer.attention {
                attention.window = None;
            }
        }
    }
    architecture
}

/// The plan of a row.
pub fn plan(row: &Row) -> Plan {
    plan_of(row, traced_architecture(row.text("model")))
}

/// The plan of a row for a given shape.
pub fn plan_of(row: &Row, architecture: Architecture) -> Plan {
    let mut plan = Plan::default();
    let model = row.text("model");
    plan.model.source = ModelSource::File { path: model.to_owned(), architecture: Box::new(architecture) };
    plan.workload = if row.text("method") == "infer" { Workload::Inference } else { Workload::Training };
    let lora = Lora {
        rank: row.bytes("lora_r"),
        alpha: 32.0,
        dropout: row.text("lora_dropout").parse().unwrap_or(0.0),
        targets: match row.text("lora_targets") {
            "qv" => Targets::Parts(vec![TargetPart::Q, TargetPart::V]),
            // The traced grid takes the fused projection alone for classes that have one.
            "attn" if model.starts_with("Phi") || model == "gpt2" || model.starts_with("pythia") => {
                Targets::Parts(vec![TargetPart::Q, TargetPart::K, TargetPart::V])
            }
            "attn" => Targets::Parts(vec![TargetPart::Q, TargetPart::K, TargetPart::V, TargetPart::O]),
            _ => Targets::AllLinear,
        },
        dtype: if row.flag("adapter_fp32") || row.text("weights") == "fp32" {
            FloatFormat::Fp32
        } else {
            FloatFormat::Bf16
        },
        ..Lora::default()
    };
    plan.method.method = match row.text("method") {
        "lora" => Method::Lora(lora),
        "qlora" => Method::Qlora(lora),
        _ => Method::Full,
    };
    plan.precision.load_format =
        if row.text("method") == "qlora" { "nf4".to_owned() } else { row.text("weights").to_owned() };
    plan.precision.double_quantization = row.flag("double_quant");
    plan.precision.autocast = (row.text("amp") == "bf16").then_some(FloatFormat::Bf16);
    plan.precision.upcast_unquantized = row.flag("kbit_prep") && row.text("method") == "qlora";
    let (algorithm, implementation) = match row.text("optimizer") {
        "adamw_foreach" => (Algorithm::AdamW, Implementation::Foreach),
        "adamw_forloop" => (Algorithm::AdamW, Implementation::ForLoop),
        "sgd" => (Algorithm::Sgd, Implementation::Foreach),
        "sgd_momentum" => (Algorithm::SgdMomentum, Implementation::Foreach),
        "adafactor" => (Algorithm::Adafactor, Implementation::ForLoop),
        "adamw8bit" => (Algorithm::AdamW8bit, Implementation::ForLoop),
        _ => (Algorithm::AdamW, Implementation::Fused),
    };
    plan.optimizer.algorithm = algorithm;
    plan.optimizer.implementation = implementation;
    plan.optimizer.clip_gradients = row.flag("clip");
    plan.batch.micro_batch = row.bytes("micro_batch");
    plan.batch.sequence_length = row.bytes("seq");
    plan.batch.gradient_accumulation = row.bytes("grad_accum");
    plan.batch.packing = if row.flag("padded") { Packing::Padded } else { Packing::Packed };
    plan.batch.new_tokens = 0;
    plan.runtime.checkpointing = if row.flag("grad_ckpt") { Checkpointing::Full } else { Checkpointing::None };
    plan.runtime.attention = if row.text("attn") == "eager" { AttentionKernel::Eager } else { AttentionKernel::Sdpa };
    plan
}

/// The profile of a row: the traced loop, with kept outputs where the row kept them.
pub fn profile(row: &Row) -> RuntimeProfile {
    let mut profile = Profiles::embedded().get("hf-trainer").unwrap().clone();
    profile.keeps_outputs = row.flag("keep_outputs");
    profile.softmax_workspace = false;
    profile
}

/// The estimate for a row.
pub fn estimate_row(row: &Row) -> Estimate {
    estimate_plan(row, &plan(row))
}

/// The estimate for a row's plan.
pub fn estimate_plan(row: &Row, plan: &Plan) -> Estimate {
    let profiles = Profiles { entries: vec![profile(row)] };
    let inputs = Inputs::resolve(plan, Catalog::embedded(), &profiles).unwrap();
    estimate(&inputs, Detail::Numbers)
}

/// Value below which a share of `values` lies (nearest rank).
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}
