//! A formula as text: the expression in names, and a line for every name in it.
//!
//! Digits are as many as it takes for the printed inputs to give the printed result, so that any line can be checked by
//! hand. What no plain arithmetic says (rounding, maxima) has a line of its own with its value.

use super::term::{Given, Node, Number, Term};
use super::{DIGITS, Exactness, Value};
use crate::units::ByteUnit;

/// How far the printed inputs may miss the result: half of the fourth digit.
const MISS: f64 = 4e-4;
/// Digits beyond which more say nothing: those of an f64.
const MOST_DIGITS: usize = 16;

/// A formula with its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// In the names of the inputs.
    pub text: String,
    /// A line for every name, in the order of the text.
    pub inputs: Vec<Line>,
}

/// A name of a formula with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// As it stands in the formula.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// The value as text.
    pub text: String,
    /// Unit, gloss, or the formula of its own; may be empty.
    pub note: String,
    /// How far it can be trusted.
    pub exactness: Exactness,
}

impl Formula {
    pub(super) fn of(term: &Term, value: f64, unit: ByteUnit) -> Self {
        let mut inputs = Vec::new();
        let digits = (DIGITS..MOST_DIGITS).find(|&digits| gives(&term.0, value, unit, digits));
        let digits = digits.unwrap_or(MOST_DIGITS);
        lines(&term.0, unit, digits, &mut inputs);
        Self { text: text(&term.0, Level::Sum), inputs }
    }

    /// The formula with values in place of names.
    pub fn substituted(&self) -> String {
        let mut names: Vec<&Line> = self.inputs.iter().collect();
        names.sort_by_key(|line| std::cmp::Reverse(line.name.len()));
        let (mut out, mut rest) = (String::new(), self.text.as_str());
        let mut within = false;
        while let Some(next) = rest.chars().next() {
            let found = names.iter().find(|line| {
                let after = rest.strip_prefix(line.name.as_str()).map(|after| after.chars().next());
                !within && after.is_some_and(|after| !after.is_some_and(char::is_alphanumeric))
            });
            let step = if let Some(line) = found {
                out.push_str(&line.text);
                line.name.len()
            } else {
                out.push(next);
                next.len_utf8()
            };
            within = found.is_none() && next.is_alphanumeric();
            rest = &rest[step..];
        }
        out
    }
}

/// Whether inputs of `digits` digits give `value`, both when all is computed from them and with the lines of parts of
/// the formula as they are printed; and whether each of those lines comes out too.
fn gives(node: &Node, value: f64, unit: ByteUnit, digits: usize) -> bool {
    let near = |found: f64| (found - value).abs() <= MISS * value.abs();
    let whole = if has_line(node) { inside(node, unit, digits) } else { printed(node, unit, digits, true) };
    near(printed(node, unit, digits, false))
        && near(whole)
        && all_inner(node, &mut |inner| {
            let meaning = if let Node::Given(Given { meaning: Some(meaning), .. }) = inner { meaning } else { inner };
            let named = has_line(inner) || !std::ptr::eq(meaning, inner);
            !named || std::ptr::eq(inner, node) || gives(meaning, inner.value().number(), unit, digits)
        })
}

/// Whether `holds` for every part of `node`.
fn all_inner(node: &Node, holds: &mut dyn FnMut(&Node) -> bool) -> bool {
    node.children().into_iter().all(|child| holds(child) && all_inner(child, holds))
}

/// What `node` comes to with the lines of its parts as they are printed, but not its own.
fn inside(node: &Node, unit: ByteUnit, digits: usize) -> f64 {
    apply(node, &|child| printed(child, unit, digits, true), unit, digits)
}

/// What `node` comes to with printed inputs; `lines`: also with the printed values of its inner lines.
fn printed(node: &Node, unit: ByteUnit, digits: usize, lines: bool) -> f64 {
    match node {
        _ if lines && has_line(node) => rounded(node.value(), unit, digits),
        Node::Given(Given { meaning: Some(meaning), .. }) if !lines => printed(meaning, unit, digits, lines),
        _ => apply(node, &|child| printed(child, unit, digits, lines), unit, digits),
    }
}

/// The operation of `node` on what its parts come to.
fn apply(node: &Node, of: &dyn Fn(&Node) -> f64, unit: ByteUnit, digits: usize) -> f64 {
    match node {
        Node::Given(given) => rounded(given.value, unit, digits),
        Node::Literal(number) => number.real(),
        Node::Sum(terms) => terms.iter().map(|(term, taken)| if *taken { -of(term) } else { of(term) }).sum(),
        Node::Product(factors) => factors.iter().map(of).product(),
        Node::Quotient(pair) => {
            let divisor = of(&pair.1);
            if divisor == 0.0 { 0.0 } else { of(&pair.0) / divisor }
        }
        Node::Up(inner) if has_line(node) => of(inner).ceil(),
        Node::Down(inner) if has_line(node) => of(inner).floor(),
        Node::Up(inner) | Node::Down(inner) | Node::Nearest(inner) => of(inner),
        Node::Max(terms) => terms.iter().map(of).fold(f64::NEG_INFINITY, f64::max),
        Node::Min(terms) => terms.iter().map(of).fold(f64::INFINITY, f64::min),
        Node::Corner(pair) => (of(&pair.0).powi(4) + of(&pair.1).powi(4)).powf(0.25),
    }
}

/// The number that `value` reads as when it is printed.
fn rounded(value: Value, unit: ByteUnit, digits: usize) -> f64 {
    match value {
        Value::Bytes(bytes) => bytes.rounded(unit, digits),
        Value::Count(count) => count as f64,
        Value::Factor(amount) | Value::Quantity(amount, _) | Value::Seconds(amount) => {
            crate::units::rounded_to(amount, digits)
        }
    }
}

/// Whether a part of a formula is more than plain arithmetic and has a line of its own.
fn has_line(node: &Node) -> bool {
    let change = |inner: &Node| {
        let (before, after) = (inner.number(&Given::number), node.number(&Given::number));
        (before.real() - after.real()).abs() / after.real().abs().max(f64::MIN_POSITIVE)
    };
    match node {
        Node::Up(inner) => !matches!(inner.number(&Given::number), Number::Whole(_)),
        // Less than a byte of many is not worth a word.
        Node::Down(inner) => change(inner) > MISS / 4.0,
        Node::Max(_) | Node::Min(_) | Node::Corner(_) => true,
        _ => false,
    }
}

/// How tightly what stands around a text binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Sum,
    Product,
    Factor,
}

fn text(node: &Node, around: Level) -> String {
    let list = |nodes: &[Node]| nodes.iter().map(|node| text(node, Level::Sum)).collect::<Vec<_>>().join(", ");
    let (level, out) = match node {
        Node::Given(given) => (Level::Factor, given.name.to_string()),
        Node::Literal(Number::Whole(number)) => (Level::Factor, number.to_string()),
        Node::Literal(Number::Real(number)) => (Level::Factor, crate::units::significant_at(*number, DIGITS)),
        Node::Sum(terms) => {
            let mut out = String::new();
            for (index, (term, taken)) in terms.iter().enumerate() {
                let sign = match (index, taken) {
                    (0, false) => "",
                    (_, false) => " + ",
                    (_, true) => " − ",
                };
                out.push_str(sign);
                out.push_str(&text(term, if *taken { Level::Product } else { Level::Sum }));
            }
            (Level::Sum, out)
        }
        Node::Product(factors) => {
            (Level::Product, factors.iter().map(|factor| text(factor, Level::Product)).collect::<Vec<_>>().join(" × "))
        }
        Node::Quotient(pair) => {
            (Level::Product, format!("{} / {}", text(&pair.0, Level::Product), text(&pair.1, Level::Factor)))
        }
        Node::Up(inner) if has_line(node) => (Level::Factor, format!("⌈{}⌉", text(inner, Level::Sum))),
        Node::Down(inner) if has_line(node) => (Level::Factor, format!("⌊{}⌋", text(inner, Level::Sum))),
        Node::Up(inner) | Node::Down(inner) | Node::Nearest(inner) => return text(inner, around),
        Node::Max(terms) => (Level::Factor, format!("max({})", list(terms))),
        Node::Min(terms) => (Level::Factor, format!("min({})", list(terms))),
        Node::Corner(pair) => {
            let (a, b) = (text(&pair.0, Level::Factor), text(&pair.1, Level::Factor));
            (Level::Factor, format!("({a}⁴ + {b}⁴)^¼"))
        }
    };
    if level < around { format!("({out})") } else { out }
}

/// A line for every name, and for every part that is more than plain arithmetic.
fn lines(node: &Node, unit: ByteUnit, digits: usize, out: &mut Vec<Line>) {
    if has_line(node) {
        add((text(node, Level::Sum), node.value(), String::new(), node.exactness()), unit, digits, out);
    }
    inner_lines(node, unit, digits, out);
}

/// A line: name, value, note and how sure it is.
fn add(line: (String, Value, String, Exactness), unit: ByteUnit, digits: usize, out: &mut Vec<Line>) {
    let (name, value, note, exactness) = line;
    if out.iter().all(|line| line.name != name) {
        out.push(Line { name, value, text: value.text(unit, digits), note, exactness });
    }
}

/// The lines of what is inside `node`.
fn inner_lines(node: &Node, unit: ByteUnit, digits: usize, out: &mut Vec<Line>) {
    match node {
        Node::Given(given) => {
            let meaning = given.meaning.as_ref().map(|meaning| format!("= {}", text(meaning, Level::Sum)));
            let notes = [meaning.as_deref().unwrap_or_default(), &given.note];
            let notes = notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ");
            add((given.name.to_string(), given.value, notes, given.trust), unit, digits, out);
            if let Some(meaning) = &given.meaning {
                inner_lines(meaning, unit, digits, out);
            }
        }
        Node::Literal(_) => {}
        Node::Sum(terms) => terms.iter().for_each(|(term, _)| lines(term, unit, digits, out)),
        Node::Product(nodes) | Node::Max(nodes) | Node::Min(nodes) => {
            for node in nodes {
                lines(node, unit, digits, out);
            }
        }
        Node::Quotient(pair) | Node::Corner(pair) => {
            lines(&pair.0, unit, digits, out);
            lines(&pair.1, unit, digits, out);
        }
        Node::Up(inner) | Node::Down(inner) | Node::Nearest(inner) => lines(inner, unit, digits, out),
    }
}
