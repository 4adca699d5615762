//! Values of expressions, and arithmetic on them.

use super::expression::Operator;
use std::sync::Arc;

/// What an expression can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Truth(bool),
    Whole(i64),
    Decimal(f64),
    Word(Arc<str>),
    List(Arc<[Self]>),
}

/// Longest list.
pub const MAX_LIST: usize = 20_000;

impl Value {
    /// A word.
    pub fn word(text: &str) -> Self {
        Self::Word(Arc::from(text))
    }

    /// Of a configuration; tables are no values, whole decimals are whole.
    pub fn of_json(json: &serde_json::Value) -> Result<Self, String> {
        use serde_json::Value as Json;
        Ok(match json {
            Json::Null | Json::Object(_) => Self::Null,
            Json::Bool(truth) => Self::Truth(*truth),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Whole(whole),
                None => number.as_f64().map_or(Self::Null, |decimal| {
                    let is_whole = decimal.fract() == 0.0 && decimal.abs() < 1e15;
                    if is_whole { Self::Whole(decimal as i64) } else { Self::Decimal(decimal) }
                }),
            },
            Json::String(text) => Self::word(text),
            Json::Array(items) if items.len() > MAX_LIST => return Err(format!("has over {MAX_LIST} entries")),
            Json::Array(items) => Self::List(items.iter().map(Self::of_json).collect::<Result<_, _>>()?),
        })
    }

    /// As Python sees it: 0, null, no and empty are false.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Truth(truth) => *truth,
            Self::Whole(number) => *number != 0,
            Self::Decimal(number) => *number != 0.0,
            Self::Word(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
        }
    }

    /// A whole number.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Truth(truth) => Some(i64::from(*truth)),
            Self::Whole(number) => Some(*number),
            Self::Decimal(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
            _ => None,
        }
    }

    /// Any number.
    pub fn decimal(&self) -> Option<f64> {
        match self {
            Self::Decimal(number) => Some(*number),
            _ => self.whole().map(|number| number as f64),
        }
    }

    /// A word.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Word(text) => Some(text),
            _ => None,
        }
    }

    /// Equal as Python has it, where 1, 1.0 and yes are the same.
    pub fn same(&self, other: &Self) -> bool {
        match (self.decimal(), other.decimal()) {
            (Some(a), Some(b)) => a == b,
            _ => self == other,
        }
    }

    /// In words, short.
    pub fn brief(&self) -> String {
        let text = match self {
            Self::Null => "null".to_owned(),
            Self::Truth(truth) => truth.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Word(text) => format!("\"{text}\""),
            Self::List(items) => {
                let items: Vec<String> = items.iter().take(8).map(Self::brief).collect();
                format!("[{}]", items.join(","))
            }
        };
        if text.chars().count() > 40 { text.chars().take(40).chain("…".chars()).collect() } else { text }
    }
}

/// `a operator b` of comparisons and memberships; `None` for what cannot be compared.
pub fn compare(operator: Operator, a: &Value, b: &Value) -> Option<bool> {
    let order = || match (a.text(), b.text()) {
        (Some(a), Some(b)) => Some(a.cmp(b)),
        _ => a.decimal()?.partial_cmp(&b.decimal()?),
    };
    Some(match operator {
        Operator::Equal => a.same(b),
        Operator::Unequal => !a.same(b),
        Operator::Less => order()?.is_lt(),
        Operator::AtMost => order()?.is_le(),
        Operator::More => order()?.is_gt(),
        Operator::AtLeast => order()?.is_ge(),
        Operator::In => match b {
            Value::List(items) => items.iter().any(|item| item.same(a)),
            Value::Word(text) => text.contains(a.text()?),
            _ => return None,
        },
        _ => return None,
    })
}

/// `a operator b` of numbers; `None` where there is no result in range.
pub fn arithmetic(operator: Operator, a: &Value, b: &Value) -> Option<Value> {
    if let (Some(a), Some(b)) = (whole_only(a), whole_only(b))
        && operator != Operator::Divide
    {
        return Some(Value::Whole(match operator {
            Operator::Add => a.checked_add(b)?,
            Operator::Subtract => a.checked_sub(b)?,
            Operator::Multiply => a.checked_mul(b)?,
            Operator::FloorDivide => floor_divide(a, b)?,
            Operator::Remainder => a.checked_sub(floor_divide(a, b)?.checked_mul(b)?)?,
            Operator::Power => a.checked_pow(u32::try_from(b).ok()?)?,
            _ => return None,
        }));
    }
    let (a, b) = (a.decimal()?, b.decimal()?);
    let found = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b != 0.0 => a / b,
        Operator::FloorDivide if b != 0.0 => (a / b).floor(),
        Operator::Remainder if b != 0.0 => a - (a / b).floor() * b,
        Operator::Power => a.powf(b),
        _ => return None,
    };
    found.is_finite().then_some(Value::Decimal(found))
}

const fn whole_only(value: &Value) -> Option<i64> {
    match value {
        Value::Whole(number) => Some(*number),
        Value::Truth(true) => Some(1),
        Value::Truth(false) => Some(0),
        _ => None,
    }
}

const fn floor_divide(a: i64, b: i64) -> Option<i64> {
    let Some(quotient) = a.checked_div(b) else { return None };
    if a % b != 0 && (a < 0) != (b < 0) { quotient.checked_sub(1) } else { Some(quotient) }
}
