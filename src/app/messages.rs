//! What the program has to say: a list, so that one message never wipes another out.
//!
//! What went wrong stays until it is dismissed, on the tab it is about; a notice that something was done fades.

use super::state::DocumentId;

/// Seconds that a notice is shown.
pub const NOTICE_SECS: f64 = 8.0;

/// Most messages that are kept; the oldest notices go first.
const MAX_KEPT: usize = 40;

/// How bad it is, and so how long it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something was done; fades.
    Notice,
    /// A change of the plan was refused; goes with the next change that is taken.
    Refusal,
    /// Something did not work; stays until it is dismissed.
    Failure,
}

/// What a message is about, and so where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The program: shown on every tab.
    Program,
    /// An open plan: shown on its tab, gone with it.
    Plan(DocumentId),
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts messages; what is to be dismissed is named by it.
    pub number: u64,
    /// How bad it is.
    pub kind: Kind,
    /// Where it is shown.
    pub about: About,
    /// What happened.
    pub text: String,
}

impl Message {
    /// Whether it is bad news.
    pub fn is_error(&self) -> bool {
        self.kind != Kind::Notice
    }
}

/// All messages that still matter, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    list: Vec<Message>,
    said: u64,
}

impl Messages {
    /// Says something. A failure that stands there word for word is not said twice.
    pub(super) fn say(&mut self, kind: Kind, about: About, text: String) {
        self.list.retain(|message| (message.about, message.text.as_str()) != (about, text.as_str()));
        self.said += 1;
        self.list.push(Message { number: self.said, kind, about, text });
        while self.list.len() > MAX_KEPT {
            let oldest = self.list.iter().position(|message| !message.is_error()).unwrap_or(0);
            self.list.remove(oldest);
        }
    }

    /// The message was read.
    pub(super) fn dismiss(&mut self, number: u64) {
        self.list.retain(|message| message.number != number);
    }

    /// The notice was shown long enough, and with it all before it.
    pub(super) fn fade(&mut self, number: u64) {
        self.list.retain(|message| message.is_error() || message.number > number);
    }

    /// A plan was changed: what was done before, or refused, is no longer news.
    pub(super) fn changed(&mut self, plan: DocumentId) {
        self.list.retain(|message| message.kind == Kind::Failure || message.about != About::Plan(plan));
    }

    /// A plan was closed.
    pub(super) fn closed(&mut self, plan: DocumentId) {
        self.list.retain(|message| message.about != About::Plan(plan));
    }

    /// The last one that was said, on whatever tab.
    pub fn latest(&self) -> Option<&Message> {
        self.list.last()
    }

    /// The notice to show beside a plan.
    pub fn notice(&self, plan: DocumentId) -> Option<&Message> {
        self.shown(plan).filter(|message| !message.is_error()).last()
    }

    /// What went wrong with a plan or the program, oldest first.
    pub fn errors(&self, plan: DocumentId) -> impl Iterator<Item = &Message> {
        self.shown(plan).filter(|message| message.is_error())
    }

    fn shown(&self, plan: DocumentId) -> impl Iterator<Item = &Message> {
        self.list
            .iter()
            .filter(move |message| matches!(message.about, About::Program) || message.about == About::Plan(plan))
    }
}

#[cfg(test)]
mod tests {
    use super::{About, Kind, MAX_KEPT, Messages};

    #[test]
    fn failures_outlive_notices_changes_and_repetition() {
        let mut messages = Messages::default();
        messages.say(Kind::Failure, About::Program, "settings are damaged".to_owned());
        messages.say(Kind::Refusal, About::Plan(1), "rank: from 1".to_owned());
        for i in 0..2 * MAX_KEPT {
            messages.say(Kind::Notice, About::Plan(1), format!("opened {i}"));
        }
        messages.say(Kind::Failure, About::Plan(2), "not saved".to_owned());
        messages.say(Kind::Failure, About::Plan(2), "not saved".to_owned());
        let errors = |messages: &Messages, plan| messages.errors(plan).map(|m| m.text.clone()).collect::<Vec<_>>();
        assert_eq!(errors(&messages, 1), ["settings are damaged", "rank: from 1"]);
        assert_eq!(errors(&messages, 2), ["settings are damaged", "not saved"]);
        messages.changed(1);
        assert_eq!(errors(&messages, 1), ["settings are damaged"]);
        assert!(messages.notice(1).is_none());
        messages.closed(2);
        assert_eq!(errors(&messages, 2), ["settings are damaged"]);
        let number = messages.latest().map_or(0, |message| message.number);
        messages.dismiss(number);
        assert!(messages.latest().is_none());
    }

    #[test]
    fn a_notice_fades_with_those_before_it_and_is_shown_on_its_tab_only() {
        let mut messages = Messages::default();
        messages.say(Kind::Notice, About::Plan(1), "opened a".to_owned());
        messages.say(Kind::Notice, About::Plan(1), "saved a".to_owned());
        let shown = messages.notice(1).map(|message| (message.text.clone(), message.number));
        assert_eq!(shown.as_ref().map(|(text, _)| text.as_str()), Some("saved a"));
        assert!(messages.notice(2).is_none());
        messages.fade(shown.map_or(0, |(_, number)| number));
        assert!(messages.notice(1).is_none());
    }
}
