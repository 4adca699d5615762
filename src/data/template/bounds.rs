//! Jinja in counted steps.
//!
//! The engine counts instructions, bytes that are written and items that are visited. It does not count what operators do
//! with lists inside lists: a list that holds another twice, and so on, is small to make and without end to print, compare or
//! add to. So values are weighed where they are made, part by part, which costs steps too: what is too heavy is never made, and
//! nothing later has to be afraid of it. For that, calls of [`weigh`] are put between the instructions.

use super::Refused;
use super::python;
use crate::node::Node;
use crate::rows::Message;
use minijinja::machinery::{
    CodeGenerator, Instruction, Instructions, Span, Token, eval, make_string_output, parse, tokenize,
};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, Value, context};
use std::collections::BTreeMap;

/// Lists and maps inside each other at most. Deep ones overflow the stack when they are printed, and when they are dropped.
const DEEPEST: usize = 100;

/// Words and signs of one expression at most: each may nest what follows. Templates of models have some 50.
const MOST_TOKENS: usize = 2000;

/// Widest padding and indent.
const WIDEST: usize = 1000;
const WIDEST_INDENT: usize = 16;

/// Parts of a value, and bytes of its strings, that are weighed in a step.
const PARTS_PER_STEP: u64 = 2;
const BYTES_PER_STEP: u64 = 256;

/// Names that no template can write.
const WEIGH: &str = "#weigh";
const STORE: &str = "#store";

/// A template that is compiled with the weighing in it.
pub struct Bounded<'source> {
    environment: Environment<'static>,
    instructions: Instructions<'source>,
    blocks: BTreeMap<&'source str, Instructions<'source>>,
    begin: &'source str,
    end: &'source str,
}

impl<'source> Bounded<'source> {
    pub fn new(source: &'source str, begin: &'source str, end: &'source str) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_unknown_method_callback(method);
        environment.add_filter("tojson", tojson);
        environment.add_function(WEIGH, weighed);
        environment.add_function(STORE, storable);
        environment.add_function("raise_exception", |message: String| -> Result<String, _> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        // In Python nothing is not iterable, which templates ask of tools.
        environment.add_test("iterable", |value: &Value| {
            let kind = value.kind();
            matches!(kind, ValueKind::String | ValueKind::Undefined) || holds_others(value)
        });
        environment.add_function("strftime_now", |format: String| python::date(&format));
        // As transformers sets Jinja up.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        let syntax = syntax.map_err(|error| error.to_string())?;
        let unreadable = |error: &Error| format!("the chat template cannot be read: {}", told(error));
        check_expressions(source, &syntax).map_err(|error| unreadable(&error))?;
        let tree = parse(source, "chat", syntax).map_err(|error| unreadable(&error))?;
        let mut code = CodeGenerator::new("chat", source);
        code.compile_stmt(&tree);
        let (instructions, blocks) = code.finish();
        let blocks = blocks.into_iter().map(|(name, block)| (name, with_weighing(&block))).collect();
        Ok(Self { environment, instructions: with_weighing(&instructions), blocks, begin, end })
    }

    /// The text, and the steps it took.
    pub fn render(&mut self, turns: &[Value], tools: &Value, asks: bool, steps: u64) -> Result<(String, u64), Refused> {
        self.environment.set_fuel(Some(steps));
        let values = context! {
            messages => turns.to_vec(),
            tools => tools.clone(),
            documents => Value::from(()),
            add_generation_prompt => asks,
            bos_token => self.begin,
            eos_token => self.end,
        };
        let mut text = String::new();
        let mut out = make_string_output(&mut text);
        let ended = eval(&self.environment, &self.instructions, values, &self.blocks, &mut out, AutoEscape::None);
        match ended {
            Ok((_, state)) => {
                let (taken, _) = state.fuel_levels().unwrap_or_default();
                drop(state);
                Ok((text, taken))
            }
            Err(error) if error.kind() == ErrorKind::OutOfFuel => Err(Refused::Bounds(match error.detail() {
                Some(reason) => format!("{reason}{}", line(&error)),
                None => format!("takes more than {steps} steps for one conversation{}", line(&error)),
            })),
            Err(error) => Err(Refused::Conversation(told(&error))),
        }
    }
}

/// Refuses what takes too long before there are steps to count: the compiler goes down into an expression for every part of it,
/// and computes what is constant, lists times numbers included.
fn check_expressions(source: &str, syntax: &SyntaxConfig) -> Result<(), Error> {
    let mut expression: Vec<Token<'_>> = Vec::new();
    let refuse = |reason: &str, line: usize| {
        Err(Error::new(ErrorKind::SyntaxError, format!("{reason} (line {line} of the template)")))
    };
    for found in tokenize(source, false, syntax.clone()) {
        // What is no token is told by the parser.
        let Ok((token, span)) = found else { break };
        match token {
            Token::VariableStart | Token::BlockStart => expression.clear(),
            Token::VariableEnd | Token::BlockEnd if multiplies_a_list(&expression) => {
                return refuse(
                    "a list that is written out is multiplied, which is not done here",
                    span.start_line.into(),
                );
            }
            _ => expression.push(token),
        }
        if expression.len() > MOST_TOKENS {
            let reason = format!("an expression has more than {MOST_TOKENS} words and signs");
            return refuse(&reason, span.start_line.into());
        }
    }
    Ok(())
}

/// Words after which a bracket begins a list.
const BEFORE_VALUES: [&str; 8] = ["and", "or", "not", "in", "is", "if", "elif", "else"];

/// Whether a `*` stands beside a list that is written out, or beside brackets with one in them.
fn multiplies_a_list(tokens: &[Token<'_>]) -> bool {
    // After a value a bracket is an index or a call.
    let follows_value = |at: usize| match at.checked_sub(1).and_then(|at| tokens.get(at)) {
        Some(Token::Ident(word)) => !BEFORE_VALUES.contains(word),
        Some(Token::Str(_) | Token::String(_) | Token::BracketClose | Token::ParenClose) => true,
        _ => false,
    };
    let is_list = |at: usize| matches!(tokens.get(at), Some(Token::BracketOpen)) && !follows_value(at);
    let depth_of = |at: usize| tokens.get(at).map_or(0, nesting);
    (0..tokens.len()).filter(|at| matches!(tokens[*at], Token::Mul)).any(|at| {
        let before = at.checked_sub(1).filter(|at| depth_of(*at) == -1);
        let before = before.and_then(|end| Some(partner(tokens, (0..=end).rev())?..end));
        let after = Some(at + 1).filter(|at| depth_of(*at) == 1);
        let after = after.map(|start| start..partner(tokens, start..tokens.len()).unwrap_or(tokens.len()));
        let groups = [before, after].into_iter().flatten().filter(|group| !follows_value(group.start));
        groups.into_iter().any(|mut group| group.any(is_list))
    })
}

/// 1 where a bracket opens, -1 where it closes.
fn nesting(token: &Token<'_>) -> i32 {
    match token {
        Token::BracketOpen | Token::ParenOpen => 1,
        Token::BracketClose | Token::ParenClose => -1,
        _ => 0,
    }
}

/// Where the bracket at the first of these places has its other end.
fn partner(tokens: &[Token<'_>], places: impl Iterator<Item = usize>) -> Option<usize> {
    let mut depth = 0;
    places.into_iter().find(|place| {
        depth += tokens.get(*place).map_or(0, nesting);
        depth == 0
    })
}

/// Turns as templates take them.
pub fn turns(messages: &[Message]) -> Vec<Value> {
    let turn = |message: &Message| context! { role => message.role.as_str(), content => message.content.as_str() };
    messages.iter().map(turn).collect()
}

/// What happened and in which line.
fn told(error: &Error) -> String {
    let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    format!("{reason}{}", line(error))
}

fn line(error: &Error) -> String {
    error.line().map_or_else(String::new, |line| format!(" (line {line} of the template)"))
}

/// The same instructions, with calls that weigh what operators and calls have made.
fn with_weighing<'source>(plain: &Instructions<'source>) -> Instructions<'source> {
    let weigh = || Instruction::CallFunction(WEIGH, Some(1));
    let mut weighing = Instructions::new(plain.name(), plain.source());
    // Where each instruction begins now.
    let mut places = Vec::new();
    let mut length = 0;
    for (at, instruction) in (0..).map_while(|at| Some((at, plain.get(at)?))) {
        places.push(length);
        let span = plain.get_span(at).unwrap_or(Span {
            start_line: plain.get_line(at).and_then(|line| u16::try_from(line).ok()).unwrap_or_default(),
            ..Span::default()
        });
        let mut add = |instruction| length = weighing.add_with_span(instruction, span) + 1;
        match instruction {
            Instruction::Add
            | Instruction::Mul
            | Instruction::BuildList(_)
            | Instruction::BuildTuple(_)
            | Instruction::BuildMap(_)
            | Instruction::ApplyFilter(..)
            | Instruction::CallFunction(..)
            | Instruction::CallMethod(..)
            | Instruction::CallObject(_) => {
                add(instruction.clone());
                add(weigh());
            }
            // The value lies below the namespace it is put into.
            Instruction::SetAttr(_) => {
                add(Instruction::Swap);
                add(Instruction::CallFunction(STORE, Some(1)));
                add(Instruction::Swap);
                add(instruction.clone());
            }
            _ => add(instruction.clone()),
        }
    }
    places.push(length);
    for place in 0..length {
        if let Some(
            Instruction::Jump(target)
            | Instruction::JumpIfFalse(target)
            | Instruction::JumpIfFalseOrPop(target)
            | Instruction::JumpIfTrueOrPop(target)
            | Instruction::Iterate(target)
            | Instruction::BuildMacro(_, target, _),
        ) = weighing.get_mut(place)
        {
            *target = places.get(*target as usize).copied().unwrap_or(length);
        }
    }
    weighing
}

/// How much a value is, with all that is in it as often as it is in it.
#[derive(Clone, Copy, Default)]
struct Weight {
    parts: u64,
    bytes: u64,
    depth: u64,
}

impl Weight {
    /// Of a value, in steps that are taken while it is weighed.
    fn of(state: &State<'_, '_>, value: &Value) -> Result<Self, Error> {
        let mut whole = Self { parts: 1, bytes: text_bytes(value), depth: 0 };
        let mut open: Vec<(Value, usize)> = holds_others(value).then(|| (value.clone(), 1)).into_iter().collect();
        let mut unpaid = Self::default();
        while let Some((value, depth)) = open.pop() {
            if depth > DEEPEST {
                return Err(too_much(format!("makes lists and maps that lie more than {DEEPEST} deep in each other")));
            }
            whole.depth = whole.depth.max(depth as u64);
            let is_map = value.kind() == ValueKind::Map;
            for part in value.try_iter()? {
                let of_key = if is_map { Some(value.get_item(&part)?) } else { None };
                for part in std::iter::once(part).chain(of_key) {
                    if is_namespace(&part) {
                        return Err(too_much("puts a namespace into a list, a map or a namespace".to_owned()));
                    }
                    unpaid.parts += 1;
                    unpaid.bytes = unpaid.bytes.saturating_add(text_bytes(&part));
                    if holds_others(&part) {
                        open.push((part, depth + 1));
                    }
                }
                whole.pay(state, &mut unpaid)?;
            }
        }
        Ok(whole)
    }

    /// Takes over what was weighed, for the steps it costs.
    fn pay(&mut self, state: &State<'_, '_>, unpaid: &mut Self) -> Result<(), Error> {
        if unpaid.parts >= PARTS_PER_STEP || unpaid.bytes >= BYTES_PER_STEP {
            state.consume_fuel((unpaid.parts / PARTS_PER_STEP).saturating_add(unpaid.bytes / BYTES_PER_STEP))?;
            self.parts = self.parts.saturating_add(std::mem::take(&mut unpaid.parts));
            self.bytes = self.bytes.saturating_add(std::mem::take(&mut unpaid.bytes));
        }
        Ok(())
    }
}

fn text_bytes(value: &Value) -> u64 {
    value.as_str().map_or(0, |text| text.len() as u64)
}

fn holds_others(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map)
}

/// A namespace can be put into itself, which no walk through it survives.
fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

fn too_much(reason: String) -> Error {
    Error::new(ErrorKind::OutOfFuel, reason)
}

/// The value itself, if it is not too heavy.
fn weighed(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if holds_others(&value) {
        Weight::of(state, &value)?;
    }
    Ok(value)
}

/// The value itself, if it may be put into a namespace.
fn storable(value: Value) -> Result<Value, Error> {
    if is_namespace(&value) {
        return Err(too_much("puts a namespace into a namespace".to_owned()));
    }
    Ok(value)
}

/// The engine's own writes all before it counts, and indents by whatever it is told.
#[allow(clippy::needless_pass_by_value, reason = "filters are handed their arguments")]
fn tojson(state: &State<'_, '_>, value: &Value, indent: Option<Value>, args: Kwargs) -> Result<Value, Error> {
    let wanted = indent.or(args.get("indent")?).filter(|indent| !indent.is_none());
    let is_indented = wanted.is_some();
    let wanted = wanted.and_then(|indent| usize::try_from(indent).ok()).unwrap_or_default();
    if wanted > WIDEST_INDENT {
        return Err(too_much(format!("indents JSON by {wanted}; up to {WIDEST_INDENT} is done")));
    }
    let weight = Weight::of(state, value)?;
    let line = (wanted as u64).saturating_mul(weight.depth) + 8;
    let bytes = weight.bytes.saturating_mul(6).saturating_add(weight.parts.saturating_mul(line));
    state.consume_fuel(bytes / BYTES_PER_STEP)?;
    let is_sorted = args.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    let _ = args.get::<Option<Value>>("ensure_ascii")?;
    let _ = args.get::<Option<Value>>("separators")?;
    args.assert_all_used()?;
    Ok(Value::from(python::json(value, is_indented.then_some(wanted), is_sorted)))
}

/// A value of a file as templates take it; keys keep their order.
pub fn value(node: &Node<'_>) -> Value {
    match node {
        Node::Null => Value::from(()),
        Node::Bool(value) => Value::from(*value),
        Node::Whole(value) => i64::try_from(*value).map_or_else(|_| Value::from(*value), Value::from),
        Node::Number(value) => Value::from(*value),
        Node::Text(text) => Value::from(&**text),
        Node::List(parts) => Value::from(parts.iter().map(value).collect::<Vec<_>>()),
        Node::Map(fields) => Value::from_pairs(fields.iter().map(|(key, part)| (key.to_string(), value(part)))),
    }
}

/// Methods of Python. Of them `format` writes as wide as it is told before it is counted.
fn method(state: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    if let Some(pattern) = value.as_str().filter(|_| name == "format") {
        let numbers = pattern.split(|byte: char| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
        if numbers.map(|digits| digits.parse().unwrap_or(usize::MAX)).any(|number| number > WIDEST) {
            return Err(too_much(format!("formats wider than {WIDEST}")));
        }
        let fields = pattern.bytes().filter(|byte| *byte == b'{').count() as u64;
        let mut each = WIDEST as u64;
        for arg in args {
            let weight = Weight::of(state, arg)?;
            each = each.saturating_add(weight.bytes).saturating_add(weight.parts.saturating_mul(8));
        }
        state.consume_fuel(fields.saturating_mul(each) / BYTES_PER_STEP)?;
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}
