//! The bundled typeface, the same in the window, in pictures and in tests.

use egui::{FontData, FontDefinitions, FontFamily};

/// Family of semi-bold text.
pub const SEMIBOLD: &str = "semibold";

/// Installs the typeface: Latin, arrows, mathematical signs and Hangul; digits are tabular.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(definitions());
}

fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, bytes: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), FontData::from_static(bytes).into());
    };
    add("sans", include_bytes!("../../assets/fonts/TuneplanSans-Regular.ttf"));
    add("sans-semibold", include_bytes!("../../assets/fonts/TuneplanSans-SemiBold.ttf"));
    let defaults = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let with_fallback = |first: &str| {
        let mut names = vec![first.to_owned()];
        names.extend(defaults.iter().cloned());
        names.push("Hack".to_owned());
        names
    };
    fonts.families.insert(FontFamily::Proportional, with_fallback("sans"));
    fonts.families.insert(FontFamily::Name(SEMIBOLD.into()), with_fallback("sans-semibold"));
    fonts.families.entry(FontFamily::Monospace).or_default().push("sans".to_owned());
    fonts
}
