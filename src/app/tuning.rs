//! A small run of the real thing: LoRA on the embedded model with the settings of the plan, on threads of its own.

use super::command::Command;
use crate::plan::{self, Algorithm, LoraInit, LoraScaling, Plan, TargetPart, Targets, Trial};
use crate::preview::PreviewError;
use crate::preview::adamw::AdamWSettings;
use crate::preview::adapter;
use crate::preview::base::BaseFormat;
use crate::preview::config::Part;
use crate::preview::control::{Control, Gate};
use crate::preview::data::Data;
use crate::preview::lora::{Adapters, Init, LoraSettings};
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::run::{Compared, HeldOut, Run, RunSettings, Sample, embedded};
use crate::preview::sgd::SgdSettings;
use crate::preview::train::{End, Event, Progress, Schedule, train};
use crate::quantize::Codec;
use crate::units::Bytes;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// What is asked for besides the plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Optimizer steps.
    pub steps: usize,
    /// Learning rate.
    pub learning_rate: f64,
    /// Seed of adapters, examples and their order.
    pub seed: u64,
}

impl Default for Wish {
    fn default() -> Self {
        Self { steps: 60, learning_rate: 5e-3, seed: 1 }
    }
}

/// A run that goes on, ended, or could not be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Counts runs: what an earlier one still tells is dropped.
    pub number: u64,
    /// What is run.
    pub settings: RunSettings,
    /// Steps of the whole run.
    pub steps: usize,
    /// Where it is.
    pub stage: Stage,
    /// Steps with the loss on their examples, nats a token.
    pub losses: Vec<(usize, f64)>,
    /// Steps with how it did on examples it was not trained on.
    pub held_out: Vec<(usize, HeldOut)>,
    /// The last answers, by example.
    pub samples: Vec<Sample>,
    /// The last step.
    pub progress: Option<Progress>,
    /// Bytes of memory the run was expected to need.
    pub expected_bytes: Option<u64>,
    /// Most bytes this process has had beyond those before the run; where the system tells.
    pub measured_bytes: Option<u64>,
    /// Bars of the comparison.
    pub compared: Vec<Compared>,
    /// The trained adapters, once it ended.
    pub trained: Option<Trained>,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The base is quantized and looked at.
    Preparing,
    /// It trains.
    Training,
    /// It waits to be resumed.
    Paused,
    /// The models are compared.
    Comparing,
    /// It came to its end.
    Done,
    /// It was ended by its owner; what it had learned is kept.
    Stopped,
    /// It could not go on.
    Failed(String),
}

/// Adapters as they can be saved.
#[derive(Clone)]
pub struct Trained(Arc<(LoraSettings, Adapters)>);

impl std::fmt::Debug for Trained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trained(rank {})", self.0.0.rank)
    }
}

impl PartialEq for Trained {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trained {}

impl Trained {
    /// Writes an adapter folder for Hugging Face PEFT; one that exists is refused.
    pub fn save(&self, folder: &Path) -> Result<(), PreviewError> {
        adapter::save(folder, &self.0.1, &self.0.0, BASE_NAME)
    }
}

/// What the adapter's file calls its base.
const BASE_NAME: &str = "tuneplan embedded model";
/// Examples to train on, and to test with.
const EXAMPLES: (usize, usize) = (800, 48);
/// Looks at the held-out examples over a run.
const LOOKS: usize = 6;
/// Held-out prompts that are answered at each look.
const SAMPLES: usize = 3;
/// Backward walks the graph by recursion.
const STACK: usize = 64 << 20;

/// What a run tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Something happened.
    Event(Event),
    /// What memory the run will need.
    Expected(u64),
    /// It is over.
    Ended(Result<End, String>, Option<Trained>),
}

impl Tuning {
    /// One that has just begun.
    pub const fn begun(number: u64, settings: RunSettings, steps: usize) -> Self {
        Self {
            number,
            settings,
            steps,
            stage: Stage::Preparing,
            losses: Vec::new(),
            held_out: Vec::new(),
            samples: Vec::new(),
            progress: None,
            expected_bytes: None,
            measured_bytes: None,
            compared: Vec::new(),
            trained: None,
        }
    }

    /// Lets it wait, or go on.
    pub fn pause(&mut self, pause: bool) {
        self.stage = if pause {
            Stage::Paused
        } else if self.held_out.last().is_some_and(|(after, _)| *after >= self.steps) {
            Stage::Comparing
        } else if self.losses.is_empty() {
            Stage::Preparing
        } else {
            Stage::Training
        };
    }

    /// Whether it still works or waits.
    pub const fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Preparing | Stage::Training | Stage::Paused | Stage::Comparing)
    }

    /// Takes in what was told.
    pub fn take(&mut self, news: News) {
        match news {
            News::Expected(bytes) => self.expected_bytes = Some(bytes),
            News::Event(Event::Step(progress)) => {
                self.losses.push((progress.step.number, progress.step.loss));
                self.measured_bytes = progress.peak_growth_bytes;
                self.progress = Some(progress);
                if self.stage == Stage::Preparing {
                    self.stage = Stage::Training;
                }
            }
            News::Event(Event::HeldOut { after, found }) => {
                self.held_out.push((after, found));
                if after >= self.steps && self.stage == Stage::Training {
                    self.stage = Stage::Comparing;
                }
            }
            News::Event(Event::Sample { index, sample, .. }) => {
                self.samples.truncate(index);
                self.samples.push(sample);
            }
            News::Event(Event::Compared(compared)) => self.compared.push(compared),
            // Checkpoints are the command line's.
            News::Event(Event::Kept { .. }) => {}
            News::Ended(ended, trained) => {
                self.trained = trained;
                self.stage = match ended {
                    Ok(End::Done) => Stage::Done,
                    Ok(End::Cancelled) => Stage::Stopped,
                    Err(error) => Stage::Failed(error),
                };
            }
        }
    }

    /// The result for the plan, dated `today`: of a run that came to its end.
    pub fn trial(&self, today: &str) -> Option<Trial> {
        let (first, last) = (self.held_out.first()?.1, self.held_out.last()?.1);
        let of = |name: &str| self.compared.iter().find(|compared| compared.name == name);
        let text = of("base").and_then(|base| Some([base.base_text?, of("quantized + LoRA")?.base_text?]));
        let steps = self.progress?.step.number;
        let note = format!("{today}, embedded model, {}, {steps} steps", words(&self.settings));
        let exact = [last.exact as u64, last.examples as u64];
        let memory =
            self.measured_bytes.zip(self.expected_bytes).map(|(measured, expected)| [measured, expected].map(Bytes));
        Some(Trial::new([first.loss, last.loss], exact, text, memory, note.trim_start_matches(", ")))
    }
}

/// `NF4 + DQ, LoRA r 16 α 32`.
pub fn words(settings: &RunSettings) -> String {
    let lora = &settings.lora;
    let method = if lora.dora { "DoRA" } else { "LoRA" };
    let mut words = format!("{}, {method} r {} α {}", settings.base.name(), lora.rank, lora.alpha);
    match lora.init {
        Init::Kaiming => {}
        Init::Pissa => words.push_str(" PiSSA"),
        Init::Loftq { .. } => words.push_str(" LoftQ"),
    }
    words
}

/// Largest rank: the width of the embedded model.
const MOST_RANK: u64 = 256;
/// Most sequences side by side, and most batches a step: more would only make a small run slow.
const MOST_SEQUENCES: u64 = 16;

/// The plan's settings for a run on the embedded model, and what had to be taken otherwise.
pub fn settings_of(plan: &Plan, wish: Wish) -> (RunSettings, Vec<String>) {
    let mut notes = Vec::new();
    let usual = plan::Lora::default();
    let lora = plan.method.method.lora().unwrap_or_else(|| {
        notes.push(format!("the plan's method is {}; LoRA is run", plan.method.method.id()));
        &usual
    });
    let rank = lora.rank.clamp(1, MOST_RANK);
    if rank != lora.rank {
        notes.push(format!("rank {rank} instead of {}: the model is {MOST_RANK} wide", lora.rank));
    }
    let batch = plan.batch.micro_batch.clamp(1, MOST_SEQUENCES);
    let accumulation = plan.batch.gradient_accumulation.clamp(1, MOST_SEQUENCES);
    if (batch, accumulation) != (plan.batch.micro_batch, plan.batch.gradient_accumulation) {
        notes.push(format!("{batch} × {accumulation} sequences a step: more would only take longer"));
    }
    let init = match lora.init {
        LoraInit::Zero => Init::Kaiming,
        LoraInit::Pissa => Init::Pissa,
        LoraInit::Loftq => Init::Loftq { iterations: 1 },
    };
    let settings = RunSettings {
        base: base(plan, &mut notes),
        lora: LoraSettings {
            rank: rank as usize,
            alpha: lora.alpha,
            rank_stabilized: lora.scaling == LoraScaling::RankStabilized,
            dropout: lora.dropout,
            dora: lora.weight_decomposed,
            init,
            targets: targets(&lora.targets, &mut notes),
            seed: wish.seed,
        },
        optimizer: optimizer(plan, wish.learning_rate, &mut notes),
        batch: batch as usize,
        accumulation: accumulation as usize,
        recompute: false,
        seed: wish.seed,
    };
    (settings, notes)
}

fn base(plan: &Plan, notes: &mut Vec<String>) -> BaseFormat {
    let id = plan.precision.load_format.as_str();
    let doubled = match id {
        "nf4" if plan.precision.double_quantization => Some(Codec::Nf4Double.id()),
        "fp4" if plan.precision.double_quantization => Some(Codec::Fp4Double.id()),
        "int4-g128" => Some("int4-asym-g128"),
        _ => None,
    };
    BaseFormat::from_id(doubled.unwrap_or(id)).unwrap_or_else(|| {
        notes.push(format!("{id} is not run here; NF4 is"));
        BaseFormat::Packed(Codec::Nf4)
    })
}

fn optimizer(plan: &Plan, learning_rate: f64, notes: &mut Vec<String>) -> OptimizerSettings {
    let sgd = |momentum| OptimizerSettings::Sgd(SgdSettings { learning_rate, momentum, ..SgdSettings::default() });
    match plan.optimizer.algorithm {
        Algorithm::Sgd => sgd(0.0),
        Algorithm::SgdMomentum => sgd(0.9),
        other => {
            if other != Algorithm::AdamW {
                notes.push("AdamW takes the place of the plan's optimizer".to_owned());
            }
            OptimizerSettings::AdamW(AdamWSettings { learning_rate, ..AdamWSettings::default() })
        }
    }
}

fn targets(targets: &Targets, notes: &mut Vec<String>) -> Vec<Part> {
    let part = |target: &TargetPart| match target {
        TargetPart::Q => Part::Query,
        TargetPart::K => Part::Key,
        TargetPart::V => Part::Value,
        TargetPart::O => Part::Output,
        TargetPart::Gate => Part::Gate,
        TargetPart::Up => Part::Up,
        TargetPart::Down => Part::Down,
    };
    let chosen: Vec<Part> = match targets {
        Targets::AllLinear => Part::ALL.to_vec(),
        Targets::Parts(parts) => parts.iter().map(part).collect(),
        Targets::Custom(names) => {
            let named = |part: &Part| names.iter().any(|name| name.ends_with(part.name()));
            Part::ALL.into_iter().filter(named).collect()
        }
    };
    if chosen.is_empty() {
        notes.push("none of the target modules is in a Llama-type model; all linear maps are adapted".to_owned());
        return Part::ALL.to_vec();
    }
    chosen
}

/// Runs; the last command says how it ended.
pub fn run(
    number: u64,
    settings: RunSettings,
    steps: usize,
    control: &Control,
    tell: &(dyn Fn(Command) + Sync),
) -> Command {
    let news = |news: News| Command::Tuned(number, Box::new(news));
    let mut trained = None;
    let ended = prepare_and_train(settings, steps, control, &mut trained, &|told| tell(news(told)));
    news(News::Ended(ended, trained))
}

fn prepare_and_train(
    settings: RunSettings,
    steps: usize,
    control: &Control,
    trained: &mut Option<Trained>,
    tell: &(dyn Fn(News) + Sync),
) -> Result<End, String> {
    // A core is left for the window.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).saturating_sub(1).max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK).build();
    let pool = pool.map_err(|error| format!("no threads could be started: {error}"))?;
    let began = Instant::now();
    let clock = || began.elapsed();
    let work = || -> Result<(End, Option<Trained>), PreviewError> {
        let gate = Gate::new(control, &clock);
        let (config, weights) = embedded()?;
        let data = Data::embedded(settings.seed, EXAMPLES.0, EXAMPLES.1);
        let mut run = Run::new(config, weights, data, settings)?;
        tell(News::Expected(run.predicted().total_bytes()));
        let schedule = Schedule { steps, look_every: steps.div_ceil(LOOKS).max(1), samples: SAMPLES, kept_in: None };
        let end = train(&mut run, &schedule, &gate, &mut |event| {
            tell(News::Event(event));
        })?;
        let exported = if run.steps() > 0 { Some(Trained(Arc::new(run.exported()?))) } else { None };
        Ok((end, exported))
    };
    let (end, exported) = pool.install(work).map_err(|error| error.to_string())?;
    *trained = exported;
    Ok(end)
}
