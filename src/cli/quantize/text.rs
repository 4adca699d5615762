//! What `tuneplan quantize` prints for people.

use crate::cli::figures::push_line;
use crate::lab::low_rank::LowRank;
use crate::lab::tally::Tally;
use crate::lab::totals::Total;
use crate::lab::{Source, TensorReport};
use crate::preview::quality::Quality;
use crate::units::{Bytes, grouped, percent, significant};

fn decibels(errors: &Tally) -> String {
    errors.sqnr_db().map_or_else(|| "–".to_owned(), |db| format!("{db:.2}"))
}

pub fn totals_text(source: &Source, reports: &[TensorReport], totals: &[Total], sampled: bool) -> String {
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

pub fn details_text(reports: &[TensorReport]) -> String {
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

pub fn ranks_text(ranks: &[(String, LowRank)]) -> String {
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

/// What a text said of each format; `stored` is the loss of the model as it is stored.
pub fn quality_text(stored: f64, found: &[Quality]) -> String {
    let mut text = String::new();
    push_line(&mut text, "");
    push_line(&mut text, &format!("On a text, linear layers only; the stored model has {stored:.4} nats per token"));
    push_line(&mut text, &format!("{:<18} {:>12} {:>12} {:>12}", "format", "outputs, dB", "loss", "rise"));
    for quality in found {
        let outputs = quality.mean_output_error().filter(|error| *error > 0.0);
        let outputs = outputs.map_or_else(|| "–".to_owned(), |error| format!("{:.2}", -10.0 * error.log10()));
        let row = match &quality.loss {
            Ok(loss) => format!("{outputs:>12} {loss:>12.4} {:>+12.4}", loss - stored),
            Err(why) => format!("  {why}"),
        };
        push_line(&mut text, &format!("{:<18} {row}", quality.format.name()));
    }
    text
}
