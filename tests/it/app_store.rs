//! Files on a real disk: atomic, checked, nothing overwritten in silence.

use std::fs;
use tuneplan::app::settings::{Settings, ThemeChoice};
use tuneplan::documents::store::{WriteError, read_plan, write_atomic, write_plan};
use tuneplan::plan::{Plan, file};

#[test]
fn a_write_replaces_the_whole_file_and_leaves_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    write_atomic(&path, b"first, and longer").unwrap();
    write_atomic(&path, b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_somebody_else_wrote_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    fs::write(&path, "theirs").unwrap();
    assert_eq!(write_plan(&path, "mine", Some("as I read it")), Err(WriteError::ChangedOnDisk));
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    assert_eq!(write_plan(&path, "mine", Some("")), Err(WriteError::ChangedOnDisk));
    write_plan(&path, "mine", Some("theirs")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/such/folder/a.plan.ron");
    let parent = missing.parent().unwrap();
    assert_eq!(write_atomic(&missing, b"x"), Err(WriteError::MissingFolder(parent.to_owned())));
    assert!(write_atomic(&missing, b"x").unwrap_err().to_string().contains("no/such/folder"));
    tuneplan::files::make_folders(parent).unwrap();
    write_atomic(&missing, b"x").unwrap();
    assert!(write_atomic(folder.path(), b"x").unwrap_err().to_string().contains("folder"));
    let read_only = folder.path().join("fixed.plan.ron");
    fs::write(&read_only, "fixed").unwrap();
    let mut permissions = fs::metadata(&read_only).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&read_only, permissions).unwrap();
    assert!(write_atomic(&read_only, b"x").unwrap_err().to_string().contains("read-only"));
    assert_eq!(fs::read_to_string(&read_only).unwrap(), "fixed");
}

#[test]
fn files_that_are_no_plans_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.plan.ron");
    fs::write(&path, "(\n  schema: 1,\n  batch: (micro_batch 4),\n)").unwrap();
    let error = read_plan(&path).unwrap_err().to_string();
    assert!(error.contains("bad.plan.ron:3:23"), "{error}");
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(read_plan(&path).unwrap_err().to_string().contains("UTF-8"));
    fs::write(&path, vec![b' '; file::MAX_BYTES + 1]).unwrap();
    assert!(read_plan(&path).unwrap_err().to_string().contains("MiB"));
    assert!(read_plan(folder.path()).is_err());
    assert!(read_plan(&folder.path().join("none")).is_err());
}

#[test]
fn a_plan_survives_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("계획.plan.ron");
    let text = file::write(&Plan::default(), &[]);
    write_plan(&path, &text, Some("")).unwrap();
    let loaded = read_plan(&path).unwrap();
    assert_eq!((loaded.plan, loaded.source), (Plan::default(), text));
}

#[test]
fn settings_survive_and_bad_ones_are_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.ron");
    assert_eq!(Settings::load(&path), (Settings::default(), None));
    let mut settings = Settings { theme: ThemeChoice::Contrast, zoom: 1.25, ..Settings::default() };
    for i in 0..12 {
        settings.remember(&folder.path().join(format!("{}.plan.ron", i % 11)));
    }
    assert_eq!(settings.recent.len(), 10);
    assert!(settings.recent[0].ends_with("0.plan.ron"));
    fs::write(&path, settings.to_text()).unwrap();
    assert_eq!(Settings::load(&path), (settings, None));

    // Whatever is wrong with them; what was put aside before stays.
    let large = vec![b' '; (1 << 20) + 1];
    let damaged: [(&[u8], &str); 3] = [
        (b"(theme: Purple", "settings.ron.bad"),
        (b"(author: \"\xff\xfe\", theme: Light)", "settings.ron.bad-2"),
        (&large, "settings.ron.bad-3"),
    ];
    for (bytes, kept) in damaged {
        fs::write(&path, bytes).unwrap();
        let (loaded, complaint) = Settings::load(&path);
        assert_eq!(loaded, Settings::default());
        let complaint = complaint.unwrap();
        assert!(complaint.contains(&format!("{kept};")), "{complaint}");
        assert!(!path.exists());
    }
    for (bytes, kept) in damaged {
        assert_eq!(fs::read(folder.path().join(kept)).unwrap(), bytes);
    }
    fs::create_dir(&path).unwrap();
    assert!(Settings::load(&path).1.unwrap().contains("folder"));
}
