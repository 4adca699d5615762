//! What optimizers keep, against their own libraries (`fixtures/optimizer_state.py`; rows of bitsandbytes were read on CUDA).

use std::fs;
use std::path::Path;
use tuneplan::architecture::from_config_text;
use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::time::{DequantizationKernel, time};
use tuneplan::estimate::{Component, Detail, Estimate, Inputs, PhaseKind, estimate};
use tuneplan::plan::field::{FieldValue, fields};
use tuneplan::plan::{Algorithm, ModelSource, Plan};

/// A plan for the file's model with settings given as flags.
fn plan(file: &str, load_format: &str, flags: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/optimizer-state").join(file);
    let architecture = from_config_text(&fs::read_to_string(path).unwrap()).unwrap();
    let mut plan = Plan::default();
    plan.model.source = ModelSource::File { path: file.to_owned(), architecture: Box::new(architecture) };
    let usual = "--method full --autocast off --master-weights off --load-format";
    let words: Vec<&str> = usual.split(' ').chain([load_format]).chain(flags.split(' ')).collect();
    for pair in words.chunks(2) {
        let field =
            fields().iter().find(|field| pair[0] == format!("--{}", field.flag)).unwrap_or_else(|| panic!("{pair:?}"));
        field.assign(&mut plan, &FieldValue::parse(field, pair[1]).unwrap()).unwrap();
    }
    plan
}

fn estimated(plan: &Plan) -> Estimate {
    estimate(&Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap(), Detail::Explained)
}

/// State on the device, as the phase that loads has it: nothing has come and gone yet.
fn on_device(estimate: &Estimate) -> u64 {
    estimate
        .phases
        .iter()
        .find(|phase| phase.kind == PhaseKind::Load)
        .unwrap()
        .components
        .get(Component::OptimizerState)
        .0
}

#[test]
fn it_is_what_the_libraries_keep() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/optimizer-state.csv");
    let table = fs::read_to_string(path).unwrap();
    let mut read = 0;
    for line in table.lines().skip(1) {
        let [file, format, flags, bytes] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let estimate = estimated(&plan(file, format, flags));
        assert_eq!(on_device(&estimate) + estimate.host.0, bytes.parse::<u64>().unwrap(), "{line}");
        let waits = flags.contains("paged");
        assert_eq!(estimate.host.0 > 0, waits, "{line}");
        read += 1;
    }
    assert_eq!(read, 52);
}

#[test]
fn state_on_the_host_costs_memory_there_and_time() {
    let of = |flags: &str| {
        let plan = plan("llama.json", "bf16", flags);
        let inputs = Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).unwrap();
        (estimate(&inputs, Detail::Numbers), time(&inputs, DequantizationKernel::Current).unwrap().step_secs)
    };
    let (_, device_secs) = of("--optimizer adamw-8bit");
    let (paged, paged_secs) = of("--optimizer paged-adamw-8bit");
    assert_eq!(paged.host.0, 6_875_456);
    assert!(paged_secs.expected > device_secs.expected && paged_secs.low <= device_secs.expected);
    // torchao keeps a copy of weights and gradients beside the state of the host's own AdamW: 2 + 2 bytes a value.
    let (offloaded, _) = of("--optimizer adamw-offloaded");
    assert_eq!(offloaded.host.0, 10_509_432 + 4 * 2_627_328);
    let gradients = |estimate: &Estimate| {
        estimate.phases.iter().map(|phase| phase.components.get(Component::Gradients).0).max().unwrap()
    };
    let (sent, _) = of("--optimizer adamw-offloaded-gradients --gradient-accumulation 1 --clip-gradients off");
    // The largest tensor's are alive at one time: 1,000 × 256 of the head.
    assert_eq!((gradients(&offloaded), gradients(&sent)), (2 * 2_627_328, 2 * 256_000));
}

/// What was not traced is said, and widens the band.
#[test]
fn updates_that_were_not_traced_are_no_exact_figure() {
    let width = |flags: &str| {
        let estimate = estimated(&plan("llama.json", "bf16", flags));
        estimate.tensors.high.0 as f64 / estimate.tensors.expected.0 as f64
    };
    assert!(width("--optimizer apollo") > width("--optimizer adamw"));
    assert!(Algorithm::AdamW.is_traced() && !Algorithm::AdamMini.is_traced());
}
