//! Methods with what belongs to them: base format, rank, targets, format of the adapters.

use super::{set, with_edit};
use crate::plan::check::is_quantized;
use crate::plan::edit::choose_method;
use crate::plan::field::id;
use crate::plan::{FloatFormat, Lora, Method, Plan, TargetPart, Targets};
use crate::solve::levers::Risk;

/// Ranks that are tried: the stops of the setting.
const RANKS: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// A base the adapters stand on.
struct Base {
    format: String,
    double: bool,
    upcast: bool,
    risk: Risk,
}

/// Whether `changed` is one of the usual methods, which are tried where plans are estimated one by one.
pub fn is_usual(plan: &Plan, changed: &Plan) -> bool {
    let own = plan.method.method.lora();
    changed.method.method == plan.method.method
        || changed.method.method.lora().is_none_or(|lora| {
            [8, 16, 64].contains(&lora.rank)
                && lora.targets == Targets::AllLinear
                && !lora.weight_decomposed
                && !changed.precision.upcast_unquantized
                && lora.dtype == own.map_or(lora.dtype, |own| own.dtype)
        })
}

/// Methods of fine-tuning.
pub fn training(plan: &Plan) -> Vec<(Plan, Risk)> {
    let mut found = Vec::new();
    let mut push = |changed: Plan, risk: Risk| found.push((changed, risk));
    let trains_all = matches!(plan.method.method, Method::Full);
    let low_rank = plan.method.method.lora();
    let own = low_rank.cloned().unwrap_or_default();
    // Fewer trained values than in full fine-tuning, or another method, is for the user to measure.
    let into_lora = if low_rank.is_some() { Risk::None } else { Risk::Medium };
    for base in bases(plan) {
        for targets in targets(&own.targets) {
            for rank in ranks(own.rank) {
                for dtype in formats(own.dtype) {
                    for weight_decomposed in [own.weight_decomposed, !own.weight_decomposed] {
                        let lora = Lora {
                            rank,
                            alpha: own.alpha * rank as f64 / own.rank.max(1) as f64,
                            targets: targets.clone(),
                            dtype,
                            weight_decomposed,
                            ..own.clone()
                        };
                        let risk = into_lora.max(base.risk).max(lora_risk(&own, &lora));
                        push(on(plan, &base, lora), risk);
                    }
                }
            }
        }
    }
    let whole = if trains_all { Risk::None } else { Risk::Medium };
    if let Some(changed) = with_edit(plan, &choose_method(plan, "full")) {
        for master in [plan.precision.fp32_master_weights, !plan.precision.fp32_master_weights] {
            let mut full = changed.clone();
            full.precision.fp32_master_weights = master;
            // Training more than the plan does is no loss; dropping the FP32 copy is.
            let dropped = trains_all && plan.precision.fp32_master_weights && !master;
            push(full, if dropped { Risk::Medium } else { Risk::None });
        }
    }
    for id in ["galore", "ia3", "vera", "last-layers", "bitfit"] {
        if let Some(changed) = with_edit(plan, &choose_method(plan, id)) {
            push(changed, whole.max(Risk::Medium));
        }
    }
    found
}

fn on(plan: &Plan, base: &Base, lora: Lora) -> Plan {
    let mut changed = plan.clone();
    changed.precision.load_format.clone_from(&base.format);
    changed.precision.double_quantization = base.double;
    changed.precision.upcast_unquantized = base.upcast;
    changed.method.method = if is_quantized(&base.format) { Method::Qlora(lora) } else { Method::Lora(lora) };
    changed
}

/// The plan's base, 16 bits, 8 bits and 4 bits; norms, embeddings and head upcast to FP32 or not.
fn bases(plan: &Plan) -> Vec<Base> {
    let precision = &plan.precision;
    let from = precision.load_format.as_str();
    let quantized = is_quantized(from);
    let mut found: Vec<Base> = Vec::new();
    let own = (from, precision.double_quantization, precision.upcast_unquantized);
    let others = [
        ("bf16", false, false),
        ("int8", false, false),
        ("int8", false, true),
        ("nf4", true, false),
        ("nf4", true, true),
        ("nf4", false, false),
        ("nf4", false, true),
    ];
    for (format, double, upcast) in [own].into_iter().chain(others) {
        if found.iter().any(|base| (base.format.as_str(), base.double, base.upcast) == (format, double, upcast)) {
            continue;
        }
        let four = |format: &str| matches!(format, "nf4" | "fp4");
        let rounds = (is_quantized(format) && !quantized) || (four(format) && !four(from)) || (double && !own.1);
        let lowers = precision.upcast_unquantized && !upcast && is_quantized(format);
        let risk = if (format, double, upcast) != own && (rounds || lowers) { Risk::Low } else { Risk::None };
        found.push(Base { format: format.to_owned(), double, upcast, risk });
    }
    found
}

fn targets(own: &Targets) -> Vec<Targets> {
    use TargetPart::{Down, Gate, K, O, Q, Up, V};
    let mut found = vec![own.clone()];
    let others = [
        Targets::AllLinear,
        Targets::Parts(vec![Q, V]),
        Targets::Parts(vec![Q, K, V, O]),
        Targets::Parts(vec![Gate, Up, Down]),
    ];
    for targets in others {
        if !found.contains(&targets) {
            found.push(targets);
        }
    }
    found
}

fn ranks(own: u64) -> Vec<u64> {
    let mut found = vec![own];
    found.extend(RANKS.into_iter().filter(|rank| *rank != own));
    found
}

fn formats(own: FloatFormat) -> Vec<FloatFormat> {
    let mut found = vec![own];
    found.extend([FloatFormat::Fp32, FloatFormat::Bf16].into_iter().filter(|format| *format != own));
    found
}

/// Risk of other settings of LoRA: a lower rank or a narrower format constrains, fewer targets take away. With all linear
/// layers adapted, ranks from 8 on made no difference (Dettmers et al., 2023, QLoRA); lower ones are to be measured.
fn lora_risk(own: &Lora, new: &Lora) -> Risk {
    let holds = match (&own.targets, &new.targets) {
        (_, Targets::AllLinear) => true,
        (Targets::Parts(before), Targets::Parts(after)) => before.iter().all(|part| after.contains(part)),
        (before, after) => before == after,
    };
    let lower = new.rank < own.rank;
    let tried = new.rank >= 8 && new.targets == Targets::AllLinear;
    if !holds || (lower && !tried) {
        Risk::Medium
    } else if lower || new.dtype.bytes() < own.dtype.bytes() || new.weight_decomposed != own.weight_decomposed {
        Risk::Low
    } else {
        Risk::None
    }
}

/// Formats of weights and cache for running the model.
pub fn serving(plan: &Plan) -> Vec<(Plan, Risk)> {
    let mut found = Vec::new();
    let whole = |format: &str| !is_quantized(format);
    let from = plan.precision.load_format.as_str();
    let loads = [from, "bf16", "int8", "nf4", "gguf-q8-0", "gguf-q6-k", "gguf-q5-k", "gguf-q4-k"];
    let caches = [plan.precision.kv_cache_format.as_str(), "bf16", "fp8-e4m3", "int8"];
    for load in loads {
        for cache in caches {
            let Some(mut changed) = with_edit(plan, &set(id::PRECISION_LOAD_FORMAT, load)) else { continue };
            cache.clone_into(&mut changed.precision.kv_cache_format);
            changed.precision.double_quantization &= load == from;
            changed.precision.upcast_unquantized &= load == from;
            let weights = match load {
                _ if load == from || whole(load) => Risk::None,
                "int8" | "gguf-q8-0" => Risk::Low,
                _ => Risk::Medium,
            };
            let rounded = cache != plan.precision.kv_cache_format && cache != "bf16";
            let risk = weights.max(if rounded { Risk::Low } else { Risk::None });
            found.push((changed, risk));
        }
    }
    found
}
