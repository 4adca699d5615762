//! Predicted against measured: both layouts, any order of columns, every fault named, and the accuracy that holds now.

use std::fs;
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::units::percent;
use tuneplan::validation::{Accuracy, Evidence, Peer, Report, RowResult, validate};

fn report(text: &str) -> Report {
    validate(text, Catalog::embedded(), Profiles::embedded()).unwrap()
}

fn shipped(name: &str) -> String {
    fs::read_to_string(format!("assets/validation/{name}.csv")).unwrap()
}

const TRUTH_HEADER: &str = "id,model,method,weights,amp,optimizer,micro_batch,seq,grad_ckpt,peak_bytes";

/// One row that the estimate knows well, with another measured peak.
fn truth_row(id: &str, peak: u64) -> String {
    format!("{id},Llama-3.2-1B,full,bf16,none,adamw_fused,1,1024,1,{peak}")
}

fn predicted() -> u64 {
    report(&format!("{TRUTH_HEADER}\n{}\n", truth_row("a", 1))).per_row[0].predicted_bytes
}

#[test]
fn errors_are_predicted_over_measured_minus_one() {
    let bytes = predicted();
    let text = format!(
        "{TRUTH_HEADER}\n{}\n{}\n{}\n",
        truth_row("exact", bytes),
        truth_row("half", bytes * 2),
        truth_row("double", bytes / 2)
    );
    let report = report(&text);
    let errors: Vec<f64> = report.per_row.iter().map(|row| row.error).collect();
    assert!((errors[0]).abs() < 1e-9 && (errors[1] + 0.5).abs() < 1e-6 && (errors[2] - 1.0).abs() < 1e-6, "{errors:?}");
    // Absolute errors 0, 0.5, 1: the median is 0.5, the mean of the signed ones 1/6, one of three lies in the band.
    assert!((report.overall.median_abs_error.unwrap() - 0.5).abs() < 1e-6);
    assert!((report.overall.bias.unwrap() - 1.0 / 6.0).abs() < 1e-6);
    assert!((report.overall.within_interval.unwrap() - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!((report.rows, report.predicted), (3, 3));
}

#[test]
fn columns_may_stand_in_any_order_and_extra_ones_do_no_harm() {
    let plain = report(&format!("{TRUTH_HEADER}\n{}\n", truth_row("a", 5_000_000_000)));
    let shuffled = report(
        "\u{feff}peak_bytes,note,seq,micro_batch,optimizer,amp,weights,method,model,grad_ckpt,id\r\n\
         5000000000,\"a, b\",1024.0,1,adamw_fused,none,bf16,full,Llama-3.2-1B,true,a\r\n\r\n",
    );
    assert_eq!(plain.per_row[0].predicted_bytes, shuffled.per_row[0].predicted_bytes);
    assert_eq!(plain.per_row[0].error, shuffled.per_row[0].error);
}

#[test]
fn rows_that_cannot_be_used_are_skipped_with_their_line_and_reason() {
    let text = format!(
        "{TRUTH_HEADER}\n{}\nb,Llama-3.2-1B,full,bf16,none,adamw_fused,one,1024,1,5\nc,No-Such-Model,full,bf16,none,adamw_fused,1,1024,1,5\n\
         d,Llama-3.2-1B,magic,bf16,none,adamw_fused,1,1024,1,5\ne,Llama-3.2-1B,full\nf,Llama-3.2-1B,full,bf16,none,adamw_fused,1,1024,1,0\n",
        truth_row("a", 5_000_000_000)
    );
    let report = report(&text);
    assert_eq!((report.rows, report.predicted), (6, 1));
    let whys: Vec<String> = report.skipped.iter().map(|row| format!("{} {}", row.id, row.why)).collect();
    let said = |part: &str| assert!(whys.iter().any(|why| why.contains(part)), "{part}: {whys:?}");
    said("b line 3: `micro_batch` is not a whole number");
    said("c line 4: the model “No-Such-Model”");
    said("d line 5: column 3 (`method`): “magic” is not known");
    said("line 6: 3 cells where the header has 10");
    said("f line 7: `peak_bytes` is 0");
}

#[test]
fn texts_that_are_no_table_are_refused_with_what_is_missing() {
    let refusal = |text: &str| validate(text, Catalog::embedded(), Profiles::embedded()).unwrap_err().to_string();
    assert!(refusal("").contains("empty"));
    assert!(refusal("a,b\n1,2\n").contains("`peak_bytes`"));
    assert!(refusal("id,peak_bytes\nx,1\n").contains("lacks `model`"));
    assert!(refusal("id,peak_gib,metric\nx,1,y\n").contains("`weight_format`"));
    assert!(refusal(&format!("{TRUTH_HEADER},seq\n")).contains("`seq` appears twice"));
    assert!(report(&format!("{TRUTH_HEADER}\n")).per_row.is_empty());
}

#[test]
fn published_rows_say_which_answer_they_measure() {
    let header = "id,task,model,method,weight_format,seq_len,micro_batch,peak_gib,metric,num_gpus";
    let row = |id: &str, metric: &str, devices: &str| {
        format!("{id},inference,meta-llama/Llama-3.1-8B,generate 50,bf16,512,1,16.0,{metric},{devices}")
    };
    let text = format!(
        "{header}\n{}\n{}\n{}\n{}\n{}\n",
        row("allocated", "max_memory_allocated", "1"),
        row("reserved", "max_memory_reserved", "1"),
        row("process", "nvidia-smi peak", "1"),
        row("bound", "card size (upper bound)", "1"),
        row("two", "max_memory_allocated", "2")
    );
    let report = report(&text);
    let bytes = |id: &str| report.per_row.iter().find(|row| row.id == id).unwrap().predicted_bytes;
    assert!(bytes("allocated") < bytes("reserved") && bytes("reserved") < bytes("process"));
    let skipped: Vec<&str> = report.skipped.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(skipped, ["bound"]);
    // Inference on two cards is the sum over both: the weights once, and little beside them.
    let (one, two) = (bytes("allocated"), bytes("two"));
    assert!(two >= one && two < one + (1 << 30), "{one} {two}");
}

const PUBLISHED_HEADER: &str = "id,task,model,hidden,layers,heads,kv_heads,ffn,vocab,method,weight_format,compute_dtype,adapter_dtype,lora_rank,lora_targets,optimizer,seq_len,seq_kind,micro_batch,grad_accum,grad_ckpt,attn,loss_kernel,framework,gpu,num_gpus,sharding,peak_gib,metric,completeness";

/// A row of torchtitan on eight H100, with other words where they are given (pytorch/ao
/// docs/source/workflows/training.md: 47.65 GiB reserved).
fn torchtitan_row(words: &[(&str, &str)]) -> String {
    let usual = "t,train,meta-llama/Meta-Llama-3-8B,4096,32,32,8,14336,128256,full,fp32 params (FSDP mixed bf16),bf16,,,,AdamW (fp32 states),8192,packed exact,1,1,selective (op),sdpa (flash),compiled CE,torchtitan,H100 80GB,8,FSDP2 + compile,47.65,max_reserved,full";
    let mut cells: Vec<&str> = usual.split(',').collect();
    let columns: Vec<&str> = PUBLISHED_HEADER.split(',').collect();
    for (column, word) in words {
        cells[columns.iter().position(|name| name == column).unwrap()] = word;
    }
    format!("{PUBLISHED_HEADER}\n{}\n", cells.join(","))
}

#[test]
fn checkpointing_of_single_operators_is_read_as_such() {
    let report = report(&torchtitan_row(&[]));
    assert!(report.per_row[0].error.abs() < 0.15, "{:?}", report.per_row);
}

#[test]
fn a_word_that_is_not_known_is_refused_with_line_and_column_in_either_layout() {
    for (column, word) in [
        ("task", "pretraining"),
        ("method", "full+galore128"),
        ("weight_format", "q3_k and q6_k"),
        ("compute_dtype", "tf32"),
        ("optimizer", "soap"),
        ("seq_kind", "packed roughly"),
        ("grad_ckpt", "selective (every 2nd layer)"),
        ("attn", "sparse"),
        ("loss_kernel", "chunked CE"),
        ("sharding", "FSDP2 + tiles"),
        ("sharding", "DeepSpeed ZeRO-3 + CPU offload"),
        ("metric", "max_memory_allocated or so"),
        ("completeness", "perhaps"),
    ] {
        let report = report(&torchtitan_row(&[(column, word)]));
        let place = PUBLISHED_HEADER.split(',').position(|name| name == column).unwrap() + 1;
        assert_eq!(report.predicted, 0, "{column} {word}");
        let start = format!("line 2: column {place} (`{column}`): “");
        assert!(report.skipped[0].why.starts_with(&start), "{}", report.skipped[0].why);
    }
    for (column, word) in [("lora_targets", "q_proj router"), ("lora_rank", "a few"), ("adapter_dtype", "int8")] {
        let lora = [("method", "LoRA"), ("grad_ckpt", "full"), ("lora_rank", "8"), (column, word)];
        let why = &report(&torchtitan_row(&lora)).skipped[0].why;
        assert!(why.contains(&format!("(`{column}`): “")), "{why}");
    }
    let inference = [("task", "inference"), ("method", "generate with beams"), ("num_gpus", "1"), ("sharding", "")];
    assert!(report(&torchtitan_row(&inference)).skipped[0].why.contains("(`method`): “with beams”"));
    for (at, word) in [(2, "adapter"), (3, "int4"), (4, "fp8"), (5, "muon")] {
        let usual = truth_row("a", 1);
        let mut cells: Vec<&str> = usual.split(',').collect();
        cells[at] = word;
        let why = &report(&format!("{TRUTH_HEADER}\n{}\n", cells.join(","))).skipped[0].why;
        assert!(why.starts_with(&format!("line 2: column {} (`", at + 1)) && why.contains(word), "{why}");
    }
}

#[test]
fn hostile_cells_do_not_break_anything() {
    let huge = "9".repeat(400);
    for cell in ["-1", "NaN", "inf", "1e308", huge.as_str(), "\u{0}", "1,1", "\"", "=cmd()"] {
        let text = format!("{TRUTH_HEADER}\na,Llama-3.2-1B,full,bf16,none,adamw_fused,{cell},1024,1,5000\n");
        if let Ok(report) = validate(&text, Catalog::embedded(), Profiles::embedded()) {
            assert!(report.per_row.iter().all(|row| row.error.is_finite()), "{cell}");
        }
    }
}

#[test]
fn exact_rows_are_predicted_to_the_stated_accuracy() {
    for name in ["truth-dev", "truth-extra"] {
        let report = report(&shipped(name));
        assert_eq!(report.skipped, [], "{name}");
        assert!(report.overall.median_abs_error.unwrap() <= 0.000_1, "{name}: {:?}", report.overall);
        assert!(report.overall.p95_abs_error.unwrap() <= 0.002, "{name}: {:?}", report.overall);
        assert!(report.overall.within_interval.unwrap() >= 0.99, "{name}: {:?}", report.overall);
        let phases = report.phase_agreement.unwrap();
        assert!(phases.agreeing * 100 >= phases.rows * 99, "{name}: {phases:?}");
    }
}

#[test]
fn published_rows_stay_at_least_as_good_as_they_are() {
    let report = report(&shipped("published-memory"));
    assert_eq!(report.rows, 799);
    assert!(report.predicted >= 350, "{}", report.predicted);
    assert!(report.overall.median_abs_error.unwrap() <= 0.06, "{:?}", report.overall);
    assert!(report.complete.median_abs_error.unwrap() <= 0.025, "{:?}", report.complete);
    // The bands are meant to hold about nine of ten rows: neither far fewer, nor all of them.
    let inside = report.overall.within_interval.unwrap();
    assert!((0.82..=0.97).contains(&inside), "{:?}", report.overall);
    let of = |source: &str| report.by_source[source];
    let fms = |sharing: &str| {
        let chosen = |row: &&RowResult| row.source == "fms-acceleration" && row.sharing == sharing;
        Accuracy::of(report.per_row.iter().filter(chosen))
    };
    assert!(fms("one device").median_abs_error.unwrap() <= 0.02, "{:?}", fms("one device"));
    let sharded = fms("fsdp");
    assert!(sharded.rows >= 100 && sharded.median_abs_error.unwrap() <= 0.055, "{sharded:?}");
    // 64 devices of 405 billion parameters in a pipeline of eight, tensor, context and data parallel.
    for sharing in ["fsdp2 tensor pipeline", "fsdp2 tensor context pipeline"] {
        assert!(report.by_sharing[sharing].p95_abs_error.unwrap() <= 0.1, "{:?}", report.by_sharing[sharing]);
    }
    for (source, most) in [("Qwen3-speed-benchmark", 0.01), ("Qwen2-speed-benchmark", 0.02)] {
        assert!(of(source).median_abs_error.unwrap() <= most, "{source}: {:?}", of(source));
    }
    assert!(of("fitcheck-T4").median_abs_error.unwrap() <= 0.02, "{:?}", of("fitcheck-T4"));
}

/// Figures of `peers.md`, computed independently of this program for the training rows of `truth-dev.csv`: rows, median
/// and 95th percentile of the absolute errors, median of the signed ones.
#[test]
fn public_formulas_err_as_an_independent_computation_says() {
    let report = report(&shipped("truth-dev"));
    let published = [
        (Peer::Accelerate, 133, 0.542, 1.851),
        (Peer::TextbookStates, 148, 0.465, 0.966),
        (Peer::EleutherAi, 148, 1.440, 6.696),
        (Peer::Megatron, 148, 0.289, 0.775),
    ];
    for (peer, rows, median, p95) in published {
        let found = report.peers.iter().find(|found| found.peer == peer).unwrap();
        assert_eq!(found.accuracy.rows, rows, "{peer:?}");
        assert!((found.accuracy.median_abs_error.unwrap() - median).abs() < 6e-4, "{peer:?} {:?}", found.accuracy);
        assert!((found.accuracy.p95_abs_error.unwrap() - p95).abs() < 6e-4, "{peer:?} {:?}", found.accuracy);
        assert!(found.ours.p95_abs_error.unwrap() < 0.01, "{peer:?} {:?}", found.ours);
    }
}

/// The README's table is that of the shipped rows, to the digit.
#[test]
fn the_accuracy_table_of_the_readme_is_computed() {
    let evidence = Evidence::embedded();
    let readme = fs::read_to_string("README.md").unwrap();
    let figure = |share: Option<f64>| percent(share.unwrap());
    let mut lines = Vec::new();
    for class in &evidence.classes {
        let rows = match class.of_rows {
            Some(all) => format!("{} of {all}", class.accuracy.rows),
            None => class.accuracy.rows.to_string(),
        };
        lines.push((class.name, rows, class.accuracy));
    }
    for found in &evidence.peers {
        lines.push((found.peer.label(), found.accuracy.rows.to_string(), found.accuracy));
    }
    let missing: Vec<String> = lines
        .into_iter()
        .map(|(name, rows, accuracy)| {
            let (median, p95) = (figure(accuracy.median_abs_error), figure(accuracy.p95_abs_error));
            format!("| {name} | {rows} | {median} | {p95} |")
        })
        .filter(|line| !readme.contains(line.as_str()))
        .collect();
    assert!(missing.is_empty(), "the README lacks\n{}", missing.join("\n"));
}
