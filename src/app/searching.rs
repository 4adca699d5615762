//! A search over the whole space of plans: part by part on threads of its own, shown as it goes, stopped at will.

use super::command::Command;
use super::computed::Key;
use crate::jobs::CancelToken;
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::search::{Found, Limits, Outcome, Search};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A search that runs, ran, or was stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Searching {
    /// The revision that is searched around.
    pub key: Key,
    /// What plans must keep to.
    pub limits: Limits,
    /// Parts that are done, and all of them.
    pub parts: (usize, usize),
    /// What was found so far.
    pub outcome: Option<Outcome>,
    /// Why it could not begin.
    pub refused: Option<String>,
    /// It goes on.
    pub running: bool,
}

impl Searching {
    /// One that has just begun.
    pub const fn begun(key: Key, limits: Limits) -> Self {
        Self { key, limits, parts: (0, 0), outcome: None, refused: None, running: true }
    }
}

/// Parts after which what was found so far is shown.
const SHOWN_EVERY: usize = 4;

/// Searches around `plan`, telling what it found on the way; the last report says that it ended.
pub fn run(key: Key, plan: &Plan, limits: Limits, cancel: &CancelToken, tell: &(dyn Fn(Command) + Sync)) -> Command {
    let begun = Searching::begun(key, limits);
    let known = Known::embedded();
    let search = match Search::new(plan, limits, known) {
        Ok(search) => search,
        Err(refused) => {
            return Command::Searched(Box::new(Searching { refused: Some(refused), running: false, ..begun }));
        }
    };
    let parts = search.parts();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let found = Mutex::new(Found::default());
    let so_far = |running: bool| {
        let held = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let parts = (done.load(Ordering::Relaxed), parts);
        Command::Searched(Box::new(Searching { parts, outcome: Some(search.outcome(&held)), running, ..begun.clone() }))
    };
    let worker = || {
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts || cancel.is_cancelled() {
                return;
            }
            let of_part = search.run_part(part);
            found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).merge(&of_part);
            if (done.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SHOWN_EVERY) {
                tell(so_far(true));
            }
        }
    };
    // A core is left for the window.
    let others = crate::jobs::spare_threads();
    thread::scope(|scope| {
        for _ in 1..others {
            scope.spawn(worker);
        }
        worker();
    });
    so_far(false)
}
