//! The harness of every test that draws: the program's fonts and theme, pictures by the program's own rasteriser.
#![allow(dead_code, reason = "each test file uses its share")]

pub mod app;
pub mod chat_model;
pub mod model_files;
pub mod tidy;
pub mod truth;
pub mod two_layers;

use egui::{Ui, Vec2};
use egui_kittest::{Harness, HarnessBuilder, TestRenderer};
use tuneplan::raster::Rasterizer;
use tuneplan::theme;
use tuneplan::theme::Theme;
use tuneplan::theme::fonts;

/// Draws what a harness shows without a GPU: the same bytes on every machine.
#[derive(Default)]
pub struct SoftwareRenderer(Rasterizer);

impl TestRenderer for SoftwareRenderer {
    fn handle_delta(&mut self, delta: &mut egui::TexturesDelta) {
        self.0.update_textures(std::mem::take(delta));
    }

    fn render(&mut self, ctx: &egui::Context, output: &egui::FullOutput) -> Result<image::RgbaImage, String> {
        let pixels_per_point = ctx.pixels_per_point();
        let size = ctx.content_rect().size() * pixels_per_point;
        let size = [size.x.round() as usize, size.y.round() as usize];
        let primitives = ctx.tessellate(output.shapes.clone(), pixels_per_point);
        let background = ctx.global_style().visuals.panel_fill;
        let image = self.0.render(&primitives, size, pixels_per_point, background);
        let bytes = image.pixels.iter().flat_map(egui::Color32::to_srgba_unmultiplied).collect();
        image::RgbaImage::from_raw(size[0] as u32, size[1] as u32, bytes).ok_or_else(|| "size".to_owned())
    }
}

/// A builder with the program's fonts, `theme` and the software renderer.
pub fn builder<State>(theme: Theme, size: impl Into<Vec2>) -> HarnessBuilder<State> {
    let egui_theme = if theme.tokens().dark { egui::Theme::Dark } else { egui::Theme::Light };
    HarnessBuilder::default()
        .with_size(size)
        .with_theme(egui_theme)
        .with_render_cursor(false)
        .with_context_setup(move |ctx| {
            fonts::install(ctx);
            theme::install(ctx, theme);
        })
        .renderer(SoftwareRenderer::default())
}

/// A harness around a piece of user interface.
pub fn harness<'a>(theme: Theme, size: impl Into<Vec2>, content: impl FnMut(&mut Ui) + 'a) -> Harness<'a> {
    builder(theme, size).build_ui(content)
}
