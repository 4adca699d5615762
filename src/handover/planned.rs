//! A configuration of an engine as a plan.
//!
//! What the file says is set. What it leaves to its engine is what the stack of that engine does by itself
//! ([`RuntimeProfile::edits`](crate::estimate::profile::RuntimeProfile::edits)), and for what no stack says (lengths, batches,
//! ranks) the default of the engine's own arguments. All of it that is not in the file is listed as assumed.

use crate::estimate::profile::Profiles;
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
    /// Why no figure can rest on this file alone; `None`: it describes a job.
    pub no_job: Option<&'static str>,
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

impl Assumed {
    /// The setting as it is called on screen.
    pub fn label(&self) -> &str {
        field(&self.field).map_or(self.field.as_str(), |field| field.label)
    }
}

/// Makes a plan of what `imported` says.
pub fn planned(imported: &Imported, name: &str) -> Planned {
    let mut making = Making { plan: Plan::default(), assumed: Vec::new(), imported };
    name.clone_into(&mut making.plan.name);
    making.job();
    making.stack();
    making.weights();
    making.step();
    making.length();
    making.devices();
    let no_job = match imported.engine {
        Engine::Accelerate | Engine::Deepspeed | Engine::Skypilot => {
            Some("the file says how devices share a job, not which: read the training configuration beside it too")
        }
        Engine::Peft => Some("the file says an adapter, not its training: batch and length are those of a new plan"),
        _ => None,
    };
    Planned { plan: making.plan, assumed: making.assumed, no_job }
}

struct Making<'a> {
    plan: Plan,
    assumed: Vec<Assumed>,
    imported: &'a Imported,
}

impl Making<'_> {
    /// Writes a setting that the file says; whether the plan takes it. What was assumed of it before is no longer.
    fn set(&mut self, id: FieldId, value: FieldValue) -> bool {
        let taken = PlanEdit::Set(id, value).apply(&mut self.plan).is_ok();
        if taken {
            self.assumed.retain(|assumed| assumed.field != id);
        }
        taken
    }

    fn word(&mut self, id: FieldId, word: &str) -> bool {
        self.set(id, FieldValue::Id(word.to_owned()))
    }

    /// Writes what the file says in a word, and says where a plan has none for it.
    fn said(&mut self, id: FieldId, word: &str, of_plan: &str) {
        if !self.word(id, of_plan) {
            self.assume(id, format!("the file says `{word}`, for which a plan has no word"));
        }
    }

    fn assume(&mut self, id: FieldId, why: impl Into<String>) {
        let value = field(id)
            .and_then(|field| Some((field.get)(&self.plan)?.display(field)))
            .unwrap_or_else(|| "not set".to_owned());
        self.assumed.retain(|assumed| assumed.field != id);
        self.assumed.push(Assumed { field: id.to_owned(), value, why: why.into() });
    }

    /// Takes what the engine's own arguments have where the file says nothing; whether they have anything.
    fn by_engine(&mut self, id: FieldId, name: &str) -> bool {
        let Some(standard) = self.imported.standards.iter().find(|standard| standard.field == name) else {
            return false;
        };
        let Some(value) = field(id).and_then(|field| FieldValue::parse(field, of_plan(&standard.value)).ok()) else {
            return false;
        };
        let taken = self.set(id, value);
        if taken {
            self.assume(id, format!("the file does not say it; {}", standard.source));
        }
        taken
    }

    /// Sets what the file says, else what the engine takes by itself, else says that neither is known.
    fn settle(&mut self, id: FieldId, said: Option<FieldValue>, name: &str) {
        let is_settled = match said {
            Some(value) => self.set(id, value),
            None => self.by_engine(id, name),
        };
        if !is_settled && !self.assumed.iter().any(|assumed| assumed.field == id) {
            self.assume(id, "the file does not say it, and what the engine then does is not known here");
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
        let Some(kind) = fields.kind.as_deref() else {
            self.assume(id::STAGES, "the kind is not in the file");
            return;
        };
        let (stage, loss) = match kind {
            "sft" => ("supervised", None),
            "pt" => ("continued-pretraining", None),
            "dpo" | "kto" | "orpo" | "cpo" | "simpo" => ("preference", Some(id::OBJECTIVE_PREFERENCE)),
            "grpo" | "rloo" => ("reinforcement", Some(id::OBJECTIVE_REINFORCEMENT)),
            "gkd" => ("distillation", Some(id::OBJECTIVE_DISTILLATION)),
            "distillation" => ("distillation", None),
            "rm" => ("reward-model", None),
            "classification" => ("classification", None),
            _ => {
                self.assume(id::STAGES, format!("the file says `{kind}`, for which a plan has no kind"));
                return;
            }
        };
        self.set(id::STAGES, FieldValue::List(vec![stage.to_owned()]));
        if let Some(loss) = loss {
            self.said(loss, kind, kind);
        }
    }

    /// Names the stack, and takes what it does by itself for a job with this method and base.
    fn stack(&mut self) {
        let fields = &self.imported.fields;
        if let Some(method) = fields.method.as_deref()
            && !self.word(id::METHOD_KIND, method)
        {
            self.word(id::METHOD_KIND, "lora");
            self.assume(id::METHOD_KIND, format!("the file says `{method}`, which a plan has not; LoRA stands for it"));
        }
        match fields.load_format.as_deref() {
            Some("4bit") => {
                self.word(id::PRECISION_LOAD_FORMAT, "nf4");
                self.assume(id::PRECISION_LOAD_FORMAT, "4 bits of bitsandbytes, taken for NF4");
            }
            Some("8bit") => self.said(id::PRECISION_LOAD_FORMAT, "8bit", "int8"),
            Some(format) => self.said(id::PRECISION_LOAD_FORMAT, format, format),
            // Axolotl, LLaMA-Factory and ms-swift load in the format of the arithmetic; a stack that does otherwise says so.
            None => {
                let format = fields.compute.as_deref().filter(|compute| *compute != "fp8").unwrap_or("bf16");
                self.word(id::PRECISION_LOAD_FORMAT, format);
                self.assume(id::PRECISION_LOAD_FORMAT, "the file does not say it; the format of the arithmetic");
            }
        }
        let profile = match self.imported.engine {
            Engine::Axolotl => "axolotl-0.21",
            Engine::LlamaFactory => "llama-factory-0.9.5",
            Engine::Torchtune => "torchtune-0.6",
            Engine::Trl => "trl-1.16",
            Engine::MsSwift => "hf-trainer",
            Engine::MlxLm | Engine::Peft | Engine::Accelerate | Engine::Deepspeed | Engine::Skypilot => {
                self.assume(id::RUNTIME_PROFILE, "no stack is known by this file alone");
                return;
            }
        };
        self.word(id::RUNTIME_PROFILE, profile);
        let why = match self.imported.engine {
            Engine::MsSwift => "no profile of ms-swift is known; the Trainer it stands on is taken",
            _ => "the file names no version; the newest that is known",
        };
        self.assume(id::RUNTIME_PROFILE, why);
        let Some(profile) = Profiles::known().get(profile) else { return };
        let is_stated = |id: FieldId| id == id::PRECISION_LOAD_FORMAT && fields.load_format.is_some();
        for edit in profile.edits(&self.plan) {
            if let PlanEdit::Set(id, value) = edit
                && !is_stated(id)
                && self.set(id, value)
            {
                self.assume(id, format!("the file does not say it; {} does so by itself", profile.name));
            }
        }
    }

    fn weights(&mut self) {
        let fields = &self.imported.fields;
        if fields.method.as_deref().is_some_and(|method| method != "full") {
            self.settle(id::METHOD_RANK, fields.rank.map(FieldValue::Integer), "rank");
            self.settle(id::METHOD_ALPHA, fields.alpha.map(FieldValue::Decimal), "alpha");
            let targets = fields.targets.as_ref().map(|targets| targets.split(',').map(str::to_owned).collect());
            self.settle(id::METHOD_TARGETS, targets.map(FieldValue::List), "targets");
            // Methods without such a setting need no word about it.
            self.assumed.retain(|assumed| assumed.value != "not set");
        }
        if let Some(dropout) = fields.dropout {
            self.set(id::METHOD_DROPOUT, FieldValue::Decimal(dropout));
        }
        for module in fields.trained_whole.iter().flatten() {
            match module.as_str() {
                "embedding" => self.set(id::METHOD_TRAIN_EMBEDDINGS, FieldValue::Toggle(true)),
                "head" => self.set(id::METHOD_TRAIN_HEAD, FieldValue::Toggle(true)),
                other => {
                    let why = format!("the file trains `{other}` whole, for which a plan has no setting");
                    self.assume(id::METHOD_TRAIN_HEAD, why);
                    false
                }
            };
        }
        if let Some(compute) = fields.compute.as_deref() {
            // torchtune and MLX-LM compute in the format the weights have.
            let autocasts = !matches!(self.imported.engine, Engine::Torchtune | Engine::MlxLm);
            self.said(id::PRECISION_AUTOCAST, compute, if autocasts { compute } else { "off" });
        }
    }

    fn step(&mut self) {
        let fields = &self.imported.fields;
        let word = |word: &Option<String>| word.as_deref().map(|word| FieldValue::Id(of_plan(word).to_owned()));
        if let Some(optimizer) = &fields.optimizer {
            self.said(id::OPTIMIZER_ALGORITHM, optimizer, optimizer);
        } else {
            self.settle(id::OPTIMIZER_ALGORITHM, None, "optimizer");
        }
        self.settle(id::BATCH_MICRO_BATCH, fields.micro_batch.map(FieldValue::Integer), "micro_batch");
        self.settle(id::BATCH_GRADIENT_ACCUMULATION, fields.accumulation.map(FieldValue::Integer), "accumulation");
        self.settle(id::BATCH_SEQUENCE_LENGTH, fields.sequence_length.map(FieldValue::Integer), "sequence_length");
        self.settle(id::BATCH_PACKING, word(&fields.packing), "packing");
        self.settle(id::RUNTIME_CHECKPOINTING, word(&fields.checkpointing), "checkpointing");
        self.settle(id::RUNTIME_ATTENTION, word(&fields.attention), "attention");
        self.settle(id::RUNTIME_LOSS, word(&fields.loss_kernel), "loss_kernel");
        if let Some(rate) = fields.learning_rate {
            self.set(id::OPTIMIZER_LEARNING_RATE, FieldValue::Decimal(rate));
        }
    }

    /// Epochs and steps as they are.
    fn length(&mut self) {
        let fields = &self.imported.fields;
        let standard = self.imported.standards.iter().find(|standard| standard.field == "steps");
        let steps = fields.steps.or_else(|| standard.and_then(|standard| standard.value.parse().ok()));
        if let Some(epochs) = fields.epochs {
            self.set(id::RUN_EPOCHS, FieldValue::Decimal(epochs));
        } else if steps.is_none() {
            self.by_engine(id::RUN_EPOCHS, "epochs");
        }
        if let Some(steps) = steps {
            self.set(id::RUN_MAX_STEPS, FieldValue::Integer(steps));
            if let (None, Some(standard)) = (fields.steps, standard) {
                self.assume(id::RUN_MAX_STEPS, format!("the file does not say it; {}", standard.source));
            }
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
            None => self.assume(id::HARDWARE_COUNT, "the file does not say how many devices"),
        }
        for (id, word) in [
            (id::PARALLELISM_STRATEGY, &fields.strategy),
            (id::PARALLELISM_OFFLOAD_PARAMETERS, &fields.offload_parameters),
            (id::PARALLELISM_OFFLOAD_OPTIMIZER, &fields.offload_optimizer),
        ] {
            if let Some(word) = word {
                self.said(id, word, word);
            }
        }
        self.assume(id::HARDWARE_ACCELERATOR, "no such file says the device");
    }
}

/// The plan's word where an imported field has another.
fn of_plan(word: &str) -> &str {
    match word {
        "yes" => "packed",
        "no" => "padded",
        "flash" => "sdpa",
        other => other,
    }
}
