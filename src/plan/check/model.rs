//! The model against itself and against the tokens it is given.

use super::{Found, Severity, set_number, set_word};
use crate::plan::field::id;
use crate::plan::{AttentionKernel, ModelSource, Workload};
use crate::units::grouped;

/// Above this many tokens the eager kernel's matrix of every pair dwarfs everything else.
const LONG_FOR_EAGER: u64 = 4096;

pub fn check(found: &mut Found<'_>) {
    gaps(found);
    named(found);
    typed_shape(found);
    positions(found);
    if found.plan.runtime.attention == AttentionKernel::Eager && found.plan.batch.sequence_length > LONG_FOR_EAGER {
        found.push(
            Severity::Warning,
            id::RUNTIME_ATTENTION,
            "eager attention keeps a matrix of every token with every token; at this length it outgrows the rest",
            Some(("use flash / SDPA", set_word(id::RUNTIME_ATTENTION, "sdpa"))),
        );
    }
}

/// What the reader of the model does not know is known of every answer about it.
fn gaps(found: &mut Found<'_>) {
    let Some(architecture) = found.context.architecture else { return };
    for gap in architecture.gaps() {
        found.push(Severity::Warning, id::MODEL_ID, format!("the model was not wholly read: {gap}"), None);
    }
}

/// What a name was read as, and what the entry of that name leaves out.
fn named(found: &mut Found<'_>) {
    let (ModelSource::Catalog(name), Some(entry)) = (&found.plan.model.source, found.context.entry) else { return };
    if !name.eq_ignore_ascii_case(&entry.id) {
        let message = format!("{name} is read as {}: the same shape", entry.id);
        found.push(Severity::Note, id::MODEL_ID, message, None);
    }
    if entry.has_tower {
        let beyond = entry.params_whole.map(|whole| whole.saturating_sub(entry.params_total));
        let beyond = beyond.map_or_else(String::new, |count| format!(" of {} parameters", grouped(count)));
        let message = format!(
            "the published checkpoint also has a vision tower{beyond}, which is not counted: load its text model alone"
        );
        found.push(Severity::Note, id::MODEL_ID, message, None);
    }
}

fn typed_shape(found: &mut Found<'_>) {
    let ModelSource::Typed(shape) = &found.plan.model.source else { return };
    if shape.kv_heads == 0 || !shape.heads.is_multiple_of(shape.kv_heads) {
        found.push(
            Severity::Error,
            id::MODEL_KV_HEADS,
            format!("{} query heads cannot share {} key-value heads evenly", shape.heads, shape.kv_heads),
            Some(("one for each query head", set_number(id::MODEL_KV_HEADS, shape.heads))),
        );
    }
    if shape.experts > 0 && shape.experts_per_token > shape.experts {
        found.push(
            Severity::Error,
            id::MODEL_EXPERTS_PER_TOKEN,
            format!("a token cannot go through {} of {} experts", shape.experts_per_token, shape.experts),
            Some(("through all of them", set_number(id::MODEL_EXPERTS_PER_TOKEN, shape.experts))),
        );
    }
}

/// Everything that takes a position: the text, what is generated after it, trained vectors before it.
fn positions(found: &mut Found<'_>) {
    let plan = found.plan;
    let Some(most) = found.context.architecture.and_then(|architecture| architecture.max_positions) else { return };
    let (beside, what) = match plan.workload {
        Workload::Inference => (plan.batch.new_tokens, "new tokens"),
        Workload::Training => (plan.method.method.virtual_tokens().unwrap_or(0), "virtual tokens"),
    };
    if plan.batch.sequence_length.saturating_add(beside) <= most {
        return;
    }
    let with = if beside > 0 { format!(", and {} {what} count too", grouped(beside)) } else { String::new() };
    found.push(
        Severity::Warning,
        id::BATCH_SEQUENCE_LENGTH,
        format!(
            "the model was made for {} positions{with}; beyond them its position encoding must be extended",
            grouped(most)
        ),
        most.checked_sub(beside)
            .filter(|length| *length > 0)
            .map(|length| ("shorten to that", set_number(id::BATCH_SEQUENCE_LENGTH, length))),
    );
}
