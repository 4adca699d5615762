//! From how many requests a month fine-tuning pays: against a long prompt, a cached one, and retrieval.
//!
//! Every way costs a sum a month and a sum a request, so each is a line, and two lines cross at most once:
//! `N = (F₂ − F₁) / (c₁ − c₂)`. With static tokens P, other tokens D, answer O, prices a token:
//! a long prompt is `in·(P·k + D) + out·O` with `k = 1`, or `k = h·r + (1 − h)·w` when cached (hit share h, read factor
//! r, write factor w); one-off costs are spread over the horizon. Vendors cache a head from a least length on and in
//! steps, so only the cached part of P has the factor; heads of the tuned prompt and of retrieval are cached alike, where
//! that is said. No price is built in.

use super::facts::LONG_PROMPT_TOKENS;
use crate::plan::decision::{Cache, Costs};
pub use pays::{Pays, pays};

use missing::{Asked, counted_as_zero};

mod missing;
mod pays;

/// Tokens a price is for.
const MILLION: f64 = 1e6;

/// A way to serve requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// The long prompt.
    Prompt,
    /// The long prompt with its head cached.
    Cached,
    /// The fine-tuned model.
    Tuned,
    /// Retrieval.
    Rag,
}

impl Way {
    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Prompt => "Long prompt",
            Self::Cached => "Long prompt, cached",
            Self::Tuned => "Fine-tuned",
            Self::Rag => "Retrieval",
        }
    }

    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Cached => "cached",
            Self::Tuned => "tuned",
            Self::Rag => "rag",
        }
    }
}

/// Cost of a way, in the currency of the prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// The way.
    pub way: Way,
    /// A month, whatever the requests, one-off costs spread over the horizon.
    pub per_month: f64,
    /// A request.
    pub per_request: f64,
}

impl Line {
    /// Cost of a month with this many requests.
    pub fn at(&self, requests: f64) -> f64 {
        self.per_request.mul_add(requests, self.per_month)
    }
}

/// Where the fine-tuned model begins to be cheaper than another way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crossing {
    /// From this many requests a month on, with the range that the doubt in the sums gives; `None`: never.
    From {
        /// As typed.
        expected: f64,
        /// Fixed sums lower, savings higher.
        low: f64,
        /// Fixed sums higher, savings lower; `None` where the saving is gone.
        high: Option<f64>,
    },
    /// At any number of requests.
    Always,
    /// Only up to this many requests a month: it costs less a month and more a request.
    UpTo(f64),
    /// At no number of requests.
    Never,
}

impl Crossing {
    /// The crossing in words.
    pub fn words(self) -> String {
        let requests = |count: f64| crate::units::grouped(count.round() as u64);
        match self {
            Self::From { expected, low, high } => {
                let high = high.map_or_else(|| "never".to_owned(), requests);
                format!("cheaper from {} requests a month on ({} to {high})", requests(expected), requests(low))
            }
            Self::Always => "cheaper at any number of requests".to_owned(),
            Self::UpTo(count) => format!("cheaper up to {} requests a month", requests(count)),
            Self::Never => "never cheaper".to_owned(),
        }
    }
}

/// Fine-tuning against one other way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Against {
    /// The other way.
    pub other: Way,
    /// Where the lines cross.
    pub crossing: Crossing,
}

/// Every line and crossing.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakEven {
    /// The ways that can be compared: none as long as what is `missing` concerns all of them.
    pub lines: Vec<Line>,
    /// Amounts that are not typed and without which a way cannot be compared, by their names on screen.
    pub missing: Vec<&'static str>,
    /// Amounts that are not typed and count as zero, by their names on screen.
    pub counted_as_zero: Vec<&'static str>,
    /// The fine-tuned model against each other.
    pub against: Vec<Against>,
    /// Uses of a cached head from which caching pays; `None` where there is no cache or it never does.
    pub cache_pays_from_uses: Option<u64>,
    /// Currency of every sum.
    pub currency: String,
    /// Day of the prices.
    pub date: String,
    /// Requests a month that are expected; 0: not said.
    pub requests_per_month: f64,
    /// A cache is typed and the head is too short for it.
    pub is_head_too_short: bool,
}

/// Compares the ways of `costs`.
pub fn break_even(costs: &Costs) -> BreakEven {
    let asked = Asked::of(costs);
    let head = costs.static_tokens;
    let is_head_too_short = costs.cache.as_ref().is_some_and(|cache| head > 0 && cached_tokens(cache, head) == 0);
    let lines: Vec<Line> = lines(costs).into_iter().filter(|line| asked.knows(line.way)).collect();
    let tuned = lines.iter().find(|line| line.way == Way::Tuned).copied();
    let against = lines
        .iter()
        .filter(|line| line.way != Way::Tuned)
        .filter_map(|line| tuned.map(|tuned| (tuned, line)))
        .map(|(tuned, line)| Against { other: line.way, crossing: crossing(tuned, *line, costs.uncertainty) })
        .collect();
    BreakEven {
        against,
        counted_as_zero: if lines.is_empty() { Vec::new() } else { counted_as_zero(costs) },
        lines,
        missing: asked.all.into_iter().chain(asked.rag).collect(),
        cache_pays_from_uses: costs.cache.as_ref().filter(|_| !is_head_too_short).and_then(cache_pays_from_uses),
        currency: costs.currency.clone(),
        date: costs.date.clone(),
        requests_per_month: costs.requests_per_month,
        is_head_too_short,
    }
}

fn lines(costs: &Costs) -> Vec<Line> {
    let tokens = |input: f64, output: f64, price: f64, out: f64| (input * price + output * out) / MILLION;
    let (rest, answer) = (costs.dynamic_tokens as f64, costs.output_tokens as f64);
    let prompted = |head: f64| tokens(head + rest, answer, costs.input_price, costs.output_price);
    let horizon = costs.horizon_months.max(f64::MIN_POSITIVE);
    let mut lines = vec![Line { way: Way::Prompt, per_month: 0.0, per_request: prompted(costs.static_tokens as f64) }];
    if let Some(cache) = costs.cache.as_ref().filter(|cache| cached_tokens(cache, costs.static_tokens) > 0) {
        let head = priced_head(cache, costs.static_tokens);
        lines.push(Line { way: Way::Cached, per_month: cache.storage_per_month, per_request: prompted(head) });
    }
    let caches =
        |is_cached: bool, tokens: u64| costs.cache.as_ref().filter(|c| is_cached && cached_tokens(c, tokens) > 0);
    let head =
        |is_cached, tokens: u64| caches(is_cached, tokens).map_or(tokens as f64, |cache| priced_head(cache, tokens));
    let storage = |is_cached, tokens| caches(is_cached, tokens).map_or(0.0, |cache| cache.storage_per_month);
    let tuned = &costs.tuned;
    let one_off = tuned.data + tuned.run * tuned.runs as f64 + tuned.evaluation;
    let retraining = if tuned.retrain_months > 0.0 { tuned.retrain / tuned.retrain_months } else { 0.0 };
    lines.push(Line {
        way: Way::Tuned,
        per_month: one_off / horizon + tuned.idle_per_month + retraining + storage(tuned.cached, tuned.static_tokens),
        per_request: tokens(
            head(tuned.cached, tuned.static_tokens) + rest,
            answer,
            tuned.input_price,
            tuned.output_price,
        ),
    });
    if let Some(rag) = &costs.rag {
        let before = head(rag.cached, rag.static_tokens) + rag.retrieved_tokens as f64;
        lines.push(Line {
            way: Way::Rag,
            per_month: rag.build / horizon + rag.index_per_month + storage(rag.cached, rag.static_tokens),
            per_request: prompted(before) + rag.search,
        });
    }
    lines
}

/// Tokens of a head that the vendor caches: none under the least length, then in steps. Where no least length is typed
/// it is [`LONG_PROMPT_TOKENS`].
pub fn cached_tokens(cache: &Cache, head: u64) -> u64 {
    let least = if cache.least_tokens == 0 { LONG_PROMPT_TOKENS } else { cache.least_tokens };
    match head.checked_sub(least) {
        None => 0,
        Some(beyond) => beyond.checked_rem(cache.step_tokens).map_or(head, |rest| head - rest),
    }
}

/// Fresh tokens that cost as much as a head of which a part is cached.
fn priced_head(cache: &Cache, head: u64) -> f64 {
    let cached = cached_tokens(cache, head);
    (head - cached) as f64 + cached as f64 * cached_factor(cache)
}

/// What a token of the head costs on average, over a fresh one.
pub fn cached_factor(cache: &Cache) -> f64 {
    cache.hit_share * cache.read_factor + (1.0 - cache.hit_share) * cache.write_factor
}

/// Uses of one head, the first included, from which writing it once and reading it after is cheaper than paying it each
/// time: `w + (n − 1)·r < n`.
pub fn cache_pays_from_uses(cache: &Cache) -> Option<u64> {
    let (r, w) = (cache.read_factor, cache.write_factor);
    if w < 1.0 {
        return Some(1);
    }
    if r >= 1.0 {
        return None;
    }
    let bound = (w - r) / (1.0 - r);
    // The first whole number above the bound; a hair of rounding must not lift it over one. A number that cannot be written
    // down is never reached.
    ((bound + 1e-9).floor() as u64).checked_add(1)
}

fn crossing(tuned: Line, other: Line, doubt: f64) -> Crossing {
    let dearer_a_month = tuned.per_month - other.per_month;
    let saved_a_request = other.per_request - tuned.per_request;
    if saved_a_request > 0.0 {
        if dearer_a_month <= 0.0 {
            return Crossing::Always;
        }
        let at = |month: f64, saved: f64| month / saved;
        let doubt = doubt.clamp(0.0, 0.9);
        let least = at(dearer_a_month * (1.0 - doubt), saved_a_request * (1.0 + doubt));
        let most = at(dearer_a_month * (1.0 + doubt), saved_a_request * (1.0 - doubt));
        return Crossing::From {
            expected: at(dearer_a_month, saved_a_request),
            low: least,
            high: Some(most).filter(|most| most.is_finite()),
        };
    }
    if dearer_a_month >= 0.0 {
        Crossing::Never
    } else if saved_a_request == 0.0 {
        Crossing::Always
    } else {
        Crossing::UpTo(dearer_a_month / saved_a_request)
    }
}

#[cfg(test)]
mod tests;
