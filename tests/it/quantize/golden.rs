//! Vectors that other programs produced.
#![allow(dead_code, reason = "each test binary uses its share")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use tuneplan::quantize::scalar::{BF16, FP16, ScalarFormat};

/// Tensors of a safetensors file, as bytes and as numbers.
pub struct Tensors(pub BTreeMap<String, (String, Vec<usize>, Vec<u8>)>);

impl Tensors {
    pub fn open(name: &str) -> Self {
        let bytes = fs::read(format!("tests/fixtures/quantize/{name}.safetensors")).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let data = &bytes[8 + length..];
        let tensors = header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__");
        Self(
            tensors
                .map(|(name, info)| {
                    let at = |i: usize| info["data_offsets"][i].as_u64().unwrap() as usize;
                    let shape = info["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap() as usize);
                    let dtype = info["dtype"].as_str().unwrap().to_owned();
                    (name.clone(), (dtype, shape.collect(), data[at(0)..at(1)].to_vec()))
                })
                .collect(),
        )
    }

    pub fn bytes(&self, name: &str) -> &[u8] {
        &self.0[name].2
    }

    pub fn shape(&self, name: &str) -> &[usize] {
        &self.0[name].1
    }

    pub fn dtype(&self, name: &str) -> &str {
        &self.0[name].0
    }

    pub fn numbers(&self, name: &str) -> Vec<f32> {
        let (dtype, _, bytes) = &self.0[name];
        let half = |format: ScalarFormat| {
            let code = |pair: &[u8]| u64::from(u16::from_le_bytes(pair.try_into().unwrap()));
            bytes.chunks_exact(2).map(|pair| format.decode(code(pair)) as f32).collect()
        };
        match dtype.as_str() {
            "F32" => bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect(),
            "BF16" => half(ScalarFormat::Float(&BF16)),
            "F16" => half(ScalarFormat::Float(&FP16)),
            other => panic!("{other}"),
        }
    }
}

/// Bits a weight and mean squared errors of a format.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub bits: f64,
    /// Of normal values.
    pub normal: f64,
    /// Of values after Student's t with 5 degrees of freedom, scaled to variance 1.
    pub student: f64,
}

/// `gaussian_mse.csv` by format: 2^20 values drawn elsewhere with another generator.
pub fn mse_rows() -> BTreeMap<String, Row> {
    let table = fs::read_to_string("tests/fixtures/quantize/gaussian_mse.csv").unwrap();
    csv::Reader::from_reader(table.as_bytes())
        .records()
        .map(|row| row.unwrap())
        .map(|row| {
            let number = |column: usize| row[column].parse().unwrap();
            (row[0].to_owned(), Row { bits: number(1), normal: number(3), student: number(8) })
        })
        .collect()
}
