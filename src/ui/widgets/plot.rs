//! Every chart with axes: egui_plot with the colours of the theme, figures read at the pointer, a legend that hides, and
//! a menu. Zoom and pan are egui_plot's; a double-click resets them. Looking changes no plan: a chart only tells what was
//! read, and where its marked point was dragged to.

use crate::app::command::{ChartCommand, Command, Commands};
use crate::report::chart::{Chart, Series};
use crate::theme::{Tokens, space, type_size};
use egui::{Align2, CursorIcon, Id, PopupAnchor, Pos2, Rect, Response, RichText, Sense, Stroke, Ui, UiBuilder, Vec2};
use egui_plot::{AxisHints, PlotMemory, PlotTransform};
use items::{GRID, add_rule, add_series, color, figure, grid, swatch};
use sight::Sight;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use text::{Room, label_ui, rule_labels, series_labels};

mod items;
mod sight;
mod text;

pub use sight::Hit;

/// Room right of the area for the half of the last figure below it.
const RIGHT: f32 = 28.0;
/// Room below the area for figures and the name of the level axis.
const BELOW: f32 = 38.0;
/// Nearest that figures stand on the two axes.
const APART: [f32; 2] = [64.0, 26.0];
/// Side of the square around the marked point that can be dragged.
const HANDLE: f32 = 28.0;

/// A chart to be shown.
pub struct Plot<'a> {
    /// Tells it from others on the page.
    pub id: &'static str,
    /// What is drawn.
    pub chart: Chart,
    /// Height of area and figures, in points.
    pub height: f32,
    /// What is said of a point.
    pub tip: &'a dyn Fn(&Hit) -> String,
    /// A marked point that can be dragged along the others.
    pub handle: Option<[f64; 2]>,
    /// Without menu, for a picture.
    pub bare: bool,
}

/// What was done with a chart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    /// What was clicked.
    pub clicked: Option<Hit>,
    /// Where the marked point was dragged to.
    pub dragged: Option<Hit>,
    /// It was let go.
    pub let_go: bool,
}

/// Names of the series that the legend hides.
type Hidden = Arc<BTreeSet<String>>;

impl<'a> Plot<'a> {
    /// A chart that is read only.
    pub const fn new(id: &'static str, chart: Chart, height: f32, tip: &'a dyn Fn(&Hit) -> String) -> Self {
        Self { id, chart, height, tip, handle: None, bare: false }
    }

    /// Draws it over the width there is.
    pub fn show(mut self, ui: &mut Ui, tokens: &Tokens, out: &mut Commands) -> Read {
        let id = ui.make_persistent_id(("plot", self.id));
        let hidden = self.head_ui(ui, id, tokens, out);
        // Emptied, not taken out: the others keep their places.
        without(&mut self.chart, &hidden);
        let (response, transform) = self.plot_ui(ui, id, tokens);
        let sight = Sight { chart: &self.chart, transform };
        let name = self.chart.name.as_str();
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
        self.texts_ui(ui, &sight, id, tokens);
        if response.has_focus() {
            let ring = Stroke::new(2.0, tokens.accent.0);
            ui.painter().rect_stroke(*transform.frame(), 2, ring, egui::StrokeKind::Outside);
        }
        if is_moved(ui, id) && !self.bare {
            // Over the area: what comes and goes there moves nothing else.
            let corner = UiBuilder::new().max_rect(transform.frame().shrink(6.0));
            let mut over = ui.new_child(corner.layout(egui::Layout::right_to_left(egui::Align::Min)));
            if over.small_button("Reset view").on_hover_text("So does a double-click.").clicked() {
                reset(ui, id);
            }
        }
        let mut read = self.handle_ui(ui, &sight, id, tokens);
        response.context_menu(|ui| menu_ui(ui, id, &sight, out));
        let quiet = response.dragged() || read.dragged.is_some() || response.context_menu_opened();
        // The ringed point lies over the chart, and is read like any other.
        let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| response.contains_pointer() && !quiet);
        let Some(hit) = pointer.and_then(|pointer| sight.nearest(pointer)) else { return read };
        sight.point_out(ui, &hit, tokens);
        let tip = (self.tip)(&hit);
        read.clicked = Some(hit).filter(|_| response.clicked() && !response.double_clicked());
        if tip.is_empty() {
            return read;
        }
        let at = PopupAnchor::Pointer;
        let tooltip = egui::Tooltip::always_open(ui.ctx().clone(), response.layer_id, response.id, at);
        tooltip.gap(14.0).show(|ui| {
            ui.set_max_width(ui.spacing().tooltip_width);
            ui.label(tip);
        });
        read
    }

    /// Name of the upright axis, the legend, and at the right the menu.
    fn head_ui(&self, ui: &mut Ui, id: Id, tokens: &Tokens, out: &mut Commands) -> Hidden {
        let kept = id.with("hidden");
        let mut hidden: Hidden = ui.data(|data| data.get_temp(kept)).unwrap_or_default();
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
            ui.spacing_mut().button_padding.y = 0.0;
            if !self.bare {
                let memory = PlotMemory::load(ui.ctx(), id);
                let menu = ui.menu_button("…", |ui| {
                    if let Some(memory) = &memory {
                        let mut chart = self.chart.clone();
                        without(&mut chart, &hidden);
                        menu_ui(ui, id, &Sight { chart: &chart, transform: memory.transform() }, out);
                    }
                });
                let name = format!("Menu of the chart: {}", self.chart.title);
                menu.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            }
            // Rows as high as the menu's button, so that names stand beside it.
            let row = Vec2::new(ui.available_width(), ui.spacing().interact_size.y);
            let from_left = egui::Layout::left_to_right(egui::Align::Center).with_main_wrap(true);
            ui.allocate_ui_with_layout(row, from_left, |ui| {
                ui.spacing_mut().item_spacing = Vec2::new(space::m(), 0.0);
                let up = RichText::new(&self.chart.up.name).small().color(tokens.muted.0);
                ui.add(egui::Label::new(up).extend());
                let names = self.chart.names();
                for name in names.iter().filter(|_| names.len() > 1) {
                    let is_shown = !hidden.contains(*name);
                    let like = self.chart.series.iter().filter(|series| series.name == *name);
                    if legend_ui(ui, name, like, is_shown, tokens).clicked() {
                        let set = Arc::make_mut(&mut hidden);
                        if is_shown {
                            set.insert((*name).to_owned());
                        } else {
                            set.remove(*name);
                        }
                    }
                }
            });
        });
        ui.data_mut(|data| data.insert_temp(kept, Arc::clone(&hidden)));
        hidden
    }

    fn plot_ui(&self, ui: &mut Ui, id: Id, tokens: &Tokens) -> (Response, PlotTransform) {
        let chart = &self.chart;
        let is_new = PlotMemory::load(ui.ctx(), id).is_none();
        let ([left, right], [bottom, top]) = (chart.across.places(), chart.up.places());
        let (level, upright) = (RefCell::default(), RefCell::default());
        let font = egui::FontId::proportional(type_size::small());
        let hints = |axis: egui_plot::Axis| {
            AxisHints::new(axis).tick_label_color(tokens.muted.0).tick_label_font(font.clone()).label_spacing(1.0..=1.0)
        };
        let name = RichText::new(&chart.across.name).small().color(tokens.muted.0);
        let across = hints(egui_plot::Axis::X).label(name).min_thickness(BELOW);
        let across = across.formatter(|mark, _| figure(&level, mark));
        let up = hints(egui_plot::Axis::Y).formatter(|mark, _| figure(&upright, mark)).min_thickness(44.0);
        ui.scope(|ui| {
            ui.visuals_mut().extreme_bg_color = tokens.raised.0;
            ui.visuals_mut().widgets.noninteractive.bg_stroke = Stroke::NONE;
            let shown = egui_plot::Plot::new(self.id)
                .id(id)
                .width((ui.available_width() - RIGHT).max(64.0))
                .height(self.height)
                .default_x_bounds(left, right)
                .default_y_bounds(bottom, top)
                .allow_scroll(false)
                .show_x(false)
                .show_y(false)
                .show_crosshair(false)
                .grid_color(tokens.line.0)
                .grid_fade(0.0)
                .grid_spacing(GRID..=GRID + 1.0)
                .x_grid_spacer(|input| grid(&chart.across, &input, APART[0], 0.0, &level))
                .y_grid_spacer(|input| grid(&chart.up, &input, APART[1], GRID, &upright))
                .custom_x_axes(vec![across])
                .custom_y_axes(vec![up])
                .show(ui, |plot| {
                    // The ends of the axes follow the data until somebody zooms.
                    if is_new {
                        plot.set_auto_bounds(true);
                    }
                    for rule in &chart.rules {
                        add_rule(plot, chart, rule, tokens);
                    }
                    for series in &chart.series {
                        add_series(plot, chart, series, tokens);
                    }
                });
            (shown.response, shown.transform)
        })
        .inner
    }

    /// What is written in the area, each where nothing else stands.
    fn texts_ui(&self, ui: &Ui, sight: &Sight<'_>, id: Id, tokens: &Tokens) {
        let mut room = Room::of(sight);
        if let Some(words) = self.chart.beyond.as_ref().filter(|_| !is_moved(ui, id)) {
            let frame = sight.transform.frame().shrink(6.0);
            let places = if words.starts_with('↑') {
                [(Align2::RIGHT_TOP, frame.right_top()), (Align2::LEFT_TOP, frame.left_top())]
            } else {
                [(Align2::RIGHT_BOTTOM, frame.right_bottom()), (Align2::LEFT_BOTTOM, frame.left_bottom())]
            };
            label_ui(ui, &mut room, words, tokens.text.0, &places, tokens);
        }
        rule_labels(ui, &mut room, sight, tokens);
        series_labels(ui, &mut room, sight, tokens);
    }

    /// The marked point: a ring that can be dragged along the others.
    fn handle_ui(&self, ui: &Ui, sight: &Sight<'_>, id: Id, tokens: &Tokens) -> Read {
        let mut read = Read::default();
        let Some(point) = self.handle else { return read };
        let at = sight.at(point);
        let at = at.clamp(sight.transform.frame().min, sight.transform.frame().max);
        sight.painter(ui).circle_stroke(at, 8.0, Stroke::new(2.0, tokens.text.0));
        let place = Rect::from_center_size(at, Vec2::splat(HANDLE));
        let response = ui.interact(place, id.with("handle"), Sense::drag());
        if response.hovered() || response.dragged() {
            ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
        }
        if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) {
            read.dragged = sight.along(pointer);
        }
        read.let_go = response.drag_stopped();
        read
    }
}

/// What can be done with any chart.
fn menu_ui(ui: &mut Ui, id: Id, sight: &Sight<'_>, out: &mut Commands) {
    for command in ChartCommand::ALL {
        if ui.button(command.title()).clicked() {
            out.push(Command::Chart(command, Arc::new(sight.seen())));
            ui.close();
        }
    }
    ui.separator();
    if ui.button("Reset view").clicked() {
        reset(ui, id);
        ui.close();
    }
    ui.separator();
    let how = "Drag: move. Ctrl and wheel: zoom. Right button: a frame. Double-click: reset.";
    ui.set_max_width(220.0);
    // Menus stretch what stands in them, words too.
    ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| ui.label(RichText::new(how).small().weak()));
}

/// Empties what is hidden.
fn without(chart: &mut Chart, hidden: &Hidden) {
    for series in chart.series.iter_mut().filter(|series| hidden.contains(&series.name)) {
        series.points.clear();
    }
}

/// Somebody zoomed or moved it.
fn is_moved(ui: &Ui, id: Id) -> bool {
    PlotMemory::load(ui.ctx(), id).is_some_and(|memory| !memory.auto_bounds.all())
}

fn reset(ui: &Ui, id: Id) {
    if let Some(mut memory) = PlotMemory::load(ui.ctx(), id) {
        memory.auto_bounds = true.into();
        memory.store(ui.ctx(), id);
    }
}

/// A name of the legend with how its series look; a click hides or shows them.
fn legend_ui<'a>(
    ui: &mut Ui,
    name: &str,
    like: impl Iterator<Item = &'a Series>,
    is_shown: bool,
    tokens: &Tokens,
) -> Response {
    let font = egui::FontId::proportional(type_size::small());
    let ink = if is_shown { tokens.text.0 } else { tokens.muted.0 };
    let galley = ui.painter().layout_no_wrap(name.to_owned(), font, ink);
    let size = Vec2::new(galley.size().x + 22.0, galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, is_shown, name));
    let place = Rect::from_min_size(rect.min, Vec2::new(16.0, rect.height()));
    for series in like {
        let ink = color(tokens, series.ink).gamma_multiply(if is_shown { 1.0 } else { 0.3 });
        swatch(ui, place, series.look, ink, tokens);
    }
    ui.painter().galley(Pos2::new(rect.left() + 22.0, rect.top()), galley, ink);
    if response.hovered() || response.has_focus() {
        ui.painter().hline(rect.left() + 22.0..=rect.right(), rect.bottom(), Stroke::new(1.0, tokens.edge.0));
    }
    if !is_shown {
        ui.painter().hline(rect.left() + 22.0..=rect.right(), rect.center().y + 1.0, Stroke::new(1.0, tokens.muted.0));
    }
    response.on_hover_text_at_pointer(if is_shown { "A click hides it." } else { "A click shows it." })
}
