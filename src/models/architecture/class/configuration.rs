//! A configuration as its class completes it, and expressions computed over it.

use super::description::{Class, PartType, class, class_named};
use super::expression::{Expression, Function, Operator};
use super::functions::apply;
use super::value::{MAX_LIST, Value, arithmetic, compare};
use serde_json::{Map, Value as Json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::OnceLock;

/// No size of a real model comes near; keeps every product of three in range.
pub const MAX_SIZE: i64 = 1 << 40;
/// Most expressions one file may have computed; the largest models need some hundred thousand.
const MAX_STEPS: u64 = 4_000_000;
/// Keys made of keys made of keys …
const MAX_DEPTH: u32 = 24;
/// Labels that transformers assumes where none are named.
const USUAL_LABELS: i64 = 2;

/// Sizes that makers also give under names of their own, as `vt_hidden_size`.
const SIZES: [&str; 4] = ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"];
/// `file.KEY` is the key as the file gives it, before any rule.
const AS_GIVEN: &str = "file";

/// Numbers of the repetitions around, the outermost first.
pub type Variables = [i64; 4];

/// A key that is missing, of the wrong kind or out of range; the text says which and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

/// One configuration with those within.
pub struct Configuration<'a> {
    map: &'a Map<String, Json>,
    class: Option<&'static Class>,
    values: RefCell<BTreeMap<String, Value>>,
    parts: RefCell<BTreeMap<String, Rc<Self>>>,
    depth: Rc<Cell<u32>>,
    steps: Rc<Cell<u64>>,
}

impl<'a> Configuration<'a> {
    /// Of a file's object and its class.
    pub fn new(map: &'a Map<String, Json>, class: Option<&'static Class>) -> Self {
        Self::within(map, class, &Rc::default(), &Rc::default())
    }

    fn within(
        map: &'a Map<String, Json>,
        class: Option<&'static Class>,
        depth: &Rc<Cell<u32>>,
        steps: &Rc<Cell<u64>>,
    ) -> Self {
        let (values, parts) = (RefCell::default(), RefCell::default());
        Self { map, class, values, parts, depth: Rc::clone(depth), steps: Rc::clone(steps) }
    }

    /// Its class.
    pub const fn class(&self) -> Option<&'static Class> {
        self.class
    }

    /// Its own keys as the file has them.
    pub const fn map(&self) -> &'a Map<String, Json> {
        self.map
    }

    /// A configuration within has a size under a name of its maker's own while its class assumes another: the class is
    /// not the model this file is for.
    pub fn has_part_of_another(&self) -> bool {
        let parts = self.class.into_iter().flat_map(|class| class.parts.keys());
        parts.map(|name| self.part(name)).any(|part| part.is_of_another())
    }

    fn is_of_another(&self) -> bool {
        let Some(class) = self.class else { return false };
        let tables = [&class.absent, &class.null, &class.given];
        let known = |key: &str| class.names.contains_key(key) || tables.iter().any(|table| table.contains_key(key));
        self.map.iter().any(|(key, value)| {
            SIZES.iter().any(|size| {
                key.strip_suffix(size).is_some_and(|prefix| prefix.ends_with('_'))
                    && !known(key)
                    && class.absent.contains_key(*size)
                    && self.raw(size).is_none()
                    && self.key(size).is_ok_and(|usual| Value::of_json(value).is_ok_and(|given| !given.same(&usual)))
            })
        })
    }

    /// The configuration within under `path`.
    pub fn at(self: &Rc<Self>, path: &[String]) -> Rc<Self> {
        path.iter().fold(Rc::clone(self), |part, name| part.part(name))
    }

    fn part(&self, name: &str) -> Rc<Self> {
        static NOTHING: OnceLock<Map<String, Json>> = OnceLock::new();
        if let Some(found) = self.parts.borrow().get(name) {
            return Rc::clone(found);
        }
        let given = self.map.get(name).and_then(Json::as_object);
        let kind = self.class.and_then(|class| class.parts.get(name));
        let map = match (given, kind) {
            (Some(given), _) => given,
            (None, Some(PartType::Flat(_))) => self.map,
            (None, _) => {
                let usual = self.class.and_then(|class| class.without.get(name));
                usual.unwrap_or_else(|| NOTHING.get_or_init(Map::new))
            }
        };
        let said = given.and_then(type_of);
        let model_type = match kind {
            Some(PartType::Always(always)) => Some(always.as_str()),
            Some(PartType::Usually(usual) | PartType::Flat(usual)) => Some(said.unwrap_or(usual)),
            None => said,
        };
        let found = Rc::new(Self::within(map, model_type.and_then(class), &self.depth, &self.steps));
        self.parts.borrow_mut().insert(name.to_owned(), Rc::clone(&found));
        self.set(name, &found);
        found
    }

    /// Keys of the part `name` that the class around decides, or completes where the part has no class of its own.
    fn set(&self, name: &str, part: &Self) {
        let Some(class) = self.class else { return };
        let key_of = |path: &'static str| path.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
        let rules = class.set.iter().map(|(path, rule)| (path, rule, true));
        for (path, rule, always) in rules.chain(class.absent.iter().map(|(path, rule)| (path, rule, false))) {
            let Some(key) = key_of(path).filter(|key| always || part.raw(key).is_none()) else { continue };
            // What cannot be computed here is said by the tensor that needs it.
            let Ok(value) = self.evaluate(rule, &Variables::default()) else { continue };
            let stored = part.class.and_then(|class| class.names.get(key)).map_or(key, String::as_str);
            part.values.borrow_mut().insert(stored.to_owned(), value.clone());
            part.values.borrow_mut().insert(key.to_owned(), value);
        }
    }

    /// What the file itself gives for a key, under any of its names.
    pub fn raw(&self, key: &str) -> Option<&'a Json> {
        let mut names = vec![key];
        if let Some(class) = self.class {
            names.extend(class.names.get(key).map(String::as_str));
            names.extend(class.names.iter().filter(|(_, stored)| *stored == key).map(|(name, _)| name.as_str()));
        }
        let old = old_names(key).iter().filter(|old| self.class.is_none_or(|class| !class.absent.contains_key(**old)));
        names.extend(old);
        let given = |name: &&str| self.map.get(*name);
        names.iter().filter_map(given).find(|value| !value.is_null()).or_else(|| names.iter().find_map(given))
    }

    /// The value of a key as the class reads it; null where there is none.
    pub fn key(&self, key: &str) -> Result<Value, KeyError> {
        if let Some(found) = self.values.borrow().get(key) {
            return Ok(found.clone());
        }
        if self.depth.get() > MAX_DEPTH {
            return Err(KeyError(format!("`{key}` is made of keys that are made of others, too many times")));
        }
        let stored = self.class.and_then(|class| class.names.get(key)).map_or(key, String::as_str);
        let raw = if key == "num_labels" {
            Some(Value::Whole(self.labels()))
        } else {
            self.raw(key).map(Value::of_json).transpose().map_err(|text| KeyError(format!("`{key}` {text}")))?
        };
        let rules = self.class.map(|class| match &raw {
            None => &class.absent,
            Some(Value::Null) => &class.null,
            Some(_) => &class.given,
        });
        let mut value = raw.unwrap_or(Value::Null);
        // A rule that speaks of its own key means what the file gives.
        self.values.borrow_mut().insert(key.to_owned(), value.clone());
        if let Some(rule) = rules.and_then(|rules| rules.get(stored)) {
            self.values.borrow_mut().insert(stored.to_owned(), value.clone());
            self.depth.set(self.depth.get() + 1);
            value = self.evaluate(rule, &Variables::default())?;
            self.depth.set(self.depth.get() - 1);
        }
        self.values.borrow_mut().insert(stored.to_owned(), value.clone());
        self.values.borrow_mut().insert(key.to_owned(), value.clone());
        Ok(value)
    }

    /// Labels of a classifier.
    pub fn labels(&self) -> i64 {
        let named = self.map.get("id2label").and_then(Json::as_object).map(|labels| labels.len() as u64);
        let count = named.or_else(|| self.map.get("num_labels").and_then(Json::as_u64)).filter(|count| *count > 0);
        let usual = || {
            let rule = self.class.and_then(|class| class.absent.get("num_labels"))?;
            self.evaluate(rule, &Variables::default()).ok()?.whole()
        };
        count.and_then(|count| i64::try_from(count).ok()).or_else(usual).unwrap_or(USUAL_LABELS)
    }

    /// Whether the description has this fact.
    pub fn fact(&self, name: &str) -> Result<bool, KeyError> {
        let fact = self.class.and_then(|class| class.facts.get(name));
        fact.map_or(Ok(false), |fact| Ok(self.evaluate(fact, &Variables::default())?.is_true()))
    }

    /// A whole number, if the key has one.
    pub fn count(&self, key: &str) -> Result<Option<u64>, KeyError> {
        match self.key(key)? {
            Value::Null => Ok(None),
            value => {
                let number = value.whole().filter(|number| *number <= MAX_SIZE).and_then(|n| u64::try_from(n).ok());
                let wrong = || KeyError(format!("`{key}` is {}; a whole number was expected", value.brief()));
                number.map(Some).ok_or_else(wrong)
            }
        }
    }

    /// A whole number of 0 to [`MAX_SIZE`]; 0 only where a key alone does not stand for it.
    pub fn size(&self, expression: &Expression, variables: &Variables) -> Result<u64, KeyError> {
        let value = self.evaluate(expression, variables)?;
        let name = || expression.first_key().map_or_else(|| "a size".to_owned(), |key| format!("`{key}`"));
        match value.whole() {
            Some(0) if expression.as_key().is_some() => {
                Err(KeyError(format!("{} is 0; at least 1 was expected", name())))
            }
            Some(number) if number > MAX_SIZE => {
                Err(KeyError(format!("{} is {number}, larger than any model's", name())))
            }
            Some(number) if number >= 0 => Ok(number.unsigned_abs()),
            None if value == Value::Null && expression.as_key().is_some() => {
                Err(KeyError(format!("{} is missing", name())))
            }
            _ => Err(KeyError(format!("{} is {}; a whole number was expected", name(), value.brief()))),
        }
    }

    /// The value of an expression.
    pub fn evaluate(&self, expression: &Expression, variables: &Variables) -> Result<Value, KeyError> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS {
            return Err(KeyError("its layers are more than any model has".to_owned()));
        }
        let truth = |expression: &Expression| Ok::<bool, KeyError>(self.evaluate(expression, variables)?.is_true());
        Ok(match expression {
            Expression::Constant(value) => value.clone(),
            Expression::Key(path) => match path.as_slice() {
                [key] => self.key(key)?,
                [place, key] if place == AS_GIVEN => {
                    let given = self.raw(key).map(Value::of_json).transpose();
                    given.map_err(|text| KeyError(format!("`{key}` {text}")))?.unwrap_or(Value::Null)
                }
                [part, rest @ ..] => {
                    let part = self.part(part);
                    let last = rest.len().saturating_sub(1);
                    let part = rest.iter().take(last).fold(part, |part, name| part.part(name));
                    part.key(rest.last().map_or("", String::as_str))?
                }
                [] => Value::Null,
            },
            Expression::Variable(place) => Value::Whole(variables.get(*place).copied().unwrap_or_default()),
            Expression::Not(inner) => Value::Truth(!truth(inner)?),
            Expression::And(a, b) => Value::Truth(truth(a)? && truth(b)?),
            Expression::Or(a, b) => Value::Truth(truth(a)? || truth(b)?),
            Expression::If(parts) => {
                let [condition, yes, no] = parts.as_ref();
                self.evaluate(if truth(condition)? { yes } else { no }, variables)?
            }
            Expression::Binary(operator, operands) => self.binary(*operator, operands, variables)?,
            Expression::Index(parts) => {
                let [list, place] = parts.as_ref();
                let place = self.evaluate(place, variables)?.whole().and_then(|place| usize::try_from(place).ok());
                let list_value = self.evaluate(list, variables)?;
                let found = match &list_value {
                    Value::List(items) => place.and_then(|place| items.get(place)).cloned(),
                    Value::Word(text) => {
                        place.and_then(|place| text.chars().nth(place)).map(|letter| Value::word(&letter.to_string()))
                    }
                    _ => None,
                };
                found.ok_or_else(|| no_place(list, &list_value))?
            }
            Expression::Call(function, given) => self.call(*function, given, variables)?,
        })
    }

    fn binary(&self, operator: Operator, operands: &[Expression; 2], variables: &Variables) -> Result<Value, KeyError> {
        let (a, b) = (self.evaluate(&operands[0], variables)?, self.evaluate(&operands[1], variables)?);
        let found = match operator {
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::FloorDivide
            | Operator::Remainder
            | Operator::Power => arithmetic(operator, &a, &b),
            _ => compare(operator, &a, &b).map(Value::Truth),
        };
        found.ok_or_else(|| wrong_operand(operator, operands, [&a, &b]))
    }

    fn call(&self, function: Function, given: &[Expression], variables: &Variables) -> Result<Value, KeyError> {
        if function == Function::Each {
            return self.each(given, *variables);
        }
        let values = given.iter().map(|given| self.evaluate(given, variables)).collect::<Result<Vec<Value>, _>>()?;
        let first_key = || given.iter().find_map(Expression::first_key).unwrap_or("a key").to_owned();
        let failed = || {
            KeyError(format!(
                "`{}` is {}, which was not expected",
                first_key(),
                values.first().map_or_else(String::new, Value::brief)
            ))
        };
        apply(function, &values).ok_or_else(failed)
    }

    fn each(&self, given: &[Expression], mut variables: Variables) -> Result<Value, KeyError> {
        let [count, item] = given else { return Err(KeyError("a description is broken".to_owned())) };
        let count = self.size(count, &variables)?;
        if count > MAX_LIST as u64 {
            return Err(KeyError(format!("`{}` is {count}, more than any model has", "num_hidden_layers")));
        }
        let mut items = Vec::new();
        for place in 0..count {
            variables[0] = i64::try_from(place).unwrap_or_default();
            items.push(self.evaluate(item, &variables)?);
        }
        Ok(Value::List(items.into()))
    }
}

fn no_place(list: &Expression, value: &Value) -> KeyError {
    let key = list.first_key().unwrap_or("a list");
    KeyError(match value {
        Value::Null => format!("`{key}` is missing"),
        Value::List(items) => format!("`{key}` has {} entries, fewer than there are layers", items.len()),
        _ => format!("`{key}` is {}; a list was expected", value.brief()),
    })
}

fn wrong_operand(operator: Operator, operands: &[Expression; 2], values: [&Value; 2]) -> KeyError {
    for (operand, value) in operands.iter().zip(values) {
        if value.decimal().is_none()
            && let Some(key) = operand.first_key()
        {
            return KeyError(match value {
                Value::Null => format!("`{key}` is missing"),
                _ => format!("`{key}` is {}; a whole number was expected", value.brief()),
            });
        }
    }
    let key = operands.iter().rev().find_map(Expression::first_key).unwrap_or("a key");
    let [a, b] = values;
    KeyError(format!("`{key}`: {} {operator} {} has no result", a.brief(), b.brief()))
}

/// Model type of a configuration: what it says, else that of the class it names.
pub fn type_of(map: &Map<String, Json>) -> Option<&str> {
    let said = map.get("model_type").and_then(Json::as_str).map(canonical);
    let named = || class_named(map.get("architectures")?.get(0)?.as_str()?);
    said.filter(|said| class(said).is_some()).or_else(named).or(said)
}

/// Old names of types, and makers' own of ones that are the same.
pub fn canonical(model_type: &str) -> &str {
    match model_type {
        "RefinedWeb" | "RefinedWebModel" => "falcon",
        "kimi_k2" => "deepseek_v3",
        other => other,
    }
}

/// Names that older files use for a key.
fn old_names(key: &str) -> &'static [&'static str] {
    match key {
        "num_kv_heads" => &["n_head_kv"],
        "num_hidden_layers" => &["n_layer", "n_layers", "num_layers"],
        "num_attention_heads" => &["n_head", "n_heads"],
        "hidden_size" => &["n_embed", "n_embd", "d_model"],
        "ffn_hidden_size" | "n_inner" => &["intermediate_size"],
        "num_local_experts" => &["num_experts"],
        "num_experts" => &["num_local_experts", "n_routed_experts"],
        "hidden_activation" => &["hidden_act"],
        _ => &[],
    }
}
