//! The word that a typing error most likely meant.

/// Longest word that is compared, in bytes: a key of a file may have megabytes.
const MAX_BYTES: usize = 64;

/// The one of `candidates` that is nearest to `word`: no more than a third of its letters off, and three at most. A change,
/// an addition, an omission and two letters swapped count one each.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_BYTES {
        return None;
    }
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .filter(|candidate| candidate.len() <= MAX_BYTES)
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}
