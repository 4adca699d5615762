//! The window, or what stands in for it where there is no display.

use super::{Outcome, estimate};
use crate::desktop::first_frame::Stay;
use crate::desktop::window::{self, WindowError};
use crate::units::ByteUnit;
use anyhow::Result;
use std::io::Write;
use std::path::Path;

/// Opens the window; without a display prints the plan's estimate and how to get a picture.
pub fn run(path: Option<&Path>, stay: Stay, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    if let Some(path) = path
        && !path.exists()
    {
        anyhow::bail!("{}: no such file; `tuneplan --help` lists the commands", path.display());
    }
    match window::run(path, stay) {
        Ok(()) => Ok(Outcome::Done),
        Err(WindowError::NoDisplay) => {
            let plan = super::load::plan(path, None, err)?;
            write!(out, "{}", estimate::text_of(&plan, ByteUnit::default())?)?;
            writeln!(out)?;
            writeln!(out, "No display was found, so there is no window. For a picture of it:")?;
            writeln!(
                out,
                "  tuneplan screenshot {}-o plan.png",
                path.map(|p| format!("{} ", p.display())).unwrap_or_default()
            )?;
            Ok(Outcome::Done)
        }
        Err(error) => Err(error.into()),
    }
}
