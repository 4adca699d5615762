//! Model files nobody here wrote: what a reader makes of good and odd ones. Hostile ones: `hostile_files.rs`.

use crate::common::model_files as files;

use files::{Gguf, Llama, Shape, safetensors_from_json, values, write_sharded, write_sparse};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tuneplan::architecture::{Flag, ModelFile, NativeDtype, from_config_text, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn mismatches(model: &ModelFile) -> Vec<&Flag> {
    model.flags().filter(|flag| matches!(flag, Flag::Mismatch(_) | Flag::UnknownModelCode(_))).collect()
}

fn is_unknown(model: &ModelFile) -> bool {
    model.flags().any(|flag| matches!(flag, Flag::UnknownModelCode(_)))
}

/// A checkpoint that transformers saved (`fixtures/headers`): its configuration, header and exact parameters.
#[derive(serde::Deserialize)]
struct Saved {
    config: serde_json::Value,
    total: u64,
    header: serde_json::Value,
}

fn saved() -> Vec<(PathBuf, Saved)> {
    let entries = fs::read_dir(fixture("headers")).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let saved = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (path, saved)
    };
    let all: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "json")).map(read).collect();
    assert!(all.len() >= 24, "{}", all.len());
    all
}

/// Writes the saved header with a hole for its data.
fn write_saved(folder: &Path, saved: &Saved) {
    let ends = saved.header.as_object().unwrap().values().filter_map(|entry| entry["data_offsets"][1].as_u64());
    let data = ends.max().unwrap();
    let header = safetensors_from_json(&saved.header.to_string());
    let mut file = File::create(folder.join("model.safetensors")).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(header.len() as u64 + data).unwrap();
}

#[test]
fn saved_checkpoints_hold_what_their_configurations_say() {
    for (path, saved) in saved() {
        let folder = tempfile::tempdir().unwrap();
        write_saved(folder.path(), &saved);
        fs::write(folder.path().join("config.json"), saved.config.to_string()).unwrap();
        let model = read(folder.path()).unwrap();
        assert_eq!(model.architecture.parameters().total, saved.total, "{}", path.display());
        assert_eq!(mismatches(&model), Vec::<&Flag>::new(), "{}", path.display());
        assert_eq!(model.architecture.native_dtype, NativeDtype::Bf16, "{}", path.display());
        assert_eq!(model.architecture.other_params, 0, "{}", path.display());
    }
}

#[test]
fn without_a_configuration_the_tensors_give_the_total_and_the_layers() {
    for (path, saved) in saved() {
        let folder = tempfile::tempdir().unwrap();
        write_saved(folder.path(), &saved);
        let model = read(&folder.path().join("model.safetensors")).unwrap();
        let expected = from_config_text(&saved.config.to_string()).unwrap();
        let architecture = &model.architecture;
        assert!(is_unknown(&model), "{}", path.display());
        assert_eq!(architecture.parameters().total, saved.total, "{}", path.display());
        assert_eq!(architecture.num_layers(), expected.num_layers(), "{}", path.display());
        assert_eq!(architecture.vocab_size, expected.vocab_size, "{}", path.display());
        assert_eq!(architecture.parameters().embedding, expected.parameters().embedding, "{}", path.display());
        assert_eq!(architecture.parameters().head, expected.parameters().head, "{}", path.display());
        // Every parameter of the layers lies in the layers, known or not.
        let in_layers = |architecture: &tuneplan::architecture::Architecture| -> u64 {
            let hidden = architecture.hidden_size;
            architecture.layers.iter().map(|group| group.count * group.layer.params(hidden)).sum()
        };
        if architecture.hidden_size == expected.hidden_size {
            assert_eq!(in_layers(architecture), in_layers(&expected), "{}", path.display());
        }
    }
}

#[test]
fn an_unknown_class_takes_its_total_from_the_tensors_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = Llama::SMALL.all();
    tensors.extend((0..3).map(|i| (format!("model.layers.{i}.mixer.novelty"), vec![7, 5])));
    write_sparse(&folder.path().join("model.safetensors"), &tensors);
    let config = Llama::SMALL.config().replace("LlamaFor", "NovelFor").replace("\"llama\"", "\"novel\"");
    fs::write(folder.path().join("config.json"), config).unwrap();
    let model = read(folder.path()).unwrap();
    assert!(model.flags().any(|flag| *flag == Flag::UnknownModelCode("NovelForCausalLM".to_owned())));
    assert_eq!(model.architecture.parameters().total, values(&tensors));
    assert_eq!((model.architecture.num_layers(), model.architecture.hidden_size), (3, 32));

    // A configuration with nothing but a name is enough when there are tensors.
    fs::write(folder.path().join("config.json"), r#"{"model_type": "novel"}"#).unwrap();
    let model = read(folder.path()).unwrap();
    assert!(is_unknown(&model));
    assert_eq!(model.architecture.parameters().total, values(&tensors));
}

#[test]
fn tensors_and_configuration_that_disagree_are_flagged_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = Llama::SMALL.all();
    fs::write(folder.path().join("config.json"), Llama::SMALL.config()).unwrap();
    tensors.push(("model.layers.0.extra.weight".to_owned(), vec![1000, 2]));
    write_sparse(&folder.path().join("model.safetensors"), &tensors);
    let model = read(folder.path()).unwrap();
    assert!(matches!(mismatches(&model).as_slice(), [Flag::Mismatch(text)] if text.contains("2,000 more")));
    assert_eq!(model.architecture.parameters().total, values(&tensors));

    tensors.truncate(tensors.len() - 2);
    write_sparse(&folder.path().join("model.safetensors"), &tensors);
    let model = read(folder.path()).unwrap();
    // The last matrix of the last layer is missing: 32 × 48.
    assert!(matches!(mismatches(&model).as_slice(), [Flag::Mismatch(text)] if text.contains("1,536 fewer")));
}

#[test]
fn buffers_scales_and_stored_ties_are_no_parameters() {
    let expected = values(&Llama { tied: true, ..Llama::SMALL }.all());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), Llama { tied: true, ..Llama::SMALL }.config()).unwrap();
    let mut tensors = Llama { tied: true, ..Llama::SMALL }.all();
    for i in 0..3 {
        tensors.push((format!("model.layers.{i}.self_attn.rotary_emb.inv_freq"), vec![4]));
        tensors.push((format!("model.layers.{i}.mlp.down_proj.weight_scale_inv"), vec![1, 1]));
        tensors.push((format!("model.layers.{i}.attn.bias"), vec![1, 1, 8, 8]));
    }
    // The layer that predicts a second token (DeepSeek-V3's 61st) is not loaded.
    tensors.extend(Llama::SMALL.layer(3));
    let path = folder.path().join("model.safetensors");
    write_sparse(&path, &tensors);
    let model = read(folder.path()).unwrap();
    assert_eq!(mismatches(&model), Vec::<&Flag>::new());
    assert_eq!(model.architecture.parameters().total, expected);

    tensors.push(("lm_head.weight".to_owned(), vec![100, 32]));
    write_sparse(&path, &tensors);
    let model = read(folder.path()).unwrap();
    assert_eq!(mismatches(&model), Vec::<&Flag>::new());
    assert_eq!(model.architecture.parameters().total, expected);
    assert!(model.flags().any(|flag| flag.to_string().contains("a second time")));
}

#[test]
fn vision_towers_are_left_out_and_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"{{"architectures": ["SightForConditionalGeneration"], "model_type": "sight", "text_config": {}}}"#,
        Llama::SMALL.config()
    );
    fs::write(folder.path().join("config.json"), config).unwrap();
    let mut tensors: Vec<Shape> =
        Llama::SMALL.all().into_iter().map(|(name, shape)| (format!("language_model.{name}"), shape)).collect();
    tensors.push(("vision_tower.vision_model.embeddings.patch_embedding.weight".to_owned(), vec![16, 3, 4, 4]));
    tensors.push(("multi_modal_projector.linear_1.weight".to_owned(), vec![32, 16]));
    write_sparse(&folder.path().join("model.safetensors"), &tensors);
    let model = read(folder.path()).unwrap();
    assert_eq!(mismatches(&model), Vec::<&Flag>::new());
    assert!(model.flags().any(|flag| *flag == Flag::TextModelOnly));
    assert_eq!(model.architecture.parameters().total, values(&Llama::SMALL.all()));
}

#[test]
fn packed_weights_are_not_taken_for_parameters() {
    // bitsandbytes: a 32 × 32 matrix becomes 512 bytes with one scale for 64 values.
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"model.embed_tokens.weight":{"dtype":"BF16","shape":[100,32],"data_offsets":[0,6400]},
        "model.layers.0.self_attn.q_proj.weight":{"dtype":"U8","shape":[512,1],"data_offsets":[6400,6912]},
        "model.layers.0.self_attn.q_proj.weight.absmax":{"dtype":"F32","shape":[16],"data_offsets":[6912,6976]}}"#;
    let mut bytes = safetensors_from_json(json);
    bytes.resize(bytes.len() + 6976, 0);
    let path = folder.path().join("model.safetensors");
    fs::write(&path, &bytes).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("config.json"), "{error}");
    fs::write(folder.path().join("config.json"), Llama::SMALL.config()).unwrap();
    let model = read(&path).unwrap();
    assert_eq!(model.architecture.parameters().total, values(&Llama::SMALL.all()));
    assert!(model.tensors.as_ref().unwrap().packed);
    assert!(model.flags().any(|flag| flag.to_string().contains("packed")));

    // GPTQ: eight values in one 32-bit word.
    let json = r#"{"model.layers.0.self_attn.q_proj.qweight":{"dtype":"I32","shape":[4,32],"data_offsets":[0,512]}}"#;
    let mut bytes = safetensors_from_json(json);
    bytes.resize(bytes.len() + 512, 0);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(read(&path).unwrap().architecture.parameters().total, values(&Llama::SMALL.all()));
}

#[test]
fn four_hundred_shards_of_a_terabyte_are_one_model() {
    let model = Llama { layers: 400, hidden: 8192, heads: 64, kv_heads: 8, inner: 28672, vocab: 128_256, tied: false };
    // Three copies of every matrix in width: layers of 2.6 GB.
    let wide = Llama { inner: 3 * model.inner, ..model };
    let mut shards: Vec<Vec<Shape>> = (0..400).map(|i| wide.layer(i)).collect();
    shards[0].extend(wide.outside());
    let folder = tempfile::tempdir().unwrap();
    write_sharded(folder.path(), &shards);
    fs::write(folder.path().join("config.json"), wide.config()).unwrap();
    let read_model = read(folder.path()).unwrap();
    let total = values(&wide.all());
    assert!(total * 2 > 1_000_000_000_000, "{total}");
    assert_eq!(read_model.architecture.parameters().total, total);
    assert_eq!(read_model.tensors.as_ref().unwrap().bytes, 2 * total);
    assert_eq!(mismatches(&read_model), Vec::<&Flag>::new());
    // The index and any one shard stand for the whole.
    for name in ["model.safetensors.index.json", "model-00217-of-00400.safetensors"] {
        assert_eq!(read(&folder.path().join(name)).unwrap().architecture, read_model.architecture);
    }
}

#[test]
fn files_beside_the_model_are_not_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), Llama::SMALL.config()).unwrap();
    write_sparse(
        &folder.path().join("consolidated.safetensors"),
        &[("tok_embeddings.weight".to_owned(), vec![100, 32])],
    );
    write_sparse(&folder.path().join("adapter_model.safetensors"), &[("base.lora_A.weight".to_owned(), vec![8, 32])]);
    let shards: Vec<Vec<Shape>> = Llama::SMALL.all().chunks(10).map(<[Shape]>::to_vec).collect();
    write_sharded(folder.path(), &shards);
    fs::remove_file(folder.path().join("model.safetensors.index.json")).unwrap();
    let model = read(folder.path()).unwrap();
    assert_eq!(mismatches(&model), Vec::<&Flag>::new());
    assert_eq!(model.architecture.parameters().total, values(&Llama::SMALL.all()));
}

#[test]
fn an_index_that_differs_from_its_shards_is_flagged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), Llama::SMALL.config()).unwrap();
    write_sharded(folder.path(), &[Llama::SMALL.all()]);
    let index = folder.path().join("model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replace("\"lm_head.weight\"", "\"lm_tail.weight\"")).unwrap();
    let model = read(folder.path()).unwrap();
    assert!(matches!(mismatches(&model).as_slice(), [Flag::Mismatch(text)] if text.contains("`lm_tail.weight`")));
}

#[test]
fn a_gguf_file_of_the_reference_writer_is_read_exactly() {
    // Written with the `gguf` package of llama.cpp: 2 layers, hidden 64, 4 heads of which 2 for keys, inner 96, and a
    // vocabulary list longer than is kept.
    let model = read(&fixture("gguf/llama-tiny.gguf")).unwrap();
    let layer = 64 * 64 * 2 + 2 * 64 * 32 + 3 * 64 * 96 + 2 * 64;
    assert_eq!(model.architecture.parameters().total, 100 * 64 + 64 + 2 * layer);
    assert_eq!(model.architecture.model_code, "LlamaForCausalLM");
    assert_eq!(mismatches(&model), Vec::<&Flag>::new());
    assert!(model.architecture.head.tied);
    assert_eq!(model.architecture.max_positions, Some(512));
    let tensors = model.tensors.as_ref().unwrap();
    let q8_0 = 2 * (layer - 128) / 32 * 34;
    let f32 = 4 * (64 + 8 + 2 * 128);
    assert_eq!(tensors.bytes_by_dtype.get("Q4_0"), Some(&(100 * 64 / 32 * 18)));
    assert_eq!((tensors.bytes_by_dtype.get("Q8_0"), tensors.bytes_by_dtype.get("F32")), (Some(&q8_0), Some(&f32)));
}

/// Q4_K: 256 values in 144 bytes.
const Q4_K: (u32, u64, u64) = (12, 256, 144);
const F32: (u32, u64, u64) = (0, 1, 4);

#[test]
fn gguf_experts_and_fused_matrices_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moe.gguf");
    let (hidden, inner, experts, vocab) = (256, 512, 4, 1000);
    let mut file = Gguf::new()
        .text("general.architecture", "llama")
        .number("llama.embedding_length", 256)
        .number("llama.block_count", 1)
        .number("llama.attention.head_count", 8)
        .number("llama.attention.head_count_kv", 2)
        .number("llama.feed_forward_length", 512)
        .number("llama.expert_count", 4)
        .number("llama.expert_used_count", 2)
        .tensor("token_embd.weight", &[hidden, vocab], Q4_K)
        .tensor("output.weight", &[hidden, vocab], Q4_K)
        .tensor("output_norm.weight", &[hidden], F32)
        .tensor("blk.0.attn_norm.weight", &[hidden], F32)
        .tensor("blk.0.ffn_norm.weight", &[hidden], F32)
        .tensor("blk.0.ffn_gate_inp.weight", &[hidden, experts], F32);
    for (name, rows) in [("attn_q", 256), ("attn_k", 64), ("attn_v", 64), ("attn_output", 256)] {
        file = file.tensor(&format!("blk.0.{name}.weight"), &[hidden, rows], Q4_K);
    }
    for (name, shape) in
        [("gate", [hidden, inner, experts]), ("up", [hidden, inner, experts]), ("down", [inner, hidden, experts])]
    {
        file = file.tensor(&format!("blk.0.ffn_{name}_exps.weight"), &shape, Q4_K);
    }
    file.write(&path);
    let model = read(&path).unwrap();
    let routed = 3 * hidden * inner * experts;
    let total = 2 * vocab * hidden + 3 * hidden + hidden * experts + 2 * hidden * 256 + 2 * hidden * 64 + routed;
    let parameters = model.architecture.parameters();
    assert_eq!(mismatches(&model), Vec::<&Flag>::new());
    assert_eq!((parameters.total, parameters.routed_experts), (total, routed));
    assert_eq!(parameters.active, total - routed / 2);
}

#[test]
fn an_unknown_gguf_architecture_is_read_from_its_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novel.gguf");
    Gguf::new()
        .text("general.architecture", "novel")
        .number("novel.attention.head_count", 4)
        .tensor("token_embd.weight", &[64, 100], F32)
        .tensor("blk.0.attn_q.weight", &[64, 64], F32)
        .tensor("blk.0.attn_k.weight", &[64, 32], F32)
        .tensor("blk.0.attn_v.weight", &[64, 32], F32)
        .tensor("blk.0.attn_output.weight", &[64, 64], F32)
        .tensor("blk.0.strange.weight", &[9, 11], F32)
        .write(&path);
    let model = read(&path).unwrap();
    assert!(model.flags().any(|flag| *flag == Flag::UnknownModelCode("novel".to_owned())));
    assert_eq!(model.architecture.parameters().total, 6400 + 2 * 4096 + 2 * 2048 + 99);
    assert_eq!(model.architecture.parameters().embedding, 6400);
}

#[test]
fn a_split_gguf_model_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let part = |i: u32| folder.path().join(format!("m-{i:05}-of-00002.gguf"));
    let whole = Gguf::new().text("general.architecture", "novel").number("split.count", 2).tensor(
        "token_embd.weight",
        &[64, 100],
        F32,
    );
    whole.write(&part(1));
    Gguf::new().number("split.count", 2).tensor("blk.0.attn_q.weight", &[64, 64], F32).write(&part(2));
    for path in [part(1), part(2), folder.path().to_owned()] {
        assert_eq!(read(&path).unwrap().architecture.parameters().total, 6400 + 4096);
    }
    fs::remove_file(part(2)).unwrap();
    assert!(read(&part(1)).unwrap_err().to_string().contains("part 2 of 2 is not there"));
}
