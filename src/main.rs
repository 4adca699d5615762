//! Tuneplan: arguments to window or subcommand; nothing else.

fn main() {}
