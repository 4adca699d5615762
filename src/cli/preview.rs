//! `tuneplan preview`: quantized LoRA on the embedded model, live, with the comparison at the end.

use super::{Outcome, PreviewArgs};
use crate::preview::adamw::AdamWSettings;
use crate::preview::adapter;
use crate::preview::base::BaseFormat;
use crate::preview::control::{Control, Gate};
use crate::preview::data::Data;
use crate::preview::lora::LoraSettings;
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::run::{Compared, HeldOut, Run, RunSettings, Sample, embedded};
use crate::preview::train::{Event, Progress, Schedule, train};
use crate::units::{Bytes, quantity};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

/// Examples to train on, and to test with.
const EXAMPLES: (usize, usize) = (800, 48);
/// Steps after which the loss is shown.
const SHOWN_EVERY: usize = 10;
/// Backward walks the graph by recursion.
const STACK: usize = 64 << 20;

pub fn run(args: &PreviewArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let settings = settings(args)?;
    if let Some(folder) = &args.output {
        // Said before the minutes of training, not after.
        ensure!(!folder.exists(), "{}: it exists already; choose another name", folder.display());
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads.map_or_else(|| cores.saturating_sub(1).max(1), usize::from);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .build()
        .context("no threads could be started")?;
    let (sender, receiver) = channel();
    let (steps, output) = (args.steps as usize, args.output.clone());
    let began = Instant::now();
    let work = {
        let settings = settings.clone();
        let job = move || pool.install(|| work(&settings, steps, output.as_deref(), &sender));
        std::thread::Builder::new().name("preview".to_owned()).stack_size(STACK).spawn(job)?
    };
    let mut told = Told::default();
    for event in receiver {
        told.hear(event, err)?;
    }
    match work.join() {
        Ok(result) => result?,
        Err(_panic) => bail!("the run ended with an internal error"),
    }
    if args.json {
        let bars: Vec<_> = told.compared.iter().map(bar_json).collect();
        let answer = json!({
            "steps": steps,
            "tokens": told.last.map(|last| last.tokens),
            "elapsed_secs": began.elapsed().as_secs_f64(),
            "held_out_loss_before": told.first.map(|found| found.loss),
            "compared": bars,
        });
        serde_json::to_writer_pretty(&mut *out, &answer)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report(&told))?;
    }
    if let Some(folder) = &args.output {
        writeln!(err, "wrote {}", folder.display())?;
    }
    Ok(Outcome::Done)
}

/// What a run has told so far.
#[derive(Default)]
struct Told {
    first: Option<HeldOut>,
    last: Option<Progress>,
    sample: Option<Sample>,
    compared: Vec<Compared>,
}

impl Told {
    /// Keeps what is needed at the end and shows what happens.
    fn hear(&mut self, event: Event, err: &mut dyn Write) -> std::io::Result<()> {
        match event {
            Event::Step(progress) => {
                self.last = Some(progress);
                let step = progress.step;
                if step.number.is_multiple_of(SHOWN_EVERY) || step.number == 1 {
                    let pace = progress.tokens_per_second().unwrap_or_default();
                    writeln!(err, "step {:>4}  loss {:.3}  {}", step.number, step.loss, quantity(pace, "tokens/s"))?;
                }
            }
            Event::HeldOut { after, found } => {
                self.first.get_or_insert(found);
                writeln!(
                    err,
                    "           held out after {after} steps: loss {:.3}, {} of {} answers exact",
                    found.loss, found.exact, found.examples
                )?;
            }
            Event::Sample { sample, .. } => self.sample = Some(sample),
            Event::Kept { .. } => {}
            Event::Compared(compared) => self.compared.push(compared),
        }
        Ok(())
    }
}

fn settings(args: &PreviewArgs) -> Result<RunSettings> {
    let Some(base) = BaseFormat::from_id(&args.format) else {
        let words: Vec<&str> = BaseFormat::all().map(BaseFormat::id).collect();
        bail!("--format does not know `{}`; it takes {}", args.format, words.join(", "))
    };
    ensure!(args.learning_rate.is_finite() && args.learning_rate > 0.0, "--learning-rate takes a number above 0");
    let rank = usize::from(args.rank);
    let adamw = AdamWSettings { learning_rate: args.learning_rate, ..AdamWSettings::default() };
    Ok(RunSettings {
        base,
        lora: LoraSettings { rank, alpha: 2.0 * rank as f64, seed: args.seed, ..LoraSettings::default() },
        optimizer: OptimizerSettings::AdamW(adamw),
        seed: args.seed,
        ..RunSettings::default()
    })
}

fn work(settings: &RunSettings, steps: usize, output: Option<&std::path::Path>, tell: &Sender<Event>) -> Result<()> {
    let (config, weights) = embedded()?;
    let data = Data::embedded(settings.seed, EXAMPLES.0, EXAMPLES.1);
    let mut run = Run::new(config, weights, data, settings.clone())?;
    let (control, began) = (Control::default(), Instant::now());
    let clock = || began.elapsed();
    let gate = Gate::new(&control, &clock);
    let schedule = Schedule { steps, ..Schedule::default() };
    // Whoever listens is gone only when the program ends.
    train(&mut run, &schedule, &gate, &mut |event| drop(tell.send(event)))?;
    if let Some(folder) = output {
        let (settings, adapters) = run.exported()?;
        adapter::save(folder, &adapters, &settings, "tuneplan embedded model")?;
    }
    Ok(())
}

fn bar_json(found: &Compared) -> serde_json::Value {
    json!({
        "model": found.name,
        "held_out_loss": found.task.loss,
        "exact": found.task.exact,
        "examples": found.task.examples,
        "base_text_nats_per_token": found.base_text,
        "weight_bytes": found.bytes,
    })
}

fn report(told: &Told) -> String {
    let mut lines =
        vec![format!("{:<26} {:>12} {:>12} {:>16} {:>12}", "", "task loss", "exact", "base text", "weights")];
    for found in &told.compared {
        lines.push(format!(
            "{:<26} {:>12.3} {:>12} {:>16} {:>12}",
            found.name,
            found.task.loss,
            format!("{} of {}", found.task.exact, found.task.examples),
            found.base_text.map_or_else(|| "—".to_owned(), |loss| format!("{loss:.3}")),
            Bytes(found.bytes).to_string()
        ));
    }
    lines.push(String::new());
    lines.push(
        "task loss: nats a token over held-out answers; base text: nats a token over text such as the base was made \
         from, what was forgotten"
            .to_owned(),
    );
    if let Some(Sample { prompt, answer, wanted }) = &told.sample {
        lines.push(format!("\n{prompt}\n  answered {answer}\n  wanted   {wanted}"));
    }
    lines.join("\n") + "\n"
}
