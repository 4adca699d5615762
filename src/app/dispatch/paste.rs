//! What a pasted text means: a `config.json`, a plan, the path of a file, or the name of a model.

use super::{apply, dispatch, fail, files, leave_start, notice};
use crate::app::effect::Effect;
use crate::app::places::{self, Places};
use crate::app::state::{Document, State};
use crate::architecture::config::from_config_text;
use crate::catalog::{Catalog, ModelReading, id_of};
use crate::handover::configured::Configured;
use crate::plan::edit::PlanEdit;
use crate::plan::{ModelSource, file};
use percent_encoding::percent_decode_str;
use std::path::PathBuf;

/// Longest pasted text that is looked at, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// A line that ends so is the name of a file.
const FILE_ENDINGS: [&str; 4] = [".ron", ".json", ".safetensors", ".gguf"];

/// Takes the text for what it is, or says why it is nothing that can be used.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        fail(state, "The pasted text is over 4 MiB: neither a config nor a plan is that long. Open it as a file.");
    } else if let Some(path) = as_path(text, &state.session.places) {
        return dispatch(state, places::command_for_file(path));
    } else if text.contains('\n')
        && !text.starts_with(['{', '(', '/'])
        && let Ok(configured) = Configured::read(text, "pasted configuration")
    {
        files::imported(state, configured, "the pasted configuration");
    } else if text.starts_with('{') {
        config(state, text);
    } else if text.starts_with('(') || text.starts_with("//") {
        plan(state, text);
    } else {
        name(state, text);
    }
    Vec::new()
}

/// The path that a text is: a file manager's `file://` link, a whole path, or one with the ending of a file that is read.
fn as_path(text: &str, places: &Places) -> Option<PathBuf> {
    if text.lines().nth(1).is_some() || text.contains("://") && !text.starts_with("file://") {
        return None;
    }
    if let Some(link) = text.strip_prefix("file://") {
        let path = percent_decode_str(link.strip_prefix("localhost").unwrap_or(link)).decode_utf8().ok()?;
        // `file:///C:/…` on Windows.
        let drive = path.strip_prefix('/').filter(|rest| rest.get(1..3) == Some(":/"));
        return Some(PathBuf::from(drive.unwrap_or(&path)));
    }
    let text = text.trim_matches('"');
    let from_somewhere =
        ["/", "~/", "./", "../"].iter().any(|start| text.starts_with(start)) && !text.starts_with("//");
    let on_a_drive = text.get(1..3) == Some(":\\") || text.starts_with("\\\\");
    let is_named_file = !text.starts_with(['{', '(']) && FILE_ENDINGS.iter().any(|ending| text.ends_with(ending));
    (from_somewhere || on_a_drive || is_named_file).then(|| places.typed(text))
}

fn config(state: &mut State, text: &str) {
    match from_config_text(text) {
        Ok(architecture) => {
            let source =
                ModelSource::File { path: "pasted config.json".to_owned(), architecture: Box::new(architecture) };
            if apply(state, &PlanEdit::Model(source)) {
                leave_start(state);
                notice(state, "Model read from the pasted config.json");
            }
        }
        // An adapter's or DeepSpeed's configuration is JSON too.
        Err(error) => match Configured::read(text, "pasted configuration") {
            Ok(configured) => files::imported(state, configured, "the pasted configuration"),
            Err(_) => fail(state, &format!("Pasted config.json: {error}")),
        },
    }
}

fn plan(state: &mut State, text: &str) {
    match file::read(text) {
        Ok(loaded) => {
            // Not tied to a file, so it is unsaved from the start.
            state.open_tab(Document { plan: loaded.plan, unknown: loaded.unknown, ..Document::default() });
            leave_start(state);
            notice(state, "Opened the pasted plan; it has no file yet.");
        }
        Err(error) => fail(state, &format!("Pasted plan, line {error}")),
    }
}

/// `org/name`, a link to a model page, or a name alone.
fn name(state: &mut State, text: &str) {
    let id = id_of(text);
    if id.is_empty() {
        fail(
            state,
            "Nothing was pasted. Copy the text of a config.json or of a plan, the path of a file, or a model's name first.",
        );
        return;
    }
    let reading = Catalog::embedded().read_model(&id);
    let (name, words) = match &reading {
        ModelReading::Exact(entry) => (entry.id.clone(), format!("Model: {}", entry.id)),
        ModelReading::SameShape(entry) => (id.clone(), format!("Model: {id}, read as {}: the same shape", entry.id)),
        ModelReading::Unknown(_) => {
            let short: String = id.chars().take(80).collect();
            let why = reading.refusal(&id).unwrap_or_default();
            fail(
                state,
                &format!(
                    "`{short}` is neither in the catalogue nor the text of a config.json or a plan; {why}. Nothing is \
                     fetched from the network: paste the text of the model's config.json instead."
                ),
            );
            return;
        }
    };
    if apply(state, &PlanEdit::Model(ModelSource::Catalog(name))) {
        leave_start(state);
        notice(state, &words);
    }
}
