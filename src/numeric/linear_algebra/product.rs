//! Products of small or narrow matrices: heads of attention, the factors of adapters. Large ones are candle's, which packs
//! its operands first; here nothing is copied, and the result may be a part of something larger.
#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the widest registers")]

use pulp::{Simd, WithSimd};

/// A matrix whose values lie at even distances.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// From its first value on.
    pub values: &'a [f32],
    /// Values from a row to the next.
    pub row_stride: usize,
    /// Values from a column to the next.
    pub column_stride: usize,
}

impl<'a> View<'a> {
    /// Row after row, `stride` values apart.
    pub const fn rows(values: &'a [f32], stride: usize) -> Self {
        Self { values, row_stride: stride, column_stride: 1 }
    }

    /// The same matrix with rows and columns exchanged.
    pub const fn transposed(self) -> Self {
        Self { values: self.values, row_stride: self.column_stride, column_stride: self.row_stride }
    }
}

/// Sizes of a product: `[rows, inner]` times `[inner, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of the left matrix.
    pub rows: usize,
    /// Its columns, and rows of the right one.
    pub inner: usize,
    /// Columns of the right one.
    pub columns: usize,
}

/// Rows of a tile of the result that stays in registers.
const ROWS: usize = 6;
/// Registers of a row of a tile.
const WIDE: usize = 2;

/// `c += a · b`, where rows of `b` and `c` are whole: `stride` values apart each.
pub fn add_product((c, c_stride): (&mut [f32], usize), a: View<'_>, b: (&[f32], usize), sizes: Sizes) {
    if sizes.rows > 0 && sizes.inner > 0 && sizes.columns > 0 {
        pulp::Arch::new().dispatch(Product { c, c_stride, a, b: b.0, b_stride: b.1, sizes });
    }
}

struct Product<'a> {
    c: &'a mut [f32],
    c_stride: usize,
    a: View<'a>,
    b: &'a [f32],
    b_stride: usize,
    sizes: Sizes,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.sizes.rows;
        let mut row = 0;
        while row + ROWS <= rows {
            self.band::<S, ROWS>(simd, row);
            row += ROWS;
        }
        while row + 2 <= rows {
            self.band::<S, 2>(simd, row);
            row += 2;
        }
        if row < rows {
            self.band::<S, 1>(simd, row);
        }
    }
}

impl Product<'_> {
    /// `HEIGHT` rows of the result, over all columns.
    #[inline(always)]
    fn band<S: Simd, const HEIGHT: usize>(&mut self, simd: S, row: usize) {
        let lanes = S::F32_LANES;
        let Sizes { inner, columns, .. } = self.sizes;
        let View { values, row_stride, column_stride } = self.a;
        // The rows' values column by column: what a step of the sums below takes lies together.
        let a: Vec<[f32; HEIGHT]> =
            (0..inner).map(|k| std::array::from_fn(|i| values[(row + i) * row_stride + k * column_stride])).collect();
        let mut column = 0;
        while column + WIDE * lanes <= columns {
            self.tile::<S, HEIGHT, WIDE>(simd, &a, (row, column));
            column += WIDE * lanes;
        }
        while column + lanes <= columns {
            self.tile::<S, HEIGHT, 1>(simd, &a, (row, column));
            column += lanes;
        }
        if column < columns {
            self.rest(&a, (row, column), columns - column);
        }
    }

    /// `HEIGHT` rows of the result by `REGISTERS`, held in registers until they are summed up.
    #[inline(always)]
    fn tile<S: Simd, const HEIGHT: usize, const REGISTERS: usize>(
        &mut self,
        simd: S,
        a: &[[f32; HEIGHT]],
        (row, column): (usize, usize),
    ) {
        let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; HEIGHT];
        for (a, b) in a.iter().zip(self.b[column..].chunks(self.b_stride)) {
            let (b, _) = S::as_simd_f32s(&b[..REGISTERS * S::F32_LANES]);
            for (sums, a) in sums.iter_mut().zip(a) {
                let a = simd.splat_f32s(*a);
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = simd.mul_add_e_f32s(a, *b, *sum);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            let at = (row + i) * self.c_stride + column;
            let (c, _) = S::as_mut_simd_f32s(&mut self.c[at..at + REGISTERS * S::F32_LANES]);
            for (c, sum) in c.iter_mut().zip(sums) {
                *c = simd.add_f32s(*c, *sum);
            }
        }
    }

    /// Columns that fill no register.
    #[inline(always)]
    fn rest<const HEIGHT: usize>(&mut self, a: &[[f32; HEIGHT]], (row, column): (usize, usize), width: usize) {
        for i in 0..HEIGHT {
            let at = (row + i) * self.c_stride + column;
            let c = &mut self.c[at..at + width];
            for (a, b) in a.iter().zip(self.b[column..].chunks(self.b_stride)) {
                for (c, b) in c.iter_mut().zip(b) {
                    *c += a[i] * b;
                }
            }
        }
    }
}

/// A transposed copy, `[columns, rows]`, of `rows` rows of `columns` values that are `stride` apart.
pub fn transposed(values: &[f32], stride: usize, rows: usize, columns: usize) -> Vec<f32> {
    /// Rows that are read together, so that what is written lies together too.
    const TOGETHER: usize = 16;
    let mut made = vec![0.0; rows * columns];
    for first in (0..rows).step_by(TOGETHER) {
        let count = TOGETHER.min(rows - first);
        for column in 0..columns {
            let out = &mut made[column * rows + first..column * rows + first + count];
            for (out, from) in out.iter_mut().zip(values[first * stride + column..].iter().step_by(stride)) {
                *out = *from;
            }
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_every_size_are_exact_on_small_integers() {
        let number = |i: usize| ((i * 7 + 3) % 11) as f32 - 5.0;
        for (rows, inner, columns) in
            [(1, 1, 1), (6, 4, 32), (7, 5, 17), (13, 8, 8), (4, 64, 100), (11, 3, 33), (2, 9, 64)]
        {
            let (a_stride, b_stride, c_stride) = (inner + 2, columns + 1, columns + 3);
            let a: Vec<f32> = (0..rows * a_stride).map(number).collect();
            let b: Vec<f32> = (0..inner * b_stride).map(|i| number(i + 1)).collect();
            let before: Vec<f32> = (0..rows * c_stride).map(|i| number(i + 2)).collect();
            let mut c = before.clone();
            let sizes = Sizes { rows, inner, columns };
            add_product((&mut c, c_stride), View::rows(&a, a_stride), (&b, b_stride), sizes);
            let turned = transposed(&a, a_stride, rows, inner);
            let mut again = before.clone();
            add_product((&mut again, c_stride), View::rows(&turned, rows).transposed(), (&b, b_stride), sizes);
            assert_eq!(c, again);
            for row in 0..rows {
                for column in 0..c_stride {
                    let at = row * c_stride + column;
                    let sum: f32 =
                        (0..inner).map(|k| a[row * a_stride + k] * b[k * b_stride + column.min(columns - 1)]).sum();
                    // What lies beyond the columns is not the product's.
                    let wanted = if column < columns { before[at] + sum } else { before[at] };
                    assert_eq!(c[at], wanted, "{rows} {inner} {columns}: {row} {column}");
                }
            }
        }
    }
}
