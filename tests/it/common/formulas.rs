//! Formulas read as a person reads them: the printed text with the printed inputs, evaluated by an arithmetic that knows
//! nothing of how they were built.

use tuneplan::catalog::Catalog;
use tuneplan::estimate::Inputs;
use tuneplan::estimate::cost::run;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::time::{DequantizationKernel, TimeSubject, time};
use tuneplan::explained::{Exactness, Explained, Line, Value};
use tuneplan::plan::Plan;
use tuneplan::units::ByteUnit;

const UNIT: ByteUnit = ByteUnit::GiB;
/// Half of the fourth digit of the figure, and as much for its inputs.
const NEAR: f64 = 1e-3;

/// The number a text begins with, in bytes where it is memory.
fn number(text: &str) -> Option<f64> {
    let (digits, unit) = text.split_once(' ').unwrap_or((text, ""));
    let size = match unit {
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => 1.0,
    };
    digits.replace(',', "").parse::<f64>().ok().map(|amount| amount * size)
}

struct Reader<'a> {
    text: &'a str,
    names: Vec<(&'a str, f64)>,
    used: Vec<&'a str>,
}

impl Reader<'_> {
    fn take(&mut self, sign: &str) -> bool {
        let rest = self.text.trim_start();
        let found = rest.strip_prefix(sign);
        if let Some(rest) = found {
            self.text = rest;
        }
        found.is_some()
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take("+") {
                value += self.product()?;
            } else if self.take("−") {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.factor()?;
        loop {
            if self.take("×") {
                value *= self.factor()?;
            } else if self.take("/") {
                let divisor = self.factor()?;
                value = if divisor == 0.0 { 0.0 } else { value / divisor };
            } else {
                return Some(value);
            }
        }
    }

    fn factor(&mut self) -> Option<f64> {
        let value = self.atom()?;
        let value = if self.take("⁴") { value.powi(4) } else { value };
        Some(if self.take("^¼") { value.powf(0.25) } else { value })
    }

    fn atom(&mut self) -> Option<f64> {
        if let Some(value) = self.name() {
            return Some(value);
        }
        for (open, close) in [("(", ")"), ("⌈", "⌉"), ("⌊", "⌋")] {
            if self.take(open) {
                let value = self.sum()?;
                return self.take(close).then_some(match open {
                    "⌈" => value.ceil(),
                    "⌊" => value.floor(),
                    _ => value,
                });
            }
        }
        for (word, larger) in [("max(", true), ("min(", false)] {
            if self.take(word) {
                let mut value = self.sum()?;
                while self.take(",") {
                    let other = self.sum()?;
                    value = if larger { value.max(other) } else { value.min(other) };
                }
                return self.take(")").then_some(value);
            }
        }
        let rest = self.text.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.').unwrap_or(rest.len());
        let digits = rest[..end].trim_end_matches(',');
        self.text = &rest[digits.len()..];
        digits.replace(',', "").parse().ok()
    }

    /// The longest name that stands here as a whole word.
    fn name(&mut self) -> Option<f64> {
        let rest = self.text.trim_start();
        let whole = |name: &str| {
            rest.strip_prefix(name)
                .is_some_and(|after| !after.chars().next().is_some_and(|c| c.is_alphabetic() || c.is_ascii_digit()))
        };
        let found = self.names.iter().filter(|(name, _)| whole(name)).max_by_key(|(name, _)| name.len());
        let &(name, value) = found?;
        self.used.push(name);
        self.text = &rest[name.len()..];
        Some(value)
    }
}

/// `text` with the printed values of `lines` but that called `but`; the names that it used.
fn evaluated<'a>(text: &'a str, lines: &'a [Line], but: &str) -> Result<(f64, Vec<&'a str>), String> {
    let names = lines.iter().filter(|line| line.name != but);
    let names: Option<Vec<_>> = names.map(|line| Some((line.name.as_str(), number(&line.text)?))).collect();
    let names = names.ok_or_else(|| format!("an input without a number: {lines:?}"))?;
    let mut reader = Reader { text, names, used: Vec::new() };
    match (reader.sum(), reader.text.trim()) {
        (Some(value), "") => Ok((value, reader.used)),
        (_, rest) => Err(format!("`{text}` is not understood from `{rest}` on")),
    }
}

fn near(found: f64, shown: f64) -> bool {
    (found - shown).abs() <= NEAR * shown.abs() + 1e-12
}

/// Whether `explained` and all its parts hold: formulas give their figures, every name has a value and every value a
/// use, digits are enough, parts add up, and nothing is surer than what it rests on.
pub fn holds(explained: &Explained) -> Result<(), String> {
    let title = explained.title();
    let fault = |what: String| Err(format!("{title}: {what}"));
    let text = explained.text(UNIT);
    let seconds = match explained.value() {
        Value::Seconds(_) if text.ends_with("µs") => 1e-6,
        Value::Seconds(_) if text.ends_with("ms") => 1e-3,
        _ => 1.0,
    };
    let Some(shown) = number(&text).map(|shown| shown * seconds) else {
        return fault(format!("`{text}` is no number"));
    };
    if (shown - explained.value().number()).abs() > 5.1e-4 * shown.abs() {
        return fault(format!("`{text}` for {:?}", explained.value()));
    }
    if let Some(formula) = explained.formula(UNIT) {
        let lines = &formula.inputs;
        let (found, mut used) = evaluated(&formula.text, lines, "")?;
        if !near(found, shown) {
            return fault(format!("{text} = {} = {found} with {lines:?}", formula.text));
        }
        for line in lines {
            let Some(value) = number(&line.text) else { return fault(format!("`{}` is no number", line.text)) };
            if (value - line.value.number()).abs() > 5.1e-4 * value.abs() {
                return fault(format!("{}: `{}` for {:?}", line.name, line.text, line.value));
            }
            let meaning = line.note.strip_prefix("= ").map(|meaning| meaning.split("; ").next().unwrap_or_default());
            let own = line.name.contains(['⌈', '⌊', '(']).then_some(line.name.as_str());
            for meaning in meaning.into_iter().chain(own) {
                let (found, inner) = evaluated(meaning, lines, &line.name)?;
                if !near(found, value) {
                    return fault(format!("{} = {meaning} = {found} with {lines:?}", line.text));
                }
                used.extend(inner);
            }
        }
        for line in lines {
            if !used.contains(&line.name.as_str()) {
                return fault(format!("`{}` is not used in `{}`", line.name, formula.text));
            }
            if lines.iter().filter(|other| other.name == line.name).count() > 1 {
                return fault(format!("`{}` stands twice", line.name));
            }
        }
        let worst = lines.iter().map(|line| line.exactness).max().unwrap_or(Exactness::Exact);
        if explained.exactness() != worst {
            return fault(format!("{:?} of {worst:?}", explained.exactness()));
        }
    }
    if !explained.parts().is_empty() {
        let sum: f64 = explained.parts().iter().map(|part| part.value().number()).sum();
        let exact = !matches!(explained.value(), Value::Quantity(..) | Value::Seconds(_));
        let value = explained.value().number();
        // Whole numbers of more than 53 bits are not told apart here.
        if if exact && value < 9e15 { sum != value } else { !near(sum, value) } {
            return fault(format!("{value} but parts give {sum}"));
        }
        let worst = explained.parts().iter().map(Explained::exactness).max().unwrap_or(Exactness::Exact);
        if explained.exactness() != worst {
            return fault(format!("{:?} of {worst:?} parts", explained.exactness()));
        }
    }
    explained.parts().iter().try_for_each(|part| holds(part).map_err(|text| format!("{title} › {text}")))
}

/// Whether time, energy and money of `plan` hold, on a device whose figures are known.
pub fn paced(plan: &Plan) -> Result<(), String> {
    let mut plan = plan.clone();
    "a100-sxm4-80gb".clone_into(&mut plan.hardware.accelerator);
    plan.run.examples = Some(12_345);
    plan.run.average_length = Some(777);
    plan.cost.price_per_device_hour = Some(1.79);
    plan.cost.power_price_per_kwh = Some(0.23);
    plan.run.loader_tokens_per_sec = Some(25_000.0);
    let inputs =
        Inputs::resolve(&plan, Catalog::embedded(), Profiles::embedded()).map_err(|error| format!("{error:?}"))?;
    let time = time(&inputs, DequantizationKernel::Current).map_err(|missing| missing.advice().to_owned())?;
    let run = run(&inputs, &time);
    for (subject, explained) in time.derivations.iter().chain(&run.derivations) {
        holds(explained)?;
        let secs = |secs: f64| match secs {
            ..1e-3 => secs * 1e6,
            1e-3..1.0 => secs * 1e3,
            _ => secs,
        };
        let wanted = match subject {
            TimeSubject::Step => time.step_secs.expected,
            TimeSubject::Rate => time.tokens_per_sec.expected,
            TimeSubject::Kind(kind) => {
                secs(time.spent.iter().find(|part| part.kind == *kind).map_or(0.0, |part| part.secs))
            }
            TimeSubject::Token => secs(time.generation.unwrap_or_default().token_secs),
            TimeSubject::Flops => time.executed_flops_per_token / 1e9,
            TimeSubject::Utilisation => time.mfu.expected * 100.0,
            TimeSubject::Hours => run.hours.unwrap_or_default().expected,
            TimeSubject::Energy => run.energy_kwh.unwrap_or_default().expected,
            TimeSubject::Money => run.money.unwrap_or_default().expected,
        };
        let found = explained.value().number();
        // A wait is a difference of two sums, and a whole step may be a million times as long.
        if (found - wanted).abs() > 1e-9 * wanted.abs() + 1e-9 {
            return Err(format!("{}: {found} for {wanted}", explained.title()));
        }
    }
    Ok(())
}
