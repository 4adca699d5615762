//! Colours, type and spacing: the only place that knows them, from `assets/theme/*.ron`.

use crate::estimate::{Component, Fit};
use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Visuals};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{OnceLock, PoisonError, RwLock};

pub mod fonts;
pub mod scale;

pub use scale::{Scale, space, type_size};

/// Themes a user can choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Theme {
    /// Dark.
    #[default]
    Dark,
    /// Light.
    Light,
    /// High contrast.
    Contrast,
}

impl Theme {
    /// All, in menu order.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::Contrast];

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::Contrast => "High contrast",
        }
    }

    /// Word on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
        }
    }

    /// The theme of a word.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.id() == id)
    }

    /// Its token file as compiled in.
    pub const fn shipped(self) -> &'static str {
        match self {
            Self::Light => include_str!("../assets/theme/light.ron"),
            Self::Dark => include_str!("../assets/theme/dark.ron"),
            Self::Contrast => include_str!("../assets/theme/contrast.ron"),
        }
    }

    /// Its colours.
    pub fn tokens(self) -> &'static Tokens {
        let all = *tokens_in_use().read().unwrap_or_else(PoisonError::into_inner);
        match self {
            Self::Light => all[0],
            Self::Dark => all[1],
            Self::Contrast => all[2],
        }
    }

    /// Replaces its colours until the program ends. What is replaced stays in memory: this is for people who edit a
    /// token file beside a running debug build.
    pub fn replace_tokens(self, tokens: Tokens) {
        let mut all = tokens_in_use().write().unwrap_or_else(PoisonError::into_inner);
        for (theme, slot) in Self::ALL.into_iter().zip(all.iter_mut()) {
            if theme == self {
                *slot = Box::leak(Box::new(tokens));
                return;
            }
        }
    }
}

/// Colours in the order of [`Theme::ALL`].
fn tokens_in_use() -> &'static RwLock<[&'static Tokens; 3]> {
    static TOKENS: OnceLock<RwLock<[&'static Tokens; 3]>> = OnceLock::new();
    TOKENS.get_or_init(|| {
        // A test reads every token file: a broken one, which would leave everything transparent, cannot ship.
        let read = |theme: Theme| Tokens::from_ron(theme.shipped()).unwrap_or_default();
        RwLock::new(Theme::ALL.map(|theme| &*Box::leak(Box::new(read(theme)))))
    })
}

/// Rounding of cards and controls, in points.
pub const RADIUS: u8 = 8;

/// A colour written as `#RRGGBB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hex(pub Color32);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Color32::from_hex(&text)
            .map(Self)
            .map_err(|_error| serde::de::Error::custom(format!("`{text}` is not a colour such as #1B6EC2")))
    }
}

/// Colours of one theme.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Light text on dark ground.
    pub dark: bool,
    /// Behind everything.
    pub ground: Hex,
    /// Cards and side panels.
    pub panel: Hex,
    /// Controls.
    pub raised: Hex,
    /// Hairlines; decoration only.
    pub line: Hex,
    /// Outlines that carry meaning: 3:1 against the ground.
    pub edge: Hex,
    /// Text.
    pub text: Hex,
    /// Secondary text.
    pub muted: Hex,
    /// The one accent.
    pub accent: Hex,
    /// Text on the accent.
    pub on_accent: Hex,
    /// Verdict: fits.
    pub fits: Hex,
    /// Verdict: tight.
    pub tight: Hex,
    /// Verdict: does not fit.
    pub over: Hex,
    /// One colour per component, the same in every chart.
    pub series: BTreeMap<String, Hex>,
}

impl Tokens {
    /// Reads a token file; the error says line and column.
    pub fn from_ron(text: &str) -> Result<Self, String> {
        let tokens: Self = ron::from_str(text).map_err(|error| error.to_string())?;
        match Component::ALL.iter().find(|component| !tokens.series.contains_key(component.id())) {
            Some(missing) => Err(format!("series has no colour for `{}`", missing.id())),
            None => Ok(tokens),
        }
    }

    /// Colour of a component.
    pub fn series(&self, component: Component) -> Color32 {
        self.series.get(component.id()).map_or(self.muted.0, |hex| hex.0)
    }

    /// Colour of a verdict.
    pub const fn verdict(&self, fit: Fit) -> Color32 {
        match fit {
            Fit::Fits => self.fits.0,
            Fit::Tight | Fit::CannotSay => self.tight.0,
            Fit::DoesNotFit => self.over.0,
            Fit::NoDevice => self.muted.0,
        }
    }

    /// Black or white, whichever reads better on `background`.
    pub fn text_on(background: Color32) -> Color32 {
        if contrast(background, Color32::BLACK) >= contrast(background, Color32::WHITE) {
            Color32::BLACK
        } else {
            Color32::WHITE
        }
    }
}

/// Contrast ratio of two opaque colours, 1 to 21 (WCAG 2.2, relative luminance of sRGB).
pub fn contrast(a: Color32, b: Color32) -> f32 {
    let luminance = |color: Color32| {
        let channel = |byte: u8| {
            let value = f32::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Semi-bold text of a size.
pub fn bold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(fonts::SEMIBOLD.into()))
}

/// Makes egui look like `theme`.
pub fn install(ctx: &egui::Context, theme: Theme) {
    let tokens = theme.tokens();
    let egui_theme = if tokens.dark { egui::Theme::Dark } else { egui::Theme::Light };
    ctx.set_theme(egui_theme);
    ctx.style_mut_of(egui_theme, |style| apply(style, tokens));
}

fn apply(style: &mut Style, tokens: &Tokens) {
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(type_size::small())),
        (TextStyle::Body, FontId::proportional(type_size::body())),
        (TextStyle::Button, FontId::proportional(type_size::body())),
        (TextStyle::Heading, bold(type_size::title())),
        (TextStyle::Monospace, FontId::monospace(type_size::monospace())),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = egui::vec2(space::s(), space::s());
    spacing.button_padding = egui::vec2(space::s() + 2.0, space::xs() + 1.0);
    spacing.interact_size = egui::vec2(28.0, 26.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.slider_rail_height = 4.0;
    spacing.tooltip_width = 320.0;
    spacing.combo_height = 320.0;
    style.visuals = visuals(tokens);
}

fn visuals(tokens: &Tokens) -> Visuals {
    let mut visuals = if tokens.dark { Visuals::dark() } else { Visuals::light() };
    let radius = CornerRadius::same(RADIUS - 2);
    let (text, muted) = (tokens.text.0, tokens.muted.0);
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(muted);
    visuals.hyperlink_color = tokens.accent.0;
    visuals.faint_bg_color = tokens.raised.0;
    visuals.extreme_bg_color = tokens.raised.0;
    visuals.text_edit_bg_color = Some(tokens.raised.0);
    visuals.code_bg_color = tokens.raised.0;
    visuals.warn_fg_color = tokens.tight.0;
    visuals.error_fg_color = tokens.over.0;
    visuals.panel_fill = tokens.panel.0;
    visuals.window_fill = tokens.panel.0;
    visuals.window_stroke = Stroke::new(1.0, tokens.line.0);
    visuals.window_corner_radius = CornerRadius::same(RADIUS + 2);
    visuals.menu_corner_radius = CornerRadius::same(RADIUS);
    visuals.selection.bg_fill = tokens.accent.0.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.5, tokens.accent.0);
    visuals.handle_shape = egui::style::HandleShape::Circle;
    visuals.slider_trailing_fill = true;

    let widgets = &mut visuals.widgets;
    let set = |widget: &mut egui::style::WidgetVisuals, fill: Color32, stroke: Stroke, foreground: Color32| {
        // Rails and boxes stand on the panel without an outline: they take the stronger of the two.
        widget.bg_fill = tokens.line.0;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = stroke;
        widget.fg_stroke = Stroke::new(1.0, foreground);
        widget.corner_radius = radius;
        widget.expansion = 0.0;
    };
    let hairline = Stroke::new(1.0, tokens.line.0);
    set(&mut widgets.noninteractive, tokens.panel.0, hairline, text);
    set(&mut widgets.inactive, tokens.raised.0, Stroke::new(1.0, tokens.line.0), text);
    set(&mut widgets.hovered, tokens.raised.0, Stroke::new(1.0, tokens.edge.0), text);
    // egui shows keyboard focus as "active": the ring must be seen.
    set(&mut widgets.active, tokens.raised.0, Stroke::new(2.0, tokens.accent.0), text);
    set(&mut widgets.open, tokens.raised.0, Stroke::new(1.0, tokens.edge.0), text);
    visuals
}
