//! Prices and amounts of the break-even, as they were quoted.

use serde::{Deserialize, Serialize};

/// Prices and amounts, all typed by the user. Token prices are for a million tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// Day of the quotes, `YYYY-MM-DD`.
    pub date: String,
    /// Currency.
    pub currency: String,
    /// Requests a month that are expected.
    pub requests_per_month: f64,
    /// How far one-off, monthly and per-request sums may be off either way, 0 to 0.9.
    pub uncertainty: f64,
    /// Months over which one-off costs are spread.
    pub horizon_months: f64,
    /// Tokens of the long prompt that are the same in every request.
    pub static_tokens: u64,
    /// Tokens that differ by request.
    pub dynamic_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Price of a million input tokens of the prompted model.
    pub input_price: f64,
    /// Price of a million output tokens of the prompted model.
    pub output_price: f64,
    /// Prompt caching, where it is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// The fine-tuned model.
    pub tuned: TunedCosts,
    /// Retrieval, where it is an alternative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rag: Option<RagCosts>,
}

/// Prompt caching.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Share of requests that find the head of the prompt in the cache, 0 to 1.
    pub hit_share: f64,
    /// Price of a cached token over that of a fresh one.
    pub read_factor: f64,
    /// Price of a token that is put into the cache over that of a fresh one.
    pub write_factor: f64,
    /// Fewest tokens of a head that the vendor caches.
    #[serde(skip_serializing_if = "is_zero")]
    pub least_tokens: u64,
    /// Steps in which tokens beyond the fewest are cached; 0: each.
    #[serde(skip_serializing_if = "is_zero")]
    pub step_tokens: u64,
    /// Keeping one head in the cache for a month, where the vendor charges for it.
    #[serde(skip_serializing_if = "is_nothing")]
    pub storage_per_month: f64,
}

/// What a fine-tuned model costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TunedCosts {
    /// Tokens of its shorter prompt that are the same in every request.
    pub static_tokens: u64,
    /// That head is cached, by the rules of `cache`.
    #[serde(skip_serializing_if = "is_no")]
    pub cached: bool,
    /// Price of a million input tokens.
    pub input_price: f64,
    /// Price of a million output tokens.
    pub output_price: f64,
    /// Data, once.
    pub data: f64,
    /// One training run.
    pub run: f64,
    /// Runs until one is good, failed ones included.
    pub runs: u64,
    /// Evaluation, once.
    pub evaluation: f64,
    /// Devices that wait for requests, a month.
    pub idle_per_month: f64,
    /// Months from one retraining to the next; 0: never.
    pub retrain_months: f64,
    /// A retraining with new labels and regression tests.
    pub retrain: f64,
}

/// What retrieval costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RagCosts {
    /// Tokens of the prompt that are the same in every request.
    pub static_tokens: u64,
    /// That head is cached, by the rules of `cache`; retrieved texts are not.
    #[serde(skip_serializing_if = "is_no")]
    pub cached: bool,
    /// Retrieved tokens a request.
    pub retrieved_tokens: u64,
    /// Building it, once.
    pub build: f64,
    /// Keeping the index, a month.
    pub index_per_month: f64,
    /// A search, a request.
    pub search: f64,
}

impl Default for Costs {
    /// No prices: they are typed. The horizon and the doubt are starting points for a discussion.
    fn default() -> Self {
        Self {
            date: String::new(),
            currency: "USD".to_owned(),
            requests_per_month: 0.0,
            uncertainty: 0.25,
            horizon_months: 12.0,
            static_tokens: 0,
            dynamic_tokens: 0,
            output_tokens: 0,
            input_price: 0.0,
            output_price: 0.0,
            cache: None,
            tuned: TunedCosts::default(),
            rag: None,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_no(answer: &bool) -> bool {
    !*answer
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_nothing(sum: &f64) -> bool {
    *sum == 0.0
}
