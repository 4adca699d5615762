//! Results of previews on this machine, one line of text each: they read well in a diff.
//!
//! `loss 5.449 to 0.184, exact 12 of 48, text 0.212 to 0.601: 2026-11-24, embedded model, NF4, LoRA r 16, 60 steps`. Losses
//! are per token, in nats: over held-out answers before and after, and over the base's own text, which shows what was
//! forgotten.

use crate::units::{ByteUnit, Bytes};
use std::fmt;
use std::str::FromStr;

/// Most results a plan holds.
pub const MAX_TRIALS: usize = 64;
/// Longest remark on a result, in characters.
const MAX_NOTE: usize = 200;
/// No loss is larger: the logarithm of any number of tokens is below it.
const MAX_LOSS: f64 = 1e4;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Loss over held-out answers before and after.
    pub loss: [f64; 2],
    /// Held-out answers that were exact afterwards, of how many.
    pub exact: [u64; 2],
    /// Loss over the base's own text before and after.
    pub text: Option<[f64; 2]>,
    /// Memory measured and expected.
    pub memory: Option<[Bytes; 2]>,
    /// Day, model, settings.
    pub note: String,
}

impl Trial {
    /// A result made fit for one line.
    pub fn new(
        loss: [f64; 2],
        exact: [u64; 2],
        text: Option<[f64; 2]>,
        memory: Option<[Bytes; 2]>,
        note: &str,
    ) -> Self {
        let plain = note.chars().map(|c| if c.is_control() || c == ';' { ' ' } else { c });
        let note: String = plain.collect();
        // Blanks around it are not its own: they are gone before its length counts, so that it reads back as it was written.
        let note: String = note.trim().chars().take(MAX_NOTE).collect();
        Self {
            loss: loss.map(thousandths),
            exact,
            text: text.map(|text| text.map(thousandths)),
            memory: memory.map(|memory| memory.map(tenths)),
            note: note.trim().to_owned(),
        }
    }
}

/// Rounded to what the text holds, so that writing and reading give the same plan.
fn thousandths(loss: f64) -> f64 {
    (loss.clamp(0.0, MAX_LOSS) * 1000.0).round() / 1000.0
}

fn tenths(bytes: Bytes) -> Bytes {
    Bytes::parse(&mib(bytes)).unwrap_or(bytes)
}

fn mib(bytes: Bytes) -> String {
    bytes.small(ByteUnit::GiB)
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.3} to {:.3}, exact {} of {}", self.loss[0], self.loss[1], self.exact[0], self.exact[1])?;
        if let Some([before, after]) = self.text {
            write!(f, ", text {before:.3} to {after:.3}")?;
        }
        if let Some([measured, expected]) = self.memory {
            write!(f, ", memory {} of {}", mib(measured), mib(expected))?;
        }
        if !self.note.is_empty() {
            write!(f, ": {}", self.note)?;
        }
        Ok(())
    }
}

impl FromStr for Trial {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is no result; write for example: loss 5.4 to 0.2, exact 12 of 48: 2026-11-24, NF4",
                line.trim()
            )
        };
        let (head, note) = line.split_once(':').unwrap_or((line, ""));
        let (mut loss, mut exact, mut text, mut memory) = (None, None, None, None);
        for part in head.split(',') {
            let (word, figures) = part.trim().split_once(' ').ok_or_else(wrong)?;
            match word {
                "loss" => loss = Some(two(figures, " to ", loss_of).ok_or_else(wrong)?),
                "text" => text = Some(two(figures, " to ", loss_of).ok_or_else(wrong)?),
                "exact" => exact = Some(two(figures, " of ", |word| word.parse().ok()).ok_or_else(wrong)?),
                "memory" => memory = Some(two(figures, " of ", |word| Bytes::parse(word).ok()).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            }
        }
        let exact: [u64; 2] = exact.ok_or_else(wrong)?;
        if exact[0] > exact[1] {
            return Err(wrong());
        }
        Ok(Self::new(loss.ok_or_else(wrong)?, exact, text, memory, note))
    }
}

fn two<T>(text: &str, between: &str, read: impl Fn(&str) -> Option<T>) -> Option<[T; 2]> {
    let (first, second) = text.split_once(between)?;
    Some([read(first.trim())?, read(second.trim())?])
}

fn loss_of(word: &str) -> Option<f64> {
    word.parse().ok().filter(|loss| (0.0..=MAX_LOSS).contains(loss))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let line =
            "loss 5.449 to 0.184, exact 12 of 48, text 0.212 to 0.601, memory 212.0 MiB of 198.5 MiB: 2026-11-24, NF4";
        let trial: Trial = line.parse().unwrap();
        assert_eq!(trial.to_string(), line);
        assert_eq!((trial.loss, trial.exact, trial.text), ([5.449, 0.184], [12, 48], Some([0.212, 0.601])));
        assert_eq!(
            "loss 1 to 0.5, exact 0 of 1".parse::<Trial>().unwrap().to_string(),
            "loss 1.000 to 0.500, exact 0 of 1"
        );
        let note = format!("{}x", "a".repeat(MAX_NOTE - 1));
        let long: Trial = format!("loss 1 to 0.5, exact 0 of 1: {note}").parse().unwrap();
        assert_eq!(long.note, note);
        assert_eq!(long.to_string().parse::<Trial>().unwrap(), long);
        for wrong in [
            "",
            "loss",
            "loss 1 to 2",
            "exact 1 of 2",
            "loss 1 to nan, exact 1 of 2",
            "loss 1 to -2, exact 1 of 2",
            "loss 1 to 2, exact 3 of 2",
            "loss 1 to 2, exact 1 of 2, mood 3",
        ] {
            assert!(wrong.parse::<Trial>().is_err(), "{wrong}");
        }
    }
}
