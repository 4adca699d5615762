//! A button that opens a list to search in.

use crate::theme::{Tokens, space};
use egui::{
    Key, Popup, PopupCloseBehavior, Pos2, Response, RichText, ScrollArea, Sense, Shape, StrokeKind, TextEdit,
    TextStyle, Ui, Vec2,
};

/// Height of the button, in points.
const HEIGHT: f32 = 26.0;
/// Width of the list, in points.
const WIDTH: f32 = 540.0;

/// One entry of the list.
pub struct Entry {
    /// What is chosen.
    pub id: String,
    /// Name.
    pub title: String,
    /// Small text beside it.
    pub detail: String,
}

/// A verdict beside an entry: its words and the colour they stand in.
pub struct Mark {
    /// What is said: `6.9 GiB, fits`.
    pub words: String,
    /// Its colour.
    pub ink: egui::Color32,
}

/// A searchable list behind a button.
pub struct Picker<'a> {
    /// Accessible name.
    pub label: &'a str,
    /// Text on the button.
    pub current: &'a str,
    /// Width of the button.
    pub width: f32,
    /// Entries for what has been typed, best first.
    pub entries: &'a dyn Fn(&str) -> Vec<Entry>,
    /// What is worked out for an entry that is seen: too much for all of them in each frame.
    pub mark: &'a dyn Fn(&Entry) -> Option<Mark>,
    /// Drawn between the search text and the list.
    pub head: &'a dyn Fn(&mut Ui),
}

impl Picker<'_> {
    /// Draws the button and, when open, the list; the id that was chosen.
    pub fn show(&self, ui: &mut Ui, search: &mut String, tokens: &Tokens) -> Option<String> {
        let button = self.button_ui(ui);
        let name = format!("{}, {}", self.label, self.current);
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        let opened = button.clicked();
        if opened {
            search.clear();
        }
        let mut chosen = None;
        let width = WIDTH.min(ui.ctx().content_rect().width() - 40.0);
        let popup = Popup::menu(&button).width(width).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        popup.show(|ui| {
            chosen = self.list_ui(ui, search, opened, tokens);
            if chosen.is_some() {
                ui.close();
            }
        });
        chosen
    }

    /// Looks like the drop-down lists beside it: text left, triangle right.
    fn button_ui(&self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(Vec2::new(self.width, HEIGHT), Sense::click());
        let visuals = ui.style().interact(&response);
        let (ink, radius) = (visuals.text_color(), visuals.corner_radius);
        let (fill, stroke) = (visuals.weak_bg_fill, visuals.bg_stroke);
        ui.painter().rect(rect, radius, fill, stroke, StrokeKind::Inside);
        let padding = ui.spacing().button_padding.x;
        let font = TextStyle::Button.resolve(ui.style());
        let mut job = egui::text::LayoutJob::simple_singleline(self.current.to_owned(), font, ink);
        job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width() - 2.0 * padding - 18.0);
        let galley = ui.painter().layout_job(job);
        let elided = galley.elided;
        let at = Pos2::new(rect.left() + padding, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, ink);
        let tip = Pos2::new(rect.right() - padding - 5.0, rect.center().y + 3.0);
        let triangle = vec![tip + Vec2::new(-5.0, -6.0), tip + Vec2::new(5.0, -6.0), tip];
        ui.painter().add(Shape::convex_polygon(triangle, ink, egui::Stroke::NONE));
        if elided { response.on_hover_text(self.current) } else { response }
    }

    fn list_ui(&self, ui: &mut Ui, search: &mut String, opened: bool, tokens: &Tokens) -> Option<String> {
        let width = ui.available_width();
        let field = ui.add_sized(
            [width, 26.0],
            TextEdit::singleline(search)
                .margin(egui::Margin::symmetric(8, 4))
                .align(egui::Align2::LEFT_CENTER)
                .hint_text("Type to search"),
        );
        if opened {
            field.request_focus();
        }
        (self.head)(ui);
        let entries = (self.entries)(search);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let mut chosen = entries.first().filter(|_| entered).map(|entry| entry.id.clone());
        if entries.is_empty() {
            ui.label(RichText::new("Nothing of that name. Fewer letters find more.").color(tokens.muted.0));
        }
        let row = ui.spacing().interact_size.y + space::xs();
        ScrollArea::vertical().max_height(320.0).show_rows(ui, row, entries.len(), |ui, range| {
            for entry in &entries[range] {
                let text = RichText::new(&entry.title);
                let mark = (self.mark)(entry);
                let (detail, ink) = match &mark {
                    Some(mark) => (format!("{} · {}", entry.detail, mark.words), mark.ink),
                    None => (entry.detail.clone(), tokens.muted.0),
                };
                let button = egui::Button::selectable(self.current == entry.title, text)
                    .right_text(RichText::new(detail).small().color(ink))
                    .min_size(egui::vec2(ui.available_width(), row - space::xs()));
                if ui.add(button).clicked() {
                    chosen = Some(entry.id.clone());
                }
            }
        });
        chosen
    }
}
