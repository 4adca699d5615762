//! The best mix of formats within a budget of bits.

use crate::cli::figures::push_line;
use crate::lab::mix::{Choice, Frontier};
use crate::lab::{Source, TensorReport};
use crate::quantize::Codec;
use crate::units::significant;
use serde_json::{Value as Json, json};

/// The best mix within a budget.
pub struct Mix {
    wanted: f64,
    bits_per_weight: f64,
    relative: f64,
    chosen: Vec<(String, Codec)>,
}

impl Mix {
    /// For `wanted` bits a weight, all tensors included.
    pub fn of(source: &Source, reports: &[TensorReport], wanted: f64) -> Self {
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

    /// As JSON.
    pub fn to_json(&self) -> Json {
        json!({
            "wanted_bits_per_weight": self.wanted,
            "bits_per_weight": self.bits_per_weight,
            "relative_squared_error": self.relative,
            "tensors": self.chosen.iter().map(|(name, codec)| json!({ "name": name, "format": codec.id() }))
                .collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub fn to_text(&self) -> String {
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
