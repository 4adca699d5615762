//! Long work: what is asked for, what it tells on the way, and where it is. It knows neither windows nor commands.

use crate::jobs::{CancelToken, Jobs};

pub mod measuring;
pub mod searching;
pub mod tuning;
pub mod weighing;

/// Long work on a thread of its own. It tells its own news, the last of which says how it ended.
pub trait Task: Send + 'static {
    /// What it tells.
    type News: Send + 'static;
    /// Name of its thread.
    const NAME: &'static str;

    /// Works until it is done or cancelled, telling the latest on the way. What it returns is the last news.
    fn run(self, cancel: &CancelToken, tell: &(dyn Fn(Self::News) + Sync)) -> Self::News;

    /// The last news of work that ended with an internal error, or whose thread could not start.
    fn failed(error: String) -> Self::News;
}

/// The one task of a kind that runs.
#[derive(Debug, Default)]
pub struct Slot(Option<CancelToken>);

impl Slot {
    /// Starts `task`; an earlier one of this kind is cancelled, and what it still tells belongs to no one. `wrap` makes of
    /// its news what `jobs` report.
    pub fn start<T: Task, R: Send + 'static>(
        &mut self,
        jobs: &Jobs<R>,
        task: T,
        wrap: impl Fn(T::News) -> R + Clone + Send + Sync + 'static,
    ) {
        self.cancel();
        let (report, last) = (jobs.reporter(), wrap.clone());
        let failed = move |error: String| last(T::failed(error));
        self.0 = Some(jobs.spawn(T::NAME, failed, move |cancel| {
            let last = task.run(cancel, &|news| report(wrap(news)));
            wrap(last)
        }));
    }

    /// Cancels what runs.
    pub fn cancel(&mut self) {
        if let Some(running) = self.0.take() {
            running.cancel();
        }
    }
}
