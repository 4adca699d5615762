//! A button that opens a list to search in.

use crate::ui::theme::{Tokens, space};
use egui::{Key, Popup, PopupCloseBehavior, RichText, ScrollArea, TextEdit, Ui};

/// One entry of the list.
pub struct Entry {
    /// What is chosen.
    pub id: String,
    /// Name.
    pub title: String,
    /// Small text beside it.
    pub detail: String,
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
}

impl Picker<'_> {
    /// Draws the button and, when open, the list; the id that was chosen.
    pub fn show(&self, ui: &mut Ui, search: &mut String, tokens: &Tokens) -> Option<String> {
        let button = ui.add_sized([self.width, 26.0], egui::Button::new(self.current).truncate());
        let name = format!("{}, {}", self.label, self.current);
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        let opened = button.clicked();
        if opened {
            search.clear();
        }
        let mut chosen = None;
        let popup = Popup::menu(&button).width(360.0).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        popup.show(|ui| {
            chosen = self.list_ui(ui, search, opened, tokens);
            if chosen.is_some() {
                ui.close();
            }
        });
        chosen
    }

    fn list_ui(&self, ui: &mut Ui, search: &mut String, opened: bool, tokens: &Tokens) -> Option<String> {
        let width = ui.available_width();
        let field = ui.add_sized([width, 26.0], TextEdit::singleline(search).hint_text("Type to search"));
        if opened {
            field.request_focus();
        }
        let entries = (self.entries)(search);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let mut chosen = entries.first().filter(|_| entered).map(|entry| entry.id.clone());
        if entries.is_empty() {
            ui.label(RichText::new("Nothing of that name. Fewer letters find more.").color(tokens.muted.0));
        }
        let row = ui.spacing().interact_size.y + space::XS;
        ScrollArea::vertical().max_height(320.0).show_rows(ui, row, entries.len(), |ui, range| {
            for entry in &entries[range] {
                let text = RichText::new(&entry.title);
                let button = egui::Button::selectable(self.current == entry.title, text)
                    .right_text(RichText::new(&entry.detail).small().color(tokens.muted.0))
                    .min_size(egui::vec2(ui.available_width(), row - space::XS));
                if ui.add(button).clicked() {
                    chosen = Some(entry.id.clone());
                }
            }
        });
        chosen
    }
}
