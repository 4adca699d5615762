//! Token files edited beside the running program. Alone in its process, since it changes the colours for all of it.

use std::fs;
use tuneplan::desktop::theme_files::ThemeFiles;
use tuneplan::theme::{Theme, space, type_size};

#[test]
fn an_edited_token_file_is_taken_over_and_a_broken_one_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dark.ron");
    let shipped = fs::read_to_string("assets/theme/dark.ron").unwrap();
    let before = Theme::Dark.tokens().clone();
    let mut files = ThemeFiles::new(folder.path());
    assert!(files.poll().is_empty(), "no files, no changes");

    fs::write(&path, &shipped).unwrap();
    assert!(files.poll().is_empty(), "what is compiled in is no change");

    fs::write(&path, shipped.replace("#0E1116", "#123456")).unwrap();
    assert_eq!(files.poll(), [Ok("dark")]);
    assert_eq!(Theme::Dark.tokens().ground.0.to_hex(), "#123456ff");
    assert_eq!(Theme::Dark.tokens().panel, before.panel);
    assert!(!Theme::Light.tokens().dark, "other themes stay");
    assert!(files.poll().is_empty(), "a change is told once");

    fs::write(&path, shipped.replace("ground:", "grund:")).unwrap();
    let message = files.poll().pop().unwrap().unwrap_err();
    assert!(message.contains("dark.ron") && message.contains("grund"), "{message}");
    assert_eq!(Theme::Dark.tokens().ground.0.to_hex(), "#123456ff", "the last good colours stay");

    fs::write(&path, &shipped).unwrap();
    assert_eq!(files.poll(), [Ok("dark")]);
    assert_eq!(Theme::Dark.tokens().ground, before.ground);

    // Steps of space and sizes of type are tokens too.
    let scale = folder.path().join("scale.ron");
    let shipped = fs::read_to_string("assets/theme/scale.ron").unwrap();
    let (small, large) = (space::s(), type_size::figure());
    fs::write(&scale, shipped.replace("s: 8.0,", "s: 9.0,")).unwrap();
    assert_eq!(files.poll(), [Ok("scale.ron")]);
    assert!(space::s() > small && type_size::figure() == large);
    fs::write(&scale, shipped.replace("s: 8.0,", "s: 90.0,")).unwrap();
    let message = files.poll().pop().unwrap().unwrap_err();
    assert!(message.contains("scale.ron") && message.contains("xs < s < m"), "{message}");
    fs::write(&scale, &shipped).unwrap();
    assert_eq!(files.poll(), [Ok("scale.ron")]);
    assert!((space::s() - small).abs() < f32::EPSILON);
}
