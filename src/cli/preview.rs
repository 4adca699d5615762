//! `tuneplan preview`: quantized LoRA on the embedded model or a local one, live, with the comparison at the end.

use super::output::{Output, check_folder};
use super::{Outcome, load};
use crate::preview::control::{Control, Gate};
use crate::preview::job::{Job, Losses, Prepared};
use crate::preview::record::Record;
use crate::preview::run::RunSettings;
use crate::preview::saved::resume;
use crate::preview::train::{End, Event, Schedule, train};
use crate::report::small_run;
use crate::tasks::tuning::of_plan;
use crate::tasks::tuning::usual_learning_rate;
use crate::units::{duration, grouped, quantity};
use anyhow::{Result, bail, ensure};
pub use args::PreviewArgs;
use clap::ArgMatches;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

mod args;
mod report;

/// Steps after which the loss is shown.
const SHOWN_EVERY: usize = 10;

pub fn run(
    args: &PreviewArgs,
    matches: Option<&ArgMatches>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Outcome> {
    // What cannot be written is said before the minutes of training, not after.
    let report = args.report.as_deref().map(|path| Output::of(path, false, matches)).transpose()?;
    for folder in [&args.output, &args.save_merged].into_iter().flatten() {
        check_folder(folder, matches)?;
    }
    let order = Order::of(args, err)?;
    let mut record = Record::new(order.job.settings.clone(), order.schedule.steps);
    let control = Control::default();
    end_on_interrupt(&control);
    let (sender, receiver) = channel();
    let began = Instant::now();
    let work = {
        let (order, control) = (order.clone(), control.clone());
        std::thread::Builder::new().name("preview".to_owned()).spawn(move || order.work(&control, &sender))?
    };
    for news in receiver {
        if let Err(error) = hear(&mut record, news, err) {
            // Nobody listens any longer: the run is ended, not left alone.
            control.cancel();
            return Err(error.into());
        }
    }
    let end = match work.join() {
        Ok(result) => result?,
        Err(_panic) => bail!("the run ended with an internal error"),
    };
    if end == End::Cancelled {
        writeln!(err, "ended after step {} of {}; what was learned until then is kept", record.done(), record.steps)?;
    }
    if let Some(report) = report {
        report.write(small_run::markdown(&record, &crate::desktop::window::today()).as_bytes())?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report::json(&record, began.elapsed()))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report::text(&record))?;
    }
    for path in [&order.adapter, &order.merged, &args.report].into_iter().flatten().filter(|path| path.exists()) {
        writeln!(err, "wrote {}", path.display())?;
    }
    Ok(Outcome::Done)
}

/// The first interrupt ends the run within a step, and what was learned is saved; a second ends the program.
fn end_on_interrupt(control: &Control) {
    let control = control.clone();
    // Where there is no handler to be had the run just goes on until it is done or killed.
    let _ = ctrlc::set_handler(move || {
        if control.is_cancelled() {
            std::process::exit(130);
        }
        control.cancel();
    });
}

/// What the run's thread tells.
enum News {
    Prepared(Box<Prepared>),
    Happened(Event),
}

/// Keeps what is needed at the end and shows what happens.
fn hear(record: &mut Record, news: News, err: &mut dyn Write) -> std::io::Result<()> {
    let event = match news {
        News::Prepared(prepared) => {
            for line in prepared.file.iter().flat_map(Losses::lines) {
                writeln!(err, "{line}")?;
            }
            if prepared.plain_template {
                writeln!(err, "the model has no chat template: turns are written as “User: …” and “Assistant: …”")?;
            }
            let (train, held_out) = prepared.examples;
            writeln!(
                err,
                "{}: {} to learn from, {} held out; {} values are trained",
                prepared.model,
                quantity(train as f64, "examples"),
                grouped(held_out as u64),
                grouped(prepared.trained_values)
            )?;
            if prepared.resumed_at > 0 {
                writeln!(err, "continues after step {}", prepared.resumed_at)?;
            }
            record.prepared = Some(*prepared);
            return Ok(());
        }
        News::Happened(event) => event,
    };
    match &event {
        Event::Step(progress) => {
            let step = progress.step;
            if step.number.is_multiple_of(SHOWN_EVERY) || record.losses.is_empty() {
                let pace = progress.tokens_per_second().unwrap_or_default();
                let pace = quantity(pace, "tokens/s");
                let left = progress.time_left();
                let left =
                    if left.is_zero() { String::new() } else { format!(", {} left", duration(left.as_secs_f64())) };
                writeln!(err, "step {:>4}  loss {:.3}  {pace}{left}", step.number, step.loss)?;
            }
        }
        Event::HeldOut { after, found } => {
            let (loss, exact, examples) = (found.loss, found.exact, found.examples);
            writeln!(err, "           held out after {after} steps: loss {loss:.3}, {exact} of {examples} exact")?;
        }
        Event::Kept { failure: Some(failure), .. } => {
            writeln!(err, "no checkpoint could be saved, and the run continues: {failure}")?;
        }
        Event::Compared(compared) => {
            writeln!(err, "compared: {}", compared.variant.name())?;
        }
        Event::Kept { .. } | Event::Sample { .. } | Event::Updated(_) => {}
    }
    record.take(event);
    Ok(())
}

/// What is to be done, read off the flags.
#[derive(Clone)]
struct Order {
    job: Job,
    schedule: Schedule,
    adapter: Option<PathBuf>,
    merged: Option<PathBuf>,
}

impl Order {
    fn of(args: &PreviewArgs, err: &mut dyn Write) -> Result<Self> {
        let places = [&args.output, &args.save_merged, &args.report];
        for (index, path) in places.into_iter().enumerate() {
            let again = path.is_some() && places.into_iter().skip(index + 1).any(|other| other == path);
            ensure!(!again, "--output, --save-merged and --report must name different places");
        }
        let usual_rate = usual_learning_rate(args.model.is_none());
        let (settings, mut cutoff) = match &args.plan {
            Some(path) => {
                let plan = load::plan(Some(path), None, err)?;
                let (settings, notes) = of_plan::settings_of(&plan, usual_rate, args.seed);
                for note in notes {
                    writeln!(err, "{note}")?;
                }
                (settings, of_plan::cutoff_of(&plan).0)
            }
            None => (RunSettings::default(), Job::default().cutoff),
        };
        if let Some(tokens) = args.cutoff {
            cutoff = tokens as usize;
        }
        Ok(Self {
            job: Job {
                model: args.model.clone(),
                data: args.data.clone(),
                base_text: args.base_text.clone(),
                cutoff,
                settings: args.settings(settings, usual_rate)?,
                threads: args.threads.map(usize::from),
            },
            schedule: Schedule { steps: args.steps as usize, kept_in: args.resume.clone(), ..Schedule::default() },
            adapter: args.output.clone(),
            merged: args.save_merged.clone(),
        })
    }

    fn work(&self, control: &Control, tell: &Sender<News>) -> Result<End> {
        // The receiver is gone only when the program ends.
        let tell = |news: News| drop(tell.send(news));
        self.job.threads()?.install(|| {
            let (mut run, mut prepared) = self.job.prepare()?;
            if let Some(folder) = &self.schedule.kept_in {
                resume(folder, &mut run)?;
            }
            prepared.resumed_at = run.steps();
            tell(News::Prepared(Box::new(prepared)));
            let began = Instant::now();
            let clock = || began.elapsed();
            let gate = Gate::new(control, &clock);
            let ended = train(&mut run, &self.schedule, &gate, &mut |event| tell(News::Happened(event)));
            // What was learned is saved also where a later step failed.
            if run.steps() > 0 {
                if let Some(folder) = &self.adapter {
                    run.save_adapter(folder)?;
                }
                if let Some(folder) = &self.merged {
                    run.save_merged(folder)?;
                }
            }
            Ok(ended?)
        })
    }
}
