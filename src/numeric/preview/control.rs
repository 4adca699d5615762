//! A run that can be paused and stopped from elsewhere: by a button, by another thread.
//!
//! The run asks between layers and before each backward pass and optimizer step whether it may go on, so that a request is
//! heard within a step.

use super::{PreviewError, Result};
use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the run's owner asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Request {
    #[default]
    Run,
    Wait,
    Stop,
}

#[derive(Debug, Default)]
struct Shared {
    request: Mutex<Request>,
    changed: Condvar,
}

/// The request of a run's owner; clones are handles to the same run.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

impl Control {
    /// Lets the run wait where it is. A stopped run stays stopped.
    pub fn pause(&self) {
        self.set(Request::Wait);
    }

    /// Lets a paused run go on.
    pub fn resume(&self) {
        self.set(Request::Run);
    }

    /// Ends the run within a step, also while it is paused.
    pub fn cancel(&self) {
        self.set(Request::Stop);
    }

    /// Whether it shall wait.
    pub fn is_paused(&self) -> bool {
        *self.request() == Request::Wait
    }

    /// Whether it shall end.
    pub fn is_cancelled(&self) -> bool {
        *self.request() == Request::Stop
    }

    fn set(&self, request: Request) {
        let mut current = self.request();
        if *current != Request::Stop {
            *current = request;
        }
        drop(current);
        self.0.changed.notify_all();
    }

    // A request is one word: a thread that panicked while it held the lock cannot have left half of one.
    fn request(&self) -> MutexGuard<'_, Request> {
        self.0.request.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time since some moment, as the caller of a run measures it.
pub type Clock<'a> = dyn Fn() -> Duration + Sync + 'a;

/// What a run asks whether it may go on, with its clock; time spent waiting is told apart.
pub struct Gate<'a> {
    control: &'a Control,
    clock: &'a Clock<'a>,
    waited: Cell<Duration>,
}

impl<'a> Gate<'a> {
    /// Of this control and clock.
    pub fn new(control: &'a Control, clock: &'a Clock<'a>) -> Self {
        Self { control, clock, waited: Cell::new(Duration::ZERO) }
    }

    /// Returns when the run may go on.
    ///
    /// # Errors
    /// [`PreviewError::Cancelled`] when it shall end.
    pub fn pass(&self) -> Result<()> {
        let mut request = self.control.request();
        if *request == Request::Wait {
            let from = (self.clock)();
            while *request == Request::Wait {
                request = self.control.0.changed.wait(request).unwrap_or_else(PoisonError::into_inner);
            }
            self.waited.set(self.waited.get() + (self.clock)().saturating_sub(from));
        }
        if *request == Request::Stop { Err(PreviewError::Cancelled) } else { Ok(()) }
    }

    /// The clock without the time spent waiting.
    pub fn worked(&self) -> Duration {
        (self.clock)().saturating_sub(self.waited.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_paused_run_waits_and_a_stopped_one_stays_stopped() {
        let control = Control::default();
        let ticks = AtomicU64::new(0);
        // One second passes between any two looks.
        let clock = || Duration::from_secs(ticks.fetch_add(1, Ordering::SeqCst));
        let gate = Gate::new(&control, &clock);
        gate.pass().expect("it may go on");
        assert_eq!(gate.worked(), Duration::ZERO);
        control.pause();
        let other = control.clone();
        let waker = std::thread::spawn(move || other.resume());
        gate.pass().expect("it may go on");
        waker.join().expect("no panic");
        assert!(!control.is_paused());
        // The look now is the second, or the fourth after two around a wait that does not count.
        assert!([1, 2].contains(&gate.worked().as_secs()));
        control.cancel();
        control.resume();
        assert!(control.is_cancelled());
        assert!(matches!(gate.pass(), Err(PreviewError::Cancelled)));
    }
}
