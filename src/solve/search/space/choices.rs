//! What is chosen from beside the method: passes of a step, update rules, ways of sharing.

use super::{OptimizerChoice, SharingChoice, distinct};
use crate::estimate::Inputs;
use crate::plan::check::is_quantized;
use crate::plan::{Algorithm, Implementation, Offload, Plan, Strategy, Workload};
use crate::solve::levers::Risk;

/// Ways to cut the sequences of a step into passes; for inference the plan's own.
pub fn batches(plan: &Plan) -> Vec<(u64, u64)> {
    let (micro, passes) = (plan.batch.micro_batch.max(1), plan.batch.gradient_accumulation.max(1));
    let mut found = vec![(plan.batch.micro_batch, plan.batch.gradient_accumulation)];
    if plan.workload == Workload::Training && plan.parallelism.micro_batches.is_empty() {
        let all = micro.saturating_mul(passes).min(1 << 20);
        found.extend((1..=all.min(4096)).filter(|size| all.is_multiple_of(*size)).map(|size| (size, all / size)));
    }
    distinct(&mut found);
    found
}

pub const fn own_optimizer(plan: &Plan) -> OptimizerChoice {
    OptimizerChoice {
        algorithm: plan.optimizer.algorithm,
        implementation: plan.optimizer.implementation,
        clip_gradients: plan.optimizer.clip_gradients,
        risk: Risk::None,
    }
}

/// Update rules with the implementations there are of each.
pub fn optimizers(plan: &Plan) -> Vec<OptimizerChoice> {
    use Algorithm::{Adafactor, AdamW, AdamW8bit, Lion, Lion8bit, Muon, PagedAdamW, PagedAdamW8bit, SgdMomentum};
    use Implementation::{ForLoop, Foreach, Fused, InBackward};
    let own = plan.optimizer.algorithm;
    let rules: [(Algorithm, &[Implementation]); 9] = [
        (AdamW, &[Fused, Foreach, ForLoop, InBackward]),
        (AdamW8bit, &[Fused, InBackward]),
        (PagedAdamW, &[Fused, InBackward]),
        (PagedAdamW8bit, &[Fused, InBackward]),
        (Adafactor, &[ForLoop, InBackward]),
        (Lion, &[ForLoop, InBackward]),
        (Lion8bit, &[Fused, InBackward]),
        (SgdMomentum, &[Fused, Foreach, InBackward]),
        (Muon, &[ForLoop, InBackward]),
    ];
    let adam = |algorithm| matches!(algorithm, Algorithm::Adam | AdamW | PagedAdamW);
    let mut found = vec![own_optimizer(plan)];
    for (algorithm, implementations) in rules {
        let rule = if algorithm == own || (adam(algorithm) && adam(own)) {
            Risk::None
        } else if matches!((own, algorithm), (Algorithm::Adam | AdamW | PagedAdamW, AdamW8bit | PagedAdamW8bit))
            || matches!((own, algorithm), (AdamW8bit | PagedAdamW8bit, AdamW8bit | PagedAdamW8bit | AdamW | PagedAdamW))
            || (own, algorithm) == (Lion, Lion8bit)
        {
            Risk::Low
        } else {
            Risk::Medium
        };
        for &implementation in implementations {
            let clips = plan.optimizer.clip_gradients && implementation != InBackward;
            let unclipped = if clips == plan.optimizer.clip_gradients { Risk::None } else { Risk::Medium };
            found.push(OptimizerChoice { algorithm, implementation, clip_gradients: clips, risk: rule.max(unclipped) });
        }
    }
    let mut kept: Vec<OptimizerChoice> = Vec::new();
    for choice in found {
        let same = |other: &OptimizerChoice| {
            (other.algorithm, other.implementation) == (choice.algorithm, choice.implementation)
        };
        if !kept.iter().any(same) {
            kept.push(choice);
        }
    }
    kept
}

/// Ways of sharing among the plan's devices; a plan on one device keeps its own.
pub fn sharings(plan: &Plan, inputs: &Inputs<'_>) -> Vec<SharingChoice> {
    let parallel = &plan.parallelism;
    let own = SharingChoice {
        strategy: parallel.strategy,
        tensor: parallel.tensor,
        offload_optimizer: parallel.offload_optimizer,
        offload_parameters: parallel.offload_parameters,
    };
    let mut found = vec![own];
    if plan.hardware.count > 1 {
        let inner = parallel.context.saturating_mul(parallel.pipeline).max(1);
        let degrees = [1, 2, 4, 8].into_iter().filter(|degree| (plan.hardware.count / inner).is_multiple_of(*degree));
        let strategies: &[Strategy] = if plan.workload == Workload::Inference {
            &[Strategy::Single]
        } else if is_quantized(inputs.load_format.id.as_str()) {
            &[Strategy::Ddp, Strategy::Zero2, Strategy::Fsdp2]
        } else {
            &[Strategy::Ddp, Strategy::Zero1, Strategy::Zero2, Strategy::Zero3, Strategy::Fsdp2]
        };
        for tensor in degrees {
            for &strategy in strategies {
                let here = SharingChoice {
                    strategy,
                    tensor,
                    offload_optimizer: Offload::None,
                    offload_parameters: Offload::None,
                };
                found.push(here);
                if matches!(strategy, Strategy::Zero1 | Strategy::Zero2 | Strategy::Zero3) {
                    found.push(SharingChoice { offload_optimizer: Offload::Cpu, ..here });
                }
                if matches!(strategy, Strategy::Zero3 | Strategy::Fsdp2) {
                    let away = SharingChoice { offload_parameters: Offload::Cpu, ..here };
                    found.push(SharingChoice { offload_optimizer: Offload::Cpu, ..away });
                }
            }
        }
    }
    distinct(&mut found);
    found
}
