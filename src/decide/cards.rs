//! Short cards beside the question or step they bear on: `assets/decide/cards.ron`, English and Korean, with sources.

use crate::plan::decision::questions::Step;
use serde::Deserialize;
use std::sync::OnceLock;

/// A card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Word in JSON.
    pub id: String,
    /// Step it stands at.
    pub step: CardStep,
    /// Id of the question it bears on; empty: on the whole step.
    #[serde(default)]
    pub question: String,
    /// Title.
    pub title: Words,
    /// A few sentences.
    pub text: Words,
    /// Where they are from.
    pub source: String,
}

/// A text in each language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

/// Word of a step in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the steps of the path")]
pub enum CardStep {
    Evaluate,
    Prompt,
    Failures,
    Retrieve,
    Tune,
    Cost,
    Upkeep,
}

impl CardStep {
    /// The step of the path.
    pub const fn step(self) -> Step {
        match self {
            Self::Evaluate => Step::Evaluate,
            Self::Prompt => Step::Prompt,
            Self::Failures => Step::Failures,
            Self::Retrieve => Step::Retrieve,
            Self::Tune => Step::Tune,
            Self::Cost => Step::Cost,
            Self::Upkeep => Step::Upkeep,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cards {
    cards: Vec<Card>,
}

/// Every card, in the order of the path.
pub fn cards() -> &'static [Card] {
    static CARDS: OnceLock<Cards> = OnceLock::new();
    // A test reads the file, so it is never empty in a release.
    &CARDS.get_or_init(|| ron::from_str(include_str!("../../assets/decide/cards.ron")).unwrap_or_default()).cards
}

/// Cards that bear on a question.
pub fn of_question(id: &str) -> impl Iterator<Item = &'static Card> {
    cards().iter().filter(move |card| card.question == id)
}

/// Cards that bear on a step as a whole.
pub fn of_step(step: Step) -> impl Iterator<Item = &'static Card> {
    cards().iter().filter(move |card| card.question.is_empty() && card.step.step() == step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::decision::questions::question;

    #[test]
    fn every_card_stands_at_a_question_of_its_step_and_has_a_source() {
        let read = ron::from_str::<Cards>(include_str!("../../assets/decide/cards.ron"));
        assert!(read.is_ok(), "{read:?}");
        assert!(cards().len() >= 20);
        for card in cards() {
            let texts = [&card.title, &card.text];
            assert!(texts.iter().all(|words| !words.en.is_empty() && words.ko.contains(is_hangul)), "{}", card.id);
            assert!(!card.source.is_empty(), "{}", card.id);
            let found = question(&card.question);
            assert!(card.question.is_empty() || found.is_some_and(|q| q.step == card.step.step()), "{}", card.id);
            assert!(card.text.en.len() < 420, "{} is no short card: {}", card.id, card.text.en.len());
        }
        let mut ids: Vec<&str> = cards().iter().map(|card| card.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), cards().len(), "two cards share an id");
    }

    /// What the field knows about fine-tuning and data that nothing else of the page says.
    #[test]
    fn what_the_page_has_to_teach_is_on_a_card() {
        let all: String =
            cards().iter().flat_map(|card| [&card.title.en, &card.text.en, &card.source]).cloned().collect();
        for words in [
            "InstructGPT",
            "Feature-based transfer",
            "LIMA",
            "Ossification",
            "Garimella",
            "57 %",
            "Howard",
            "Adler",
            "Shen",
            "Code Llama",
            "BloombergGPT",
            "Chung",
            "25, 50 and 100 %",
            "Llama 3",
        ] {
            assert!(all.contains(words), "{words}");
        }
    }

    fn is_hangul(letter: char) -> bool {
        ('\u{ac00}'..='\u{d7a3}').contains(&letter)
    }
}
