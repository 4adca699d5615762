//! Text made by rule: what the embedded model was trained on, and the new format it learns in a preview.
//!
//! Everything is drawn from a seed, so that the same command makes the same text on every machine. No text of anybody
//! else is in it.

use super::lora::Random;

/// A prompt and the answer that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Example {
    /// What is asked.
    pub prompt: String,
    /// What should be answered.
    pub answer: String,
}

const NUMBERS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const WHO: [&str; 12] = [
    "baker", "teacher", "gardener", "pilot", "doctor", "painter", "farmer", "sailor", "cook", "driver", "miller",
    "tailor",
];
const COLOURS: [&str; 8] = ["red", "green", "blue", "white", "black", "yellow", "brown", "grey"];
const THINGS: [&str; 14] = [
    "apple", "chair", "lamp", "book", "cup", "stone", "boat", "coat", "bell", "door", "wheel", "basket", "bottle",
    "spoon",
];
const PLACES: [&str; 8] = ["garden", "kitchen", "harbour", "market", "school", "forest", "station", "tower"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const VERBS: [&str; 8] = ["sees", "carries", "paints", "sells", "finds", "buys", "mends", "hides"];

fn one<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[random.below(words.len())]
}

/// A sentence or short exchange of the base corpus.
pub fn base_text(random: &mut Random) -> String {
    let (who, thing, place) = (one(random, &WHO), one(random, &THINGS), one(random, &PLACES));
    let (colour, day, verb) = (one(random, &COLOURS), one(random, &DAYS), one(random, &VERBS));
    match random.below(9) {
        0 => format!("The {who} {verb} a {colour} {thing} in the {place}."),
        1 => {
            let (a, b) = (random.below(5), random.below(5));
            format!("{} plus {} is {}.", NUMBERS[a], NUMBERS[b], NUMBERS[a + b])
        }
        2 => {
            let a = random.below(10);
            let b = random.below(a + 1);
            format!("{} minus {} is {}.", NUMBERS[a], NUMBERS[b], NUMBERS[a - b])
        }
        3 => format!("On {day} the {who} goes to the {place} and {verb} the {thing}."),
        4 => format!("User: What colour is the {thing}?\nAssistant: The {thing} is {colour}, said the {who}."),
        5 => {
            let at = random.below(6);
            format!("User: Which day comes after {}?\nAssistant: {} comes after {}.", DAYS[at], DAYS[at + 1], DAYS[at])
        }
        6 => {
            let count = random.below(8) + 2;
            format!("There are {} {colour} {thing}s in the {place}: \"{count}\".", NUMBERS[count])
        }
        7 => format!("{{\"place\": \"{place}\", \"open\": true}}"),
        _ => format!("User: Who {verb} the {thing}?\nAssistant: The {who} {verb} the {thing}."),
    }
}

/// An order in words, and the same as JSON: a format the base corpus does not have.
fn order(random: &mut Random) -> Example {
    let (who, colour, thing, day) =
        (one(random, &WHO), one(random, &COLOURS), one(random, &THINGS), one(random, &DAYS));
    let count = random.below(8) + 2;
    let prompt = match random.below(3) {
        0 => format!("The {who} orders {} {colour} {thing}s for {day}.", NUMBERS[count]),
        1 => format!("For {day} the {who} wants {} {colour} {thing}s.", NUMBERS[count]),
        _ => format!("Please bring the {who} {} {colour} {thing}s on {day}.", NUMBERS[count]),
    };
    let answer = format!("{{\"who\":\"{who}\",\"count\":{count},\"item\":\"{colour} {thing}s\",\"day\":\"{day}\"}}");
    Example { prompt, answer }
}

/// `count` different orders, and `held_out` more that are none of them.
pub fn orders(seed: u64, count: usize, held_out: usize) -> (Vec<Example>, Vec<Example>) {
    let mut random = Random(seed);
    let mut seen = std::collections::HashSet::new();
    let mut all = Vec::with_capacity(count + held_out);
    // 12 × 8 × 14 × 7 × 8 × 3 orders exist: far more than are asked for.
    while all.len() < (count + held_out).min(100_000) {
        let order = order(&mut random);
        if seen.insert(order.answer.clone()) {
            all.push(order);
        }
    }
    let rest = all.split_off(count.min(all.len()));
    (all, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_text_and_nothing_is_both_trained_and_held_out() {
        let text = |seed| (0..50).map(|_| base_text(&mut Random(seed))).collect::<Vec<_>>();
        assert_eq!(text(3), text(3));
        let (train, held_out) = orders(1, 500, 100);
        assert_eq!((train.len(), held_out.len()), (500, 100));
        assert!(held_out.iter().all(|example| train.iter().all(|other| other.answer != example.answer)));
        assert_eq!(orders(1, 500, 100), (train, held_out));
    }

    #[test]
    fn sums_of_the_corpus_are_right() {
        let mut random = Random(5);
        let value = |word: &str| NUMBERS.iter().position(|number| *number == word);
        let mut found = 0;
        for _ in 0..2000 {
            let text = base_text(&mut random);
            if let [a, "plus", b, "is", c] = text.trim_end_matches('.').split(' ').collect::<Vec<_>>()[..] {
                assert_eq!(value(a).zip(value(b)).map(|(a, b)| a + b), value(c), "{text}");
                found += 1;
            }
        }
        assert!(found > 50, "{found}");
    }
}
