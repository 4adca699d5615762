//! Host memory and disk beside the steps, against loading and saving that was run (`fixtures/host.csv`), and what is said of it.

use std::ffi::OsString;
use tuneplan::catalog::Catalog;
use tuneplan::cli::{self, Outcome};
use tuneplan::estimate::Inputs;
use tuneplan::estimate::host::HostMoments;
use tuneplan::estimate::profile::Profiles;
use tuneplan::figures;
use tuneplan::plan::field::{FieldValue, fields};
use tuneplan::plan::{ModelSource, Plan};

fn plan(model: &str, flags: &str) -> Plan {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::Catalog(model.to_owned());
    for pair in flags.split(' ').collect::<Vec<_>>().chunks(2) {
        let field =
            fields().iter().find(|field| pair[0] == format!("--{}", field.flag)).unwrap_or_else(|| panic!("{pair:?}"));
        field.assign(&mut plan, &FieldValue::parse(field, pair[1]).unwrap()).unwrap();
    }
    plan
}

fn moments(plan: &Plan) -> HostMoments {
    figures::host_moments(&Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap())
}

fn remarks(plan: &Plan) -> Vec<String> {
    figures::of_plan(plan).1.into_iter().map(|remark| remark.message).collect()
}

/// Private memory to a hundredth of the weights. File pages are read as they are touched: at most those of the files.
#[test]
fn loading_is_as_it_was_run() {
    let mut reader = csv::Reader::from_path("tests/fixtures/host.csv").unwrap();
    let mut rows = 0;
    for row in reader.records().map(Result::unwrap) {
        let number = |column: usize| row[column].parse::<u64>().unwrap();
        let format = match &row[0] {
            "load_bf16" => "bf16",
            "load_fp32_from_bf16" => "fp32",
            _ => continue,
        };
        let id = if row[1].starts_with("Smol") { "HuggingFaceTB/SmolLM2-135M" } else { "Qwen/Qwen2.5-0.5B" };
        let found = moments(&plan(id, &format!("--method full --load-format {format}"))).loading;
        assert!(found.private.0.abs_diff(number(4)) < number(3) / 80, "{row:?}: {found:?}");
        assert!(number(5) <= found.file_pages.0 + 1_000_000, "{row:?}: {found:?}");
        if format == "fp32" {
            assert!(number(5).abs_diff(found.file_pages.0) < number(3) / 50, "{row:?}: {found:?}");
        }
        rows += 1;
    }
    assert_eq!(rows, 6);
}

/// By hand: 494,032,768 weights in BF16, and two FP32 moments of bitsandbytes' paged AdamW.
#[test]
fn a_checkpoint_is_weights_and_state_and_the_limit_decides_how_many_are_kept() {
    let flags =
        "--method full --load-format bf16 --autocast off --optimizer paged-adamw --max-steps 1000 --save-steps 100";
    let saving = moments(&plan("Qwen/Qwen2.5-0.5B", flags)).saving.unwrap();
    assert_eq!((saving.weights.0, saving.optimizer.0), (2 * 494_032_768, 8 * 494_032_768));
    assert_eq!(saving.kept, Some(10));
    let limited = moments(&plan("Qwen/Qwen2.5-0.5B", &format!("{flags} --save-total-limit 2"))).saving.unwrap();
    assert_eq!(limited.total().unwrap().0, (2 * 10 + 2) * 494_032_768);
    assert_eq!(moments(&plan("Qwen/Qwen2.5-0.5B", "--method full --load-format bf16")).saving.unwrap().kept, None);
}

#[test]
fn a_machine_that_cannot_hold_it_is_told_at_which_moment() {
    let says = |flags: &str, words: &str| {
        let found = remarks(&plan("Qwen/Qwen2.5-0.5B", flags));
        assert!(found.iter().any(|message| message.contains(words)), "{flags}: {found:?}");
        let checked = ["tuneplan", "estimate", "--check", "--accelerator", "h200-sxm", "--model", "Qwen/Qwen2.5-0.5B"];
        let args = checked.into_iter().chain(flags.split(' ')).map(OsString::from);
        let outcome = cli::run(args, &mut Vec::new(), &mut Vec::new());
        assert_eq!(outcome, Outcome::CheckFailed, "{flags}");
    };
    let full = "--method full --load-format fp32";
    // Eight processes of 1.98 GB each.
    says(&format!("{full} --devices 8 --strategy ddp --host-memory-gib 8"), "dies while the model is loaded");
    says("--method full --load-format bf16 --host-memory-gib 0.5", "dies at save");
    says(&format!("{full} --disk-gb 1"), "dies at save");
    says("--method full --load-format bf16 --optimizer paged-adamw --host-memory-gib 2", "waits in host memory");
    let roomy = remarks(&plan("Qwen/Qwen2.5-0.5B", &format!("{full} --host-memory-gib 64 --disk-gb 500")));
    assert!(!roomy.iter().any(|message| message.contains("dies")), "{roomy:?}");
}
