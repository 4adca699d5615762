//! Software rasteriser for egui meshes: pictures without GPU, display or Mesa.
//!
//! It draws what egui tessellates — textured triangles with clip rectangles and premultiplied colours — the way egui's
//! own GPU painters do: blending and texture filtering in gamma space, anti-aliasing through the feathered edges egui
//! puts into the meshes. Arithmetic is plain `f32` and integers without platform functions, so that the same meshes
//! give the same bytes everywhere.

use egui::epaint::{ClippedPrimitive, ImageData, Primitive, Vertex};
use egui::{Color32, ColorImage, Mesh, Rect, TextureFilter, TextureId, TextureOptions, TexturesDelta};
use std::collections::BTreeMap;

/// Sub-pixel steps of vertex positions: edges are exact integers, so that triangles that share one leave no seam.
const SUBPIXEL: f32 = 256.0;
/// Meshes beyond this many pixels from the origin are clipped to it: keeps edge products inside 64 bits.
const MAX_COORDINATE: f32 = 1_000_000.0;
/// Largest side of a picture in pixels.
pub const MAX_SIDE: usize = 16_384;

/// Draws meshes into pictures; keeps the textures between frames.
#[derive(Default)]
pub struct Rasterizer {
    textures: BTreeMap<u64, Texture>,
    /// Freed by the frame that is on its way: it may still draw them, the next one may not.
    freed: Vec<u64>,
}

struct Texture {
    image: ColorImage,
    options: TextureOptions,
}

const fn key(id: TextureId) -> u64 {
    match id {
        TextureId::Managed(id) => id << 1,
        TextureId::User(id) => id << 1 | 1,
    }
}

impl Rasterizer {
    /// A rasteriser without textures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over the textures egui made or changed before the frame is drawn. Those it freed are forgotten with the
    /// next frame, since this one may still show them.
    pub fn update_textures(&mut self, mut delta: TexturesDelta) {
        for key in self.freed.drain(..) {
            self.textures.remove(&key);
        }
        for (id, changes) in delta.set.drain() {
            for change in changes {
                let ImageData::Color(image) = &change.image;
                match (change.pos, self.textures.get_mut(&key(id))) {
                    (Some([x, y]), Some(texture)) => patch(&mut texture.image, image, x, y),
                    _ => {
                        let texture = Texture { image: (**image).clone(), options: change.options };
                        self.textures.insert(key(id), texture);
                    }
                }
            }
        }
        self.freed.extend(delta.free.drain().map(key));
    }

    /// Draws `primitives` (in points) on `background` into a picture of `size` pixels.
    pub fn render(
        &self,
        primitives: &[ClippedPrimitive],
        size: [usize; 2],
        pixels_per_point: f32,
        background: Color32,
    ) -> ColorImage {
        let size = [size[0].clamp(1, MAX_SIDE), size[1].clamp(1, MAX_SIDE)];
        let mut image = ColorImage::filled(size, background);
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            let Primitive::Mesh(mesh) = primitive else { continue };
            let Some(texture) = self.textures.get(&key(mesh.texture_id)) else { continue };
            let Some(clip) = PixelRect::new(*clip_rect, pixels_per_point, size) else { continue };
            draw_mesh(&mut image, mesh, texture, clip, pixels_per_point);
        }
        image
    }
}

/// Writes `part` into `whole` at (`x`, `y`); what lies outside is left out.
fn patch(whole: &mut ColorImage, part: &ColorImage, x: usize, y: usize) {
    let [width, height] = whole.size;
    let columns = part.width().min(width.saturating_sub(x));
    for row in 0..part.height().min(height.saturating_sub(y)) {
        let to = (y + row) * width + x;
        let from = row * part.width();
        whole.pixels[to..to + columns].copy_from_slice(&part.pixels[from..from + columns]);
    }
}

/// Whole pixels, upper bounds exclusive.
#[derive(Clone, Copy)]
struct PixelRect {
    min: [i32; 2],
    max: [i32; 2],
}

impl PixelRect {
    /// `None` where nothing is inside the picture.
    fn new(rect: Rect, pixels_per_point: f32, size: [usize; 2]) -> Option<Self> {
        let edge = |point: f32, most: usize| (point * pixels_per_point).round().clamp(0.0, most as f32) as i32;
        let min = [edge(rect.min.x, size[0]), edge(rect.min.y, size[1])];
        let max = [edge(rect.max.x, size[0]), edge(rect.max.y, size[1])];
        (min[0] < max[0] && min[1] < max[1]).then_some(Self { min, max })
    }
}

fn draw_mesh(image: &mut ColorImage, mesh: &Mesh, texture: &Texture, clip: PixelRect, pixels_per_point: f32) {
    for corners in mesh.indices.chunks_exact(3) {
        let vertex = |i: usize| mesh.vertices.get(corners[i] as usize);
        if let (Some(a), Some(b), Some(c)) = (vertex(0), vertex(1), vertex(2))
            && let Some(triangle) = Triangle::new([a, b, c], pixels_per_point)
        {
            triangle.draw(image, texture, clip);
        }
    }
}

/// A triangle in sub-pixel coordinates, turned so that its area is positive.
struct Triangle<'v> {
    corners: [&'v Vertex; 3],
    x: [i64; 3],
    y: [i64; 3],
    area: i64,
}

impl<'v> Triangle<'v> {
    fn new(mut corners: [&'v Vertex; 3], pixels_per_point: f32) -> Option<Self> {
        let fixed = |point: f32| {
            let pixel = (point * pixels_per_point).clamp(-MAX_COORDINATE, MAX_COORDINATE);
            // NaN survives the clamp and is no place.
            (!pixel.is_nan()).then_some((pixel * SUBPIXEL).round() as i64)
        };
        let mut x = [0; 3];
        let mut y = [0; 3];
        for i in 0..3 {
            x[i] = fixed(corners[i].pos.x)?;
            y[i] = fixed(corners[i].pos.y)?;
        }
        let area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
        if area < 0 {
            corners.swap(1, 2);
            x.swap(1, 2);
            y.swap(1, 2);
        }
        (area != 0).then_some(Self { corners, x, y, area: area.abs() })
    }

    fn draw(&self, image: &mut ColorImage, texture: &Texture, clip: PixelRect) {
        let step = SUBPIXEL as i64;
        let [x, y] = [self.x, self.y];
        let bound = |values: [i64; 3], clip_min: i32, clip_max: i32| {
            let least = values[0].min(values[1]).min(values[2]).div_euclid(step);
            let most = values[0].max(values[1]).max(values[2]).div_euclid(step) + 1;
            (least.max(i64::from(clip_min)), most.min(i64::from(clip_max)))
        };
        let (left, right) = bound(x, clip.min[0], clip.max[0]);
        let (top, bottom) = bound(y, clip.min[1], clip.max[1]);
        if left >= right || top >= bottom {
            return;
        }
        // Edge i lies opposite corner i; its function is the corner's barycentric weight times the area.
        let edges: [Edge; 3] = std::array::from_fn(|i| Edge::new((x, y), (i + 1) % 3, (i + 2) % 3));
        let paint = Paint::new(self, texture);
        if matches!(paint, Paint::Flat(Color32::TRANSPARENT)) {
            return;
        }
        let width = image.size[0];
        for row in top..bottom {
            let first = (left * step + step / 2, row * step + step / 2);
            // Each edge leaves a stretch of the row; the triangle is what all three leave.
            let start = edges.map(|edge| edge.at(first.0, first.1));
            let mut stretch = (0, right - left);
            for (edge, value) in edges.iter().zip(start) {
                stretch = edge.narrow(stretch, value);
            }
            let (from, to) = stretch;
            if from >= to {
                continue;
            }
            let offset = row as usize * width + left as usize;
            let line = &mut image.pixels[offset + from as usize..offset + to as usize];
            if let Paint::Flat(color) = paint {
                if color.a() == 255 {
                    line.fill(color);
                } else {
                    for pixel in line {
                        *pixel = blend(color, *pixel);
                    }
                }
                continue;
            }
            let mut weights: [i64; 3] = std::array::from_fn(|i| start[i] + edges[i].dx * step * from);
            for pixel in line {
                *pixel = blend(paint.at(weights, self.area), *pixel);
                for i in 0..3 {
                    weights[i] += edges[i].dx * step;
                }
            }
        }
    }
}

/// The signed distance of a point from an edge, times its length.
#[derive(Clone, Copy)]
struct Edge {
    x: i64,
    y: i64,
    dx: i64,
    dy: i64,
    /// Top and left edges own the points on them, so that a shared edge is drawn once.
    owns_its_points: bool,
}

impl Edge {
    const fn new((x, y): ([i64; 3], [i64; 3]), from: usize, to: usize) -> Self {
        let (along_x, along_y) = (x[to] - x[from], y[to] - y[from]);
        Self {
            x: x[from],
            y: y[from],
            dx: -along_y,
            dy: along_x,
            owns_its_points: along_y < 0 || along_y == 0 && along_x > 0,
        }
    }

    const fn at(&self, x: i64, y: i64) -> i64 {
        (x - self.x) * self.dx + (y - self.y) * self.dy
    }

    /// The part of a stretch of pixels `from..to` that lies inside, where pixel 0 has the value `start`.
    fn narrow(&self, (from, to): (i64, i64), start: i64) -> (i64, i64) {
        let least = i64::from(!self.owns_its_points);
        let rise = self.dx * SUBPIXEL as i64;
        match rise {
            0 if start < least => (0, 0),
            0 => (from, to),
            1.. => (from.max((least - start + rise - 1).div_euclid(rise)), to),
            _ => (from, to.min((start - least).div_euclid(-rise) + 1)),
        }
    }
}

/// Colour of a triangle at a point.
enum Paint<'t> {
    /// One colour all over: most of egui's shapes.
    Flat(Color32),
    /// Colours blend between the corners; the texture is white there.
    Shaded { colors: [[f32; 4]; 3] },
    /// Texture times colour.
    Textured { colors: [[f32; 4]; 3], uv: [[f32; 2]; 3], texture: &'t Texture },
}

impl<'t> Paint<'t> {
    fn new(triangle: &Triangle<'_>, texture: &'t Texture) -> Self {
        let [a, b, c] = triangle.corners;
        let colors = [a, b, c].map(|vertex| vertex.color.to_array().map(f32::from));
        if a.uv == b.uv && b.uv == c.uv {
            let texel = texture.sample(a.uv.x, a.uv.y);
            let colors = colors.map(|color| std::array::from_fn(|i| color[i] * texel[i] / 255.0));
            if colors[0] == colors[1] && colors[1] == colors[2] {
                return Self::Flat(to_color(colors[0]));
            }
            return Self::Shaded { colors };
        }
        Self::Textured { colors, uv: [a, b, c].map(|vertex| [vertex.uv.x, vertex.uv.y]), texture }
    }

    fn at(&self, weights: [i64; 3], area: i64) -> Color32 {
        let shares = || {
            let area = area as f32;
            weights.map(|weight| weight as f32 / area)
        };
        match self {
            Self::Flat(color) => *color,
            Self::Shaded { colors } => to_color(mix(colors, shares())),
            Self::Textured { colors, uv, texture } => {
                let shares = shares();
                let [u, v] = mix(uv, shares);
                let texel = texture.sample(u, v);
                let color = mix(colors, shares);
                to_color(std::array::from_fn(|i| color[i] * texel[i] / 255.0))
            }
        }
    }
}

fn mix<const N: usize>(corners: &[[f32; N]; 3], shares: [f32; 3]) -> [f32; N] {
    std::array::from_fn(|i| corners[0][i] * shares[0] + corners[1][i] * shares[1] + corners[2][i] * shares[2])
}

fn to_color(channels: [f32; 4]) -> Color32 {
    let [r, g, b, a] = channels.map(|channel| (channel + 0.5).clamp(0.0, 255.0) as u8);
    Color32::from_rgba_premultiplied(r, g, b, a)
}

impl Texture {
    /// Colour at a place given in shares of width and height; the edge repeats outside.
    fn sample(&self, u: f32, v: f32) -> [f32; 4] {
        let [width, height] = self.image.size;
        if width == 0 || height == 0 {
            return [0.0; 4];
        }
        let texel = |x: i64, y: i64| {
            let x = x.clamp(0, width as i64 - 1) as usize;
            let y = y.clamp(0, height as i64 - 1) as usize;
            self.image.pixels[y * width + x].to_array().map(f32::from)
        };
        let (x, y) = (u * width as f32, v * height as f32);
        if !x.is_finite() || !y.is_finite() {
            return texel(0, 0);
        }
        if self.options.magnification == TextureFilter::Nearest {
            return texel(x.floor() as i64, y.floor() as i64);
        }
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right_share, bottom_share) = (x - left, y - top);
        let (left, top) = (left as i64, top as i64);
        // Places far outside are as large as integers go.
        let (right, bottom) = (left.saturating_add(1), top.saturating_add(1));
        let (a, b) = (texel(left, top), texel(right, top));
        let (c, d) = (texel(left, bottom), texel(right, bottom));
        std::array::from_fn(|i| {
            let upper = a[i] + (b[i] - a[i]) * right_share;
            let lower = c[i] + (d[i] - c[i]) * right_share;
            upper + (lower - upper) * bottom_share
        })
    }
}

/// Premultiplied "over", in gamma space as egui's painters do it.
fn blend(source: Color32, under: Color32) -> Color32 {
    let alpha = source.a();
    if alpha == 255 {
        return source;
    }
    let keep = 255 - u32::from(alpha);
    let [r, g, b, a] = source.to_array();
    let [ur, ug, ub, ua] = under.to_array();
    let over = |top: u8, below: u8| (u32::from(top) + (u32::from(below) * keep + 127) / 255).min(255) as u8;
    Color32::from_rgba_premultiplied(over(r, ur), over(g, ug), over(b, ub), over(a, ua))
}

/// The picture as a PNG file, transparency undone.
pub fn encode_png(image: &ColorImage) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width() as u32, image.height() as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let pixels: Vec<u8> = image.pixels.iter().flat_map(Color32::to_srgba_unmultiplied).collect();
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}
