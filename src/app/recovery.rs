//! Copies of unsaved plans, for the day the program or the machine stops.
//!
//! Every running program has a folder of its own and holds a lock on a file in it as long as it lives, so that
//! several can run side by side; a folder whose lock is free was left by one that ended without saving.

use super::state::{Document, DocumentId, State};
use crate::documents::store;
use crate::files;
use crate::plan::Plan;
use crate::plan::file::{self, Loaded, UnknownKey};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Rest after an edit before a copy is written, in seconds.
pub const DELAY_SECS: f64 = 2.0;

/// Most times a folder is made anew because another program removed it before it was locked.
const MOST_TRIES: usize = 8;
/// What names of runs' folders begin with.
const RUN: &str = "run-";
/// Where copies that cannot be read are kept.
const UNREADABLE: &str = "unreadable";
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
        files::make_folders(root).map_err(io::Error::other)?;
        let mut refused = None;
        for _ in 0..MOST_TRIES {
            match Self::locked_folder(root) {
                Ok((folder, lock)) => {
                    return Ok(Self { folder, copies: Copies::default(), seen: Vec::new(), due: None, _lock: lock });
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| io::Error::other("no folder could be made")))
    }

    /// A new folder with its lock. A program that starts at the same time may take it for one that was left, and remove
    /// it, before it is locked.
    fn locked_folder(root: &Path) -> io::Result<(PathBuf, File)> {
        let folder = tempfile::Builder::new().prefix(RUN).tempdir_in(root)?.keep();
        let path = folder.join(LOCK);
        let lock = File::create_new(&path)?;
        if files::hold(&lock, &path) { Ok((folder, lock)) } else { Err(io::Error::other("it was removed at once")) }
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
    let told = |error: store::WriteError| io::Error::other(error);
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
    /// Names of the copies that were offered.
    offered: Vec<String>,
    _lock: File,
}

impl Leftover {
    /// Throws away the copies that were offered, and the folder if nothing else is in it.
    pub fn forget(self) -> io::Result<()> {
        for id in &self.offered {
            fs::remove_file(self.folder.join(format!("{id}{PLAN}")))?;
            let _ = fs::remove_file(self.folder.join(format!("{id}{ORIGIN}")));
        }
        if is_empty(&self.folder) { fs::remove_dir_all(&self.folder) } else { Ok(()) }
    }
}

/// What earlier runs left.
#[derive(Default)]
pub struct Found {
    /// Their folders.
    pub held: Vec<Leftover>,
    /// Plans that can be read.
    pub plans: Vec<Recovered>,
    /// Copies that cannot, in words: why, and where each is kept.
    pub unreadable: Vec<String>,
}

/// What earlier runs left under `root`. A copy that cannot be read is put into a folder of its own, so that it is told
/// once and outlives the others; folders in which there is nothing go.
pub fn leftovers(root: &Path) -> Found {
    let mut found = Found::default();
    let Ok(entries) = fs::read_dir(root) else { return found };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(RUN))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    for folder in folders {
        // Only of files: a pipe of that name would be waited for.
        let Ok((lock, _)) = files::open_regular(&folder.join(LOCK)) else {
            // A run that was killed before it made its lock left an empty folder; any other is not ours.
            let _ = fs::remove_dir(&folder);
            continue;
        };
        if lock.try_lock().is_err() {
            continue;
        }
        files::clean(&folder);
        let offered = look_into(&folder, root, &mut found);
        if !offered.is_empty() {
            found.held.push(Leftover { folder, offered, _lock: lock });
        } else if is_empty(&folder) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
    found
}

/// Whether a folder holds nothing but its lock and paths of plans that are not there.
fn is_empty(folder: &Path) -> bool {
    let ours = |name: &str| name == LOCK || name.ends_with(ORIGIN);
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| ours(&entry.file_name().to_string_lossy())))
    })
}

/// Sorts what a folder holds into what can be read, whose names are given back, and what cannot.
fn look_into(folder: &Path, root: &Path, found: &mut Found) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut offered = Vec::new();
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    for name in names {
        let Some(id) = name.strip_suffix(PLAN) else { continue };
        match recovered(folder, id) {
            Ok(plan) => {
                found.plans.push(plan);
                offered.push(id.to_owned());
            }
            Err(error) => {
                let run = folder.file_name().unwrap_or_default().to_string_lossy();
                let place = root.join(UNREADABLE);
                let kept = files::make_folders(&place)
                    .and_then(|()| files::put_aside_in(&folder.join(&name), &place, &format!("{run}-{name}")));
                let kept = kept.unwrap_or_else(|_error| folder.join(&name));
                found.unreadable.push(format!(
                    "A copy of an unsaved plan cannot be read ({}). It is kept as {}.",
                    error.0,
                    kept.display()
                ));
            }
        }
    }
    offered
}

fn recovered(folder: &Path, id: &str) -> Result<Recovered, store::StoreError> {
    let copy = folder.join(format!("{id}{PLAN}"));
    let loaded = store::read_regular_plan(&copy)?;
    let path = files::read_regular_text(&folder.join(format!("{id}{ORIGIN}")), MAX_PATH_BYTES).ok().map(PathBuf::from);
    let on_disk = path.as_deref().and_then(|path| store::read_regular_plan(path).ok());
    Ok(Recovered { plan: loaded.plan, unknown: loaded.unknown, path, on_disk })
}

/// Longest path of a plan that is read.
const MAX_PATH_BYTES: u64 = 64 << 10;
