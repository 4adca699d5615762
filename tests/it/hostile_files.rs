//! Model files that are broken or meant to break the reader: an error that says what and where, bounded memory, no panic.

use crate::common::model_files as files;

use files::{Gguf, Llama, Shape, safetensors_from_json, safetensors_header, write_sharded, write_sparse};
use proptest::prelude::*;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use tuneplan::architecture::read;

/// The error for a file with these bytes; `name` decides the reader.
fn error_of(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "the error does not say where: {error}");
    error
}

fn safetensors_error(json: &str, data_bytes: usize) -> String {
    let mut bytes = safetensors_from_json(json);
    bytes.resize(bytes.len() + data_bytes, 0);
    error_of("model.safetensors", &bytes)
}

fn whole_safetensors() -> Vec<u8> {
    let (mut bytes, data) = safetensors_header(&Llama { layers: 1, ..Llama::SMALL }.all());
    bytes.resize(bytes.len() + data as usize, 0);
    bytes
}

fn whole_gguf() -> Vec<u8> {
    let file = Gguf::new()
        .text("general.architecture", "llama")
        .number("llama.embedding_length", 32)
        .number("llama.block_count", 1)
        .number("llama.attention.head_count", 4)
        .number("llama.feed_forward_length", 64)
        .tensor("token_embd.weight", &[32, 10], (0, 1, 4))
        .tensor("blk.0.attn_q.weight", &[32, 32], (8, 32, 34));
    let mut bytes = file.header();
    bytes.resize(bytes.len() + 32 * 10 * 4 + 32 * 34, 0);
    bytes
}

#[test]
fn a_safetensors_file_cut_off_anywhere_is_refused() {
    let bytes = whole_safetensors();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, &bytes).unwrap();
    assert!(read(&path).is_ok());
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap());
    for length in 0..bytes.len() {
        // All of the header, and of the data the ends of some pieces.
        if length as u64 <= header || length % 97 == 0 {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(read(&path).is_err(), "cut to {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn a_gguf_file_cut_off_anywhere_is_refused() {
    let bytes = whole_gguf();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    fs::write(&path, &bytes).unwrap();
    assert!(read(&path).is_ok());
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(read(&path).is_err(), "cut to {length} of {} bytes", bytes.len());
    }
}

#[test]
fn absurd_safetensors_headers_are_refused_by_their_length() {
    for length in [1_u64 << 63, u64::MAX, 100_000_001, 1 << 40] {
        let error = error_of("model.safetensors", &length.to_le_bytes());
        assert!(error.contains(&length.to_string()) && error.contains("byte 0"), "{error}");
    }
    // A sparse file that has room for a huge header is no reason to read it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut file = File::create(&path).unwrap();
    file.write_all(&(1_u64 << 39).to_le_bytes()).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("is the most"));
}

#[test]
fn broken_safetensors_headers_say_what_is_wrong() {
    let whole = |entry: &str| format!(r#"{{"model.embed_tokens.weight":{entry}}}"#);
    let cases: [(String, &str); 12] = [
        ("not json".to_owned(), "byte 9"),
        ("[]".to_owned(), "an object"),
        (whole(r#"{"dtype":"F32","shape":[2,2],"data_offsets":[0,17]}"#), "outside the file's 16 data bytes"),
        (whole(r#"{"dtype":"F32","shape":[2,2],"data_offsets":[16,0]}"#), "outside"),
        (whole(r#"{"dtype":"F32","shape":[2,2],"data_offsets":[0,8]}"#), "does not take the 8 bytes"),
        (whole(r#"{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,16]}"#), "can be counted"),
        (whole(r#"{"dtype":"F32","shape":[4294967296,4294967295],"data_offsets":[0,16]}"#), "does not take"),
        (whole(r#"{"dtype":"F32","shape":[-2,2],"data_offsets":[0,16]}"#), "invalid value"),
        (whole(r#"{"dtype":"Q5","shape":[2,2],"data_offsets":[0,16]}"#), "unknown format `Q5`"),
        (whole(r#"{"dtype":"F32","shape":[2,2]}"#), "missing field"),
        (
            r#"{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#.to_owned(),
            "`a.weight` is there twice",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#.to_owned(),
            "share the same data",
        ),
    ];
    for (json, expected) in cases {
        let error = safetensors_error(&json, 16);
        assert!(error.contains(expected), "{json}\n{error}");
    }
    let nested = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let error = safetensors_error(&nested, 0);
    assert!(error.contains("byte"), "{error}");
    let shape = format!(r#"{{"a":{{"dtype":"F32","shape":{}"#, "[".repeat(1_000_000));
    assert!(safetensors_error(&shape, 0).contains("byte"));
    // The place in a header of several lines is that of the file.
    let error = safetensors_error("{\n\n  \"a\": oops}", 0);
    assert!(error.contains("byte 18"), "{error}");
}

#[test]
fn tensors_in_two_shards_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let shards: Vec<Vec<Shape>> = vec![Llama::SMALL.all(), Llama::SMALL.outside()];
    write_sharded(folder.path(), &shards);
    let index = folder.path().join("model.safetensors.index.json");
    assert!(read(folder.path()).unwrap_err().to_string().contains("`model.embed_tokens.weight` is there twice"));
    fs::remove_file(index).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("model-00002-of-00002") && error.contains("model-00001-of-00002"), "{error}");
}

#[test]
fn an_index_cannot_point_outside_its_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    fs::create_dir(&folder).unwrap();
    write_sparse(&outer.path().join("secret.safetensors"), &Llama::SMALL.all());
    let absolute = outer.path().join("secret.safetensors").display().to_string();
    for name in ["../secret.safetensors", &absolute, "sub/../../secret.safetensors", "..", ".", "", "C:\\x.safetensors"]
    {
        let text = serde_json::json!({"weight_map": {"a": name}}).to_string();
        fs::write(folder.join("model.safetensors.index.json"), text).unwrap();
        let error = read(&folder).unwrap_err().to_string();
        assert!(error.contains("not a file of this folder"), "{name}: {error}");
    }
}

#[test]
fn broken_indexes_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("{", "index.json:1:"),
        ("{\n\"weight_map\": 3}", "index.json:2:"),
        ("{}", "weight_map"),
        (r#"{"weight_map": {}}"#, "no tensors"),
        (r#"{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}"#, "`a` is there twice"),
        (r#"{"weight_map": {"a": "gone.safetensors"}}"#, "download is not complete"),
        (r#"{"weight_map": {"a": "pytorch_model.bin"}}"#, "not a safetensors file"),
    ] {
        fs::write(folder.path().join("model.safetensors.index.json"), text).unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}\n{error}");
    }
    fs::remove_file(folder.path().join("model.safetensors.index.json")).unwrap();
    write_sparse(&folder.path().join("model-00001-of-00003.safetensors"), &Llama::SMALL.all());
    assert!(read(folder.path()).unwrap_err().to_string().contains("part 2 of 3 is not there"));
}

#[test]
fn absurd_gguf_counts_are_refused_before_anything_is_made() {
    let gguf = |file: Gguf| error_of("model.gguf", &file.header());
    let mut file = Gguf::new();
    file.tensor_count = Some(u64::MAX);
    assert!(gguf(file).contains("tensors are announced"));
    let mut file = Gguf::new();
    file.pair_count = Some(1 << 60);
    assert!(gguf(file).contains("metadata pairs are announced"));
    // Few enough for the bytes that are there, and far more than any model has.
    let mut file = Gguf::new();
    file.pair_count = Some(1_000_000);
    let mut pairs = file.header();
    pairs.resize(pairs.len() + (20 << 20), 0);
    assert!(error_of("model.gguf", &pairs).contains("1000000 metadata pairs are announced, more than any model"));
    let mut texts = Gguf::TEXT.to_le_bytes().to_vec();
    texts.extend((5_u64 << 20).to_le_bytes());
    texts.resize(texts.len() + (48 << 20), 0);
    assert!(gguf(Gguf::new().raw("tokenizer.ggml.tokens", Gguf::ARRAY, &texts)).contains("more than any model has"));
    let text = Gguf::new().raw("general.architecture", Gguf::TEXT, &u64::MAX.to_le_bytes());
    assert!(gguf(text).contains("bytes of text are announced"));
    let mut array = Gguf::U8.to_le_bytes().to_vec();
    array.extend((1_u64 << 50).to_le_bytes());
    assert!(gguf(Gguf::new().raw("tokenizer.ggml.tokens", Gguf::ARRAY, &array)).contains("array entries"));
    // Arrays in arrays in arrays …
    let mut nested = Vec::new();
    for _ in 0..100_000 {
        nested.extend(Gguf::ARRAY.to_le_bytes());
        nested.extend(1_u64.to_le_bytes());
    }
    assert!(gguf(Gguf::new().raw("a", Gguf::ARRAY, &nested)).contains("nested too deeply"));
    assert!(gguf(Gguf::new().raw("a", 99, &[])).contains("unknown kind of metadata value 99"));
    let mut newer = Gguf::new();
    newer.version = 4;
    assert!(gguf(newer).contains("version 4"));
    let mut swapped = Gguf::new();
    swapped.version = 3_u32.swap_bytes();
    assert!(gguf(swapped).contains("big-endian"));
    assert!(error_of("model.gguf", b"GGML\x03\0\0\0").contains("not a GGUF file"));
}

/// Limits on bytes are none on counts: a byte of JSON becomes dozens as a value.
#[test]
fn files_of_too_many_values_are_refused() {
    let many: Vec<String> =
        (0..300_001).map(|i| format!("\"t{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")).collect();
    assert!(safetensors_error(&format!("{{{}}}", many.join(",")), 0).contains("more than any model"));
    let names: Vec<String> = (0..300_001).map(|i| format!("\"t{i}\":\"a.safetensors\"")).collect();
    let index = format!("{{\"weight_map\":{{{}}}}}", names.join(","));
    assert!(error_of("model.safetensors.index.json", index.as_bytes()).contains("more than any model"));
    let config = format!("{{\"layer_types\":[{}]}}", vec!["1"; 300_000].join(","));
    assert!(error_of("config.json", config.as_bytes()).contains("over 200,000 values"));
}

/// A pipe in the place of a model's file: without the check this test would never end.
#[cfg(unix)]
#[test]
fn pipes_in_a_model_folder_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.safetensors", "model.gguf", "config.json"] {
        let path = folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(read(&path).is_err());
    }
    assert!(read(folder.path()).is_err());
}

#[test]
fn a_sparse_terabyte_of_zeros_is_no_gguf_header() {
    // Room for any count: only limits of its own keep the reader from following it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    for (tensors, array) in [(1_u64 << 35, false), (0, true)] {
        let mut file = Gguf::new();
        file.tensor_count = Some(tensors);
        file.pair_count = Some(1);
        if array {
            let mut value = Gguf::TEXT.to_le_bytes().to_vec();
            value.extend((1_u64 << 30).to_le_bytes());
            file = file.raw("tokenizer.ggml.tokens", Gguf::ARRAY, &value);
        }
        let mut out = File::create(&path).unwrap();
        out.write_all(&file.header()).unwrap();
        out.set_len(1 << 40).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("announced") || error.contains("header of over"), "{error}");
    }
}

#[test]
fn broken_gguf_tensors_say_what_is_wrong() {
    let gguf = |file: Gguf| error_of("model.gguf", &file.header());
    assert!(gguf(Gguf::new().tensor_at("a", &[u64::MAX, 3], 0, 0)).contains("can be counted"));
    assert!(gguf(Gguf::new().tensor_at("a", &[1 << 62], 0, 0)).contains("whole blocks"));
    assert!(gguf(Gguf::new().tensor_at("a", &[33], 8, 0)).contains("whole blocks of Q8_0"));
    assert!(gguf(Gguf::new().tensor_at("a", &[1; 9], 0, 0)).contains("9 dimensions"));
    assert!(gguf(Gguf::new().tensor_at("a", &[4], 77, 0)).contains("unknown type 77"));
    assert!(gguf(Gguf::new().tensor_at("a", &[4], 0, 1 << 40)).contains("past the end"));
    assert!(gguf(Gguf::new().tensor_at("a", &[4], 0, u64::MAX)).contains("past the end"));
    let twice = Gguf::new().tensor_at("a", &[0], 0, 0).tensor_at("a", &[0], 0, 0);
    assert!(gguf(twice).contains("`a` is there twice"));
    let mut overlapping = Gguf::new().tensor("a", &[8], (0, 1, 4)).tensor_at("b", &[8], 0, 16).header();
    overlapping.resize(overlapping.len() + 64, 0);
    assert!(error_of("model.gguf", &overlapping).contains("`b` overlaps"));
    let twice = Gguf::new().number("a", 1).number("a", 2);
    assert!(gguf(twice).contains("`a` is there twice"));
    assert!(gguf(Gguf::new().tensor_at("a", &[0], 0, 0)).contains("general.architecture"));
}

#[test]
fn absurd_numbers_in_gguf_metadata_are_refused() {
    let with = |key: &str, value: u64| {
        let file = Gguf::new()
            .text("general.architecture", "llama")
            .number("llama.attention.head_count", 4)
            .number("llama.vocab_size", 10)
            .raw(key, 10, &value.to_le_bytes());
        error_of("model.gguf", &file.header())
    };
    assert!(with("llama.embedding_length", u64::MAX).contains("hidden_size"));
    assert!(with("llama.block_count", 1 << 50).contains("num_hidden_layers"));
    assert!(with("llama.feed_forward_length", 0).contains("intermediate_size"));
}

#[test]
fn other_paths_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read(folder.path()).unwrap_err().to_string().contains("no config.json, .safetensors or .gguf"));
    assert!(read(&folder.path().join("nothing")).is_err());
    assert!(error_of("pytorch_model.bin", b"x").contains("config.json"));
    assert!(error_of("notes.txt", b"x").contains("not a config.json"));
    assert!(error_of("config.json", b"{\n  \"model_type\": \"llama\",\n  oops\n}").contains("config.json:3:3"));
    assert!(error_of("config.json", &[b'{', 0xff]).contains("byte 1"));
    // A configuration of a gigabyte is not read.
    let path = folder.path().join("config.json");
    File::create(&path).unwrap().set_len(1 << 30).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("16 MiB"));
    for name in ["one.gguf", "two.gguf"] {
        fs::write(folder.path().join(name), whole_gguf()).unwrap();
    }
    fs::remove_file(&path).unwrap();
    assert!(read(folder.path()).unwrap_err().to_string().contains("open one of them"));
}

fn mutated(bytes: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, value) in changes {
        let at = at % bytes.len();
        bytes[at] = *value;
    }
    bytes
}

/// Whatever the bytes: an answer, not a panic; and never more parameters than the file has room for.
fn survives(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    if let Ok(model) = read(path) {
        let tensors = model.tensors.unwrap();
        assert!(tensors.bytes <= bytes.len() as u64);
        let _ = model.architecture.parameters();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_change_to_a_safetensors_file_makes_the_reader_panic(changes in prop::collection::vec((0_usize..2600, any::<u8>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        survives(&folder.path().join("model.safetensors"), &mutated(&whole_safetensors(), &changes));
    }

    #[test]
    fn no_change_to_a_gguf_file_makes_the_reader_panic(changes in prop::collection::vec((0_usize..400, any::<u8>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        survives(&folder.path().join("model.gguf"), &mutated(&whole_gguf(), &changes));
    }

    #[test]
    fn no_numbers_in_a_configuration_make_the_reader_panic(
        family in prop::sample::select(vec!["llama", "falcon", "gpt2", "deepseek_v3", "qwen3_next", "gemma4_text", "opt", "gpt_neo", "novel"]),
        keys in prop::collection::vec((
            prop::sample::select(vec![
                "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
                "intermediate_size", "num_experts_per_tok", "n_routed_experts", "sliding_window", "num_kv_shared_layers",
                "layer_types", "decoder_sparse_step", "rotary_dim", "text_config", "architectures",
            ]),
            prop::sample::select(vec!["0", "1", "7", "1e3", "-1", "1099511627776", "18446744073709551615", "null", "[]", "{}", "\"x\"", "true", "0.5"]),
        ), 0..8),
    ) {
        let keys: Vec<String> = keys.iter().map(|(key, value)| format!(", \"{key}\": {value}")).collect();
        let text = format!("{{\"model_type\": \"{family}\"{}}}", keys.concat());
        if let Ok(architecture) = tuneplan::architecture::from_config_text(&text) {
            let parameters = architecture.parameters();
            prop_assert!(parameters.active <= parameters.total);
        }
    }
}
