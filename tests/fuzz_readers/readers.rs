//! The readers: what goes in, from which files mutation begins, and what must hold of what is accepted.
#![allow(clippy::unnecessary_wraps, reason = "all readers are tried alike")]

use crate::corpora::*;
use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::app::settings::Settings;
use tuneplan::architecture::{self, Architecture, from_config_text};
use tuneplan::catalog::Catalog;
use tuneplan::data::rows::{self, Message, Row};
use tuneplan::data::template::Template;
use tuneplan::data::tokens::Tokens;
use tuneplan::decide::break_even::break_even;
use tuneplan::decide::recommend;
use tuneplan::decide::tally;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Estimate, Inputs, estimate};
use tuneplan::explained::Interval;
use tuneplan::handover::planned::planned;
use tuneplan::import;
use tuneplan::lab::Source;
use tuneplan::plan::check::{Context, check};
use tuneplan::plan::decision::{Tally, answers_text, decision_text, read_answers, read_decision};
use tuneplan::plan::field::{FieldValue, fields};
use tuneplan::plan::file::{read, write};
use tuneplan::plan::{MeasuredPeak, ModelSource, Plan, Trial, read_peaks, templates};
use tuneplan::preview::adapter;
use tuneplan::preview::config::LlamaConfig;
use tuneplan::preview::memory::{BatchTokens, predict};
use tuneplan::preview::run::RunSettings;
use tuneplan::theme;
use tuneplan::units::Bytes;
use tuneplan::validation::{self, validate};
use tuneplan::why::explain;

/// Whether the input was accepted, or what is wrong with what came of it.
type Outcome = Result<bool, String>;

/// One reader.
pub struct Reader {
    pub name: &'static str,
    pub corpus: fn() -> Vec<Vec<u8>>,
    pub run: fn(&Tools, &[u8]) -> Outcome,
}

/// What readers of files need.
pub struct Tools {
    folder: tempfile::TempDir,
    small: LlamaConfig,
}

impl Tools {
    pub fn new() -> Self {
        let small = fs::read_to_string("tests/fixtures/peft_tiny/config.json").unwrap();
        let small = LlamaConfig::from_json(&serde_json::from_str(&small).unwrap()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), small }
    }

    /// A file with these bytes.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

pub fn readers() -> Vec<Reader> {
    let reader = |name, corpus, run| Reader { name, corpus, run };
    vec![
        reader("plan", plans, plan),
        reader("config", configs, config),
        reader("safetensors", safetensors_files, safetensors),
        reader("index", indexes, index),
        reader("gguf", || folder("tests/fixtures/gguf", "gguf"), gguf),
        reader("answers", || folder("tests/fixtures/decide", "ron"), answers),
        reader("decision", decisions, decision),
        reader("measurements", measurement_files, measurements),
        reader("profile", || folder("assets/profiles", "ron"), profile),
        reader("theme", || folder("assets/theme", "ron"), theme_file),
        reader("examples", example_files, examples),
        reader("labels", label_files, labels),
        reader("tokenizer", tokenizers, tokenizer),
        reader("template", chat_templates, template),
        reader("preview-config", preview_configs, preview_config),
        reader("adapter-config", || vec![bytes_of("tests/fixtures/peft_tiny/adapter_config.json")], adapter_config),
        reader(
            "adapter-weights",
            || vec![bytes_of("tests/fixtures/peft_tiny/adapter_model.safetensors")],
            adapter_weights,
        ),
        reader("settings", setting_files, settings),
        reader("peaks", pasted, peaks),
        reader("field-values", typed, field_values),
        reader("catalogue", catalogues, catalogue),
        reader("import", engine_files, import),
        reader("why", messages, why),
        reader("patch", engine_files, patch),
        reader("data", data_files, data),
    ]
}

// What must hold.

fn ordered(name: &str, interval: Interval) -> Result<(), String> {
    if interval.low <= interval.expected && interval.expected <= interval.high {
        return Ok(());
    }
    Err(format!("{name} is not in order: {interval:?}"))
}

fn sound(found: &Estimate) -> Result<(), String> {
    for (name, interval) in [("tensors", found.tensors), ("reserved", found.reserved), ("process", found.process)] {
        ordered(name, interval)?;
    }
    if found.tensors.expected > found.reserved.expected || found.reserved.expected > found.process.expected {
        return Err(format!("tensors, reserved and process do not rise: {found:?}"));
    }
    if found.at_peak.total() != found.process.expected {
        return Err(format!(
            "components give {} and the process has {}",
            found.at_peak.total(),
            found.process.expected
        ));
    }
    Ok(())
}

/// Estimates a plan, with its derivations, and remarks on it.
fn estimated(plan: &Plan, profiles: &Profiles) -> Result<(), String> {
    let Ok(inputs) = Inputs::resolve(plan, Catalog::embedded(), profiles) else { return Ok(()) };
    sound(&estimate(&inputs, Detail::Explained))?;
    let context = Context {
        architecture: Some(&inputs.architecture),
        load_format: Some(inputs.load_format),
        accelerator: inputs.accelerator,
        ..Context::default()
    };
    check(plan, &context);
    Ok(())
}

fn of_shape(architecture: Architecture) -> Result<(), String> {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::File { path: "model".to_owned(), architecture: Box::new(architecture) };
    estimated(&plan, Profiles::embedded())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn plan(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(loaded)) = text(bytes).map(read) else { return Ok(false) };
    let written = write(&loaded.plan, &loaded.unknown);
    let again = read(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    // NaN is not equal to itself, and is no figure of a plan.
    if again.plan != loaded.plan {
        return Err(format!("another plan reads back:\n{written}"));
    }
    estimated(&loaded.plan, Profiles::embedded())?;
    Ok(true)
}

fn config(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(architecture)) = text(bytes).map(from_config_text) else { return Ok(false) };
    of_shape(architecture)?;
    Ok(true)
}

/// A model's file or folder, and the values of its first tensors.
fn model(path: &Path) -> Outcome {
    let found = architecture::read(path);
    if let Ok(source) = Source::open(path) {
        for entry in source.entries.iter().take(2) {
            // Only what is in the file can be read.
            let _ = source.read(entry, 0, entry.tensor.values.min(256));
        }
    }
    let Ok(found) = found else { return Ok(false) };
    of_shape(found.architecture)?;
    Ok(true)
}

fn safetensors(tools: &Tools, bytes: &[u8]) -> Outcome {
    model(&tools.file("model.safetensors", bytes))
}

fn index(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("sharded/model.safetensors.index.json", bytes);
    let folder = path.parent().unwrap();
    for name in ["a.safetensors", "b.safetensors"] {
        let shard = folder.join(name);
        if !shard.exists() {
            let tensor = if name.starts_with('a') { "model.embed_tokens.weight" } else { "model.norm.weight" };
            let json = format!(r#"{{"{tensor}":{{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}}}}"#);
            fs::write(shard, [&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &[0; 32]].concat()).unwrap();
        }
    }
    let config = folder.join("config.json");
    if !config.exists() {
        fs::write(config, llama()).unwrap();
    }
    model(folder)
}

fn gguf(tools: &Tools, bytes: &[u8]) -> Outcome {
    model(&tools.file("model.gguf", bytes))
}

fn answers(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(answers)) = text(bytes).map(read_answers) else { return Ok(false) };
    recommend(&answers);
    if let Some(costs) = &answers.costs {
        let found = break_even(costs);
        if found.cache_pays_from_uses == Some(0) {
            return Err("a cache pays before it is used".to_owned());
        }
    }
    let written = answers_text(&answers);
    let again =
        read_answers(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    if again == answers { Ok(true) } else { Err(format!("other answers read back:\n{written}")) }
}

fn decision(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(decision)) = text(bytes).map(read_decision) else { return Ok(false) };
    tally::failures(&decision.tally);
    tally::agreement(&decision.tally);
    let written = decision_text(&decision);
    let again =
        read_decision(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    if again == decision { Ok(true) } else { Err(format!("another decision reads back:\n{written}")) }
}

fn measurements(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let (catalog, profiles) = (Catalog::embedded(), Profiles::embedded());
    let Ok(cases) = validation::read_cases(text, catalog, profiles) else { return Ok(false) };
    // A repeated row costs its time again and finds nothing new.
    if cases.cases.len() < 50 {
        let _ = validate(text, catalog, profiles);
    }
    Ok(true)
}

fn profile(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(profiles)) = text(bytes).map(|text| Profiles::embedded().merged_with(text)) else { return Ok(false) };
    for known in &profiles.entries {
        if Profiles::embedded().get(&known.id) == Some(known) {
            continue;
        }
        for template in templates() {
            let mut plan = template.plan.clone();
            plan.runtime.profile.clone_from(&known.id);
            estimated(&plan, &profiles)?;
        }
    }
    Ok(true)
}

fn theme_file(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    Ok(theme::Tokens::from_ron(text).is_ok() | theme::Scale::from_ron(text).is_ok())
}

fn examples(_: &Tools, bytes: &[u8]) -> Outcome {
    let (rows, _) = rows::read(bytes);
    let nothing = rows.iter().find(|(_, row)| match row {
        Row::Chat(messages) => !messages.iter().any(|message| message.learned),
        Row::Pair { .. } | Row::Text(_) => false,
    });
    if let Some((line, _)) = nothing {
        return Err(format!("line {line} is an example of which nothing is learned"));
    }
    Ok(tally::read_examples(bytes).is_ok() | !rows.is_empty())
}

fn labels(_: &Tools, bytes: &[u8]) -> Outcome {
    let empty = Tally::default();
    let Some(Ok(tally)) = text(bytes).map(|text| tally::from_csv(&empty, text)) else { return Ok(false) };
    let written = tally::to_csv(&tally);
    let again = tally::from_csv(&empty, &written).map_err(|error| format!("{error}\n{written}"))?;
    if again == tally { Ok(true) } else { Err(format!("other labels read back: {tally:?} {again:?}")) }
}

fn tokenizer(_: &Tools, bytes: &[u8]) -> Outcome {
    let null = serde_json::Value::Null;
    let Ok(tokens) = Tokens::from_bytes("tokenizer.json", bytes.to_vec(), Some("</s>"), &null) else {
        return Ok(false);
    };
    for (text, specials) in [("", true), ("a b 12 日本 \u{0}</s>", false), ("Hello, hello!\n\n  <s>", true)] {
        if let Ok(encoded) = tokens.encode(text, specials) {
            if encoded.ids.len() != encoded.places.len() {
                return Err("tokens and places differ in number".to_owned());
            }
            tokens.text(&encoded.ids);
        }
    }
    tokens.text(&[0, 1, u32::MAX]);
    Ok(true)
}

fn template(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let Ok(template) = Template::new("chat_template.jinja", Some(text), Some("<s>"), Some("</s>")) else {
        return Ok(false);
    };
    let messages = [("system", "be brief"), ("user", "a </think> {{ b }}"), ("assistant", "c"), ("user", "日本")];
    let messages: Vec<Message> = messages.into_iter().map(|(role, content)| Message::new(role, content)).collect();
    let whole = template.render(&messages, true);
    let few = template.render(&messages[1..2], false);
    Ok(whole.is_ok() | few.is_ok())
}

fn preview_config(_: &Tools, bytes: &[u8]) -> Outcome {
    let Ok(json) = serde_json::from_slice(bytes) else { return Ok(false) };
    let Ok(config) = LlamaConfig::from_json(&json) else { return Ok(false) };
    for layer in 0..config.num_hidden_layers.min(8) {
        let (theta, stretch) = config.rotary_of(layer).map_err(|error| error.to_string())?;
        let speeds = stretch.frequencies(config.head_dim().min(256), theta);
        if !speeds.iter().all(|speed| speed.is_finite()) {
            return Err(format!("angles are not finite: θ {theta}, {stretch:?}"));
        }
    }
    predict(&config, &RunSettings::default(), BatchTokens { all: 4096, counted: 1024 }, 2);
    Ok(true)
}

fn adapter_config(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("adapter/adapter_config.json", bytes);
    let weights = path.with_file_name("adapter_model.safetensors");
    fs::copy("tests/fixtures/peft_tiny/adapter_model.safetensors", &weights).unwrap();
    Ok(adapter::load(path.parent().unwrap(), &tools.small).is_ok())
}

fn adapter_weights(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("weights/adapter_model.safetensors", bytes);
    fs::copy("tests/fixtures/peft_tiny/adapter_config.json", path.with_file_name("adapter_config.json")).unwrap();
    Ok(adapter::load(path.parent().unwrap(), &tools.small).is_ok())
}

fn settings(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("settings.ron", bytes);
    let (found, trouble) = Settings::load(&path);
    if !(0.1..=10.0).contains(&found.zoom()) {
        return Err(format!("a zoom of {}", found.zoom()));
    }
    if trouble.is_some() {
        return Ok(false);
    }
    let again: Result<Settings, _> = ron::from_str(&found.to_text());
    again.map_err(|error| format!("what was written does not read: {error}"))?;
    Ok(true)
}

fn peaks(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let mut accepted = false;
    if let Ok(peaks) = read_peaks(text) {
        accepted = true;
        for peak in peaks {
            let again: MeasuredPeak = peak.to_string().parse().map_err(|error| format!("{peak}: {error}"))?;
            if again != peak {
                return Err(format!("another peak reads back: {peak:?} {again:?}"));
            }
        }
    }
    if let Ok(trial) = text.parse::<Trial>() {
        accepted = true;
        if trial.to_string().parse::<Trial>().as_ref() != Ok(&trial) {
            return Err(format!("another trial reads back: {trial:?}"));
        }
    }
    Ok(accepted | Bytes::parse(text).is_ok())
}

fn field_values(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some((id, value)) = text(bytes).and_then(|text| text.split_once('=')) else { return Ok(false) };
    let Some(field) = fields().iter().find(|field| field.id == id) else { return Ok(false) };
    let Ok(value) = FieldValue::parse(field, value) else { return Ok(false) };
    let mut plan = Plan::default();
    if field.assign(&mut plan, &value).is_err() {
        return Ok(false);
    }
    let written = write(&plan, &[]);
    let again = read(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    if again.plan != plan {
        return Err(format!("another plan reads back:\n{written}"));
    }
    estimated(&plan, Profiles::embedded())?;
    Ok(true)
}

fn catalogue(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(catalog)) = text(bytes).map(|text| Catalog::embedded().merged_with(text)) else { return Ok(false) };
    // What was added is estimated with.
    let mut plan = Plan::default();
    if let Some(model) = catalog.models.iter().find(|entry| Catalog::embedded().model(&entry.id) != Some(entry)) {
        plan.model.source = ModelSource::Catalog(model.id.clone());
    }
    if let Some(device) =
        catalog.accelerators.iter().find(|entry| Catalog::embedded().accelerator(&entry.id) != Some(entry))
    {
        plan.hardware.accelerator.clone_from(&device.id);
    }
    if let Some(format) = catalog.formats.iter().find(|entry| Catalog::embedded().format(&entry.id) != Some(entry)) {
        plan.precision.load_format.clone_from(&format.id);
    }
    if let Ok(inputs) = Inputs::resolve(&plan, &catalog, Profiles::embedded()) {
        sound(&estimate(&inputs, Detail::Explained))?;
    }
    Ok(true)
}

fn import(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let Ok(imported) = import::read(text, "job.yaml") else { return Ok(false) };
    let keys = &imported.keys;
    let placed = keys.taken.len() + keys.not_needed.len() + keys.unknown.len() + keys.no_field.len();
    let made = planned(&imported, "job");
    // What was made of it is a plan like any other.
    let plan = read(&write(&made.plan, &[])).map_err(|error| format!("the plan does not read back: {error}"))?.plan;
    estimated(&plan, Profiles::known())?;
    Ok(placed > 0)
}

/// A change of one key leaves a file that is read again.
fn patch(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    if import::read(text, "job.yaml").is_err() {
        return Ok(false);
    }
    let change = [("learning_rate".to_owned(), Some(tuneplan::export::Value::Number(0.000_1)))];
    let Ok(patched) = import::patched(text, &change) else { return Ok(false) };
    // Patched to the same value again, it stays.
    match import::patched(&patched, &change) {
        Ok(again) if again == patched => Ok(true),
        Ok(_) => Err("the same change changes it again".to_owned()),
        Err(error) => Err(format!("the patch does not read back: {error}")),
    }
}

/// Every place of a finding is in the file.
fn data(_: &Tools, bytes: &[u8]) -> Outcome {
    let report = tuneplan::data::check::check_bytes(
        "rows.jsonl".as_ref(),
        bytes.to_vec(),
        tuneplan::data::check::Options::default(),
    );
    for place in report.findings.iter().flat_map(|finding| &finding.places) {
        if place.line == 0 {
            return Err(format!("a place without a line: {place:?}"));
        }
    }
    Ok(report.rows > 0)
}

fn why(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let plan = Plan::default();
    let inputs =
        Inputs::resolve(&plan, Catalog::embedded(), Profiles::known()).map_err(|found| format!("{found:?}"))?;
    let found = explain(text, Some((&plan, &estimate(&inputs, Detail::Numbers))));
    if found.explained && found.classes.is_empty() {
        return Err(format!("explained as nothing: {found:?}"));
    }
    Ok(found.explained)
}
