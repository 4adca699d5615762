//! The Pareto set as it grows: plans for which no other is at least as good in memory, time and risk and better in one.

use crate::solve::levers::Risk;
use crate::units::Bytes;

/// A plan by what it comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Expected memory, whole process.
    pub memory: Bytes,
    /// Expected seconds a token, all devices together.
    pub secs_per_token: f64,
    /// Quality risk.
    pub risk: Risk,
    /// Number of the plan in its space. Of equals the lowest stays.
    pub index: u64,
}

impl Spot {
    /// At least as good in everything; of equals the one with the lower number.
    pub fn beats(&self, other: &Self) -> bool {
        let as_good =
            self.memory <= other.memory && self.secs_per_token <= other.secs_per_token && self.risk <= other.risk;
        let same =
            self.memory == other.memory && self.secs_per_token == other.secs_per_token && self.risk == other.risk;
        as_good && (!same || self.index < other.index)
    }
}

/// The set: for each risk a staircase, memory up and time down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Front {
    stairs: [Vec<Spot>; 3],
}

impl Front {
    /// Takes a spot in unless another beats it; what it beats goes. The order of offers does not matter.
    pub fn offer(&mut self, spot: Spot) {
        let level = spot.risk as usize;
        // On a staircase the last step of no more memory is the fastest of those: only it can beat the spot.
        let beaten = self.stairs[..=level].iter().any(|stair| {
            let end = stair.partition_point(|step| step.memory <= spot.memory);
            stair[..end].last().is_some_and(|step| step.beats(&spot))
        });
        if beaten {
            return;
        }
        for stair in &mut self.stairs[level..] {
            let from = stair.partition_point(|step| step.memory < spot.memory);
            let slower = stair[from..].partition_point(|step| step.secs_per_token >= spot.secs_per_token);
            stair.drain(from..from + slower);
        }
        let stair = &mut self.stairs[level];
        let at = stair.partition_point(|step| step.memory < spot.memory);
        stair.insert(at, spot);
    }

    /// All spots by memory, then risk.
    pub fn spots(&self) -> impl Iterator<Item = Spot> {
        let mut all: Vec<Spot> = self.stairs.iter().flatten().copied().collect();
        all.sort_by(|a, b| a.memory.cmp(&b.memory).then(a.risk.cmp(&b.risk)).then(a.index.cmp(&b.index)));
        all.into_iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.stairs.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
