//! `tuneplan preview`: quantized LoRA on the embedded model or a local one, live, with the comparison at the end.

use super::Outcome;
use crate::preview::control::{Control, Gate};
use crate::preview::data::Data;
use crate::preview::local::{LocalData, LocalModel};
use crate::preview::run::{Compared, EMBEDDED_CONFIG, HeldOut, Run, RunSettings, Sample, embedded};
use crate::preview::saved::resume;
use crate::preview::train::{Event, Progress, Schedule, train};
use crate::preview::{adapter, merged};
use crate::units::{grouped, quantity};
use anyhow::{Context as _, Result, bail, ensure};
pub use args::PreviewArgs;
use report::Facts;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

mod args;
mod report;

/// Examples to train on, and to test with.
const EXAMPLES: (usize, usize) = (800, 48);
/// Steps after which the loss is shown.
const SHOWN_EVERY: usize = 10;
/// Bad lines of a file that are shown.
const SHOWN_LINES: usize = 20;
/// Backward walks the graph by recursion.
const STACK: usize = 64 << 20;

pub fn run(args: &PreviewArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let job = Job::of(args)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads.map_or_else(|| cores.saturating_sub(1).max(1), usize::from);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .build()
        .context("no threads could be started")?;
    let (sender, receiver) = channel();
    let began = Instant::now();
    let work = {
        let job = move || pool.install(|| job.work(&sender));
        std::thread::Builder::new().name("preview".to_owned()).stack_size(STACK).spawn(job)?
    };
    let mut told = Told::default();
    for line in receiver {
        told.hear(line, err)?;
    }
    match work.join() {
        Ok(result) => result?,
        Err(_panic) => bail!("the run ended with an internal error"),
    }
    let Some(facts) = &told.facts else { bail!("the run ended without a result") };
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report::json(&told, facts, began.elapsed()))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report::text(&told, facts))?;
    }
    for folder in [&args.output, &args.save_merged].into_iter().flatten() {
        writeln!(err, "wrote {}", folder.display())?;
    }
    Ok(Outcome::Done)
}

/// What the run's thread tells.
enum Line {
    Happened(Event),
    Ready(Facts),
    Said(String),
}

/// What a run has told so far.
#[derive(Default)]
struct Told {
    facts: Option<Facts>,
    looks: Vec<(usize, HeldOut)>,
    losses: Vec<f64>,
    last: Option<Progress>,
    samples: BTreeMap<usize, Sample>,
    compared: Vec<Compared>,
}

impl Told {
    /// Keeps what is needed at the end and shows what happens.
    fn hear(&mut self, line: Line, err: &mut dyn Write) -> std::io::Result<()> {
        match line {
            Line::Said(text) => writeln!(err, "{text}")?,
            Line::Ready(facts) => {
                writeln!(err, "{} are trained", quantity(facts.trained_values as f64, "values"))?;
                if facts.resumed_at > 0 {
                    writeln!(err, "goes on after step {}", facts.resumed_at)?;
                }
                self.facts = Some(facts);
            }
            Line::Happened(Event::Step(progress)) => {
                self.last = Some(progress);
                let step = progress.step;
                self.losses.push(step.loss);
                if step.number.is_multiple_of(SHOWN_EVERY) || self.losses.len() == 1 {
                    let pace = progress.tokens_per_second().unwrap_or_default();
                    writeln!(err, "step {:>4}  loss {:.3}  {}", step.number, step.loss, quantity(pace, "tokens/s"))?;
                }
            }
            Line::Happened(Event::HeldOut { after, found }) => {
                self.looks.push((after, found));
                writeln!(
                    err,
                    "           held out after {after} steps: loss {:.3}, {} of {} answers exact",
                    found.loss, found.exact, found.examples
                )?;
            }
            Line::Happened(Event::Sample { index, sample, .. }) => {
                self.samples.insert(index, sample);
            }
            Line::Happened(Event::Kept { failure: Some(failure), .. }) => {
                writeln!(err, "the run could not be put aside, and goes on: {failure}")?;
            }
            Line::Happened(Event::Kept { .. }) => {}
            Line::Happened(Event::Compared(compared)) => self.compared.push(compared),
        }
        Ok(())
    }
}

/// What is to be done, read off the flags.
struct Job {
    settings: RunSettings,
    model: Option<(PathBuf, PathBuf)>,
    cutoff: usize,
    schedule: Schedule,
    output: Option<PathBuf>,
    save_merged: Option<PathBuf>,
}

impl Job {
    fn of(args: &PreviewArgs) -> Result<Self> {
        for folder in [&args.output, &args.save_merged].into_iter().flatten() {
            // Said before the minutes of training, not after.
            ensure!(!folder.exists(), "{}: it exists already; choose another name", folder.display());
        }
        ensure!(
            args.output.is_none() || args.output != args.save_merged,
            "--output and --save-merged name the same folder"
        );
        Ok(Self {
            settings: args.settings()?,
            model: args.model.clone().zip(args.data.clone()),
            cutoff: args.cutoff as usize,
            schedule: Schedule { steps: args.steps as usize, kept_in: args.resume.clone(), ..Schedule::default() },
            output: args.output.clone(),
            save_merged: args.save_merged.clone(),
        })
    }

    fn work(&self, tell: &Sender<Line>) -> Result<()> {
        // Whoever listens is gone only when the program ends.
        let say = |text: String| drop(tell.send(Line::Said(text)));
        let local = match &self.model {
            Some((folder, file)) => {
                let model = LocalModel::open(folder)?;
                let found = model.examples(file, self.cutoff, self.settings.seed)?;
                told_of(&model, &found).into_iter().for_each(say);
                Some((model, found.data))
            }
            None => None,
        };
        let settings = self.settings.clone();
        let mut run = match &local {
            Some((model, data)) => Run::new(model.config_for(self.cutoff), model.weights(), data.clone(), settings)?,
            None => {
                let (config, weights) = embedded()?;
                Run::new(config, weights, Data::embedded(settings.seed, EXAMPLES.0, EXAMPLES.1), settings)?
            }
        };
        if let Some(folder) = &self.schedule.kept_in {
            resume(folder, &mut run)?;
        }
        let facts = Facts { trained_values: run.trained_values(), predicted: run.predicted(), resumed_at: run.steps() };
        drop(tell.send(Line::Ready(facts)));
        let (control, began) = (Control::default(), Instant::now());
        let clock = || began.elapsed();
        let gate = Gate::new(&control, &clock);
        train(&mut run, &self.schedule, &gate, &mut |event| drop(tell.send(Line::Happened(event))))?;
        if let Some(folder) = &self.output {
            let (settings, adapters) = run.exported()?;
            let base = local
                .as_ref()
                .map_or_else(|| "tuneplan embedded model".to_owned(), |(model, _)| model.folder.display().to_string());
            adapter::save(folder, &adapters, &settings, &base)?;
        }
        if let Some(folder) = &self.save_merged {
            match &local {
                Some((model, _)) => merged::save(folder, model, &run.merged()?)?,
                None => merged::save_embedded(folder, EMBEDDED_CONFIG, &run.merged()?)?,
            }
        }
        Ok(())
    }
}

/// What came of a file of examples, line by line.
fn told_of(model: &LocalModel, found: &LocalData) -> Vec<String> {
    let mut lines: Vec<String> = found.bad.iter().take(SHOWN_LINES).map(ToString::to_string).collect();
    if found.bad.len() > SHOWN_LINES {
        lines.push(format!("… and {} more bad lines", grouped((found.bad.len() - SHOWN_LINES) as u64)));
    }
    let (data, many) = (&found.data, |number: usize| grouped(number as u64));
    lines.push(format!(
        "{} examples to learn from, {} held out; left out: {} bad lines, {} doubles, {} without an answer before the \
         cut-off; cut: {} examples by {} tokens",
        many(data.train.len()),
        many(data.held_out.len()),
        many(found.bad.len()),
        many(found.doubles),
        many(found.without_answer),
        many(found.cut),
        grouped(found.cut_tokens)
    ));
    if model.template.is_plain {
        lines.push("the model has no chat template: turns are written as “User: …” and “Assistant: …”".to_owned());
    }
    lines
}
