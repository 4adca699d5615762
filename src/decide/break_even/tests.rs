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
        cache: Some(Cache { hit_share: 0.9, read_factor: 0.1, write_factor: 1.25, ..Cache::default() }),
        tuned: TunedCosts {
            static_tokens: 0,
            cached: false,
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
            cached: false,
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
    let Some(Against { other: Way::Cached, crossing: Crossing::From { expected, .. } }) = found.against.get(1).copied()
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
    let Some(Against { other: Way::Rag, crossing: Crossing::From { expected, .. } }) = found.against.get(2).copied()
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
        let cache = Cache { read_factor: 0.1, write_factor, ..Cache::default() };
        let paid = (1..100_u64).find(|&n| write_factor + (n - 1) as f64 * 0.1 < n as f64);
        assert_eq!((cache_pays_from_uses(&cache), paid), (Some(wanted), Some(wanted)), "{write_factor}");
    }
    assert_eq!(cache_pays_from_uses(&Cache { read_factor: 1.0, write_factor: 1.25, ..Cache::default() }), None);
    // 10^15 over 2^-53: some 10^31 uses.
    let dear = Cache { read_factor: 0.999_999_999_999_999_9, write_factor: 1e15, ..Cache::default() };
    assert_eq!(cache_pays_from_uses(&dear), None);
}

/// Vendors' rules: nothing under the least length, then in steps. On paper: of 3,000 tokens with a least of 1,024 and steps
/// of 128, 1,024 + 15 · 128 = 2,944 are cached; 56 + 2,944 · 0.215 = 688.96 tokens' worth of 2 a million.
#[test]
fn heads_are_cached_by_the_vendors_rules() {
    let cache = Cache {
        hit_share: 0.9,
        read_factor: 0.1,
        write_factor: 1.25,
        least_tokens: 1024,
        step_tokens: 128,
        ..Cache::default()
    };
    for (head, cached) in [(900, 0), (1023, 0), (1024, 1024), (1100, 1024), (1152, 1152), (3000, 2944)] {
        assert_eq!(cached_tokens(&cache, head), cached, "{head}");
    }
    let line = |costs: &Costs, way| break_even(costs).lines.into_iter().find(|line| line.way == way);
    let typed = Costs { cache: Some(cache), output_tokens: 0, dynamic_tokens: 0, ..costs() };
    let found = line(&typed, Way::Cached).map_or(0.0, |line| line.per_request);
    assert!((found - 688.96 * 2.0 / 1e6).abs() < 1e-12, "{found}");
    // A short head is not cached at all, and no line claims it is.
    let short = Costs { static_tokens: 900, ..typed.clone() };
    assert_eq!(line(&short, Way::Cached), None);
    assert!(break_even(&short).remarks().join(" ").contains("nothing of the head is cached"));
    // The tuned prompt and retrieval's own head are cached alike where that is said.
    let mut both = typed;
    both.tuned.static_tokens = 1024;
    let fresh = line(&both, Way::Tuned).map_or(0.0, |line| line.per_request);
    both.tuned.cached = true;
    let cached = line(&both, Way::Tuned).map_or(0.0, |line| line.per_request);
    assert!((fresh - cached - 1024.0 * (1.0 - 0.215) * 2.0 / 1e6).abs() < 1e-12, "{fresh} {cached}");
}

/// The crossing is at 166,667 (111,111 to 250,000) on paper: 1000 / 0.006, 0.8/1.2 and 1.2/0.8 of it.
#[test]
fn whether_it_pays_follows_the_range_at_the_teams_own_requests() {
    let at = |requests_per_month| {
        let costs = Costs { requests_per_month, cache: None, rag: None, ..costs() };
        pays(&crate::plan::decision::Answers { costs: Some(costs), ..Default::default() })
    };
    assert_eq!(at(0.0), Pays::Unknown);
    assert_eq!(at(100_000.0), Pays::No);
    assert_eq!((at(120_000.0), at(240_000.0)), (Pays::WithinTheRange, Pays::WithinTheRange));
    assert_eq!(at(260_000.0), Pays::Yes);
    // Cheaper than the long prompt and not than the cached one: it does not pay.
    let cached = Costs { requests_per_month: 260_000.0, rag: None, ..costs() };
    assert_eq!(break_even(&cached).pays(0.2), Pays::No);
}
