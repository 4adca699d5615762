//! `tuneplan quantize`: what number formats do to the weights of a model.

use super::Outcome;
use crate::jobs::spare_threads;
use crate::lab::low_rank;
use crate::lab::totals::{Scope, totals};
use crate::lab::{Depth, Kind, Source, examine};
use crate::preview::base_model::{BaseModel, embedded_source};
use crate::preview::examples::base_text;
use crate::preview::pass::Batch;
use crate::preview::quality::{self, Format, Quality, measure};
use crate::quantize::Codec;
use anyhow::{Context as _, Result, bail, ensure};
use json::{quality_json, ranks_json, report_json, total_json};
use mix::Mix;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use text::{details_text, quality_text, ranks_text, totals_text};

mod json;
mod mix;
mod text;

#[derive(Debug, clap::Args)]
pub struct QuantizeArgs {
    /// Model folder, `.safetensors` or `.gguf` file; without it the embedded model.
    model: Option<PathBuf>,
    /// Formats, parted by commas: ids or names, such as nf4,Q4_K,int4-g64; without it all.
    #[arg(long, value_name = "A,B,…")]
    formats: Option<String>,
    /// Only tensors whose names contain this.
    #[arg(long, value_name = "TEXT")]
    tensors: Option<String>,
    /// Look at some pieces of each tensor only: an answer in seconds, with a sampling error of some percent.
    #[arg(long)]
    sample: bool,
    /// Put token table and head into the format too, as GGUF files have it.
    #[arg(long)]
    vocabulary: bool,
    /// Choose a format for each tensor so that the error is least at this many bits a weight, all tensors included.
    #[arg(long, allow_negative_numbers = true, value_name = "BITS")]
    budget: Option<f64>,
    /// A row for every tensor and format.
    #[arg(long)]
    details: bool,
    /// Singular values of each matrix and of its error in the first format, and what adapters of a rank recover.
    #[arg(long)]
    ranks: bool,
    /// Run a text through the model in each format: errors of outputs, and the loss. The embedded model has a text of its
    /// own; another needs config.json and tokenizer.json beside its weights.
    #[arg(long, value_name = "FILE.txt", num_args = 0..=1, default_missing_value = "")]
    on_text: Option<Text>,
    /// Threads; without it all but one of the machine's.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    threads: Option<u16>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// What `--on-text` runs through a model.
#[derive(Clone, Debug)]
enum Text {
    /// That of the embedded model.
    Own,
    File(PathBuf),
}

impl From<OsString> for Text {
    fn from(word: OsString) -> Self {
        if word.is_empty() { Self::Own } else { Self::File(word.into()) }
    }
}

pub fn run(args: &QuantizeArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let codecs = codecs(args.formats.as_deref())?;
    if let Some(bits) = args.budget {
        ensure!(bits.is_finite() && bits > 0.0, "--budget {bits}: bits a weight are a positive number");
    }
    let source = match &args.model {
        Some(path) => Source::open(path)?,
        None => embedded_source()?,
    };
    let scope = if args.vocabulary { Scope::Vocabulary } else { Scope::Linear };
    let wanted = |index: &usize| {
        let entry = &source.entries[*index];
        scope.covers(entry.kind) && args.tensors.as_ref().is_none_or(|text| entry.tensor.name.contains(text))
    };
    let indices: Vec<usize> = source.tried().into_iter().filter(wanted).collect();
    if indices.is_empty() {
        bail!("{}: {}", source.name, nothing(&source, args));
    }
    // What is wrong with the text is said before anything is measured.
    let read = args.on_text.as_ref().map(|text| model_and_text(args.model.as_deref(), text)).transpose()?;
    let threads = args.threads.map_or_else(spare_threads, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("no threads could be started")?;
    let depth = if args.sample { Depth::Sample } else { Depth::Full };
    let began = Instant::now();
    let mut reports = Vec::new();
    for (done, index) in indices.iter().enumerate() {
        if let Some(report) = pool.install(|| examine(&source, *index, &codecs, depth, &|| false))? {
            if !args.json {
                writeln!(err, "{:>4} of {}  {}", done + 1, indices.len(), report.name)?;
            }
            reports.push(report);
        }
    }
    let mut ranks = Vec::new();
    if args.ranks {
        for report in &reports {
            let found = pool.install(|| low_rank::look(&source, report.index, codecs[0]))?;
            ranks.push((report.name.clone(), found));
        }
    }
    let quality = match &read {
        Some(read) => Some(pool.install(|| on_text(read, &codecs))?),
        None => None,
    };
    let totals = totals(&source, &reports, scope);
    let mix = args.budget.map(|bits| Mix::of(&source, &reports, bits));
    if args.json {
        let answer = json!({
            "source": source.name,
            "stored_bytes": source.bytes(),
            "sampled": args.sample,
            "elapsed_secs": began.elapsed().as_secs_f64(),
            "totals": totals.iter().map(total_json).collect::<Vec<_>>(),
            "mix": mix.as_ref().map(Mix::to_json),
            "on_text": quality.as_ref().map(|(stored, found)| json!({
                "stored_loss_nats_per_token": stored,
                "formats": found.iter().map(quality_json).collect::<Vec<_>>(),
            })),
            "ranks": ranks.iter().map(|(name, found)| ranks_json(name, found)).collect::<Vec<_>>(),
            "tensors": reports.iter().map(report_json).collect::<Vec<_>>(),
        });
        serde_json::to_writer_pretty(&mut *out, &answer)?;
        writeln!(out)?;
        return Ok(Outcome::Done);
    }
    write!(out, "{}", totals_text(&source, &reports, &totals, args.sample))?;
    if let Some((stored, found)) = &quality {
        write!(out, "{}", quality_text(*stored, found))?;
    }
    if args.details {
        write!(out, "{}", details_text(&reports))?;
    }
    write!(out, "{}", ranks_text(&ranks))?;
    if let Some(mix) = mix {
        write!(out, "{}", mix.to_text())?;
    }
    Ok(Outcome::Done)
}

/// The model of `--on-text` and the text it reads.
fn model_and_text(model: Option<&Path>, text: &Text) -> Result<(BaseModel, Batch)> {
    let base = match model {
        Some(folder) => BaseModel::open(folder)?,
        None => BaseModel::embedded()?,
    };
    let text = match text {
        Text::File(path) => base.text(path)?,
        Text::Own if model.is_none() => base_text(),
        Text::Own => bail!("--on-text: name a file of text; only the embedded model has its own"),
    };
    Ok((base, text))
}

/// Loss of the stored model on a text, and what each format makes of it.
fn on_text((base, text): &(BaseModel, Batch), codecs: &[Codec]) -> Result<(f64, Vec<Quality>)> {
    let formats: Vec<Format> = codecs.iter().copied().map(Format::Weights).chain([Format::LlmInt8]).collect();
    let (mut stored, mut found) = (0.0, Vec::new());
    measure(base, text, &formats, &|| false, &mut |news| match news {
        quality::News::Layers(..) => {}
        quality::News::Stored(loss) => stored = loss,
        quality::News::Format(quality) => found.push(*quality),
    })?;
    Ok((stored, found))
}

fn codecs(words: Option<&str>) -> Result<Vec<Codec>> {
    let Some(words) = words else { return Ok(Codec::ALL.to_vec()) };
    let mut codecs = Vec::new();
    for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let codec = match word.to_lowercase().as_str() {
            "gptq" | "awq" => bail!("--formats {word}: it needs calibration data, so weights alone cannot show it"),
            "hqq" => bail!("--formats {word}: its search is not built in; int4-asym-g64 is its storage"),
            _ => Codec::from_id(word),
        };
        let known = || Codec::ALL.map(Codec::id).join(", ");
        let codec = codec.with_context(|| format!("--formats: `{word}` is no format; known are {}", known()))?;
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    ensure!(!codecs.is_empty(), "--formats: name at least one");
    Ok(codecs)
}

/// Why there is nothing to try.
fn nothing(source: &Source, args: &QuantizeArgs) -> String {
    let unreadable = source.entries.iter().find(|entry| entry.kind == Kind::Unreadable);
    match (&args.tensors, unreadable) {
        (Some(text), _) => format!("no matrix has `{text}` in its name"),
        (None, Some(entry)) => format!(
            "no matrix whose values can be read; `{}` is stored as {}, so the model is quantized already",
            entry.tensor.name, entry.tensor.dtype
        ),
        (None, None) => "no matrix in it".to_owned(),
    }
}
