//! Copies of unsaved plans, for the day the program or the machine stops.
//!
//! Every running program has a folder of its own and holds a lock on a file in it as long as it lives, so that
//! several can run side by side; a folder whose lock is free was left by one that ended without saving.

use super::state::{Document, DocumentId, State};
use super::store;
use crate::plan::Plan;
use crate::plan::file::{self, Loaded, UnknownKey};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Rest after an edit before a copy is written, in seconds.
pub const DELAY_SECS: f64 = 2.0;

const LOCK: &str = "lock";
const PLAN: &str = ".plan.ron";
const ORIGIN: &str = ".path";

/// An unsaved plan that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The plan.
    pub plan: Plan,
    /// Keys its file had that this version does not know.
    pub unknown: Vec<UnknownKey>,
    /// Its file, if it had one.
    pub path: Option<PathBuf>,
    /// What that file says now.
    pub on_disk: Option<Loaded>,
}

/// One unsaved plan as it is to be written.
#[derive(Clone, Debug, PartialEq)]
struct Copy {
    plan: Plan,
    unknown: Vec<UnknownKey>,
    path: Option<PathBuf>,
}

/// Copies by plan; shared with the panic hook.
type Copies = Arc<Mutex<BTreeMap<DocumentId, Copy>>>;

/// Keeps the copies of this run.
pub struct Journal {
    folder: PathBuf,
    copies: Copies,
    /// Revisions of the unsaved plans that `copies` has.
    seen: Vec<(DocumentId, u64)>,
    /// When the copies are to be written, in the window's seconds.
    due: Option<f64>,
    /// Held while the program lives.
    _lock: File,
}

impl Journal {
    /// Where copies lie on this machine, if it says.
    pub fn default_root() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "tuneplan").map(|dirs| dirs.data_local_dir().join("recovery"))
    }

    /// Begins a journal in a new folder under `root`.
    pub fn begin(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(root)?.keep();
        let lock = File::create(folder.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { folder, copies: Copies::default(), seen: Vec::new(), due: None, _lock: lock })
    }

    /// Looks at the plans; seconds until the copies are to be written, if anything changed or is still to be written.
    pub fn look(&mut self, state: &State, now_secs: f64) -> Option<f64> {
        let unsaved = || state.tabs().filter(|document| is_unsaved(document, state));
        let changed = !unsaved().map(|document| (document.id, document.revision)).eq(self.seen.iter().copied());
        if changed {
            self.seen = unsaved().map(|document| (document.id, document.revision)).collect();
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            let labels =
                |plan: &Plan| plan.decision.as_ref().map(|decision| decision.tally.clone()).unwrap_or_default();
            let known = |document: &Document| match copies.get(&document.id) {
                Some(copy) => labels(&copy.plan),
                None => labels(&document.saved_plan),
            };
            // Labels are given by a key each, and a person does not remember which: they are written at once.
            let labelled = unsaved().any(|document| labels(&document.plan) != known(document));
            *copies = unsaved().map(|document| (document.id, Copy::of(document))).collect();
            self.due = Some(now_secs + if labelled { 0.0 } else { DELAY_SECS });
        }
        self.due.map(|due| due - now_secs)
    }

    /// What writes the copies, for another thread, if it is time.
    pub fn when_due(&mut self, now_secs: f64) -> Option<impl FnOnce() -> io::Result<()> + Send + 'static> {
        self.due.take_if(|due| *due <= now_secs).map(|_due| self.writer())
    }

    /// What writes the copies as they are when it runs.
    pub fn writer(&self) -> impl FnOnce() -> io::Result<()> + Send + 'static + use<> {
        let (folder, copies) = (self.folder.clone(), Arc::clone(&self.copies));
        move || {
            // Held while writing: an older state never overwrites a newer one.
            let copies = copies.lock().unwrap_or_else(PoisonError::into_inner);
            write_all(&folder, &copies)
        }
    }

    /// Whether the plan as it is has its copy on disk.
    pub fn has_copy(&self, document: &Document) -> bool {
        self.due.is_none() && self.seen.contains(&(document.id, document.revision))
    }

    /// Has the copies written when any thread panics, before the program may end.
    pub fn write_on_panic(&self) {
        let (folder, copies) = (self.folder.clone(), Arc::clone(&self.copies));
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A panic while the copies are being written must not wait for itself.
            if let Ok(copies) = copies.try_lock() {
                let _ = write_all(&folder, &copies);
            }
            usual(panic);
        }));
    }
}

/// Whether a document has something to lose. What was given up while closing has not.
fn is_unsaved(document: &Document, state: &State) -> bool {
    document.is_dirty() && !(state.session.closing && state.session.given_up.contains(&document.id))
}

impl Drop for Journal {
    /// A program that ends in order leaves only what is unsaved.
    fn drop(&mut self) {
        let copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if copies.is_empty() && !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        } else {
            let _ = write_all(&self.folder, &copies);
        }
    }
}

impl Copy {
    fn of(document: &Document) -> Self {
        Self { plan: document.plan.clone(), unknown: document.unknown.clone(), path: document.path.clone() }
    }
}

/// Makes the folder hold these copies and no others.
fn write_all(folder: &Path, copies: &BTreeMap<DocumentId, Copy>) -> io::Result<()> {
    let told = |error: store::StoreError| io::Error::other(error.0);
    for (id, copy) in copies {
        let text = file::write(&copy.plan, &copy.unknown);
        if let Some(path) = &copy.path {
            let path = std::path::absolute(path).unwrap_or_else(|_error| path.clone());
            store::write_atomic(&folder.join(format!("{id}{ORIGIN}")), path.to_string_lossy().as_bytes())
                .map_err(told)?;
        }
        store::write_atomic(&folder.join(format!("{id}{PLAN}")), text.as_bytes()).map_err(told)?;
    }
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let id = name.split('.').next().and_then(|id| id.parse::<DocumentId>().ok());
        if id.is_some_and(|id| !copies.contains_key(&id)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A folder that an earlier run left, held so that no other program offers it too.
pub struct Leftover {
    folder: PathBuf,
    _lock: File,
}

impl Leftover {
    /// Throws the folder away.
    pub fn forget(self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)
    }
}

/// What earlier runs left under `root`: the folders, and the plans that can be read. A copy that cannot be read is left
/// where it is.
pub fn leftovers(root: &Path) -> (Vec<Leftover>, Vec<Recovered>) {
    let (mut held, mut plans) = (Vec::new(), Vec::new());
    let Ok(entries) = fs::read_dir(root) else { return (held, plans) };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders {
        let Ok(lock) = File::open(folder.join(LOCK)) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        let found = plans_in(&folder);
        if found.is_empty() {
            continue;
        }
        plans.extend(found);
        held.push(Leftover { folder, _lock: lock });
    }
    (held, plans)
}

fn plans_in(folder: &Path) -> Vec<Recovered> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.iter().filter_map(|name| recovered(folder, name.strip_suffix(PLAN)?)).collect()
}

fn recovered(folder: &Path, id: &str) -> Option<Recovered> {
    let loaded = store::read_plan(&folder.join(format!("{id}{PLAN}"))).ok()?;
    let path = fs::read_to_string(folder.join(format!("{id}{ORIGIN}"))).ok().map(PathBuf::from);
    let on_disk = path.as_deref().and_then(|path| store::read_plan(path).ok());
    Some(Recovered { plan: loaded.plan, unknown: loaded.unknown, path, on_disk })
}
