//! `tuneplan screenshot`: the window as a PNG, without a display.

use super::output::Output;
use super::{Outcome, ScreenshotArgs, load};
use crate::app::settings::Settings;
use crate::desktop::screenshot::{Shot, render};
use crate::raster::{MAX_SIDE, encode_png};
use crate::theme::Theme;
use crate::ui::PanelName;
use anyhow::{Context as _, Result, bail};
use clap::ArgMatches;
use std::io::Write;

/// Below it there is nothing to see of a panel.
const LEAST_SIDE: u32 = 64;

pub fn run(
    args: &ScreenshotArgs,
    matches: Option<&ArgMatches>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Outcome> {
    let output = Output::of(&args.output, args.force, matches)?;
    if args.output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg")) {
        bail!("{output}: a PNG is written here; end the name in .png. The window saves the memory charts as SVG");
    }
    let plan = load::plan(args.plan.as_deref(), None, err)?;
    let words: Vec<&str> = PanelName::all().into_iter().map(|(_, word)| word).collect();
    let panel = PanelName::from_id(&args.panel)
        .with_context(|| format!("--panel {}: there are {}", args.panel, words.join(", ")))?;
    let theme = Theme::from_id(&args.theme)
        .with_context(|| format!("--theme {}: there are light, dark and contrast", args.theme))?;
    if !(0.25..=8.0).contains(&args.scale) {
        bail!("--scale {}: from 0.25 to 8 is allowed", args.scale);
    }
    let size = size(&args.size).with_context(|| format!("--size {}: write it as 1280x800", args.size))?;
    if size.iter().any(|side| *side < LEAST_SIDE || f64::from(*side) * f64::from(args.scale) > MAX_SIDE as f64) {
        bail!("--size {}: each side may have {LEAST_SIDE} to {MAX_SIDE} pixels", args.size);
    }
    let shot = Shot { panel, theme, size, whole: false, scale: args.scale, day: String::new() };
    let image = render(&plan, &Settings::default(), &shot);
    output.write(&encode_png(&image)?)?;
    writeln!(out, "wrote {output} ({} × {} pixels)", image.width(), image.height())?;
    Ok(Outcome::Done)
}

fn size(text: &str) -> Option<[u32; 2]> {
    let (width, height) = text.split_once(['x', 'X', '×'])?;
    Some([width.trim().parse().ok()?, height.trim().parse().ok()?])
}
