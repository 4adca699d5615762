//! The invariants of `src/lib.rs`, read off the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::plan::field::fields;

/// Every room with the rooms it may use. Each stands on rooms above it in this list only, so that there are no circles.
const ROOMS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("files", &[]),
    ("jobs", &[]),
    ("raster", &[]),
    ("linear_algebra", &[]),
    ("text", &[]),
    ("typos", &[]),
    ("scalar", &[]),
    ("export", &["scalar"]),
    ("import", &["export", "scalar", "typos"]),
    ("limits", &["units"]),
    ("data", &["files", "limits", "typos", "units"]),
    ("explained", &["units"]),
    ("architecture", &["files", "limits", "units"]),
    ("catalog", &["architecture"]),
    ("plan", &["architecture", "catalog", "limits", "typos", "units"]),
    ("estimate", &["architecture", "catalog", "explained", "plan", "units"]),
    ("handover", &["architecture", "catalog", "estimate", "export", "import", "plan"]),
    ("solve", &["architecture", "catalog", "estimate", "explained", "plan", "units"]),
    ("decide", &["limits", "plan", "units"]),
    ("validation", &["architecture", "catalog", "estimate", "explained", "limits", "plan", "units"]),
    ("why", &["architecture", "catalog", "estimate", "plan", "units"]),
    ("quantize", &["linear_algebra"]),
    ("lab", &["architecture", "files", "linear_algebra", "quantize"]),
    ("preview", &["data", "files", "jobs", "lab", "limits", "linear_algebra", "quantize", "units"]),
    ("figures", &["catalog", "decide", "estimate", "explained", "plan", "preview", "units"]),
    ("report", &["estimate", "figures", "preview", "units"]),
    ("documents", &["decide", "files", "plan"]),
    ("tasks", &["jobs", "lab", "plan", "preview", "quantize", "solve", "units"]),
    ("theme", &["estimate"]),
    (
        "app",
        &[
            "architecture",
            "catalog",
            "decide",
            "documents",
            "estimate",
            "figures",
            "files",
            "handover",
            "plan",
            "quantize",
            "report",
            "solve",
            "tasks",
            "text",
            "theme",
            "units",
            "validation",
        ],
    ),
    (
        "ui",
        &[
            "app",
            "architecture",
            "catalog",
            "decide",
            "estimate",
            "explained",
            "figures",
            "handover",
            "jobs",
            "lab",
            "plan",
            "preview",
            "quantize",
            "report",
            "solve",
            "tasks",
            "text",
            "theme",
            "units",
            "validation",
        ],
    ),
    (
        "desktop",
        &[
            "app",
            "architecture",
            "catalog",
            "documents",
            "estimate",
            "files",
            "handover",
            "import",
            "jobs",
            "lab",
            "plan",
            "preview",
            "raster",
            "report",
            "tasks",
            "theme",
            "ui",
            "validation",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "architecture",
            "catalog",
            "data",
            "decide",
            "desktop",
            "documents",
            "estimate",
            "explained",
            "export",
            "figures",
            "files",
            "handover",
            "import",
            "jobs",
            "lab",
            "plan",
            "preview",
            "quantize",
            "raster",
            "report",
            "solve",
            "tasks",
            "theme",
            "typos",
            "ui",
            "units",
            "validation",
            "why",
        ],
    ),
];

/// Packages below the program's own, each a folder of rooms; `data` and `raster` are rooms by themselves.
const PACKAGES: [&str; 4] = ["engines", "ground", "models", "numeric"];

/// All Rust files of a room, wherever it stands.
fn room(name: &str) -> Vec<PathBuf> {
    let homes = ["src".into()].into_iter().chain(PACKAGES.map(|package| format!("src/{package}")));
    let single = homes.map(|home| Path::new(&home).join(format!("{name}.rs"))).find(|file| file.is_file());
    let mut files = Vec::new();
    let mut folders = match single {
        Some(single) => {
            files.push(single.clone());
            vec![single.with_extension("")]
        }
        None => vec![Path::new("src").join(name)],
    };
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Tools of a package are no part of the program.
                if !path.ends_with("examples") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{name} is gone");
    files
}

/// Code of a file without comments and without its own tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Rooms that code names: `crate::a`, `crate::{a, b}`.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let names = match rest.strip_prefix('{') {
            Some(several) => several.split_once("};").map_or("", |(inside, _)| inside),
            None => rest,
        };
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        let first = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
        if rest.starts_with('{') {
            used.extend(names.split(',').map(first));
        } else {
            used.insert(first(names));
        }
    }
    used
}

#[test]
fn every_room_uses_only_what_it_stands_on() {
    let known: BTreeSet<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    let mut before = BTreeSet::new();
    for (name, allowed) in ROOMS {
        for used in *allowed {
            assert!(before.contains(used), "`{name}` may use `{used}`, which does not stand below it");
        }
        before.insert(*name);
        for file in room(name) {
            for used in rooms_used(&code(&file)) {
                let is_other = known.contains(used.as_str()) && used != *name;
                assert!(!is_other || allowed.contains(&used.as_str()), "{} uses `{used}`", file.display());
            }
        }
    }
}

/// A folder or file that stands in no line of the table would be held to nothing.
#[test]
fn every_file_belongs_to_a_room() {
    let mut held: BTreeSet<PathBuf> = ROOMS.iter().flat_map(|(name, _)| room(name)).collect();
    for own in [
        "src/lib.rs",
        "src/main.rs",
        "src/engines/lib.rs",
        "src/ground/lib.rs",
        "src/models/lib.rs",
        "src/numeric/lib.rs",
    ] {
        held.insert(own.into());
    }
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Tools of a package are no part of the program.
                if !path.ends_with("examples") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                assert!(held.contains(&path), "{} belongs to no room", path.display());
            }
        }
    }
}

#[test]
fn what_lib_says_of_the_rooms_is_what_is_checked() {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    for (name, _) in ROOMS {
        assert!(text.contains(&format!("//! | [`{name}`]")), "src/lib.rs has no line for `{name}`");
    }
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

const DOMAIN: [&str; 12] = [
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
    "figures",
];

#[test]
fn the_domain_knows_no_window_no_threads_no_clock_no_environment() {
    let words = ["egui", "eframe", "rfd::", "candle", "std::thread", "Instant", "SystemTime", "std::env"];
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
                if path != Path::new("src/ground/files") && !path.ends_with("examples") {
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

#[test]
fn panels_change_nothing_and_touch_nothing() {
    let words = ["std::fs", "std::thread", "rfd::", "&mut Plan", "&mut State", ".apply(&mut", "std::env"];
    assert_free_of(&["ui"], &words, &[]);
}

#[test]
fn colours_live_in_the_theme() {
    assert_free_of(&["ui", "app", "desktop"], &["from_rgb(", "from_gray(", "from_rgba"], &[]);
}

#[test]
fn nothing_speaks_to_a_network() {
    let all: Vec<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    assert_free_of(&all, &["std::net", "TcpStream", "reqwest::", "ureq::", "hyper::"], &[]);
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    for name in ["reqwest", "ureq", "hyper", "curl", "wgpu"] {
        assert!(!manifest.contains(&format!("\n{name}")), "{name}");
    }
}

/// A number that is taken over at every digit makes a step of each, and Escape gives nothing back.
#[test]
fn every_number_of_the_window_counts_when_it_is_finished() {
    assert_free_of(&["ui"], &["DragValue::new", "DragValue::from_get_set"], &["ui/widgets/number.rs"]);
}

/// A misspelt id must not wait until its branch runs: ids of settings stand as constants, in `plan/field/id.rs` alone.
#[test]
fn ids_of_settings_are_constants() {
    let ids: Vec<String> = fields().iter().filter(|f| f.id.contains('.')).map(|f| format!("\"{}\"", f.id)).collect();
    assert!(ids.len() > 90, "{ids:?}");
    for (name, _) in ROOMS {
        for file in room(name) {
            if file.ends_with("plan/field/id.rs") {
                continue;
            }
            let code = code(&file);
            let literal = ids.iter().find(|id| code.contains(id.as_str()));
            assert!(literal.is_none(), "{} spells {}", file.display(), literal.unwrap());
        }
    }
}
