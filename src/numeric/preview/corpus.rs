//! Text made by rule: what the embedded model was trained on, and the new format it learns in a preview.
//!
//! The base text has sentences, sums, and exchanges whose answer stands in the question, with made-up words among the
//! known ones: only a model that copies from what it has read can answer those. The new format, orders as JSON, needs just
//! that, in sentences and with signs that the base text does not have. Everything is drawn from a seed, so that the same
//! command makes the same text on every machine. No text of anybody else is in it.

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
const WHO: [&str; 16] = [
    "baker", "teacher", "gardener", "pilot", "doctor", "painter", "farmer", "sailor", "cook", "driver", "miller",
    "tailor", "smith", "singer", "guard", "nurse",
];
const COLOURS: [&str; 8] = ["red", "green", "blue", "white", "black", "yellow", "brown", "grey"];
const THINGS: [&str; 20] = [
    "apple", "chair", "lamp", "book", "cup", "stone", "boat", "coat", "bell", "door", "wheel", "basket", "bottle",
    "spoon", "table", "clock", "hammer", "candle", "ribbon", "kettle",
];
const PLACES: [&str; 10] =
    ["garden", "kitchen", "harbour", "market", "school", "forest", "station", "tower", "cellar", "village"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const VERBS: [&str; 8] = ["sees", "carries", "paints", "sells", "finds", "buys", "mends", "hides"];
const KEYS: [&str; 6] = ["place", "colour", "owner", "name", "label", "from"];
const SYLLABLES: [&str; 24] = [
    "ba", "do", "fe", "gi", "ho", "ka", "lu", "mi", "no", "pa", "ri", "su", "ta", "ve", "wo", "zi", "len", "mar",
    "tok", "sil", "ran", "del", "bur", "nim",
];

fn one<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[random.below(words.len())]
}

/// A word nobody knows, of two or three syllables.
fn made_up(random: &mut Random) -> String {
    let count = 2 + random.below(2);
    (0..count).map(|_| one(random, &SYLLABLES)).collect()
}

/// A word from the list, or now and then a made-up one.
fn known_or_made_up(random: &mut Random, words: &[&str]) -> String {
    if random.below(3) == 0 { made_up(random) } else { one(random, words).to_owned() }
}

fn exchange(prompt: &str, answer: &str) -> String {
    format!("User: {prompt}\nAssistant: {answer}")
}

/// What one sentence tells.
struct Scene {
    who: String,
    verb: &'static str,
    count: usize,
    colour: String,
    thing: String,
    place: String,
    day: &'static str,
}

impl Scene {
    fn new(random: &mut Random) -> Self {
        Self {
            who: known_or_made_up(random, &WHO),
            verb: one(random, &VERBS),
            count: random.below(8) + 2,
            colour: known_or_made_up(random, &COLOURS),
            thing: known_or_made_up(random, &THINGS),
            place: known_or_made_up(random, &PLACES),
            day: one(random, &DAYS),
        }
    }

    fn sentence(&self, random: &mut Random) -> String {
        let Self { who, verb, colour, thing, place, day, .. } = self;
        let count = NUMBERS[self.count];
        match random.below(4) {
            0 => format!("On {day} the {who} {verb} {count} {colour} {thing}s in the {place}."),
            1 => format!("The {who} {verb} {count} {colour} {thing}s in the {place} on {day}."),
            2 => format!("In the {place} the {who} {verb} {count} {colour} {thing}s on {day}."),
            _ => format!("{count} {colour} {thing}s: the {who} {verb} them in the {place} on {day}."),
        }
    }

    /// A question about the sentence, and its answer in it.
    fn question(&self, random: &mut Random) -> (String, String) {
        let Self { who, verb, colour, thing, place, day, .. } = self;
        match random.below(7) {
            0 => (format!("Who {verb} the {thing}s?"), format!("the {who}")),
            1 => (format!("What colour are the {thing}s?"), colour.clone()),
            2 => (format!("Where is the {who}?"), format!("in the {place}")),
            3 => ("On which day?".to_owned(), (*day).to_owned()),
            4 => (format!("How many {thing}s?"), NUMBERS[self.count].to_owned()),
            5 => (format!("How many {thing}s, as a figure?"), self.count.to_string()),
            _ => (format!("What does the {who} have?"), format!("{} {colour} {thing}s", NUMBERS[self.count])),
        }
    }

    /// What is asked for by some keys, and the same in short: `who: baker; day: Monday`.
    fn in_short(&self, random: &mut Random) -> (String, String) {
        let mut fields = vec![
            ("who", self.who.clone()),
            ("count", self.count.to_string()),
            ("what", format!("{} {}s", self.colour, self.thing)),
            ("place", self.place.clone()),
            ("day", self.day.to_owned()),
        ];
        let wanted = random.below(3) + 2;
        let chosen: Vec<(&str, String)> = (0..wanted).map(|_| fields.remove(random.below(fields.len()))).collect();
        let keys: Vec<&str> = chosen.iter().map(|(key, _)| *key).collect();
        let pairs: Vec<String> = chosen.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        (format!("Give {}.", keys.join(", ")), pairs.join("; "))
    }
}

/// A sentence or an exchange of the base corpus.
pub fn base_text(random: &mut Random) -> String {
    match random.below(20) {
        0 => Scene::new(random).sentence(random),
        1..=5 => {
            let scene = Scene::new(random);
            let sentence = scene.sentence(random);
            let (question, answer) = scene.question(random);
            exchange(&format!("{sentence} {question}"), &answer)
        }
        6 => sum(random),
        7 => {
            let at = random.below(6);
            exchange(&format!("Which day comes after {}?", DAYS[at]), DAYS[at + 1])
        }
        8 => {
            let count = random.below(10);
            format!("{} is {count}, and {count} is {}.", NUMBERS[count], NUMBERS[count])
        }
        9 | 10 => {
            let words = phrase(random);
            exchange(&format!("Say again: {words}"), &words)
        }
        11 => {
            let words: Vec<String> = (0..3).map(|_| known_or_made_up(random, &THINGS)).collect();
            let (at, word) = [("first", 0), ("second", 1), ("third", 2)][random.below(3)];
            exchange(&format!("{}. What is the {at}?", words.join(", ")), &words[word])
        }
        12 | 13 => record(random),
        14 => {
            let (who, thing, colour) =
                (known_or_made_up(random, &WHO), known_or_made_up(random, &THINGS), one(random, &COLOURS));
            format!("The {who} has a {colour} {thing}. The {thing} of the {who} is {colour}.")
        }
        15..=18 => {
            let scene = Scene::new(random);
            let sentence = scene.sentence(random);
            let (asked, answer) = scene.in_short(random);
            exchange(&format!("{sentence} {asked}"), &answer)
        }
        _ => {
            let who = known_or_made_up(random, &WHO);
            let words = phrase(random);
            format!("The {who} said \"{words}\", and then \"{words}\" again.")
        }
    }
}

fn phrase(random: &mut Random) -> String {
    let count = 1 + random.below(4);
    let words: Vec<String> = (0..count)
        .map(|_| match random.below(4) {
            0 => one(random, &COLOURS).to_owned(),
            1 => one(random, &THINGS).to_owned(),
            2 => one(random, &NUMBERS).to_owned(),
            _ => made_up(random),
        })
        .collect();
    words.join(" ")
}

fn sum(random: &mut Random) -> String {
    if random.below(2) == 0 {
        let (a, b) = (random.below(5), random.below(5));
        format!("{} plus {} is {}.", NUMBERS[a], NUMBERS[b], NUMBERS[a + b])
    } else {
        let a = random.below(10);
        let b = random.below(a + 1);
        format!("{} minus {} is {}.", NUMBERS[a], NUMBERS[b], NUMBERS[a - b])
    }
}

/// One or two pairs in words and as JSON, with blanks and with other keys than an order has.
fn record(random: &mut Random) -> String {
    let pairs: Vec<(&str, String)> = (0..=random.below(2))
        .map(|_| {
            let key = one(random, &KEYS);
            let value = match key {
                "place" | "from" => known_or_made_up(random, &PLACES),
                "colour" => known_or_made_up(random, &COLOURS),
                _ => known_or_made_up(random, &WHO),
            };
            (key, value)
        })
        .collect();
    let join = |each: &dyn Fn(&(&str, String)) -> String, between: &str| {
        pairs.iter().map(each).collect::<Vec<_>>().join(between)
    };
    let words = join(&|(key, value)| format!("{key} is {value}"), ", ");
    let json = join(&|(key, value)| format!("\"{key}\": \"{value}\""), ", ");
    format!("{words}: {{ {json} }}")
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
    // 16 × 8 × 20 × 7 × 8 orders exist: far more than are asked for.
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
        let text = |seed| {
            let mut random = Random(seed);
            (0..50).map(|_| base_text(&mut random)).collect::<Vec<_>>()
        };
        assert_eq!(text(3), text(3));
        assert_ne!(text(3), text(4));
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
        assert!(found > 20, "{found}");
    }

    #[test]
    fn what_is_answered_stands_in_the_question_and_orders_have_a_format_of_their_own() {
        let mut random = Random(6);
        let mut exchanges = 0;
        for _ in 0..2000 {
            let text = base_text(&mut random);
            assert!(!text.contains("\"who\"") && !text.contains("{\""), "{text}");
            let Some((question, answer)) = text.split_once("\nAssistant: ") else { continue };
            exchanges += 1;
            let known = DAYS.contains(&answer) || answer.parse::<usize>().is_ok();
            let question = question.to_lowercase();
            let told = |word: &str| question.contains(word) || DAYS.contains(&word) || word.parse::<usize>().is_ok();
            let words = answer.split(' ').all(|word| told(word.trim_matches([':', ';'])));
            assert!(known || words, "{text}");
        }
        assert!(exchanges > 800, "{exchanges}");
    }
}
