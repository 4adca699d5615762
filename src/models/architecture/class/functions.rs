//! The functions of expressions over values.

use super::expression::{Function, Operator};
use super::value::{MAX_LIST, Value, arithmetic};

/// The value of a function; `None` where it has none for these.
pub fn apply(function: Function, values: &[Value]) -> Option<Value> {
    let first = values.first();
    let rounded = |round: fn(f64) -> f64| {
        let number = round(first?.decimal()?);
        (number.abs() < 1e15).then_some(Value::Whole(number as i64))
    };
    match (function, values) {
        (Function::ListOf, values) => Some(Value::List(values.into())),
        (Function::Min | Function::Max, [a, b]) => {
            let takes_first = (a.decimal()? <= b.decimal()?) == (function == Function::Min);
            Some(if takes_first { a.clone() } else { b.clone() })
        }
        (Function::Length, [Value::List(items)]) => i64::try_from(items.len()).ok().map(Value::Whole),
        (Function::Length, [Value::Word(text)]) => i64::try_from(text.chars().count()).ok().map(Value::Whole),
        (Function::Sum, [Value::List(items)]) => {
            items.iter().try_fold(Value::Whole(0), |sum, item| arithmetic(Operator::Add, &sum, item))
        }
        (Function::Whole, [_]) => rounded(f64::trunc),
        (Function::Ceiling, [_]) => rounded(f64::ceil),
        (Function::Round, [_]) => rounded(f64::round_ties_even),
        (Function::Starts, [Value::Word(text), Value::Word(start)]) => Some(Value::Truth(text.starts_with(&**start))),
        (Function::Starts, [_, _]) => Some(Value::Truth(false)),
        (Function::IsList, [value]) => Some(Value::Truth(matches!(value, Value::List(_)))),
        (Function::Count, [Value::List(items), wanted]) => {
            i64::try_from(items.iter().filter(|item| item.same(wanted)).count()).ok().map(Value::Whole)
        }
        (Function::Position, [Value::List(items), wanted]) => items
            .iter()
            .position(|item| item.same(wanted))
            .and_then(|place| i64::try_from(place).ok())
            .map(Value::Whole),
        (Function::Range, [a, b]) => range(a.whole()?, b.whole()?, 1),
        (Function::Range, [a, b, step]) => range(a.whole()?, b.whole()?, step.whole()?),
        _ => None,
    }
}

fn range(a: i64, b: i64, step: i64) -> Option<Value> {
    let most = i64::try_from(MAX_LIST).ok()?;
    let fits = step > 0 && b.checked_sub(a)? <= most.checked_mul(step)?;
    fits.then(|| Value::List((a..b).step_by(usize::try_from(step).unwrap_or(1)).map(Value::Whole).collect()))
}
