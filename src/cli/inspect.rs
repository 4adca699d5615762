//! `tuneplan inspect`: what a model file says.

use super::{InspectArgs, Outcome};
use crate::architecture::{self, ModelFile};
use crate::units::{Bytes, grouped, params_short};
use anyhow::Result;
use serde_json::{Value as Json, json};
use std::io::Write;

pub fn run(args: &InspectArgs, out: &mut dyn Write) -> Result<Outcome> {
    let model = architecture::read(&args.path)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &to_json(&model))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(&model))?;
    }
    Ok(Outcome::Done)
}

fn to_json(model: &ModelFile) -> Json {
    let architecture = &model.architecture;
    let parameters = architecture.parameters();
    json!({
        "source": model.source,
        "architecture": architecture.model_code,
        "parameters": {
            "total": parameters.total,
            "active": parameters.active,
            "embedding": parameters.embedding,
            "head": parameters.head,
        },
        "layers": architecture.num_layers(),
        "hidden_size": architecture.hidden_size,
        "vocab_size": architecture.vocab_size,
        "flags": model.flags().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn to_text(model: &ModelFile) -> String {
    let architecture = &model.architecture;
    let parameters = architecture.parameters();
    let head = if parameters.head == 0 { "tied to the embedding".to_owned() } else { grouped(parameters.head) };
    let mut rows = vec![
        ("Source", model.source.clone()),
        ("Model code", architecture.model_code.clone()),
        ("Parameters", format!("{} ({})", grouped(parameters.total), params_short(parameters.total))),
        ("Active", format!("{} a token", grouped(parameters.active))),
        ("Embedding", grouped(parameters.embedding)),
        ("Output head", head),
        ("Layers", grouped(architecture.num_layers())),
        ("Hidden size", grouped(architecture.hidden_size)),
        ("Vocabulary", format!("{} entries", grouped(architecture.vocab_size))),
    ];
    if let Some(tensors) = &model.tensors {
        rows.push(("Tensors", format!("{} with {}", grouped(tensors.count), Bytes(tensors.bytes))));
    }
    rows.extend(model.flags().map(|flag| ("Note", flag.to_string())));
    let lines: Vec<String> = rows.into_iter().map(|(label, value)| format!("{label:<12} {value}")).collect();
    lines.join("\n") + "\n"
}
