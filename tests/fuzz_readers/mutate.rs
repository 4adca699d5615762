//! Mutated files, the same for the same seed: bytes and numbers changed, pieces cut, repeated and put into each other.

/// Words that mean something to one reader or another.
const WORDS: [&str; 40] = [
    "(", ")", "[", "]", "{", "}", "\"", "'", ",", ":", "null", "true", "false", "None", "Some(", "()", "\\u0000", "\\",
    "//", "/*", "\n", "\r\n", "\t", "\u{feff}", "\0", "é", "{{", "}}", "{%", "%}", "|tojson", "~", "*", "+", "-", "=",
    "@", ";", "..", "e",
];

/// Numbers at the ends of what is held in 8 to 128 bits, and beyond.
const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "2",
    "-1",
    "-0.0",
    "255",
    "65536",
    "2147483647",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e15",
    "1e308",
    "1e999",
    "5e-324",
    "0.1",
    "NaN",
    "inf",
];

/// Longest piece that is made, in bytes.
const MOST: usize = 256 << 10;

/// Numbers without a pattern, the same for the same seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to just under `end`; 0 where there is nothing under it.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A piece of so many bytes; mostly a short one.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let longest = if self.below(4) == 0 { length - start } else { (length - start).min(16) };
        start..start + self.below(longest + 1)
    }
}

/// One of the files, changed in one to eight places.
pub fn mutated(random: &mut Random, files: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.of(files).clone();
    for _ in 0..=random.below(8) {
        change(random, &mut bytes, files);
        bytes.truncate(MOST);
    }
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, files: &[Vec<u8>]) {
    match random.below(12) {
        0 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] = *random.of(&[0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b' ']);
        }
        2 => {
            let piece = random.piece(bytes.len());
            bytes.drain(piece);
        }
        3 => {
            // Once more, or very often.
            let piece = bytes[random.piece(bytes.len())].to_vec();
            let times = if random.below(8) == 0 { 1 << random.below(12) } else { 1 };
            let at = random.below(bytes.len() + 1);
            let most = MOST / piece.len().max(1);
            bytes.splice(at..at, piece.repeat(times.min(most)));
        }
        4 => {
            let other = random.of(files);
            let piece = other[random.piece(other.len())].to_vec();
            let place = random.piece(bytes.len());
            bytes.splice(place, piece);
        }
        5 if random.below(4) == 0 => bytes.truncate(random.below(bytes.len() + 1)),
        5 | 6 => {
            let word = random.of(&WORDS).as_bytes().to_vec();
            let times = if random.below(16) == 0 { 1 << random.below(12) } else { 1 };
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, word.repeat(times));
        }
        7 => {
            let place = random.piece(bytes.len());
            let word = random.of(&WORDS).as_bytes().to_vec();
            bytes.splice(place, word);
        }
        // Eight bytes of a count or an offset.
        8 if bytes.len() >= 8 => {
            let at = random.below(bytes.len() - 7);
            let number = match random.below(4) {
                0 => u64::MAX,
                1 => 1 << random.below(64),
                2 => u64::from(u32::MAX),
                _ => random.next(),
            };
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        _ => {
            // One of the numbers in it.
            let starts: Vec<usize> = (0..bytes.len())
                .filter(|&at| bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_digit()))
                .collect();
            if let Some(&start) = starts.get(random.below(starts.len())) {
                let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
                let number = random.of(&NUMBERS).as_bytes().to_vec();
                bytes.splice(start..start + length, number);
            }
        }
    }
}
