//! Host memory and disk of loading and saving, as text and JSON.

use crate::estimate::host::HostMoments;
use crate::units::{ByteUnit, Bytes};
use serde_json::{Value as Json, json};

/// One object; `null` where nothing is trained, or the number of checkpoints is not said.
pub fn to_json(moments: &HostMoments) -> Json {
    let loading = moments.loading;
    json!({
        "loading": {
            "processes": loading.processes,
            "host_bytes": loading.total().0,
            "file_pages_bytes": loading.file_pages.0,
            "file_format_assumed": loading.is_assumed,
        },
        "saving": moments.saving.map(|saving| json!({
            "host_bytes": saving.private.0,
            "weights_bytes": saving.weights.0,
            "optimizer_bytes": saving.optimizer.0,
            "checkpoints_kept": saving.kept,
            "disk_bytes": saving.total().map(|bytes| bytes.0),
        })),
    })
}

/// A table of two or three lines.
pub fn to_text(moments: &HostMoments, unit: ByteUnit) -> String {
    let mut text = format!("\n{:<28} {:>10}\n", "Host and disk", unit.symbol());
    let mut line = |label: &str, bytes: Bytes, what: String| {
        text.push_str(format!("{label:<28} {:>10}   {what}", bytes.number(unit)).trim_end());
        text.push('\n');
    };
    let loading = moments.loading;
    let assumed = if loading.is_assumed { ", taken for 16 bits" } else { "" };
    let pages = loading.file_pages.display(unit);
    let processes =
        if loading.processes == 1 { "1 process".to_owned() } else { format!("{} processes", loading.processes) };
    let what = format!("{processes}; beside {pages} of file pages{assumed}, given back when memory is short");
    line("Loading, host memory", loading.total(), what);
    if let Some(saving) = moments.saving {
        line(
            "Saving, host memory",
            saving.private,
            "copies until a file is written; not run, read in the code".to_owned(),
        );
        let kept = match (saving.kept, saving.total()) {
            (Some(kept), Some(total)) => format!("each; {kept} kept and the model at the end: {}", total.display(unit)),
            _ => "each; how many are kept is not said".to_owned(),
        };
        line("Checkpoint, disk", saving.each(), kept);
    }
    text
}
