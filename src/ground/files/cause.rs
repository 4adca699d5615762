//! Why the system refused, in words.

use std::io::{Error, ErrorKind};

/// The cause of an error of the system, without the path it was met at: what a message names is the user's path, not that
/// of a temporary file.
pub fn cause(error: &Error) -> String {
    let words = match error.kind() {
        ErrorKind::StorageFull => "no space left on the device",
        ErrorKind::QuotaExceeded => "the quota of this user on the device is used up",
        ErrorKind::FileTooLarge => "the file would be too large for the device or this user's limit",
        ErrorKind::ReadOnlyFilesystem => "the device can only be read",
        ErrorKind::PermissionDenied => "the system does not permit it to this user",
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::NotADirectory => "part of the path is a file, not a folder",
        ErrorKind::IsADirectory => "a folder, not a file",
        ErrorKind::InvalidFilename => "the device takes no such name, or none so long",
        _ => return innermost(error),
    };
    words.to_owned()
}

/// The text of the error that others are wrapped around.
fn innermost(error: &Error) -> String {
    let Some(wrapped) = error.get_ref() else { return error.to_string() };
    let mut cause: &(dyn std::error::Error + 'static) = wrapped;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tempfile` wraps the system's error in one that names its own file.
    #[test]
    fn a_wrapped_error_is_told_without_its_path() {
        #[derive(Debug, thiserror::Error)]
        #[error("{source} at path \"/somewhere/.tuneplan-abc.tmp\"")]
        struct Wrapped {
            source: Error,
        }
        let wrap = |number| {
            let source = Error::from_raw_os_error(number);
            Error::new(source.kind(), Wrapped { source })
        };
        for number in [28, 13, 5, 40] {
            let told = cause(&wrap(number));
            assert!(!told.contains(".tmp") && !told.is_empty(), "{told}");
        }
        #[cfg(unix)]
        assert_eq!(cause(&wrap(28)), "no space left on the device");
    }
}
