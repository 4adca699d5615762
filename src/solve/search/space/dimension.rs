//! Dimensions made from the table of levers: whatever a set of them does to a dimension is a value of it.

use super::{Region, Weighed};
use crate::plan::Plan;
use crate::plan::field::FieldId;
use crate::solve::figures::edited;
use crate::solve::levers::{Kind, Risk};

/// The changes that levers offer for a plan.
pub struct Levers<'a> {
    pub plan: &'a Plan,
    pub kinds: Vec<Kind>,
}

impl Levers<'_> {
    /// A dimension with the plan's own value and those of every set of levers that touch it; `read` takes the value from
    /// a plan.
    pub fn dimension<T: PartialEq>(
        &self,
        is_of_it: impl Fn(FieldId) -> bool,
        read: impl Fn(&Plan) -> T,
    ) -> Vec<Weighed<T>> {
        let mut found = vec![Weighed { value: read(self.plan), risk: Risk::None, region: Region::OWN }];
        let touching: Vec<&Kind> = self.kinds.iter().filter(|kind| kind.touched().into_iter().any(&is_of_it)).collect();
        let mut sets: Vec<(usize, Vec<&Kind>, Plan, Risk)> = vec![(0, Vec::new(), self.plan.clone(), Risk::None)];
        while let Some((from, set, plan, risk)) = sets.pop() {
            for (index, kind) in touching.iter().enumerate().skip(from) {
                if !set.iter().all(|other| other.goes_with(kind)) {
                    continue;
                }
                let Some(changed) = edited(&plan, &kind.edit) else { continue };
                let risk = risk.max(kind.quality.risk);
                let value = read(&changed);
                match found.iter_mut().find(|known| known.value == value) {
                    Some(known) => known.risk = known.risk.min(risk),
                    None => found.push(Weighed { value, risk, region: Region::LEVERS }),
                }
                let mut larger = set.clone();
                larger.push(kind);
                sets.push((index + 1, larger, changed, risk));
            }
        }
        found
    }
}

/// Adds a value that is not there yet; one that is keeps its risk and is combined here too.
pub fn add<T: PartialEq>(dimension: &mut Vec<Weighed<T>>, value: T, risk: Risk, region: Region) {
    match dimension.iter_mut().find(|known| known.value == value) {
        Some(known) => known.region.few |= region.few,
        None => dimension.push(Weighed { value, risk, region }),
    }
}
