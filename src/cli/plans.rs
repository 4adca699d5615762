//! `tuneplan new` and `tuneplan templates`.

use super::output::Output;
use super::{NewArgs, Outcome};
use crate::plan::{self, Plan, file};
use anyhow::{Result, bail};
use clap::ArgMatches;
use serde_json::json;
use std::io::Write;

pub fn new(args: &NewArgs, matches: Option<&ArgMatches>, out: &mut dyn Write) -> Result<Outcome> {
    let output = Output::of(&args.output, args.force, matches)?;
    let plan = match &args.template {
        None => Plan::default(),
        Some(name) => match plan::templates().iter().find(|template| template.name.eq_ignore_ascii_case(name)) {
            Some(template) => template.plan.clone(),
            None => {
                let names: Vec<&str> = plan::templates().iter().map(|template| template.name).collect();
                bail!("no template named {name}; there are {}", names.join(", "));
            }
        },
    };
    output.write(file::write(&plan, &[]).as_bytes())?;
    writeln!(out, "wrote {}", args.output.display())?;
    Ok(Outcome::Done)
}

pub fn templates(as_json: bool, out: &mut dyn Write) -> Result<Outcome> {
    let templates = plan::templates();
    if as_json {
        let list: Vec<_> = templates
            .iter()
            .map(|template| json!({ "name": template.name, "title": template.plan.name, "notes": template.plan.notes }))
            .collect();
        serde_json::to_writer_pretty(&mut *out, &json!({ "templates": list }))?;
        writeln!(out)?;
    } else {
        for template in templates {
            writeln!(out, "{:<20} {}", template.name, template.plan.name)?;
        }
    }
    Ok(Outcome::Done)
}
