//! Which accelerator a name means: `H100 SXM`, `rtx-4090`, `NVIDIA A100-SXM4-80GB`, `M4 Max 64GB`.

use super::{Accelerator, Catalog};
use std::collections::BTreeSet;

/// Most devices that are offered in place of one that is not known.
const NEAREST: usize = 5;
/// Longest name that is looked at, in bytes.
const MAX_BYTES: usize = 200;
/// Words that makers put around a device's name and people leave out.
const NOISE: [&str; 23] = [
    "accelerator",
    "amd",
    "apple",
    "aws",
    "card",
    "core",
    "edition",
    "gcd",
    "geforce",
    "generation",
    "google",
    "gpu",
    "graphics",
    "gtx",
    "instinct",
    "intel",
    "nvidia",
    "oam",
    "per",
    "radeon",
    "rtx",
    "rx",
    "tesla",
];

/// What the name of an accelerator means.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceReading<'a> {
    /// The entry of this id.
    Exact(&'a Accelerator),
    /// The one that is called so.
    Called(&'a Accelerator),
    /// More than one is called so; their memory or rates differ.
    Several(Vec<&'a Accelerator>),
    /// None is; these have names near to it.
    Unknown(Vec<&'a Accelerator>),
}

impl<'a> DeviceReading<'a> {
    /// The device, where the name leaves no choice.
    pub fn device(&self) -> Option<&'a Accelerator> {
        match self {
            Self::Exact(device) | Self::Called(device) => Some(device),
            Self::Several(_) | Self::Unknown(_) => None,
        }
    }

    /// The sentence for a name that means no one device.
    pub fn refusal(&self, name: &str) -> Option<String> {
        let short: String = name.chars().take(80).collect();
        let ids =
            |devices: &[&Accelerator]| devices.iter().map(|device| device.id.as_str()).collect::<Vec<_>>().join(", ");
        match self {
            Self::Exact(_) | Self::Called(_) => None,
            Self::Several(devices) => Some(format!("`{short}` is the name of several devices: {}", ids(devices))),
            Self::Unknown(near) if near.is_empty() => Some(format!(
                "no accelerator is called `{short}`: give its memory with --memory-mib, or pick one from the list"
            )),
            Self::Unknown(near) => Some(format!("no accelerator is called `{short}`; near to it are {}", ids(near))),
        }
    }
}

impl Catalog {
    /// What `name` means among the accelerators.
    pub fn read_accelerator(&self, name: &str) -> DeviceReading<'_> {
        if let Some(device) = self.accelerators.iter().find(|device| device.id == name) {
            return DeviceReading::Exact(device);
        }
        let typed = words(name);
        if typed.is_empty() {
            return DeviceReading::Unknown(Vec::new());
        }
        let same =
            |of: &str| of.eq_ignore_ascii_case(name.trim()) || words(of) == typed && all_words(of) == all_words(name);
        let named = self.accelerators.iter().find(|device| {
            device.id.eq_ignore_ascii_case(name.trim())
                || same(&device.name)
                || device.also.iter().any(|also| same(also))
        });
        if let Some(device) = named {
            return DeviceReading::Called(device);
        }
        let mut called: Vec<Match<'_>> =
            self.accelerators.iter().filter_map(|device| Match::of(device, &typed)).collect();
        // One whose name has nothing beyond what was typed but sizes goes before those of longer names.
        if called.iter().any(|found| found.is_bare) {
            called.retain(|found| found.is_bare);
        }
        match called.as_slice() {
            [one] => DeviceReading::Called(one.device),
            [] => DeviceReading::Unknown(self.near_devices(&typed)),
            several => DeviceReading::Several(several.iter().map(|found| found.device).collect()),
        }
    }

    fn near_devices(&self, typed: &BTreeSet<String>) -> Vec<&Accelerator> {
        let mut near: Vec<(usize, &Accelerator)> = self
            .accelerators
            .iter()
            .map(|device| (words(&device.name).intersection(typed).count(), device))
            .filter(|(shared, _)| *shared > 0)
            .collect();
        near.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        near.into_iter().take(NEAREST).map(|(_, device)| device).collect()
    }
}

/// A device whose name has every word that was typed.
struct Match<'a> {
    device: &'a Accelerator,
    /// Beyond what was typed the name has sizes alone.
    is_bare: bool,
}

impl<'a> Match<'a> {
    fn of(device: &'a Accelerator, typed: &BTreeSet<String>) -> Option<Self> {
        let own = words(&device.name);
        // A size that the name does not repeat is the device's own.
        let is_own = |word: &String| gigabytes(word).is_some_and(|size| size as f64 == device.memory_gb_marketed);
        if !typed.difference(&own).all(is_own) {
            return None;
        }
        let mut beyond = own.difference(typed);
        Some(Self { device, is_bare: beyond.all(|word| is_size(word)) })
    }
}

/// `80gb` → 80.
fn gigabytes(word: &str) -> Option<u64> {
    word.strip_suffix("gb").or_else(|| word.strip_suffix("gib")).or_else(|| word.strip_suffix('g'))?.parse().ok()
}

/// Memory (`80gb`), its kind (`hbm3`), or a number of cores.
fn is_size(word: &str) -> bool {
    gigabytes(word).is_some()
        || word.starts_with("hbm")
        || word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The words of a name that tell devices apart.
fn words(name: &str) -> BTreeSet<String> {
    let mut words = all_words(name);
    words.retain(|word| !NOISE.contains(&word.as_str()));
    words
}

fn all_words(name: &str) -> BTreeSet<String> {
    if name.len() > MAX_BYTES {
        return BTreeSet::new();
    }
    let lower = name.to_lowercase().replace(" gb", "gb").replace(" gib", "gib");
    let parts = lower.split(|c: char| !c.is_alphanumeric() && c != '+').filter(|part| !part.is_empty());
    parts.flat_map(parted).collect()
}

/// `rtx4090` → `rtx`, `4090`; `4070ti` → `4070`, `ti`; `7900xtx` → `7900`, `xtx`.
fn parted(part: &str) -> Vec<String> {
    for start in ["rtx", "gtx", "rx"] {
        if let Some(rest) = part.strip_prefix(start).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            return std::iter::once(start.to_owned()).chain(parted(rest)).collect();
        }
    }
    let digits = part.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = part.split_at(digits);
    if digits == 4 && matches!(rest, "ti" | "super" | "xt" | "xtx" | "d") {
        return vec![number.to_owned(), rest.to_owned()];
    }
    vec![part.to_owned()]
}
