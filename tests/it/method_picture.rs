//! The picture of a method against published counts, hand-made formulas and the estimate.

use tuneplan::architecture::{Architecture, LinearRole};
use tuneplan::catalog::Catalog;
use tuneplan::estimate::picture::{Fate, LayerKind, MethodPicture, PieceState, Purpose, Term, with_target};
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Component, Detail, Inputs, PhaseKind, estimate};
use tuneplan::plan::edit::{PlanEdit, choose_method};
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{AttentionKernel, Checkpointing, Lora, Method, ModelSource, Plan, TargetPart, Targets, templates};

const METHODS: [&str; 18] = [
    "full",
    "lora",
    "qlora",
    "dora",
    "rslora",
    "pissa",
    "loftq",
    "ia3",
    "adapters",
    "prompt",
    "prefix",
    "p-tuning",
    "vera",
    "oft",
    "bitfit",
    "last-layers",
    "galore",
    "blockwise",
];

fn picture(plan: &Plan) -> MethodPicture {
    MethodPicture::of(&Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap())
}

fn with_method(plan: &Plan, method: &str) -> Plan {
    let mut plan = plan.clone();
    choose_method(&plan.clone(), method).apply(&mut plan).unwrap();
    plan
}

/// Llama 3.1 8B in LoRA of rank 16 on all linear layers.
fn lora_8b() -> Plan {
    let mut plan = Plan::default();
    plan.method.method = Method::Lora(Lora { rank: 16, ..Lora::default() });
    "bf16".clone_into(&mut plan.precision.load_format);
    plan
}

fn all_models() -> impl Iterator<Item = &'static str> {
    Catalog::embedded().models.iter().map(|model| model.id.as_str())
}

#[test]
fn the_picture_trains_what_the_estimate_counts() {
    for template in templates() {
        for method in METHODS {
            let plan = with_method(&template.plan, method);
            let picture = picture(&plan);
            let inputs = Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).unwrap();
            let counted = estimate(&inputs, Detail::Numbers).parameters.trainable;
            assert_eq!(picture.trainable, counted, "{} {method}", template.name);
            if plan.method.train_head {
                continue;
            }
            // Layer by layer and box by box it is the same sum.
            let layers: u64 = picture
                .kinds
                .iter()
                .map(|kind| kind.trained_values * if own_weights(kind) { kind.trained_layers } else { kind.count })
                .sum();
            let outside: u64 = picture.outer.iter().map(|part| part.trained_values).sum();
            assert_eq!(layers + outside, counted, "{} {method}", template.name);
        }
    }
}

fn own_weights(kind: &LayerKind) -> bool {
    kind.trained_layers > 0
}

#[test]
fn boxes_add_up_to_the_layer() {
    for id in all_models() {
        let mut plan = lora_8b();
        plan.model.source = ModelSource::Catalog(id.to_owned());
        for kind in picture(&plan).kinds {
            let boxes: u64 = kind.steps.iter().flat_map(|step| &step.pieces).map(|piece| piece.trained_values).sum();
            assert_eq!(boxes, kind.trained_values, "{id}: {}", kind.title);
            assert_eq!(kind.added_values, kind.trained_values, "{id}");
            assert!(kind.steps.iter().flat_map(|step| &step.pieces).count() >= 3, "{id}");
        }
    }
}

#[test]
fn lora_has_the_published_counts() {
    // 41,943,040 trained values: what PEFT prints for Llama 3 8B, rank 16, all linear layers.
    let picture = picture(&lora_8b());
    assert_eq!(picture.trainable, 41_943_040);
    let kind = &picture.kinds[0];
    assert_eq!((picture.kinds.len(), kind.count), (1, 32));
    // r · (n + m) for a 4096 × 4096 matrix.
    let query = kind.matrices.iter().find(|matrix| matrix.name == "q_proj").unwrap();
    assert_eq!((query.frozen_values, query.trained_values), (16_777_216, 16 * 8192));
    assert_eq!(query.formula, "W′ = W + α/r·B·A, α/r = 2");
    let shapes: Vec<(&str, u64, u64, PieceState)> = query
        .terms
        .iter()
        .filter_map(|term| match term {
            Term::Matrix(at) => Some((at.symbol, at.rows, at.columns, at.state)),
            Term::Sign(_) => None,
        })
        .collect();
    let expected =
        [("W", 4096, 4096, PieceState::Frozen), ("B", 4096, 16, PieceState::Added), ("A", 16, 4096, PieceState::Added)];
    assert_eq!(shapes, expected);
}

#[test]
fn a_tied_head_is_trained_with_the_embedding_and_counted_once() {
    let mut plan = with_method(&lora_8b(), "full");
    plan.model.source = ModelSource::Catalog("meta-llama/Llama-3.2-1B".to_owned());
    let picture = picture(&plan);
    let head = picture.outer.iter().find(|part| part.name.starts_with("Head")).unwrap();
    assert!(head.trained_elsewhere && head.trained_values == 0);
    // The published count, embedding and head once.
    assert_eq!((picture.trainable, picture.base), (1_235_814_400, 1_235_814_400));
}

#[test]
fn other_methods_have_their_papers_counts() {
    let plan = lora_8b();
    let trained = |method: &str, change: fn(&mut Plan)| {
        let mut plan = with_method(&plan, method);
        change(&mut plan);
        picture(&plan)
    };
    // Houlsby: two bottlenecks a layer, 2·m·h + m + h each.
    assert_eq!(trained("adapters", |_| ()).trainable, 32 * 2 * (2 * 64 * 4096 + 64 + 4096));
    // 20 vectors before the input; keys and values of 8 heads of 128 in 32 layers.
    assert_eq!(trained("prompt", |_| ()).trainable, 20 * 4096);
    assert_eq!(trained("prefix", |_| ()).trainable, 20 * 32 * 2 * 1024);
    // IA³: one factor for each key, value and inner value.
    assert_eq!(trained("ia3", |_| ()).trainable, 32 * (1024 + 1024 + 14336));
    // Llama has no biases.
    assert_eq!(trained("bitfit", |_| ()).trainable, 0);
    let last = trained("last-layers", |_| ());
    assert_eq!(last.kinds[0].trained_layers, 2);
    assert_eq!(last.kinds[0].trained_values, last.kinds[0].base_values);
}

#[test]
fn a_click_puts_one_linear_map_in_or_out() {
    use TargetPart::{Down, K, O, Q, Up, V};
    let llama: Architecture = Catalog::embedded().model("meta-llama/Llama-3.1-8B").unwrap().architecture.clone();
    let all = Targets::AllLinear;
    let without = with_target(&llama, &all, (LinearRole::Gate, "gate_proj"), false);
    assert_eq!(without, Targets::Parts(vec![Q, K, V, O, Up, Down]));
    assert_eq!(with_target(&llama, &without, (LinearRole::Gate, "gate_proj"), true), all);
    let attention = Targets::Parts(vec![Q, V]);
    assert_eq!(with_target(&llama, &attention, (LinearRole::Value, "v_proj"), false), Targets::Parts(vec![Q]));
}

/// For every model and every linear layer.
#[test]
fn a_click_changes_what_was_clicked_in_every_model() {
    for entry in &Catalog::embedded().models {
        let mut plan = lora_8b();
        plan.model.source = ModelSource::Catalog(entry.id.clone());
        let targets = |plan: &Plan| plan.method.method.targets().unwrap().clone();
        let states = |plan: &Plan| {
            let pieces = picture(plan).kinds.into_iter().flat_map(|kind| kind.steps).flat_map(|step| step.pieces);
            pieces.filter_map(|piece| Some((piece.role?, piece.name, piece.target?))).collect::<Vec<_>>()
        };
        for (role, name, hit) in states(&plan) {
            let mut changed = plan.clone();
            let new = with_target(&entry.architecture, &targets(&plan), (role, &name), !hit);
            let edit = PlanEdit::Set("method.targets", FieldValue::List(new.ids()));
            edit.apply(&mut changed).unwrap();
            let after = states(&changed);
            let mut named = after.iter().filter(|(r, n, _)| *r == role && *n == name).map(|(_, _, hit)| *hit);
            if hit {
                assert!(named.all(|hit| !hit), "{} {name} is taken out", entry.id);
            } else if new != targets(&plan) {
                // Routers and stacked experts that are no modules cannot be reached by any word: then nothing changes.
                assert!(named.any(|hit| hit), "{} {name} is put in", entry.id);
            }
        }
    }
}

fn kept(kind: &LayerKind, fate: Fate, purposes: &[Purpose]) -> Vec<String> {
    let all = kind.steps.iter().flat_map(|step| &step.kept);
    all.filter(|kept| kept.fate == fate && purposes.contains(&kept.purpose)).map(|kept| kept.name.clone()).collect()
}

#[test]
fn a_frozen_weight_needs_no_input() {
    let mut plan = lora_8b();
    plan.runtime.checkpointing = Checkpointing::None;
    let set_targets = |plan: &mut Plan, parts: Vec<TargetPart>| {
        let ids = Targets::Parts(parts).ids();
        PlanEdit::Set("method.targets", FieldValue::List(ids)).apply(plan).unwrap();
    };
    set_targets(&mut plan, vec![TargetPart::Q, TargetPart::V]);
    let kind = picture(&plan).kinds.remove(0);
    let weight = [Purpose::WeightGradient, Purpose::Both];
    assert_eq!(kept(&kind, Fate::Kept, &weight), ["normed input of q_proj, v_proj", "A·x of q_proj, v_proj"]);
    // The MLP is frozen: the inputs of its matrices are dropped, those of its activation are not.
    let dropped = kept(&kind, Fate::Dropped, &[Purpose::Nobody]);
    assert_eq!(dropped, ["normed input", "input of down"]);
    assert!(kept(&kind, Fate::Kept, &[Purpose::InputGradient]).contains(&"gate and up".to_owned()));
    // Full fine-tuning needs them all.
    let full = picture(&with_method(&plan, "full")).kinds.remove(0);
    assert!(kept(&full, Fate::Dropped, &[Purpose::Nobody]).is_empty());
}

#[test]
fn full_checkpointing_keeps_the_input_alone() {
    let mut plan = lora_8b();
    plan.runtime.checkpointing = Checkpointing::Full;
    plan.batch.micro_batch = 2;
    plan.batch.sequence_length = 1000;
    let kind = picture(&plan).kinds.remove(0);
    assert_eq!(kept(&kind, Fate::Kept, &[Purpose::Checkpoint]), ["layer input"]);
    let kept_bytes: u64 = kind
        .steps
        .iter()
        .flat_map(|step| &step.kept)
        .filter(|kept| kept.fate == Fate::Kept)
        .map(|kept| kept.bytes.0)
        .sum();
    // 2 · sequence · batch · hidden bytes (Korthikanti et al., 2022).
    assert_eq!(kept_bytes, 2 * 1000 * 2 * 4096);
}

#[test]
fn below_the_last_trained_layer_nothing_is_kept() {
    let plan = with_method(&lora_8b(), "last-layers");
    let mut inputs_plan = plan.clone();
    inputs_plan.workload = tuneplan::plan::Workload::Inference;
    for kind in picture(&inputs_plan).kinds {
        assert!(!kind.gradient_flows);
        assert!(kind.steps.iter().flat_map(|step| &step.kept).all(|kept| kept.fate == Fate::Dropped));
    }
    assert!(picture(&plan).kinds[0].gradient_flows);
    // Prompt vectors stand before the first layer: the gradient goes through all, for no weight of theirs.
    let prompt = picture(&with_method(&lora_8b(), "prompt")).kinds.remove(0);
    assert!(prompt.gradient_flows && prompt.trained_values == 0);
}

#[test]
fn kept_tensors_are_most_of_the_estimate_s_activations() {
    // Operator-level copies come on top in the estimate, so the picture stays below it, but not far.
    for method in ["full", "lora"] {
        for kernel in [AttentionKernel::Sdpa, AttentionKernel::Eager] {
            let mut plan = with_method(&lora_8b(), method);
            plan.precision.autocast = None;
            plan.runtime.checkpointing = Checkpointing::None;
            plan.runtime.attention = kernel;
            let inputs = Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).unwrap();
            let found = estimate(&inputs, Detail::Numbers);
            let forward = found.phases.iter().find(|phase| phase.kind == PhaseKind::Forward).unwrap();
            let estimated = forward.components.get(Component::Activations).0 as f64;
            let drawn: f64 = picture(&plan)
                .kinds
                .iter()
                .map(|kind| {
                    let kept = kind.steps.iter().flat_map(|step| &step.kept).filter(|kept| kept.fate == Fate::Kept);
                    kept.map(|kept| kept.bytes.0 as f64).sum::<f64>() * kind.count as f64
                })
                .sum();
            let share = drawn / estimated;
            assert!((0.4..=1.05).contains(&share), "{method} {kernel:?}: {share}");
        }
    }
}

#[test]
fn every_model_and_method_has_a_picture() {
    for id in all_models() {
        for method in METHODS {
            let mut plan = Plan::default();
            plan.model.source = ModelSource::Catalog(id.to_owned());
            let plan = with_method(&plan, method);
            let picture = picture(&plan);
            assert!(!picture.kinds.is_empty(), "{id} {method}");
            for kind in &picture.kinds {
                assert!(!kind.matrices.is_empty() && !kind.steps.is_empty(), "{id} {method}");
            }
        }
    }
}
