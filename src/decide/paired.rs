//! Two prompt versions on the same examples: only the answers that turn say anything.
//!
//! How many turned wrong is a count of its own: two scores alone allow every number from none to as many as there are. Where
//! it was not written down, the verdict is given only if every number leads to it.

use super::stats::Interval;
use crate::plan::decision::PromptVersion;

/// 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// Two-sided error that is allowed.
const LEVEL: f64 = 0.05;

/// What can be said of a version and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// More answers turned right than chance explains.
    Better,
    /// More answers turned wrong than chance explains.
    Worse,
    /// Chance explains it.
    NotDistinguishable,
    /// It depends on how many answers turned wrong, which was not written down.
    DependsOnTheTurned,
}

/// A version against the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What can be said.
    pub verdict: Verdict,
    /// Interval of the difference of the two shares, the widest where the turned answers are not known.
    pub interval: Interval,
    /// Whether the two were tried on the same number of examples and are compared as pairs.
    pub is_paired: bool,
}

/// Compares `after` with `before`; `None` where one was tried on nothing.
pub fn compare(before: &PromptVersion, after: &PromptVersion) -> Option<Step> {
    if before.of == 0 || after.of == 0 || before.correct > before.of || after.correct > after.of {
        return None;
    }
    if before.of != after.of {
        let interval = super::stats::difference((before.correct, before.of), (after.correct, after.of))?;
        let verdict = match interval {
            Interval { low, .. } if low > 0.0 => Verdict::Better,
            Interval { high, .. } if high < 0.0 => Verdict::Worse,
            _ => Verdict::NotDistinguishable,
        };
        return Some(Step { verdict, interval, is_paired: false });
    }
    let least = before.correct.saturating_sub(after.correct);
    let most = before.correct.min(after.of - after.correct);
    let lost = after.lost.map(|lost| lost.clamp(least, most));
    let at = |lost: u64| judged(lost, (after.correct + lost).saturating_sub(before.correct), after.of);
    // Few turned answers make a difference clear and many make it unclear: the two ends bound what is between.
    let (near, far) = (at(lost.unwrap_or(least)), at(lost.unwrap_or(most)));
    let verdict = if near.0 == far.0 { near.0 } else { Verdict::DependsOnTheTurned };
    Some(Step { verdict, interval: far.1, is_paired: true })
}

/// Verdict and interval where `lost` answers turned wrong and `won` turned right.
fn judged(lost: u64, won: u64, of: u64) -> (Verdict, Interval) {
    let verdict = match mcnemar(lost, won) {
        p if p >= LEVEL => Verdict::NotDistinguishable,
        _ if won > lost => Verdict::Better,
        _ => Verdict::Worse,
    };
    (verdict, difference(lost, won, of))
}

/// McNemar's exact two-sided test (1947): how likely chance turns answers as unevenly, if either way is as likely.
pub fn mcnemar(lost: u64, won: u64) -> f64 {
    let (n, least) = (lost + won, lost.min(won));
    if n == 0 || lost == won {
        return 1.0;
    }
    // Sums of binomial terms by their logarithms: n is as large as an evaluation set.
    let half = n as f64 * 0.5_f64.ln();
    let mut term = half;
    let mut sum = term.exp();
    for k in 1..=least {
        term += ((n - k + 1) as f64).ln() - (k as f64).ln();
        sum += term.exp();
    }
    (2.0 * sum).min(1.0)
}

/// 95 % interval of the difference of two shares of the same examples: Wald's with one answer added to each way of turning
/// (Bonett & Price, 2012).
pub fn difference(lost: u64, won: u64, of: u64) -> Interval {
    let n = of as f64 + 2.0;
    let (lost, won) = ((lost as f64 + 1.0) / n, (won as f64 + 1.0) / n);
    let seen = won - lost;
    let half = Z * ((won + lost - seen * seen) / n).max(0.0).sqrt();
    Interval { low: (seen - half).max(-1.0), high: (seen + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn version(correct: u64, of: u64, lost: Option<u64>) -> PromptVersion {
        PromptVersion { name: "v".to_owned(), correct, of, lost, ..PromptVersion::default() }
    }

    /// R 4: `binom.test(5, 20)$p.value`, `binom.test(1, 8)`, `binom.test(40, 100)`.
    #[test]
    fn the_exact_test_is_the_binomial_one() {
        for (lost, won, wanted) in
            [(5, 15, 0.041_389_465_332_031_25), (7, 1, 0.070_312_5), (40, 60, 0.056_887_933_640_980_8)]
        {
            assert!((mcnemar(lost, won) - wanted).abs() < 1e-9, "{lost} {won}: {}", mcnemar(lost, won));
        }
        assert_eq!(mcnemar(0, 0), 1.0);
        assert!(mcnemar(400_000, 600_000) < 1e-300);
    }

    /// By hand for 5 and 15 of 100: 6/102 and 16/102, difference 0.09804, half 1.96 · sqrt((0.21569 − 0.00961)/102) = 0.08810.
    #[test]
    fn pairs_have_bonett_and_prices_interval() {
        let found = difference(5, 15, 100);
        assert!((found.low - 0.009_94).abs() < 1e-4 && (found.high - 0.186_14).abs() < 1e-4, "{found:?}");
    }

    /// 70 and 80 of 100: as separate groups not told apart, as pairs it depends on how many turned wrong.
    #[test]
    fn versions_on_the_same_examples_are_pairs() {
        let step = |lost| compare(&version(70, 100, None), &version(80, 100, lost)).unwrap();
        assert_eq!(step(Some(2)).verdict, Verdict::Better);
        assert_eq!(step(Some(15)).verdict, Verdict::NotDistinguishable);
        assert_eq!(step(None).verdict, Verdict::DependsOnTheTurned);
        assert!(step(None).interval.low < step(Some(2)).interval.low);
        assert_eq!(compare(&version(10, 100, None), &version(90, 100, None)).unwrap().verdict, Verdict::Better);
        let apart = compare(&version(70, 100, None), &version(80, 110, None)).unwrap();
        assert!(!apart.is_paired);
        assert_eq!(compare(&version(0, 0, None), &version(1, 2, None)), None);
    }
}
