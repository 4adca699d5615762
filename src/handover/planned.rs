//! A configuration of an engine as a plan.

use crate::import::{Engine, Imported};
use crate::plan::Plan;
use crate::plan::edit::PlanEdit;
use crate::plan::field::{FieldId, FieldValue, field, id};
use serde::Serialize;

/// A plan made of a configuration.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What was taken for a setting that the file does not say, or says in words a plan has not.
    pub assumed: Vec<Assumed>,
}

/// A setting that the file does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumed {
    /// Id of the setting.
    pub field: String,
    /// What the plan has now.
    pub value: String,
    /// Why.
    pub why: String,
}

/// Makes a plan of what `imported` says; what it leaves unsaid is the engine's default where that is known.
pub fn planned(imported: &Imported, name: &str) -> Planned {
    let mut making = Making { plan: Plan::default(), assumed: Vec::new(), imported };
    name.clone_into(&mut making.plan.name);
    making.job();
    making.weights();
    making.step();
    making.length();
    making.devices();
    Planned { plan: making.plan, assumed: making.assumed }
}

struct Making<'a> {
    plan: Plan,
    assumed: Vec<Assumed>,
    imported: &'a Imported,
}

impl Making<'_> {
    /// Writes a setting; whether the plan takes it.
    fn set(&mut self, id: FieldId, value: FieldValue) -> bool {
        PlanEdit::Set(id, value).apply(&mut self.plan).is_ok()
    }

    fn word(&mut self, id: FieldId, word: &str) -> bool {
        self.set(id, FieldValue::Id(word.to_owned()))
    }

    fn assume(&mut self, id: FieldId, why: impl Into<String>) {
        let value = field(id)
            .and_then(|field| Some((field.get)(&self.plan)?.display(field)))
            .unwrap_or_else(|| "not set".to_owned());
        self.assumed.push(Assumed { field: id.to_owned(), value, why: why.into() });
    }

    /// What the engine does by itself, with where that stands.
    fn standard(&self, field: &str) -> Option<(String, String)> {
        let standard = self.imported.standards.iter().find(|standard| standard.field == field)?;
        Some((standard.value.clone(), standard.source.clone()))
    }

    /// Sets a whole number that the file says, or that the engine takes by itself.
    fn count(&mut self, id: FieldId, said: Option<u64>, name: &str) {
        if let Some(count) = said {
            self.set(id, FieldValue::Integer(count));
        } else if let Some((value, source)) = self.standard(name)
            && let Ok(count) = value.parse()
        {
            self.set(id, FieldValue::Integer(count));
            self.assume(id, format!("the file does not say it; by default: {source}"));
        } else {
            self.assume(id, "the file does not say it, and no default of the engine is known");
        }
    }

    /// Likewise a word; `of` makes the plan's word of the engine's.
    fn choice(&mut self, id: FieldId, said: Option<&str>, name: &str, of: fn(&str) -> &str) {
        if let Some(word) = said {
            if !self.word(id, of(word)) {
                self.assume(id, format!("the file says `{word}`, for which a plan has no word"));
            }
        } else if let Some((value, source)) = self.standard(name) {
            if self.word(id, of(&value)) {
                self.assume(id, format!("the file does not say it; by default: {source}"));
            }
        } else {
            self.assume(id, "the file does not say it, and no default of the engine is known");
        }
    }

    fn job(&mut self) {
        let fields = &self.imported.fields;
        match &fields.model {
            Some(model) => {
                self.word(id::MODEL_ID, model);
            }
            None => self.assume(id::MODEL_ID, "the file names no model"),
        }
        let stage = match fields.kind.as_deref() {
            Some("sft" | "embedding" | "reranker") => Some("supervised"),
            Some("classification") => Some("classification"),
            Some("grpo" | "rloo") => Some("reinforcement"),
            Some("pt") => Some("continued-pretraining"),
            Some("dpo" | "ipo" | "kto" | "orpo" | "simpo" | "cpo") => Some("preference"),
            Some("rm" | "prm") => Some("reward-model"),
            Some("distillation" | "gkd") => Some("distillation"),
            _ => None,
        };
        if let Some(stage) = stage {
            self.set(id::STAGES, FieldValue::List(vec![stage.to_owned()]));
        }
        // What decides within the stage: which loss.
        let loss = match (stage, fields.kind.as_deref()) {
            (Some("preference"), Some(kind)) => Some((id::OBJECTIVE_PREFERENCE, kind)),
            (Some("reinforcement"), Some(kind)) => Some((id::OBJECTIVE_REINFORCEMENT, kind)),
            (Some("distillation"), Some(kind @ "gkd")) => Some((id::OBJECTIVE_DISTILLATION, kind)),
            _ => None,
        };
        if let Some((id, kind)) = loss
            && !self.word(id, kind)
        {
            self.assume(id, format!("the file says `{kind}`, for which a plan has no word"));
        }
        match (stage, fields.kind.as_deref()) {
            (None, Some(kind)) => {
                self.assume(id::STAGES, format!("the file says `{kind}`, for which a plan has no word"));
            }
            (None, None) if !is_beside(self.imported.engine) => {
                self.assume(id::STAGES, "the kind is not in the file");
            }
            (Some(stage), Some(kind)) if matches!(kind, "embedding" | "reranker" | "prm") => {
                self.assume(id::STAGES, format!("the file says `{kind}`; it is planned as {stage}"));
            }
            _ => {}
        }
        let profile = match self.imported.engine {
            Engine::Axolotl => "axolotl-0.21",
            Engine::LlamaFactory => "llama-factory-0.9.5",
            Engine::Torchtune => "torchtune-0.6",
            Engine::Trl => "trl-1.16",
            Engine::MsSwift | Engine::Peft | Engine::Accelerate | Engine::Deepspeed => "hf-trainer",
            Engine::MlxLm | Engine::Skypilot => return,
        };
        self.word(id::RUNTIME_PROFILE, profile);
        if self.imported.engine == Engine::MsSwift {
            self.assume(id::RUNTIME_PROFILE, "no profile of ms-swift is known; the Trainer it stands on is taken");
        }
    }

    fn weights(&mut self) {
        let fields = &self.imported.fields;
        if let Some(method) = fields.method.as_deref()
            && !self.word(id::METHOD_KIND, method)
        {
            self.word(id::METHOD_KIND, "lora");
            self.assume(id::METHOD_KIND, format!("the file says `{method}`, which a plan has not; LoRA stands for it"));
        }
        if let Some(rank) = fields.rank {
            self.set(id::METHOD_RANK, FieldValue::Integer(rank));
        } else if self.standard("rank").is_some() {
            self.count(id::METHOD_RANK, None, "rank");
        }
        if let Some(alpha) = fields.alpha {
            self.set(id::METHOD_ALPHA, FieldValue::Decimal(alpha));
        } else if let Some((value, source)) = self.standard("alpha")
            && let Ok(alpha) = value.parse()
        {
            self.set(id::METHOD_ALPHA, FieldValue::Decimal(alpha));
            self.assume(id::METHOD_ALPHA, format!("the file does not say it; by default: {source}"));
        }
        if let Some(dropout) = fields.dropout {
            self.set(id::METHOD_DROPOUT, FieldValue::Decimal(dropout));
        }
        for module in fields.trained_whole.iter().flatten() {
            match module.as_str() {
                "embedding" => self.set(id::METHOD_TRAIN_EMBEDDINGS, FieldValue::Toggle(true)),
                "head" => self.set(id::METHOD_TRAIN_HEAD, FieldValue::Toggle(true)),
                other => {
                    let why = format!("the file trains `{other}` whole, for which a plan has no field");
                    self.assume(id::METHOD_TRAIN_HEAD, why);
                    false
                }
            };
        }
        let targets = fields.targets.clone().or_else(|| self.standard("targets").map(|(value, _)| value));
        if let Some(targets) = targets {
            let names = targets.split(',').map(str::to_owned).collect();
            self.set(id::METHOD_TARGETS, FieldValue::List(names));
        }
        let compute = fields.compute.as_deref().or(Some("bf16")).unwrap_or_default().to_owned();
        let autocasts = !matches!(self.imported.engine, Engine::Torchtune | Engine::MlxLm);
        let loaded = match fields.load_format.as_deref() {
            Some("4bit") => "nf4".to_owned(),
            Some("8bit") => "int8".to_owned(),
            Some(format) => format.to_owned(),
            None => compute.clone(),
        };
        let taken = self.word(id::PRECISION_LOAD_FORMAT, &loaded);
        match fields.load_format.as_deref() {
            None => self.assume(id::PRECISION_LOAD_FORMAT, "the file does not say it; the format of the arithmetic"),
            Some("4bit") => self.assume(id::PRECISION_LOAD_FORMAT, "4 bits of bitsandbytes, taken for NF4"),
            Some(format) if !taken => {
                self.assume(id::PRECISION_LOAD_FORMAT, format!("the file says `{format}`, which a plan has not"));
            }
            Some(_) => {}
        }
        self.word(id::PRECISION_AUTOCAST, if autocasts { &compute } else { "off" });
        if fields.compute.is_none() {
            self.assume(id::PRECISION_AUTOCAST, "the file does not say it");
        }
    }

    fn step(&mut self) {
        let fields = &self.imported.fields;
        if is_beside(self.imported.engine) && fields.optimizer.is_none() {
            return;
        }
        self.choice(id::OPTIMIZER_ALGORITHM, fields.optimizer.as_deref(), "optimizer", |word| word);
        self.count(id::BATCH_MICRO_BATCH, fields.micro_batch, "micro_batch");
        self.count(id::BATCH_GRADIENT_ACCUMULATION, fields.accumulation, "accumulation");
        self.count(id::BATCH_SEQUENCE_LENGTH, fields.sequence_length, "sequence_length");
        self.choice(id::BATCH_PACKING, fields.packing.as_deref(), "packing", |word| match word {
            "yes" => "packed",
            "no" => "padded",
            other => other,
        });
        self.choice(id::RUNTIME_CHECKPOINTING, fields.checkpointing.as_deref(), "checkpointing", |word| word);
        self.choice(id::RUNTIME_ATTENTION, fields.attention.as_deref(), "attention", |word| match word {
            "flash" => "sdpa",
            other => other,
        });
        self.choice(id::RUNTIME_LOSS, fields.loss_kernel.as_deref(), "loss_kernel", |word| word);
    }

    /// Epochs as they are; steps as the examples they read.
    fn length(&mut self) {
        let fields = &self.imported.fields;
        if let Some(epochs) = fields.epochs {
            self.set(id::RUN_EPOCHS, FieldValue::Decimal(epochs));
        }
        if let Some(steps) = fields.steps {
            let batch = &self.plan.batch;
            let a_step = batch.micro_batch.saturating_mul(batch.gradient_accumulation);
            let examples = steps.saturating_mul(a_step).saturating_mul(fields.devices.unwrap_or(1));
            self.set(id::RUN_EPOCHS, FieldValue::Decimal(1.0));
            self.set(id::RUN_EXAMPLES, FieldValue::Integer(examples));
            self.assume(
                id::RUN_EXAMPLES,
                format!("{steps} steps of the file, as the examples they read on one device"),
            );
        }
    }

    fn devices(&mut self) {
        let fields = &self.imported.fields;
        match fields.devices {
            Some(devices) => {
                self.set(id::HARDWARE_COUNT, FieldValue::Integer(devices));
            }
            None if fields.strategy.as_deref().is_some_and(|strategy| strategy != "single") => {
                self.set(id::HARDWARE_COUNT, FieldValue::Integer(2));
                self.assume(id::HARDWARE_COUNT, "the file shards but does not say over how many devices");
            }
            None => {}
        }
        if let Some(strategy) = &fields.strategy
            && !self.word(id::PARALLELISM_STRATEGY, strategy)
        {
            self.assume(id::PARALLELISM_STRATEGY, format!("the file says `{strategy}`, for which a plan has no word"));
        }
        for (id, place) in [
            (id::PARALLELISM_OFFLOAD_PARAMETERS, &fields.offload_parameters),
            (id::PARALLELISM_OFFLOAD_OPTIMIZER, &fields.offload_optimizer),
        ] {
            if let Some(place) = place
                && !self.word(id, place)
            {
                self.assume(id, format!("the file says `{place}`, which the plan does not take"));
            }
        }
        self.assume(id::HARDWARE_ACCELERATOR, "no such file says the device");
    }
}

/// Whether the engine's files stand beside a training configuration.
const fn is_beside(engine: Engine) -> bool {
    matches!(engine, Engine::Accelerate | Engine::Deepspeed | Engine::Skypilot | Engine::Peft)
}
