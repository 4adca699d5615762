//! Plans side by side: the settings that differ, and what each comes to against the first.

use super::figures::{Figures, Known, usual_sharing};
use crate::plan::decision::Decision;
use crate::plan::field::id;
use crate::plan::field::{Field, FieldKind, Section, fields};
use crate::plan::{ModelSource, Plan};
use crate::units::{ByteUnit, Bytes, duration, grouped, percent, quantity};

/// Most plans side by side.
pub const MOST_PLANS: usize = 4;

/// A setting that is not the same in all plans.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub label: String,
    /// Its value in each plan, with its unit; `–` where a plan has no such setting.
    pub values: Vec<String>,
}

/// What a figure counts; decides how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Bytes.
    Bytes,
    /// Seconds.
    Secs,
    /// Tokens a second.
    Rate,
    /// Hours.
    Hours,
    /// Money in the plan's currency.
    Money,
    /// Kilowatt-hours.
    Energy,
    /// Values that are trained.
    Values,
}

impl Measure {
    /// Unit in JSON.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Secs => "s",
            Self::Rate => "tokens/s",
            Self::Hours => "h",
            Self::Money => "currency",
            Self::Energy => "kWh",
            Self::Values => "values",
        }
    }

    /// The amount as text.
    pub fn display(self, amount: f64, unit: ByteUnit, currency: &str) -> String {
        match self {
            Self::Bytes => Bytes(amount as u64).display(unit),
            Self::Secs => duration(amount),
            Self::Rate => quantity(amount, "tokens/s"),
            Self::Hours => quantity(amount, "h"),
            Self::Money => quantity(amount, currency),
            Self::Energy => quantity(amount, "kWh"),
            Self::Values => grouped(amount as u64),
        }
    }
}

/// A figure of every plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    /// Stable name in JSON.
    pub id: &'static str,
    /// Name on screen.
    pub label: &'static str,
    /// What it counts.
    pub measure: Measure,
    /// Expected figure of each plan; `None` where there is none.
    pub values: Vec<Option<f64>>,
}

impl Headline {
    /// By how much plan `index` differs from the first.
    pub fn change(&self, index: usize) -> Option<f64> {
        Some((*self.values.get(index)?)? - (*self.values.first()?)?)
    }

    /// The change in words: `+1.20 GiB (+9.3 %)`, or `the same`.
    pub fn change_words(&self, index: usize, unit: ByteUnit, currency: &str) -> Option<String> {
        let change = self.change(index)?;
        if change == 0.0 {
            return Some("the same".to_owned());
        }
        let sign = if change < 0.0 { "−" } else { "+" };
        let amount = self.measure.display(change.abs(), unit, currency);
        let first = (*self.values.first()?)?;
        let share = if first > 0.0 { format!(" ({sign}{})", percent((change / first).abs())) } else { String::new() };
        Some(format!("{sign}{amount}{share}"))
    }
}

/// Plans side by side; the first is what the others are measured against.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Name of each.
    pub names: Vec<String>,
    /// Settings that differ, in the order of the file.
    pub settings: Vec<Setting>,
    /// Names and notes that differ: for a review, but no settings.
    pub texts: Vec<Setting>,
    /// What each comes to; `Err`: what it names and nobody knows.
    pub figures: Vec<Result<Figures, String>>,
    /// Figures of all of them.
    pub headlines: Vec<Headline>,
    /// Currency of the money, where all plans have the same.
    pub currency: Option<String>,
}

/// Puts plans with their names side by side.
pub fn compare(plans: &[(String, &Plan)], known: Known<'_>) -> Comparison {
    let figures: Vec<Result<Figures, String>> = plans.iter().map(|(_, plan)| Figures::of_plan(plan, known)).collect();
    let currency = plans
        .first()
        .map(|(_, plan)| plan.cost.currency.clone())
        .filter(|currency| plans.iter().all(|(_, plan)| plan.cost.currency == *currency));
    Comparison {
        names: plans.iter().map(|(name, _)| name.clone()).collect(),
        settings: settings(plans),
        texts: texts(plans),
        headlines: headlines(&figures, currency.is_some()),
        figures,
        currency,
    }
}

/// Settings that are not the same in all plans. How devices share work is only told of plans that do.
fn settings(plans: &[(String, &Plan)]) -> Vec<Setting> {
    let mut out = Vec::new();
    let sources: Vec<&ModelSource> = plans.iter().map(|(_, plan)| &plan.model.source).collect();
    if sources.iter().any(|source| Some(source) != sources.first()) {
        let values = sources.iter().map(|source| source.name().to_owned()).collect();
        out.push(Setting { label: "Base model".to_owned(), values });
    }
    let usual = usual_sharing();
    for field in fields().iter().filter(|field| field.id != id::MODEL_ID && !is_text(field)) {
        let values: Vec<_> = plans.iter().map(|(_, plan)| (field.get)(plan)).collect();
        let present = values.iter().flatten().next();
        let appears = field.section == Section::Parallelism
            && values.iter().flatten().all(|value| Some(value) == (field.get)(&usual).as_ref());
        if present.is_none() || appears || values.iter().all(|value| value.as_ref() == present) {
            continue;
        }
        let unsaid = if field.section == Section::Parallelism { (field.get)(&usual) } else { None };
        let shown = values
            .iter()
            .map(|value| value.as_ref().or(unsaid.as_ref()).map_or_else(|| "–".to_owned(), |v| with_unit(field, v)));
        out.push(Setting { label: field.label.to_owned(), values: shown.collect() });
    }
    out.extend(decisions(plans));
    out
}

/// Whether a field is only for readers: what a plan is called and what is noted beside it change nothing that is computed.
fn is_text(field: &Field) -> bool {
    field.id == "name" || matches!(field.kind, FieldKind::Notes)
}

/// Names and notes that are not the same in all plans.
fn texts(plans: &[(String, &Plan)]) -> Vec<Setting> {
    let row = |field: &Field| {
        let value = |plan: &Plan| (field.get)(plan).map_or_else(|| "–".to_owned(), |value| value.display(field));
        Setting { label: field.label.to_owned(), values: plans.iter().map(|(_, plan)| value(plan)).collect() }
    };
    let differs = |row: &Setting| row.values.iter().any(|value| Some(value) != row.values.first());
    fields().iter().filter(|field| is_text(field)).map(row).filter(differs).collect()
}

/// What changed one's mind: outcome, reasoning and every answer that is not the same in all plans.
fn decisions(plans: &[(String, &Plan)]) -> Vec<Setting> {
    let none = Decision::default();
    let all: Vec<Vec<(&str, String)>> =
        plans.iter().map(|(_, plan)| plan.decision.as_deref().unwrap_or(&none).rows()).collect();
    let labels: Vec<&str> = all.first().into_iter().flatten().map(|(label, _)| *label).collect();
    let row = |(index, label): (usize, &&str)| Setting {
        label: (*label).to_owned(),
        values: all.iter().filter_map(|rows| rows.get(index)).map(|(_, value)| value.clone()).collect(),
    };
    let differs = |row: &Setting| row.values.iter().any(|value| Some(value) != row.values.first());
    labels.iter().enumerate().map(row).filter(differs).collect()
}

fn with_unit(field: &Field, value: &crate::plan::field::FieldValue) -> String {
    let text = value.display(field);
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    if field.unit.is_empty() || !is_number { text } else { format!("{text} {}", field.unit) }
}

fn headlines(figures: &[Result<Figures, String>], one_currency: bool) -> Vec<Headline> {
    type Read = fn(&Figures) -> Option<f64>;
    let rows: [(&'static str, &'static str, Measure, Read); 9] = [
        ("process_bytes", "Whole process", Measure::Bytes, |f| Some(f.memory().0 as f64)),
        ("tensor_bytes", "Tensors at the peak", Measure::Bytes, |f| Some(f.tensors.0 as f64)),
        ("capacity_bytes", "Device offers", Measure::Bytes, |f| f.capacity.map(|bytes| bytes.0 as f64)),
        ("trainable", "Trained values", Measure::Values, |f| Some(f.trainable as f64)),
        ("step_secs", "Time of a step", Measure::Secs, |f| f.step_secs.map(|band| band.expected)),
        ("tokens_per_sec", "Pace", Measure::Rate, |f| f.tokens_per_sec.map(|band| band.expected)),
        ("hours", "Hours", Measure::Hours, |f| f.hours.map(|band| band.expected)),
        ("energy_kwh", "Energy", Measure::Energy, |f| f.energy_kwh.map(|band| band.expected)),
        ("money", "Cost", Measure::Money, |f| f.money.map(|band| band.expected)),
    ];
    rows.into_iter()
        .filter(|(_, _, measure, _)| one_currency || *measure != Measure::Money)
        .map(|(id, label, measure, read)| Headline {
            id,
            label,
            measure,
            values: figures.iter().map(|found| found.as_ref().ok().and_then(read)).collect(),
        })
        .filter(|row| row.values.iter().any(Option::is_some))
        .collect()
}
