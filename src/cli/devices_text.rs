//! Every device of an estimate, as JSON and as a table.

use crate::estimate::sharding::{Devices, RankGroup};
use crate::estimate::{ByComponent, Component, Estimate, Phase};
use crate::units::{ByteUnit, Bytes};
use serde_json::{Value as Json, json};

/// Devices that are listed one by one; of more, one for each group of equals.
const MOST_LISTED: u64 = 1024;

/// One object per device; `same` says for how many in a row it stands.
pub fn ranks_json(estimate: &Estimate) -> Json {
    let Some(devices) = &estimate.devices else {
        return json!([{
            "rank": 0,
            "same": 1,
            "stage": 0,
            "peak_bytes": estimate.peak_phase().map_or(0, |phase| phase.total().0),
            "process_bytes": estimate.process.expected.0,
            "peak_phase": estimate.peak_phase().map(|phase| phase.kind.id()),
            "phases": phases(&estimate.phases),
            "components": components(&estimate.at_peak),
            "host_bytes": estimate.host.0,
            "disk_bytes": 0,
        }]);
    };
    let total: u64 = devices.groups.iter().map(|group| group.ranks).fold(0, u64::saturating_add);
    let mut list = Vec::new();
    for group in &devices.groups {
        if total > MOST_LISTED {
            list.push(rank(group, group.rank, group.ranks));
        } else {
            list.extend((0..group.ranks).map(|offset| rank(group, group.rank.saturating_add(offset), 1)));
        }
    }
    Json::Array(list)
}

fn rank(group: &RankGroup, rank: u64, same: u64) -> Json {
    let held: Vec<Json> = group
        .held
        .iter()
        .map(|held| {
            json!({
                "item": held.item.id(),
                "whole_bytes": held.whole.map(|bytes| bytes.0),
                "here_bytes": held.here.0,
                "sharers": held.how.sharers,
            })
        })
        .collect();
    json!({
        "rank": rank,
        "same": same,
        "stage": group.stage,
        "micro_batch": group.micro_batch,
        "in_flight": group.in_flight,
        "peak_bytes": group.peak_phase().map_or(0, |phase| phase.total().0),
        "process_bytes": group.process.expected.0,
        "peak_phase": group.peak_phase().map(|phase| phase.kind.id()),
        "phases": phases(&group.phases),
        "components": components(&group.at_peak),
        "host_bytes": group.host.0,
        "disk_bytes": group.disk.0,
        "held": held,
    })
}

fn phases(phases: &[Phase]) -> Vec<Json> {
    phases.iter().map(|phase| json!({ "name": phase.kind.id(), "bytes": phase.total().0 })).collect()
}

fn components(amounts: &ByComponent) -> Vec<Json> {
    Component::ALL
        .into_iter()
        .map(|component| json!({ "name": component.id(), "bytes": amounts.get(component).0 }))
        .collect()
}

/// Lines of text: one per group of equal devices, then what is cut on the one that needs most.
pub fn lines(devices: &Devices, unit: ByteUnit) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<14} {:>5} {:>8} {:>9} {:>10} {:>10} {:>10}",
        "Devices", "stage", "layers", "in flight", "tensors", "process", "host"
    )];
    for (index, group) in devices.groups.iter().enumerate() {
        let layers: u64 = group.layers.iter().map(|piece| piece.1).sum();
        let mark = if index == devices.worst { "   needs most" } else { "" };
        lines.push(format!(
            "{:<14} {:>5} {:>8} {:>9} {:>10} {:>10} {:>10}{mark}",
            group.name(),
            group.stage,
            layers,
            group.in_flight,
            group.peak_phase().map_or(Bytes::ZERO, Phase::total).number(unit),
            group.process.expected.number(unit),
            group.host.number(unit),
        ));
    }
    if let Some(group) = devices.worst_group() {
        lines.push(String::new());
        lines.push(format!("{:<24} {:>12} {:>12}   how", "Shared", "whole model", "this device"));
        for held in &group.held {
            let whole = held.whole.map_or_else(|| "–".to_owned(), |bytes| bytes.number(unit));
            lines.push(format!(
                "{:<24} {whole:>12} {:>12}   {}",
                held.item.label(),
                held.here.number(unit),
                held.words()
            ));
        }
    }
    lines
}
