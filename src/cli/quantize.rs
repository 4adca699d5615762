//! `tuneplan quantize`: what number formats do to the weights of a model.

use super::Outcome;
use super::figures::push_line;
use crate::jobs::spare_threads;
use crate::lab::low_rank::{self, LowRank};
use crate::lab::mix::{Choice, Frontier};
use crate::lab::tally::{Tally, lower_end};
use crate::lab::totals::{Scope, Total, totals};
use crate::lab::{Depth, Kind, Source, TensorReport, examine};
use crate::quantize::Codec;
use crate::units::{Bytes, grouped, percent, significant};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

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
    #[arg(long, value_name = "BITS")]
    budget: Option<f64>,
    /// A row for every tensor and format.
    #[arg(long)]
    details: bool,
    /// Singular values of each matrix and of its error in the first format, and what adapters of a rank recover.
    #[arg(long)]
    ranks: bool,
    /// Threads; without it all but one of the machine's.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    threads: Option<u16>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &QuantizeArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let codecs = codecs(args.formats.as_deref())?;
    if let Some(bits) = args.budget {
        ensure!(bits.is_finite() && bits > 0.0, "--budget {bits}: bits a weight are a positive number");
    }
    let source = match &args.model {
        Some(path) => Source::open(path)?,
        None => Source::embedded()?,
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
            "ranks": ranks.iter().map(|(name, found)| ranks_json(name, found)).collect::<Vec<_>>(),
            "tensors": reports.iter().map(report_json).collect::<Vec<_>>(),
        });
        serde_json::to_writer_pretty(&mut *out, &answer)?;
        writeln!(out)?;
        return Ok(Outcome::Done);
    }
    write!(out, "{}", totals_text(&source, &reports, &totals, args.sample))?;
    if args.details {
        write!(out, "{}", details_text(&reports))?;
    }
    write!(out, "{}", ranks_text(&ranks))?;
    if let Some(mix) = mix {
        write!(out, "{}", mix.to_text())?;
    }
    Ok(Outcome::Done)
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

fn decibels(errors: &Tally) -> String {
    errors.sqnr_db().map_or_else(|| "–".to_owned(), |db| format!("{db:.2}"))
}

fn total_json(total: &Total) -> Json {
    json!({
        "format": total.codec.id(),
        "tensors": total.tensors,
        "tensors_left_as_stored": total.left,
        "bits_per_weight": total.bits_per_weight(),
        "bytes": total.bytes(),
        "errors": errors_json(&total.errors),
    })
}

fn errors_json(errors: &Tally) -> Json {
    json!({
        "values": errors.count,
        "mse": errors.mse(),
        "relative_squared_error": errors.relative(),
        "sqnr_db": errors.sqnr_db(),
        "largest_error": errors.largest,
        "cosine": errors.cosine(),
    })
}

fn report_json(report: &TensorReport) -> Json {
    let formats = report.tried.iter().map(|(codec, tried)| match tried {
        Ok(tried) => json!({
            "format": codec.id(),
            "bits": tried.bits,
            "errors": errors_json(&tried.errors),
            "error_sizes_sigma": tried.errors.sizes.iter().enumerate().filter(|(_, count)| **count > 0)
                .map(|(bin, count)| json!({ "from": lower_end(bin), "count": count })).collect::<Vec<_>>(),
        }),
        Err(error) => json!({ "format": codec.id(), "refused": error.to_string() }),
    });
    json!({
        "name": report.name,
        "rows": report.shape.0,
        "columns": report.shape.1,
        "examined_values": report.examined,
        "mean": report.mean,
        "standard_deviation": report.sigma,
        "largest_magnitude": report.absmax,
        "outlier_columns": report.outlier_columns.iter()
            .map(|outlier| json!({ "column": outlier.column, "times_median": outlier.ratio })).collect::<Vec<_>>(),
        "formats": formats.collect::<Vec<_>>(),
    })
}

fn totals_text(source: &Source, reports: &[TensorReport], totals: &[Total], sampled: bool) -> String {
    let examined: u64 = reports.iter().map(|report| report.examined).sum();
    let mut text = format!(
        "{}: {} stored; {} values of {} matrices examined{}\n\n",
        source.name,
        Bytes(source.bytes()),
        grouped(examined),
        reports.len(),
        if sampled { " (a sample)" } else { "" }
    );
    push_line(
        &mut text,
        &format!(
            "{:<18} {:>9} {:>12} {:>9} {:>11} {:>11} {:>9}",
            "format", "bits/wt", "size", "SQNR, dB", "MSE", "largest", "cosine"
        ),
    );
    for total in totals {
        if total.tensors == 0 {
            push_line(&mut text, &format!("{:<18} no matrix has rows it can take", total.codec.name()));
            continue;
        }
        let left = if total.left == 0 { String::new() } else { format!("  {} left as stored", total.left) };
        push_line(
            &mut text,
            &format!(
                "{:<18} {:>9.3} {:>12} {:>9} {:>11} {:>11} {:>9}{left}",
                total.codec.name(),
                total.bits_per_weight(),
                Bytes(total.bytes()).to_string(),
                decibels(&total.errors),
                format!("{:.3e}", total.errors.mse()),
                significant(f64::from(total.errors.largest)),
                total.errors.cosine().map_or_else(|| "–".to_owned(), |cosine| format!("{cosine:.6}")),
            ),
        );
    }
    push_line(&mut text, "");
    push_line(
        &mut text,
        "Bits and size are of the whole model, with what stays as it is stored. Weight error is not quality:",
    );
    push_line(
        &mut text,
        "FP4 does worse by weights than INT4 with the same blocks, and better by published perplexity",
    );
    push_line(
        &mut text,
        "(Dettmers et al., 2023, table 2: 31.07 and 34.34). GPTQ, AWQ and HQQ need calibration data or a",
    );
    push_line(&mut text, "search; min-max INT4 is their storage, rounded to the nearest.");
    text
}

fn details_text(reports: &[TensorReport]) -> String {
    let mut text = String::new();
    for report in reports {
        let outliers = match report.outlier_columns.as_slice() {
            [] => String::new(),
            [first, ..] => format!(
                ", {} outlier columns, column {} has {:.1} times the median",
                report.outlier_columns.len(),
                first.column,
                first.ratio
            ),
        };
        push_line(&mut text, "");
        push_line(
            &mut text,
            &format!(
                "{}  {} × {}, σ {}, largest {}{outliers}",
                report.name,
                grouped(report.shape.0),
                grouped(report.shape.1),
                significant(report.sigma),
                significant(f64::from(report.absmax)),
            ),
        );
        for (codec, tried) in &report.tried {
            let row = match tried {
                Ok(tried) => format!(
                    "  {:<18} {:>12} {:>9} dB  MSE {:>10}",
                    codec.name(),
                    Bytes(tried.bits.div_ceil(8)).to_string(),
                    decibels(&tried.errors),
                    format!("{:.3e}", tried.errors.mse())
                ),
                Err(error) => format!("  {:<18} {error}", codec.name()),
            };
            push_line(&mut text, &row);
        }
    }
    text
}

fn ranks_json(name: &str, found: &LowRank) -> Json {
    json!({
        "name": name,
        "format": found.codec.id(),
        "relative_error": found.plain(),
        "weight_singular_values": found.weight_values,
        "error_singular_values": found.error_values,
        "ranks": found.recovered.iter().map(|at| json!({
            "rank": at.rank,
            "captured_share": at.captured,
            "relative_error_loftq": at.loftq,
            "relative_error_pissa": at.pissa,
        })).collect::<Vec<_>>(),
    })
}

fn ranks_text(ranks: &[(String, LowRank)]) -> String {
    let mut text = String::new();
    for (name, found) in ranks {
        push_line(&mut text, "");
        push_line(
            &mut text,
            &format!("{name} in {}: error ‖W − Q‖ / ‖W‖ {}", found.codec.name(), significant(found.plain())),
        );
        for at in &found.recovered {
            push_line(
                &mut text,
                &format!(
                    "  rank {:>3}: holds {} of the weights' energy; error with LoftQ {}, with PiSSA {}",
                    at.rank,
                    percent(at.captured),
                    significant(at.loftq),
                    significant(at.pissa)
                ),
            );
        }
    }
    text
}

/// The best mix within a budget.
struct Mix {
    wanted: f64,
    bits_per_weight: f64,
    relative: f64,
    chosen: Vec<(String, Codec)>,
}

impl Mix {
    fn of(source: &Source, reports: &[TensorReport], wanted: f64) -> Self {
        let (frontier, kept_bits) = frontier(source, reports);
        let values: u64 = source.entries.iter().map(|entry| entry.tensor.values).sum();
        let budget = (wanted * values as f64) as u64;
        let (chosen, at) = frontier.within(budget.saturating_sub(kept_bits));
        let weighed: u64 = reports.iter().map(|report| report.shape.0 * report.shape.1).sum();
        let chosen = reports
            .iter()
            .zip(chosen)
            .filter_map(|(report, choice)| Some((report.name.clone(), report.tried.get(choice)?.0)))
            .collect();
        Self {
            wanted,
            bits_per_weight: (at.bits + kept_bits) as f64 / values.max(1) as f64,
            relative: at.error / weighed.max(1) as f64,
            chosen,
        }
    }

    fn to_json(&self) -> Json {
        json!({
            "wanted_bits_per_weight": self.wanted,
            "bits_per_weight": self.bits_per_weight,
            "relative_squared_error": self.relative,
            "tensors": self.chosen.iter().map(|(name, codec)| json!({ "name": name, "format": codec.id() }))
                .collect::<Vec<_>>(),
        })
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        push_line(&mut text, "");
        let beyond = if self.bits_per_weight > self.wanted { "; nothing smaller among these formats" } else { "" };
        push_line(
            &mut text,
            &format!(
                "Mix for {} bits a weight: {:.3} bits{beyond}, mean relative squared error {}",
                significant(self.wanted),
                self.bits_per_weight,
                significant(self.relative)
            ),
        );
        for (name, codec) in &self.chosen {
            push_line(&mut text, &format!("  {:<18} {name}", codec.name()));
        }
        text
    }
}

/// Mixes of the examined tensors, and the bits of all others.
fn frontier(source: &Source, reports: &[TensorReport]) -> (Frontier, u64) {
    let stored: u64 = source.entries.iter().map(|entry| entry.tensor.bytes.saturating_mul(8)).sum();
    let examined: u64 = reports.iter().map(|report| source.entries[report.index].tensor.bytes.saturating_mul(8)).sum();
    let choices: Vec<Vec<Choice>> = reports.iter().map(crate::lab::mix::choices).collect();
    (Frontier::of(&choices), stored.saturating_sub(examined))
}
