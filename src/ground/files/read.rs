//! Reading a whole file, up to a limit, through the handle that was opened.

use super::cause;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is not there.
    Missing(PathBuf),
    /// It holds more than is read.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        most: u64,
    },
    /// It is no text.
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is none of UTF-8, from 0.
        byte: usize,
    },
    /// The system refused, or what stands there is no file.
    Failed {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: String,
    },
}

impl std::error::Error for ReadError {}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path().display(), self.cause())
    }
}

impl ReadError {
    /// The file, as it was named.
    pub fn path(&self) -> &Path {
        let (Self::Missing(path)
        | Self::TooLarge { path, .. }
        | Self::NotText { path, .. }
        | Self::Failed { path, .. }) = self;
        path
    }

    /// What is wrong, without the name.
    pub fn cause(&self) -> String {
        match self {
            Self::Missing(_) => "there is no such file".to_owned(),
            Self::TooLarge { most, .. } => format!("over {}, which is more than is read", size_words(*most)),
            Self::NotText { byte, .. } => format!("not UTF-8 text (byte {byte}); save it as UTF-8"),
            Self::Failed { cause, .. } => cause.clone(),
        }
    }
}

fn size_words(bytes: u64) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

/// The bytes of a file a person named: a regular file, or what a pipe gives until it ends.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    capped(path, open(path, Kinds::FilesAndPipes)?, most)
}

/// Likewise as text.
pub fn read_text(path: &Path, most: u64) -> Result<String, ReadError> {
    text_of(path, read(path, most)?)
}

/// The bytes of a regular file. Anything else is refused before it is opened: a pipe would wait for a writer.
pub fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    capped(path, open(path, Kinds::Files)?, most)
}

/// Likewise as text.
pub fn read_regular_text(path: &Path, most: u64) -> Result<String, ReadError> {
    text_of(path, read_regular(path, most)?)
}

/// A regular file opened for reading in parts, with its size and times as the handle has them.
pub fn open_regular(path: &Path) -> Result<(File, Metadata), ReadError> {
    open(path, Kinds::Files)
}

/// Bytes that were read from `path` as text.
pub fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, ReadError> {
    String::from_utf8(bytes)
        .map_err(|error| ReadError::NotText { path: path.to_owned(), byte: error.utf8_error().valid_up_to() })
}

/// What may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Files,
    FilesAndPipes,
}

fn open(path: &Path, kinds: Kinds) -> Result<(File, Metadata), ReadError> {
    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        _ => ReadError::Failed { path: path.to_owned(), cause: cause(&error) },
    };
    let refuse = |cause: &str| Err(ReadError::Failed { path: path.to_owned(), cause: cause.to_owned() });
    let check = |metadata: &Metadata| {
        if metadata.is_dir() {
            return refuse("a folder, not a file");
        }
        if metadata.is_file() || (kinds == Kinds::FilesAndPipes && is_stream(metadata)) {
            return Ok(());
        }
        refuse("a device or pipe, not a file")
    };
    // Before it is opened, since opening a pipe waits; and on the handle, since the name may stand for another by then.
    check(&std::fs::metadata(path).map_err(told)?)?;
    let file = File::open(path).map_err(told)?;
    let metadata = file.metadata().map_err(told)?;
    check(&metadata)?;
    Ok((file, metadata))
}

#[cfg(unix)]
fn is_stream(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    metadata.file_type().is_fifo() || metadata.file_type().is_socket()
}

#[cfg(not(unix))]
fn is_stream(_metadata: &Metadata) -> bool {
    true
}

fn capped(path: &Path, (file, metadata): (File, Metadata), most: u64) -> Result<Vec<u8>, ReadError> {
    let too_large = || ReadError::TooLarge { path: path.to_owned(), most };
    if metadata.is_file() && metadata.len() > most {
        return Err(too_large());
    }
    // The size is a hint only: files of the system say 0, and others grow.
    let mut bytes = Vec::with_capacity(metadata.len().min(most) as usize + 1);
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| ReadError::Failed { path: path.to_owned(), cause: cause(&error) })?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_is_read_beyond_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, [b'a'; 10]).unwrap();
        assert_eq!(read(&path, 10).unwrap().len(), 10);
        assert_eq!(read(&path, 9), Err(ReadError::TooLarge { path: path.clone(), most: 9 }));
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        assert_eq!(read_text(&path, 9), Err(ReadError::NotText { path: path.clone(), byte: 1 }));
        let none = folder.path().join("none");
        assert_eq!(read(&none, 9), Err(ReadError::Missing(none)));
        assert!(read(folder.path(), 9).unwrap_err().to_string().contains("folder"));
    }

    /// A sparse file of a tebibyte is refused by its size, and one that says 0 by what comes.
    #[cfg(target_os = "linux")]
    #[test]
    fn sizes_are_hints_and_devices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, 1 << 20), Err(ReadError::TooLarge { .. })));
        assert!(matches!(read(Path::new("/proc/self/maps"), 16), Err(ReadError::TooLarge { .. })));
        for path in ["/dev/zero", "/dev/null"] {
            assert!(read(Path::new(path), 16).unwrap_err().to_string().contains("device"));
        }
    }

    /// A pipe that nobody writes to: without the check this test would never end.
    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_place_of_a_regular_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(read_regular(&path, 16).unwrap_err().to_string().contains("pipe"));
        assert!(open_regular(&path).is_err());
        // Where a person named it, what is written into it is read.
        let writer = std::thread::spawn({
            let path = path.clone();
            move || std::fs::write(path, "hello").unwrap()
        });
        assert_eq!(read_text(&path, 16).unwrap(), "hello");
        writer.join().unwrap();
    }
}
