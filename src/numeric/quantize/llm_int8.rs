//! LLM.int8() (Dettmers et al., 2022): the product of activations and weights in 8-bit integers, but for the columns of
//! the activations that hold an outlier, which stay in floating point.
//!
//! Weights are coded row by row, activations token by token, both −127 … 127; a column (an input) is an outlier where any
//! magnitude reaches 6. As bitsandbytes does it on a GPU, the outlier columns multiply the weights as they are read back;
//! on a CPU it does not split at all but multiplies by the weights read back.

use super::integers::{self, Levels};
use super::round_ties_even;
use crate::linear_algebra::product::{Sizes, View, add_product, transposed};

/// Magnitude from which a column is an outlier.
pub const THRESHOLD: f32 = 6.0;

/// A matrix whose products are taken so.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    coded: integers::Coded,
    /// Codes as floats with inputs as rows, `[inputs, outputs]`: sums of their products are exact up to 1,040 inputs, and
    /// beyond that to 2⁻²⁴ of themselves.
    turned: Vec<f32>,
    outputs: usize,
    inputs: usize,
}

/// A product, and which columns of the activations were kept out of the integers.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// `[tokens, outputs]`, row after row.
    pub values: Vec<f32>,
    /// Columns with an outlier.
    pub outliers: Vec<usize>,
}

impl Matrix {
    /// Codes rows of `inputs` values.
    pub fn new(weights: &[f32], inputs: usize) -> Self {
        let inputs = inputs.max(1);
        let outputs = weights.len() / inputs;
        let coded = integers::quantize(&weights[..outputs * inputs], inputs, inputs, Levels::INT8_ROWS);
        let codes: Vec<f32> = coded.codes.iter().map(|code| f32::from(*code)).collect();
        Self { turned: transposed(&codes, inputs, outputs, inputs), coded, outputs, inputs }
    }

    /// The weights as they are read back, row after row.
    pub fn values(&self) -> Vec<f32> {
        self.coded.values()
    }

    /// Activations, rows of as many values as the matrix has inputs, times the matrix.
    pub fn times(&self, activations: &[f32]) -> Product {
        let tokens = activations.len() / self.inputs;
        let outliers = outlier_columns(activations, self.inputs);
        let mut codes = vec![0.0_f32; tokens * self.inputs];
        let mut values = vec![0.0; tokens * self.outputs];
        for ((token, codes), values) in activations
            .chunks_exact(self.inputs)
            .zip(codes.chunks_exact_mut(self.inputs))
            .zip(values.chunks_exact_mut(self.outputs))
        {
            let mut plain = token.to_vec();
            for column in &outliers {
                plain[*column] = 0.0;
            }
            // What is no outlier itself counts for the scale even where its column holds one.
            let absmax =
                token.iter().filter(|value| value.abs() < THRESHOLD).fold(0.0_f32, |a, value| a.max(value.abs()));
            let factor = if absmax > 0.0 { 127.0 / absmax } else { 0.0 };
            for (code, value) in codes.iter_mut().zip(&plain) {
                *code = round_ties_even(value * factor);
            }
            let sizes = Sizes { rows: 1, inner: self.inputs, columns: self.outputs };
            let row = View::rows(codes, self.inputs);
            add_product((&mut *values, self.outputs), row, (&self.turned, self.outputs), sizes);
            for (value, line) in values.iter_mut().zip(&self.coded.lines) {
                *value *= line.scale * (absmax / 127.0);
            }
            for column in &outliers {
                let weights = &self.turned[column * self.outputs..(column + 1) * self.outputs];
                for ((value, code), line) in values.iter_mut().zip(weights).zip(&self.coded.lines) {
                    *value += token[*column] * code * line.scale;
                }
            }
        }
        Product { values, outliers }
    }
}

/// Columns of rows of `columns` values with a magnitude of at least [`THRESHOLD`].
pub fn outlier_columns(values: &[f32], columns: usize) -> Vec<usize> {
    let mut most = vec![0.0_f32; columns];
    for row in values.chunks_exact(columns.max(1)) {
        for (most, value) in most.iter_mut().zip(row) {
            *most = most.max(value.abs());
        }
    }
    (0..columns).filter(|column| most[*column] >= THRESHOLD).collect()
}
