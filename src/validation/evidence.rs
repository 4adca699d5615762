//! The rows that ship with the program, predicted: what the page "Accuracy" and the README's table are made from.

use super::{
    Accuracy, Case, Neighbour, Peer, PeerAccuracy, RowResult, Skipped, nearest, peers, predict, read_cases, result,
};
use crate::architecture::Architecture;
use crate::catalog::Catalog;
use crate::estimate::Estimate;
use crate::estimate::profile::Profiles;
use crate::plan::Plan;
use std::sync::OnceLock;

/// A file of rows that ships with the program.
struct Shipped {
    name: &'static str,
    text: &'static str,
}

const SHIPPED: [Shipped; 3] = [
    Shipped { name: "truth-dev.csv", text: include_str!("../../assets/validation/truth-dev.csv") },
    Shipped { name: "truth-extra.csv", text: include_str!("../../assets/validation/truth-extra.csv") },
    Shipped { name: "published-memory.csv", text: include_str!("../../assets/validation/published-memory.csv") },
];

/// Published sources whose stack has a runtime profile of its own.
pub const PROFILED_SOURCES: [&str; 4] =
    ["fms-acceleration", "fitcheck-T4", "Qwen3-speed-benchmark", "Qwen2-speed-benchmark"];

/// A measured row with its prediction.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was run.
    pub case: Case,
    /// Predicted and measured.
    pub row: RowResult,
    /// Traced byte by byte rather than read off a device.
    pub exact: bool,
}

impl Measured {
    /// One device did all the work.
    fn on_one_device(&self) -> bool {
        !self.case.plan.is_parallel() && self.case.plan.hardware.count <= 1
    }
}

/// A set of rows with its errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// Which rows.
    pub name: &'static str,
    /// Rows of the set in the files, with those that cannot be predicted; `None` where no file says what is in it.
    pub of_rows: Option<usize>,
    /// How far off.
    pub accuracy: Accuracy,
}

/// Every shipped row that can be predicted, and how far off the predictions are.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Rows with their predictions, in the order of the files.
    pub rows: Vec<Measured>,
    /// Errors by set of rows, the most certain set first.
    pub classes: Vec<Class>,
    /// Public formulas on the exact training rows.
    pub peers: Vec<PeerAccuracy>,
    /// Rows left out, each with the reason.
    pub skipped: Vec<Skipped>,
}

/// There is one of it: what ships.
impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Evidence {
    /// Of the shipped files; computed at the first call, which takes some milliseconds.
    pub fn embedded() -> &'static Self {
        static EVIDENCE: OnceLock<Evidence> = OnceLock::new();
        EVIDENCE.get_or_init(|| Self::of(Catalog::embedded(), Profiles::embedded()))
    }

    fn of(catalog: &Catalog, profiles: &Profiles) -> Self {
        let (mut rows, mut skipped, mut counts) = (Vec::new(), Vec::new(), [0; SHIPPED.len()]);
        let mut exact: Vec<(Case, Estimate)> = Vec::new();
        for (count, shipped) in counts.iter_mut().zip(SHIPPED) {
            let is_exact = shipped.name.starts_with("truth");
            let cases = match read_cases(shipped.text, catalog, profiles) {
                Ok(cases) => cases,
                Err(error) => {
                    // A shipped file that cannot be read leaves the page empty, with the reason.
                    skipped.push(Skipped { id: shipped.name.to_owned(), why: error.to_string() });
                    continue;
                }
            };
            *count = cases.rows;
            skipped.extend(cases.skipped);
            for case in cases.cases {
                match predict(&case, catalog) {
                    Ok(estimate) => {
                        rows.push(Measured { row: result(&case, &estimate), case: case.clone(), exact: is_exact });
                        if is_exact {
                            exact.push((case, estimate));
                        }
                    }
                    Err(why) => skipped.push(Skipped { id: case.id, why }),
                }
            }
        }
        let borrowed: Vec<(&Case, &Estimate)> = exact.iter().map(|(case, estimate)| (case, estimate)).collect();
        let peers = peers::compare(&borrowed, catalog);
        Self { classes: classes(&rows, &counts), rows, peers, skipped }
    }

    /// Rows nearest to `plan`, nearest first, with their distance.
    pub fn nearest(&self, plan: &Plan, architecture: &Architecture, count: usize) -> Vec<Neighbour> {
        nearest(plan, architecture, self.rows.iter().map(|measured| &measured.case), count)
    }

    /// Errors of one public formula on the exact training rows.
    pub fn peer(&self, peer: Peer) -> Option<&PeerAccuracy> {
        self.peers.iter().find(|found| found.peer == peer)
    }
}

fn classes(rows: &[Measured], counts: &[usize; SHIPPED.len()]) -> Vec<Class> {
    let class = |name, of_rows, wanted: &dyn Fn(&Measured) -> bool| Class {
        name,
        of_rows,
        accuracy: Accuracy::of(rows.iter().filter(|measured| wanted(measured)).map(|measured| &measured.row)),
    };
    let profiled = |measured: &Measured| PROFILED_SOURCES.contains(&measured.row.source.as_str());
    vec![
        class("Exact rows: training and inference, traced byte by byte", Some(counts[0] + counts[1]), &|m| m.exact),
        class("Published, complete, one device, stack with a profile", None, &|m| {
            !m.exact && m.case.complete && m.on_one_device() && profiled(m)
        }),
        class("Published, complete, one device", None, &|m| !m.exact && m.case.complete && m.on_one_device()),
        class("Published, one device", None, &|m| !m.exact && m.on_one_device()),
        class("Published, several devices", None, &|m| !m.exact && !m.on_one_device()),
        class("Published, all", Some(counts[2]), &|m| !m.exact),
    ]
}
