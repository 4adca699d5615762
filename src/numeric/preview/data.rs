//! Examples as tokens, the prompt masked; batches of them, padded to one length; their order.

use super::lora::Random;
use super::memory::BatchTokens;
use super::ops::IGNORED;
use super::pass::Batch;
use crate::data::tokens::Tokens;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// An example as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Beginning, prompt, answer, end.
    pub tokens: Vec<u32>,
    /// Which of them are answers, to be learned.
    pub learned: Vec<bool>,
}

impl Sequence {
    /// The first answer: tokens that are learned after a prompt that is not.
    pub fn first_answer(&self) -> Range<usize> {
        let start = self.learned.iter().position(|learned| *learned).unwrap_or(self.tokens.len());
        // Of a text that is learned whole something must be there to go on from.
        let start = start.max(1).min(self.tokens.len());
        let length = self.learned[start..].iter().take_while(|learned| **learned).count();
        start..start + length
    }

    /// Targets it has: learned tokens with one before them.
    pub fn targets(&self) -> usize {
        self.learned.iter().skip(1).filter(|learned| **learned).count()
    }
}

/// What a run learns from and is tested with.
#[derive(Clone)]
pub struct Data {
    /// To learn from.
    pub train: Vec<Sequence>,
    /// To test with; none of them is learned from.
    pub held_out: Vec<Sequence>,
    /// Text such as the base was made from, to see what is forgotten; `None` where there is none.
    pub base_text: Option<Batch>,
    /// The model's tokenizer.
    pub tokens: Arc<Tokens>,
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Data({} to learn from, {} held out)", self.train.len(), self.held_out.len())
    }
}

impl Data {
    /// Tokens of the largest batch of `together` examples to learn from.
    pub fn largest_batch(&self, together: usize) -> BatchTokens {
        let most = |of: &dyn Fn(&Sequence) -> usize| self.train.iter().map(of).max().unwrap_or(0);
        let together = together.max(1);
        BatchTokens {
            all: together.saturating_mul(most(&|sequence| sequence.tokens.len())),
            counted: together.saturating_mul(most(&Sequence::targets)),
        }
    }
}

/// Sequences side by side, padded at the end to the longest; only answers are targets.
pub fn batch(sequences: &[&Sequence]) -> Batch {
    let length = sequences.iter().map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
    let mut tokens = Vec::with_capacity(length * sequences.len());
    let mut targets = Vec::with_capacity(length * sequences.len());
    for sequence in sequences {
        for place in 0..length {
            // Attention looks back only, so what stands behind the end changes nothing before it.
            tokens.push(sequence.tokens.get(place).copied().unwrap_or(0));
            let learned = sequence.learned.get(place + 1).is_some_and(|learned| *learned);
            let next = sequence.tokens.get(place + 1).filter(|_| learned);
            targets.push(next.copied().unwrap_or(IGNORED));
        }
    }
    Batch { tokens, targets, length }
}

/// Examples in a new order every epoch, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Shuffled {
    order: Vec<usize>,
    place: Place,
    random: Random,
}

/// Where in which epoch an order stands: all it takes to go on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// State of the random numbers the epoch was dealt with.
    epoch: u64,
    /// Examples of it that were taken.
    taken: usize,
}

impl Shuffled {
    /// Of `count` examples.
    pub fn new(count: usize, seed: u64) -> Self {
        Self::at(count, Place { epoch: seed, taken: 0 })
    }

    /// Of `count` examples, at a place that was [taken down](Self::place) before.
    pub fn at(count: usize, place: Place) -> Self {
        let mut shuffled = Self { order: Vec::new(), place, random: Random(place.epoch) };
        shuffled.deal(count);
        shuffled.place.taken = place.taken.min(count);
        shuffled
    }

    /// Where it stands.
    pub const fn place(&self) -> Place {
        self.place
    }

    fn deal(&mut self, count: usize) {
        self.place = Place { epoch: self.random.0, taken: 0 };
        self.order = (0..count).collect();
        for end in (1..count).rev() {
            let other = self.random.below(end + 1);
            self.order.swap(end, other);
        }
    }

    /// The next `count` examples.
    pub fn take(&mut self, count: usize) -> Vec<usize> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count && !self.order.is_empty() {
            if self.place.taken >= self.order.len() {
                self.deal(self.order.len());
            }
            taken.push(self.order[self.place.taken]);
            self.place.taken += 1;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_is_a_target() {
        let sequence = |prompt: &[u32], answer: &[u32]| Sequence {
            tokens: [prompt, answer].concat(),
            learned: (0..prompt.len() + answer.len()).map(|place| place >= prompt.len()).collect(),
        };
        let (long, short) = (sequence(&[9, 1, 2], &[3, 4, 8]), sequence(&[9], &[5, 8]));
        let batch = batch(&[&long, &short]);
        assert_eq!(batch.length, long.tokens.len());
        let wanted = |row: usize| -> Vec<u32> {
            let row = &batch.targets[row * batch.length..(row + 1) * batch.length];
            row.iter().copied().filter(|target| *target != IGNORED).collect()
        };
        assert_eq!(wanted(0), [3, 4, 8]);
        assert_eq!(wanted(1), [5, 8]);
        // The first target stands where the last token of the prompt is.
        assert_eq!(batch.targets[long.first_answer().start - 1], 3);
        assert_eq!((long.targets(), short.targets(), short.first_answer()), (3, 2, 1..3));
    }

    #[test]
    fn every_example_comes_once_an_epoch() {
        let mut shuffled = Shuffled::new(10, 4);
        for _ in 0..3 {
            let mut epoch: Vec<usize> = (0..5).flat_map(|_| shuffled.take(2)).collect();
            epoch.sort_unstable();
            assert_eq!(epoch, (0..10).collect::<Vec<_>>());
        }
        assert!(Shuffled::new(0, 1).take(3).is_empty());
    }

    #[test]
    fn an_order_goes_on_from_where_it_was_taken_down() {
        let mut shuffled = Shuffled::new(7, 9);
        for _ in 0..5 {
            shuffled.take(3);
            let mut again = Shuffled::at(7, shuffled.place());
            assert_eq!(again.take(20), shuffled.clone().take(20));
        }
    }
}
