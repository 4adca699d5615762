//! The invariants of `src/lib.rs`, read off the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files under `src/NAME.rs` and `src/NAME/`.
fn room(name: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let single = Path::new("src").join(format!("{name}.rs"));
    assert!(single.is_file(), "{} is gone", single.display());
    files.push(single);
    let mut folders = vec![Path::new("src").join(name)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// Code of a file without comments and without its own tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn assert_free_of(rooms: &[&str], words: &[&str], except: &[&str]) {
    for name in rooms {
        for file in room(name) {
            if except.iter().any(|allowed| file.ends_with(allowed)) {
                continue;
            }
            let code = code(&file);
            for word in words {
                assert!(!code.contains(word), "{} names `{word}`", file.display());
            }
        }
    }
}

const DOMAIN: [&str; 11] = [
    "units",
    "explained",
    "catalog",
    "architecture",
    "plan",
    "estimate",
    "solve",
    "decide",
    "quantize",
    "validation",
    "report",
];

#[test]
fn the_domain_knows_no_window_no_threads_no_clock_no_environment() {
    let words = [
        "egui",
        "eframe",
        "rfd::",
        "candle",
        "std::thread",
        "Instant",
        "SystemTime",
        "std::env",
        "crate::ui",
        "crate::app",
    ];
    assert_free_of(&DOMAIN, &words, &[]);
}

#[test]
fn only_the_model_readers_open_files() {
    let readers = [
        "architecture/checkpoint.rs",
        "architecture/files.rs",
        "architecture/shards.rs",
        "architecture/safetensors.rs",
        "architecture/gguf/header.rs",
    ];
    assert_free_of(&DOMAIN, &["std::fs", "File::open", "read_dir", "crate::files"], &readers);
}

/// Every way past the one door: what writes a file, and what reads one whole, without its limits and promises.
#[test]
fn files_are_read_and_written_in_one_room() {
    let words = [
        "fs::write",
        "fs::read(",
        "fs::copy",
        "fs::rename",
        "fs::hard_link",
        "read_to_string(",
        "create_dir_all",
        "File::open",
        "File::create(",
        "File::options",
        "OpenOptions",
        "NamedTempFile",
        "tempfile_in",
        "BufWriter",
    ];
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path != Path::new("src/files") {
                    folders.push(path);
                }
                continue;
            }
            // The journal's lock is made by hand (`File::create_new`): it holds nothing.
            let code = code(&path);
            for word in words {
                assert!(!code.contains(word), "{} names `{word}`: use the room `files`", path.display());
            }
        }
    }
}

/// The room of files knows nothing of what it carries.
#[test]
fn the_room_of_files_stands_alone() {
    let words = ["crate::app", "crate::cli", "crate::plan", "crate::preview", "crate::ui", "std::env", "egui"];
    assert_free_of(&["files"], &words, &[]);
    assert_free_of(&["limits"], &["std::fs", "crate::files", "crate::plan", "crate::app"], &[]);
}

#[test]
fn panels_change_nothing_and_touch_nothing() {
    let words = ["std::fs", "std::thread", "rfd::", "&mut Plan", "&mut State", ".apply(&mut", "std::env"];
    assert_free_of(&["ui"], &words, &[]);
}

#[test]
fn colours_live_in_the_theme() {
    assert_free_of(&["ui"], &["from_rgb(", "from_gray(", "from_rgba"], &["ui/theme.rs"]);
}

#[test]
fn nothing_speaks_to_a_network() {
    let all = [
        "units",
        "explained",
        "catalog",
        "architecture",
        "plan",
        "estimate",
        "solve",
        "quantize",
        "validation",
        "ui",
        "app",
        "cli",
        "jobs",
        "raster",
        "decide",
        "report",
        "preview",
        "files",
        "limits",
    ];
    assert_free_of(&all, &["std::net", "TcpStream", "reqwest::", "ureq::", "hyper::"], &[]);
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    for name in ["reqwest", "ureq", "hyper", "curl", "wgpu"] {
        assert!(!manifest.contains(&format!("\n{name}")), "{name}");
    }
}

#[test]
fn rasterising_knows_nothing_of_plans() {
    assert_free_of(&["raster", "jobs"], &["crate::plan", "crate::estimate", "crate::app"], &[]);
}

/// A number that is taken over at every digit makes a step of each, and Escape gives nothing back.
#[test]
fn every_number_of_the_window_counts_when_it_is_finished() {
    assert_free_of(&["ui"], &["DragValue::new", "DragValue::from_get_set"], &["ui/widgets/number.rs"]);
}
