//! Tuneplan: arguments to window or subcommand; nothing else but the allocator, which counts.

use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};
use std::alloc::System;
use std::io::{stderr, stdout};
use std::process::ExitCode;
use tuneplan::preview::memory::{HeapCounter, count_heap_with};

/// Previews are measured beside their prediction.
#[global_allocator]
static HEAP: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    count_heap_with(HeapCounter {
        reset_peak: || HEAP.reset_peak_memory(),
        peak_growth_bytes: || HEAP.get_peak_memory(),
    });
    let outcome = tuneplan::cli::run(std::env::args_os(), &mut stdout(), &mut stderr());
    ExitCode::from(outcome as u8)
}
