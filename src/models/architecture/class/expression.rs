//! Expressions over configuration keys, as class descriptions write them: `2 * n_groups * state_size`,
//! `(i + 1) % decoder_sparse_step == 0`, `layer_types[i] == 'full_attention'`, `head_dim == null ? 64 : head_dim`.
//!
//! They compute as Python does: `//` rounds down, `%` has the sign of the divisor, 0 and empty are false.

use super::value::Value;
use std::fmt;

/// Deepest nesting of one expression.
const MAX_DEPTH: u32 = 60;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number, word, truth value or null.
    Constant(Value),
    /// A key of the configuration, through the configurations within: `vision_config.depth`.
    Key(Vec<String>),
    /// Number of the repetition, the outermost first: `i`, `j`, `k`, `l`.
    Variable(usize),
    /// Not.
    Not(Box<Self>),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// `condition ? yes : no`.
    If(Box<[Self; 3]>),
    /// Two operands.
    Binary(Operator, Box<[Self; 2]>),
    /// One of a list, or one letter of a word.
    Index(Box<[Self; 2]>),
    /// A function.
    Call(Function, Vec<Self>),
}

/// What stands between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
}

/// Functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Smaller of two.
    Min,
    /// Larger of two.
    Max,
    /// Length of a list or word.
    Length,
    /// Sum of a list.
    Sum,
    /// Towards zero.
    Whole,
    /// Upwards.
    Ceiling,
    /// To the nearest, halves to the even one.
    Round,
    /// Whether a word begins with another.
    Starts,
    /// Whether it is a list.
    IsList,
    /// How often a value is in a list.
    Count,
    /// Where a value is in a list.
    Position,
    /// A list of `count` values, each computed from its place `i`: `each(count, value)`.
    Each,
    /// A list of the values given.
    ListOf,
    /// Numbers from the first to before the second.
    Range,
}

const FUNCTIONS: [(&str, Function); 14] = [
    ("min", Function::Min),
    ("max", Function::Max),
    ("len", Function::Length),
    ("sum", Function::Sum),
    ("int", Function::Whole),
    ("ceil", Function::Ceiling),
    ("round", Function::Round),
    ("starts", Function::Starts),
    ("list", Function::IsList),
    ("count", Function::Count),
    ("index", Function::Position),
    ("each", Function::Each),
    ("list_of", Function::ListOf),
    ("range", Function::Range),
];

/// Binary operators, those that bind least first.
const LEVELS: [&[(&str, Operator)]; 4] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("<", Operator::Less),
        (">", Operator::More),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("//", Operator::FloorDivide), ("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
    &[("**", Operator::Power)],
];

impl Expression {
    /// Reads one expression.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let found = parser.choice()?;
        parser.end(text)?;
        Ok(found)
    }

    /// Reads expressions with commas between; nothing is no expression.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let mut found = Vec::new();
        while parser.at < parser.tokens.len() {
            if !found.is_empty() {
                parser.expect(",")?;
            }
            found.push(parser.choice()?);
        }
        Ok(found)
    }

    /// Whether its value depends on the number of a repetition at `depth` or deeper.
    pub fn varies(&self, depth: usize) -> bool {
        match self {
            Self::Constant(_) | Self::Key(_) => false,
            Self::Variable(found) => *found >= depth,
            Self::Not(inner) => inner.varies(depth),
            Self::And(a, b) | Self::Or(a, b) => a.varies(depth) || b.varies(depth),
            Self::If(parts) => parts.iter().any(|part| part.varies(depth)),
            Self::Binary(_, parts) | Self::Index(parts) => parts.iter().any(|part| part.varies(depth)),
            Self::Call(_, parts) => parts.iter().any(|part| part.varies(depth)),
        }
    }

    /// The key it is, if it is one alone.
    pub fn as_key(&self) -> Option<&str> {
        match self {
            Self::Key(path) => path.last().map(String::as_str),
            _ => None,
        }
    }

    /// The first key within.
    pub fn first_key(&self) -> Option<&str> {
        match self {
            Self::Constant(_) | Self::Variable(_) => None,
            Self::Key(path) => path.last().map(String::as_str),
            Self::Not(inner) => inner.first_key(),
            Self::And(a, b) | Self::Or(a, b) => a.first_key().or_else(|| b.first_key()),
            Self::If(parts) => parts.iter().find_map(Self::first_key),
            Self::Binary(_, parts) | Self::Index(parts) => parts.iter().find_map(Self::first_key),
            Self::Call(_, parts) => parts.iter().find_map(Self::first_key),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(Value),
    Quoted(String),
    Name(String),
    Sign(&'static str),
}

const SIGNS: [&str; 20] =
    ["==", "!=", "<=", ">=", "//", "**", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", "?", ":", ","];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '\'' {
            let inner = rest[1..].split('\'').next().unwrap_or_default();
            found.push(Token::Quoted(inner.to_owned()));
            (inner.len() + 2).min(rest.len())
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e'))).unwrap_or(rest.len());
            let number = &rest[..end];
            let value = number.parse().map(Value::Whole).or_else(|_| number.parse().map(Value::Decimal));
            found.push(Token::Number(value.map_err(|_error| format!("`{number}` is no number in `{text}`"))?));
            end
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
            found.push(Token::Name(rest[..end].to_owned()));
            end
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("`{first}` has no meaning in `{text}`"))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
}

impl Parser {
    fn takes(&mut self, word: &str) -> bool {
        let found = match self.tokens.get(self.at) {
            Some(Token::Sign(sign)) => *sign == word,
            Some(Token::Name(name)) => name == word,
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.takes(word) {
            Ok(())
        } else {
            Err(format!("`{word}` was expected before {:?}", self.tokens.get(self.at)))
        }
    }

    fn end(&self, text: &str) -> Result<(), String> {
        self.tokens.get(self.at).map_or(Ok(()), |token| Err(format!("{token:?} is too much in `{text}`")))
    }

    fn choice(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too deeply nested".to_owned());
        }
        let condition = self.or()?;
        let found = if self.takes("?") {
            let yes = self.choice()?;
            self.expect(":")?;
            Expression::If(Box::new([condition, yes, self.choice()?]))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(found)
    }

    fn or(&mut self) -> Result<Expression, String> {
        let mut left = self.and()?;
        while self.takes("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.not()?;
        while self.takes("and") {
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expression, String> {
        let mut negations = 0;
        while self.takes("not") {
            negations += 1;
        }
        let found = self.binary(0)?;
        Ok((0..negations).fold(found, |inner, _| Expression::Not(Box::new(inner))))
    }

    fn binary(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else { return self.postfix() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.takes(sign)) {
            left = Expression::Binary(*operator, Box::new([left, self.binary(level + 1)?]));
        }
        Ok(left)
    }

    fn postfix(&mut self) -> Result<Expression, String> {
        let mut found = self.atom()?;
        while self.takes("[") {
            found = Expression::Index(Box::new([found, self.choice()?]));
            self.expect("]")?;
        }
        Ok(found)
    }

    fn atom(&mut self) -> Result<Expression, String> {
        if self.takes("(") {
            let inner = self.choice()?;
            return self.expect(")").map(|()| inner);
        }
        if self.takes("-") {
            let zero = Expression::Constant(Value::Whole(0));
            return Ok(Expression::Binary(Operator::Subtract, Box::new([zero, self.postfix()?])));
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Number(value)) => Ok(Expression::Constant(value)),
            Some(Token::Quoted(word)) => Ok(Expression::Constant(Value::word(&word))),
            Some(Token::Name(name)) => self.named(&name),
            token => Err(format!("a value was expected, not {token:?}")),
        }
    }

    fn named(&mut self, name: &str) -> Result<Expression, String> {
        if let Some(place) = ["i", "j", "k", "l"].iter().position(|variable| *variable == name) {
            return Ok(Expression::Variable(place));
        }
        let constant = match name {
            "null" => Some(Value::Null),
            "true" => Some(Value::Truth(true)),
            "false" => Some(Value::Truth(false)),
            _ => None,
        };
        if let Some(value) = constant {
            return Ok(Expression::Constant(value));
        }
        if !self.takes("(") {
            return Ok(Expression::Key(name.split('.').map(ToOwned::to_owned).collect()));
        }
        let function = FUNCTIONS.iter().find(|(known, _)| *known == name);
        let (_, function) = function.ok_or_else(|| format!("there is no function `{name}`"))?;
        let mut given = Vec::new();
        while !self.takes(")") {
            if !given.is_empty() {
                self.expect(",")?;
            }
            given.push(self.choice()?);
        }
        Ok(Expression::Call(*function, given))
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = LEVELS.iter().copied().flatten().find(|(_, operator)| operator == self).map_or("", |(sign, _)| sign);
        f.write_str(sign)
    }
}
