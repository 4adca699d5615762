//! The window from 1024 × 700 at twice the size to 4K: nothing is squeezed, cut off or drawn over.

use crate::common;
use tuneplan::app::command::{LookCommand, MenuCommand};

use crate::common::tidy::assert_tidy;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::Command;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::plan::templates;
use tuneplan::theme::Theme;

/// Sizes in points: 1024 × 700 at 200 % zoom, 1440 × 900 at 200 %, and whole screens at 100 % and 80 %.
const SIZES: [[f32; 2]; 7] = [
    [512.0, 350.0],
    [720.0, 450.0],
    [900.0, 600.0],
    [1024.0, 700.0],
    [1280.0, 800.0],
    [1920.0, 1080.0],
    [4800.0, 2700.0],
];

fn window<'a>(size: [f32; 2]) -> Harness<'a, App> {
    let mut harness = common::builder(Theme::Dark, size)
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    harness.run_ok();
    harness
}

#[test]
fn every_template_is_tidy() {
    for size in [[640.0, 480.0], [1024.0, 700.0], [1440.0, 900.0]] {
        for template in templates() {
            let mut harness = window(size);
            harness.state_mut().send(Command::NewFromTemplate(template.name));
            harness.run_ok();
            assert!(harness.state().computed().estimate.is_some(), "{}", template.name);
            assert_tidy(&harness, &format!("{} at {size:?}", template.name));
        }
    }
}

#[test]
fn every_size_has_room_for_what_matters() {
    for size in SIZES {
        let harness = window(size);
        assert_tidy(&harness, &format!("{size:?}"));
        let sentence = harness.get_by_label_contains(" GiB free on one ").rect();
        assert!(sentence.width() > 150.0, "{size:?}: the verdict has {sentence:?}");
        let weights = harness.get_all_by_label_contains("% of the peak").next().unwrap().rect();
        assert!(weights.width() > 60.0, "{size:?}: the bar is squeezed: {weights:?}");
        // Settings are somewhere, under the picture where there is no room beside it.
        assert!(harness.get_by_label("Rank slider").rect().right() <= size[0], "{size:?}");
    }
}

#[test]
fn every_page_is_tidy() {
    for size in SIZES {
        for page in Page::ALL {
            for presenting in [false, true] {
                let mut harness = window(size);
                harness.state_mut().send(Command::Look(LookCommand::Page(page)));
                if presenting {
                    harness.state_mut().send(Command::Menu(MenuCommand::Present));
                }
                harness.run_ok();
                assert_tidy(&harness, &format!("{page:?} at {size:?}, presenting: {presenting}"));
            }
        }
    }
}
