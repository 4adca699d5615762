//! The preview: LoRA with the settings of the plan, on threads of its own.

use super::Task;
use crate::jobs::CancelToken;
use crate::plan::{Plan, Trial};
use crate::preview::PreviewError;
use crate::preview::base_model::BaseModel;
use crate::preview::compare::Variant;
use crate::preview::config::LlamaConfig;
use crate::preview::control::{Control, Gate};
use crate::preview::job::{EXAMPLES, Job, Prepared};
use crate::preview::lora::Init;
use crate::preview::memory::{BatchTokens, Predicted, predict};
use crate::preview::record::Record;
use crate::preview::run::{Run, RunSettings};
use crate::preview::train::{End, Event, Schedule, train};
use crate::units::Bytes;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

pub mod of_plan;

/// What is asked for besides the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Folder of the base model; without it the embedded one.
    pub model: Option<PathBuf>,
    /// JSONL file of examples; without it the built-in task.
    pub data: Option<PathBuf>,
    /// Optimizer steps.
    pub steps: usize,
    /// Learning rate; without it what usually suits the base.
    pub learning_rate: Option<f64>,
    /// Seed of adapters, examples and their order.
    pub seed: u64,
    /// Threads; without it all but one of the machine's.
    pub threads: Option<usize>,
}

impl Default for Request {
    fn default() -> Self {
        Self { model: None, data: None, steps: 90, learning_rate: None, seed: 1, threads: None }
    }
}

impl Request {
    /// The learning rate that is used.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate.unwrap_or_else(|| usual_learning_rate(self.model.is_none()))
    }

    /// What is run with a plan, and notes on what was taken otherwise than the plan has it.
    pub fn job(&self, plan: &Plan) -> (Job, Vec<String>) {
        let (settings, mut notes) = of_plan::settings_of(plan, self.learning_rate(), self.seed);
        let (cutoff, note) = of_plan::cutoff_of(plan);
        // The built-in task is short.
        notes.extend(note.filter(|_| self.data.is_some()));
        let Self { model, data, threads, .. } = self.clone();
        (Job { model, data, base_text: None, cutoff, settings, threads }, notes)
    }
}

/// Memory a step of `job` should need, told before anything is read: of the embedded model with its own task.
pub fn forecast(job: &Job) -> Option<Predicted> {
    // Reading and encoding the examples takes some milliseconds; neither depends on anything that is asked for.
    static EMBEDDED: OnceLock<Option<(LlamaConfig, BatchTokens)>> = OnceLock::new();
    let known = EMBEDDED.get_or_init(|| {
        let base = BaseModel::embedded().ok()?;
        let one = base.orders(1, EXAMPLES.0, EXAMPLES.1).ok()?.largest_batch(1);
        Some((base.config, one))
    });
    let (config, one) = known.as_ref().filter(|_| job.model.is_none() && job.data.is_none())?;
    let together = job.settings.batch.max(1);
    let tokens = BatchTokens { all: together * one.all, counted: together * one.counted };
    Some(predict(config, &job.settings, tokens, job.thread_count()))
}

/// The embedded model is small and takes a high rate; for others ten times what QLoRA uses at 7B (2e-4; Dettmers et al.,
/// 2023) is too much, and a little over it does for a short run.
pub const fn usual_learning_rate(is_embedded: bool) -> f64 {
    if is_embedded { 3e-3 } else { 5e-4 }
}

/// A run that goes on, ended, or could not be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Counts runs: what an earlier one still tells is dropped.
    pub number: u64,
    /// What is run.
    pub job: Job,
    /// Where it is.
    pub stage: Stage,
    /// What it told.
    pub record: Record,
    /// The run itself, once it rests.
    pub kept: Option<Kept>,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Model and examples are read, the base is quantized and evaluated.
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

/// A run that rests: it can be saved, and go on.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Mutex<Run>>);

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Kept {}

/// What is saved of a run, each into a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// The adapter, for Hugging Face PEFT.
    Adapter,
    /// The merged model.
    Merged,
}

impl Product {
    /// Name within a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adapter => "adapter",
            Self::Merged => "merged model",
        }
    }
}

impl Kept {
    /// Writes a folder; one that exists is refused.
    pub fn save(&self, product: Product, folder: &Path) -> Result<(), PreviewError> {
        // A run that panicked while it held the lock has told so; its adapters are whole tensors all the same.
        let run = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match product {
            Product::Adapter => run.save_adapter(folder),
            Product::Merged => run.save_merged(folder),
        }
    }
}

/// Evaluations on the held-out examples over a run.
const EVALUATIONS: usize = 6;
/// Held-out prompts that are answered at each evaluation and by each compared model.
const SAMPLES: usize = 3;

/// What a run tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It is ready.
    Prepared(Prepared),
    /// Something happened.
    Event(Event),
    /// It is over, or could not go on; the run where there is one.
    Ended(Result<End, String>, Option<Kept>),
}

impl Tuning {
    /// One that has just begun.
    pub fn begun(number: u64, job: Job, steps: usize) -> Self {
        let record = Record::new(job.settings.clone(), steps);
        Self { number, job, stage: Stage::Preparing, record, kept: None }
    }

    /// The same run with more steps to go.
    pub fn continued(&self, more: usize) -> Self {
        let mut record = self.record.clone();
        record.steps = record.done() + more;
        record.compared.clear();
        record.updates.clear();
        Self { number: self.number + 1, job: self.job.clone(), stage: Stage::Training, record, kept: None }
    }

    /// Lets it wait, or go on.
    pub fn pause(&mut self, pause: bool) {
        self.stage = if pause {
            Stage::Paused
        } else if self.record.held_out.last().is_some_and(|(after, _)| *after >= self.record.steps) {
            Stage::Comparing
        } else if self.record.losses.is_empty() {
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
            News::Prepared(prepared) => self.record.prepared = Some(prepared),
            News::Event(event) => {
                match &event {
                    Event::Step(_) if self.stage == Stage::Preparing => self.stage = Stage::Training,
                    Event::HeldOut { after, .. } if *after >= self.record.steps && self.stage == Stage::Training => {
                        self.stage = Stage::Comparing;
                    }
                    _ => {}
                }
                self.record.take(event);
            }
            News::Ended(ended, kept) => {
                self.kept = kept;
                self.stage = match ended {
                    Ok(End::Done) => Stage::Done,
                    Ok(End::Cancelled) => Stage::Stopped,
                    Err(error) => Stage::Failed(error),
                };
            }
        }
    }

    /// The result for the plan, dated `today`: of a run that learned something.
    pub fn trial(&self, today: &str) -> Option<Trial> {
        trial(&self.record, today)
    }
}

/// The line a plan keeps of a run.
pub fn trial(record: &Record, today: &str) -> Option<Trial> {
    let (first, last) = (record.held_out.first()?.1, record.held_out.last()?.1);
    let text = |variant| record.of(variant).and_then(|compared| compared.base_text);
    let text = text(Variant::Base).zip(text(Variant::Adapted)).map(|(before, after)| [before, after]);
    let steps = record.progress?.step.number;
    let model = &record.prepared.as_ref()?.model;
    // A path says little to others; the folder's name does.
    let model = Path::new(model).file_name().map_or_else(|| model.clone(), |name| name.to_string_lossy().into_owned());
    let note = format!("{today}, {model}, {}, {steps} steps", words(&record.settings));
    let exact = [last.exact as u64, last.examples as u64];
    let memory = record.measured_bytes().zip(record.predicted_bytes());
    let memory = memory.map(|(measured, expected)| [Bytes(measured), Bytes(expected)]);
    Some(Trial::new([first.loss, last.loss], exact, text, memory, note.trim_start_matches(", ")))
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

/// What a run begins from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Files and settings.
    Job,
    /// A run that rested.
    Kept(Kept),
}

/// A run, to be paused and ended by `control`.
#[derive(Debug)]
pub struct Tune {
    /// What is run.
    pub job: Job,
    /// What it begins from.
    pub start: Start,
    /// Optimizer steps in all.
    pub steps: usize,
    /// Pauses and ends it: a run that is ended still tells what it learned, so it does not look at the task's own token.
    pub control: Control,
}

impl Task for Tune {
    type News = News;
    const NAME: &'static str = "tune";

    fn run(self, _cancel: &CancelToken, tell: &(dyn Fn(News) + Sync)) -> News {
        let mut kept = None;
        let ended = prepare_and_train(&self.job, self.start, self.steps, &self.control, &mut kept, tell);
        News::Ended(ended.map_err(|error| error.to_string()), kept)
    }

    fn failed(error: String) -> News {
        News::Ended(Err(error), None)
    }
}

fn prepare_and_train(
    job: &Job,
    start: Start,
    steps: usize,
    control: &Control,
    kept: &mut Option<Kept>,
    tell: &(dyn Fn(News) + Sync),
) -> Result<End, PreviewError> {
    // An earlier run that is being ended gives its memory back before this one's is counted, and its cores.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let began = Instant::now();
    let clock = || began.elapsed();
    job.threads()?.install(|| {
        let run = match start {
            Start::Kept(run) => run,
            Start::Job => {
                let (run, prepared) = job.prepare()?;
                tell(News::Prepared(prepared));
                Kept(Arc::new(Mutex::new(run)))
            }
        };
        let mut held = run.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = steps.saturating_sub(held.steps());
        let schedule =
            Schedule { steps, evaluate_every: left.div_ceil(EVALUATIONS).max(1), samples: SAMPLES, kept_in: None };
        let ended = train(&mut held, &schedule, &Gate::new(control, &clock), &mut |event| tell(News::Event(event)));
        let has_learned = held.steps() > 0;
        drop(held);
        // What was learned is kept, also where a later step failed.
        *kept = has_learned.then_some(run);
        ended
    })
}
