//! What is chosen from beside the method, further than levers go: passes of a step, update rules, ways of sharing.

use super::{OptimizerChoice, Region, SharingChoice, Weighed, add};
use crate::estimate::Inputs;
use crate::plan::check::is_quantized;
use crate::plan::{Algorithm, Implementation, Offload, Plan, Strategy, Workload};
use crate::solve::levers::Risk;

/// Optimizers that are tried where plans are estimated one by one.
const FEW_OPTIMIZERS: usize = 4;

/// Ways to cut the sequences of a step into passes; none for inference, where nothing is accumulated.
pub fn batches(plan: &Plan) -> Vec<(u64, u64)> {
    let (micro, passes) = (plan.batch.micro_batch.max(1), plan.batch.gradient_accumulation.max(1));
    if plan.workload == Workload::Inference || !plan.parallelism.micro_batches.is_empty() {
        return Vec::new();
    }
    let all = micro.saturating_mul(passes).min(1 << 20);
    (1..=all.min(4096)).filter(|size| all.is_multiple_of(*size)).map(|size| (size, all / size)).collect()
}

/// Update rules with the implementations there are of each.
pub fn optimizers(plan: &Plan, found: &mut Vec<Weighed<OptimizerChoice>>) {
    use Algorithm::{
        Adafactor, AdamW, AdamW4bit, AdamW8bit, Lion, Lion8bit, Muon, OffloadedAdamW, PagedAdamW, PagedAdamW8bit,
        SgdMomentum,
    };
    use Implementation::{ForLoop, Foreach, Fused, InBackward};
    let own = plan.optimizer.algorithm;
    let rules: [(Algorithm, &[Implementation]); 11] = [
        (AdamW, &[Fused, Foreach, ForLoop, InBackward]),
        (AdamW8bit, &[Fused, InBackward]),
        (PagedAdamW, &[Fused, InBackward]),
        (PagedAdamW8bit, &[Fused, InBackward]),
        (AdamW4bit, &[Fused]),
        (OffloadedAdamW, &[Fused]),
        (Adafactor, &[ForLoop, InBackward]),
        (Lion, &[ForLoop, InBackward]),
        (Lion8bit, &[Fused, InBackward]),
        (SgdMomentum, &[Fused, Foreach, InBackward]),
        (Muon, &[ForLoop, InBackward]),
    ];
    let adam = |algorithm| matches!(algorithm, Algorithm::Adam | AdamW | PagedAdamW | OffloadedAdamW);
    let few_bits = |algorithm| matches!(algorithm, AdamW8bit | PagedAdamW8bit | AdamW4bit);
    let mut few = 1;
    for (algorithm, implementations) in rules {
        let rule = if algorithm == own || (adam(algorithm) && adam(own)) {
            Risk::None
        } else if (adam(own) || few_bits(own)) && (adam(algorithm) || few_bits(algorithm))
            || (own, algorithm) == (Lion, Lion8bit)
        {
            Risk::Low
        } else {
            Risk::Medium
        };
        for &implementation in implementations {
            let clip_gradients = plan.optimizer.clip_gradients && implementation != InBackward;
            let unclipped = if clip_gradients == plan.optimizer.clip_gradients { Risk::None } else { Risk::Medium };
            let risk = rule.max(unclipped);
            let choice = OptimizerChoice { algorithm, implementation, clip_gradients };
            if choice == OptimizerChoice::of(plan) {
                continue;
            }
            let is_usual =
                risk == Risk::None && implementation != ForLoop || (algorithm, implementation) == (AdamW8bit, Fused);
            let region = if is_usual && few < FEW_OPTIMIZERS { Region::FEW } else { Region::WIDE };
            few += usize::from(region == Region::FEW);
            add(found, choice, risk, region);
        }
    }
}

/// Ways of sharing among the plan's devices.
pub fn sharings(plan: &Plan, inputs: &Inputs<'_>) -> Vec<SharingChoice> {
    let parallel = &plan.parallelism;
    let mut found = Vec::new();
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
                    offload_activations: parallel.offload_activations,
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
    found
}
