//! Folders people have: half a download, pointers instead of weights, a cache, pickles alone. Each is read as far as it can
//! be, and says why no further.

use crate::common::model_files::{Llama, values, write_sparse};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tuneplan::architecture::{Flag, read};

/// What a pointer of Git LFS looks like.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:0f2c\nsize 4976698672\n";

fn with_config() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), Llama::SMALL.config()).unwrap();
    folder
}

/// Reads the folder from its configuration alone, and is told why.
fn is_read_with(folder: &Path, why: &str) {
    let model = read(folder).unwrap();
    assert_eq!(model.architecture.parameters().total, values(&Llama::SMALL.all()));
    assert!(model.tensors.is_none());
    let told = model.flags().any(|flag| matches!(flag, Flag::Note(text) if text.contains(why)));
    assert!(told, "{:?}", model.architecture.flags);
}

fn refused(folder: &Path, word: &str) {
    let error = read(folder).unwrap_err().to_string();
    assert!(error.contains(word), "{error}");
}

#[test]
fn an_index_without_its_shards_is_half_a_download() {
    let folder = with_config();
    let index = r#"{"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}"#;
    fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    is_read_with(folder.path(), "the download is not complete");
    // Without the configuration there is nothing to read.
    fs::remove_file(folder.path().join("config.json")).unwrap();
    refused(folder.path(), "the download is not complete");
}

#[test]
fn one_shard_of_two_is_half_a_download() {
    let folder = with_config();
    write_sparse(&folder.path().join("model-00001-of-00002.safetensors"), &Llama::SMALL.all());
    is_read_with(folder.path(), "part 2 of 2 is not there");
}

#[test]
fn a_pointer_of_git_lfs_is_no_weights() {
    let folder = with_config();
    fs::write(folder.path().join("model.safetensors"), POINTER).unwrap();
    is_read_with(folder.path(), "Git LFS");
    fs::remove_file(folder.path().join("config.json")).unwrap();
    refused(folder.path(), "git lfs pull");
}

#[test]
fn weights_that_are_broken_are_still_an_error() {
    let folder = with_config();
    fs::write(folder.path().join("model.safetensors"), b"\xff\xff\xff\xff\xff\xff\xff\xffrest").unwrap();
    refused(folder.path(), "announced");
}

#[test]
fn the_root_of_a_hub_cache_opens_its_snapshot() {
    let cache = tempfile::tempdir().unwrap();
    let snapshot = cache.path().join("snapshots/abc123");
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir(cache.path().join("refs")).unwrap();
    fs::write(cache.path().join("refs/main"), "abc123\n").unwrap();
    fs::write(snapshot.join("config.json"), Llama::SMALL.config()).unwrap();
    let model = read(cache.path()).unwrap();
    assert_eq!(model.architecture.parameters().total, values(&Llama::SMALL.all()));
    // A reference is a name, and leads nowhere else.
    fs::write(cache.path().join("refs/main"), "../../elsewhere").unwrap();
    refused(cache.path(), "no config.json");
}

#[test]
fn folders_without_a_configuration_say_what_they_are() {
    for (name, word) in [
        ("pytorch_model.bin", "pickled"),
        ("consolidated.00.pth", "pickled"),
        ("params.json", "config.json"),
        ("adapter_config.json", "base model"),
        ("readme.txt", "no config.json"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), "{}").unwrap();
        refused(folder.path(), word);
    }
}
