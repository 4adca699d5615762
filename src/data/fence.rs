//! Foreign code behind a fence: what reads a model's tokenizer and chat template was written by others and is fed with files
//! of others. It runs on a thread of its own, so that no file ends the program:
//!
//! - the thread's stack is so large that what a file of the largest size that is read can nest fits on it;
//! - a panic is caught, and told in words instead of a backtrace;
//! - an answer is waited for only so long. The thread cannot be stopped from outside: what runs on it has limits of its own,
//!   and this one is for what those miss.

use crate::{DataError, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

/// Bytes of stack. It is address space: only what is used of it becomes memory.
const STACK: usize = 128 << 20;

/// Name of the threads, by which their panics are told from others.
const THREAD: &str = "fenced";

/// How long is waited at least.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is waited for each MiB that is worked on. Tokenizers and templates of real models need under a second for it.
const PATIENCE_PER_MIB: Duration = Duration::from_secs(20);

/// How long foreign code may work on so many bytes.
pub fn patience(bytes: usize) -> Duration {
    PATIENCE.saturating_add(PATIENCE_PER_MIB.mul_f64(bytes as f64 / f64::from(1 << 20)))
}

/// A question and where its answer goes.
type Asked<Q, A> = (Q, Sender<Caught<A>>);

/// An answer, or the words of a panic.
type Caught<A> = std::result::Result<A, String>;

/// Foreign code on a thread of its own, which answers questions.
pub struct Fence<Q, A> {
    /// The file that is worked with, for messages.
    file: String,
    questions: Sender<Asked<Q, A>>,
    /// An answer did not come in time: the thread is busy, perhaps for ever.
    is_stuck: AtomicBool,
}

/// What the code behind a fence hears its questions from.
pub struct Desk<Q, A> {
    questions: Receiver<Asked<Q, A>>,
    ready: Sender<std::result::Result<(), String>>,
}

impl<Q: Send + 'static, A: Send + 'static> Fence<Q, A> {
    /// Starts `work`, which makes something of `bytes` bytes of a file and then answers at its desk.
    ///
    /// # Errors
    /// What `work` says before it answers questions, that it panicked, or that it takes too long; each with the file.
    pub fn start(
        file: String,
        bytes: usize,
        work: impl FnOnce(Desk<Q, A>) -> std::result::Result<(), String> + Send + 'static,
    ) -> Result<Self> {
        keep_fenced_panics_quiet();
        let (questions, asked) = channel();
        let (ready, is_ready) = channel();
        let failed = ready.clone();
        let started = Builder::new().name(THREAD.to_owned()).stack_size(STACK).spawn(move || {
            let desk = Desk { questions: asked, ready };
            let outcome = catch_unwind(AssertUnwindSafe(|| work(desk))).unwrap_or_else(|panic| Err(broke(&*panic)));
            if let Err(error) = outcome {
                // Nobody listens to it once questions were answered.
                let _ = failed.send(Err(error));
            }
        });
        let told = |reason: String| DataError::Foreign { file: file.clone(), reason };
        started.map_err(|error| told(format!("no thread could be started to read it: {error}")))?;
        let limit = patience(bytes);
        match is_ready.recv_timeout(limit) {
            Ok(Ok(())) => Ok(Self { file, questions, is_stuck: AtomicBool::new(false) }),
            Ok(Err(reason)) => Err(told(reason)),
            Err(RecvTimeoutError::Timeout) => Err(told(slow("reading it", limit))),
            Err(RecvTimeoutError::Disconnected) => Err(told("its reader ended without a word".to_owned())),
        }
    }

    /// The answer to a question, if it comes in time.
    ///
    /// # Errors
    /// It panicked, or takes too long, now or before.
    pub fn ask(&self, question: Q, limit: Duration) -> Result<A> {
        if self.is_stuck.load(Ordering::Relaxed) {
            return Err(self.told("it took too long before, and is not used any more".to_owned()));
        }
        let (sender, answer) = channel();
        if self.questions.send((question, sender)).is_err() {
            return Err(self.told("its thread has ended".to_owned()));
        }
        match answer.recv_timeout(limit) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(self.told(reason)),
            Err(RecvTimeoutError::Timeout) => {
                self.is_stuck.store(true, Ordering::Relaxed);
                Err(self.told(slow("working with it", limit)))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.told("its thread has ended".to_owned())),
        }
    }

    /// The file that is worked with.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// An error about the file.
    pub fn told(&self, reason: String) -> DataError {
        DataError::Foreign { file: self.file.clone(), reason }
    }
}

impl<Q, A> Desk<Q, A> {
    /// Says that all is read, and answers until nobody can ask any more.
    #[allow(clippy::needless_pass_by_value, reason = "what is said at the end has been said")]
    pub fn serve(self, mut answer: impl FnMut(Q) -> A) {
        let _ = self.ready.send(Ok(()));
        for (question, sender) in &self.questions {
            let caught = catch_unwind(AssertUnwindSafe(|| answer(question))).map_err(|panic| broke(&*panic));
            // Who asked may have given up.
            let _ = sender.send(caught);
        }
    }
}

impl<Q, A> std::fmt::Debug for Fence<Q, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fence({})", self.file)
    }
}

fn slow(what: &str, limit: Duration) -> String {
    format!("{what} takes longer than {:.0} s, and was given up", limit.as_secs_f64())
}

fn broke(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    // Some print the whole value they did not expect.
    let said: String = said.lines().next().unwrap_or_default().chars().take(200).collect();
    format!("the library that works with it failed ({said}): the file does not fit together")
}

/// Panics behind a fence are told by who asked. All others go to whatever hook there was.
fn keep_fenced_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() != Some(THREAD) {
                usual(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> Fence<u32, u32> {
        let work = |desk: Desk<u32, u32>| {
            desk.serve(|number| {
                assert!(number != 13, "not thirteen");
                number + 1
            });
            Ok(())
        };
        Fence::start("a.json".to_owned(), 0, work).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_panic_is_an_error_with_the_file_and_the_next_question_is_answered() {
        let fence = counter();
        let error = fence.ask(13, PATIENCE).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.starts_with("a.json: ") && error.contains("(not thirteen)")));
        assert_eq!(fence.ask(1, PATIENCE).ok(), Some(2));
    }

    #[test]
    fn what_goes_wrong_while_reading_is_told_with_the_file() {
        let refused = Fence::<(), ()>::start("b".to_owned(), 0, |_| Err("it is empty".to_owned()));
        assert_eq!(refused.map_err(|error| error.to_string()).err().as_deref(), Some("b: it is empty"));
        let broken = Fence::<(), ()>::start("c".to_owned(), 0, |_| panic!("at {}", 3));
        assert!(broken.is_err_and(|error| error.to_string().contains("c: ") && error.to_string().contains("(at 3)")));
        let silent = Fence::<(), ()>::start("d".to_owned(), 0, |_| Ok(()));
        assert!(silent.is_err_and(|error| error.to_string().starts_with("d: ")));
    }

    #[test]
    fn there_is_room_for_deep_recursion() {
        fn depth(left: u32) -> u32 {
            let page = std::hint::black_box([left; 256]);
            if left == 0 { 0 } else { 1 + depth(page[7] - 1) }
        }
        let work = |desk: Desk<u32, u32>| {
            desk.serve(depth);
            Ok(())
        };
        let fence = Fence::start("e".to_owned(), 0, work).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fence.ask(32_768, PATIENCE).ok(), Some(32_768));
    }
}
