//! Target modules as clicks: one linear layer in or out.

use crate::architecture::{Architecture, Linear, LinearRole};
use crate::estimate::class::ClassTraits;
use crate::estimate::setup::hits;
use crate::plan::{TargetPart, Targets};

/// `targets` with the linear layer called `name` in its role put in (`wanted`) or taken out, in the shortest words that
/// say so: all linear layers, else parts, else module names. Where the model's code uses one name for several modules,
/// names alone cannot tell them apart and all of them change.
pub fn with_target(
    architecture: &Architecture,
    targets: &Targets,
    (role, name): (LinearRole, &str),
    wanted: bool,
) -> Targets {
    let code = architecture.model_code.as_str();
    let class = ClassTraits::of(code);
    let linears: Vec<Linear> = architecture
        .layers
        .iter()
        .flat_map(|group| group.layer.linears(architecture.hidden_size, code).iter().copied().collect::<Vec<_>>())
        .collect();
    let is_clicked = |linear: &Linear| linear.role == role && linear.name == name;
    let after = |linear: &Linear| if is_clicked(linear) { wanted } else { hits(&class, targets, linear) };
    let wanted: Vec<bool> = linears.iter().map(after).collect();
    let mut parts: Vec<TargetPart> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (linear, _) in linears.iter().zip(&wanted).filter(|(_, wanted)| **wanted) {
        parts.extend(parts_of(linear.role));
        if !names.iter().any(|known| known == linear.name) {
            names.push(linear.name.to_owned());
        }
    }
    parts.sort_unstable();
    parts.dedup();
    // What a plan can say: names that are all words for parts are read as parts.
    let candidates = [Targets::AllLinear, Targets::Parts(parts), Targets::from_ids(&names)];
    let misses = |candidate: &Targets| {
        let missed = linears.iter().zip(&wanted).filter(|(linear, wanted)| hits(&class, candidate, linear) != **wanted);
        let missed: Vec<bool> = missed.map(|(linear, _)| is_clicked(linear)).collect();
        // What was clicked matters most.
        (missed.iter().filter(|clicked| **clicked).count(), missed.len())
    };
    candidates.into_iter().min_by_key(misses).unwrap_or(Targets::AllLinear)
}

/// Parts that stand for a role; a fused matrix is hit by any of its parts.
const fn parts_of(role: LinearRole) -> &'static [TargetPart] {
    match role {
        LinearRole::Query => &[TargetPart::Q],
        LinearRole::Key => &[TargetPart::K],
        LinearRole::Value => &[TargetPart::V],
        LinearRole::Output => &[TargetPart::O],
        LinearRole::FusedQkv => &[TargetPart::Q, TargetPart::K, TargetPart::V],
        LinearRole::Gate => &[TargetPart::Gate],
        LinearRole::Up => &[TargetPart::Up],
        LinearRole::FusedGateUp => &[TargetPart::Gate, TargetPart::Up],
        LinearRole::Down => &[TargetPart::Down],
        LinearRole::Router | LinearRole::Other => &[],
    }
}
