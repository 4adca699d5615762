//! Tuneplan: arguments to window or subcommand; nothing else.

use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = tuneplan::cli::run(std::env::args_os(), &mut stdout(), &mut stderr());
    ExitCode::from(outcome as u8)
}
