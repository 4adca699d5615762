//! What must hold of every picture: nothing is cut off, nothing stands on something else.

use egui::accesskit::Role;
use egui::{Rect, Shape};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tuneplan::desktop::window::App;
use tuneplan::theme::Tokens;

/// Every shape of the frame by itself, with what it may be seen through.
pub fn shapes<'h>(harness: &'h Harness<'_, App>) -> Vec<(&'h Shape, Rect)> {
    fn within<'s>(shape: &'s Shape, clip: Rect, found: &mut Vec<(&'s Shape, Rect)>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| within(shape, clip, found)),
            _ => found.push((shape, clip)),
        }
    }
    let mut found = Vec::new();
    for clipped in &harness.output().shapes {
        within(&clipped.shape, clipped.clip_rect, &mut found);
    }
    found
}

/// Texts of a frame with where they are and what of that is visible.
fn texts(shape: &Shape, clip: Rect, found: &mut Vec<(String, Rect, Rect)>) {
    match shape {
        Shape::Text(text) if text.angle == 0.0 => {
            // Row by row: text that goes on in a wrapped line begins in the middle of its first row.
            for row in &text.galley.rows {
                let (Some(first), Some(last)) = (row.glyphs.first(), row.glyphs.last()) else { continue };
                let whole = row.rect().translate(text.pos.to_vec2());
                let left = text.pos.x + row.pos.x;
                let rect = Rect::from_x_y_ranges(left + first.pos.x..=left + last.max_x(), whole.y_range());
                found.push((row.text(), rect, rect.intersect(clip)));
            }
        }
        Shape::Text(text) => {
            // Turned: the rectangle around it.
            let rect =
                text.galley.rect.rotate_bb(egui::emath::Rot2::from_angle(text.angle)).translate(text.pos.to_vec2());
            found.push((text.galley.text().to_owned(), rect, rect.intersect(clip)));
        }
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| texts(shape, clip, found)),
        _ => {}
    }
}

/// Nothing is cut off sideways (up and down there are scroll bars), and no text stands on another.
pub fn assert_tidy(harness: &Harness<'_, App>, what: &str) {
    let mut found = Vec::new();
    for clipped in &harness.output().shapes {
        texts(&clipped.shape, clipped.clip_rect, &mut found);
    }
    // What has been scrolled away is not looked at; what lies beside its panel is.
    let visible: Vec<_> = found
        .iter()
        .filter(|(text, rect, seen)| !text.is_empty() && seen.height() > 0.0 && rect.width() > 0.0)
        .collect();
    assert!(visible.len() > 5, "{what}: there is text to look at");
    // What is typed may be longer than its field: it scrolls there.
    let typed: Vec<String> = harness.query_all_by_role(Role::TextInput).filter_map(|field| field.value()).collect();
    for (i, (text, rect, seen)) in visible.iter().enumerate() {
        let whole = rect.width() - seen.width() < 1.0;
        assert!(whole || typed.contains(text), "{what}: {text:?} is cut off: {rect:?}, seen {seen:?}");
        for (other, _, place) in &visible[i + 1..] {
            let clash = seen.is_positive() && place.is_positive() && seen.shrink(1.0).intersects(place.shrink(1.0));
            assert!(!clash, "{what}: {text:?} {seen:?} over {other:?} {place:?}");
        }
    }
}

/// No card is wider than what it may be seen through.
pub fn assert_cards_inside(harness: &Harness<'_, App>, tokens: &Tokens, what: &str) {
    let mut cards = 0;
    for (shape, clip) in shapes(harness) {
        let Shape::Rect(card) = shape else { continue };
        if card.fill != tokens.panel.0 || card.stroke.color != tokens.line.0 {
            continue;
        }
        cards += 1;
        let (card, panel) = (card.rect.x_range(), clip.x_range());
        assert!(card.min >= panel.min - 0.5 && card.max <= panel.max + 0.5, "{what}: a card {card:?} leaves {panel:?}");
    }
    assert!(cards > 0, "{what}: there is a card to look at");
}
