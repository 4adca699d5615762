//! YAML (and JSON, which is YAML) as a tree that knows the line of every key and value and keeps keys given twice.

use super::ImportError;
use crate::scalar::{self, Scalar};
use granit_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashMap;

/// Most values of a file, those behind aliases counted each time.
const MAX_NODES: usize = 200_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Line, from 1.
    pub line: usize,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Node>),
    /// Keys with their lines, in order; a key may stand twice.
    Map(Vec<(String, usize, Node)>),
}

/// Reads the first document of `text`.
pub fn parse(text: &str) -> Result<Node, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut events = Events { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    loop {
        match events.next()? {
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, _) => {
                return Err(ImportError("the file is empty".to_owned()));
            }
            (event, span) => return events.node(event, span, 0),
        }
    }
}

/// The next event of a file with its place; the error says line and column.
pub(super) fn next_event<'t>(
    parser: &mut Parser<'t, granit_parser::StrInput<'t>>,
) -> Result<(Event<'t>, Span), ImportError> {
    match parser.next() {
        Some(Ok(event)) => Ok(event),
        Some(Err(error)) => {
            let (line, column) = (error.marker().line(), error.marker().col() + 1);
            Err(ImportError(format!("{line}:{column}: {}", error.info())))
        }
        None => Err(ImportError("the file ends in the middle of a value".to_owned())),
    }
}

struct Events<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Events<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), ImportError> {
        next_event(&mut self.parser)
    }

    fn count(&mut self, more: usize, line: usize) -> Result<(), ImportError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            return Err(ImportError(format!("{line}: the file has more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, ImportError> {
        let line = span.start.line();
        if depth > MAX_DEPTH {
            return Err(ImportError(format!("{line}: values are nested deeper than {MAX_DEPTH}")));
        }
        self.count(1, line)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let scalar = match style {
                    ScalarStyle::Plain if !is_text => scalar::plain(&text),
                    _ => Scalar::Text(text.into_owned()),
                };
                (anchor, Value::Scalar(scalar))
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => list.push(self.node(event, span, depth + 1)?),
                    }
                }
                (anchor, Value::List(list))
            }
            Event::MappingStart(_, anchor, _) => (anchor, Value::Map(self.map(depth)?)),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(ImportError(format!("{line}: an alias (`*name`) without its anchor (`&name`)")));
                };
                self.count(size(&node), line)?;
                return Ok(Node { line, ..node });
            }
            other => return Err(ImportError(format!("{line}: a value was expected, not {other:?}"))),
        };
        let node = Node { value, line };
        if anchor > 0 {
            self.count(size(&node), line)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(String, usize, Node)>, ImportError> {
        let mut map = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let key = match event {
                Event::MappingEnd => return Ok(map),
                Event::Scalar(text, ..) => text.into_owned(),
                other => match self.node(other, span, depth + 1)?.value {
                    Value::Scalar(Scalar::Text(text)) => text,
                    _ => return Err(ImportError(format!("{line}: a key must be a word"))),
                },
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            // `<<` takes the keys of an anchor over.
            match (key.as_str(), value.value) {
                ("<<", Value::Map(merged)) => map.extend(merged),
                (_, value_of) => map.push((key, line, Node { value: value_of, line: value.line })),
            }
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::List(list) => list.iter().map(size).fold(1, usize::saturating_add),
        Value::Map(map) => map.iter().map(|(_, _, node)| size(node)).fold(1, usize::saturating_add),
    }
}
