//! What "fits" means, in one place: every page, command and search asks here.
//!
//! An estimate is a band, so there are three answers and not two; and of a model that was not wholly read nothing is said
//! to fit, whatever the band. **Fits** is only what fits at the upper end of the
//! band; **tight** fits if the expected figure is right; the rest does not fit. Whoever looks for something that fits
//! (levers, search, how far a setting goes, models, devices) takes what fits, and only where there is none what is
//! tight, under that name. A plan that is tight is therefore not done: changes are offered that make it fit.

use crate::architecture::Knowledge;
use crate::explained::Interval;
use crate::units::Bytes;

/// Whether it fits. The better comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// The upper end of the whole-process band is within the capacity.
    Fits,
    /// The expected figure is within the capacity, the upper end is not.
    Tight,
    /// What was read of the model is within the capacity, but it was not wholly read.
    CannotSay,
    /// The expected figure is over the capacity.
    DoesNotFit,
    /// No accelerator is chosen.
    NoDevice,
}

impl Fit {
    /// All.
    pub const ALL: [Self; 5] = [Self::Fits, Self::Tight, Self::CannotSay, Self::DoesNotFit, Self::NoDevice];

    /// The verdict on `process` against `capacity`, for a model of which so much is known: of one that was not wholly read
    /// only what was counted can be over the capacity.
    pub fn of(process: Interval, capacity: Option<Bytes>, knowledge: Knowledge) -> Self {
        let is_whole = knowledge == Knowledge::Whole;
        match capacity {
            None => Self::NoDevice,
            Some(capacity) if !is_whole && process.expected <= capacity => Self::CannotSay,
            Some(_) if !is_whole => Self::DoesNotFit,
            Some(capacity) if process.high <= capacity => Self::Fits,
            Some(capacity) if process.expected <= capacity => Self::Tight,
            Some(_) => Self::DoesNotFit,
        }
    }

    /// The one word that rules the screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fits => "Fits",
            Self::Tight => "Tight",
            Self::CannotSay => "Cannot say",
            Self::DoesNotFit => "Does not fit",
            Self::NoDevice => "No device",
        }
    }

    /// The word inside a sentence.
    pub const fn in_sentence(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Tight => "tight",
            Self::CannotSay => "cannot say whether it fits",
            Self::DoesNotFit => "does not fit",
            Self::NoDevice => "no device",
        }
    }

    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Tight => "tight",
            Self::CannotSay => "cannot_say",
            Self::DoesNotFit => "does_not_fit",
            Self::NoDevice => "no_device",
        }
    }

    /// What the word means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fits => "There is room, even at the upper end of the band.",
            Self::Tight => "It fits if the expected figure is right; at the upper end of the band it does not.",
            Self::CannotSay => {
                "The model was not wholly read: what was counted is within the device, the rest is not known."
            }
            Self::DoesNotFit => "The expected figure is over what the device offers.",
            Self::NoDevice => "Choose an accelerator to see whether it fits.",
        }
    }

    /// Whether it is within the device at least by the expected figure of what was read.
    pub const fn is_within(self) -> bool {
        matches!(self, Self::Fits | Self::Tight | Self::CannotSay)
    }

    /// Whether it is within the device, but not surely: an answer only where nothing fits.
    pub const fn is_unsure(self) -> bool {
        matches!(self, Self::Tight | Self::CannotSay)
    }
}
