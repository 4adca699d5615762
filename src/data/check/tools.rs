//! Calls of tools: their arguments, their results, and the schemas they are to fit.

use super::chat::{Kind, List, Role, tell_rarer};
use super::schema;
use super::values::brief;
use crate::checks::{
    ARGUMENTS_MIXED, ARGUMENTS_SYNTAX, ARGUMENTS_TEXT, ARGUMENTS_TWICE, CALL_SHAPE, CALL_WITHOUT_RESULT,
    RESULT_WITHOUT_CALL, SCHEMA, TOOLS_SYNTAX, UNKNOWN_TOOL,
};
use crate::findings::{Findings, Row};
use crate::node::Node;
use crate::place::Step;

/// What is known of a file's calls together.
#[derive(Debug, Default)]
pub(super) struct Calls {
    as_text: Kind,
    as_object: Kind,
}

impl Calls {
    pub fn finish(&self, findings: &mut Findings) {
        if self.as_text.count > 0 && self.as_object.count > 0 {
            tell_rarer(&ARGUMENTS_MIXED, &self.as_text, &self.as_object, ["as text", "as objects"], findings);
        } else if let Some(place) = self.as_text.first.first() {
            findings.at(&ARGUMENTS_TEXT, place.clone(), String::new);
            findings.of_file(&ARGUMENTS_TEXT, self.as_text.count - 1, String::new());
        }
    }
}

/// The tools of a row by name; `None` where it has none, or none that can be read.
fn tools_of(list: &mut List<'_, '_>, tools: &Node<'_>) -> Option<Vec<(String, Option<Node<'static>>)>> {
    let row = list.row;
    let path = [Step::Key("tools")];
    let parsed = match tools {
        // LLaMA-Factory and TRL take text that holds the list as well.
        Node::Text(text) if text.trim().is_empty() => return None,
        Node::Text(text) => owned(&Node::parse(text).unwrap_or(Node::Null)),
        other => owned(other),
    };
    let Some(tools) = parsed.as_list() else {
        list.findings.field(&TOOLS_SYNTAX, row, &path, || format!("it is a {}", parsed.kind()));
        return None;
    };
    let mut named = Vec::with_capacity(tools.len());
    for (at, tool) in tools.iter().enumerate() {
        let function = tool.get("function").unwrap_or(tool);
        match function.get("name").and_then(Node::as_str) {
            Some(name) => named.push((name.to_owned(), function.get("parameters").map(owned))),
            None => {
                list.findings
                    .field(&TOOLS_SYNTAX, row, &[path[0], Step::At(at)], || "a tool without a name".to_owned());
            }
        }
    }
    Some(named)
}

/// A copy that borrows nothing.
fn owned(node: &Node<'_>) -> Node<'static> {
    node.clone().into_owned()
}

/// Calls that wait for their result.
#[derive(Default)]
struct Open<'n> {
    at: usize,
    ids: Vec<Option<&'n str>>,
}

/// Checks the calls of a conversation.
pub(super) fn check<'n>(list: &mut List<'_, '_>, turns: &'n [Node<'n>], roles: &[Option<Role>]) {
    let (row, name) = (list.row, list.name);
    let fields = list.fields;
    let has_calls = turns.iter().any(|turn| turn.given("tool_calls").is_some());
    let tools = if has_calls || fields.given("tools").is_some() {
        fields.given("tools").and_then(|tools| tools_of(list, tools))
    } else {
        None
    };
    let is_openai = roles.contains(&Some(Role::Tool)) && name != "conversations";
    if !has_calls && !is_openai {
        return;
    }
    let mut open = Open::default();
    for (at, turn) in turns.iter().enumerate() {
        let path = [Step::Key(name), Step::At(at)];
        if roles[at] == Some(Role::Tool) {
            let id = turn.given("tool_call_id").and_then(Node::as_str);
            let answered = open.ids.iter().position(|open| id.is_none() || open.is_none() || *open == id);
            match answered {
                Some(answered) => {
                    open.ids.remove(answered);
                }
                None => list.findings.field(&RESULT_WITHOUT_CALL, row, &path, || {
                    id.map_or_else(String::new, |id| format!("tool_call_id `{}`", brief(id)))
                }),
            }
            continue;
        }
        if !open.ids.is_empty() {
            let calling = [Step::Key(name), Step::At(open.at), Step::Key("tool_calls")];
            list.findings.field(&CALL_WITHOUT_RESULT, row, &calling, String::new);
            open.ids.clear();
        }
        let Some(calls) = turn.given("tool_calls") else { continue };
        let Some(calls) = calls.as_list() else {
            let path = [path[0], path[1], Step::Key("tool_calls")];
            list.findings.field(&CALL_SHAPE, row, &path, || "`tool_calls` is no list".to_owned());
            continue;
        };
        open.at = at;
        for (call_at, call) in calls.iter().enumerate() {
            open.ids.push(call.given("id").and_then(Node::as_str));
            let path = [path[0], path[1], Step::Key("tool_calls"), Step::At(call_at)];
            one_call(list, row, call, &path, tools.as_deref());
        }
    }
}

type Tools<'t> = &'t [(String, Option<Node<'static>>)];

fn one_call(list: &mut List<'_, '_>, row: Row<'_>, call: &Node<'_>, path: &[Step<'_>; 4], tools: Option<Tools<'_>>) {
    let function = call.get("function");
    let mut inside = path.to_vec();
    if function.is_some() {
        inside.push(Step::Key("function"));
    }
    let function = function.unwrap_or(call);
    let called = function.get("name").and_then(Node::as_str);
    if called.is_none() && call.get("function").is_some() {
        list.findings.field(&CALL_SHAPE, row, path, || "no name".to_owned());
    }
    inside.push(Step::Key("arguments"));
    let Some(arguments) = function.given("arguments") else { return };
    let parsed = match arguments {
        Node::Text(text) => {
            list.talk.calls.as_text.add(row, &inside);
            match Node::parse(text) {
                Ok(Node::Text(_)) => {
                    list.findings.field(&ARGUMENTS_TWICE, row, &inside, String::new);
                    return;
                }
                Ok(parsed) => owned(&parsed),
                Err(error) => {
                    let reason = crate::place::reason(&error);
                    list.findings.field(&ARGUMENTS_SYNTAX, row, &inside, || format!("`{}`: {reason}", brief(text)));
                    return;
                }
            }
        }
        other => {
            list.talk.calls.as_object.add(row, &inside);
            owned(other)
        }
    };
    let (Some(called), Some(tools)) = (called, tools) else { return };
    match tools.iter().find(|(name, _)| name == called) {
        None => {
            inside.pop();
            inside.push(Step::Key("name"));
            list.findings.field(&UNKNOWN_TOOL, row, &inside, || format!("`{}`", brief(called)));
        }
        Some((_, Some(parameters))) => {
            if let Some(fault) = schema::fault(&parsed, parameters) {
                list.findings.field(&SCHEMA, row, &inside, || fault);
            }
        }
        Some((_, None)) => {}
    }
}
