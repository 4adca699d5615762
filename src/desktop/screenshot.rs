//! Pictures of the window without a display: the same panels, drawn by the software rasteriser.

use crate::app::changes::Changes;
use crate::app::command::Commands;
use crate::app::computed::Computed;
use crate::app::page::Page;
use crate::app::settings::Settings;
use crate::app::state::State;
use crate::desktop::window::presenter_zoom;
use crate::plan::Plan;
use crate::raster::Rasterizer;
use crate::report::chart::Chart;
use crate::tasks::weighing::Weighing;
use crate::theme::{self, Theme};
use crate::ui::{self, PanelName, UiState, View};
use crate::validation::Evidence;
use egui::{ColorImage, RawInput, Rect, Vec2};
use std::sync::Arc;

/// Frames drawn before the picture: egui settles sizes in the first ones.
const FRAMES: usize = 4;
/// The frame in which they have settled. What is measured in it depends on no height: the charts of a picture fill no
/// window.
const SETTLED: usize = 1;

/// What to draw.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Panel.
    pub panel: PanelName,
    /// Colours.
    pub theme: Theme,
    /// Size in points.
    pub size: [u32; 2],
    /// A part is drawn as high as it is, whatever the size says.
    pub whole: bool,
    /// Pixels per point.
    pub scale: f32,
    /// Day it is made on, for a picture that says so; may be empty.
    pub day: String,
}

/// Draws `plan` as the window would show it to a person with `settings`; the theme is the shot's.
pub fn render(plan: &Plan, settings: &Settings, shot: &Shot) -> ColorImage {
    let mut state = State { settings: settings.clone(), ..State::default() };
    state.document.plan = plan.clone();
    state.document.saved_plan = plan.clone();
    state.settings.theme = shot.theme.into();
    state.session.today.clone_from(&shot.day);
    state.session.presenting = shot.panel == PanelName::Presenter;
    if let Some(page) = shot.panel.page() {
        state.session.page = page;
        state.session.evidence = (page == Page::Sure).then(Evidence::embedded);
        if page == Page::Preview {
            state.session.weighing = Some(Weighing::of_embedded());
        }
        if page == Page::Change {
            let found = Changes::of(&state.document.plan).map(Arc::new);
            state.session.changes = Some((state.key(), found));
        }
    }
    let computed = Computed::of(&state);
    let mut ui_state = UiState::default();
    if let PanelName::Tab(tab) = shot.panel {
        tab.choose(&mut ui_state);
    }
    let whole = shot.whole && matches!(shot.panel, PanelName::Part(_));
    let zoom = if state.session.presenting { presenter_zoom(shot.size[1] as f32) } else { settings.zoom() };
    draw(shot, zoom, whole, |ui| {
        let view = View { state: &state, computed: &computed, tokens: shot.theme.tokens() };
        let mut commands = Commands::new();
        match shot.panel {
            PanelName::Window(_) | PanelName::Tab(_) | PanelName::Presenter => {
                ui::window_ui(ui, &view, &mut ui_state, &mut commands);
                ui.max_rect().bottom()
            }
            PanelName::Part(part) => ui::part_ui(ui, part, &view, &mut ui_state, &mut commands),
        }
    })
}

/// Draws a chart of `plan` alone, with what it is of; theme, width and scale are the shot's.
pub fn render_chart(chart: &Chart, plan: &Plan, settings: &Settings, shot: &Shot) -> ColorImage {
    let mut state = State { settings: settings.clone(), ..State::default() };
    state.document.plan = plan.clone();
    state.session.today.clone_from(&shot.day);
    let computed = Computed::of(&state);
    draw(shot, settings.zoom(), true, |ui| {
        let view = View { state: &state, computed: &computed, tokens: shot.theme.tokens() };
        ui::chart_part_ui(ui, chart, &view)
    })
}

/// Draws what `content` draws, which says where its lower end is; a `whole` picture ends there.
fn draw(shot: &Shot, zoom: f32, whole: bool, mut content: impl FnMut(&mut egui::Ui) -> f32) -> ColorImage {
    let tokens = shot.theme.tokens();
    let ctx = egui::Context::default();
    theme::fonts::install(&ctx);
    theme::install(&ctx, shot.theme);
    let scale = shot.scale * zoom;
    ctx.set_pixels_per_point(scale);
    let mut size = Vec2::new(shot.size[0] as f32, shot.size[1] as f32) / zoom;
    if whole {
        // Low until it is measured.
        size.y = 100.0;
    }
    let mut rasterizer = Rasterizer::new();
    let mut primitives = Vec::new();
    for frame in 0..FRAMES {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, size)),
            time: Some(frame as f64),
            ..RawInput::default()
        };
        let mut bottom = size.y;
        let output = ctx.run_ui(input, |ui| bottom = content(ui));
        if whole && frame == SETTLED {
            size.y = bottom.ceil();
        }
        rasterizer.update_textures(output.textures_delta);
        primitives = ctx.tessellate(output.shapes, output.pixels_per_point);
    }
    let pixels = [(size.x * scale).round() as usize, (size.y * scale).round() as usize];
    rasterizer.render(&primitives, pixels, scale, tokens.ground.0)
}
