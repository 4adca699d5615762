//! What a pasted text means: a `config.json`, a plan, or the name of a model.

use super::{apply, leave_start, tell};
use crate::app::state::{Document, State};
use crate::architecture::config::from_config_text;
use crate::catalog::Catalog;
use crate::plan::edit::PlanEdit;
use crate::plan::{ModelSource, file};

/// Longest pasted text that is looked at, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// Takes the text for what it is, or says why it is nothing that can be used.
pub(super) fn paste(state: &mut State, text: &str) {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        tell(
            state,
            true,
            "The pasted text is over 4 MiB: neither a config nor a plan is that long. Open it as a file.",
        );
    } else if text.starts_with('{') {
        config(state, text);
    } else if text.starts_with('(') || text.starts_with("//") {
        plan(state, text);
    } else {
        name(state, text);
    }
}

fn config(state: &mut State, text: &str) {
    match from_config_text(text) {
        Ok(architecture) => {
            let source =
                ModelSource::File { path: "pasted config.json".to_owned(), architecture: Box::new(architecture) };
            apply(state, &PlanEdit::Model(source));
            leave_start(state);
            tell(state, false, "Model read from the pasted config.json");
        }
        Err(error) => tell(state, true, &format!("Pasted config.json: {error}")),
    }
}

fn plan(state: &mut State, text: &str) {
    match file::read(text) {
        Ok(loaded) => {
            // Not tied to a file, so it is unsaved from the start.
            state.open_tab(Document { plan: loaded.plan, unknown: loaded.unknown, ..Document::default() });
            leave_start(state);
            tell(state, false, "Opened the pasted plan; it has no file yet.");
        }
        Err(error) => tell(state, true, &format!("Pasted plan, line {error}")),
    }
}

/// `org/name`, a link to a model page, or a name alone.
fn name(state: &mut State, text: &str) {
    let first_line = text.lines().next().unwrap_or_default();
    let id = first_line.split_once("huggingface.co/").map_or(first_line, |(_, rest)| rest);
    let id = id.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let id = id.split("/blob/").next().unwrap_or_default().split("/tree/").next().unwrap_or_default();
    if id.is_empty() {
        tell(state, true, "Nothing was pasted. Copy the text of a config.json, of a plan, or a model's name first.");
        return;
    }
    let catalog = Catalog::embedded();
    let found = catalog.model(id).or_else(|| {
        catalog
            .search_models(id)
            .into_iter()
            .find(|model| model.id.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(id)))
    });
    match found {
        Some(model) => {
            apply(state, &PlanEdit::Model(ModelSource::Catalog(model.id.clone())));
            leave_start(state);
            tell(state, false, &format!("Model: {}", model.id));
        }
        None => {
            let short: String = id.chars().take(80).collect();
            tell(
                state,
                true,
                &format!(
                    "`{short}` is neither in the catalogue nor the text of a config.json or a plan. Nothing is fetched from \
                     the network: paste the text of the model's config.json instead."
                ),
            );
        }
    }
}
