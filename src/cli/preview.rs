//! `tuneplan preview`: quantized LoRA on the embedded model, live, with the comparison at the end.

use super::{Outcome, PreviewArgs};
use crate::preview::adamw::AdamWSettings;
use crate::preview::adapter;
use crate::preview::config::Part;
use crate::preview::corpus::orders;
use crate::preview::lora::LoraSettings;
use crate::preview::run::{BaseFormat, Compared, HeldOut, Run, RunSettings, Step, embedded};
use crate::units::{Bytes, quantity};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

/// Examples to train on, and to test with.
const EXAMPLES: (usize, usize) = (800, 48);
/// Sequences in a step.
const BATCH: usize = 8;
/// Steps after which the held-out loss is shown.
const SHOWN_EVERY: usize = 10;
/// Backward walks the graph by recursion.
const STACK: usize = 64 << 20;

/// What the run's thread tells.
enum Told {
    Step(Step),
    HeldOut(usize, HeldOut),
    Done(Vec<Compared>, Option<[String; 3]>),
}

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
        let job = move || pool.install(|| train(&settings, steps, output.as_deref(), &sender));
        std::thread::Builder::new().name("preview".to_owned()).stack_size(STACK).spawn(job)?
    };
    let (mut tokens, mut first, mut last) = (0_usize, None, None);
    for told in receiver {
        match told {
            Told::Step(step) => {
                tokens += step.tokens;
                if step.number.is_multiple_of(SHOWN_EVERY) || step.number == 1 {
                    let pace = tokens as f64 / began.elapsed().as_secs_f64();
                    writeln!(err, "step {:>4}  loss {:.3}  {}", step.number, step.loss, quantity(pace, "tokens/s"))?;
                }
            }
            Told::HeldOut(step, found) => {
                first.get_or_insert(found);
                writeln!(
                    err,
                    "           held out after {step} steps: loss {:.3}, {} of {} answers exact",
                    found.loss, found.exact, found.examples
                )?;
            }
            Told::Done(compared, sample) => last = Some((compared, sample)),
        }
    }
    match work.join() {
        Ok(result) => result?,
        Err(_panic) => bail!("the run ended with an internal error"),
    }
    let Some((compared, sample)) = last else { bail!("the run ended without a result") };
    if args.json {
        let bars: Vec<_> = compared.iter().map(bar_json).collect();
        let answer = json!({
            "steps": steps,
            "tokens": tokens,
            "elapsed_secs": began.elapsed().as_secs_f64(),
            "held_out_loss_before": first.map(|found| found.loss),
            "compared": bars,
        });
        serde_json::to_writer_pretty(&mut *out, &answer)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report(&compared, sample.as_ref()))?;
    }
    if let Some(folder) = &args.output {
        writeln!(err, "wrote {}", folder.display())?;
    }
    Ok(Outcome::Done)
}

fn settings(args: &PreviewArgs) -> Result<RunSettings> {
    let Some(base) = BaseFormat::from_id(&args.format) else {
        bail!("--format does not know `{}`; it takes nf4 or fp32", args.format)
    };
    ensure!(args.learning_rate.is_finite() && args.learning_rate > 0.0, "--learning-rate takes a number above 0");
    Ok(RunSettings {
        base,
        lora: LoraSettings {
            rank: usize::from(args.rank),
            alpha: 2.0 * f64::from(args.rank),
            rank_stabilized: false,
            targets: Part::ALL.to_vec(),
            seed: args.seed,
        },
        adamw: AdamWSettings { learning_rate: args.learning_rate, ..AdamWSettings::default() },
        batch: BATCH,
        seed: args.seed,
    })
}

fn train(settings: &RunSettings, steps: usize, output: Option<&std::path::Path>, tell: &Sender<Told>) -> Result<()> {
    let (config, weights) = embedded()?;
    let (examples, held_out) = orders(settings.seed, EXAMPLES.0, EXAMPLES.1);
    let mut run = Run::new(config, &weights, &examples, &held_out, settings.clone())?;
    // Whoever listens is gone only when the program ends.
    let send = |told| drop(tell.send(told));
    send(Told::HeldOut(0, run.held_out()?));
    for number in 1..=steps {
        send(Told::Step(run.step()?));
        if number.is_multiple_of(2 * SHOWN_EVERY) || number == steps {
            send(Told::HeldOut(number, run.held_out()?));
        }
    }
    if let Some(folder) = output {
        adapter::save(folder, run.adapters(), &run.settings().lora, "tuneplan embedded model")?;
    }
    send(Told::Done(run.compare()?, run.sample(0)?));
    Ok(())
}

fn bar_json(found: &Compared) -> serde_json::Value {
    json!({
        "model": found.name,
        "held_out_loss": found.task.loss,
        "exact": found.task.exact,
        "examples": found.task.examples,
        "base_text_nats_per_byte": found.base_text,
        "weight_bytes": found.bytes,
    })
}

fn report(compared: &[Compared], sample: Option<&[String; 3]>) -> String {
    let mut lines =
        vec![format!("{:<26} {:>12} {:>12} {:>16} {:>12}", "", "task loss", "exact", "base text", "weights")];
    for found in compared {
        lines.push(format!(
            "{:<26} {:>12.3} {:>12} {:>9.3} nats/B {:>12}",
            found.name,
            found.task.loss,
            format!("{} of {}", found.task.exact, found.task.examples),
            found.base_text,
            Bytes(found.bytes).to_string()
        ));
    }
    lines.push(String::new());
    lines.push(
        "task loss: nats a token over held-out answers; base text: what was forgotten of the text before".to_owned(),
    );
    if let Some([prompt, answer, right]) = sample {
        lines.push(format!("\n{prompt}\n  answered {answer}\n  wanted   {right}"));
    }
    lines.join("\n") + "\n"
}
