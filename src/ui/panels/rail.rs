//! The pages as a column of words, or a row where the window is narrow.

use crate::app::command::{Command, Commands, LookCommand};
use crate::app::page::Page;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use egui::{Align, Button, Layout, Response, RichText, Ui, Vec2};

/// Width of the column, in points.
pub const WIDTH: f32 = 80.0;
/// Height of a word's field.
const HEIGHT: f32 = 32.0;

/// The column.
pub fn rail_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    ui.with_layout(Layout::top_down_justified(Align::Center), |ui| {
        ui.spacing_mut().button_padding.x = space::xs();
        ui.spacing_mut().item_spacing.y = space::xs();
        for page in Page::ALL {
            tab_ui(ui, page, view, out);
        }
    });
}

/// The row.
pub fn across_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    ui.horizontal_wrapped(|ui| {
        for page in Page::ALL {
            tab_ui(ui, page, view, out);
        }
    });
    ui.add_space(space::xs());
}

fn tab_ui(ui: &mut Ui, page: Page, view: &View<'_>, out: &mut Commands) -> Response {
    let chosen = view.state.session.page == page;
    let ink = if chosen { view.tokens.text.0 } else { view.tokens.muted.0 };
    let mut text = RichText::new(view.text(page.title())).color(ink);
    if chosen {
        text = text.font(bold(type_size::body()));
    }
    let fill = if chosen { view.tokens.raised.0 } else { view.tokens.panel.0 };
    let button = Button::new(text).fill(fill).stroke(egui::Stroke::NONE).min_size(Vec2::new(0.0, HEIGHT));
    let response = ui.add(button);
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Tab, true, chosen, view.text(page.title())));
    if response.clicked() && !chosen {
        out.push(Command::Look(LookCommand::Page(page)));
    }
    let key = super::sheets::page_key(page).unwrap_or_default();
    response.on_hover_text(format!("{} {key}", page.help()))
}
