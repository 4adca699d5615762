//! What is not typed: without some amounts nothing is compared, others count as zero, and both are said.

use super::{BreakEven, Way};
use crate::plan::decision::Costs;

impl BreakEven {
    /// What is missing, and what was counted as zero, in a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.missing.is_empty() {
            let what = if self.against.is_empty() { "Nothing is compared yet" } else { "Not everything is compared" };
            remarks.push(format!("{what}. Not typed yet: {}.", quoted(&self.missing)));
        }
        if !self.counted_as_zero.is_empty() {
            remarks.push(format!("Nothing is typed for {}: taken as 0.", quoted(&self.counted_as_zero)));
        }
        if self.is_head_too_short {
            remarks.push(
                "The head is shorter than the vendor caches, so nothing of the head is cached (least length: as typed, else 1,024 tokens)."
                    .to_owned(),
            );
        }
        remarks
    }
}

/// Names as they stand on screen, in quotes: several words make one name.
fn quoted(names: &[&str]) -> String {
    let quoted = |name: &&str| {
        let either: Vec<String> =
            name.split(" or ").map(|name| format!("“{}”", name.replace(" × ", "” × “"))).collect();
        either.join(" or ")
    };
    names.iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Amounts without which ways cannot be compared.
pub struct Asked {
    /// Without these, none.
    pub all: Vec<&'static str>,
    /// Without these, retrieval.
    pub rag: Option<&'static str>,
}

impl Asked {
    pub fn of(costs: &Costs) -> Self {
        let tuned = &costs.tuned;
        let amounts = [
            ("Horizon", costs.horizon_months > 0.0),
            ("Static head or Rest of the input", costs.static_tokens > 0 || costs.dynamic_tokens > 0),
            ("Input price", costs.input_price > 0.0),
            ("Output price", costs.output_price > 0.0 || costs.output_tokens == 0),
            // A model served on devices of one's own has no price a token.
            (
                "Input price, tuned or Idle serving",
                tuned.input_price > 0.0 || tuned.output_price > 0.0 || tuned.idle_per_month > 0.0,
            ),
        ];
        let retrieves = costs.rag.as_ref().is_none_or(|rag| rag.retrieved_tokens > 0);
        Self {
            all: amounts.into_iter().filter(|(_, is_typed)| !is_typed).map(|(name, _)| name).collect(),
            rag: (!retrieves).then_some("Retrieved"),
        }
    }

    pub fn knows(&self, way: Way) -> bool {
        self.all.is_empty() && (way != Way::Rag || self.rag.is_none())
    }
}

/// Sums of the tuned model that may be nothing, but are more often not yet known.
pub fn counted_as_zero(costs: &Costs) -> Vec<&'static str> {
    let tuned = &costs.tuned;
    let sums = [
        ("Data", tuned.data),
        ("A training run × Runs", tuned.run * tuned.runs as f64),
        ("Evaluation", tuned.evaluation),
        ("A retraining", tuned.retrain * tuned.retrain_months),
    ];
    sums.into_iter().filter(|(_, sum)| *sum <= 0.0).map(|(name, _)| name).collect()
}
