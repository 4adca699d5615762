//! `tuneplan data`: what is in files of training data, what is wrong with them, and what trainers make of them.

use super::Outcome;
use crate::data::checks::{self, Severity};
use crate::data::lengths::Question;
use crate::data::model::TextModel;
use crate::data::trainers::Trainer;
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

mod check;
mod lengths;
mod mask;
pub(super) mod measured;
mod rows;

/// Version of the layout of the JSON of all these commands: raised where a key goes or changes its meaning.
const SCHEMA: u32 = 1;

/// What is asked of data.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Check files: what is wrong, where, why it matters, and a fix where one is safe.
    Check(CheckArgs),
    /// Count the tokens of every row under a trainer: which are kept, cut, dropped, rejected, and what is trained.
    Lengths(LengthsArgs),
    /// Show one row as tokens: context, trained, cut.
    Mask(MaskArgs),
    /// Print the rows in which a check found something.
    Rows(RowsArgs),
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files or folders: JSON lines, JSON, CSV, text, gzip or Zstandard of these, told by content; dataset_info.json.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Exit with 1 where something as severe as this was found.
    #[arg(long, value_enum, default_value = "error")]
    fail_on: FailOn,
}

/// What decides the tokens of a row.
#[derive(Debug, Args)]
struct TrainerArgs {
    /// Folder with tokenizer.json, tokenizer_config.json and the chat template.
    #[arg(long, value_name = "DIR")]
    tokenizer: PathBuf,
    /// Trainer whose preprocessing is followed.
    #[arg(long, value_parser = trainer_of, value_name = "trl|axolotl|llama-factory|unsloth|openai")]
    trainer: Trainer,
    /// Version that is used; the answer says which one is followed, and whether it is this one.
    #[arg(long, value_name = "VERSION")]
    trainer_version: Option<String>,
    /// LLaMA-Factory's template: chatml, qwen, qwen3, qwen3_nothink, llama3; without it, told by the tokenizer's own.
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Tokens a row may have; without it the trainer's default.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    cutoff: Option<u32>,
}

impl TrainerArgs {
    fn cutoff(&self) -> usize {
        self.cutoff.map_or(self.trainer.default_cutoff(), |cutoff| cutoff as usize)
    }

    fn question<'q>(&'q self, path: &'q Path) -> Question<'q> {
        Question { path, trainer: self.trainer, cutoff: self.cutoff(), template: self.template.as_deref() }
    }

    /// What is assumed, in sentences.
    fn assumed(&self, model: &TextModel) -> Vec<String> {
        let mut assumed = vec![self.trainer.defaults().to_owned()];
        if let Some(version) = self.trainer_version.as_ref().filter(|version| *version != self.trainer.version()) {
            let followed = self.trainer.version();
            assumed.push(format!(
                "the preprocessing of {followed} is followed; whether {version} does the same is not known"
            ));
        }
        if let Some(name) = self.template.as_ref().filter(|_| self.trainer != Trainer::LlamaFactory) {
            assumed.push(format!("--template {name} is LLaMA-Factory's and not used: the tokenizer's own template is"));
        }
        if self.cutoff.is_none() {
            assumed.push(format!("no --cutoff: the default of {} is taken", self.cutoff()));
        }
        if model.template_source.contains("strftime_now") {
            let date = crate::data::template::DATE;
            assumed.push(format!("the chat template writes the day of the run; {date} is taken"));
        }
        assumed
    }
}

/// A trainer by its word.
pub(super) fn trainer_of(word: &str) -> Result<Trainer> {
    let known = Trainer::ALL.into_iter().find(|trainer| trainer.id() == word);
    known.ok_or_else(|| anyhow!("known are {}", Trainer::ALL.map(Trainer::id).join(", ")))
}

#[derive(Debug, Args)]
pub struct LengthsArgs {
    /// File.
    file: PathBuf,
    #[command(flatten)]
    trainer: TrainerArgs,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct MaskArgs {
    /// File.
    file: PathBuf,
    /// Number of the row, from 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    row: u64,
    #[command(flatten)]
    trainer: TrainerArgs,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct RowsArgs {
    /// File.
    file: PathBuf,
    /// Id of the check, such as chat.unknown-role; `tuneplan data check` prints them.
    #[arg(long = "where", value_name = "ID", value_parser = check_of)]
    id: &'static str,
    /// Most rows that are printed.
    #[arg(long, default_value_t = 1000)]
    most: usize,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// How severe a finding must be to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
}

impl FailOn {
    const fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
        }
    }
}

fn check_of(id: &str) -> Result<&'static str> {
    let known = || checks::all().map(|check| check.id);
    let near = crate::typos::nearest(id, known()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
    known().find(|known| *known == id).ok_or_else(|| anyhow!("there is no check `{id}`{near}"))
}

pub fn run(command: &DataCommand, out: &mut dyn Write) -> Result<Outcome> {
    match command {
        DataCommand::Check(args) => check::run(args, out),
        DataCommand::Lengths(args) => lengths::run(args, out),
        DataCommand::Mask(args) => mask::run(args, out),
        DataCommand::Rows(args) => rows::run(args, out),
    }
}

/// Text of a file for a terminal: what would move its cursor or colour it is written as its number.
fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        let is_mark = matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
        if sign.is_control() && sign != '\t' || is_mark {
            safe.extend(sign.escape_unicode());
        } else {
            safe.push(sign);
        }
    }
    safe
}
