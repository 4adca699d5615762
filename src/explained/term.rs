//! Expressions of named factors.

use super::{Exactness, Value};
use crate::units::Bytes;
use std::borrow::Cow;
use std::ops::{Add, Div, Mul, Sub};

/// A factor or a whole expression. Operators put terms together.
#[derive(Clone, Debug, PartialEq)]
pub struct Term(pub(super) Node);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A named quantity.
    Given(Given),
    /// A number that stands in the formula itself.
    Literal(Number),
    /// Terms that are added, or where marked taken away.
    Sum(Vec<(Self, bool)>),
    Product(Vec<Self>),
    Quotient(Box<(Self, Self)>),
    /// Rounded up to a whole number.
    Up(Box<Self>),
    /// Rounded down, as an amount of whole bytes.
    Down(Box<Self>),
    /// Rounded to the nearest whole byte, where a mean was divided out before.
    Nearest(Box<Self>),
    Max(Vec<Self>),
    Min(Vec<Self>),
    /// The larger of two that go on at the same time, with a soft corner: the fourth root of the sum of fourth powers.
    Corner(Box<(Self, Self)>),
}

/// A named quantity of a formula.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given {
    pub name: Cow<'static, str>,
    pub value: Value,
    pub note: Cow<'static, str>,
    pub trust: Exactness,
    /// What it is made of, where it has a formula of its own.
    pub meaning: Option<Box<Node>>,
}

/// Whole numbers stay exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(u128),
    Real(f64),
}

impl Number {
    pub fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    /// Whole bytes; what is left of one falls away.
    pub fn whole(self) -> u64 {
        match self {
            Self::Whole(whole) => u64::try_from(whole).unwrap_or(u64::MAX),
            Self::Real(real) => real as u64,
        }
    }
}

impl Term {
    /// A named quantity.
    pub fn given(name: impl Into<Cow<'static, str>>, value: Value) -> Self {
        let (name, note) = (name.into(), Cow::Borrowed(""));
        Self(Node::Given(Given { name, value, note, trust: Exactness::Exact, meaning: None }))
    }

    /// A count.
    pub fn count(name: &'static str, count: u64) -> Self {
        Self::given(name, Value::Count(count))
    }

    /// A plain factor.
    pub fn factor(name: &'static str, factor: f64) -> Self {
        Self::given(name, Value::Factor(factor))
    }

    /// An amount in a unit of its own.
    pub fn quantity(name: &'static str, amount: f64, unit: &'static str) -> Self {
        Self::given(name, Value::Quantity(amount, unit))
    }

    /// An amount of memory.
    pub fn bytes(name: &'static str, bytes: Bytes) -> Self {
        Self::given(name, Value::Bytes(bytes))
    }

    /// This expression under a name of its own; its formula and inputs are listed below the formula that uses it.
    #[must_use]
    pub fn called(self, name: &'static str) -> Self {
        let (value, trust) = (self.0.value(), self.exactness());
        let meaning = Some(Box::new(self.0));
        Self(Node::Given(Given { name: name.into(), value, note: "".into(), trust, meaning }))
    }

    /// With a unit or a short gloss.
    #[must_use]
    pub fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        if let Node::Given(given) = &mut self.0 {
            given.note = note.into();
        }
        self
    }

    /// As sure as `exactness`.
    #[must_use]
    pub fn trust(mut self, exactness: Exactness) -> Self {
        if let Node::Given(given) = &mut self.0 {
            given.trust = given.trust.max(exactness);
        }
        self
    }

    /// Fitted or simplified.
    #[must_use]
    pub fn rough(self) -> Self {
        self.trust(Exactness::Approximate)
    }

    /// Rounded up to a whole number.
    #[must_use]
    pub fn up(self) -> Self {
        Self(Node::Up(Box::new(self.0)))
    }

    /// Rounded down to whole bytes.
    #[must_use]
    pub fn down(self) -> Self {
        Self(Node::Down(Box::new(self.0)))
    }

    /// Rounded to whole bytes: for a mean that is multiplied by what it is the mean of.
    #[must_use]
    pub fn nearest(self) -> Self {
        Self(Node::Nearest(Box::new(self.0)))
    }

    /// The larger.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        match self.0 {
            Node::Max(mut terms) => {
                terms.push(other.0);
                Self(Node::Max(terms))
            }
            one => Self(Node::Max(vec![one, other.0])),
        }
    }

    /// The smaller.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(Node::Min(vec![self.0, other.0]))
    }

    /// The larger of two that go on at the same time, with a soft corner.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self(Node::Corner(Box::new((self.0, other.0))))
    }

    /// Times `factor` where it is there.
    #[must_use]
    pub fn times(self, factor: Option<Self>) -> Self {
        match factor {
            Some(factor) => self * factor,
            None => self,
        }
    }

    /// Plus `term` where it is there.
    #[must_use]
    pub fn plus(self, term: Option<Self>) -> Self {
        match term {
            Some(term) => self + term,
            None => self,
        }
    }

    /// The sum of `terms`; 0 for none.
    pub fn total(terms: Vec<Self>) -> Self {
        terms.into_iter().reduce(|sum, term| sum + term).unwrap_or_else(|| Self::from(0))
    }

    /// What it comes to, as a whole number.
    pub fn whole(&self) -> u64 {
        self.number().whole()
    }

    /// What it comes to.
    pub(super) fn number(&self) -> Number {
        self.0.number(&|given| given.number())
    }

    /// The worst of its inputs.
    pub(super) fn exactness(&self) -> Exactness {
        self.0.exactness()
    }
}

impl From<u64> for Term {
    /// A number that stands in the formula itself.
    fn from(number: u64) -> Self {
        Self(Node::Literal(Number::Whole(u128::from(number))))
    }
}

impl Mul for Term {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let mut factors = if let Node::Product(factors) = self.0 { factors } else { vec![self.0] };
        match other.0 {
            Node::Product(more) => factors.extend(more),
            one => factors.push(one),
        }
        Self(Node::Product(factors))
    }
}

impl Div for Term {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        Self(Node::Quotient(Box::new((self.0, other.0))))
    }
}

impl Term {
    fn joined(self, other: Self, taken: bool) -> Self {
        let mut terms = if let Node::Sum(terms) = self.0 { terms } else { vec![(self.0, false)] };
        match other.0 {
            Node::Sum(more) if !taken => terms.extend(more),
            one => terms.push((one, taken)),
        }
        Self(Node::Sum(terms))
    }
}

impl Add for Term {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.joined(other, false)
    }
}

impl Sub for Term {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.joined(other, true)
    }
}

impl Given {
    pub fn number(&self) -> Number {
        match self.value {
            Value::Bytes(bytes) => Number::Whole(u128::from(bytes.0)),
            Value::Count(count) => Number::Whole(u128::from(count)),
            Value::Factor(amount) | Value::Quantity(amount, _) | Value::Seconds(amount) => Number::Real(amount),
        }
    }
}

impl Node {
    /// What it comes to when a named quantity is `read`.
    pub fn number(&self, read: &dyn Fn(&Given) -> Number) -> Number {
        use Number::{Real, Whole};
        let of = |node: &Self| node.number(read);
        match self {
            Self::Given(given) => read(given),
            Self::Literal(number) => *number,
            Self::Sum(terms) => terms.iter().fold(Whole(0), |sum, (term, taken)| match (sum, of(term), taken) {
                (Whole(a), Whole(b), false) => Whole(a.saturating_add(b)),
                (Whole(a), Whole(b), true) if a >= b => Whole(a - b),
                (a, b, false) => Real(a.real() + b.real()),
                (a, b, true) => Real(a.real() - b.real()),
            }),
            Self::Product(factors) => factors.iter().fold(Whole(1), |product, factor| match (product, of(factor)) {
                (Whole(a), Whole(b)) => Whole(a.saturating_mul(b)),
                (a, b) => Real(a.real() * b.real()),
            }),
            Self::Quotient(pair) => match (of(&pair.0), of(&pair.1)) {
                (_, Whole(0)) => Whole(0),
                (Whole(a), Whole(b)) if a.is_multiple_of(b) => Whole(a / b),
                (_, Real(0.0)) => Real(0.0),
                (a, b) => Real(a.real() / b.real()),
            },
            Self::Up(inner) => match (inner.halves(read), of(inner)) {
                (Some((a, b)), _) => Whole(a.div_ceil(b)),
                (None, Real(real)) => Whole(real.ceil() as u128),
                (None, whole) => whole,
            },
            Self::Down(inner) => match (inner.halves(read), of(inner)) {
                (Some((a, b)), _) => Whole(a / b),
                (None, Real(real)) => Whole(real as u128),
                (None, whole) => whole,
            },
            Self::Nearest(inner) => match of(inner) {
                Real(real) => Whole(real.round() as u128),
                whole @ Whole(_) => whole,
            },
            Self::Max(terms) => {
                terms.iter().map(of).reduce(|a, b| if b.real() > a.real() { b } else { a }).unwrap_or(Whole(0))
            }
            Self::Min(terms) => {
                terms.iter().map(of).reduce(|a, b| if b.real() < a.real() { b } else { a }).unwrap_or(Whole(0))
            }
            Self::Corner(pair) => Real(corner(of(&pair.0).real(), of(&pair.1).real())),
        }
    }

    /// The nodes it is made of.
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Given(given) => given.meaning.iter().map(Box::as_ref).collect(),
            Self::Literal(_) => Vec::new(),
            Self::Sum(terms) => terms.iter().map(|(term, _)| term).collect(),
            Self::Product(nodes) | Self::Max(nodes) | Self::Min(nodes) => nodes.iter().collect(),
            Self::Quotient(pair) | Self::Corner(pair) => vec![&pair.0, &pair.1],
            Self::Up(inner) | Self::Down(inner) | Self::Nearest(inner) => vec![inner],
        }
    }

    /// Both whole halves of a quotient, so that rounding it loses nothing.
    fn halves(&self, read: &dyn Fn(&Given) -> Number) -> Option<(u128, u128)> {
        let Self::Quotient(pair) = self else { return None };
        match (pair.0.number(read), pair.1.number(read)) {
            (Number::Whole(a), Number::Whole(b)) if b > 0 => Some((a, b)),
            _ => None,
        }
    }

    pub fn exactness(&self) -> Exactness {
        let worst = |nodes: &[Self]| nodes.iter().map(Self::exactness).max().unwrap_or(Exactness::Exact);
        match self {
            Self::Given(given) => given.trust,
            Self::Literal(_) => Exactness::Exact,
            Self::Sum(terms) => terms.iter().map(|(term, _)| term.exactness()).max().unwrap_or(Exactness::Exact),
            Self::Product(nodes) | Self::Max(nodes) | Self::Min(nodes) => worst(nodes),
            Self::Quotient(pair) | Self::Corner(pair) => pair.0.exactness().max(pair.1.exactness()),
            Self::Up(inner) | Self::Down(inner) | Self::Nearest(inner) => inner.exactness(),
        }
    }

    /// Nothing in it is exact any longer.
    pub fn doubt(&mut self) {
        match self {
            Self::Given(given) => given.trust = Exactness::Approximate,
            Self::Literal(_) => {}
            Self::Sum(terms) => terms.iter_mut().for_each(|(term, _)| term.doubt()),
            Self::Product(nodes) | Self::Max(nodes) | Self::Min(nodes) => nodes.iter_mut().for_each(Self::doubt),
            Self::Quotient(pair) | Self::Corner(pair) => {
                pair.0.doubt();
                pair.1.doubt();
            }
            Self::Up(inner) | Self::Down(inner) | Self::Nearest(inner) => inner.doubt(),
        }
    }

    /// Its result in the unit that its inputs give it: memory stays memory when it is multiplied by plain numbers.
    pub fn value(&self) -> Value {
        let number = self.number(&Given::number);
        match (self.unit(), number) {
            (Some("bytes"), _) => Value::Bytes(Bytes(number.whole())),
            (Some(unit), _) => Value::Quantity(number.real(), unit),
            (None, Number::Whole(_)) => Value::Count(number.whole()),
            (None, Number::Real(real)) => Value::Factor(real),
        }
    }

    /// The one unit among its inputs; `None`: plain numbers, or units that make another.
    fn unit(&self) -> Option<&'static str> {
        let only = |nodes: &[Self]| {
            let mut units = nodes.iter().filter_map(Self::unit);
            let first = units.next();
            if units.next().is_none() { first } else { None }
        };
        match self {
            Self::Given(given) => Some(given.value.unit()).filter(|unit| !unit.is_empty()),
            Self::Sum(terms) => terms.iter().find_map(|(term, _)| term.unit()),
            Self::Product(nodes) => only(nodes),
            Self::Max(nodes) | Self::Min(nodes) => nodes.iter().find_map(Self::unit),
            Self::Quotient(pair) if pair.1.unit().is_none() => pair.0.unit(),
            Self::Literal(_) | Self::Quotient(_) => None,
            Self::Corner(pair) => pair.0.unit().or_else(|| pair.1.unit()),
            Self::Up(inner) | Self::Down(inner) | Self::Nearest(inner) => inner.unit(),
        }
    }
}

/// The larger of two, with a soft corner where both are near.
fn corner(a: f64, b: f64) -> f64 {
    let largest = a.max(b);
    if largest <= 0.0 || !largest.is_finite() {
        return largest.max(0.0);
    }
    largest * ((a / largest).powi(4) + (b / largest).powi(4)).powf(0.25)
}
