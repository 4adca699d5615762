//! What an unquoted word of a YAML file is to PyYAML, which every engine reads its files with (YAML 1.1).

/// A resolved scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Nothing: an empty value, `~`, `null`.
    Null,
    /// `yes`, `no`, `on`, `off`, `true`, `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

/// Resolves an unquoted word.
pub fn plain(word: &str) -> Scalar {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
        _ => {}
    }
    integer(word).or_else(|| decimal(word)).map_or_else(|| Scalar::Text(word.to_owned()), Scalar::Number)
}

/// The number a text stands for, though PyYAML reads it as text: `2e-5` lacks the point that YAML 1.1 asks for.
pub fn number_in(text: &str) -> Option<f64> {
    let text = text.trim();
    let starts = text.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = if starts { text.replace('_', "").parse().ok()? } else { return None };
    number.is_finite().then_some(number)
}

fn integer(word: &str) -> Option<f64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, word.strip_prefix('+').unwrap_or(word)),
    };
    let radix = |digits: &str, radix| {
        let digits = digits.replace('_', "");
        i64::from_str_radix(&digits, radix).ok().filter(|_| !digits.starts_with(['+', '-'])).map(|n| sign * n as f64)
    };
    if let Some(digits) = digits.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = digits.strip_prefix("0b") {
        return radix(digits, 2);
    }
    let decimal = digits.starts_with(|c: char| c.is_ascii_digit());
    if decimal && digits.chars().all(|c| c.is_ascii_digit() || c == '_') {
        // A leading zero makes it octal.
        return if digits.len() > 1 && digits.starts_with('0') { radix(digits, 8) } else { radix(digits, 10) };
    }
    None
}

/// A point is needed, and a sign in the exponent.
fn decimal(word: &str) -> Option<f64> {
    let body = word.strip_prefix(['+', '-']).unwrap_or(word);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let point = mantissa.contains('.') && mantissa.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_');
    let digits = mantissa.chars().any(|c| c.is_ascii_digit());
    let signed = exponent.is_none_or(|e| {
        e.strip_prefix(['+', '-']).is_some_and(|e| !e.is_empty() && e.chars().all(|c| c.is_ascii_digit()))
    });
    if point && digits && signed { number_in(word) } else { None }
}
