//! What people must be able to read and tell apart, measured on the token files and on the bundled typeface.

use egui::{Color32, FontFamily, FontId};
use std::collections::BTreeSet;
use std::path::Path;
use tuneplan::estimate::Component;
use tuneplan::theme::fonts;
use tuneplan::theme::{Theme, Tokens};
use tuneplan::ui::widgets::pattern::Pattern;

/// Linear light of an sRGB colour (IEC 61966-2-1).
fn linear(color: Color32) -> [f64; 3] {
    [color.r(), color.g(), color.b()].map(|byte| {
        let value = f64::from(byte) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
}

/// Contrast ratio, WCAG 2.2.
fn contrast(a: Color32, b: Color32) -> f64 {
    let luminance = |color| {
        let [r, g, b] = linear(color);
        0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
    };
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

fn grounds(tokens: &Tokens) -> [(&'static str, Color32); 3] {
    [("ground", tokens.ground.0), ("panel", tokens.panel.0), ("raised", tokens.raised.0)]
}

#[test]
fn contrast_agrees_with_published_pairs() {
    // W3C: black on white is 21, #767676 is the lightest grey that passes 4.5 on white.
    assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9);
    let grey = |level| contrast(Color32::from_gray(level), Color32::WHITE);
    assert!(grey(0x76) >= 4.5 && grey(0x77) < 4.5);
    let ours = tuneplan::theme::contrast(Color32::from_gray(0x76), Color32::WHITE);
    assert!((f64::from(ours) - grey(0x76)).abs() < 0.01);
}

#[test]
fn text_reads_on_every_ground() {
    for theme in Theme::ALL {
        let tokens = theme.tokens();
        let words = [
            ("text", tokens.text),
            ("muted", tokens.muted),
            ("accent", tokens.accent),
            ("fits", tokens.fits),
            ("tight", tokens.tight),
            ("over", tokens.over),
        ];
        for (name, color) in words {
            for (place, ground) in grounds(tokens) {
                let ratio = contrast(color.0, ground);
                assert!(ratio >= 4.5, "{theme:?}: {name} on {place} has only {ratio:.2}");
            }
        }
        let ratio = contrast(tokens.on_accent.0, tokens.accent.0);
        assert!(ratio >= 4.5, "{theme:?}: text on the accent has only {ratio:.2}");
    }
}

#[test]
fn high_contrast_is_higher() {
    let tokens = Theme::Contrast.tokens();
    for (place, ground) in grounds(tokens) {
        for (name, color) in [("text", tokens.text), ("muted", tokens.muted), ("accent", tokens.accent)] {
            assert!(contrast(color.0, ground) >= 7.0, "{name} on {place}");
        }
        // Even hairlines are outlines here.
        assert!(contrast(tokens.line.0, ground) >= 3.0, "line on {place}");
    }
}

#[test]
fn outlines_and_chart_edges_stand_out() {
    for theme in Theme::ALL {
        let tokens = theme.tokens();
        for (place, ground) in grounds(tokens) {
            assert!(contrast(tokens.edge.0, ground) >= 3.0, "{theme:?}: outlines on {place}");
            // Pieces of a chart are separated by a gap that shows the ground: this is the edge between neighbours too.
            for component in Component::ALL {
                let ratio = contrast(tokens.series(component), ground);
                assert!(ratio >= 3.0, "{theme:?}: {} on {place} has only {ratio:.2}", component.label());
            }
        }
    }
}

#[test]
fn labels_read_on_every_series_colour() {
    for theme in Theme::ALL {
        for component in Component::ALL {
            let fill = theme.tokens().series(component);
            let ratio = contrast(Tokens::text_on(fill), fill);
            assert!(ratio >= 4.5, "{theme:?}: text on {} has only {ratio:.2}", component.label());
        }
    }
}

/// How dichromats see linear light: Machado, Oliveira and Fernandes 2009, severity 1.0.
const VISION: [(&str, [[f64; 3]; 3]); 4] = [
    ("normal vision", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
    ),
    (
        "deuteranopia",
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
    ),
    (
        "tritanopia",
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ),
];

fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// CIELAB under D65.
fn lab(linear: [f64; 3]) -> [f64; 3] {
    const TO_XYZ: [[f64; 3]; 3] = [
        [0.412_456_4, 0.357_576_1, 0.180_437_5],
        [0.212_672_9, 0.715_152_2, 0.072_175_0],
        [0.019_333_9, 0.119_192_0, 0.950_304_1],
    ];
    let [x, y, z] = times(&TO_XYZ, linear.map(|value| value.clamp(0.0, 1.0)));
    let f = |t: f64| if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 };
    let [x, y, z] = [f(x / 0.950_47), f(y), f(z / 1.088_83)];
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Pieces may stand side by side in any combination, since absent components leave no gap. Two that look alike (CIE76
/// difference under 12, about five times the just noticeable one) must have different patterns.
#[test]
fn series_are_told_apart_by_colour_or_pattern() {
    for theme in Theme::ALL {
        for (vision, matrix) in &VISION {
            let seen = |component| lab(times(matrix, linear(theme.tokens().series(component))));
            for (i, a) in Component::ALL.into_iter().enumerate() {
                for b in Component::ALL.into_iter().skip(i + 1) {
                    let (lab_a, lab_b) = (seen(a), seen(b));
                    let difference = (0..3).map(|i| (lab_a[i] - lab_b[i]).powi(2)).sum::<f64>().sqrt();
                    assert!(
                        difference >= 12.0 || Pattern::of(a) != Pattern::of(b),
                        "{theme:?}, {vision}: {} and {} differ by {difference:.1} only and share a pattern",
                        a.label(),
                        b.label()
                    );
                }
            }
        }
    }
}

#[test]
fn neighbours_in_the_bar_differ_in_pattern() {
    for pair in Component::ALL.windows(2) {
        assert_ne!(Pattern::of(pair[0]), Pattern::of(pair[1]), "{pair:?}");
    }
}

#[test]
fn a_broken_token_file_says_what_is_wrong_and_where() {
    let text = std::fs::read_to_string("assets/theme/dark.ron").unwrap();
    assert!(Tokens::from_ron(&text).is_ok());
    for (from, to, expected) in [
        ("\"#0E1116\"", "\"#0E11\u{e4}6\"", "not a colour"),
        ("accent:", "akzent:", "akzent"),
        ("\"kv_cache\"", "\"kvcache\"", "kv_cache"),
    ] {
        let error = Tokens::from_ron(&text.replace(from, to)).unwrap_err();
        assert!(error.contains(expected), "{from} → {to}: {error}");
    }
    let error = Tokens::from_ron(&text.replace("akzent:", "").replacen("ground: ", "ground = ", 1)).unwrap_err();
    assert!(error.contains("4:"), "no place in: {error}");
}

/// Colours live in the theme and nowhere else in the user interface.
#[test]
fn no_colour_is_written_outside_the_theme() {
    for (path, text) in sources(Path::new("src/ui")) {
        if path.ends_with("theme.rs") {
            continue;
        }
        for word in ["from_rgb", "from_hex", "from_gray", "Color32::WHITE", "Color32::BLACK", "hex_color"] {
            assert!(!text.contains(word), "{path} uses {word}");
        }
    }
}

/// Rust files below a folder, with their paths.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "ron") {
            found.push((path.to_string_lossy().replace('\\', "/"), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn with_fonts(check: impl Fn(&egui::Context)) {
    let ctx = egui::Context::default();
    fonts::install(&ctx);
    let mut output = ctx.run_ui(egui::RawInput::default(), |ui| check(ui.ctx()));
    output.textures_delta.clear();
}

fn families() -> [FontFamily; 3] {
    [FontFamily::Proportional, FontFamily::Name(fonts::SEMIBOLD.into()), FontFamily::Monospace]
}

#[test]
fn every_character_that_can_be_shown_has_a_glyph() {
    let mut used: BTreeSet<char> =
        "→←↑↓×÷±≤≥≈∑√²₂½·…–—Δσµα∞▲▼●○✓“”‘’−€°⇧⌘ 한국어 미세 조정 계획 ㄱㅏ".chars().filter(|c| !c.is_ascii()).collect();
    for folder in ["src", "assets"] {
        // Training data is read and told on the command line; its rows may be in any script.
        for (_, text) in sources(Path::new(folder)).into_iter().filter(|(path, _)| !path.contains("src/data/")) {
            // Comments are not shown.
            let shown = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            used.extend(shown.flat_map(str::chars).filter(|c| !c.is_ascii() && !c.is_control()));
        }
    }
    used.extend(' '..='~');
    with_fonts(|ctx| {
        for family in families() {
            let font = FontId::new(13.0, family.clone());
            let missing: String = used.iter().filter(|c| !ctx.fonts_mut(|fonts| fonts.has_glyph(&font, **c))).collect();
            assert_eq!(missing, "", "{family:?} lacks these");
            assert!(!ctx.fonts_mut(|fonts| fonts.has_glyph(&font, '\u{10FFFD}')), "the check finds gaps");
        }
    });
}

#[test]
fn hangul_is_there_to_the_extent_of_ks_x_1001() {
    with_fonts(|ctx| {
        for family in families() {
            let font = FontId::new(13.0, family.clone());
            let count = ('가'..='힣').filter(|c| ctx.fonts_mut(|fonts| fonts.has_glyph(&font, *c))).count();
            assert!(count >= 2350, "{family:?} has {count} syllables");
        }
    });
}

#[test]
fn digits_are_all_of_one_width() {
    with_fonts(|ctx| {
        for family in families() {
            for size in [11.5, 13.0, 15.0, 26.0] {
                let font = FontId::new(size, family.clone());
                let width = |c| ctx.fonts_mut(|fonts| fonts.glyph_width(&font, c));
                let widths: Vec<f32> = ('0'..='9').map(width).collect();
                assert!(widths.iter().all(|found| (found - widths[0]).abs() < 1e-3), "{family:?} {size}: {widths:?}");
            }
        }
    });
}

#[test]
fn the_typeface_is_renamed_as_its_licence_asks() {
    let licence = std::fs::read_to_string("assets/fonts/OFL.txt").unwrap();
    assert!(licence.contains("SIL OPEN FONT LICENSE Version 1.1") && licence.contains("Reserved Font Name"));
    for file in ["TuneplanSans-Regular.ttf", "TuneplanSans-SemiBold.ttf"] {
        let bytes = std::fs::read(Path::new("assets/fonts").join(file)).unwrap();
        assert!(bytes.len() < 1_500_000, "{file} is too large for the repository");
        let names = family_names(&bytes);
        assert!(!names.is_empty(), "{file} has no family name");
        assert!(names.iter().all(|name| name.contains("Tuneplan Sans")), "{file} is called {names:?}");
    }
}

/// Family names (ids 1, 4 and 16) in a font's `name` table: OpenType 1.9, UTF-16 big-endian records.
fn family_names(font: &[u8]) -> Vec<String> {
    let short = |at: usize| usize::from(u16::from_be_bytes([font[at], font[at + 1]]));
    let long = |at: usize| (short(at) << 16) | short(at + 2);
    let entry = (0..short(4)).map(|i| 12 + 16 * i).find(|at| &font[*at..at + 4] == b"name").unwrap();
    let table = long(entry + 8);
    let storage = table + short(table + 4);
    (0..short(table + 2))
        .map(|i| table + 6 + 12 * i)
        .filter(|record| short(*record) == 3 && [1, 4, 16].contains(&short(record + 6)))
        .map(|record| {
            let (len, at) = (short(record + 8), storage + short(record + 10));
            let units: Vec<u16> = (0..len / 2).map(|i| short(at + 2 * i) as u16).collect();
            String::from_utf16_lossy(&units)
        })
        .collect()
}
