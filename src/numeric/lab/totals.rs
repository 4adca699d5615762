//! A whole model in one format.

use super::examine::TensorReport;
use super::source::{Kind, Source};
use super::tally::Tally;
use crate::quantize::Codec;

/// A model whose matrices are all in one format.
#[derive(Clone, Debug, PartialEq)]
pub struct Total {
    /// The format.
    pub codec: Codec,
    /// Matrices in it.
    pub tensors: usize,
    /// Matrices that cannot be put into it and stay as they are.
    pub left: usize,
    /// Bits of everything, with what stays as it is.
    pub bits: u64,
    /// Values of everything.
    pub values: u64,
    /// Errors over the matrices that are in the format.
    pub errors: Tally,
}

impl Total {
    /// Bits a weight, constants and what stays as it is included.
    pub fn bits_per_weight(&self) -> f64 {
        self.bits as f64 / self.values.max(1) as f64
    }

    /// Size on disk.
    pub const fn bytes(&self) -> u64 {
        self.bits.div_ceil(8)
    }
}

/// Which matrices a format is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Linear layers; token table and head stay as they are, as bitsandbytes does it.
    Linear,
    /// Token table and head too, as GGUF files have it.
    Vocabulary,
}

impl Scope {
    /// Whether a tensor is put into the format.
    pub const fn covers(self, kind: Kind) -> bool {
        match kind {
            Kind::Linear => true,
            Kind::Vocabulary => matches!(self, Self::Vocabulary),
            Kind::Small | Kind::Unreadable => false,
        }
    }
}

/// Totals of each format over the tensors examined so far; what has not been examined counts as it is stored.
pub fn totals<R: AsRef<TensorReport>>(source: &Source, reports: &[R], scope: Scope) -> Vec<Total> {
    let Some(first) = reports.first().map(AsRef::as_ref) else { return Vec::new() };
    let stored: u64 = source.entries.iter().map(|entry| entry.tensor.bytes.saturating_mul(8)).sum();
    let values = source.entries.iter().map(|entry| entry.tensor.values).sum();
    first
        .tried
        .iter()
        .enumerate()
        .map(|(place, (codec, _))| {
            let mut total =
                Total { codec: *codec, tensors: 0, left: 0, bits: stored, values, errors: Tally::default() };
            for report in reports.iter().map(AsRef::as_ref) {
                let Some(entry) = source.entries.get(report.index).filter(|entry| scope.covers(entry.kind)) else {
                    continue;
                };
                match report.tried.get(place) {
                    Some((_, Ok(tried))) => {
                        total.tensors += 1;
                        total.bits = total.bits - entry.tensor.bytes.saturating_mul(8) + tried.bits;
                        total.errors.merge(&tried.errors);
                    }
                    _ => total.left += 1,
                }
            }
            total
        })
        .collect()
}
