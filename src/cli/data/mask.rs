//! `tuneplan data mask`: one row as tokens.

use super::{MaskArgs, Outcome, SCHEMA, printable};
use crate::data::lengths::{Masked, mask};
use crate::data::model::TextModel;
use anyhow::Result;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::io::Write;

pub fn run(args: &MaskArgs, out: &mut dyn Write) -> Result<Outcome> {
    let model = TextModel::open(&args.trainer.tokenizer)?;
    let found = mask(&model, &args.trainer.question(&args.file), args.row)?;
    let assumed = args.trainer.assumed(&model);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &to_json(args, &found, &assumed))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(args, &found, &assumed))?;
    }
    Ok(Outcome::Done)
}

/// What happens to a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Context,
    Trained,
    Cut,
}

impl State {
    const fn id(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Trained => "trained",
            Self::Cut => "cut",
        }
    }
}

/// Every token before the cut with what happens to it. What stays is a subsequence of it: from the beginning on, or, where
/// prompts and answers share the cutoff, a piece of each.
fn states(found: &Masked) -> Vec<State> {
    let (whole, kept) = (&found.made.whole, &found.made.kept);
    let mut states = Vec::with_capacity(whole.ids.len());
    let mut at = 0;
    for (place, id) in whole.ids.iter().enumerate() {
        let stays = kept.ids.get(at) == Some(id) && kept.trained.get(at) == whole.trained.get(place);
        at += usize::from(stays);
        states.push(match (stays, whole.trained[place]) {
            (false, _) => State::Cut,
            (true, true) => State::Trained,
            (true, false) => State::Context,
        });
    }
    states
}

fn to_json(args: &MaskArgs, found: &Masked, assumed: &[String]) -> Json {
    let ids = &found.made.whole.ids;
    let states = states(found);
    let tokens = ids.iter().zip(&found.pieces).zip(&states);
    let tokens: Vec<Json> =
        tokens.map(|((id, text), state)| json!({ "id": id, "text": text, "state": state.id() })).collect();
    json!({
        "schema": SCHEMA,
        "path": args.file.display().to_string(),
        "row": args.row,
        "line": found.spot.line,
        "byte": found.spot.byte,
        "trainer": args.trainer.trainer.id(),
        "trainer_version": args.trainer.trainer.version(),
        "cutoff": args.trainer.cutoff(),
        "assumed": assumed,
        "verdict": found.made.verdict.id(),
        "reason": found.made.reason,
        "tokens": tokens,
        "input_ids": found.made.kept.ids,
        "trained": found.made.kept.trained,
    })
}

fn to_text(args: &MaskArgs, found: &Masked, assumed: &[String]) -> String {
    let trainer = args.trainer.trainer;
    let mut text = format!(
        "{}, row {} (line {}) under {} {}: {}",
        printable(&args.file.display().to_string()),
        args.row,
        found.spot.line,
        trainer.id(),
        trainer.version(),
        found.made.verdict.id()
    );
    if !found.made.reason.is_empty() {
        let _ = write!(text, ": {}", printable(&found.made.reason));
    }
    let _ = writeln!(
        text,
        "\n{} tokens, {} go to the model, {} are trained",
        found.made.whole.ids.len(),
        found.made.kept.ids.len(),
        found.made.kept.trained_tokens()
    );
    let states = states(found);
    let mut at = 0;
    while at < states.len() {
        let length = states[at..].iter().take_while(|state| **state == states[at]).count();
        let said = found.pieces[at..at + length].concat();
        let shown = said.split('\n').map(printable).collect::<Vec<_>>().join("\\n\n          ");
        let _ = writeln!(text, "{:<8}{:>5}  {shown}", states[at].id(), length);
        at += length;
    }
    text += "Assumed\n";
    for line in assumed {
        let _ = writeln!(text, "  {line}");
    }
    text
}
