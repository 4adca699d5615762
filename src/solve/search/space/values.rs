//! Values of the dimensions, each with its risk and where it is combined.

use crate::plan::{Algorithm, Implementation, Offload, Plan, Strategy};
use crate::solve::levers::Risk;

/// A value of a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weighed<T> {
    /// The value.
    pub value: T,
    /// Risk against the plan as it is.
    pub risk: Risk,
    /// Where it is combined.
    pub region: Region,
}

/// With which other values one is combined. Plans that share work or keep something elsewhere are estimated one by one,
/// a hundred times as slowly as the rest: of them only those that are made of levers alone, and of a plan that shares
/// work as it is also those made of a few usual values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub(super) levers: bool,
    pub(super) few: bool,
}

impl Region {
    pub(super) const OWN: Self = Self { levers: true, few: true };
    pub(super) const LEVERS: Self = Self { levers: true, few: false };
    pub(super) const FEW: Self = Self { levers: false, few: true };
    pub(super) const WIDE: Self = Self { levers: false, few: false };

    pub(in crate::solve::search) const fn and(self, other: Self) -> Self {
        Self { levers: self.levers && other.levers, few: self.few && other.few }
    }
}

/// An optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptimizerChoice {
    /// Update rule.
    pub algorithm: Algorithm,
    /// How it is written.
    pub implementation: Implementation,
    /// Whether gradients are clipped.
    pub clip_gradients: bool,
}

impl OptimizerChoice {
    pub(super) const fn of(plan: &Plan) -> Self {
        let optimizer = &plan.optimizer;
        Self {
            algorithm: optimizer.algorithm,
            implementation: optimizer.implementation,
            clip_gradients: optimizer.clip_gradients,
        }
    }

    /// Puts it into `plan`.
    pub const fn apply(&self, plan: &mut Plan) {
        plan.optimizer.algorithm = self.algorithm;
        plan.optimizer.implementation = self.implementation;
        plan.optimizer.clip_gradients = self.clip_gradients;
    }
}

/// How devices share and what waits elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharingChoice {
    /// What data-parallel devices keep.
    pub strategy: Strategy,
    /// Devices that share every matrix.
    pub tensor: u64,
    /// Where optimizer state waits.
    pub offload_optimizer: Offload,
    /// Where weights wait.
    pub offload_parameters: Offload,
    /// Where what forward keeps waits.
    pub offload_activations: Offload,
}

impl SharingChoice {
    pub(super) const fn of(plan: &Plan) -> Self {
        let parallel = &plan.parallelism;
        Self {
            strategy: parallel.strategy,
            tensor: parallel.tensor,
            offload_optimizer: parallel.offload_optimizer,
            offload_parameters: parallel.offload_parameters,
            offload_activations: parallel.offload_activations,
        }
    }

    pub(super) const fn apply(&self, plan: &mut Plan) {
        plan.parallelism.strategy = self.strategy;
        plan.parallelism.tensor = self.tensor;
        plan.parallelism.offload_optimizer = self.offload_optimizer;
        plan.parallelism.offload_parameters = self.offload_parameters;
        plan.parallelism.offload_activations = self.offload_activations;
    }
}
