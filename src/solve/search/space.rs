//! The choices of every setting that a search combines, and the plan of each combination.
//!
//! Fixed are model, data, sequence length, sequences of a step, devices and software stack. Of equally good plans the
//! one with the lower number stays, so every dimension begins with the plan's own choice.

use super::super::figures::{Known, edited, remarks};
use crate::estimate::Inputs;
use crate::plan::check::Severity;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::{
    Algorithm, AttentionKernel, Checkpointing, FloatFormat, Implementation, LossKernel, Offload, Plan, Strategy,
    Workload,
};
use crate::solve::levers::Risk;
use choices::{batches, optimizers, own_optimizer, sharings};

mod choices;
mod methods;

/// A method with its formats: the plan so far.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodChoice {
    /// The plan with it.
    pub plan: Plan,
    /// Risk against the plan as it is.
    pub risk: Risk,
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
    /// Risk against the plan as it is.
    pub risk: Risk,
}

impl OptimizerChoice {
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
}

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
    /// Methods with load format, rank, targets, ….
    pub methods: Vec<MethodChoice>,
    /// Formats of arithmetic.
    pub autocasts: Vec<Option<FloatFormat>>,
    /// Micro-batch and accumulation; a step sees the same sequences with each. For inference sequences at a time.
    pub batches: Vec<(u64, u64)>,
    /// What is recomputed.
    pub checkpointings: Vec<Checkpointing>,
    /// Loss kernels.
    pub losses: Vec<LossKernel>,
    /// Attention kernels.
    pub attentions: Vec<AttentionKernel>,
    /// Ways of sharing.
    pub sharings: Vec<SharingChoice>,
    /// Optimizers.
    pub optimizers: Vec<OptimizerChoice>,
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
        let mut methods = if training { methods::training(plan) } else { methods::serving(plan) };
        methods.retain(|choice| sound(&choice.plan));
        let mut autocasts = vec![plan.precision.autocast];
        let mut checkpointings = vec![plan.runtime.checkpointing];
        let mut losses = vec![plan.runtime.loss];
        let mut attentions = vec![plan.runtime.attention];
        if training {
            autocasts.extend([Some(FloatFormat::Bf16), None]);
            checkpointings.extend([Checkpointing::None, Checkpointing::Selective, Checkpointing::Full]);
            losses.extend([LossKernel::Unfused, LossKernel::FusedLogits, LossKernel::FusedLinear]);
        }
        attentions.push(AttentionKernel::Sdpa);
        distinct(&mut autocasts);
        distinct(&mut checkpointings);
        distinct(&mut losses);
        distinct(&mut attentions);
        autocasts.retain(|autocast| sound(&with(&|plan| plan.precision.autocast = *autocast)));
        let mut optimizers = if training { optimizers(plan) } else { vec![own_optimizer(plan)] };
        optimizers.retain(|choice| {
            let mut changed = plan.clone();
            choice.apply(&mut changed);
            // Steps in backward with accumulation are left out where both meet.
            changed.batch.gradient_accumulation = 1;
            changed.runtime.loss = plan.runtime.loss;
            *choice == own_optimizer(plan) || sound(&changed)
        });
        let mut space = Self {
            plan: plan.clone(),
            methods,
            autocasts,
            batches: batches(plan),
            checkpointings,
            losses,
            attentions,
            sharings: sharings(plan, inputs),
            optimizers,
        };
        if plan.is_parallel() {
            space.coarsen();
        }
        space
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

    /// Plans on several devices are estimated one by one: fewer steps of rank and fewer optimizers.
    fn coarsen(&mut self) {
        self.methods.retain(|choice| {
            let ranks = [8, 16, 64];
            let same = choice.plan.method.method == self.plan.method.method;
            same || choice.plan.method.method.lora().is_none_or(|lora| {
                ranks.contains(&lora.rank)
                    && lora.targets == crate::plan::Targets::AllLinear
                    && !lora.weight_decomposed
                    && !choice.plan.precision.upcast_unquantized
                    && lora.dtype == self.plan.method.method.lora().map_or(lora.dtype, |own| own.dtype)
            })
        });
        self.autocasts.truncate(1);
        self.optimizers.retain(|choice| {
            choice.risk == Risk::None && choice.implementation != Implementation::ForLoop
                || choice.algorithm == Algorithm::AdamW8bit && choice.implementation == Implementation::Fused
        });
        self.optimizers.truncate(4);
    }

    /// Combinations, contradictory ones among them.
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

    /// Numbers of all combinations with a method.
    pub fn indices_of(&self, method: usize) -> std::ops::Range<u64> {
        let each = self.steps_len() * self.optimizers.len() as u64;
        method as u64 * each..(method as u64 + 1) * each
    }

    /// Whether step and optimizer cannot go together.
    pub fn contradicts(&self, step: Step, optimizer: usize) -> bool {
        let accumulates = self.batches.get(step.batch).is_some_and(|(_, passes)| *passes > 1);
        let in_backward =
            self.optimizers.get(optimizer).is_some_and(|choice| choice.implementation == Implementation::InBackward);
        accumulates && in_backward
    }

    /// Risk of the step's choices: batch, checkpointing, kernels and sharing compute the same.
    pub fn step_risk(&self, step: Step) -> Risk {
        match (self.plan.precision.autocast, self.autocasts.get(step.autocast).copied().flatten()) {
            // Adapters or weights that were cast are now computed as they are held, or the other way round.
            (own, chosen) if own == chosen => Risk::None,
            _ => Risk::Low,
        }
    }

    /// Puts a step's choices into `plan`.
    pub fn set_step(&self, plan: &mut Plan, step: Step) {
        if let Some(autocast) = self.autocasts.get(step.autocast) {
            plan.precision.autocast = *autocast;
        }
        if let Some((micro_batch, passes)) = self.batches.get(step.batch) {
            plan.batch.micro_batch = *micro_batch;
            plan.batch.gradient_accumulation = *passes;
        }
        if let Some(checkpointing) = self.checkpointings.get(step.checkpointing) {
            plan.runtime.checkpointing = *checkpointing;
        }
        if let Some(loss) = self.losses.get(step.loss) {
            plan.runtime.loss = *loss;
        }
        if let Some(attention) = self.attentions.get(step.attention) {
            plan.runtime.attention = *attention;
        }
        if let Some(sharing) = self.sharings.get(step.sharing) {
            plan.parallelism.strategy = sharing.strategy;
            plan.parallelism.tensor = sharing.tensor;
            plan.parallelism.offload_optimizer = sharing.offload_optimizer;
            plan.parallelism.offload_parameters = sharing.offload_parameters;
        }
    }

    /// The plan of a number with its risk; `None`: it contradicts itself, or there is no such number.
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
        let mut plan = method.plan.clone();
        self.set_step(&mut plan, step);
        choice.apply(&mut plan);
        Some((plan, method.risk.max(self.step_risk(step)).max(choice.risk)))
    }
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

fn distinct<T: PartialEq>(list: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::new();
    for item in list.drain(..) {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    *list = kept;
}

/// The plan with an edit applied, for choices that are made of edits.
fn with_edit(plan: &Plan, edit: &PlanEdit) -> Option<Plan> {
    edited(plan, edit)
}

fn set(id: crate::plan::field::FieldId, word: &str) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Id(word.to_owned()))
}
