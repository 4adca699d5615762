//! OpenAI's notebook for the data of a fine-tuning job: its checks of a row, and its way to count tokens.

use super::{Labelled, Made, Preparation};
use crate::Result;
use crate::check::Shape;
use crate::node::Node;

/// Tokens that the notebook adds for each message, for a name, and for a conversation.
const PER_MESSAGE: usize = 3;
const PER_NAME: usize = 1;
const PER_CONVERSATION: usize = 3;

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

impl Preparation<'_> {
    pub(super) fn openai(&mut self, row: &Node<'_>) -> Result<Made> {
        if Shape::of(row) != Shape::Messages {
            return Ok(Made::rejected("missing_messages_list"));
        }
        let turns = row.get("messages").and_then(Node::as_list).unwrap_or_default();
        if turns.is_empty() {
            return Ok(Made::rejected("missing_messages_list"));
        }
        let mut whole = Labelled::default();
        let mut has_answer = false;
        for turn in turns {
            let Some(role) = turn.get("role").and_then(Node::as_str) else {
                return Ok(Made::rejected("message_missing_key: role"));
            };
            if !ROLES.contains(&role) {
                return Ok(Made::rejected("unrecognized_role"));
            }
            let calls = turn.given("tool_calls").or_else(|| turn.given("function_call"));
            let said = match turn.get("content") {
                Some(Node::Text(text)) if text.is_empty() && calls.is_none() => {
                    return Ok(Made::rejected("missing_content"));
                }
                Some(Node::Text(text)) => text.to_string(),
                Some(Node::List(parts)) => {
                    parts.iter().filter_map(|part| part.get("text").and_then(Node::as_str)).collect::<Vec<_>>().concat()
                }
                _ if calls.is_some() => String::new(),
                _ => return Ok(Made::rejected("missing_content")),
            };
            let is_answer = role == "assistant";
            has_answer |= is_answer;
            let is_weighed = turn.get("weight") != Some(&Node::Whole(0));
            // What frames a message has no token of this tokenizer.
            whole.extend(&[0; PER_MESSAGE], false);
            whole.extend(&self.encode(role, false)?, false);
            whole.extend(&self.encode(&said, false)?, is_answer && is_weighed);
            if let Some(name) = turn.given("name").and_then(Node::as_str) {
                whole.extend(&[0; PER_NAME], false);
                whole.extend(&self.encode(name, false)?, false);
            }
        }
        whole.extend(&[0; PER_CONVERSATION], false);
        if !has_answer {
            return Ok(Made::rejected("example_missing_assistant_message"));
        }
        let made = Made::cut_at_end(whole, self.cutoff);
        if made.kept.trained_tokens() == 0 {
            return Ok(Made { verdict: super::Verdict::Untrained, reason: "no answer is trained".to_owned(), ..made });
        }
        Ok(made)
    }
}
