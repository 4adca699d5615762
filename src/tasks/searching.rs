//! A search over the whole space of plans: part by part on threads of its own, shown as it goes, stopped at will.

use super::Task;
use crate::jobs::{CancelToken, spare_threads};
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::search::{Found, Limits, Outcome, Search};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// A search that runs, ran, or was stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Searching {
    /// Counts searches: what an earlier one still tells is dropped.
    pub number: u64,
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

/// What a search tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Parts that are done, of all, and what was found so far.
    Found((usize, usize), Outcome),
    /// It is over, or could not begin.
    Ended(Option<String>),
}

impl Searching {
    /// One that has just begun.
    pub const fn begun(number: u64, limits: Limits) -> Self {
        Self { number, limits, parts: (0, 0), outcome: None, refused: None, running: true }
    }

    /// Takes in what was told.
    pub fn take(&mut self, news: News) {
        match news {
            News::Found(parts, outcome) => {
                self.parts = parts;
                self.outcome = Some(outcome);
            }
            News::Ended(refused) => {
                self.running = false;
                self.refused = refused;
            }
        }
    }
}

/// Parts after which what was found so far is shown.
const SHOWN_EVERY: usize = 4;

/// A search around a plan.
#[derive(Clone, Debug)]
pub struct SearchPlans {
    /// The plan.
    pub plan: Plan,
    /// What plans must keep to.
    pub limits: Limits,
}

impl Task for SearchPlans {
    type News = News;
    const NAME: &'static str = "search";

    fn run(self, cancel: &CancelToken, tell: &(dyn Fn(News) + Sync)) -> News {
        let search = match Search::new(&self.plan, self.limits, Known::embedded()) {
            Ok(search) => search,
            Err(refused) => return News::Ended(Some(refused)),
        };
        let parts = search.parts();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let found = Mutex::new(Found::default());
        let so_far = || {
            let held = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
            News::Found((done.load(Ordering::Relaxed), parts), search.outcome(&held))
        };
        let worker = || {
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts || cancel.is_cancelled() {
                    return;
                }
                let of_part = search.run_part(part);
                found.lock().unwrap_or_else(PoisonError::into_inner).merge(&of_part);
                if (done.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SHOWN_EVERY) {
                    tell(so_far());
                }
            }
        };
        // A core is left for the window.
        thread::scope(|scope| {
            for _ in 1..spare_threads() {
                scope.spawn(worker);
            }
            worker();
        });
        tell(so_far());
        News::Ended(None)
    }

    fn failed(error: String) -> News {
        News::Ended(Some(error))
    }
}
