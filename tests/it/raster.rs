//! The rasteriser against geometry, arithmetic and the behaviour of egui's own painters, worked out independently.

use egui::epaint::{ClippedPrimitive, ImageDelta, Primitive, Vertex};
use egui::{Color32, ColorImage, Mesh, Pos2, Rect, TextureId, TextureOptions, TexturesDelta, pos2, vec2};
use proptest::prelude::*;
use tuneplan::raster::{Rasterizer, encode_png};

const WHITE_TEXTURE: TextureId = TextureId::Managed(0);
const EVERYWHERE: Rect = Rect::EVERYTHING;

fn texture(rasterizer: &mut Rasterizer, id: TextureId, delta: ImageDelta) {
    let mut textures = TexturesDelta::default();
    textures.push(id, delta);
    rasterizer.update_textures(textures);
}

/// A rasteriser with one white texel as texture 0.
fn white() -> Rasterizer {
    let mut rasterizer = Rasterizer::new();
    let image = ColorImage::filled([1, 1], Color32::WHITE);
    texture(&mut rasterizer, WHITE_TEXTURE, ImageDelta::full(image, TextureOptions::LINEAR));
    rasterizer
}

fn vertex(pos: Pos2, color: Color32) -> Vertex {
    Vertex { pos, uv: pos2(0.5, 0.5), color }
}

fn mesh(corners: &[Pos2], indices: &[u32], color: Color32) -> Mesh {
    Mesh {
        indices: indices.to_vec(),
        vertices: corners.iter().map(|pos| vertex(*pos, color)).collect(),
        texture_id: WHITE_TEXTURE,
    }
}

fn clipped(mesh: Mesh, clip_rect: Rect) -> ClippedPrimitive {
    ClippedPrimitive { clip_rect, primitive: Primitive::Mesh(mesh) }
}

fn draw(mesh: Mesh, size: [usize; 2], pixels_per_point: f32) -> ColorImage {
    white().render(&[clipped(mesh, EVERYWHERE)], size, pixels_per_point, Color32::BLACK)
}

fn quad(rect: Rect, color: Color32) -> Mesh {
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()];
    mesh(&corners, &[0, 1, 2, 0, 2, 3], color)
}

/// A quad of pixels 0..width × 0..height that shows the whole of a texture.
fn textured_quad(id: TextureId, width: f32, height: f32, color: Color32) -> Mesh {
    let mut mesh = quad(Rect::from_min_size(Pos2::ZERO, vec2(width, height)), color);
    for (vertex, uv) in mesh.vertices.iter_mut().zip([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]) {
        vertex.uv = pos2(uv.0, uv.1);
    }
    mesh.texture_id = id;
    mesh
}

fn lit(image: &ColorImage) -> usize {
    image.pixels.iter().filter(|pixel| **pixel != Color32::BLACK).count()
}

/// Twice the signed area of a triangle in half-pixel coordinates.
fn cross(a: (i64, i64), b: (i64, i64), c: (i64, i64)) -> i64 {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
}

proptest! {
    /// A pixel belongs to a triangle if its centre is inside; only centres exactly on an edge are left to the fill rule.
    #[test]
    fn pixels_are_those_whose_centre_is_inside(corners in prop::array::uniform3((-20i64..60, -20i64..60))) {
        let points = corners.map(|(x, y)| pos2(x as f32, y as f32));
        let image = draw(mesh(&points, &[0, 1, 2], Color32::WHITE), [40, 40], 1.0);
        let doubled = corners.map(|(x, y)| (2 * x, 2 * y));
        let area = cross(doubled[0], doubled[1], doubled[2]);
        for y in 0..40i64 {
            for x in 0..40i64 {
                let centre = (2 * x + 1, 2 * y + 1);
                let sides = [0, 1, 2].map(|i| cross(doubled[i], doubled[(i + 1) % 3], centre) * area.signum());
                let is_lit = image.pixels[(y * 40 + x) as usize] == Color32::WHITE;
                if area != 0 && sides.iter().all(|side| *side > 0) {
                    prop_assert!(is_lit, "({x}, {y}) is inside");
                } else if area == 0 || sides.iter().any(|side| *side < 0) {
                    prop_assert!(!is_lit, "({x}, {y}) is outside");
                }
            }
        }
    }

    /// The number of lit pixels is the triangle's area, up to what its outline can cut.
    #[test]
    fn lit_pixels_add_up_to_the_area(corners in prop::array::uniform3((0.0f32..200.0, 0.0f32..200.0))) {
        let points = corners.map(|(x, y)| pos2(x, y));
        let image = draw(mesh(&points, &[0, 1, 2], Color32::WHITE), [200, 200], 1.0);
        let [a, b, c] = points;
        let area = ((b - a).x * (c - a).y - (b - a).y * (c - a).x).abs() / 2.0;
        let outline = (b - a).length() + (c - b).length() + (a - c).length();
        prop_assert!((lit(&image) as f32 - area).abs() <= outline + 4.0, "{} lit, area {area}", lit(&image));
    }

    /// Neighbours leave no gap and do not overlap: a half-transparent fan blends exactly once at every pixel.
    #[test]
    fn shared_edges_are_drawn_once(
        x in 1.0f32..29.0,
        y in 1.0f32..29.0,
        pixels_per_point in prop::sample::select(vec![1.0f32, 1.25, 1.5, 2.0]),
        flip in any::<bool>(),
    ) {
        let rim = [(0.0, 0.0), (13.0, 0.0), (30.0, 0.0), (30.0, 17.5), (30.0, 30.0), (8.3, 30.0), (0.0, 30.0)];
        let mut corners: Vec<Pos2> = rim.iter().map(|(x, y)| pos2(*x, *y)).collect();
        corners.push(pos2(x, y));
        let rim_len = rim.len() as u32;
        let mut indices = Vec::new();
        for i in 0..rim_len {
            let next = (i + 1) % rim_len;
            // Winding must not matter.
            indices.extend(if flip && i % 2 == 0 { [rim_len, next, i] } else { [rim_len, i, next] });
        }
        let half = Color32::from_rgba_premultiplied(128, 128, 128, 128);
        let side = (30.0 * pixels_per_point) as usize;
        let image = draw(mesh(&corners, &indices, half), [side, side], pixels_per_point);
        for (i, pixel) in image.pixels.iter().enumerate() {
            prop_assert_eq!(pixel.r(), 128, "pixel {} of a {}-pixel side", i, side);
        }
    }

    /// Blending is premultiplied "over" in gamma space: the GPU's formula, to the last bit of rounding.
    #[test]
    fn blending_is_the_painters_formula(top in any::<[u8; 4]>(), under in any::<[u8; 3]>()) {
        let [r, g, b, a] = top;
        let color = Color32::from_rgba_unmultiplied(r, g, b, a);
        let ground = Color32::from_rgb(under[0], under[1], under[2]);
        let mesh = quad(Rect::from_min_size(Pos2::ZERO, vec2(1.0, 1.0)), color);
        let image = white().render(&[clipped(mesh, EVERYWHERE)], [1, 1], 1.0, ground);
        let keep = 1.0 - f64::from(color.a()) / 255.0;
        for (i, drawn) in image.pixels[0].to_array().into_iter().enumerate() {
            let exact = f64::from(color.to_array()[i]) + f64::from(ground.to_array()[i]) * keep;
            prop_assert!((f64::from(drawn) - exact.min(255.0)).abs() <= 0.51, "channel {i}: {drawn} for {exact}");
        }
    }

    /// Nothing that a mesh can hold makes it panic.
    #[test]
    fn hostile_meshes_are_survived(
        vertices in prop::collection::vec((any::<[f32; 4]>(), any::<[u8; 4]>()), 0..12),
        indices in prop::collection::vec(prop_oneof![0u32..14, any::<u32>()], 0..40),
        clip in any::<[f32; 4]>(),
        clip_all in any::<bool>(),
        pixels_per_point in prop_oneof![Just(1.0f32), any::<f32>()],
        size in prop::array::uniform2(0usize..24),
        texture_id in prop_oneof![Just(0u64), Just(1), any::<u64>()],
    ) {
        let mut rasterizer = white();
        texture(
            &mut rasterizer,
            TextureId::Managed(1),
            ImageDelta::full(ColorImage::filled([0, 0], Color32::WHITE), TextureOptions::NEAREST),
        );
        let vertices = vertices
            .into_iter()
            .map(|([x, y, u, v], [r, g, b, a])| Vertex {
                pos: pos2(x, y),
                uv: pos2(u, v),
                color: Color32::from_rgba_premultiplied(r, g, b, a),
            })
            .collect();
        let clip = Rect::from_min_max(pos2(clip[0], clip[1]), pos2(clip[2], clip[3]));
        let mesh = Mesh { indices, vertices, texture_id: TextureId::Managed(texture_id) };
        let clip = if clip_all { EVERYWHERE } else { clip };
        let image = rasterizer.render(&[clipped(mesh, clip)], size, pixels_per_point, Color32::BLACK);
        prop_assert_eq!(image.pixels.len(), size[0].max(1) * size[1].max(1));
    }
}

#[test]
fn points_beyond_any_screen_still_cover_it() {
    for far in [1e7, 1e30, f32::INFINITY] {
        let image = draw(quad(Rect::from_min_max(pos2(-far, -far), pos2(far, far)), Color32::WHITE), [16, 16], 2.0);
        assert_eq!(lit(&image), 256, "a quad out to ±{far}");
    }
}

#[test]
fn rectangles_scale_with_pixels_per_point() {
    let rect = Rect::from_min_max(pos2(4.0, 6.0), pos2(12.0, 10.0));
    for (pixels_per_point, width, height) in [(1.0, 8, 4), (1.5, 12, 6), (2.0, 16, 8)] {
        let image = draw(quad(rect, Color32::WHITE), [40, 40], pixels_per_point);
        assert_eq!(lit(&image), width * height, "at {pixels_per_point} pixels per point");
        let first = image.pixels.iter().position(|pixel| *pixel == Color32::WHITE).unwrap();
        let corner = [first % 40, first / 40].map(|side| side as f32);
        assert_eq!(corner, [4.0 * pixels_per_point, 6.0 * pixels_per_point]);
    }
}

#[test]
fn nothing_is_drawn_outside_the_clip_rectangle() {
    let clip = Rect::from_min_max(pos2(3.0, 4.0), pos2(8.0, 6.0));
    for pixels_per_point in [1.0, 2.0] {
        let mesh = quad(Rect::from_min_max(pos2(-5.0, -5.0), pos2(50.0, 50.0)), Color32::WHITE);
        let image = white().render(&[clipped(mesh, clip)], [20, 20], pixels_per_point, Color32::BLACK);
        for (i, pixel) in image.pixels.iter().enumerate() {
            let centre = pos2((i % 20) as f32 + 0.5, (i / 20) as f32 + 0.5) / pixels_per_point;
            assert_eq!(*pixel == Color32::WHITE, clip.contains(centre), "pixel {i} at {pixels_per_point}");
        }
    }
}

#[test]
fn colours_run_straight_between_vertices() {
    let mut mesh = quad(Rect::from_min_size(Pos2::ZERO, vec2(256.0, 3.0)), Color32::BLACK);
    for i in [1, 2] {
        mesh.vertices[i].color = Color32::WHITE;
    }
    let image = draw(mesh, [256, 3], 1.0);
    for x in 0..256 {
        let exact = (x as f32 + 0.5) / 256.0 * 255.0;
        let drawn = f32::from(image.pixels[256 + x].g());
        assert!((drawn - exact).abs() <= 0.51, "column {x}: {drawn} for {exact}");
    }
}

#[test]
fn texels_are_sampled_at_their_centres() {
    let id = TextureId::User(7);
    let black_white = ColorImage::new([2, 1], vec![Color32::BLACK, Color32::WHITE]);
    // Four pixels over two texels: u = 1/8, 3/8, 5/8, 7/8; texel centres lie at 1/4 and 3/4.
    for (options, expected) in
        [(TextureOptions::LINEAR, [0, 64, 191, 255]), (TextureOptions::NEAREST, [0, 0, 255, 255])]
    {
        let mut rasterizer = Rasterizer::new();
        texture(&mut rasterizer, id, ImageDelta::full(black_white.clone(), options));
        let mesh = textured_quad(id, 4.0, 1.0, Color32::WHITE);
        let image = rasterizer.render(&[clipped(mesh, EVERYWHERE)], [4, 1], 1.0, Color32::BLACK);
        assert_eq!(image.pixels.iter().map(Color32::r).collect::<Vec<_>>(), expected, "{options:?}");
    }
}

#[test]
fn a_texture_drawn_to_scale_is_itself() {
    let id = TextureId::Managed(3);
    let pixels: Vec<Color32> =
        (0..=255u8).map(|i| Color32::from_rgb(i, i.wrapping_mul(37), i.wrapping_mul(101))).collect();
    let picture = ColorImage::new([16, 16], pixels);
    for options in [TextureOptions::LINEAR, TextureOptions::NEAREST] {
        let mut rasterizer = Rasterizer::new();
        texture(&mut rasterizer, id, ImageDelta::full(picture.clone(), options));
        let mesh = textured_quad(id, 16.0, 16.0, Color32::WHITE);
        let image = rasterizer.render(&[clipped(mesh, EVERYWHERE)], [16, 16], 1.0, Color32::BLACK);
        assert_eq!(image.pixels, picture.pixels, "{options:?}");
    }
}

#[test]
fn texture_and_vertex_colour_multiply_in_gamma_space() {
    let id = TextureId::Managed(3);
    let mut rasterizer = Rasterizer::new();
    let grey = ColorImage::filled([2, 2], Color32::from_rgb(128, 255, 64));
    texture(&mut rasterizer, id, ImageDelta::full(grey, TextureOptions::LINEAR));
    let mesh = textured_quad(id, 2.0, 2.0, Color32::from_rgb(128, 100, 255));
    let image = rasterizer.render(&[clipped(mesh, EVERYWHERE)], [2, 2], 1.0, Color32::BLACK);
    // 128 · 128 / 255 = 64.25, 255 · 100 / 255 = 100, 64 · 255 / 255 = 64.
    assert_eq!(image.pixels[0], Color32::from_rgb(64, 100, 64));
}

#[test]
fn textures_are_patched_and_freed_after_the_frame() {
    let id = TextureId::Managed(3);
    let mut rasterizer = Rasterizer::new();
    let black = ColorImage::filled([4, 4], Color32::BLACK);
    texture(&mut rasterizer, id, ImageDelta::full(black, TextureOptions::NEAREST));
    // The second patch hangs over the edge: what fits is taken.
    for at in [[1, 1], [3, 3]] {
        let white = ColorImage::filled([2, 2], Color32::WHITE);
        texture(&mut rasterizer, id, ImageDelta::partial(at, white, TextureOptions::NEAREST));
    }
    let shape = clipped(textured_quad(id, 4.0, 4.0, Color32::WHITE), EVERYWHERE);
    let frame = |rasterizer: &Rasterizer| rasterizer.render(std::slice::from_ref(&shape), [4, 4], 1.0, Color32::BLACK);
    let rows: Vec<String> = frame(&rasterizer)
        .pixels
        .chunks(4)
        .map(|row| row.iter().map(|pixel| if *pixel == Color32::WHITE { '#' } else { '.' }).collect())
        .collect();
    assert_eq!(rows, ["....", ".##.", ".##.", "...#"]);

    let mut freed = TexturesDelta::default();
    freed.free.insert(id);
    rasterizer.update_textures(freed);
    assert_eq!(lit(&frame(&rasterizer)), 5, "the frame that frees a texture still shows it");
    rasterizer.update_textures(TexturesDelta::default());
    assert_eq!(lit(&frame(&rasterizer)), 0, "the next one does not");
}

#[test]
fn feathered_shapes_have_the_area_of_the_ideal_shape() {
    let ctx = egui::Context::default();
    let centre = pos2(64.3, 63.8);
    let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
        ui.painter().circle_filled(centre, 40.0, Color32::WHITE);
    });
    let mut rasterizer = Rasterizer::new();
    rasterizer.update_textures(std::mem::take(&mut output.textures_delta));
    for pixels_per_point in [1.0f32, 1.5] {
        let primitives = ctx.tessellate(output.shapes.clone(), pixels_per_point);
        let side = (128.0 * pixels_per_point) as usize;
        let image = rasterizer.render(&primitives, [side, side], pixels_per_point, Color32::BLACK);
        let sum: f64 = image.pixels.iter().map(|pixel| f64::from(pixel.r()) / 255.0).sum();
        let ideal = std::f64::consts::PI * (40.0 * f64::from(pixels_per_point)).powi(2);
        assert!((sum / ideal - 1.0).abs() < 0.01, "{sum} for {ideal} at {pixels_per_point}");
    }
}

#[test]
fn png_files_hold_the_picture() {
    let half = Color32::from_rgba_premultiplied(100, 50, 0, 128);
    let image = ColorImage::new([3, 1], vec![Color32::from_rgb(1, 2, 3), Color32::TRANSPARENT, half]);
    let bytes = encode_png(&image).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut read = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut read).unwrap();
    assert_eq!((info.width, info.height, info.color_type), (3, 1, png::ColorType::Rgba));
    assert_eq!(read[..8], [1, 2, 3, 255, 0, 0, 0, 0]);
    // Not premultiplied in the file: 100 / 128 · 255 = 199.2, 50 / 128 · 255 = 99.6.
    let [r, g, b, a] = [read[8], read[9], read[10], read[11]];
    assert!(r.abs_diff(199) <= 1 && g.abs_diff(100) <= 1 && b == 0 && a == 128, "{r} {g} {b} {a}");
}
