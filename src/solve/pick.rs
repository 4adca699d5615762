//! Choosing from a catalogue: the largest model that fits, the fewest devices, the cheapest accelerator.

use super::figures::{Figures, Known, contradictions, contradicts_more, edited, memory_and_fit};
use super::largest::{Candidate, Ending, Question, Solution};
use crate::catalog::{Accelerator, ModelEntry};
use crate::estimate::{Fit, Inputs};
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::plan::{ModelSource, Plan, Schedule, Strategy, Workload};
use crate::units::{ByteUnit, duration, grouped, params_short, quantity};
use std::cmp::Ordering;

/// Answers of a list that are kept.
const MOST_ANSWERS: usize = 12;
/// Up to here every count of devices is tried, beyond it whole hosts of eight.
const EVERY_COUNT: u64 = 64;
/// Most devices that are tried.
const MOST_DEVICES: u64 = 1024;
const HOST: u64 = 8;

/// The largest catalogue model the plan's settings fit with, all else as in the plan.
pub fn model(plan: &Plan, before: Figures, known: Known<'_>) -> Solution {
    let mut entries: Vec<&ModelEntry> = known.catalog.models.iter().collect();
    entries.sort_by(|a, b| b.params_total.cmp(&a.params_total).then_with(|| a.id.cmp(&b.id)));
    let known_errors = errors_of(plan, known);
    let mut found = Ranked::default();
    let mut least: Option<(&ModelEntry, crate::units::Bytes)> = None;
    for entry in &entries {
        let edit = PlanEdit::Model(ModelSource::Catalog(entry.id.clone()));
        let Some(changed) = edited(plan, &edit) else { continue };
        let Ok(inputs) = Inputs::resolve(&changed, known.catalog, known.profiles) else { continue };
        let (process, fit) = memory_and_fit(&inputs);
        let bytes = process.expected;
        if least.is_none_or(|(_, smallest)| bytes < smallest) {
            least = Some((entry, bytes));
        }
        if !fit.is_within() || contradicts_more(&known_errors, &inputs) {
            continue;
        }
        found.take(fit, || {
            let value = format!("{} ({} parameters)", entry.id, params_short(entry.params_total));
            Candidate::of(plan, edit, value, Some(entry.params_total), known)
        });
    }
    let unit = ByteUnit::GiB;
    let (fitting, tight) = (found.fitting, found.tight);
    let only_tight = found.is_only_tight();
    let candidates = found.candidates();
    let (ending, words) = match candidates.first() {
        None => {
            let needs = least.map_or_else(String::new, |(entry, bytes)| {
                format!(" The one that needs least is {} with {}.", entry.id, bytes.display(unit))
            });
            let words = format!("Nothing fits: none of {} models of the catalogue does.{needs}", entries.len());
            return Solution::without(Question::Model, Ending::NothingFits, before, words);
        }
        Some(best) if only_tight => (
            Ending::OnlyTight,
            format!(
                "No model of the catalogue fits at the upper end of the band; {tight} of {} are tight, the largest is {} \
                 ({}).",
                entries.len(),
                best.value,
                best.after.memory_words(unit)
            ),
        ),
        Some(best) if fitting == entries.len() => (
            Ending::EverythingFits,
            format!(
                "Every model of the catalogue fits; the largest is {} ({}).",
                best.value,
                best.after.memory_words(unit)
            ),
        ),
        Some(best) => (
            Ending::Found,
            format!(
                "Largest model that fits: {} ({}); of {} models of the catalogue {fitting} fit{}.",
                best.value,
                best.after.memory_words(unit),
                entries.len(),
                more_tight(tight)
            ),
        ),
    };
    Solution { question: Question::Model, ending, candidates, before, beyond: None, words }
}

/// Answers by verdict: those that fit, and what is tight, for where nothing fits.
#[derive(Default)]
struct Ranked {
    fit: Vec<Candidate>,
    only_tight: Vec<Candidate>,
    fitting: usize,
    tight: usize,
}

impl Ranked {
    /// Counts an answer, and works it out while more are wanted.
    fn take(&mut self, fit: Fit, candidate: impl FnOnce() -> Option<Candidate>) {
        let (list, count) = match fit {
            Fit::Fits => (&mut self.fit, &mut self.fitting),
            Fit::Tight | Fit::CannotSay => (&mut self.only_tight, &mut self.tight),
            Fit::DoesNotFit | Fit::NoDevice => return,
        };
        *count += 1;
        if list.len() < MOST_ANSWERS {
            list.extend(candidate());
        }
    }

    const fn is_only_tight(&self) -> bool {
        self.fitting == 0 && self.tight > 0
    }

    fn candidates(self) -> Vec<Candidate> {
        if self.fit.is_empty() { self.only_tight } else { self.fit }
    }
}

/// `, 3 more are tight`.
fn more_tight(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => ", 1 more is tight".to_owned(),
        count => format!(", {count} more are tight"),
    }
}

/// The fewest devices of the plan's kind that the plan fits on, and how they share the work.
///
/// Every count up to 64 is tried, then whole hosts of eight up to 1,024; for each the plan's own way of sharing, then
/// fully sharded data parallel (FSDP2), then a pipeline: the first that fits without a contradiction.
pub fn devices(plan: &Plan, before: Figures, known: Known<'_>) -> Solution {
    let known_errors = errors_of(plan, known);
    let layers =
        Inputs::resolve(plan, known.catalog, known.profiles).map_or(0, |inputs| inputs.architecture.num_layers());
    let counts = (1..=EVERY_COUNT).chain((EVERY_COUNT + HOST..=MOST_DEVICES).step_by(HOST as usize));
    // The fewest on which it is tight; what counts is where it fits.
    let mut tight: Option<Candidate> = None;
    for count in counts {
        for (edit, how) in ways(plan, count, layers) {
            let Some(changed) = edited(plan, &edit) else { continue };
            let Ok(inputs) = Inputs::resolve(&changed, known.catalog, known.profiles) else { continue };
            let fit = memory_and_fit(&inputs).1;
            let wanted = fit == Fit::Fits || (fit.is_unsure() && tight.is_none());
            if !wanted || contradicts_more(&known_errors, &inputs) {
                continue;
            }
            let value = if count == 1 { "1 device".to_owned() } else { format!("{} devices, {how}", grouped(count)) };
            let Some(candidate) = Candidate::of(plan, edit, value, Some(count), known) else { continue };
            if fit.is_unsure() {
                tight = Some(candidate);
                continue;
            }
            let figures = candidate.after.memory_words(ByteUnit::GiB);
            let (ending, words) = if count == 1 {
                (Ending::EverythingFits, format!("One device is enough ({figures})."))
            } else {
                let words = format!("Fewest devices that it fits on: {} ({figures} on the fullest)", candidate.value);
                let tight =
                    tight.as_ref().map_or_else(String::new, |fewer| format!("; on {} it is tight", fewer.value));
                (Ending::Found, format!("{words}{tight}."))
            };
            return Solution {
                question: Question::Devices,
                ending,
                candidates: [candidate].into_iter().chain(tight).collect(),
                before,
                beyond: None,
                words,
            };
        }
    }
    if let Some(candidate) = tight {
        let figures = candidate.after.memory_words(ByteUnit::GiB);
        let words = format!(
            "On no number of these devices does it fit at the upper end of the band; on {} it is tight ({figures} on the \
             fullest).",
            candidate.value
        );
        let candidates = vec![candidate];
        return Solution {
            question: Question::Devices,
            ending: Ending::OnlyTight,
            candidates,
            before,
            beyond: None,
            words,
        };
    }
    let words = format!(
        "Nothing fits: neither sharding nor a pipeline over up to {} of these devices is enough. Part of the memory is \
         on every device whatever their number (activations, logits, one gathered layer); Levers says what shrinks it.",
        grouped(MOST_DEVICES)
    );
    Solution::without(Question::Devices, Ending::NothingFits, before, words)
}

/// Ways that `count` devices share the work of a model of so many layers, the plan's own first.
fn ways(plan: &Plan, count: u64, layers: u64) -> Vec<(PlanEdit, &'static str)> {
    let number = |id, value| PlanEdit::Set(id, FieldValue::Integer(value));
    let word = |id, value: &str| PlanEdit::Set(id, FieldValue::Id(value.to_owned()));
    let group = |edits| PlanEdit::Group(edits, format!("{} devices", grouped(count)));
    let parallel = &plan.parallelism;
    let alone = |count: u64| {
        vec![
            number(id::HARDWARE_COUNT, count),
            number(id::PARALLELISM_TENSOR, 1),
            number(id::PARALLELISM_CONTEXT, 1),
            number(id::PARALLELISM_PIPELINE, 1),
            number(id::PARALLELISM_EXPERT, 1),
        ]
    };
    if count == 1 {
        let mut edits = alone(1);
        edits.push(word(id::PARALLELISM_STRATEGY, "single"));
        return vec![(group(edits), "alone")];
    }
    let inner = parallel.tensor.saturating_mul(parallel.context).saturating_mul(parallel.pipeline).max(1);
    let mut ways = Vec::new();
    let shares = parallel.strategy != Strategy::Single || inner == count;
    if shares && count.is_multiple_of(inner) {
        let mut edits = vec![number(id::HARDWARE_COUNT, count)];
        if !parallel.micro_batches.is_empty() {
            edits.push(PlanEdit::Set(id::PARALLELISM_MICRO_BATCHES, FieldValue::Counts(Vec::new())));
        }
        ways.push((group(edits), "sharing as now"));
    }
    if plan.workload == Workload::Training && parallel.strategy != Strategy::Fsdp2 {
        let mut edits = alone(count);
        edits.push(word(id::PARALLELISM_STRATEGY, "fsdp2"));
        edits.push(PlanEdit::Set(id::PARALLELISM_MICRO_BATCHES, FieldValue::Counts(Vec::new())));
        ways.push((group(edits), "FSDP2"));
    }
    // A stage holds at least one layer.
    if count <= layers {
        let mut edits = alone(count);
        edits.push(number(id::PARALLELISM_PIPELINE, count));
        edits.push(word(id::PARALLELISM_STRATEGY, "single"));
        if parallel.schedule == Schedule::Interleaved {
            edits.push(word(id::PARALLELISM_SCHEDULE, "1f1b"));
        }
        edits.push(PlanEdit::Set(id::PARALLELISM_MICRO_BATCHES, FieldValue::Counts(Vec::new())));
        ways.push((group(edits), "a stage of the layers each"));
    }
    if plan.workload == Workload::Inference {
        let mut edits = alone(count);
        edits.push(number(id::PARALLELISM_TENSOR, count));
        ways.push((group(edits), "tensor parallel"));
    }
    ways
}

/// Accelerators of the catalogue the plan fits on, cheapest first.
///
/// Where the plan holds a price, by cost of the run: the typed price for the plan's own device, the catalogue's dated
/// listing in US dollars for others where the plan's currency is USD; devices without a price follow. Without a typed
/// price, by memory.
pub fn accelerator(plan: &Plan, before: Figures, known: Known<'_>) -> Solution {
    let known_errors = errors_of(plan, known);
    let priced = plan.cost.price_per_device_hour.is_some();
    let mut found: Vec<(Option<f64>, Candidate)> = Vec::new();
    let (mut tried, mut tight) = (0_usize, 0_usize);
    for device in &known.catalog.accelerators {
        tried += 1;
        let edit = choose(plan, device);
        let Some(changed) = edited(plan, &edit) else { continue };
        let Ok(inputs) = Inputs::resolve(&changed, known.catalog, known.profiles) else { continue };
        let fit = memory_and_fit(&inputs).1;
        if !fit.is_within() || contradicts_more(&known_errors, &inputs) {
            continue;
        }
        let Some(candidate) = Candidate::of(plan, edit, device.name.clone(), None, known) else { continue };
        tight += usize::from(fit.is_unsure());
        // Power alone is no price of the device.
        let money = candidate.after.money.filter(|_| changed.cost.price_per_device_hour.is_some());
        found.push((money.map(|money| money.expected), candidate));
    }
    found.sort_by(|(money, a), (other, b)| {
        by_some(*money, *other)
            .then_with(|| a.after.capacity.cmp(&b.after.capacity))
            .then_with(|| by_some(a.after.secs_per_token(), b.after.secs_per_token()))
            .then_with(|| a.value.cmp(&b.value))
    });
    let fitting = found.len() - tight;
    // What is tight is an answer only where nothing fits.
    let only_tight = fitting == 0;
    found.retain(|(_, candidate)| only_tight || candidate.after.fit == Fit::Fits);
    let cheapest = found.first().and_then(|(money, _)| *money);
    let candidates: Vec<Candidate> = found.into_iter().map(|(_, candidate)| candidate).collect();
    let unit = ByteUnit::GiB;
    let Some(best) = candidates.first() else {
        let words = format!(
            "Nothing fits: none of {tried} accelerators of the catalogue holds {}. Share the work among several, or see \
             under Levers what to change.",
            before.memory().display(unit)
        );
        return Solution::without(Question::Accelerator, Ending::NothingFits, before, words);
    };
    let why = match cheapest {
        Some(money) => format!("{} for the run", quantity(money, &plan.cost.currency)),
        None if priced => "no price is known for any that fits, so the smallest".to_owned(),
        None => "the least memory; type a price under Cost to order by the cost of the run".to_owned(),
    };
    let pace = best.after.step_secs.map_or_else(String::new, |secs| format!(", {} a step", duration(secs.expected)));
    let words = if only_tight {
        format!(
            "No accelerator of the catalogue fits at the upper end of the band; {tight} of {tried} are tight, the cheapest \
             is {} ({why}; {}{pace}).",
            best.value,
            best.after.memory_words(unit)
        )
    } else {
        format!(
            "Cheapest accelerator that fits: {} ({why}; {}{pace}); of {tried} {fitting} fit{}.",
            best.value,
            best.after.memory_words(unit),
            more_tight(tight)
        )
    };
    let ending = match fitting {
        _ if only_tight => Ending::OnlyTight,
        _ if fitting == tried => Ending::EverythingFits,
        _ => Ending::Found,
    };
    Solution { question: Question::Accelerator, ending, candidates, before, beyond: None, words }
}

/// The known before the unknown, then by amount.
fn by_some(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Takes another device: figures and price typed for the old one no longer hold.
fn choose(plan: &Plan, device: &Accelerator) -> PlanEdit {
    if plan.hardware.accelerator == device.id {
        return PlanEdit::Set(id::HARDWARE_ACCELERATOR, FieldValue::Id(device.id.clone()));
    }
    let mut edits = vec![PlanEdit::Set(id::HARDWARE_ACCELERATOR, FieldValue::Id(device.id.clone()))];
    let hardware = &plan.hardware;
    let typed = [
        (id::HARDWARE_MEMORY_MIB, hardware.memory_mib.is_some()),
        (id::HARDWARE_BANDWIDTH_GB_S, hardware.bandwidth_gb_s.is_some()),
        (id::HARDWARE_BF16_TFLOPS, hardware.bf16_tflops.is_some()),
    ];
    edits.extend(typed.into_iter().filter(|(_, set)| *set).map(|(id, _)| PlanEdit::Set(id, FieldValue::Unset)));
    if plan.cost.price_per_device_hour.is_some() {
        let listed = device.usd_per_hour.filter(|_| plan.cost.currency.trim().eq_ignore_ascii_case("usd"));
        let price = listed.map_or(FieldValue::Unset, FieldValue::Decimal);
        let day = if listed.is_some() { device.price_date.clone() } else { String::new() };
        edits.push(PlanEdit::Set(id::COST_PRICE_PER_DEVICE_HOUR, price));
        edits.push(PlanEdit::Set(id::COST_PRICE_DATE, FieldValue::Text(day)));
    }
    PlanEdit::Group(edits, format!("Accelerator {}", device.name))
}

fn errors_of(plan: &Plan, known: Known<'_>) -> Vec<String> {
    Inputs::resolve(plan, known.catalog, known.profiles).map(|inputs| contradictions(&inputs)).unwrap_or_default()
}
