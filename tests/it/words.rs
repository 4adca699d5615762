//! The words that `docs/glossary.md` settled, in what users read: strings, help of the command line, rules and pages.

use std::fs;
use std::path::{Path, PathBuf};

/// Phrases that do not stand in a text, what is said instead, and the beginnings of the paths that this holds for: a
/// phrase with another good meaning elsewhere is searched only where it has the wrong one.
const RULED_OUT: &[(&[&str], &str, &[&str])] = &[
    (
        &["fetch", "fetched", "fetches", "fetching"],
        "retrieve, retrieval",
        &[
            "src/decide",
            "src/plan/decision",
            "src/ui/pages/decide",
            "src/app/page.rs",
            "src/cli.rs",
            "assets",
            "docs",
            "README",
        ],
    ),
    (
        &["put aside", "puts the run aside", "put the run aside"],
        "save a checkpoint",
        &["src/cli", "src/numeric/preview", "docs"],
    ),
    (&["adapted maps", "linear map", "linear maps", "by maps", "no map", "this map has"], "linear layer", &[""]),
    (&["small run", "small runs"], "preview", &[""]),
    (&["nats a token", "nats/token", "nats a byte"], "loss per token, in nats", &[""]),
    (&["start values"], "initialization", &[""]),
    (&["upcast the rest", "raise the rest"], "upcast unquantized weights", &[""]),
    (
        &["kept apart", "keep them apart", "learned apart", "trained apart", "train apart", "paid apart"],
        "separate",
        &[""],
    ),
    (&["takes the matrix apart", "taking the matrix apart", "taken apart"], "decompose", &[""]),
    (&["how far it goes", "how much in all"], "what is below the heading", &[""]),
    (&["how sure"], "accuracy", &[""]),
    (&["dear", "dearer"], "expensive", &["src", "assets", "docs"]),
    (&["the wish", "wishes"], "request, reason", &[""]),
    (&["doubt"], "uncertainty", &["src/ui"]),
    (&["turns of the pipeline", "turns of a pipeline", "takes turns"], "schedule of the pipeline", &[""]),
    (&["held against"], "compared with", &[""]),
    (&["held to avx2"], "limited to", &[""]),
    (
        &["checkpoints in", "checkpoints in host memory"],
        "activations in",
        &["src/plan/field", "src/ui", "src/solve", "docs"],
    ),
    (&["reckon", "reckoned", "gravest", "its kin", "their kin", "half way"], "a plainer word", &[""]),
];

fn under(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(folder)];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found
}

/// The strings of Rust or RON text, and where `docs` the comments of items, which are the help of the command line.
/// What a line break in the text hides is one space.
fn strings(text: &str, docs: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let from = &rest[at..];
        if from.starts_with("//") {
            let line = from.lines().next().unwrap_or_default();
            if docs && line.starts_with("///") {
                found.push(line.trim_start_matches('/').to_owned());
            }
            rest = &from[line.len()..];
        } else if ["'\"'", "'\\\"'", "'\\''"].iter().any(|quote| from.starts_with(quote)) {
            rest = &from[if from.starts_with("'\"'") { 3 } else { 4 }..];
        } else if let Some(inside) = from.strip_prefix('"') {
            let hashes = rest[..at].chars().rev().take_while(|letter| *letter == '#').count();
            let raw = rest[..at - hashes].ends_with('r');
            let end = if raw { inside.find(&format!("\"{}", "#".repeat(hashes))) } else { closing(inside) };
            let end = end.expect("a string ends");
            found.push(inside[..end].replace("\\\n", " ").replace("\\n", " "));
            rest = &inside[end + 1..];
        } else {
            rest = &from[1..];
        }
    }
    found
}

/// Where a string with escapes ends.
fn closing(inside: &str) -> Option<usize> {
    let mut escaped = false;
    inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Prose of a page: without code, which holds keys and names.
fn prose(text: &str) -> String {
    let outside = text.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    outside.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// In small letters, with one space between words and around signs, so that a phrase is found as whole words.
fn words(text: &str) -> String {
    let spaced: String = text.to_lowercase().replace(|letter: char| !letter.is_alphanumeric() && letter != '/', " ");
    format!(" {} ", spaced.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn ruled_out(path: &str, text: &str) -> Vec<String> {
    let text_words = words(text);
    RULED_OUT
        .iter()
        .filter(|(_, _, places)| places.iter().any(|place| path.starts_with(place)))
        .flat_map(|(phrases, instead, _)| phrases.iter().map(move |phrase| (phrase, instead)))
        .filter(|(phrase, _)| text_words.contains(&format!(" {phrase} ")))
        .map(|(phrase, instead)| format!("{path}: “{phrase}”, the glossary has: {instead}: {text:.160}"))
        .collect()
}

#[test]
fn what_users_read_has_the_words_of_the_glossary() {
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    for path in under("src", "rs").into_iter().chain(under("assets/decide", "ron")) {
        let text = fs::read_to_string(&path).unwrap();
        // Ids have no spaces.
        let said = strings(&text, path.starts_with("src/cli") || path == Path::new("src/cli.rs"));
        texts.extend(said.into_iter().filter(|text| text.contains(' ')).map(|text| (path.clone(), text)));
    }
    assert!(texts.len() > 2_000, "{}", texts.len());
    for page in
        under("docs", "md").into_iter().chain(["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from))
    {
        texts.push((page.clone(), prose(&fs::read_to_string(page).unwrap())));
    }
    let found: Vec<String> =
        texts.iter().flat_map(|(path, text)| ruled_out(&path.to_string_lossy().replace('\\', "/"), text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn strings_are_found_as_they_stand() {
    let text = "let a = '\"'; // \"none\"\n/// Help of a flag.\nlet b = \"one \\\"two\\\" \\\n    three\"; let c = r#\"a \"raw\" one\"#;";
    let found: Vec<String> = strings(text, true).iter().map(|text| words(text)).collect();
    assert_eq!(found, [" help of a flag ", " one two three ", " a raw one "]);
    assert_eq!(ruled_out("src/decide/x.rs", "Facts are fetched now").len(), 1);
    assert!(ruled_out("src/solve/x.rs", "Facts are prefetched; every layer is fetched").is_empty());
    assert_eq!(prose("a `put aside` b ```x``` c"), "a   b   c");
}
