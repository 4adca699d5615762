//! A small file of weights.

use std::path::{Path, PathBuf};
use tuneplan::quantize::sample;

/// A model of two layers with one matrix each, the second ten times as large, and a norm.
pub fn model(folder: &Path) -> PathBuf {
    const SHAPE: [usize; 2] = [64, 256];
    let count = SHAPE[0] * SHAPE[1];
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let first = sample::normal(1, count);
    let second: Vec<f32> = sample::normal(2, count).iter().map(|value| 10.0 * value).collect();
    let size = 4 * count;
    let header = serde_json::json!({
        "model.layers.0.mlp.up_proj.weight": { "dtype": "F32", "shape": SHAPE, "data_offsets": [0, size] },
        "model.layers.1.mlp.up_proj.weight": { "dtype": "F32", "shape": SHAPE, "data_offsets": [size, 2 * size] },
        "model.norm.weight": { "dtype": "F32", "shape": [64], "data_offsets": [2 * size, 2 * size + 256] },
    });
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(bytes(&first));
    file.extend(bytes(&second));
    file.extend(bytes(&[1.0; 64]));
    let path = folder.join("model.safetensors");
    std::fs::write(&path, file).unwrap();
    path
}
