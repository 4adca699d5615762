//! The one door to the disk: one function that writes a file, one that reads it, one way to make a folder of results.
//!
//! Everything the program writes, from the command line or the window, goes through [`write()`] or [`NewFolder`], and
//! everything it reads whole through [`read()`] and its siblings. So all of it keeps the same promises:
//!
//! - A file is either the old one or the whole new one; a kill or a full disk in between leaves the old one.
//! - What stands there is replaced only where that was asked for ([`Existing`]), and never if it changed meanwhile.
//! - A symbolic link is followed: the file it names is written, the link stays. What is no regular file (a device, a
//!   pipe) is refused.
//! - A new file is readable by whom a new file is for (umask); one that is replaced keeps its mode and, where the system
//!   allows it, its owner. Hard links to it are parted, which no write of a whole new file can avoid.
//! - Nothing is read beyond its limit, whatever size the system told.
//! - What a killed program left half written goes at the next save beside it.
//! - Messages name the path as the user gave it, and the cause in words.

mod aside;
mod cause;
mod folder;
mod leftovers;
mod read;
mod target;
mod write;

pub use aside::{put_aside, put_aside_in};
pub use cause::cause;
pub use folder::{NewFolder, make_folders};
pub use leftovers::{clean, hold};
pub use read::{ReadError, open_regular, read, read_regular, read_regular_text, read_text, text_of};
pub use target::{is_same_file, is_within};
pub use write::{Existing, WriteError, check, write};
