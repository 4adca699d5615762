//! Which files hold the tensors of a model, and where in them.

use super::files::ReadError;
use super::shards::{self, Shards};
pub use super::tensors::{Tensor, layer_index};
use super::{gguf, safetensors};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Tensors of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorFile {
    /// The file.
    pub path: PathBuf,
    /// Its tensors, in the order of the header.
    pub tensors: Vec<Tensor>,
}

/// Tensors of the model at `path`: a safetensors or GGUF file with its further parts, an index, or a folder of these.
/// Only headers are read.
pub fn tensor_files(path: &Path) -> Result<Vec<TensorFile>, ReadError> {
    let metadata = std::fs::metadata(path).map_err(|error| ReadError::io(path, &error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let files = if metadata.is_dir() {
        let Shards { files, .. } = shards::of_folder(path)?;
        if files.is_empty() { shards::files_with(path, "gguf")? } else { files }
    } else if name.ends_with(".safetensors.index.json") {
        shards::of_index(path)?.files
    } else {
        shards::siblings(path)?
    };
    if files.is_empty() {
        return Err(ReadError::whole(path, "no .safetensors or .gguf file in this folder, so no weights"));
    }
    files
        .into_iter()
        .map(|path| {
            let tensors = match path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).as_deref() {
                Some("safetensors") => safetensors::read_header(&path)?,
                Some("gguf") => gguf::tensors(&path)?,
                _ => return Err(ReadError::whole(&path, "not a .safetensors or .gguf file, nor a folder of these")),
            };
            Ok(TensorFile { path, tensors })
        })
        .collect()
}

/// Tensors of a safetensors file in memory; `name` stands for it in messages.
pub fn tensors_in(name: &str, bytes: &[u8]) -> Result<Vec<Tensor>, ReadError> {
    safetensors::parse_header(Path::new(name), bytes.len() as u64, &mut Cursor::new(bytes))
}
