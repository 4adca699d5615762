//! Public cases of the decision, written down before the rules: what a careful reader of the sources would do, and what
//! the program says.
//!
//! Each file of `tests/fixtures/decide-cases` says in its comments what is expected: `Expected` the outcomes (`|` between
//! alternatives), `Held` outcomes that wait for something, `First` what must be named as true before, `Where` the place
//! of training, `Says` words of a reason, `Error` words with which such answers are refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use tuneplan::decide::recommend;
use tuneplan::plan::decision::read_answers;

/// Cases that do not come out as their table says yet.
const NOT_YET: &[&str] = &[];

struct Case {
    name: String,
    text: String,
}

impl Case {
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = fs::read_dir("tests/fixtures/decide-cases")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| Self {
                name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                text: fs::read_to_string(&path).unwrap(),
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn says(&self, key: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix("// ")?.strip_prefix(key)?.strip_prefix(": "))
    }

    /// What comes out otherwise than written down, if anything.
    fn fault(&self) -> Option<String> {
        let answers = match (read_answers(&self.text), self.says("Error")) {
            (Err(error), Some(words)) if error.message.contains(words) => return None,
            (Ok(_), Some(words)) => return Some(format!("read, although it should be refused with “{words}”")),
            (Err(error), _) => return Some(error.to_string()),
            (Ok(answers), None) => answers,
        };
        let found = recommend(&answers);
        let said: BTreeSet<&str> = found.outcomes().into_iter().map(tuneplan::decide::outcome::Outcome::id).collect();
        let alternatives = self.says("Expected").unwrap_or_else(|| panic!("{} expects nothing", self.name));
        if !alternatives.split(" | ").any(|ids| ids.split(", ").collect::<BTreeSet<_>>() == said) {
            return Some(format!("{said:?} instead of {alternatives}"));
        }
        let needs = found.advice.iter().flat_map(|advice| &advice.needs);
        let needs: Vec<&str> =
            needs.chain(found.held.iter().flat_map(|held| &held.needs)).map(|needed| needed.need.id.as_str()).collect();
        let held: Vec<&str> = found.held.iter().map(|held| held.outcome.id()).collect();
        let reasons: Vec<&str> = found.advice.iter().flat_map(|a| &a.rules).map(|reason| reason.reason).collect();
        let lacks = |key: &str, there: &[&str]| {
            let wanted = self.says(key)?;
            wanted.split(", ").find(|id| !there.contains(id)).map(|id| format!("{key}: {id} is not in {there:?}"))
        };
        lacks("Held", &held)
            .or_else(|| lacks("First", &needs))
            .or_else(|| lacks("Where", &[found.place().map_or("", |place| place.id())]))
            .or_else(|| {
                let words = self.says("Says")?;
                let is_said = reasons.iter().any(|reason| reason.contains(words));
                (!is_said).then(|| format!("“{words}” is not in {reasons:?}"))
            })
    }
}

#[test]
fn public_cases_come_out_as_a_careful_reader_would_say() {
    let all = Case::all();
    assert!(all.len() >= 50, "{}", all.len());
    let (mut faults, mut mended) = (Vec::new(), Vec::new());
    for case in &all {
        assert!(case.says("Source").is_some(), "{} has no source", case.name);
        let known = NOT_YET.contains(&case.name.as_str());
        match case.fault() {
            Some(fault) if !known => faults.push(format!("{}: {fault}", case.name)),
            None if known => mended.push(case.name.as_str()),
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(mended.is_empty(), "these come out now: {mended:?}");
}
