//! Subcommands: everything the window computes, in a shell or in CI.
//!
//! Output goes to a writer, messages for people to another, so that all of it is tested without a process.
//! Exit codes: 0 done, 1 the plan does not fit or a check found errors (only with `--check`), 2 bad input or usage.

use crate::desktop::first_frame::Stay;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

mod compare;
mod data;
mod decide;
mod devices_text;
mod estimate;
mod estimate_run;
mod estimate_text;
mod explain;
mod figures;
mod import;
mod inspect;
mod levers;
mod load;
mod moments_text;
mod output;
mod plans;
mod preview;
mod profiles;
mod quantize;
mod screenshot;
mod search;
mod sensitivity;
mod solve;
mod validate;
mod why;
mod window;

/// What a command came to; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done = 0,
    /// The plan does not fit, or a check found errors.
    CheckFailed = 1,
    /// Bad input or usage.
    BadInput = 2,
}

/// Plan a fine-tuning job before you spend a GPU-hour on it.
///
/// Without a command the window opens. Without a display the default plan's estimate is printed instead.
#[derive(Debug, Parser)]
#[command(name = "tuneplan", version, args_conflicts_with_subcommands = true)]
struct Cli {
    /// Plan to open in the window.
    plan: Option<PathBuf>,
    /// Folder of runtime profiles (*.ron) put over the shipped ones; without it `profiles` beside the settings.
    #[arg(long, global = true, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// Close the window as soon as its first frame is on screen, and say so: for benches/start.sh.
    #[arg(long, hide = true)]
    first_frame: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a new plan file from a template.
    New(NewArgs),
    /// List the templates.
    Templates {
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Estimate the memory of a plan file, of flags, or of a file changed by flags.
    Estimate(EstimateArgs),
    /// Find the largest value of a setting, the largest model, the fewest devices or the cheapest accelerator that fits.
    Solve(SolveArgs),
    /// List what to change to need less, with what it saves and costs, and the cheapest set that makes the plan fit.
    Levers(LeversArgs),
    /// Compare 2 to 4 plans: settings that differ, figures against the first; also git's diff of plan files.
    Compare(CompareArgs),
    /// Show how memory, time and cost answer to a setting; without one, which setting moves memory most.
    Sensitivity(SensitivityArgs),
    /// Search the whole space of sensible plans for this model, data and hardware: what nothing else is better than.
    Search(SearchArgs),
    /// Decide from answers whether to prompt, retrieve or fine-tune: recommendation, reasons, flips, missing evidence.
    Decide(DecideArgs),
    /// Check training data: will it train, on what, and for how long.
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Explain an out-of-memory message on standard input by the dimensions of a plan.
    Why(WhyArgs),
    /// Read a configuration of a training engine (axolotl, LLaMA-Factory, TRL, …) as a plan.
    Import(ImportArgs),
    /// Show what a model file says: shape, exact parameter counts, remarks.
    Inspect(InspectArgs),
    /// Put the weights of a model into number formats: bits, errors, outliers, and the best mix at a size.
    Quantize(quantize::QuantizeArgs),
    /// Compare predictions with measured rows.
    Validate(ValidateArgs),
    /// Train a small embedded model, or your own, with quantized LoRA on this machine, and compare: what the methods do.
    Preview(Box<preview::PreviewArgs>),
    /// Draw the window into a PNG, without a display.
    Screenshot(ScreenshotArgs),
}

#[derive(Debug, Args)]
struct NewArgs {
    /// Template name; see `tuneplan templates`. Without it: the default plan.
    #[arg(long)]
    template: Option<String>,
    /// File to write.
    #[arg(short, long, value_name = "PLAN.ron")]
    output: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct EstimateArgs {
    /// Plan file; without it the default plan.
    plan: Option<PathBuf>,
    /// One JSON object; byte counts are integers.
    #[arg(long)]
    json: bool,
    /// Show the derivation of every figure; with --json under the key `derivations`.
    #[arg(long)]
    explain: bool,
    /// Show memory in GB (10^9 bytes) instead of GiB (2^30).
    #[arg(long)]
    gb: bool,
    /// Exit with 1, and a line that says why, when the plan does not fit its accelerator or contradicts itself.
    #[arg(long)]
    check: bool,
    /// With --check: take what was read of the model for all of it, where its class is not known or parts are not counted.
    #[arg(long, requires = "check")]
    allow_approximate: bool,
    /// With --check: most memory of one device, such as 24GiB, 80GB or a number of bytes.
    #[arg(long, value_name = "BYTES", requires = "check", value_parser = crate::units::Bytes::parse)]
    max_bytes: Option<crate::units::Bytes>,
    /// Training data: its exact lengths give the longest batch, the number of examples and their mean length.
    #[arg(long, value_name = "FILE", requires = "tokenizer")]
    data: Option<PathBuf>,
    /// With --data: folder with the model's tokenizer.json and chat template.
    #[arg(long, value_name = "DIR", requires = "data")]
    tokenizer: Option<PathBuf>,
    /// With --data: the trainer that prepares it; its cutoff is the plan's sequence length.
    #[arg(long, default_value = "trl", value_parser = data::trainer_of, value_name = "TRAINER")]
    trainer: crate::data::trainers::Trainer,
}

#[derive(Debug, Args)]
struct SolveArgs {
    /// Plan file; without it the default plan.
    plan: Option<PathBuf>,
    /// What is asked: seq-len, micro-batch, rank, context, model, devices or accelerator.
    #[arg(long = "for", value_name = "QUESTION")]
    question: String,
    /// One JSON object; byte counts are integers.
    #[arg(long)]
    json: bool,
    /// Write the plan with the best answer.
    #[arg(short, long, value_name = "PLAN.ron")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct LeversArgs {
    /// Plan file; without it the default plan.
    plan: Option<PathBuf>,
    /// One JSON object; byte counts are integers.
    #[arg(long)]
    json: bool,
    /// Write the plan with the cheapest set of changes that makes it fit.
    #[arg(short, long, value_name = "PLAN.ron")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct CompareArgs {
    /// Plan files, the first of which the others are measured against; or what git gives a diff driver.
    #[arg(required = true, num_args = 1..=9, value_name = "PLAN.ron")]
    plans: Vec<PathBuf>,
    /// One plan on several software stacks or versions of one, parted by commas, such as trl-1.6,trl-1.16: figures, and
    /// what the last does otherwise than the first, with sources.
    #[arg(long, value_name = "STACK,STACK", value_delimiter = ',')]
    stacks: Vec<String>,
    /// One JSON object; byte counts are integers.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SensitivityArgs {
    /// Plan file; without it the default plan.
    plan: Option<PathBuf>,
    /// The setting, by the name of its flag, such as sequence-length.
    #[arg(long, value_name = "SETTING")]
    over: Option<String>,
    /// Values to try, parted by commas; without it the stops of its slider.
    #[arg(long, value_name = "A,B,…", requires = "over")]
    values: Option<String>,
    /// Memory over micro-batch and sequence length.
    #[arg(long, conflicts_with = "over")]
    heat_map: bool,
    /// One JSON object; byte counts are integers.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SearchArgs {
    /// Plan file; without it the default plan.
    plan: Option<PathBuf>,
    /// Most memory of one device, such as 24GiB; without it what the plan's accelerator offers.
    #[arg(long, value_name = "BYTES")]
    under: Option<String>,
    /// Most hours of the run.
    #[arg(long, value_name = "H")]
    max_hours: Option<f64>,
    /// Most money of the run, in the plan's currency.
    #[arg(long, value_name = "X")]
    max_cost: Option<f64>,
    /// Greatest quality risk against the plan as it is: none, low or medium (another method, fewer targets, …).
    #[arg(long, value_name = "RISK", default_value = "low")]
    max_risk: String,
    /// Plans that are printed as text, spread over the set.
    #[arg(long, default_value_t = 20)]
    top: usize,
    /// One JSON object with every plan of the set; byte counts are integers.
    #[arg(long)]
    json: bool,
    /// Write the fastest plan of the set.
    #[arg(short, long, value_name = "PLAN.ron")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct DecideArgs {
    /// File of answers, or a `.plan.ron` that holds a decision; every question may be left out. See docs/decide.md.
    answers: PathBuf,
    /// Write the decision on one page for a review to sign, as Markdown or HTML by the ending.
    #[arg(long, value_name = "FILE.md|.html")]
    record: Option<PathBuf>,
    /// Replace the file of --record if it exists.
    #[arg(long, requires = "record")]
    force: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct WhyArgs {
    /// Plan file of the job that ran out of memory; without it and without flags only the message is read.
    plan: Option<PathBuf>,
    /// One JSON object; byte counts are integers.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// Configuration of axolotl, LLaMA-Factory, TRL, torchtune, MLX-LM, ms-swift, PEFT, accelerate, DeepSpeed or SkyPilot:
    /// YAML, JSON, or a command line.
    file: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Write the plan.
    #[arg(short, long, value_name = "PLAN.ron")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct InspectArgs {
    /// Model folder, `config.json`, `.safetensors` or `.gguf` file.
    path: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ValidateArgs {
    /// Measured rows: the layout of `assets/validation/truth-dev.csv` or of `published-memory.csv`, told by the header.
    rows: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ScreenshotArgs {
    /// Plan file; without it the default plan.
    plan: Option<PathBuf>,
    /// What to draw: `window`, a page such as `time` or `change-sensitivity`, `presenter`, or a part of the Memory page
    /// alone. A wrong word lists them all.
    #[arg(long, default_value = "window")]
    panel: String,
    /// light, dark or contrast.
    #[arg(long, default_value = "dark")]
    theme: String,
    /// Width x height in points.
    #[arg(long, default_value = "1280x800", value_name = "WxH")]
    size: String,
    /// Pixels per point.
    #[arg(long, default_value_t = 1.0)]
    scale: f32,
    /// File to write.
    #[arg(short, long, value_name = "FILE.png")]
    output: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

/// Runs the program with the given arguments (the first is the program's name).
pub fn run(args: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> Outcome {
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(usage) => return report_usage(&usage, out, err),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(usage) => return report_usage(&usage, out, err),
    };
    let flags = matches.subcommand().map(|(_, flags)| flags);
    if let Err(error) = profiles::install(cli.profiles.as_deref(), err) {
        let _ = writeln!(err, "tuneplan: {error:#}");
        return Outcome::BadInput;
    }
    let result = match cli.command {
        None => {
            let stay = if cli.first_frame { Stay::OneFrame } else { Stay::UntilClosed };
            window::run(cli.plan.as_deref(), stay, out, err)
        }
        Some(Command::New(args)) => plans::new(&args, flags, out),
        Some(Command::Templates { json }) => plans::templates(json, out),
        Some(Command::Estimate(args)) => estimate::run(&args, flags, out, err),
        Some(Command::Solve(args)) => solve::run(&args, flags, out, err),
        Some(Command::Levers(args)) => levers::run(&args, flags, out, err),
        Some(Command::Compare(args)) => compare::run(&args, out, err),
        Some(Command::Sensitivity(args)) => sensitivity::run(&args, flags, out, err),
        Some(Command::Search(args)) => search::run(&args, flags, out, err),
        Some(Command::Decide(args)) => decide::run(&args, flags, out),
        Some(Command::Data(command)) => data::run(&command, out),
        Some(Command::Why(args)) => why::run(&args, flags, out, err),
        Some(Command::Import(args)) => import::run(&args, flags, out),
        Some(Command::Inspect(args)) => inspect::run(&args, out),
        Some(Command::Preview(args)) => preview::run(&args, flags, out, err),
        Some(Command::Quantize(args)) => quantize::run(&args, out, err),
        Some(Command::Validate(args)) => validate::run(&args, out),
        Some(Command::Screenshot(args)) => screenshot::run(&args, flags, out, err),
    };
    // What is still in the buffer may not find its place either.
    match result.and_then(|outcome| Ok(out.flush().map(|()| outcome)?)) {
        Ok(outcome) => outcome,
        // A reader that stopped listening (`tuneplan … | head`) is no error of ours.
        Err(error) if is_broken_pipe(&error) => Outcome::Done,
        Err(error) => {
            // Nothing can be done if the message itself cannot be written.
            let _ = writeln!(err, "tuneplan: {error:#}");
            Outcome::BadInput
        }
    }
}

/// The command line as clap sees it: the declared part and one flag for every plan field.
pub fn command() -> clap::Command {
    ["estimate", "solve", "levers", "sensitivity", "search", "why"].into_iter().fold(Cli::command(), |command, name| {
        command.mut_subcommand(name, |subcommand| subcommand.args(load::field_args()))
    })
}

fn report_usage(usage: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> Outcome {
    if usage.use_stderr() {
        let _ = write!(err, "{}", usage.render());
        Outcome::BadInput
    } else {
        // --help and --version arrive here too.
        match write!(out, "{}", usage.render()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let _ = writeln!(err, "tuneplan: {}", crate::files::cause(&error));
                Outcome::BadInput
            }
            _ => Outcome::Done,
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        // JSON is written through a library that wraps the error without naming it as its cause.
        io.or_else(|| cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind))
    };
    error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}
