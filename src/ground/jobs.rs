//! Background work: named threads that report once, and can be told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

/// Cores of this machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Threads for heavy work: all cores but one, which is left to the window and to others.
pub fn spare_threads() -> usize {
    cores().saturating_sub(1).max(1)
}

/// Told to a job that its result is no longer wanted.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks the job to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs jobs and collects what they report.
pub struct Jobs<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
    /// Called from the job's thread when something has been reported.
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl<T: Send + 'static> Jobs<T> {
    /// `wake` is called from a job's thread after each report, to get the window to look.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver, wake: Arc::new(wake) }
    }

    /// Starts `work` on a thread called `name`; what it returns is reported, unless it is `None`. A panic or a thread
    /// that cannot start reports `failed` instead.
    pub fn spawn<R: Into<Option<T>>>(
        &self,
        name: &str,
        failed: impl Fn(String) -> T + Send + Sync + 'static,
        work: impl FnOnce(&CancelToken) -> R + Send + 'static,
    ) -> CancelToken {
        let token = CancelToken::default();
        let inner = token.clone();
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        let failed = Arc::new(failed);
        let on_panic = Arc::clone(&failed);
        let started = Builder::new().name(name.to_owned()).spawn(move || {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&inner).into()));
            let report =
                outcome.unwrap_or_else(|_panic| Some(on_panic("it stopped with an internal error".to_owned())));
            if let Some(report) = report
                && !inner.is_cancelled()
            {
                // The receiver is gone only when the program is ending.
                let _ = sender.send(report);
                wake();
            }
        });
        if let Err(error) = started {
            let _ = self.sender.send(failed(format!("no thread could be started: {error}")));
        }
        token
    }

    /// Reports something at once.
    pub fn report(&self, report: T) {
        // The receiver is this value's own.
        let _ = self.sender.send(report);
        (self.wake)();
    }

    /// What reports from another thread, for as long as that wants to.
    pub fn reporter(&self) -> impl Fn(T) + Send + Sync + 'static + use<T> {
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        move |report| {
            // The receiver is gone only when the program is ending.
            let _ = sender.send(report);
            wake();
        }
    }

    /// What has been reported since the last call.
    pub fn reports(&self) -> Vec<T> {
        self.receiver.try_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Jobs;

    #[test]
    fn a_job_with_nothing_to_say_says_nothing() {
        let jobs: Jobs<&'static str> = Jobs::new(|| ());
        let (done, wait) = std::sync::mpsc::channel::<()>();
        jobs.spawn(
            "quiet",
            |_| "failed",
            move |_| -> Option<&'static str> {
                // Dropped when the job's thread has reported, or not.
                let _done = done;
                None
            },
        );
        assert!(wait.recv().is_err());
        jobs.spawn("talking", |_| "failed", |_| "done");
        let report = std::iter::repeat_with(|| jobs.reports()).find(|reports| !reports.is_empty());
        assert_eq!(report, Some(vec!["done"]));
    }
}
