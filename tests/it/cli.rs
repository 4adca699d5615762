//! The command line: every answer, every refusal, and the JSON that other programs read.

use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use tuneplan::cli::{self, Outcome};
use tuneplan::plan::{file, templates};

struct Run {
    outcome: Outcome,
    out: String,
    err: String,
}

fn run(args: &[&str]) -> Run {
    let args = std::iter::once("tuneplan").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = cli::run(args, &mut out, &mut err);
    Run { outcome, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn json(args: &[&str]) -> Value {
    let done = run(args);
    assert_eq!(done.outcome, Outcome::Done, "{}", done.err);
    serde_json::from_str(&done.out).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Every device of a plan that shares work is listed, and the one that needs most is the headline.
#[test]
fn estimate_json_lists_every_device() {
    let one = json(&["estimate", "--json"]);
    assert_eq!(one["ranks"].as_array().unwrap().len(), 1);
    let shared = ["estimate", "--devices", "8", "--pipeline-parallel", "2", "--strategy", "ddp"];
    let answer = json(&[&shared[..], &["--gradient-accumulation", "4", "--json"]].concat());
    let ranks = answer["ranks"].as_array().unwrap();
    assert_eq!(ranks.len(), 8);
    let number = |rank: &Value, key: &str| rank[key].as_u64().unwrap();
    for (index, rank) in (0_u64..).zip(ranks) {
        assert_eq!((number(rank, "rank"), number(rank, "stage")), (index, index / 4));
        let phases = rank["phases"].as_array().unwrap().iter().map(|phase| number(phase, "bytes")).max();
        assert_eq!(phases, Some(number(rank, "peak_bytes")));
        let sum: u64 = rank["components"].as_array().unwrap().iter().map(|part| number(part, "bytes")).sum();
        assert_eq!(sum, number(rank, "process_bytes"));
        assert_eq!(number(rank, "host_bytes"), 0);
    }
    let most = ranks.iter().map(|rank| number(rank, "process_bytes")).max();
    assert_eq!(most, answer["peak_bytes"]["process"]["expected"].as_u64());
    let text = run(&shared).out;
    assert!(text.contains("needs most") && text.contains("this device's part"), "{text}");
}

#[test]
fn estimate_json_has_every_promised_key_with_whole_bytes() {
    let answer = json(&["estimate", "--json"]);
    for scope in ["tensors", "reserved", "process"] {
        let band = &answer["peak_bytes"][scope];
        let (low, expected, high) =
            (band["low"].as_u64().unwrap(), band["expected"].as_u64().unwrap(), band["high"].as_u64().unwrap());
        assert!(low <= expected && expected <= high, "{scope}");
    }
    assert!(answer["peak_phase"].is_string());
    let phases = answer["phases"].as_array().unwrap();
    let names: Vec<&str> = phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["load", "forward", "backward", "optimizer_step"]);
    let most = phases.iter().map(|phase| phase["bytes"].as_u64().unwrap()).max().unwrap();
    assert_eq!(most, answer["peak_bytes"]["tensors"]["expected"].as_u64().unwrap());
    let components = answer["components"].as_array().unwrap();
    let sum: u64 = components.iter().map(|component| component["bytes"].as_u64().unwrap()).sum();
    assert_eq!(sum, answer["peak_bytes"]["process"]["expected"].as_u64().unwrap());
    assert!(components.iter().all(|component| component["exact"].is_boolean() && component["name"].is_string()));
    assert!(answer["fits"].is_boolean());
    assert!(answer["textbook_bytes"].is_u64());
    // LoRA of rank 16 on every linear layer of Llama-3.1-8B: 16 · 32 · Σ(inputs + outputs) of its seven matrices.
    let per_layer: u64 =
        [(4096, 4096), (4096, 1024), (4096, 1024), (4096, 4096), (4096, 14336), (4096, 14336), (14336, 4096)]
            .iter()
            .map(|(inputs, outputs)| inputs + outputs)
            .sum();
    assert_eq!(answer["parameters"]["trainable"].as_u64().unwrap(), 16 * 32 * per_layer);
    assert_eq!(answer["parameters"]["total"].as_u64().unwrap(), 8_030_261_248 + 16 * 32 * per_layer);
}

/// A derivation and its parts with every line that must stand in the text.
fn lines_of(derivation: &Value, lines: &mut Vec<String>) {
    let word = |key: &str| derivation[key].as_str().unwrap();
    let trust = if derivation["exact"].as_bool().unwrap() { "exact" } else { "approximate" };
    lines.push(format!("{}: {} ({trust})", word("title"), word("text")));
    if let Some(formula) = derivation["formula"].as_str() {
        lines.push(format!("= {formula}"));
        for input in derivation["inputs"].as_array().unwrap() {
            assert!(input["value"].is_number() && input["unit"].is_string(), "{input}");
            lines.push(format!("{} = {}", input["name"].as_str().unwrap(), input["text"].as_str().unwrap()));
        }
    }
    derivation["parts"].as_array().unwrap().iter().for_each(|part| lines_of(part, lines));
}

#[test]
fn derivations_are_the_same_as_text_and_as_json() {
    for flags in [&["estimate"][..], &["estimate", "--devices", "8", "--strategy", "zero-3"]] {
        assert!(json(&[flags, &["--json"]].concat())["derivations"].is_null(), "only where they are asked for");
        let text = run(&[flags, &["--explain"]].concat()).out;
        let answer = json(&[flags, &["--explain", "--json"]].concat());
        let mut lines = Vec::new();
        answer["derivations"].as_array().unwrap().iter().for_each(|derivation| lines_of(derivation, &mut lines));
        let mut shown = text.lines().map(str::trim);
        for line in &lines {
            assert!(shown.any(|shown| shown.starts_with(line.as_str())), "{line}");
        }
        assert!(lines.len() > 100, "{}", lines.len());
    }
}

/// The head of a line is not said twice.
#[test]
fn method_and_optimizer_are_named_once() {
    let text = run(&["estimate", "--method", "qlora"]).out;
    assert!(text.contains("Method       QLoRA, rank") && text.contains("Optimizer    AdamW, "), "{text}");
}

#[test]
fn flags_and_a_file_with_the_same_settings_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    assert_eq!(run(&["new", "--template", "8b-lora-80gb", "-o", text(&path)]).outcome, Outcome::Done);
    let from_file = json(&["estimate", text(&path), "--json"]);
    let from_flags = json(&[
        "estimate",
        "--model",
        "Llama-3.1-8B",
        "--method",
        "lora",
        "--rank",
        "32",
        "--alpha",
        "64",
        "--micro-batch",
        "4",
        "--gradient-accumulation",
        "4",
        "--sequence-length",
        "4k",
        "--accelerator",
        "a100-sxm4-80gb",
        "--json",
    ]);
    assert_eq!(from_file, from_flags);
    let longer = json(&["estimate", text(&path), "--sequence-length", "8192", "--json"]);
    let tensors = |answer: &Value| answer["peak_bytes"]["tensors"]["expected"].as_u64().unwrap();
    assert!(tensors(&longer) > tensors(&from_file));
}

#[test]
fn there_is_a_flag_for_every_field() {
    let mut command = cli::command();
    let estimate = command.find_subcommand_mut("estimate").unwrap();
    let flags: Vec<&str> = estimate.get_arguments().filter_map(clap::Arg::get_long).collect();
    for field in tuneplan::plan::field::fields() {
        assert!(flags.contains(&field.flag), "--{}", field.flag);
    }
    command.debug_assert();
}

#[test]
fn refusals_say_what_and_exit_with_two() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.plan.ron");
    fs::write(&broken, "(\n  schema: 1,\n  batch: (micro_batch: 4,\n").unwrap();
    for (args, saying) in [
        (vec!["estimate", "--rank", "0"], "from 1"),
        (vec!["estimate", "--method", "qlorra"], "did you mean `qlora`"),
        (vec!["estimate", "--model", "Llama-3.1-8"], "open its config.json; names near to it: meta-llama/Llama-3.1-8B"),
        (vec!["estimate", "--accelerator", "a100"], "the name of several devices: a100-pcie-40gb"),
        (vec!["estimate", "--accelerator", "no-such-card"], "no-such-card"),
        (vec!["estimate", "--load-format", "nf3"], "nf3"),
        (vec!["estimate", "--no-such-flag"], "no-such-flag"),
        (vec!["estimate", text(&broken)], "broken.plan.ron:3:10"),
        (vec!["estimate", "no-such-file.ron"], "no-such-file.ron"),
        (vec!["estimate", "--check", "--max-bytes", "lots"], "24GiB"),
        (vec!["estimate", "--check", "--max-bytes", "NaN"], "24GiB"),
        (vec!["estimate", "--check", "--accelerator", ""], "nothing to check against"),
        (vec!["estimate", "--max-bytes", "24GiB"], "--check"),
        (vec!["compare", "no-such-file.ron", "neither.ron"], "no-such-file.ron"),
        (vec!["compare", "a", "b", "c", "d", "e"], "2 to 4"),
        (vec!["sensitivity", "--over", "ranks"], "did you mean `rank`"),
        (vec!["sensitivity", "--over", "notes"], "no number"),
        (vec!["sensitivity", "--over", "rank", "--values", "8,none"], "`none`"),
        (vec!["search", "--max-risk", "high"], "none, low or medium"),
        (vec!["search", "--under", "much"], "24GiB"),
        (vec!["search", "--max-hours", "8"], "under Run"),
        (vec!["search", "--max-cost", "8", "--training-tokens", "1000"], "under Cost"),
        (vec!["search", "--max-hours", "nan", "--training-tokens", "1000"], "--max-hours"),
        (vec!["solve", "--for", "sequence"], "it takes seq-len"),
        (vec!["solve", "--for", "devcies"], "did you mean `devices`"),
        (vec!["inspect", "no-such-model"], "no-such-model"),
        (vec!["new", "--template", "nothing", "-o", "x.ron"], "there are 7b-qlora-24gb"),
        (vec!["screenshot", "--size", "big", "-o", "x.png"], "1280x800"),
        (vec!["screenshot", "--size", "0x800", "-o", "x.png"], "pixels"),
        (vec!["screenshot", "--theme", "pink", "-o", "x.png"], "contrast"),
        (vec!["screenshot", "--panel", "all", "-o", "x.png"], "explanation"),
    ] {
        let done = run(&args);
        assert_eq!(done.outcome, Outcome::BadInput, "{args:?}: {}", done.out);
        assert!(done.err.contains(saying), "{args:?}: {}", done.err);
        // Arguments are read before anything is answered: nobody takes half an answer for one.
        assert_eq!(done.out, "", "{args:?}");
    }
    assert!(!Path::new("x.png").exists() && !Path::new("x.ron").exists());
}

#[test]
fn check_fails_only_when_asked_to() {
    let too_much = ["estimate", "--model", "Llama-3.1-70B", "--method", "full", "--accelerator", "tesla-t4"];
    assert_eq!(run(&too_much).outcome, Outcome::Done);
    let checked = run(&[&too_much[..], &["--check"]].concat());
    assert_eq!(checked.outcome, Outcome::CheckFailed);
    assert!(checked.err.contains("Does not fit"), "{}", checked.err);
    assert_eq!(run(&["estimate", "--check"]).outcome, Outcome::Done);
}

#[test]
fn without_an_accelerator_there_is_no_verdict() {
    let answer = json(&["estimate", "--accelerator", "", "--json"]);
    assert!(answer["fits"].is_null() && answer["capacity_bytes"].is_null());
    assert_eq!(answer["verdict"], "no_device");
}

#[test]
fn new_writes_a_plan_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.plan.ron");
    assert_eq!(run(&["new", "-o", text(&path)]).outcome, Outcome::Done);
    let first = fs::read_to_string(&path).unwrap();
    assert!(file::read(&first).unwrap().diagnostics.is_empty());
    let again = run(&["new", "--template", "long-context", "-o", text(&path)]);
    assert_eq!(again.outcome, Outcome::BadInput);
    assert!(again.err.contains("--force"), "{}", again.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
    assert_eq!(run(&["new", "--template", "long-context", "--force", "-o", text(&path)]).outcome, Outcome::Done);
    assert!(fs::read_to_string(&path).unwrap().contains("Long context"));
}

#[test]
fn templates_are_listed_and_estimated() {
    let listed = json(&["templates", "--json"]);
    assert_eq!(listed["templates"].as_array().unwrap().len(), templates().len());
    let folder = tempfile::tempdir().unwrap();
    for template in templates() {
        let path = folder.path().join(format!("{}.plan.ron", template.name));
        run(&["new", "--template", template.name, "-o", text(&path)]);
        let answer = json(&["estimate", text(&path), "--json"]);
        assert!(answer["peak_bytes"]["tensors"]["expected"].as_u64().unwrap() > 1 << 28, "{}", template.name);
    }
}

#[test]
fn inspect_counts_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    // GPT-2 small; 124,439,808 parameters is the published count.
    fs::write(&config, r#"{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}"#).unwrap();
    for path in [config.as_path(), folder.path()] {
        let answer = json(&["inspect", text(path), "--json"]);
        assert_eq!(answer["architecture"], "GPT2LMHeadModel");
        assert_eq!(answer["parameters"]["total"], 124_439_808_u64);
        assert_eq!(answer["parameters"]["active"], 124_439_808_u64);
        assert_eq!(answer["parameters"]["embedding"], 50257 * 768);
        assert_eq!(answer["parameters"]["head"], 0);
        assert_eq!((answer["layers"].as_u64(), answer["hidden_size"].as_u64()), (Some(12), Some(768)));
        assert_eq!(answer["vocab_size"], 50257);
        assert_eq!(answer["flags"], serde_json::json!([]));
        assert!(answer["source"].as_str().unwrap().contains("config.json"));
    }
    let estimated = json(&["estimate", "--model", text(&config), "--method", "full", "--json"]);
    assert_eq!(estimated["parameters"]["total"], 124_439_808_u64);

    fs::write(&config, "{\n  \"hidden_size\": }").unwrap();
    let broken = run(&["inspect", text(&config)]);
    assert_eq!(broken.outcome, Outcome::BadInput);
    assert!(broken.err.contains("config.json:2:18"), "{}", broken.err);
}

#[test]
fn an_unknown_class_is_said_to_be_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    fs::write(&config, r#"{"model_type": "nova", "architectures": ["NovaForCausalLM"], "hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 1000}"#).unwrap();
    let answer = json(&["inspect", text(&config), "--json"]);
    let flags = answer["flags"].as_array().unwrap();
    assert!(
        flags.iter().any(|flag| flag.as_str().unwrap().contains("unknown model code NovaForCausalLM")),
        "{flags:?}"
    );
}

#[test]
fn a_screenshot_needs_no_display_and_is_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut pictures = Vec::new();
    for name in ["a.png", "b.png"] {
        let path = folder.path().join(name);
        let done = run(&["screenshot", "--theme", "light", "--size", "800x500", "-o", text(&path)]);
        assert_eq!(done.outcome, Outcome::Done, "{}", done.err);
        pictures.push(fs::read(&path).unwrap());
    }
    assert_eq!(pictures[0], pictures[1]);
    let decoder = png::Decoder::new(std::io::Cursor::new(&pictures[0]));
    let reader = decoder.read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (800, 500));
}

#[test]
fn solve_says_how_far_and_writes_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("longer.plan.ron");
    let answer = json(&["solve", "--for", "seq-len", "--micro-batch", "2", "--json", "-o", text(&path)]);
    assert_eq!(answer["ending"], "found");
    let longest = answer["answers"][0]["number"].as_u64().unwrap();
    let needs = &answer["answers"][0]["after"]["process_bytes"]["expected"];
    let estimated = json(&["estimate", text(&path), "--json"]);
    assert_eq!(&estimated["peak_bytes"]["process"]["expected"], needs);
    assert_eq!(answer["beyond"]["number"].as_u64(), Some(longest + 1));
    let capacity = answer["before"]["capacity_bytes"].as_u64().unwrap();
    // The upper end of the band decides; what comes next is tight.
    assert!(answer["answers"][0]["after"]["process_bytes"]["high"].as_u64().unwrap() <= capacity);
    assert!(answer["beyond"]["process_bytes_high"].as_u64().unwrap() > capacity);
    assert_eq!(answer["answers"][0]["after"]["verdict"], "fits");
    assert_eq!(answer["answers"][1]["after"]["verdict"], "tight");
    for question in ["micro-batch", "rank", "context", "model", "devices", "accelerator"] {
        let shown = run(&["solve", "--for", question]);
        assert_eq!(shown.outcome, Outcome::Done, "{}", shown.err);
        assert!(shown.out.contains("fit") || shown.out.contains("enough"), "{}", shown.out);
    }
    assert_eq!(run(&["solve", "--for", "rank", "-o", text(&path)]).outcome, Outcome::BadInput);
}

#[test]
fn levers_name_the_change_and_write_the_plan_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fits.plan.ron");
    let large = ["levers", "--model", "Llama-3.1-70B", "--method", "lora", "--micro-batch", "4"];
    let answer = json(&[&large[..], &["--json", "-o", text(&path)]].concat());
    let first = &answer["levers"][0];
    let bytes = |figures: &Value| figures["process_bytes"]["expected"].as_i64().unwrap();
    assert_eq!(first["saved_bytes"].as_i64().unwrap(), bytes(&answer["before"]) - bytes(&first["after"]));
    assert!(first["lever"]["quality"].is_string() && first["after"]["peak_phase"].is_string());
    assert_eq!(run(&["estimate", text(&path), "--check"]).outcome, Outcome::Done);
    let shown = run(&large);
    assert!(shown.out.contains("It fits with") && shown.out.contains("quality risk"), "{}", shown.out);
    let fine = run(&["levers", "-o", text(&folder.path().join("none.plan.ron"))]);
    assert_eq!(fine.outcome, Outcome::BadInput);
    assert!(fine.err.contains("fits already"), "{}", fine.err);
}

#[test]
fn a_check_says_why_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    run(&["new", "-o", text(&path)]);
    let needs = json(&["estimate", text(&path), "--json"])["peak_bytes"]["process"]["expected"].as_u64().unwrap();
    let check = |limit: &str| run(&["estimate", text(&path), "--check", "--max-bytes", limit]);
    assert_eq!(check(&needs.to_string()).outcome, Outcome::Done);
    for (limit, saying) in [((needs - 1).to_string(), "1 B over"), ("1.5GiB".to_owned(), "1.50 GiB allowed")] {
        let refused = check(&limit);
        assert_eq!(refused.outcome, Outcome::CheckFailed);
        assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
        assert!(refused.err.contains(saying) && refused.err.contains("a.plan.ron"), "{}", refused.err);
    }
    let larger = run(&["estimate", text(&path), "--check", "--model", "Llama-3.1-70B"]);
    assert_eq!(larger.outcome, Outcome::CheckFailed);
    assert!(larger.err.contains("Does not fit") && larger.err.lines().count() == 1, "{}", larger.err);
    let contradictory = run(&["estimate", text(&path), "--check", "--load-format", "bf16"]);
    assert_eq!(contradictory.outcome, Outcome::CheckFailed);
    assert!(contradictory.err.contains("QLoRA stands on a quantized base"), "{}", contradictory.err);
}

#[test]
fn compare_prints_a_review_and_is_gits_diff() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.plan.ron"), folder.path().join("b.plan.ron"));
    let mut plan = tuneplan::plan::Plan::default();
    fs::write(&a, file::write(&plan, &[])).unwrap();
    plan.batch.sequence_length = 4096;
    plan.hardware.count = 2;
    fs::write(&b, file::write(&plan, &[])).unwrap();
    let answer = json(&["compare", text(&a), text(&b), "--json"]);
    let settings: Vec<&str> =
        answer["settings"].as_array().unwrap().iter().map(|row| row["setting"].as_str().unwrap()).collect();
    assert_eq!(settings, ["Sequence length", "Devices"]);
    let process = &answer["figures"][0];
    let before = json(&["estimate", text(&a), "--json"])["peak_bytes"]["process"]["expected"].as_f64().unwrap();
    let after = json(&["estimate", text(&b), "--json"])["peak_bytes"]["process"]["expected"].as_f64().unwrap();
    assert_eq!(process["name"], "process_bytes");
    assert_eq!((process["changes"][0].as_f64(), process["changes"][1].as_f64()), (Some(0.0), Some(after - before)));
    let review = run(&["compare", text(&a), text(&b)]).out;
    assert!(review.contains("2,048 tokens → 4,096 tokens") && review.contains("GiB (+"), "{review}");

    let of_git =
        |old: &str, new: &str| run(&["compare", "job.plan.ron", old, "1234567", "100644", new, "89abcde", "100644"]);
    let diff = of_git(text(&a), text(&b));
    assert_eq!(diff.outcome, Outcome::Done, "{}", diff.err);
    assert!(
        diff.out.starts_with("plan job.plan.ron") && diff.out.contains("2,048 tokens → 4,096 tokens"),
        "{}",
        diff.out
    );
    assert!(of_git("/dev/null", text(&b)).out.contains("new plan"));
    assert!(of_git(text(&a), "/dev/null").out.contains("removed plan"));
    let broken = folder.path().join("broken");
    fs::write(&broken, "(schema: 1").unwrap();
    let diff = of_git(text(&broken), text(&b));
    assert_eq!(diff.outcome, Outcome::Done);
    assert!(diff.out.contains("before: "), "{}", diff.out);
}

#[test]
fn sensitivity_follows_a_setting() {
    let answer = json(&["sensitivity", "--over", "rank", "--values", "8,64", "--json"]);
    for point in answer["points"].as_array().unwrap() {
        let rank = point["value"].as_u64().unwrap().to_string();
        let single = json(&["estimate", "--rank", &rank, "--json"]);
        assert_eq!(point["figures"]["process_bytes"], single["peak_bytes"]["process"], "rank {rank}");
    }
    assert!(run(&["sensitivity", "--over", "sequence-length"]).out.contains("← the plan"));
    assert!(run(&["sensitivity"]).out.contains("Sequence length"));
    let map = json(&["sensitivity", "--heat-map", "--json"]);
    let rows = map["process_bytes"].as_array().unwrap();
    assert_eq!(rows.len(), map["micro_batches"].as_array().unwrap().len());
    assert!(run(&["sensitivity", "--heat-map"]).out.contains("does not fit"));
}

#[test]
fn search_lists_plans_within_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fastest.plan.ron");
    // Running the model has a small space, so that a debug build is quick.
    let args = ["search", "--workload", "inference", "--under", "12GiB", "--max-risk", "low"];
    let answer = json(&[&args[..], &["--json", "-o", text(&path)]].concat());
    let plans = answer["plans"].as_array().unwrap();
    assert!(!plans.is_empty(), "{}", answer["words"]);
    for plan in plans {
        assert!(plan["figures"]["process_bytes"]["high"].as_u64().unwrap() <= 12 << 30);
        assert_ne!(plan["risk"], "medium");
    }
    let written = json(&["estimate", text(&path), "--json"]);
    assert!(written["peak_bytes"]["process"]["expected"].as_u64().unwrap() <= 12 << 30);
    assert!(run(&args).out.contains("plans were estimated"));
    let none = run(&["search", "--workload", "inference", "--under", "1GiB"]);
    assert!(none.out.contains("Nothing is within the limits"), "{}", none.out);
}

#[test]
fn help_names_every_command() {
    let help = run(&["--help"]);
    assert_eq!(help.outcome, Outcome::Done);
    for word in [
        "new",
        "templates",
        "estimate",
        "solve",
        "levers",
        "compare",
        "sensitivity",
        "inspect",
        "validate",
        "screenshot",
    ] {
        assert!(help.out.contains(word), "{word}");
    }
}

#[test]
fn validate_prints_what_it_promises() {
    let answer = json(&["validate", "assets/validation/truth-dev.csv", "--json"]);
    assert_eq!((answer["rows"].as_u64(), answer["predicted"].as_u64()), (Some(167), Some(167)));
    assert_eq!(answer["skipped"], serde_json::json!([]));
    for key in ["median_abs_error", "p95_abs_error", "bias", "within_interval"] {
        assert!(answer["overall"][key].is_f64(), "{key}");
    }
    assert!(answer["by_profile"]["hf-trainer"]["rows"].is_u64());
    let row = &answer["per_row"][0];
    for key in ["measured_bytes", "predicted_bytes", "low_bytes", "high_bytes"] {
        assert!(row[key].is_u64(), "{key}");
    }
    assert!(row["id"].is_string() && row["error"].is_f64());
    let skipped = json(&["validate", "assets/validation/published-memory.csv", "--json"]);
    assert!(skipped["skipped"].as_array().unwrap().iter().all(|row| row["id"].is_string() && row["why"].is_string()));
    assert!(run(&["validate", "assets/validation/truth-dev.csv"]).out.contains("167 of 167"));
    let refused = run(&["validate", "Cargo.toml"]);
    assert_eq!(refused.outcome, Outcome::BadInput);
    assert!(refused.err.contains("`peak_bytes`"), "{}", refused.err);
}

#[test]
fn amounts_of_memory_are_read() {
    use tuneplan::units::Bytes;
    for (text, bytes) in
        [("24GiB", 24 << 30), ("80 GB", 80_000_000_000), ("0.5g", 1 << 29), ("1,024", 1024), ("3 MiB", 3 << 20)]
    {
        assert_eq!(Bytes::parse(text), Ok(Bytes(bytes)), "{text}");
    }
    for wrong in ["", "GiB", "many", "24 apples", "1e99", "99999999999TiB", "-1", "1.2.3GB"] {
        assert!(Bytes::parse(wrong).is_err(), "{wrong}");
    }
}
