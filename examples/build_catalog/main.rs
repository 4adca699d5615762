//! Builds `assets/catalog/*.ron` from the tables beside them.
//!
//! ```sh
//! cargo run --example build_catalog [-- DIR_WITH_CSVS [OUT_DIR]]
//! ```
//!
//! The tables are `models.csv`, `training_formats.csv`, `aliases.csv`, `accelerators.csv`, `instances.csv` and `formats.csv`. Columns are found by
//! name: one that is missing stops the build. Models' shapes go through the same reader as a `config.json`; a row whose
//! parameters do not come out at its stated total stops the build too.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

use anyhow::{Context as _, Result};
use std::path::PathBuf;

mod devices;
mod models;
mod tables;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let input = args.next().unwrap_or_else(|| PathBuf::from("assets/catalog/tables"));
    let output = args.next().unwrap_or_else(|| PathBuf::from("assets/catalog"));
    for (name, text) in tables::build(&input)? {
        let path = output.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
