//! Headers of GGUF files (versions 2 and 3): metadata and tensor list. The tensor data is not read here.
//!
//! Layout after ggml's `gguf.md`: magic, version, number of tensors, number of metadata pairs, the pairs, the tensor
//! infos, padding, data. A model may be split over numbered files; the first has the metadata.

use super::Flag;
use super::files::{ModelFile, ReadError};
use super::shards::siblings;
use super::tensors::{Tensor, TensorSummary, native_dtype, reconcile};
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

mod header;
mod keys;

/// Tensors of one file.
pub fn tensors(path: &Path) -> Result<Vec<Tensor>, ReadError> {
    Ok(header::read(path)?.tensors)
}

/// Reads the model a file describes, with the other files of a split model.
pub fn read(path: &Path) -> Result<ModelFile, ReadError> {
    let mut header = header::read(path)?;
    let mut source = format!("GGUF file {}", path.display());
    if header.metadata.get("split.count").and_then(Value::as_u64).is_some_and(|count| count > 1) {
        let parts = siblings(path)?;
        if parts.len() == 1 {
            let text = "one file of a split model, but its name does not say which (`…-00001-of-00003.gguf`)";
            return Err(ReadError::whole(path, text));
        }
        header = header::read(&parts[0])?;
        for part in &parts[1..] {
            header.tensors.extend(header::read(part)?.tensors);
        }
        source = format!("GGUF model of {} files, first {}", parts.len(), parts[0].display());
    }
    let mut names = HashSet::with_capacity(header.tensors.len());
    if let Some(twice) = header.tensors.iter().find(|tensor| !names.insert(&tensor.name)) {
        return Err(ReadError::whole(path, format!("tensor `{}` is in two files of the model", twice.name)));
    }
    let summary = TensorSummary::of(&header.tensors);
    let mut architecture = keys::architecture(path, &header.metadata, &header.tensors)?;
    reconcile(&mut architecture, &header.tensors, &summary);
    architecture.native_dtype = native_dtype(&summary);
    let bits = summary.bytes as f64 * 8.0 / summary.values.max(1) as f64;
    architecture.flags.push(Flag::Note(format!("the file holds {bits:.2} bits a weight over all tensors")));
    Ok(ModelFile { source, architecture, tensors: Some(summary) })
}
