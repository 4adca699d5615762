//! Plans of earlier revisions: read through git, compared, refused with a reason.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use tuneplan::cli::{self, Outcome};
use tuneplan::documents::revision;
use tuneplan::plan::{Plan, file};

fn git(folder: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args([
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.com",
        "-c",
        "commit.gpgsign=false",
    ]);
    assert!(git.args(args).output().unwrap().status.success(), "{args:?}");
}

/// A repository whose last commit has the default plan, and whose file now has another rank.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    let mut plan = Plan::default();
    fs::write(&path, file::write(&plan, &[])).unwrap();
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "first"]);
    plan.batch.micro_batch = 3;
    fs::write(&path, file::write(&plan, &[])).unwrap();
    folder
}

#[test]
fn a_file_is_read_as_it_was() {
    let folder = repository();
    let path = folder.path().join("a.plan.ron");
    assert_eq!(revision::read_of(&path, "HEAD").unwrap().plan, Plan::default());
    let refused = |revision: &str| revision::read_of(&path, revision).unwrap_err().to_string();
    assert!(refused("no-such-branch").contains("no-such-branch"));
    assert!(refused("--output=x").contains("no revision"), "no option of git's");
    assert!(!folder.path().join("x").exists());
    fs::write(folder.path().join("b.plan.ron"), "(schema: 1,").unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "broken"]);
    let broken = revision::read_of(&folder.path().join("b.plan.ron"), "HEAD").unwrap_err().to_string();
    assert!(broken.contains("HEAD:./b.plan.ron:1:"), "{broken}");
}

#[test]
fn compare_takes_revisions_beside_files() {
    let folder = repository();
    let path = folder.path().join("a.plan.ron");
    let run = |args: &[&str]| {
        let args = ["tuneplan", "compare"].iter().chain(args).map(OsString::from);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = cli::run(args, &mut out, &mut err);
        (outcome, String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap())
    };
    // From the folder the tests run in, the repository is another one.
    let binary = Command::new(env!("CARGO_BIN_EXE_tuneplan"))
        .current_dir(folder.path())
        .args(["compare", "HEAD:a.plan.ron", "a.plan.ron"])
        .output()
        .unwrap();
    let text = String::from_utf8(binary.stdout).unwrap();
    assert!(binary.status.success() && text.contains("Micro-batch"), "{text}");
    let (outcome, text) = run(&["HEAD:no/such.plan.ron", path.to_str().unwrap()]);
    assert_eq!(outcome, Outcome::BadInput);
    assert!(text.contains("no/such.plan.ron"), "{text}");
}
