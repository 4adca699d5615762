//! Notices that somebody else wrote the file of an open plan.
//!
//! A thread looks at size and time of a few files every two seconds: nothing is drawn unless one of them changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::Builder;
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Size and time of the last change; `None` where there is no such file.
type Stamp = Option<(u64, Option<SystemTime>)>;

type Files = Mutex<Vec<(PathBuf, Stamp)>>;

/// Files that are looked at while this lives.
pub struct Watch {
    files: Arc<Files>,
}

impl Watch {
    /// Begins; `changed` is called from the watching thread with each file that changed.
    pub fn begin(changed: impl Fn(PathBuf) + Send + 'static) -> std::io::Result<Self> {
        let files = Arc::new(Files::default());
        let weak = Arc::downgrade(&files);
        Builder::new().name("watch-files".to_owned()).spawn(move || watch(&weak, &changed))?;
        Ok(Self { files })
    }

    /// Looks at exactly these files from now on.
    pub fn set<'a>(&self, paths: impl Iterator<Item = &'a Path>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::take(&mut *files);
        *files = paths
            .map(|path| match old.iter().find(|(known, _)| known == path) {
                Some(known) => known.clone(),
                None => (path.to_owned(), stamp(path)),
            })
            .collect();
    }
}

fn watch(files: &Weak<Files>, changed: &impl Fn(PathBuf)) {
    loop {
        std::thread::sleep(EVERY);
        // The window is gone, and with it everything that could be told.
        let Some(files) = files.upgrade() else { return };
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, known) in files.iter_mut() {
            let now = stamp(path);
            if now != *known {
                *known = now;
                // A file that is gone is written anew by the next save.
                if now.is_some() {
                    changed(path.clone());
                }
            }
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}
