//! From how many requests a month fine-tuning pays: against a long prompt, a cached one, and retrieval.
//!
//! Every way costs a sum a month and a sum a request, so each is a line, and two lines cross at most once:
//! `N = (F₂ − F₁) / (c₁ − c₂)`. With static tokens P, other tokens D, answer O, prices a token:
//! a long prompt is `in·(P·k + D) + out·O` with `k = 1`, or `k = h·r + (1 − h)·w` when cached (hit share h, read factor
//! r, write factor w); one-off costs are spread over the horizon. No price is built in.

use crate::plan::decision::{Cache, Costs};
use missing::{Asked, counted_as_zero};

mod missing;

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
}

/// Compares the ways of `costs`.
pub fn break_even(costs: &Costs) -> BreakEven {
    let asked = Asked::of(costs);
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
        cache_pays_from_uses: costs.cache.as_ref().and_then(cache_pays_from_uses),
        currency: costs.currency.clone(),
        date: costs.date.clone(),
        requests_per_month: costs.requests_per_month,
    }
}

fn lines(costs: &Costs) -> Vec<Line> {
    let tokens = |input: f64, output: f64, price: f64, out: f64| (input * price + output * out) / MILLION;
    let (fixed, rest, answer) = (costs.static_tokens as f64, costs.dynamic_tokens as f64, costs.output_tokens as f64);
    let prompted = |head: f64| tokens(head + rest, answer, costs.input_price, costs.output_price);
    let horizon = costs.horizon_months.max(f64::MIN_POSITIVE);
    let mut lines = vec![Line { way: Way::Prompt, per_month: 0.0, per_request: prompted(fixed) }];
    if let Some(cache) = &costs.cache {
        let head = fixed * cached_factor(cache);
        lines.push(Line { way: Way::Cached, per_month: 0.0, per_request: prompted(head) });
    }
    let tuned = &costs.tuned;
    let one_off = tuned.data + tuned.run * tuned.runs as f64 + tuned.evaluation;
    let retraining = if tuned.retrain_months > 0.0 { tuned.retrain / tuned.retrain_months } else { 0.0 };
    lines.push(Line {
        way: Way::Tuned,
        per_month: one_off / horizon + tuned.idle_per_month + retraining,
        per_request: tokens(tuned.static_tokens as f64 + rest, answer, tuned.input_price, tuned.output_price),
    });
    if let Some(rag) = &costs.rag {
        let head = (rag.static_tokens.saturating_add(rag.retrieved_tokens)) as f64;
        lines.push(Line {
            way: Way::Rag,
            per_month: rag.build / horizon + rag.index_per_month,
            per_request: prompted(head) + rag.search,
        });
    }
    lines
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
mod tests {
    use super::*;
    use crate::plan::decision::{RagCosts, TunedCosts};

    /// A case small enough to work out on paper.
    fn costs() -> Costs {
        Costs {
            date: "2026-01-31".to_owned(),
            horizon_months: 10.0,
            uncertainty: 0.2,
            static_tokens: 3000,
            dynamic_tokens: 500,
            output_tokens: 200,
            input_price: 2.0,
            output_price: 10.0,
            cache: Some(Cache { hit_share: 0.9, read_factor: 0.1, write_factor: 1.25 }),
            tuned: TunedCosts {
                static_tokens: 0,
                input_price: 2.0,
                output_price: 10.0,
                data: 5000.0,
                run: 250.0,
                runs: 4,
                evaluation: 0.0,
                idle_per_month: 200.0,
                retrain_months: 6.0,
                retrain: 1200.0,
            },
            rag: Some(RagCosts {
                static_tokens: 200,
                retrieved_tokens: 1800,
                build: 3000.0,
                index_per_month: 100.0,
                search: 0.001,
            }),
            ..Costs::default()
        }
    }

    /// On paper: a month (5000 + 4·250)/10 + 200 + 1200/6 = 1000; a request saves 3000 tokens at 2 a million = 0.006;
    /// 1000 / 0.006 = 166,667 requests.
    #[test]
    fn a_long_prompt_breaks_even_where_paper_says() {
        let found = break_even(&costs());
        let Some(Against { crossing: Crossing::From { expected, low, high: Some(high) }, .. }) =
            found.against.first().copied()
        else {
            panic!("{found:?}")
        };
        assert!((expected - 166_666.666_666_7).abs() < 0.01, "{expected}");
        assert!((low - expected * 0.8 / 1.2).abs() < 0.01 && (high - expected * 1.2 / 0.8).abs() < 0.01);
    }

    /// k = 0.9·0.1 + 0.1·1.25 = 0.215: the head costs 645 tokens' worth, so 0.00129 is saved a request and it takes
    /// 775,194 requests.
    #[test]
    fn a_cached_prompt_is_far_harder_to_beat() {
        let found = break_even(&costs());
        let Some(Against { other: Way::Cached, crossing: Crossing::From { expected, .. } }) =
            found.against.get(1).copied()
        else {
            panic!("{found:?}")
        };
        assert!((expected - 1000.0 / 0.001_29).abs() < 0.01, "{expected}");
    }

    /// Retrieval: 2500 tokens in = 0.005, 200 out = 0.002, search 0.001: 0.008 a request and 400 a month; tuned 0.003
    /// and 1000: (1000 − 400) / 0.005 = 120,000.
    #[test]
    fn retrieval_has_a_crossing_of_its_own() {
        let found = break_even(&costs());
        let Some(Against { other: Way::Rag, crossing: Crossing::From { expected, .. } }) =
            found.against.get(2).copied()
        else {
            panic!("{found:?}")
        };
        assert!((expected - 120_000.0).abs() < 0.01, "{expected}");
    }

    #[test]
    fn lines_agree_where_they_cross() {
        let found = break_even(&costs());
        let line = |way| found.lines.iter().find(|line| line.way == way).copied();
        for against in &found.against {
            let (Crossing::From { expected, .. }, Some(tuned), Some(other)) =
                (against.crossing, line(Way::Tuned), line(against.other))
            else {
                panic!("{against:?}")
            };
            assert!((tuned.at(expected) - other.at(expected)).abs() < 1e-6);
            assert!(tuned.at(expected * 1.01) < other.at(expected * 1.01));
        }
    }

    #[test]
    fn without_a_saving_it_never_pays() {
        let dear = Costs { tuned: TunedCosts { input_price: 20.0, ..costs().tuned }, ..costs() };
        assert!(break_even(&dear).against.iter().take(2).all(|against| against.crossing == Crossing::Never));
        let free = Costs {
            tuned: TunedCosts { data: 0.0, run: 0.0, idle_per_month: 0.0, retrain: 0.0, ..costs().tuned },
            ..costs()
        };
        assert_eq!(break_even(&free).against.first().map(|against| against.crossing), Some(Crossing::Always));
    }

    /// Nothing is concluded from what nobody typed; what is missing is named until it is there.
    #[test]
    fn without_prices_it_says_which_are_missing() {
        let mut typed = Costs::default();
        let missing = |costs: &Costs| {
            let found = break_even(costs);
            assert_eq!(found.lines.is_empty(), found.against.is_empty());
            assert_eq!(found.against.is_empty(), !found.missing.is_empty(), "{found:?}");
            found.missing
        };
        let none = ["Static head or Rest of the input", "Input price", "Input price, tuned or Idle serving"];
        assert_eq!(missing(&typed), none);
        typed.static_tokens = 3000;
        typed.input_price = 2.0;
        assert_eq!(missing(&typed), ["Input price, tuned or Idle serving"]);
        typed.output_tokens = 100;
        assert_eq!(missing(&typed), ["Output price", "Input price, tuned or Idle serving"]);
        typed.output_price = 8.0;
        typed.tuned.input_price = 1.0;
        assert!(missing(&typed).is_empty());
        // Free training is an assumption, and said to be one.
        // Names of several words are told apart by quotes, and each can be found in the form by its own.
        let remarks = |costs: &Costs| break_even(costs).remarks().join(" ");
        let words = "Nothing is typed for “Data”, “A training run” × “Runs”";
        assert!(remarks(&typed).contains(words), "{}", remarks(&typed));
        let words = "“Static head” or “Rest of the input”, “Input price”";
        assert!(remarks(&Costs::default()).contains(words), "{}", remarks(&Costs::default()));
        // Retrieval that finds nothing is not compared; the rest is.
        typed.rag = Some(RagCosts::default());
        let found = break_even(&typed);
        assert_eq!(found.missing, ["Retrieved"]);
        assert!(found.lines.iter().all(|line| line.way != Way::Rag) && !found.against.is_empty());
    }

    /// Vendors' factors: write 1.25 and read 0.1 pay from the second use, write 2 from the third, write 1 from the
    /// second; checked by paying each use in turn.
    #[test]
    fn caching_pays_from_the_use_that_adding_up_finds() {
        for (write_factor, wanted) in [(1.25, 2), (2.0, 3), (1.0, 2), (0.5, 1)] {
            let cache = Cache { hit_share: 0.0, read_factor: 0.1, write_factor };
            let paid = (1..100_u64).find(|&n| write_factor + (n - 1) as f64 * 0.1 < n as f64);
            assert_eq!((cache_pays_from_uses(&cache), paid), (Some(wanted), Some(wanted)), "{write_factor}");
        }
        assert_eq!(cache_pays_from_uses(&Cache { read_factor: 1.0, write_factor: 1.25, hit_share: 0.0 }), None);
        // 10^15 over 2^-53: some 10^31 uses.
        let dear = Cache { read_factor: 0.999_999_999_999_999_9, write_factor: 1e15, hit_share: 0.5 };
        assert_eq!(cache_pays_from_uses(&dear), None);
    }
}
