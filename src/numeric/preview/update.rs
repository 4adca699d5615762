//! What training changed: the update ΔW = s · B A of each linear layer, direction by direction.
//!
//! That few directions hold most of it is why a low rank is enough (Aghajanyan et al., 2020; Hu et al., 2021, section 7): a
//! rank well above what the update fills is memory spent for nothing, one that it fills evenly may be too low.

use super::Result;
use super::config::{Part, unsuitable};
use super::lora::Adapters;
use super::model::Llama;
use crate::linear_algebra::svd;
use candle_core::Tensor;

/// The update of one linear layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Layer, from 0.
    pub layer: usize,
    /// Map.
    pub part: Part,
    /// Singular values of ΔW, descending: as many as its factors have columns.
    pub values: Vec<f64>,
    /// ‖W‖ of the linear layer that is held beside the adapter.
    pub weight_norm: f64,
}

impl Update {
    /// ‖ΔW‖ / ‖W‖.
    pub fn relative(&self) -> f64 {
        self.energy().sqrt() / self.weight_norm.max(f64::MIN_POSITIVE)
    }

    /// Share of ‖ΔW‖² that the largest directions hold, one direction, two, and so on; empty where nothing changed.
    pub fn held(&self) -> Vec<f64> {
        let (energy, mut sum) = (self.energy(), 0.0);
        if energy <= 0.0 {
            return Vec::new();
        }
        let add = |value: &f64| {
            sum += value * value;
            (sum / energy).min(1.0)
        };
        self.values.iter().map(add).collect()
    }

    /// Fewest directions that hold `share` of ‖ΔW‖²; `None` where nothing changed.
    pub fn directions_for(&self, share: f64) -> Option<usize> {
        // Rounding must not ask for a direction more than there are.
        self.held().iter().position(|held| *held >= share - 1e-9).map(|place| place + 1)
    }

    fn energy(&self) -> f64 {
        self.values.iter().map(|value| value * value).sum()
    }
}

/// The updates of all adapted linear layers of `model`. Lengths of rows, which DoRA trains too, are left out.
pub fn updates(model: &Llama, adapters: &Adapters) -> Result<Vec<Update>> {
    let of = |((layer, part), adapter): (&(usize, Part), &super::lora::Adapter)| {
        let weight = model
            .linear(*layer, *part)
            .ok_or_else(|| unsuitable(format!("{} is no linear layer", part.path(*layer))))?;
        let weight_norm = f64::from(weight.values()?.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt();
        let values = singular_values(&adapter.b.as_tensor().detach(), &adapter.a.as_tensor().detach(), adapters.scale)?;
        Ok(Update { layer: *layer, part: *part, values, weight_norm })
    };
    adapters.iter().map(of).collect()
}

/// Fewest directions that hold `share` of a linear layer's update, the median of all linear layers that changed.
pub fn median_directions(updates: &[Update], share: f64) -> Option<usize> {
    let mut counts: Vec<usize> = updates.iter().filter_map(|update| update.directions_for(share)).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied()
}

/// Most directions an update can have: the rank, and twice as many where the start is taken off (PiSSA, LoftQ).
pub fn directions(updates: &[Update]) -> usize {
    updates.iter().map(|update| update.values.len()).max().unwrap_or(0)
}

/// The outcome in a sentence; `None` where nothing changed.
pub fn in_words(updates: &[Update]) -> Option<String> {
    let all = directions(updates);
    let [half, most] = [0.5, 0.9].map(|share| median_directions(updates, share));
    let (half, most) = (half?, most?);
    Some(format!(
        "half of what was learned lies in {half} of {all} directions, 90 % in {most} (the median of {} linear layers)",
        updates.len()
    ))
}

/// Of `s · B A`, with `[out, r]` and `[r, in]`: as B = Q R and Aᵀ = P S, they are those of the small matrix `s · R Sᵀ`.
fn singular_values(b: &Tensor, a: &Tensor, scale: f64) -> Result<Vec<f64>> {
    let (r, s) = (triangle(&b.t()?.to_vec2()?), triangle(&a.to_vec2()?));
    let rank = r.len();
    let entry = |row: usize, column: usize| -> f32 {
        let sum: f64 = (0..rank).map(|k| r[row][k] * s[column][k]).sum();
        (scale * sum) as f32
    };
    let product: Vec<f32> = (0..rank * rank).map(|place| entry(place / rank, place % rank)).collect();
    let found = svd(&product, rank, rank, rank).map_err(|error| unsuitable(error.to_string()))?;
    Ok(found.values)
}

/// R of the QR decomposition of a matrix given by its columns, by Gram and Schmidt, twice over for exactness.
fn triangle(columns: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let count = columns.len();
    let mut triangle = vec![vec![0.0; count]; count];
    let mut directions: Vec<Vec<f64>> = Vec::with_capacity(count);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (place, column) in columns.iter().enumerate() {
        let mut rest: Vec<f64> = column.iter().map(|value| f64::from(*value)).collect();
        let length = dot(&rest, &rest).sqrt();
        for _ in 0..2 {
            for (row, direction) in directions.iter().enumerate() {
                let along = dot(direction, &rest);
                triangle[row][place] += along;
                for (value, direction) in rest.iter_mut().zip(direction) {
                    *value -= along * direction;
                }
            }
        }
        let left = dot(&rest, &rest).sqrt();
        // What is left of a column that depends on the others is rounding, not a direction.
        let is_new = left > 1e-12 * length;
        triangle[place][place] = if is_new { left } else { 0.0 };
        let factor = if is_new { 1.0 / left } else { 0.0 };
        for value in &mut rest {
            *value *= factor;
        }
        directions.push(rest);
    }
    triangle
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use candle_core::Device;

    #[test]
    fn singular_values_of_factors_are_those_of_their_product() {
        let values = |seed: u64, count| crate::quantize::sample::normal(seed, count);
        for (out, inner, rank) in [(40, 24, 5), (6, 30, 8)] {
            let b = Tensor::from_vec(values(1, out * rank), (out, rank), &Device::Cpu).unwrap();
            let a = Tensor::from_vec(values(2, rank * inner), (rank, inner), &Device::Cpu).unwrap();
            let found = singular_values(&b, &a, 0.5).unwrap();
            let product: Vec<f32> = (b.matmul(&a).unwrap() * 0.5).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            let wanted = svd(&product, out, inner, rank.min(out).min(inner)).unwrap().values;
            for (place, found) in found.iter().enumerate() {
                let wanted = wanted.get(place).copied().unwrap_or(0.0);
                assert!((found - wanted).abs() < 1e-4 * found.max(1.0), "{place}: {found} for {wanted}");
            }
        }
    }

    #[test]
    fn directions_are_counted_by_what_they_hold() {
        let update =
            Update { layer: 0, part: Part::Query, values: vec![3.0, 4.0_f64.sqrt(), 1.0, 0.0], weight_norm: 7.0 };
        // 9 + 4 + 1 of 14.
        assert_eq!([0.5, 0.9, 0.95, 1.0].map(|share| update.directions_for(share)), [1, 2, 3, 3].map(Some));
        assert!((update.relative() - 14.0_f64.sqrt() / 7.0).abs() < 1e-12);
        let nothing = Update { values: vec![0.0; 4], ..update };
        assert_eq!((nothing.directions_for(0.5), nothing.held(), nothing.relative()), (None, Vec::new(), 0.0));
    }
}
