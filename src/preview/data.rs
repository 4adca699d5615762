//! Examples as tokens: prompt and answer in a fixed template, the prompt masked, sequences padded to one length.

use super::corpus::Example;
use super::lora::Random;
use super::model::Batch;
use super::ops::IGNORED;

/// Tokens of the embedded model: the 256 bytes, a beginning and an end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes;

impl Bytes {
    /// Begins every sequence.
    pub const BEGIN: u32 = 256;
    /// Ends every answer.
    pub const END: u32 = 257;
    /// Rows of the token table.
    pub const VOCABULARY: usize = 258;

    /// Tokens of a text.
    pub fn encode(text: &str) -> impl Iterator<Item = u32> {
        text.bytes().map(u32::from)
    }

    /// The text of tokens; what is no text becomes the replacement sign.
    pub fn decode(tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().filter_map(|token| u8::try_from(*token).ok()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// An example as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Beginning, prompt, answer, end.
    pub tokens: Vec<u32>,
    /// Tokens before the answer.
    pub prompt: usize,
}

/// The template of the embedded model.
pub fn sequence(example: &Example) -> Sequence {
    let before = format!("User: {}\nAssistant: ", example.prompt);
    let mut tokens = vec![Bytes::BEGIN];
    tokens.extend(Bytes::encode(&before));
    let prompt = tokens.len();
    tokens.extend(Bytes::encode(&example.answer));
    tokens.push(Bytes::END);
    Sequence { tokens, prompt }
}

/// Sequences side by side, padded at the end to the longest; only answers are targets.
pub fn batch(sequences: &[&Sequence]) -> Batch {
    let length = sequences.iter().map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
    let mut tokens = Vec::with_capacity(length * sequences.len());
    let mut targets = Vec::with_capacity(length * sequences.len());
    for sequence in sequences {
        for place in 0..length {
            // Attention looks back only, so what stands behind the end changes nothing before it.
            tokens.push(sequence.tokens.get(place).copied().unwrap_or(Bytes::END));
            let next = sequence.tokens.get(place + 1).filter(|_| place + 1 >= sequence.prompt);
            targets.push(next.copied().unwrap_or(IGNORED));
        }
    }
    Batch { tokens, targets, length }
}

/// Examples in a new order every epoch, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Shuffled {
    order: Vec<usize>,
    next: usize,
    random: Random,
}

impl Shuffled {
    /// Of `count` examples.
    pub fn new(count: usize, seed: u64) -> Self {
        let mut shuffled = Self { order: (0..count).collect(), next: count, random: Random(seed) };
        shuffled.deal();
        shuffled
    }

    fn deal(&mut self) {
        for end in (1..self.order.len()).rev() {
            let other = self.random.below(end + 1);
            self.order.swap(end, other);
        }
        self.next = 0;
    }

    /// The next `count` examples.
    pub fn take(&mut self, count: usize) -> Vec<usize> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count && !self.order.is_empty() {
            if self.next >= self.order.len() {
                self.deal();
            }
            taken.push(self.order[self.next]);
            self.next += 1;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_is_a_target() {
        let example = Example { prompt: "ab".to_owned(), answer: "cd".to_owned() };
        let short = Example { prompt: String::new(), answer: "e".to_owned() };
        let (long, short) = (sequence(&example), sequence(&short));
        let batch = batch(&[&long, &short]);
        assert_eq!(batch.length, long.tokens.len());
        let wanted = |row: usize| -> Vec<u32> {
            let row = &batch.targets[row * batch.length..(row + 1) * batch.length];
            row.iter().copied().filter(|target| *target != IGNORED).collect()
        };
        assert_eq!(wanted(0), [u32::from(b'c'), u32::from(b'd'), Bytes::END]);
        assert_eq!(wanted(1), [u32::from(b'e'), Bytes::END]);
        // The first target stands where the last token of the prompt is.
        assert_eq!(batch.targets[long.prompt - 1], u32::from(b'c'));
        assert_eq!(Bytes::decode(&long.tokens), "User: ab\nAssistant: cd");
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
}
