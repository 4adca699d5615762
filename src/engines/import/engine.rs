//! Whose configuration a file is.

use super::ImportError;
use super::arguments::{PROGRAM, VERB};
use super::document::Document;
use super::known;
use serde::{Deserialize, Serialize, Serializer};

/// A training engine, or a file that goes beside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Engine {
    /// axolotl.
    Axolotl,
    /// LLaMA-Factory, both schemas.
    LlamaFactory,
    /// TRL, with transformers' and PEFT's arguments.
    Trl,
    /// torchtune.
    Torchtune,
    /// MLX-LM.
    MlxLm,
    /// ms-swift.
    MsSwift,
    /// An adapter's own configuration.
    Peft,
    /// accelerate: devices and sharding.
    Accelerate,
    /// DeepSpeed: sharding and formats.
    Deepspeed,
    /// SkyPilot: machines.
    Skypilot,
}

impl Engine {
    /// Id in files and JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Axolotl => "axolotl",
            Self::LlamaFactory => "llama-factory",
            Self::Trl => "trl",
            Self::Torchtune => "torchtune",
            Self::MlxLm => "mlx-lm",
            Self::MsSwift => "ms-swift",
            Self::Peft => "peft",
            Self::Accelerate => "accelerate",
            Self::Deepspeed => "deepspeed",
            Self::Skypilot => "skypilot",
        }
    }

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Axolotl => "axolotl",
            Self::LlamaFactory => "LLaMA-Factory",
            Self::Trl => "TRL",
            Self::Torchtune => "torchtune",
            Self::MlxLm => "MLX-LM",
            Self::MsSwift => "ms-swift",
            Self::Peft => "PEFT",
            Self::Accelerate => "accelerate",
            Self::Deepspeed => "DeepSpeed",
            Self::Skypilot => "SkyPilot",
        }
    }
}

impl Serialize for Engine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// Keys of which one alone tells the engine.
const SIGNS: &[(Engine, &[&str])] = &[
    (Engine::Peft, &["peft_type"]),
    (Engine::MlxLm, &["lora_parameters", "fine_tune_type", "steps_per_report", "adapter_path"]),
    (Engine::Torchtune, &["checkpointer", "metric_logger", "tokenizer._component_", "model._component_"]),
    (
        Engine::Deepspeed,
        &["zero_optimization", "train_micro_batch_size_per_gpu", "steps_per_print", "zero_allow_untested_optimizer"],
    ),
    (Engine::Accelerate, &["distributed_type", "compute_environment", "main_training_function", "downcast_bf16"]),
    (Engine::Axolotl, &["base_model", "sequence_len", "sample_packing", "pretraining_dataset"]),
    (Engine::LlamaFactory, &["finetuning_type", "cutoff_len", "template", "model_class", "dist_config", "lora_target"]),
    (Engine::Skypilot, &["resources.accelerators", "num_nodes"]),
    (Engine::MsSwift, &["tuner_type", "train_type", "sft_type", "rlhf_type", "split_dataset_ratio", "_param_docs"]),
];

/// The engine whose signs the file bears; failing that the one that knows most of its keys.
pub fn of(document: &Document<'_>, path: &str, is_command: bool) -> Result<Engine, ImportError> {
    if is_command {
        let word = |key: &str| document.peek(key).unwrap_or_default();
        let (program, verb) = (word(PROGRAM), word(VERB));
        let of_program = match program.rsplit('/').next().unwrap_or_default() {
            "swift" | "megatron" => Some(Engine::MsSwift),
            "llamafactory-cli" => Some(Engine::LlamaFactory),
            "mlx_lm.lora" => Some(Engine::MlxLm),
            "trl" => Some(Engine::Trl),
            _ if program.contains("swift") || verb == "sft" && document.has("tuner_type") => Some(Engine::MsSwift),
            _ => None,
        };
        if let Some(engine) = of_program {
            return Ok(engine);
        }
    }
    let is_model =
        ["hidden_size", "num_hidden_layers", "n_embd", "d_model", "text_config"].iter().any(|key| document.has(key))
            && ["architectures", "model_type"].iter().any(|key| document.has(key));
    if is_model && !document.has("base_model") {
        return Err(ImportError("this is a model's config.json, not a job: open it as a model".to_owned()));
    }
    for (engine, signs) in SIGNS {
        if signs.iter().any(|sign| document.has(sign)) {
            return Ok(*engine);
        }
    }
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let top: Vec<&str> = document.top().collect();
    let mut best: Vec<(usize, Engine)> = known::releases()
        .into_iter()
        .filter_map(|(engine, _)| Some((known::of(engine)?.knows(top.iter().copied()), engine)))
        .collect();
    best.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    // ms-swift and LLaMA-Factory take transformers' arguments too; what is only those is TRL's or the Trainer's.
    let is_trl = ["model_name_or_path", "per_device_train_batch_size", "torch_dtype", "num_train_epochs"];
    if is_trl.iter().any(|key| document.has(key)) {
        let swift = document.is_set("model") && !document.is_set("model_name_or_path");
        return Ok(if swift { Engine::MsSwift } else { Engine::Trl });
    }
    match best.first() {
        Some((count, engine)) if *count > 1 && count.saturating_mul(2) > top.len() => Ok(*engine),
        _ => Err(ImportError(format!(
            "{name}: these are no keys of an engine that can be read ({})",
            known::releases().iter().map(|(engine, _)| engine.title()).collect::<Vec<_>>().join(", ")
        ))),
    }
}
