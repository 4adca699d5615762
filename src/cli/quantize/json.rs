//! What `tuneplan quantize --json` prints.

use crate::lab::TensorReport;
use crate::lab::low_rank::LowRank;
use crate::lab::tally::{Tally, lower_end};
use crate::lab::totals::Total;
use crate::preview::quality::Quality;
use serde_json::{Value as Json, json};

pub fn total_json(total: &Total) -> Json {
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

pub fn report_json(report: &TensorReport) -> Json {
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

pub fn ranks_json(name: &str, found: &LowRank) -> Json {
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

/// What a text said of a format.
pub fn quality_json(quality: &Quality) -> Json {
    json!({
        "format": quality.format.id(),
        "loss_nats_per_token": quality.loss.as_ref().ok(),
        "refused": quality.loss.as_ref().err(),
        "mean_relative_squared_output_error": quality.mean_output_error(),
        "outlier_columns": quality.outlier_columns,
        "relative_squared_output_errors": quality.outputs,
    })
}
