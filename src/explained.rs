//! A number with its derivation: one expression of named factors gives value, formula, inputs and trust.
//!
//! ```
//! use tuneplan::explained::{Exactness, Explained, Term};
//! use tuneplan::units::ByteUnit;
//!
//! let logits = Term::count("tokens", 4096).note("batch × sequence") * Term::count("vocabulary", 128_256) * Term::from(4);
//! let logits = Explained::bytes("Logits", logits);
//! let formula = logits.formula(ByteUnit::GiB).unwrap();
//! assert_eq!(formula.text, "tokens × vocabulary × 4");
//! assert_eq!(formula.inputs[1].text, "128,256");
//! assert_eq!(logits.text(ByteUnit::GiB), "1.957 GiB");
//! assert_eq!(logits.exactness(), Exactness::Exact);
//! ```

use crate::units::{ByteUnit, Bytes, grouped, significant_at};
use std::borrow::Cow;

mod band;
mod formula;
mod term;

pub use band::{Band, Interval};
pub use formula::{Formula, Line};
pub use term::Term;

/// Significant digits a figure is shown with, at the least.
const DIGITS: usize = 4;

/// A value of one of the kinds the program shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Memory.
    Bytes(Bytes),
    /// A count of parameters, tokens, layers, heads …
    Count(u64),
    /// A plain factor, such as bytes per value.
    Factor(f64),
    /// An amount in a unit of its own, such as milliseconds of a formula or tokens a second.
    Quantity(f64, &'static str),
    /// A stretch of time, in the unit that suits its length.
    Seconds(f64),
}

impl Value {
    /// Text for a person; memory in `unit`. Enough digits to check a sum by hand.
    pub fn display(self, unit: ByteUnit) -> String {
        self.text(unit, DIGITS)
    }

    /// The same with at least `digits` significant digits; counts are always whole.
    pub(crate) fn text(self, unit: ByteUnit, digits: usize) -> String {
        match self {
            Self::Bytes(bytes) => bytes.with_digits(unit, digits),
            Self::Count(count) => grouped(count),
            Self::Factor(factor) => significant_at(factor, digits),
            Self::Quantity(amount, unit) => format!("{} {unit}", significant_at(amount, digits)).trim_end().to_owned(),
            Self::Seconds(secs) => {
                let (size, unit) = match secs {
                    ..1e-3 => (1e6, "µs"),
                    1e-3..1.0 => (1e3, "ms"),
                    _ => (1.0, "s"),
                };
                format!("{} {unit}", significant_at(secs * size, digits))
            }
        }
    }

    /// The plain number: bytes, or what stands before the unit.
    pub fn number(self) -> f64 {
        match self {
            Self::Bytes(bytes) => bytes.0 as f64,
            Self::Count(count) => count as f64,
            Self::Factor(amount) | Self::Quantity(amount, _) | Self::Seconds(amount) => amount,
        }
    }

    /// Unit of [`number`](Self::number); empty for counts and factors.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Bytes(_) => "bytes",
            Self::Count(_) | Self::Factor(_) => "",
            Self::Quantity(_, unit) => unit,
            Self::Seconds(_) => "s",
        }
    }
}

/// How far a value can be trusted. What rests on several values is as sure as the least sure of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exactness {
    /// Follows from shapes and dtypes alone.
    Exact,
    /// Rests on a fitted or simplified term.
    Approximate,
}

impl Exactness {
    /// Approximate where `rough`.
    pub const fn rough(rough: bool) -> Self {
        if rough { Self::Approximate } else { Self::Exact }
    }

    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Approximate => "approximate",
        }
    }
}

/// A value and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    title: Cow<'static, str>,
    why: Cow<'static, str>,
    source: Cow<'static, str>,
    kind: Kind,
    body: Body,
}

/// What the result of a formula is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Bytes,
    Count,
    Amount(&'static str),
    Seconds,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    /// A formula of named factors.
    Formula(Term),
    /// The sum of parts.
    Sum(Vec<Explained>),
    /// Found by replaying operators, or by counting: no formula gives it.
    Found(Value, Exactness),
}

impl Explained {
    fn new(title: impl Into<Cow<'static, str>>, kind: Kind, body: Body) -> Self {
        Self { title: title.into(), why: "".into(), source: "".into(), kind, body }
    }

    /// Memory by a formula.
    pub fn bytes(title: impl Into<Cow<'static, str>>, term: Term) -> Self {
        Self::new(title, Kind::Bytes, Body::Formula(term))
    }

    /// A count by a formula.
    pub fn count(title: impl Into<Cow<'static, str>>, term: Term) -> Self {
        Self::new(title, Kind::Count, Body::Formula(term))
    }

    /// An amount in `unit` by a formula.
    pub fn amount(title: impl Into<Cow<'static, str>>, term: Term, unit: &'static str) -> Self {
        Self::new(title, Kind::Amount(unit), Body::Formula(term))
    }

    /// A figure that no formula gives: what a replay of the operators found, or a count of values.
    pub fn found(title: impl Into<Cow<'static, str>>, value: Value, exactness: Exactness) -> Self {
        let kind = match value {
            Value::Bytes(_) => Kind::Bytes,
            Value::Count(_) => Kind::Count,
            Value::Factor(_) => Kind::Amount(""),
            Value::Quantity(_, unit) => Kind::Amount(unit),
            Value::Seconds(_) => Kind::Seconds,
        };
        Self::new(title, kind, Body::Found(value, exactness))
    }

    /// The sum of `parts`; those of no size are left out. A single formula stands for itself.
    pub fn sum(title: impl Into<Cow<'static, str>>, parts: Vec<Self>) -> Self {
        let kind = parts.first().map_or(Kind::Bytes, |part| part.kind);
        let mut parts = parts;
        parts.retain(|part| part.value().number() != 0.0);
        if let [Self { body: Body::Formula(_), .. }] = parts.as_slice()
            && let Some(only) = parts.pop()
        {
            let title = title.into();
            return Self { title, ..only };
        }
        Self::new(title, kind, Body::Sum(parts))
    }

    /// What `whole` holds beyond `parts`, called a rest: as sure as the least sure of what it comes from. `None`: nothing.
    pub fn rest(what: &str, whole: Term, parts: &[Self]) -> Option<Self> {
        let known = parts.iter().fold(Bytes::ZERO, |sum, part| sum + part.bytes_value());
        let trust = parts.iter().map(Self::exactness).max().unwrap_or(Exactness::Exact);
        let left = whole - Term::bytes("parts above", known).trust(trust);
        let rest = Self::bytes(format!("Rest ({what})"), left);
        (rest.value().number() > 0.0).then_some(rest)
    }

    /// The same under another title.
    #[must_use]
    pub fn title_as(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.title = title.into();
        self
    }

    /// With a sentence or two: why this is held, or takes time.
    #[must_use]
    pub fn why(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.why = why.into();
        self
    }

    /// With the paper, file or measurement it comes from.
    #[must_use]
    pub fn source(mut self, source: impl Into<Cow<'static, str>>) -> Self {
        self.source = source.into();
        self
    }

    /// What is computed, in a few words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Why this is held, or takes time; may be empty.
    pub fn reason(&self) -> &str {
        &self.why
    }

    /// Where the formula comes from; may be empty.
    pub fn origin(&self) -> &str {
        &self.source
    }

    /// The result.
    pub fn value(&self) -> Value {
        let whole = |number: term::Number| match self.kind {
            Kind::Bytes => Value::Bytes(Bytes(number.whole())),
            Kind::Count => Value::Count(number.whole()),
            Kind::Amount(unit) => Value::Quantity(number.real(), unit),
            Kind::Seconds => Value::Seconds(number.real()),
        };
        match &self.body {
            Body::Formula(term) => whole(term.number()),
            Body::Found(value, _) => *value,
            Body::Sum(parts) => match self.kind {
                Kind::Amount(unit) => Value::Quantity(parts.iter().map(|part| part.value().number()).sum(), unit),
                Kind::Seconds => Value::Seconds(parts.iter().map(|part| part.value().number()).sum()),
                Kind::Bytes => Value::Bytes(parts.iter().map(Self::bytes_value).sum()),
                Kind::Count => {
                    let count = |part: &Self| if let Value::Count(count) = part.value() { count } else { 0 };
                    Value::Count(parts.iter().map(count).fold(0, u64::saturating_add))
                }
            },
        }
    }

    /// The result as memory.
    fn bytes_value(&self) -> Bytes {
        if let Value::Bytes(bytes) = self.value() { bytes } else { Bytes::ZERO }
    }

    /// The result as text.
    pub fn text(&self, unit: ByteUnit) -> String {
        self.value().display(unit)
    }

    /// Formula and inputs; `None` where it is a sum of parts, or nothing that a formula gives.
    pub fn formula(&self, unit: ByteUnit) -> Option<Formula> {
        match &self.body {
            Body::Formula(term) => Some(Formula::of(term, self.value().number(), unit)),
            Body::Sum(_) | Body::Found(..) => None,
        }
    }

    /// Terms of a sum; empty for all that is none.
    pub fn parts(&self) -> &[Self] {
        if let Body::Sum(parts) = &self.body { parts } else { &[] }
    }

    /// The worst of what it rests on.
    pub fn exactness(&self) -> Exactness {
        match &self.body {
            Body::Formula(term) => term.exactness(),
            Body::Found(_, exactness) => *exactness,
            Body::Sum(parts) => parts.iter().map(Self::exactness).max().unwrap_or(Exactness::Exact),
        }
    }

    /// The same of a thing that was not wholly read: nothing in it is exact any longer.
    #[must_use]
    pub fn doubted(mut self) -> Self {
        self.body = match self.body {
            Body::Formula(mut term) => {
                term.0.doubt();
                Body::Formula(term)
            }
            Body::Sum(parts) => Body::Sum(parts.into_iter().map(Self::doubted).collect()),
            Body::Found(value, _) => Body::Found(value, Exactness::Approximate),
        };
        self
    }

    /// This figure as a factor of another formula.
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> Term {
        Term::given(name, self.value()).trust(self.exactness())
    }
}
