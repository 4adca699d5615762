//! `tuneplan solve`: how far a setting goes, which model, how few devices, which accelerator.

use super::figures::{before_after, changes_json, changes_text, push_line, to_json};
use super::output::Output;
use super::{Outcome, SolveArgs, load};
use crate::figures::gaps_line;
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::figures::edited;
use crate::solve::largest::{Candidate, Question, Solution, solve};
use crate::typos::nearest;
use crate::units::{ByteUnit, duration, quantity};
use anyhow::{Result, bail};
use clap::ArgMatches;
use serde_json::{Value as Json, json};
use std::io::Write;

pub fn run(args: &SolveArgs, flags: Option<&ArgMatches>, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let question = question(&args.question)?;
    let given = load::given(args.plan.as_deref(), flags, err)?;
    let output = Output::of_changed(args.output.as_deref(), args.plan.as_deref(), args.force, flags)?;
    let plan = &given.plan;
    let solution = solve(plan, question, Known::embedded()).map_err(anyhow::Error::msg)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &solution_json(&solution))?;
        writeln!(out)?;
    } else {
        write!(out, "{}{}", text(plan, &solution), gaps_line(plan))?;
    }
    if let Some(output) = output {
        let Some(best) = solution.best() else { bail!("there is no answer to write") };
        let after = best.edit.as_ref().and_then(|edit| edited(plan, edit));
        output.write(given.text_for(after.as_ref().unwrap_or(plan)).as_bytes())?;
        writeln!(err, "wrote {output}")?;
    }
    Ok(Outcome::Done)
}

fn question(word: &str) -> Result<Question> {
    let Some(question) = Question::from_id(word) else {
        let ids = Question::ALL.map(Question::id);
        match nearest(word, ids.into_iter()) {
            Some(near) => bail!("--for does not know `{word}`; did you mean `{near}`?"),
            None => bail!("--for does not know `{word}`; it takes {}", ids.join(", ")),
        }
    };
    Ok(question)
}

fn candidate_json(candidate: &Candidate) -> Json {
    json!({
        "value": candidate.value,
        "number": candidate.number,
        "changes": changes_json(&candidate.changes),
        "after": to_json(&candidate.after),
    })
}

fn solution_json(solution: &Solution) -> Json {
    json!({
        "question": solution.question.id(),
        "ending": solution.ending.id(),
        "unit": solution.question.unit(),
        "words": solution.words,
        "before": to_json(&solution.before),
        "answers": solution.candidates.iter().map(candidate_json).collect::<Vec<_>>(),
        "beyond": solution.beyond.map(|beyond| {
            json!({
                "number": beyond.value,
                "process_bytes": beyond.process.expected.0,
                "process_bytes_high": beyond.process.high.0,
                "verdict": beyond.fit.id(),
            })
        }),
    })
}

fn text(plan: &Plan, solution: &Solution) -> String {
    let mut text = format!("{}\n\n{}\n", plan.short_name(), solution.words);
    let Some(best) = solution.best() else { return text };
    text.push('\n');
    if best.edit.is_none() {
        text.push_str("The plan is so already.\n");
    }
    text.push_str(&changes_text(&best.changes));
    text.push('\n');
    text.push_str(&before_after(&solution.before, &best.after, &plan.cost.currency));
    if solution.candidates.len() > 1 {
        text.push('\n');
        push_line(
            &mut text,
            &format!("{:<58} {:>18} {:<12} {:>10} {:>14}", "Best first", "memory", "verdict", "a step", "cost"),
        );
        for candidate in &solution.candidates {
            let after = &candidate.after;
            let step = after.step_secs.map_or_else(|| "–".to_owned(), |secs| duration(secs.expected));
            let money =
                after.money.map_or_else(|| "–".to_owned(), |money| quantity(money.expected, &plan.cost.currency));
            let memory = after.memory_words(ByteUnit::GiB);
            let verdict = after.fit.word();
            push_line(&mut text, &format!("{:<58} {memory:>18} {verdict:<12} {step:>10} {money:>14}", candidate.value));
        }
    }
    text
}
