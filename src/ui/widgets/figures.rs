//! Plain numbers as people read them: a real minus, powers of ten raised, no more digits than mean something.

/// Shortest text that tells the value from every other: `10.125`, `6.1 · 10⁻⁵`, `∞`, `NaN`.
pub fn exact(value: f64) -> String {
    if let Some(word) = special(value) {
        return word.to_owned();
    }
    if is_plain(value) { with_minus(&format!("{value}")) } else { raised(&format!("{value:e}")) }
}

/// The value to `digits` significant digits, trailing zeros left out.
pub fn significant(value: f64, digits: usize) -> String {
    if let Some(word) = special(value) {
        return word.to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    // What was rounded is read back: its shortest text has no further digits.
    match scientific.parse::<f64>() {
        Ok(rounded) if rounded.is_finite() => exact(rounded),
        // The largest double rounds up to what is none.
        _ => raised(&scientific),
    }
}

/// The same with a sign before what is positive.
pub fn signed(value: f64, digits: usize) -> String {
    let text = significant(value, digits);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A number as people type it: `1e-8`, `−0.5`, `inf`, `∞`, `nan`, `65,504`.
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim().replace(['−', '–'], "-").replace([',', ' ', '_'], "").replace('∞', "inf");
    let text = text.to_lowercase();
    // Rust also reads `infinity` and signs before all of these.
    text.parse().ok()
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("∞")
    } else if value == f64::NEG_INFINITY {
        Some("−∞")
    } else if value == 0.0 {
        Some(if value.is_sign_negative() { "−0" } else { "0" })
    } else {
        None
    }
}

fn is_plain(value: f64) -> bool {
    (1e-4..1e7).contains(&value.abs())
}

fn with_minus(text: &str) -> String {
    text.replace('-', "−")
}

/// `1.5e-8` as `1.5 · 10⁻⁸`.
fn raised(text: &str) -> String {
    let Some((digits, power)) = text.split_once('e') else { return with_minus(text) };
    let power: String = power
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => digit.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(digit),
        })
        .collect();
    format!("{} · 10{power}", with_minus(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(exact(10.125), "10.125");
        assert_eq!(exact(-0.1), "−0.1");
        assert_eq!(exact(2_f64.powi(-24)), "5.960464477539063 · 10⁻⁸");
        assert_eq!(exact(1e300), "1 · 10³⁰⁰");
        assert_eq!(exact(f64::NEG_INFINITY), "−∞");
        assert_eq!(exact(-0.0), "−0");
        assert_eq!(significant(2.0 / 3.0, 3), "0.667");
        assert_eq!(significant(6.103_515_625e-5, 3), "6.1 · 10⁻⁵");
        assert_eq!(significant(65504.0, 7), "65504");
        assert_eq!(significant(f64::MAX, 4), "1.798 · 10³⁰⁸");
        assert_eq!(signed(0.0016, 2), "+0.0016");
        assert_eq!(signed(-0.0016, 2), "−0.0016");
    }

    #[test]
    fn typed_numbers_are_understood() {
        assert_eq!(parse(" −1.5e−3 "), Some(-0.0015));
        assert_eq!(parse("65,504"), Some(65504.0));
        assert_eq!(parse("-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse("−∞"), Some(f64::NEG_INFINITY));
        assert!(parse("NaN").is_some_and(f64::is_nan));
        assert_eq!(parse("ten"), None);
        assert_eq!(parse(""), None);
    }
}
