//! Statistics of counts: how sure a share is, and how many examples a difference needs.

/// 97.5th percentile of the normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;
/// 80th percentile: power of 80 %.
const Z_POWER: f64 = 0.841_621_233_572_914_3;

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end, 0 to 1.
    pub low: f64,
    /// Upper end, 0 to 1.
    pub high: f64,
}

/// Wilson's score interval at 95 % for `count` of `total` (Wilson, 1927); `None` for an empty total. A count over the
/// total is taken as the total.
pub fn wilson(count: u64, total: u64) -> Option<Interval> {
    if total == 0 {
        return None;
    }
    let n = total as f64;
    let p = count.min(total) as f64 / n;
    let scale = 1.0 + Z * Z / n;
    let centre = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // None of all and all of all reach the very end, which rounding may miss.
    let low = if count == 0 { 0.0 } else { ((centre - half) / scale).max(0.0) };
    let high = if count >= total { 1.0 } else { ((centre + half) / scale).min(1.0) };
    Some(Interval { low, high })
}

/// Fewest of `total` that are more than half beyond doubt (Wilson's lower end above 50 %); `None` where even all are
/// too few.
pub fn majority_needed(total: u64) -> Option<u64> {
    fewest_above(total, 0.5)
}

/// Fewest of `total` whose lower end is above `share`.
fn fewest_above(total: u64, share: f64) -> Option<u64> {
    let above = |count: u64| wilson(count, total).is_some_and(|interval| interval.low > share);
    if !above(total) {
        return None;
    }
    // The lower end grows with the count.
    let (mut low, mut high) = (0, total);
    while low < high {
        let middle = low + (high - low) / 2;
        if above(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// About how many more must be labelled until the interval leaves `share`, if the share stays as it is seen; `None`
/// where it never would (the two are equal, or differ by less than a million examples could show).
pub fn more_until_told_from(count: u64, total: u64, share: f64) -> Option<u64> {
    const MOST: u64 = 1_000_000;
    if total == 0 {
        return None;
    }
    let seen = count.min(total) as f64 / total as f64;
    let told = |n: u64| {
        let count = (seen * n as f64).round() as u64;
        wilson(count, n).is_some_and(|interval| interval.low > share || interval.high < share)
    };
    if total >= MOST || !told(MOST) {
        return None;
    }
    // Rounding makes this a little uneven; the least number is found to within a step of it.
    let (mut low, mut high) = (total, MOST);
    while low < high {
        let middle = low + (high - low) / 2;
        if told(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low - total)
}

/// About how many more must be counted until half the width of the interval is at most `half`, if the share stays as it
/// is seen; `None` for an empty total.
pub fn more_until_narrower(count: u64, total: u64, half: f64) -> Option<u64> {
    const MOST: u64 = 1_000_000;
    if total == 0 {
        return None;
    }
    let seen = count.min(total) as f64 / total as f64;
    let is_narrow = |n: u64| {
        wilson((seen * n as f64).round() as u64, n).is_some_and(|interval| interval.high - interval.low <= 2.0 * half)
    };
    let (mut low, mut high) = (total, MOST);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_narrow(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low.saturating_sub(total)).filter(|_| is_narrow(low))
}

/// Range of a kappa that was measured on `examples`, from Wilson's interval of the share of agreement. The chance of
/// agreement is not known from the kappa alone and is taken as a half, as for two labels that are equally frequent; rarer
/// labels make the range wider.
pub fn kappa_interval(kappa: f64, examples: u64) -> Option<Interval> {
    const CHANCE: f64 = 0.5;
    let agreed = ((CHANCE + kappa * (1.0 - CHANCE)) * examples as f64).round().max(0.0) as u64;
    let share = wilson(agreed, examples)?;
    let kappa = |share: f64| (share - CHANCE) / (1.0 - CHANCE);
    Some(Interval { low: kappa(share.low), high: kappa(share.high) })
}

/// Examples in each of two separate groups to see a change of a share from `before` to `after` with 95 % confidence and
/// 80 % power: normal approximation with the pooled variance under no change (Fleiss, Levin & Paik, 2003,
/// without continuity correction; R's `power.prop.test`). `None` where the two are equal or not shares.
pub fn unpaired_per_arm(before: f64, after: f64) -> Option<f64> {
    let difference = after - before;
    if !shares(before, after) || difference == 0.0 {
        return None;
    }
    let pooled = f64::midpoint(before, after);
    let root =
        Z * (2.0 * pooled * (1.0 - pooled)).sqrt() + Z_POWER * (before * (1.0 - before) + after * (1.0 - after)).sqrt();
    Some(root * root / (difference * difference))
}

/// Examples when both versions answer the same ones (McNemar's test; Connor, 1987): `lost` and `won` are the shares
/// that turn from right to wrong and from wrong to right. 95 % confidence, 80 % power.
pub fn paired(lost: f64, won: f64) -> Option<f64> {
    let (changed, difference) = (lost + won, won - lost);
    if lost < 0.0 || won < 0.0 || changed > 1.0 || difference == 0.0 {
        return None;
    }
    let root = Z * changed.sqrt() + Z_POWER * (changed - difference * difference).max(0.0).sqrt();
    Some(root * root / (difference * difference))
}

/// Range of [`paired`] for a change of a share, since how many answers turn each way is not known beforehand: from all
/// turning one way to the two versions being right independently of each other.
pub fn paired_range(before: f64, after: f64) -> Option<(f64, f64)> {
    if !shares(before, after) {
        return None;
    }
    let difference = after - before;
    let least = if difference > 0.0 { paired(0.0, difference) } else { paired(-difference, 0.0) };
    Some((least?, paired(before * (1.0 - after), after * (1.0 - before))?))
}

/// Examples that the wanted difference needs, with 95 % confidence and 80 % power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Samples {
    /// Share now.
    pub before: f64,
    /// Share that is wanted.
    pub after: f64,
    /// In each of two separate groups.
    pub unpaired_per_arm: f64,
    /// On the same examples, fewest and most: see [`paired_range`].
    pub paired: (f64, f64),
}

/// Examples for a change from `before` to `after`.
pub fn samples(before: f64, after: f64) -> Option<Samples> {
    let (unpaired_per_arm, paired) = (unpaired_per_arm(before, after)?, paired_range(before, after)?);
    Some(Samples { before, after, unpaired_per_arm, paired })
}

fn shares(before: f64, after: f64) -> bool {
    (0.0..=1.0).contains(&before) && (0.0..=1.0).contains(&after)
}

/// 95 % interval of the difference second − first of two shares of separate groups, from their Wilson intervals
/// (Newcombe, 1998, method 10).
pub fn difference(first: (u64, u64), second: (u64, u64)) -> Option<Interval> {
    let (a, b) = (wilson(first.0, first.1)?, wilson(second.0, second.1)?);
    let share = |(count, total): (u64, u64)| count.min(total) as f64 / total as f64;
    let (p, q) = (share(first), share(second));
    let seen = q - p;
    Some(Interval { low: seen - (q - b.low).hypot(a.high - p), high: seen + (b.high - q).hypot(p - a.low) })
}

/// Cohen's kappa (1960) of two annotators: `pairs` are the two labels of each example that both labelled. `None`
/// without examples, or where chance alone would agree always.
pub fn cohen_kappa<T: PartialEq + Copy>(pairs: &[(T, T)]) -> Option<f64> {
    if pairs.is_empty() {
        return None;
    }
    let n = pairs.len() as f64;
    let agreed = pairs.iter().filter(|(a, b)| a == b).count() as f64 / n;
    let mut labels: Vec<T> = Vec::new();
    for label in pairs.iter().flat_map(|(a, b)| [*a, *b]) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    let chance: f64 = labels
        .iter()
        .map(|label| {
            let first = pairs.iter().filter(|(a, _)| a == label).count() as f64 / n;
            let second = pairs.iter().filter(|(_, b)| b == label).count() as f64 / n;
            first * second
        })
        .sum();
    kappa(agreed, chance)
}

/// Fleiss' kappa (1971): a row an example, a column a label, each cell the annotators who gave it. Every row has the
/// same number of annotators, at least two; `None` otherwise, or where chance alone would agree always.
pub fn fleiss_kappa(table: &[Vec<u64>]) -> Option<f64> {
    let raters: u64 = table.first()?.iter().sum();
    if raters < 2 || table.iter().any(|row| row.iter().sum::<u64>() != raters) {
        return None;
    }
    let (n, r) = (table.len() as f64, raters as f64);
    let agreed: f64 = table
        .iter()
        .map(|row| (row.iter().map(|&count| (count as f64).powi(2)).sum::<f64>() - r) / (r * (r - 1.0)))
        .sum::<f64>()
        / n;
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let chance: f64 = (0..columns)
        .map(|column| {
            let given: u64 = table.iter().filter_map(|row| row.get(column)).sum();
            (given as f64 / (n * r)).powi(2)
        })
        .sum();
    kappa(agreed, chance)
}

fn kappa(agreed: f64, chance: f64) -> Option<f64> {
    ((1.0 - chance) > 1e-12).then(|| (agreed - chance) / (1.0 - chance))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn near(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{found} is not {wanted}");
    }

    /// Closed form computed apart with Python's `statistics.NormalDist`, which is how statsmodels'
    /// `proportion_confint(method="wilson")` does it.
    #[test]
    fn wilson_equals_the_closed_form_computed_elsewhere() {
        for (count, total, low, high) in [
            (50, 100, 0.403_831_530_365_995_6, 0.596_168_469_634_004),
            (95, 100, 0.888_249_530_768_081, 0.978_456_320_845_632),
            (0, 30, 0.0, 0.113_513_393_173_968_7),
            (21, 30, 0.521_242_125_412_850_5, 0.833_352_517_317_562),
        ] {
            let found = wilson(count, total).unwrap();
            near(found.low, low, 1e-12);
            near(found.high, high, 1e-12);
        }
        // Newcombe (1998), Statistics in Medicine 17:857, table I, method 3: 81/263 gives 0.2553 to 0.3662.
        let published = wilson(81, 263).unwrap();
        near(published.low, 0.2553, 5e-5);
        near(published.high, 0.3662, 5e-5);
        assert_eq!(wilson(3, 0), None);
        assert!(wilson(u64::MAX, u64::MAX).is_some());
    }

    #[test]
    fn majorities_need_what_the_interval_says() {
        for (total, needed) in [(10, 9), (20, 15), (30, 21), (50, 32), (100, 60)] {
            assert_eq!(majority_needed(total), Some(needed), "of {total}");
        }
        assert_eq!(majority_needed(3), None);
        assert_eq!(majority_needed(0), None);
        // By brute force over every count.
        for total in 4..300 {
            let least = (0..=total).find(|&count| wilson(count, total).unwrap().low > 0.5);
            assert_eq!(majority_needed(total), least);
        }
    }

    #[test]
    fn more_labels_are_asked_for_until_they_tell() {
        for (count, total) in [(18, 30), (6, 10), (12, 20), (55, 100), (4, 30)] {
            let more = more_until_told_from(count, total, 0.5);
            let seen = count as f64 / total as f64;
            let told = |n: u64| {
                let interval = wilson((seen * n as f64).round() as u64, n).unwrap();
                interval.low > 0.5 || interval.high < 0.5
            };
            let first = (total..100_000).find(|&n| told(n)).unwrap();
            let found = total + more.unwrap();
            assert!(told(found) && found.abs_diff(first) <= 12, "{count}/{total}: {found}, brute force {first}");
        }
        assert_eq!(more_until_told_from(15, 30, 0.5), None);
        assert_eq!(more_until_told_from(0, 0, 0.5), None);
    }

    /// By hand: at 100 examples of which half are counted, 2 · 1.96 · sqrt(0.25 / (n + 3.84)) is 10 points at n = 381.
    #[test]
    fn intervals_narrow_with_more_labels() {
        let more = more_until_narrower(50, 100, 0.05).unwrap();
        assert!((279..=283).contains(&more), "{more}");
        assert_eq!(more_until_narrower(0, 0, 0.05), None);
        assert_eq!(more_until_narrower(500, 1000, 0.05), Some(0));
    }

    /// Wilson of 5 of 5 begins at 56.6 % and of 145 of 200 (kappa 0.45) ends at 78.2 %, computed as above.
    #[test]
    fn a_kappa_of_five_labels_proves_nothing() {
        let five = kappa_interval(1.0, 5).unwrap();
        near(five.low, 2.0 * 0.565_52 - 1.0, 1e-4);
        let many = kappa_interval(0.45, 200).unwrap();
        near(many.high, 2.0 * 0.782_2 - 1.0, 1e-3);
        assert!(kappa_interval(0.9, 0).is_none());
    }

    /// R 4: `power.prop.test(p1 = .7, p2 = .8, power = .8)` and so on; the same closed form in Python.
    #[test]
    fn differences_need_as_many_as_power_tables_say() {
        for (before, after, exact, table) in [
            (0.7, 0.8, 293.151_285_506_486_3, 293),
            (0.8, 0.9, 198.963_413_284_331_1, 199),
            (0.8, 0.85, 905.365_777_964_224_9, 905),
            (0.7, 0.75, 1_250.716_733_435_611_6, 1251),
            (0.9, 0.95, 434.432_022_439_469_5, 434),
        ] {
            let found = unpaired_per_arm(before, after).unwrap();
            near(found, exact, 1e-6);
            assert_eq!(found.round() as u64, table);
        }
        assert_eq!(unpaired_per_arm(0.7, 0.7), None);
        assert_eq!(unpaired_per_arm(70.0, 80.0), None);
    }

    /// Connor (1987) in closed form, computed in Python.
    #[test]
    fn the_same_examples_need_fewer() {
        near(paired(0.05, 0.15).unwrap(), 154.598_569_560_210_6, 1e-6);
        near(paired(0.1, 0.2).unwrap(), 233.094_538_204_673_8, 1e-6);
        let (least, most) = paired_range(0.7, 0.8).unwrap();
        near(most, 295.888_558_826_797, 1e-6);
        assert!(least < most && least < unpaired_per_arm(0.7, 0.8).unwrap());
        assert_eq!(paired(0.1, 0.1), None);
    }

    /// Newcombe (1998), Statistics in Medicine 17:873, table II, method 10: 56/70 − 48/80 = 0.2, 0.0524 to 0.3339.
    #[test]
    fn differences_have_newcombes_interval() {
        let found = difference((48, 80), (56, 70)).unwrap();
        near(found.low, 0.0524, 5e-5);
        near(found.high, 0.3339, 5e-5);
    }

    /// Fleiss (1971) as reprinted in the encyclopaedia article on his kappa: 10 subjects, 14 raters, 0.210; and the
    /// grant example of the article on Cohen's: 20, 5, 10, 15 give 0.4.
    #[test]
    fn kappas_are_those_of_the_textbook_examples() {
        let table: Vec<Vec<u64>> = [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ]
        .iter()
        .map(|row| row.to_vec())
        .collect();
        near(fleiss_kappa(&table).unwrap(), 0.210, 5e-4);
        let mut pairs = vec![('y', 'y'); 20];
        pairs.extend(vec![('y', 'n'); 5]);
        pairs.extend(vec![('n', 'y'); 10]);
        pairs.extend(vec![('n', 'n'); 15]);
        near(cohen_kappa(&pairs).unwrap(), 0.4, 1e-12);
        assert_eq!(cohen_kappa::<char>(&[]), None);
        assert_eq!(fleiss_kappa(&[vec![1, 1], vec![3, 0]]), None);
        assert_eq!(cohen_kappa(&[('y', 'y'), ('y', 'y')]), None);
    }
}
