//! The user's own measurements: read, kept, and applied as a factor.

use tuneplan::catalog::Catalog;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Estimate, Fit, Inputs, calibration, estimate};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::{FieldValue, field};
use tuneplan::plan::{Plan, file, read_peaks};
use tuneplan::units::Bytes;

fn run(plan: &Plan) -> Estimate {
    let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap();
    estimate(&inputs, Detail::Explained)
}

fn with(lines: &[&str]) -> Plan {
    let mut plan = Plan::default();
    plan.measured.peaks = lines.iter().map(|line| line.parse().unwrap()).collect();
    plan
}

fn close(a: Bytes, b: f64) -> bool {
    (a.0 as f64 / b - 1.0).abs() < 1e-6
}

#[test]
fn the_factor_is_the_median_of_measured_over_expected() {
    let plain = run(&Plan::default());
    assert_eq!(plain.needed(), plain.process);
    // 12/10, 9/10 and 11/10: the median is 1.1; the spread of three is the band.
    let three =
        ["process 12 GiB of 10 GiB expected", "process 9 GiB of 10 GiB expected", "process 11 GiB of 10 GiB expected"];
    let found = run(&with(&three));
    let expected = plain.process.expected.0 as f64;
    assert!(close(found.needed().expected, expected * 1.1) && close(found.needed().low, expected * 0.9));
    assert!(close(found.needed().high, expected * 1.2));
    assert_eq!(found.process, plain.process, "what is estimated stays to be seen");
    // Of one measurement the band keeps its share; process goes before reserved, reserved before tensors.
    let found = run(&with(&["tensors 30 GiB of 10 GiB expected", "reserved 5 GiB of 10 GiB expected"]));
    assert!(
        close(found.needed().expected, expected * 0.5) && close(found.needed().high, plain.process.high.0 as f64 * 0.5)
    );
}

#[test]
fn it_decides_the_verdict_and_can_be_switched_off() {
    let mut plan = with(&["process 20 GiB of 10 GiB expected: twice"]);
    plan.hardware.memory_mib = Some(run(&Plan::default()).process.high.0.div_ceil(1 << 20));
    assert_eq!(run(&plan).fit, Fit::DoesNotFit);
    plan.measured.calibrate = false;
    assert_eq!(run(&plan).fit, Fit::Fits);
    assert!(run(&plan).calibration.is_some_and(|found| !found.applied));
}

#[test]
fn what_cannot_be_believed_or_compared_does_not_count() {
    // A factor of ten is a slip of the unit; without an expectation the factor would follow the plan.
    let found = run(&with(&["process 100 GiB of 10 GiB expected", "reserved 11 GiB"]));
    assert_eq!(found.calibration, None);
    let peaks = with(&["reserved 11 GiB"]).measured.peaks;
    let error = calibration::error(&peaks[0], &found);
    assert!((error - (found.reserved.expected.0 as f64 / (11.0 * 1024.0_f64.powi(3)) - 1.0)).abs() < 1e-9);
}

#[test]
fn they_are_kept_in_the_plan_file_a_line_each() {
    let plan = with(&["reserved 18862.3 MiB of 17901.0 MiB expected: RTX 4090, torch 2.9", "process 20000 MiB"]);
    let text = file::write(&plan, &[]);
    assert!(
        text.contains("            \"reserved 18862.3 MiB of 17901.0 MiB expected: RTX 4090, torch 2.9\",\n"),
        "{text}"
    );
    let loaded = file::read(&text).unwrap();
    assert_eq!((loaded.plan, loaded.diagnostics), (plan, vec![]));
    assert!(!file::write(&Plan::default(), &[]).contains("measured"), "a plan without any has no section of them");
    let broken = text.replace("process 20000.0 MiB", "process a lot");
    let loaded = file::read(&broken).unwrap();
    assert!(loaded.plan.measured.peaks.is_empty());
    assert!(loaded.diagnostics[0].message.contains("kept as a comment"), "{:?}", loaded.diagnostics);
}

#[test]
fn one_edit_adds_pasted_peaks() {
    let mut plan = Plan::default();
    let peaks = read_peaks("max_memory_allocated: 12884901888\nmax_memory_reserved: 15032385536\n").unwrap();
    let lines: Vec<String> = peaks.iter().map(ToString::to_string).collect();
    PlanEdit::Set("measured.peaks", FieldValue::List(lines)).apply(&mut plan).unwrap();
    assert_eq!(plan.measured.peaks.len(), 2);
    assert_eq!(plan.measured.peaks[1].bytes, Bytes::mib(14336));
    let typed = FieldValue::parse(field("measured.peaks").unwrap(), "reserved 1 GiB; process 2 GiB: a note").unwrap();
    PlanEdit::Set("measured.peaks", typed).apply(&mut plan).unwrap();
    assert_eq!(plan.measured.peaks[1].note, "a note");
    let wrong = FieldValue::parse(field("measured.peaks").unwrap(), "a lot");
    assert!(wrong.unwrap_err().contains("reserved 18.42 GiB"));
}
