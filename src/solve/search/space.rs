//! The choices of every setting that a search combines, and the plan of each combination.
//!
//! Every change that [levers](crate::solve::levers) offer is a choice here, with the same risk: each dimension begins
//! with the plan's own value, then come the values that levers give it, then further ones. So every set of levers is a
//! plan of the space. Fixed are model, data, devices, software stack and, unless a lever halves it, the sequence length. Of
//! equally good plans the one with the lower number stays.

use super::super::figures::{Known, edited, remarks};
use crate::estimate::Inputs;
use crate::plan::check::Severity;
use crate::plan::edit::PlanEdit;
use crate::plan::field::id;
use crate::plan::field::{FieldId, FieldValue};
use crate::plan::{AttentionKernel, Checkpointing, FloatFormat, Implementation, LossKernel, Plan, Workload};
use crate::solve::levers::{Risk, kinds};
use choices::{batches, optimizers, sharings};

mod choices;
mod dimension;
mod methods;
mod values;

use dimension::{Levers, add};
pub use values::{OptimizerChoice, Region, SharingChoice, Weighed};

/// Everything but method and optimizer: positions in the dimensions of [`Space`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    autocast: usize,
    batch: usize,
    checkpointing: usize,
    loss: usize,
    attention: usize,
    sharing: usize,
}

/// The choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The plan as it is.
    pub plan: Plan,
    /// Plans with methods and what belongs to them: load format, rank, targets, sequence length, ….
    pub methods: Vec<Weighed<Plan>>,
    /// Formats of arithmetic.
    pub autocasts: Vec<Weighed<Option<FloatFormat>>>,
    /// Micro-batch and accumulation: a step sees the same sequences with each, but where an optimizer step in backward
    /// forbids accumulation. For inference sequences at a time.
    pub batches: Vec<Weighed<(u64, u64)>>,
    /// What is recomputed.
    pub checkpointings: Vec<Weighed<Checkpointing>>,
    /// Loss kernels.
    pub losses: Vec<Weighed<LossKernel>>,
    /// Attention kernels.
    pub attentions: Vec<Weighed<AttentionKernel>>,
    /// Ways of sharing.
    pub sharings: Vec<Weighed<SharingChoice>>,
    /// Optimizers.
    pub optimizers: Vec<Weighed<OptimizerChoice>>,
}

const fn batch_of(plan: &Plan) -> (u64, u64) {
    (plan.batch.micro_batch, plan.batch.gradient_accumulation)
}

/// Dimensions apart from methods, to which every other setting belongs.
fn is_beside_method(id: FieldId) -> bool {
    is_optimizer(id) || is_batch(id) || is_sharing(id) || matches!(id, AUTOCAST | CHECKPOINTING | LOSS | ATTENTION)
}

const AUTOCAST: FieldId = id::PRECISION_AUTOCAST;
const CHECKPOINTING: FieldId = id::RUNTIME_CHECKPOINTING;
const LOSS: FieldId = id::RUNTIME_LOSS;
const ATTENTION: FieldId = id::RUNTIME_ATTENTION;

fn is_optimizer(id: FieldId) -> bool {
    id.starts_with("optimizer.")
}

fn is_batch(id: FieldId) -> bool {
    matches!(id, id::BATCH_MICRO_BATCH | id::BATCH_GRADIENT_ACCUMULATION)
}

fn is_sharing(id: FieldId) -> bool {
    id.starts_with("parallelism.")
}

impl Space {
    /// The sensible choices for a plan. A choice that alone calls for a warning the plan does not have is left out.
    pub fn of(plan: &Plan, inputs: &Inputs<'_>, known: Known<'_>) -> Self {
        let training = plan.workload == Workload::Training;
        let warned = remarks(inputs, Severity::Warning);
        let sound = |changed: &Plan| {
            Inputs::resolve(changed, known.catalog, known.profiles)
                .is_ok_and(|inputs| remarks(&inputs, Severity::Warning).iter().all(|message| warned.contains(message)))
        };
        let with = |change: &dyn Fn(&mut Plan)| {
            let mut changed = plan.clone();
            change(&mut changed);
            changed
        };
        let from = Levers { plan, kinds: kinds::of(plan, inputs) };

        let mut methods = from.dimension(|id| !is_beside_method(id), |changed| as_beside(plan, changed));
        methods.retain(|choice| sound(&choice.value));
        let further = if training { methods::training(plan) } else { methods::serving(plan) };
        for (changed, risk) in further.into_iter().filter(|(changed, _)| sound(changed)) {
            let region = if methods::is_usual(plan, &changed) { Region::FEW } else { Region::WIDE };
            add(&mut methods, as_beside(plan, &changed), risk, region);
        }

        let mut autocasts = from.dimension(|id| id == AUTOCAST, |plan| plan.precision.autocast);
        let mut checkpointings = from.dimension(|id| id == CHECKPOINTING, |plan| plan.runtime.checkpointing);
        let mut losses = from.dimension(|id| id == LOSS, |plan| plan.runtime.loss);
        let mut attentions = from.dimension(|id| id == ATTENTION, |plan| plan.runtime.attention);
        if training {
            // Adapters or weights that were cast are then computed as they are held, or the other way round.
            for autocast in [Some(FloatFormat::Bf16), None] {
                add(&mut autocasts, autocast, Risk::Low, Region::WIDE);
            }
            for checkpointing in [Checkpointing::None, Checkpointing::Selective, Checkpointing::Full] {
                add(&mut checkpointings, checkpointing, Risk::None, Region::FEW);
            }
            for loss in [LossKernel::Unfused, LossKernel::FusedLogits, LossKernel::FusedLinear] {
                add(&mut losses, loss, Risk::None, Region::FEW);
            }
        }
        add(&mut attentions, AttentionKernel::Sdpa, Risk::None, Region::FEW);
        autocasts.retain(|autocast| sound(&with(&|plan| plan.precision.autocast = autocast.value)));

        let mut ways = from.dimension(is_optimizer, OptimizerChoice::of);
        if training {
            optimizers(plan, &mut ways);
        }
        ways.retain(|choice| {
            let mut changed = plan.clone();
            choice.value.apply(&mut changed);
            // Steps in backward with accumulation are left out where both meet.
            changed.batch.gradient_accumulation = 1;
            choice.value == OptimizerChoice::of(plan) || sound(&changed)
        });

        let mut passes = from.dimension(is_batch, batch_of);
        for batch in batches(plan) {
            add(&mut passes, batch, Risk::None, Region::FEW);
        }
        let mut shared = from.dimension(is_sharing, SharingChoice::of);
        for sharing in sharings(plan, inputs) {
            add(&mut shared, sharing, Risk::None, Region::FEW);
        }
        Self {
            plan: plan.clone(),
            methods,
            autocasts,
            batches: passes,
            checkpointings,
            losses,
            attentions,
            sharings: shared,
            optimizers: ways,
        }
    }

    /// At most `most` choices of every dimension, spread evenly and beginning with the plan's own: a small space of the
    /// same kind.
    #[must_use]
    pub fn limited(mut self, most: usize) -> Self {
        thin(&mut self.methods, most);
        thin(&mut self.autocasts, most);
        thin(&mut self.batches, most);
        thin(&mut self.checkpointings, most);
        thin(&mut self.losses, most);
        thin(&mut self.attentions, most);
        thin(&mut self.sharings, most);
        thin(&mut self.optimizers, most);
        self
    }

    /// Combinations, contradictory ones and those outside of every [`Region`] among them.
    pub fn len(&self) -> u64 {
        (self.methods.len() as u64) * self.steps_len() * self.optimizers.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn steps_len(&self) -> u64 {
        [
            self.autocasts.len(),
            self.batches.len(),
            self.checkpointings.len(),
            self.losses.len(),
            self.attentions.len(),
            self.sharings.len(),
        ]
        .iter()
        .map(|count| *count as u64)
        .product()
    }

    /// Every combination beside method and optimizer, in the order of their numbers.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        (0..self.steps_len()).map(|number| self.step(number))
    }

    fn step(&self, mut number: u64) -> Step {
        let mut digit = |count: usize| {
            let count = count.max(1) as u64;
            let digit = number % count;
            number /= count;
            digit as usize
        };
        // The last dimension is the lowest digit.
        let sharing = digit(self.sharings.len());
        let attention = digit(self.attentions.len());
        let loss = digit(self.losses.len());
        let checkpointing = digit(self.checkpointings.len());
        let batch = digit(self.batches.len());
        let autocast = digit(self.autocasts.len());
        Step { autocast, batch, checkpointing, loss, attention, sharing }
    }

    fn step_number(&self, step: Step) -> u64 {
        [
            (step.batch, self.batches.len()),
            (step.checkpointing, self.checkpointings.len()),
            (step.loss, self.losses.len()),
            (step.attention, self.attentions.len()),
            (step.sharing, self.sharings.len()),
        ]
        .iter()
        .fold(step.autocast as u64, |number, (digit, count)| number * *count as u64 + *digit as u64)
    }

    /// Number of a combination.
    pub fn index(&self, method: usize, step: Step, optimizer: usize) -> u64 {
        let steps = method as u64 * self.steps_len() + self.step_number(step);
        steps * self.optimizers.len() as u64 + optimizer as u64
    }

    /// Whether step and optimizer cannot go together.
    pub fn contradicts(&self, step: Step, optimizer: usize) -> bool {
        let Some((micro_batch, passes)) = self.batches.get(step.batch).map(|batch| batch.value) else { return true };
        let in_backward = self
            .optimizers
            .get(optimizer)
            .is_some_and(|choice| choice.value.implementation == Implementation::InBackward);
        let (own_batch, own_passes) = batch_of(&self.plan);
        // Only a step in backward is a reason for a step that sees fewer sequences.
        let sees_fewer = self.plan.workload == Workload::Training
            && micro_batch.saturating_mul(passes) < own_batch.saturating_mul(own_passes);
        // What the plan itself does is no new contradiction.
        let own_does = self.plan.optimizer.implementation == Implementation::InBackward && own_passes > 1;
        if in_backward { passes > 1 && !own_does } else { sees_fewer }
    }

    /// Risk and region of a step's choices.
    pub fn step_weight(&self, step: Step) -> (Risk, Region) {
        let of = [
            self.autocasts.get(step.autocast).map(|value| (value.risk, value.region)),
            self.batches.get(step.batch).map(|value| (value.risk, value.region)),
            self.checkpointings.get(step.checkpointing).map(|value| (value.risk, value.region)),
            self.losses.get(step.loss).map(|value| (value.risk, value.region)),
            self.attentions.get(step.attention).map(|value| (value.risk, value.region)),
            self.sharings.get(step.sharing).map(|value| (value.risk, value.region)),
        ];
        of.into_iter()
            .flatten()
            .fold((Risk::None, Region::OWN), |(risk, region), (more, other)| (risk.max(more), region.and(other)))
    }

    /// Whether values of `region` are combined: always but where the plan they make `shares`.
    pub fn combines(&self, region: Region, shares: bool) -> bool {
        !shares || region.levers || (region.few && self.plan.is_parallel())
    }

    /// Puts a step's choices into `plan`.
    pub fn set_step(&self, plan: &mut Plan, step: Step) {
        if let Some(autocast) = self.autocasts.get(step.autocast) {
            plan.precision.autocast = autocast.value;
        }
        if let Some(batch) = self.batches.get(step.batch) {
            (plan.batch.micro_batch, plan.batch.gradient_accumulation) = batch.value;
        }
        if let Some(checkpointing) = self.checkpointings.get(step.checkpointing) {
            plan.runtime.checkpointing = checkpointing.value;
        }
        if let Some(loss) = self.losses.get(step.loss) {
            plan.runtime.loss = loss.value;
        }
        if let Some(attention) = self.attentions.get(step.attention) {
            plan.runtime.attention = attention.value;
        }
        if let Some(sharing) = self.sharings.get(step.sharing) {
            sharing.value.apply(plan);
        }
    }

    /// The plan of a number with its risk; `None`: it contradicts itself, is not combined, or there is no such number.
    pub fn plan(&self, index: u64) -> Option<(Plan, Risk)> {
        let optimizers = self.optimizers.len().max(1) as u64;
        let optimizer = (index % optimizers) as usize;
        let steps = self.steps_len().max(1);
        let step = self.step(index / optimizers % steps);
        let method = self.methods.get((index / optimizers / steps) as usize)?;
        let choice = self.optimizers.get(optimizer)?;
        if self.contradicts(step, optimizer) {
            return None;
        }
        let (risk, region) = self.step_weight(step);
        let mut plan = method.value.clone();
        self.set_step(&mut plan, step);
        choice.value.apply(&mut plan);
        let region = region.and(method.region).and(choice.region);
        let risk = risk.max(method.risk).max(choice.risk);
        self.combines(region, plan.is_parallel()).then_some((plan, risk))
    }

    /// The number of `plan`, if it is one of the space.
    pub fn find(&self, plan: &Plan) -> Option<u64> {
        fn at<T: PartialEq>(dimension: &[Weighed<T>], wanted: &T) -> Option<usize> {
            dimension.iter().position(|choice| choice.value == *wanted)
        }
        let step = Step {
            autocast: at(&self.autocasts, &plan.precision.autocast)?,
            batch: at(&self.batches, &batch_of(plan))?,
            checkpointing: at(&self.checkpointings, &plan.runtime.checkpointing)?,
            loss: at(&self.losses, &plan.runtime.loss)?,
            attention: at(&self.attentions, &plan.runtime.attention)?,
            sharing: at(&self.sharings, &SharingChoice::of(plan))?,
        };
        let optimizer = at(&self.optimizers, &OptimizerChoice::of(plan))?;
        let method = at(&self.methods, &as_beside(&self.plan, plan))?;
        let index = self.index(method, step, optimizer);
        self.plan(index).map(|_| index)
    }
}

/// `changed` with everything beside its method as in `own`.
fn as_beside(own: &Plan, changed: &Plan) -> Plan {
    let mut plan = changed.clone();
    plan.precision.autocast = own.precision.autocast;
    (plan.batch.micro_batch, plan.batch.gradient_accumulation) = batch_of(own);
    plan.runtime.checkpointing = own.runtime.checkpointing;
    plan.runtime.loss = own.runtime.loss;
    plan.runtime.attention = own.runtime.attention;
    SharingChoice::of(own).apply(&mut plan);
    OptimizerChoice::of(own).apply(&mut plan);
    plan
}

fn thin<T>(list: &mut Vec<T>, most: usize) {
    let last = list.len().saturating_sub(1);
    let kept: Vec<usize> = (0..most).map(|i| i * last / most.saturating_sub(1).max(1)).collect();
    let mut at = 0;
    list.retain(|_| {
        at += 1;
        kept.contains(&(at - 1))
    });
}

/// The plan with an edit applied, for choices that are made of edits.
fn with_edit(plan: &Plan, edit: &PlanEdit) -> Option<Plan> {
    edited(plan, edit)
}

fn set(id: FieldId, word: &str) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Id(word.to_owned()))
}
