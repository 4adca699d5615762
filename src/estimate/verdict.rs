//! The verdict in words: one wording for window, command line and report.

use super::{Estimate, Fit, Phase};
use crate::architecture::Knowledge;
use crate::units::ByteUnit;

impl Estimate {
    /// The phase that decides.
    pub fn peak_phase(&self) -> Option<&Phase> {
        self.phases.get(self.peak)
    }

    /// By how much: `14.08 of 23.99 GiB, 9.91 GiB free`.
    pub fn verdict_figures(&self, unit: ByteUnit) -> String {
        let need = self.needed().expected;
        let Some(capacity) = self.capacity else {
            return format!("{} needed; choose an accelerator to see whether it fits", need.display(unit));
        };
        let least = match self.knowledge {
            Knowledge::Whole => "",
            Knowledge::AtLeast => "at least ",
            Knowledge::Guess => "by a guess ",
        };
        let of = format!("{least}{} of {}", need.number(unit), capacity.display(unit));
        match self.fit {
            Fit::CannotSay => of,
            Fit::DoesNotFit => format!("{of}, {} over", (need - capacity).display(unit)),
            _ => format!("{of}, {} free", (capacity - need).display(unit)),
        }
    }

    /// Where the peak is and how far the band reaches, in a sentence or two.
    pub fn verdict_reason(&self, unit: ByteUnit) -> String {
        let place = self
            .peak_phase()
            .map(|phase| format!("Peak: {}, {}. ", phase.kind.label().to_lowercase(), phase.place))
            .unwrap_or_default();
        let calibrated = match &self.calibration {
            Some(found) if found.applied => format!(" calibrated × {:.3} by your measurements,", found.factor),
            _ => String::new(),
        };
        let gaps = if self.gaps.is_empty() { String::new() } else { format!(" Not known: {}.", self.gaps.join("; ")) };
        // What was not read may need any amount: an upper end would be a claim.
        let band = match self.knowledge {
            Knowledge::Whole => format!("upper end of the band: {}.", self.needed().high.display(unit)),
            Knowledge::AtLeast | Knowledge::Guess => "upper end not known.".to_owned(),
        };
        format!("{place}Whole process,{calibrated} {band}{gaps}")
    }
}
