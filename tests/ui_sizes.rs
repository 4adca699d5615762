//! The window from 1024 × 700 at twice the size to 4K: nothing is squeezed, cut off or drawn over.
#![allow(clippy::unwrap_used)]

mod common;

use egui::{Rect, Shape};
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::runtime::Runtime;
use tuneplan::app::window::App;
use tuneplan::ui::theme::Theme;

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

/// Texts of a frame with where they are and what of that is visible.
fn texts(shape: &Shape, clip: Rect, found: &mut Vec<(String, Rect, Rect)>) {
    match shape {
        Shape::Text(text) => {
            let rect = text.galley.rect.translate(text.pos.to_vec2());
            found.push((text.galley.text().to_owned(), rect, rect.intersect(clip)));
        }
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| texts(shape, clip, found)),
        _ => {}
    }
}

#[test]
fn every_size_has_room_for_what_matters() {
    for size in SIZES {
        let mut harness = common::builder(Theme::Dark, size)
            .with_max_steps(32)
            .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
        harness.run_ok();
        let mut found = Vec::new();
        for clipped in &harness.output().shapes {
            texts(&clipped.shape, clipped.clip_rect, &mut found);
        }
        let visible: Vec<_> = found.iter().filter(|(text, _, seen)| !text.is_empty() && seen.is_positive()).collect();
        for (i, (text, rect, seen)) in visible.iter().enumerate() {
            // Up and down there are scroll bars; sideways everything is in sight.
            assert!(rect.width() - seen.width() < 1.0, "{size:?}: {text:?} is cut off: {rect:?}, seen {seen:?}");
            for (other, _, place) in &visible[i + 1..] {
                let clash = seen.shrink(1.0).intersects(place.shrink(1.0));
                assert!(!clash, "{size:?}: {text:?} {seen:?} over {other:?} {place:?}");
            }
        }
        let sentence = harness.get_by_label_contains(" GiB free on one ").rect();
        assert!(sentence.width() > 150.0, "{size:?}: the verdict has {sentence:?}");
        let weights = harness.get_all_by_label_contains("% of the peak").next().unwrap().rect();
        assert!(weights.width() > 60.0, "{size:?}: the bar is squeezed: {weights:?}");
        // Settings are somewhere, under the picture where there is no room beside it.
        assert!(harness.get_by_label("Rank slider").rect().right() <= size[0], "{size:?}");
    }
}
