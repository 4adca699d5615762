//! Peaks the user measured for this plan, one line of text each: they read well in a diff.
//!
//! `reserved 18862.3 MiB of 17901.0 MiB expected: 2026-11-24, RTX 4090, torch 2.9`. What was expected is kept with the
//! measurement, because the plan may change after it was taken.

use super::Trial;
use crate::units::{ByteUnit, Bytes};
use serde::Serialize;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

mod foreign;

pub use foreign::read_peaks;

/// Most measurements a plan holds.
pub const MAX_PEAKS: usize = 256;
/// Longest remark on a measurement, in characters.
const MAX_NOTE: usize = 200;
/// Bytes a peak of one device can have: less than a mebibyte or more than a pebibyte is a slip of the unit.
const PEAKS: RangeInclusive<u64> = 1 << 20..=1 << 50;

/// Which of the estimate's three answers a measurement is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// `torch.cuda.max_memory_allocated`.
    Tensors,
    /// `torch.cuda.max_memory_reserved`.
    Reserved,
    /// `nvidia-smi`, or a figure that does not say what it is.
    Process,
}

impl Metric {
    /// All, from the inside out.
    pub const ALL: [Self; 3] = [Self::Tensors, Self::Reserved, Self::Process];

    /// Word in files.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Tensors => "tensors",
            Self::Reserved => "reserved",
            Self::Process => "process",
        }
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Tensors => "Tensors",
            Self::Reserved => "Reserved",
            Self::Process => "Whole process",
        }
    }

    /// Where the figure is read off.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Tensors => "torch.cuda.max_memory_allocated()",
            Self::Reserved => "torch.cuda.max_memory_reserved()",
            Self::Process => "memory in use as nvidia-smi shows it",
        }
    }

    fn from_id(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.id() == word)
    }
}

/// One measured peak of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredPeak {
    /// What was read off.
    pub metric: Metric,
    /// The peak, whole tenths of a MiB.
    pub bytes: Bytes,
    /// What was expected for the settings it was measured with; `None`: those of the plan as it stands.
    pub expected: Option<Bytes>,
    /// Day, device, versions: whatever a reviewer should know.
    pub note: String,
}

/// Measurements of the plan and whether they correct the estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// In the order they were taken.
    pub peaks: Vec<MeasuredPeak>,
    /// The estimate is multiplied by what the measurements say.
    pub calibrate: bool,
    /// Previews on this machine, in the order they were made.
    pub trials: Vec<Trial>,
}

impl Default for Measured {
    fn default() -> Self {
        Self { peaks: Vec::new(), calibrate: true, trials: Vec::new() }
    }
}

impl MeasuredPeak {
    /// A peak with its remark made fit for one line. What was expected is left out where no device has so much.
    pub fn new(metric: Metric, bytes: Bytes, expected: Option<Bytes>, note: &str) -> Self {
        let plain = note.chars().map(|c| if c.is_control() || c == ';' { ' ' } else { c });
        let note: String = plain.collect();
        // Blanks around it are not its own: they are gone before its length counts, so that it reads back as it was written.
        let note: String = note.trim().chars().take(MAX_NOTE).collect();
        let expected = expected.filter(|bytes| PEAKS.contains(&bytes.0)).map(tenths);
        Self { metric, bytes: tenths(bytes), expected, note: note.trim().to_owned() }
    }
}

/// Rounded to what the text holds, so that writing and reading give the same plan.
fn tenths(bytes: Bytes) -> Bytes {
    parsed(&mib(bytes)).unwrap_or(bytes)
}

fn mib(bytes: Bytes) -> String {
    bytes.small(ByteUnit::GiB)
}

fn parsed(text: &str) -> Result<Bytes, String> {
    let bytes = Bytes::parse(text)?;
    if !PEAKS.contains(&bytes.0) {
        return Err(format!("{text} is no peak of one device; write it with its unit, such as 18.42 GiB"));
    }
    Ok(bytes)
}

impl fmt::Display for MeasuredPeak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.metric.id(), mib(self.bytes))?;
        if let Some(expected) = self.expected {
            write!(f, " of {} expected", mib(expected))?;
        }
        if !self.note.is_empty() {
            write!(f, ": {}", self.note)?;
        }
        Ok(())
    }
}

impl FromStr for MeasuredPeak {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (head, note) = text.split_once(':').unwrap_or((text, ""));
        let (word, amounts) = head.trim().split_once(char::is_whitespace).unwrap_or((head.trim(), ""));
        let metric = Metric::from_id(&word.to_lowercase()).ok_or_else(|| {
            format!("`{}` is no measured peak; write for example: reserved 18.42 GiB: RTX 4090, torch 2.9", text.trim())
        })?;
        let (amount, expected) = match amounts.split_once(" of ") {
            Some((amount, expected)) => (amount, Some(expected.trim().trim_end_matches("expected"))),
            None => (amounts, None),
        };
        let expected = expected.map(|text| parsed(text.trim())).transpose()?;
        Ok(Self::new(metric, parsed(amount.trim())?, expected, note))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let peak: MeasuredPeak = "reserved 18.42 GiB of 17 GiB expected: 2026-11-24, 4090; torch".parse().unwrap();
        // 18.42 × 1024 = 18,862.08.
        assert_eq!(peak.to_string(), "reserved 18862.1 MiB of 17408.0 MiB expected: 2026-11-24, 4090  torch");
        assert_eq!(peak.to_string().parse::<MeasuredPeak>().unwrap(), peak);
        assert_eq!("process 20000MiB".parse::<MeasuredPeak>().unwrap().to_string(), "process 20000.0 MiB");
        for wrong in [
            "",
            "much 3 GiB",
            "reserved",
            "reserved 0 MiB",
            "reserved 5",
            "reserved 99999999 TiB",
            "tensors 3 GiB of many",
        ] {
            assert!(wrong.parse::<MeasuredPeak>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_remark_keeps_its_last_character_however_often_it_is_written() {
        let note = format!("{}x", "a".repeat(MAX_NOTE - 1));
        for around in ["", " ", "\t  "] {
            let peak: MeasuredPeak = format!("reserved 2 GiB:{around}{note}{around}").parse().unwrap();
            assert_eq!(peak.note, note);
            assert_eq!(peak.to_string().parse::<MeasuredPeak>().unwrap(), peak);
        }
        let long = MeasuredPeak::new(Metric::Reserved, Bytes(2 << 30), Some(Bytes(u64::MAX)), &format!("{note} more"));
        assert_eq!(long.note, note);
        assert_eq!(long.to_string().parse::<MeasuredPeak>().unwrap(), long);
    }
}
