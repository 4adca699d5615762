//! The numbers of the break-even: what each is called, and where it stands in the costs.

use super::Costs;

/// A number of the costs.
pub struct Amount {
    /// Name on screen.
    pub label: &'static str,
    /// Name where it stands beside settings of the plan.
    pub compared: &'static str,
    /// What follows the number: `a month`.
    pub unit: &'static str,
    /// Explanation in a sentence.
    pub help: &'static str,
    /// Reads it.
    pub get: fn(&Costs) -> f64,
    /// Writes it; a part that is not compared has no numbers and takes none.
    pub set: fn(&mut Costs, f64),
    /// The most it can be; the least is 0.
    pub max: f64,
    /// What a point of dragging changes.
    pub step: f64,
}

macro_rules! amount {
    ($label:literal, $unit:literal, $help:literal, $($path:ident).+, $max:expr, $step:expr) => {
        Amount { label: $label, compared: concat!("Break-even: ", $label), unit: $unit, help: $help, get: |c| c.$($path).+, set: |c, x| c.$($path).+ = x, max: $max, step: $step }
    };
    (count $label:literal, $unit:literal, $help:literal, $($path:ident).+) => {
        Amount {
            label: $label, compared: concat!("Break-even: ", $label), unit: $unit, help: $help,
            get: |c| c.$($path).+ as f64,
            set: |c, x| c.$($path).+ = x.round() as u64, max: 1e9, step: 10.0,
        }
    };
    (of $part:ident $label:literal, $unit:literal, $help:literal, $field:ident, $max:expr, $step:expr) => {
        Amount {
            label: $label, compared: concat!("Break-even: ", $label), unit: $unit, help: $help,
            get: |c| c.$part.as_ref().map_or(0.0, |part| part.$field as f64),
            set: |c, x| if let Some(part) = c.$part.as_mut() { part.$field = x },
            max: $max, step: $step,
        }
    };
    (tokens of $part:ident $label:literal, $help:literal, $field:ident) => {
        Amount {
            label: $label, compared: concat!("Break-even: ", $label), unit: "tokens", help: $help,
            get: |c| c.$part.as_ref().map_or(0.0, |part| part.$field as f64),
            set: |c, x| if let Some(part) = c.$part.as_mut() { part.$field = x.round() as u64 },
            max: 1e9, step: 10.0,
        }
    };
}

/// Most of any sum of money.
const MONEY: f64 = 1e12;

/// The requests and the long prompt.
pub const REQUEST: &[Amount] = &[
    amount!("Requests", "a month", "Requests that are expected.", requests_per_month, 1e12, 1000.0),
    amount!("Horizon", "months", "One-off costs are spread over them.", horizon_months, 600.0, 1.0),
    amount!(
        "Uncertainty",
        "of each sum",
        "How far fixed sums and savings may be off either way, 0 to 0.9: it makes the range.",
        uncertainty,
        0.9,
        0.01
    ),
    amount!(count "Static head", "tokens", "Tokens of the long prompt that are the same in every request.", static_tokens),
    amount!(count "Rest of the input", "tokens", "Tokens that differ by request.", dynamic_tokens),
    amount!(count "Answer", "tokens", "Tokens of the answer.", output_tokens),
    amount!(
        "Input price",
        "a million",
        "Price of a million input tokens of the prompted model.",
        input_price,
        MONEY,
        0.05
    ),
    amount!(
        "Output price",
        "a million",
        "Price of a million output tokens of the prompted model.",
        output_price,
        MONEY,
        0.05
    ),
];
/// Prompt caching.
pub const CACHE: &[Amount] = &[
    amount!(of cache "Hit share", "of requests", "Share of requests, 0 to 1, that find the head in the cache.", hit_share, 1.0, 0.01),
    amount!(of cache "Read factor", "× price", "Price of a cached token over that of a fresh one.", read_factor, 100.0, 0.01),
    amount!(of cache "Write factor", "× price", "Price of a token put into the cache over that of a fresh one.", write_factor, 100.0, 0.01),
    amount!(tokens of cache "Least head", "Fewest tokens of a head that the vendor caches: 1,024 to 4,096 by model.", least_tokens),
    amount!(tokens of cache "Cached in steps of", "Steps beyond the fewest, such as 128; 0: every token.", step_tokens),
    amount!(of cache "Cache storage", "a month", "Keeping one head for a month, where the vendor charges for it.", storage_per_month, MONEY, 1.0),
];
/// Rules of vendors that many do not have: 0 is not typed.
const OFTEN_LEFT_OUT: [&str; 3] = ["Least head", "Cached in steps of", "Cache storage"];
/// The fine-tuned model.
pub const TUNED: &[Amount] = &[
    amount!(count "Static head, tuned", "tokens", "What is left of the head once the behaviour is trained in.", tuned.static_tokens),
    amount!(
        "Input price, tuned",
        "a million",
        "Price of a million input tokens of the tuned model.",
        tuned.input_price,
        MONEY,
        0.05
    ),
    amount!(
        "Output price, tuned",
        "a million",
        "Price of a million output tokens of the tuned model.",
        tuned.output_price,
        MONEY,
        0.05
    ),
    amount!("Data", "once", "Collecting, labelling and checking.", tuned.data, MONEY, 100.0),
    amount!("A training run", "each", "One run; the page Time estimates it.", tuned.run, MONEY, 10.0),
    amount!(count "Runs", "runs", "Until one is good, failed ones included.", tuned.runs),
    amount!("Evaluation", "once", "Evaluating the result.", tuned.evaluation, MONEY, 10.0),
    amount!("Idle serving", "a month", "Devices that wait for requests.", tuned.idle_per_month, MONEY, 10.0),
    amount!("Retrained every", "months", "0: never.", tuned.retrain_months, 600.0, 1.0),
    amount!("A retraining", "each", "With new labels and regression tests.", tuned.retrain, MONEY, 10.0),
];
/// Retrieval.
pub const RAG: &[Amount] = &[
    amount!(tokens of rag "Static head, retrieval", "Tokens of the prompt that are the same in every request.", static_tokens),
    amount!(tokens of rag "Retrieved", "Tokens retrieved for a request.", retrieved_tokens),
    amount!(of rag "Building it", "once", "Index, ingestion, evaluation.", build, MONEY, 100.0),
    amount!(of rag "Index upkeep", "a month", "Storage, updates.", index_per_month, MONEY, 10.0),
    amount!(of rag "A search", "a request", "Price of one search.", search, MONEY, 0.0001),
];

/// A number without a needless fraction, thousands apart.
pub fn plain(number: f64) -> String {
    if number.fract() == 0.0 {
        crate::units::grouped(number as u64)
    } else {
        format!("{}", (number * 1e6).round() / 1e6)
    }
}

/// Day, currency and every amount in words, a row each, the same rows for all plans. What is not typed is a dash.
pub fn rows(costs: Option<&Costs>) -> Vec<(&'static str, String)> {
    let dash = || "–".to_owned();
    let text = |text: fn(&Costs) -> &str| match costs.map(text) {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => dash(),
    };
    let mut rows = vec![
        ("Break-even: prices as of", text(|costs| &costs.date)),
        ("Break-even: currency", text(|costs| &costs.currency)),
    ];
    let parts = [
        (REQUEST, true),
        (CACHE, costs.is_some_and(|costs| costs.cache.is_some())),
        (TUNED, true),
        (RAG, costs.is_some_and(|costs| costs.rag.is_some())),
    ];
    for (amounts, is_in) in parts {
        let costs = costs.filter(|_| is_in);
        rows.extend(amounts.iter().map(|amount| {
            let said = |value: &f64| *value != 0.0 || !OFTEN_LEFT_OUT.contains(&amount.label);
            let value = costs.map(amount.get).filter(said);
            let value = value.map_or_else(dash, |value| format!("{} {}", plain(value), amount.unit));
            (amount.compared, value)
        }));
    }
    rows
}
