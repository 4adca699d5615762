//! From arguments to a plan: a file, flags, or a file changed by flags.

use crate::architecture;
use crate::catalog::{Catalog, ModelReading, id_of};
use crate::documents::store;
use crate::estimate::profile::Profiles;
use crate::plan::edit::{self, PlanEdit};
use crate::plan::field::id;
use crate::plan::field::{self, CatalogKind, Field, FieldKind, FieldValue};
use crate::plan::file::Loaded;
use crate::plan::{HandShape, ModelSource, Plan, file};
use anyhow::{Context as _, Result, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use std::io::Write;
use std::path::Path;

/// One flag for every field of the plan, made from the field table.
pub fn field_args() -> Vec<Arg> {
    field::fields().iter().map(field_arg).collect()
}

fn field_arg(field: &'static Field) -> Arg {
    let unit = if field.unit.is_empty() { String::new() } else { format!(" [{}]", field.unit) };
    let words = match field.kind {
        FieldKind::Choice(choices) => {
            let ids: Vec<&str> = choices.iter().map(|choice| choice.id).collect();
            format!(" [{}]", ids.join(", "))
        }
        FieldKind::Toggle => " [on, off]".to_owned(),
        _ => String::new(),
    };
    Arg::new(field.id)
        .long(field.flag)
        .help(format!("{}{unit}: {}{words}", field.label, field.help))
        .help_heading(field.section.label())
        .value_name(value_name(&field.kind))
}

const fn value_name(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Integer { .. } | FieldKind::OptionalInteger { .. } => "N",
        FieldKind::Decimal { .. } | FieldKind::OptionalDecimal { .. } => "X",
        FieldKind::Toggle => "on|off",
        FieldKind::Choice(_) => "WORD",
        FieldKind::Catalog(_) => "ID",
        FieldKind::Targets | FieldKind::Stages => "A,B,…",
        FieldKind::Counts { .. } => "N,N,…",
        FieldKind::Lines(_) => "LINE;LINE…",
        FieldKind::Text | FieldKind::Notes => "TEXT",
    }
}

/// A plan as the arguments give it.
pub struct Given {
    /// The plan.
    pub plan: Plan,
    /// The file it was read from.
    loaded: Option<Loaded>,
}

impl Given {
    /// The text of a plan that was made from this one: what its file had beside is kept.
    pub fn text_for(&self, plan: &Plan) -> String {
        self.loaded.as_ref().map_or_else(|| file::write(plan, &[]), |loaded| loaded.text_for(plan))
    }
}

/// The plan of `path` (or the default plan) with the field flags of `flags` applied; remarks on the file go to `err`.
pub fn given(path: Option<&Path>, flags: Option<&ArgMatches>, err: &mut dyn Write) -> Result<Given> {
    let loaded = path.map(store::read_plan).transpose()?;
    if let (Some(path), Some(loaded)) = (path, &loaded) {
        for diagnostic in &loaded.diagnostics {
            writeln!(err, "{}:{diagnostic}", path.display())?;
        }
    }
    let mut plan = loaded.as_ref().map_or_else(Plan::default, |loaded| loaded.plan.clone());
    if let Some(flags) = flags {
        apply_flags(&mut plan, flags)?;
        if let Some(machine) =
            flags.get_one::<String>(id::HARDWARE_ACCELERATOR).and_then(|name| Catalog::embedded().instance(name))
        {
            writeln!(err, "{}", machine.words())?;
        }
    }
    Ok(Given { plan, loaded })
}

/// Likewise, where nothing is written.
pub fn plan(path: Option<&Path>, flags: Option<&ArgMatches>, err: &mut dyn Write) -> Result<Plan> {
    Ok(given(path, flags, err)?.plan)
}

/// Model and method go first, because choosing them resets what hangs on them; the rest follows in the table's order.
fn apply_flags(plan: &mut Plan, flags: &ArgMatches) -> Result<()> {
    let mut given: Vec<(&'static Field, &String)> = field::fields()
        .iter()
        .filter(|field| flags.value_source(field.id) == Some(ValueSource::CommandLine))
        .filter_map(|field| flags.get_one::<String>(field.id).map(|word| (field, word)))
        .collect();
    given.sort_by_key(|(field, _)| match field.id {
        "workload" => 0,
        id::MODEL_ID => 1,
        id::METHOD_KIND => 2,
        // What a stack does by itself comes before what is asked of it.
        id::PRECISION_LOAD_FORMAT => 3,
        id::RUNTIME_PROFILE => 4,
        _ => 5,
    });
    for (field, word) in given {
        edit_of(plan, field, word)
            .and_then(|edit| Ok(edit.apply(plan)?))
            .with_context(|| format!("--{} {word}", field.flag))?;
        if field.id == id::RUNTIME_PROFILE
            && let Some(profile) = Profiles::known().get(word)
        {
            let by_stack = profile.edits(plan).into_iter().filter(|edit| !asks_for(flags, edit));
            by_stack.collect::<Vec<_>>().into_iter().try_for_each(|edit| edit.apply(plan))?;
        }
    }
    Ok(())
}

/// Whether a flag of its own asks for the setting that `edit` changes.
fn asks_for(flags: &ArgMatches, edit: &PlanEdit) -> bool {
    matches!(edit, PlanEdit::Set(id, _) if flags.value_source(id) == Some(ValueSource::CommandLine))
}

fn edit_of(plan: &Plan, field: &'static Field, word: &str) -> Result<PlanEdit> {
    match field.kind {
        FieldKind::Catalog(CatalogKind::Model) => Ok(PlanEdit::Model(model_source(word)?)),
        FieldKind::Catalog(CatalogKind::Accelerator) => {
            edit::choose_accelerator(word, Catalog::embedded()).map_err(anyhow::Error::msg)
        }
        _ if field.id == id::METHOD_KIND => {
            let value = FieldValue::parse(field, word).map_err(anyhow::Error::msg)?;
            let FieldValue::Id(id) = value else { bail!("not a method") };
            Ok(edit::choose_method(plan, &id))
        }
        _ => Ok(PlanEdit::Set(field.id, FieldValue::parse(field, word).map_err(anyhow::Error::msg)?)),
    }
}

/// The name of a model as people write it, or the path of a model file. A name of another model of the same shape stays
/// as it is written, without what a link has around it: the answer says what it was read as.
fn model_source(word: &str) -> Result<ModelSource> {
    if word == "typed" {
        return Ok(ModelSource::Typed(HandShape::default()));
    }
    let catalog = Catalog::embedded();
    if catalog.models.iter().any(|entry| entry.id == word) {
        return Ok(ModelSource::Catalog(word.to_owned()));
    }
    let path = Path::new(word);
    if path.exists() {
        let read = architecture::read(path)?;
        return Ok(ModelSource::File { path: word.to_owned(), architecture: Box::new(read.architecture) });
    }
    let reading = catalog.read_model(word);
    match &reading {
        ModelReading::Exact(entry) => Ok(ModelSource::Catalog(entry.id.clone())),
        ModelReading::SameShape(_) => Ok(ModelSource::Catalog(id_of(word))),
        ModelReading::Unknown(_) => {
            bail!("no such file or folder, and {}", reading.refusal(word).unwrap_or_default())
        }
    }
}
