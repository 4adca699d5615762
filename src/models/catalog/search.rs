//! What a few letters find, best first.

use super::{Accelerator, Catalog, Instance, ModelEntry};
use std::cmp::Reverse;

/// How models stand in a list where the words that were typed do not decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What stands most often in the trainers' public lists first.
    #[default]
    MostUsed,
    /// The smallest first.
    Size,
}

impl Catalog {
    /// Models whose id or family contains every word of `query`, and the one that it is another name of. An exact name comes
    /// first, then names that begin so, then the rest; equals stand in `order`.
    pub fn search_models(&self, query: &str, order: Order) -> Vec<&ModelEntry> {
        let query = query.trim().to_lowercase();
        let read = self.model(&query).map(|entry| entry.id.as_str());
        let mut found: Vec<(u8, &ModelEntry)> = self
            .models
            .iter()
            .filter_map(|entry| {
                let id = entry.id.to_lowercase();
                let name = id.rsplit('/').next().unwrap_or(&id);
                let all = format!("{id} {}", entry.family.to_lowercase());
                let rank = if name == query || id == query || read == Some(entry.id.as_str()) {
                    0
                } else if name.starts_with(&query) || id.starts_with(&query) {
                    1
                } else {
                    2
                };
                (rank == 0 || contains_all(&all, &query)).then_some((rank, entry))
            })
            .collect();
        found.sort_by_key(|(rank, entry)| {
            let listed = if order == Order::MostUsed { entry.listed } else { 0 };
            (*rank, Reverse(listed), entry.params_total)
        });
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Accelerators whose name, vendor or other name contains every word of `query`, and the one it means; best first.
    pub fn search_accelerators(&self, query: &str) -> Vec<&Accelerator> {
        let query = query.trim().to_lowercase();
        let read = self.accelerator(&query).map(|device| device.id.as_str());
        let mut found: Vec<(u8, &Accelerator)> = self
            .accelerators
            .iter()
            .filter_map(|device| {
                let name = device.name.to_lowercase();
                let all = format!("{name} {} {}", device.vendor.to_lowercase(), device.also.join(" ").to_lowercase());
                let rank = if name == query || read == Some(device.id.as_str()) {
                    0
                } else if name.starts_with(&query) {
                    1
                } else {
                    2
                };
                (rank == 0 || contains_all(&all, &query)).then_some((rank, device))
            })
            .collect();
        // A stable sort keeps the catalogue's order among equals.
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, device)| device).collect()
    }

    /// Machines of clouds whose name contains `query`; none for an empty one.
    pub fn search_instances(&self, query: &str) -> Vec<&Instance> {
        let query = query.trim().to_lowercase();
        let named = |instance: &&Instance| instance.name.to_lowercase().contains(&query);
        if query.len() < 2 { Vec::new() } else { self.instances.iter().filter(named).collect() }
    }
}

fn contains_all(text: &str, query: &str) -> bool {
    query.split_whitespace().all(|word| text.contains(word))
}
