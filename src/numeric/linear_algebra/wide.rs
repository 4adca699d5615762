//! Inner loops for the widest registers a processor has, chosen while the program runs.
#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the widest registers")]

/// Runs `work` compiled for this processor. What it calls must be inlined into it to gain anything.
#[inline(always)]
pub fn wide<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Values that are added side by side, so that sums need not wait for each other.
pub const LANES: usize = 16;

/// eˣ within three units of the last place; 10⁻³⁸ below −87, where it would leave the range of normal numbers.
///
/// Reduction by Cody & Waite (1980): x = n ln 2 + r, and a polynomial of degree 6 for eʳ, |r| ≤ ln 2 / 2. Only sums and
/// products, so that many are computed at once and every processor gives the same bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Where floats are one apart, adding rounds to an integer, which the low bits of the sum then hold.
    const ONE_APART: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ONE_APART;
    let n = rounded - ONE_APART;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    let p = p * r * r + r + 1.0;
    p * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Adds up values in lanes.
#[inline(always)]
pub fn sum_of(lanes: [f32; LANES]) -> f32 {
    lanes.iter().sum()
}

/// Σ f(x).
#[inline(always)]
pub fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for x in whole {
        for (lane, x) in lanes.iter_mut().zip(x) {
            *lane += f(*x);
        }
    }
    sum_of(lanes) + rest.iter().map(|x| f(*x)).sum::<f32>()
}

/// Σ a b.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((whole_a, rest_a), (whole_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in whole_a.iter().zip(whole_b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    sum_of(lanes) + rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum::<f32>()
}

/// The largest of `x`; the least float of nothing.
#[inline(always)]
pub fn largest(x: &[f32]) -> f32 {
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut lanes = [f32::MIN; LANES];
    for x in whole {
        for (lane, x) in lanes.iter_mut().zip(x) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::MIN, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_library() {
        let mut worst = 0.0_f64;
        for i in -860_000..=860_000 {
            let x = i as f32 * 1e-4;
            let (found, exact) = (f64::from(wide(|| exp(x))), f64::from(x).exp());
            worst = worst.max((found / exact - 1.0).abs());
        }
        assert!(worst < 3e-7, "{worst:e}");
        assert!(exp(-1e30) < 2e-38 && exp(f32::NEG_INFINITY) < 2e-38 && exp(0.0) == 1.0);
        assert!((sigmoid(0.0) - 0.5).abs() < 1e-7 && sigmoid(100.0) == 1.0 && sigmoid(-100.0) < 1e-37);
    }

    #[test]
    fn sums_and_products_of_any_length_are_right() {
        for length in [0, 1, 15, 16, 17, 100] {
            let a: Vec<f32> = (0..length).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..length).map(|i| (i % 5) as f32).collect();
            // Small integers: exact in whatever order.
            assert_eq!(sum(&a, |x| x), a.iter().sum::<f32>());
            assert_eq!(dot(&a, &b), a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>());
            assert_eq!(largest(&a), a.iter().copied().fold(f32::MIN, f32::max));
        }
    }
}
