//! Singular values and vectors of weight matrices: what a low rank can hold of them.
//!
//! Halko, Martinsson & Tropp (2011) find the subspace of the largest, Hestenes' one-sided rotations (1958) diagonalize in
//! it. Products run in candle; the same input gives the same numbers on one machine.

use candle_core::{Device, Result, Tensor, bail};

/// Directions kept beyond those asked for while the subspace is sought.
const SPARE: usize = 8;
/// Times the subspace is sent through the matrix and back. Of the flat spectrum of random weights eight leave the captured
/// energy within a percent of the best.
const ROUNDS: usize = 8;
/// Rounds of rotations; a dozen is usual.
const MOST_SWEEPS: usize = 40;
/// Two directions are orthogonal when the cosine between them is below this.
const ORTHOGONAL: f64 = 1e-9;

/// Vectors of one length.
type Directions = Vec<Vec<f64>>;

/// The largest singular values of a matrix with their vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Svd {
    /// Descending.
    pub values: Vec<f64>,
    /// Of each value the direction among the rows.
    pub left: Vec<Vec<f64>>,
    /// Of each value the direction among the columns.
    pub right: Vec<Vec<f64>>,
}

/// The `rank` largest singular values of a row-major matrix of `rows` × `columns`; all of them where `rank` reaches the
/// shorter side.
///
/// # Errors
/// A count of values that is not that of the shape, values that are not finite.
pub fn svd(values: &[f32], rows: usize, columns: usize, rank: usize) -> Result<Svd> {
    if rows.checked_mul(columns) != Some(values.len()) {
        bail!("{} values are no matrix of {rows} × {columns}", values.len());
    }
    if values.iter().any(|value| !value.is_finite()) {
        bail!("a value is not finite");
    }
    let shorter = rows.min(columns);
    let wanted = (rank + SPARE).min(shorter);
    let (mut left, mut right) = if wanted < shorter {
        subspace(&Tensor::from_slice(values, (rows, columns), &Device::Cpu)?, wanted)?
    } else if rows <= columns {
        let all =
            (0..rows).map(|row| values[row * columns..(row + 1) * columns].iter().map(|v| f64::from(*v)).collect());
        (identity(rows), all.collect())
    } else {
        let column = |column: usize| (0..rows).map(|row| f64::from(values[row * columns + column])).collect();
        ((0..columns).map(column).collect(), identity(columns))
    };
    // What is rotated into orthogonality is the side that carries the values.
    let swapped = wanted == shorter && rows > columns;
    if swapped {
        std::mem::swap(&mut left, &mut right);
    }
    rotate_apart(&mut left, &mut right);
    if swapped {
        std::mem::swap(&mut left, &mut right);
    }
    Ok(normalized(left, right, swapped, rank.min(shorter)))
}

fn identity(size: usize) -> Vec<Vec<f64>> {
    (0..size).map(|row| (0..size).map(|column| if row == column { 1.0 } else { 0.0 }).collect()).collect()
}

/// Orthonormal directions among the rows that hold most of the matrix, and the matrix seen from each.
fn subspace(matrix: &Tensor, wanted: usize) -> Result<(Directions, Directions)> {
    let (_, columns) = matrix.dims2()?;
    let transposed = matrix.t()?.contiguous()?;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        // xorshift64 (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f64 / f64::from(1_u32 << 23) - 1.0
    };
    let mut among_columns: Vec<Vec<f64>> = (0..wanted).map(|_| (0..columns).map(|_| random()).collect()).collect();
    let mut among_rows = orthonormal(through(&transposed, &among_columns)?);
    for _ in 0..ROUNDS {
        among_columns = orthonormal(through(matrix, &among_rows)?);
        among_rows = orthonormal(through(&transposed, &among_columns)?);
    }
    let seen = through(matrix, &among_rows)?;
    Ok((among_rows, seen))
}

/// Each direction times the matrix.
fn through(matrix: &Tensor, directions: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
    let values: Vec<f32> = directions.iter().flatten().map(|value| *value as f32).collect();
    let length = directions.first().map_or(0, Vec::len);
    let product: Vec<Vec<f32>> =
        Tensor::from_vec(values, (directions.len(), length), &Device::Cpu)?.matmul(matrix)?.to_vec2()?;
    Ok(product.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect())
}

/// Gram–Schmidt, each direction twice, since once leaves what rounding added. What depends on others becomes zero.
fn orthonormal(mut directions: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for index in 0..directions.len() {
        let (done, rest) = directions.split_at_mut(index);
        let Some(direction) = rest.first_mut() else { break };
        let before = dot(direction, direction).sqrt();
        for _ in 0..2 {
            for other in done.iter() {
                let along = dot(other, direction);
                direction.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let length = dot(direction, direction).sqrt();
        let factor = if length > 1e-6 * before { 1.0 / length } else { 0.0 };
        for value in direction.iter_mut() {
            *value *= factor;
        }
    }
    directions
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Turns pairs of `carrying` until all are orthogonal, and `other` with them.
fn rotate_apart(other: &mut [Vec<f64>], carrying: &mut [Vec<f64>]) {
    for _ in 0..MOST_SWEEPS {
        let mut turned = false;
        for j in 1..carrying.len() {
            for i in 0..j {
                let (first, second) = carrying.split_at_mut(j);
                let (a, b) = (&mut first[i], &mut second[0]);
                let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
                if ab.abs() <= ORTHOGONAL * (aa * bb).sqrt() || ab == 0.0 {
                    continue;
                }
                turned = true;
                let zeta = (bb - aa) / (2.0 * ab);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = cosine * tangent;
                turn(a, b, cosine, sine);
                let (first, second) = other.split_at_mut(j);
                turn(&mut first[i], &mut second[0], cosine, sine);
            }
        }
        if !turned {
            break;
        }
    }
}

fn turn(a: &mut [f64], b: &mut [f64], cosine: f64, sine: f64) {
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// Lengths become the values, descending; the first `rank` stay.
fn normalized(left: Vec<Vec<f64>>, right: Vec<Vec<f64>>, carried_left: bool, rank: usize) -> Svd {
    let mut all: Vec<(f64, Vec<f64>, Vec<f64>)> = left
        .into_iter()
        .zip(right)
        .map(|(mut left, mut right)| {
            let carrying = if carried_left { &mut left } else { &mut right };
            let value = dot(carrying, carrying).sqrt();
            let factor = if value > 0.0 { 1.0 / value } else { 0.0 };
            for entry in carrying.iter_mut() {
                *entry *= factor;
            }
            (value, left, right)
        })
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.truncate(rank);
    let mut found = Svd { values: Vec::new(), left: Vec::new(), right: Vec::new() };
    for (value, left, right) in all {
        found.values.push(value);
        found.left.push(left);
        found.right.push(right);
    }
    found
}
