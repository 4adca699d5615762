//! Every reader of files and of typed text against mutated input: no panic, no end of the program, no endless work, no memory
//! beyond all measure; what is accepted is worked with, and what is written reads back as the same.
//!
//! `cargo test` runs a few inputs of each reader, always the same. More with
//!
//! ```text
//! FUZZ_INPUTS=50000 cargo test --release --test fuzz_readers -- --nocapture
//! ```
//!
//! `FUZZ_ONLY` names one reader, `FUZZ_SEED` another beginning, and `FUZZ_FILE` one file, tried in the reader that
//! `FUZZ_ONLY` names. Each input is written to a file before it is tried, so that one that ends the program is at hand.
#![allow(clippy::unwrap_used)]

mod corpora;
mod mutate;
mod readers;

use mutate::{Random, mutated};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};
use readers::{Reader, Tools, readers};
use std::alloc::System;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What inputs allocate is part of what is tested.
#[global_allocator]
static HEAP: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Inputs of each reader where nothing else is said.
const INPUTS: usize = 200;
/// Longest that one input may take. This is a watchdog against work without end, with room for a machine that is slow and
/// busy; how long inputs really took is told.
const LONGEST: Duration = Duration::from_mins(2);
/// From here on the input that took longest is kept in a file.
const WORTH_A_LOOK: Duration = Duration::from_millis(500);
/// Most bytes that an input may take beyond those before it.
const MOST_BYTES: u64 = 1 << 30;
/// Accepted inputs that are mutated further.
const MOST_KEPT: usize = 500;

/// What came of one reader.
struct Tried {
    name: &'static str,
    inputs: usize,
    accepted: usize,
    longest: Duration,
    most_bytes: u64,
    failures: Vec<String>,
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn place() -> PathBuf {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    std::fs::create_dir_all(&place).unwrap();
    place
}

/// Ends the program if one input takes too long: its file is left.
fn watch(begun: &Arc<AtomicU64>, since: Instant) {
    let begun = Arc::clone(begun);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let at = Duration::from_millis(begun.load(Ordering::Relaxed));
            if since.elapsed().saturating_sub(at) > LONGEST {
                let place = place();
                let _ =
                    writeln!(std::io::stderr(), "an input takes longer than {LONGEST:?}; it is in {}", place.display());
                std::process::abort();
            }
        }
    });
}

fn attempt(reader: &Reader, tools: &Tools, bytes: &[u8], begun: &AtomicU64, since: Instant, tried: &mut Tried) -> bool {
    begun.store(since.elapsed().as_millis() as u64, Ordering::Relaxed);
    HEAP.reset_peak_memory();
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (reader.run)(tools, bytes)));
    let (took, grown) = (start.elapsed(), HEAP.get_peak_memory() as u64);
    tried.inputs += 1;
    if took > tried.longest.max(WORTH_A_LOOK) {
        std::fs::write(place().join(format!("{}-longest.input", reader.name)), bytes).unwrap();
    }
    tried.longest = tried.longest.max(took);
    tried.most_bytes = tried.most_bytes.max(grown);
    let failure = match outcome {
        Ok(Ok(accepted)) if grown <= MOST_BYTES => {
            tried.accepted += usize::from(accepted);
            return accepted;
        }
        Ok(Ok(_)) => format!("takes {} MiB", grown >> 20),
        Ok(Err(wrong)) => wrong,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            format!("panics: {}", text.unwrap_or_default())
        }
    };
    let file = place().join(format!("{}-{}.input", reader.name, tried.failures.len()));
    std::fs::write(&file, bytes).unwrap();
    tried.failures.push(format!("{}: {failure} ({})", reader.name, file.display()));
    false
}

#[test]
fn no_reader_fails_on_mutated_input() {
    let inputs = number("FUZZ_INPUTS").map_or(INPUTS, |inputs| inputs as usize);
    let seed = number("FUZZ_SEED").unwrap_or(1);
    let only = std::env::var("FUZZ_ONLY").ok();
    let given = std::env::var("FUZZ_FILE").ok().map(|file| std::fs::read(file).unwrap());
    let tools = Tools::new();
    let since = Instant::now();
    let begun = Arc::new(AtomicU64::new(0));
    watch(&begun, since);
    let mut all = Vec::new();
    let mut report = String::new();
    let is_known = |name: &String| readers().iter().any(|reader| reader.name == name);
    assert!(only.as_ref().is_none_or(is_known), "FUZZ_ONLY names no reader: {only:?}");
    for reader in readers().iter().filter(|reader| only.as_ref().is_none_or(|only| only == reader.name)) {
        let mut tried = Tried {
            name: reader.name,
            inputs: 0,
            accepted: 0,
            longest: Duration::ZERO,
            most_bytes: 0,
            failures: Vec::new(),
        };
        let mut files = (reader.corpus)();
        let own = files.len();
        let current = place().join(format!("{}-current.input", reader.name));
        let name_seed = reader.name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut random = Random(name_seed);
        for index in 0..inputs {
            let bytes = match (&given, files.get(index)) {
                (Some(file), _) => file.clone(),
                // The files themselves come first.
                (None, Some(file)) if index < own => file.clone(),
                (None, _) => mutated(&mut random, &files),
            };
            std::fs::write(&current, &bytes).unwrap();
            let accepted = attempt(reader, &tools, &bytes, &begun, since, &mut tried);
            if accepted && index >= own {
                if files.len() < own + MOST_KEPT {
                    files.push(bytes);
                } else {
                    let place = own + random.below(MOST_KEPT);
                    files[place] = bytes;
                }
            }
            if given.is_some() {
                break;
            }
        }
        let _ = std::fs::remove_file(&current);
        let line = format!(
            "{:<22} {:>8} inputs {:>7} accepted  longest {:>7.3} s  most {:>7} KiB  {} failures\n",
            tried.name,
            tried.inputs,
            tried.accepted,
            tried.longest.as_secs_f64(),
            tried.most_bytes >> 10,
            tried.failures.len()
        );
        let _ = std::io::stderr().write_all(line.as_bytes());
        report.push_str(&line);
        all.push(tried);
    }
    let _ = writeln!(
        report,
        "{} inputs in {:.0} s",
        all.iter().map(|tried| tried.inputs).sum::<usize>(),
        since.elapsed().as_secs_f64()
    );
    std::fs::write(place().join("report.txt"), &report).unwrap();
    let failures: Vec<&String> = all.iter().flat_map(|tried| &tried.failures).collect();
    assert!(failures.is_empty(), "{} failures:\n{failures:#?}", failures.len());
    // A corpus that nothing of is accepted any more tests nothing.
    let dead: Vec<&str> = all.iter().filter(|tried| tried.accepted == 0).map(|tried| tried.name).collect();
    assert!(dead.is_empty() || given.is_some(), "nothing is accepted by {dead:?}");
}
