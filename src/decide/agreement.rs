//! Ranges of kappa from the labels themselves: each example is left out in turn (jackknife; Efron & Tibshirani, 1993).

use super::stats::Interval;
use std::collections::BTreeMap;

/// 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// 95 % interval of Cohen's kappa of these pairs; `None` where it is not defined, or not without one example.
pub fn cohen_range<T: Ord + Copy>(pairs: &[(T, T)]) -> Option<Interval> {
    range(&counted(pairs), cohen)
}

/// 95 % interval of Fleiss' kappa of this table, a row an example; `None` where it is not defined.
pub fn fleiss_range(table: &[Vec<u64>]) -> Option<Interval> {
    range(&counted(table), fleiss)
}

/// Each kind of example with how many there are: kappas depend on nothing else.
type Kinds<K> = BTreeMap<K, u64>;

fn counted<K: Ord + Clone>(all: &[K]) -> Kinds<K> {
    let mut kinds = Kinds::new();
    for one in all {
        *kinds.entry(one.clone()).or_insert(0) += 1;
    }
    kinds
}

/// [`super::stats::cohen_kappa`] of counted pairs.
fn cohen<T: Ord + Copy>(pairs: &Kinds<(T, T)>) -> Option<f64> {
    let n = pairs.values().sum::<u64>() as f64;
    let (mut agreed, mut margins) = (0.0, BTreeMap::<T, [f64; 2]>::new());
    for ((a, b), count) in pairs {
        let share = *count as f64 / n;
        agreed += if a == b { share } else { 0.0 };
        margins.entry(*a).or_default()[0] += share;
        margins.entry(*b).or_default()[1] += share;
    }
    corrected(agreed, margins.values().map(|[first, second]| first * second).sum())
}

/// [`super::stats::fleiss_kappa`] of counted rows.
fn fleiss(rows: &Kinds<Vec<u64>>) -> Option<f64> {
    let n = rows.values().sum::<u64>() as f64;
    let raters = rows.keys().next()?.iter().sum::<u64>() as f64;
    let columns = rows.keys().map(Vec::len).max().unwrap_or(0);
    let (mut agreed, mut shares) = (0.0, vec![0.0; columns]);
    for (row, count) in rows {
        let count = *count as f64;
        let pairs = row.iter().map(|given| (*given as f64).powi(2)).sum::<f64>() - raters;
        agreed += count * pairs / (raters * (raters - 1.0)) / n;
        for (share, given) in shares.iter_mut().zip(row) {
            *share += count * *given as f64 / (n * raters);
        }
    }
    corrected(agreed, shares.iter().map(|share| share * share).sum())
}

fn corrected(agreed: f64, chance: f64) -> Option<f64> {
    ((1.0 - chance) > 1e-12).then(|| (agreed - chance) / (1.0 - chance))
}

/// From the kappas without one example each.
fn range<K: Ord + Clone>(kinds: &Kinds<K>, kappa: impl Fn(&Kinds<K>) -> Option<f64>) -> Option<Interval> {
    let n = kinds.values().sum::<u64>() as f64;
    let whole = kappa(kinds)?;
    let mut each: Vec<(f64, f64)> = Vec::new();
    for (kind, count) in kinds {
        let mut others = kinds.clone();
        match others.get_mut(kind) {
            Some(left) if *left > 1 => *left -= 1,
            _ => {
                others.remove(kind);
            }
        }
        each.push((*count as f64, kappa(&others)?));
    }
    let mean = each.iter().map(|(count, kappa)| count * kappa).sum::<f64>() / n;
    let squares: f64 = each.iter().map(|(count, kappa)| count * (kappa - mean).powi(2)).sum();
    let half = Z * ((n - 1.0) / n * squares).sqrt();
    Some(Interval { low: (whole - half).max(-1.0), high: (whole + half).min(1.0) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::decide::stats::{cohen_kappa, fleiss_kappa};

    /// The grant example (20, 5, 10, 15): kappa 0.4. Fleiss, Cohen & Everitt (1969) give a standard error of 0.12700 in
    /// closed form, computed apart in Python; the jackknife's is a little wider on 50 examples.
    #[test]
    fn cohens_range_is_near_the_closed_form() {
        let mut pairs = vec![('y', 'y'); 20];
        pairs.extend(vec![('y', 'n'); 5]);
        pairs.extend(vec![('n', 'y'); 10]);
        pairs.extend(vec![('n', 'n'); 15]);
        let found = cohen_range(&pairs).unwrap();
        let error = (found.high - found.low) / 2.0 / Z;
        assert!((error / 0.127_00 - 1.0).abs() < 0.05, "{error}");
        assert!((f64::midpoint(found.low, found.high) - 0.4).abs() < 1e-9);
        assert!(cohen_range(&[('y', 'y'), ('y', 'y')]).is_none());
        assert!((cohen(&counted(&pairs)).unwrap() - cohen_kappa(&pairs).unwrap()).abs() < 1e-12);
    }

    /// With two annotators Fleiss' kappa is Scott's pi, close to Cohen's, and so is its range.
    #[test]
    fn fleiss_range_of_two_is_near_cohens() {
        let mut table = vec![vec![2, 0]; 20];
        table.extend(vec![vec![1, 1]; 15]);
        table.extend(vec![vec![0, 2]; 15]);
        let found = fleiss_range(&table).unwrap();
        let error = (found.high - found.low) / 2.0 / Z;
        assert!((error / 0.127_00 - 1.0).abs() < 0.1, "{error}");
        assert!((fleiss(&counted(&table)).unwrap() - fleiss_kappa(&table).unwrap()).abs() < 1e-12);
    }
}
