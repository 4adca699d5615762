//! A chart as data: what the window draws, a picture shows and a table holds. It knows neither colours nor pixels.

use crate::estimate::Component;
use crate::units::{grouped, significant};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most ticks of an axis.
const MOST_TICKS: usize = 60;
/// Distance from 2 to 5 on an axis by powers of ten: labels as near as this stand at 1, 2 and 5 of each power.
const ONE_TWO_FIVE: f64 = 0.301;

/// A colour, by what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the tokens of the theme")]
pub enum Ink {
    Accent,
    Fits,
    Tight,
    Over,
    Text,
    Muted,
    /// That of a component of the memory.
    Component(Component),
}

/// How values lie on an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Evenly; only whole numbers are named.
    Count,
    /// By powers of ten; values are above 0.
    Log,
    /// Named stops side by side: a value is the place of a stop.
    Stops {
        /// Their names.
        names: Vec<String>,
        /// The stop that is named whatever others are left out.
        own: Option<usize>,
    },
}

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub name: String,
    /// How values lie on it.
    pub scale: Scale,
    /// The values at its ends.
    pub range: [f64; 2],
}

/// A line of the grid across an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where on the axis: see [`Axis::place`].
    pub at: f64,
    /// Its figure; empty: a line only.
    pub text: String,
    /// Distance to the next of its kind.
    pub step: f64,
}

impl Axis {
    /// An axis; one of no length is given some.
    pub fn new(name: impl Into<String>, scale: Scale, [from, to]: [f64; 2]) -> Self {
        let name = name.into();
        let sane = from.is_finite() && to.is_finite() && from < to && (scale != Scale::Log || from > 0.0);
        let range = match &scale {
            _ if sane => [from, to],
            Scale::Log if from > 0.0 && from.is_finite() => [from / 3.0, from * 3.0],
            Scale::Log => [0.1, 10.0],
            _ if from.is_finite() => [from - 0.5, from + 0.5],
            _ => [0.0, 1.0],
        };
        Self { name, scale, range }
    }

    /// An axis by powers of ten that holds all values above 0, with a little room at its ends, and at least a power.
    pub fn log_around(name: impl Into<String>, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite() && *value > 0.0)
            .map(f64::log10)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), power| (low.min(power), high.max(power)));
        if low > high {
            return Self::new(name, Scale::Log, [0.1, 10.0]);
        }
        let spare = ((1.05 - (high - low)) / 2.0).max(0.07 * (high - low)).max(0.06);
        Self::new(name, Scale::Log, [10_f64.powf(low - spare), 10_f64.powf(high + spare)])
    }

    /// Where a value stands on the axis, evenly divided.
    pub fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            _ => value,
        }
    }

    /// The value that stands there.
    pub fn value(&self, place: f64) -> f64 {
        match self.scale {
            Scale::Log => 10_f64.powf(place),
            _ => place,
        }
    }

    /// Places of both ends.
    pub fn places(&self) -> [f64; 2] {
        self.range.map(|value| self.place(value))
    }

    /// A value in words.
    pub fn words(&self, value: f64) -> String {
        match &self.scale {
            Scale::Stops { names, .. } => names.get(value.round().max(0.0) as usize).cloned().unwrap_or_default(),
            Scale::Count => grouped(value.round().max(0.0) as u64),
            Scale::Linear | Scale::Log => significant(value),
        }
    }

    /// The lines of the grid between two places, where figures may stand as near as `apart`.
    pub fn ticks(&self, from: f64, to: f64, apart: f64) -> Vec<Tick> {
        if !(from < to && apart > 0.0 && apart.is_finite()) {
            return Vec::new();
        }
        match &self.scale {
            Scale::Linear => even(from, to, nice(apart)),
            Scale::Count => even(from, to, nice(apart).max(1.0)),
            Scale::Log => powers(from, to, apart),
            Scale::Stops { names, own } => {
                let every = (apart.ceil() as usize).max(1);
                let first = own.unwrap_or(0) % every;
                let stops = (first..names.len()).step_by(every).filter(|stop| (from..=to).contains(&(*stop as f64)));
                stops.map(|at| Tick { at: at as f64, text: names[at].clone(), step: every as f64 }).collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn nice(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least * 0.999).unwrap_or(least)
}

/// Multiples of `step`.
fn even(from: f64, to: f64, step: f64) -> Vec<Tick> {
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let first = (from / step).ceil();
    let count = ((to / step).floor() - first).clamp(-1.0, MOST_TICKS as f64);
    let figure = |value: f64| {
        if value.abs() >= 1000.0 && decimals == 0 && value.abs() < 1e15 {
            let sign = if value < 0.0 { "−" } else { "" };
            return format!("{sign}{}", grouped(value.abs().round() as u64));
        }
        // No sign before a zero.
        format!("{:.decimals$}", if value.abs() < step / 2.0 { 0.0 } else { value }).replace('-', "−")
    };
    (0..=count as i64).map(|i| (first + i as f64) * step).map(|at| Tick { at, text: figure(at), step }).collect()
}

/// A round figure without digits that say nothing: `0.1`, `10`, `5e-8`.
fn bare(value: f64) -> String {
    let text = significant(value);
    let (digits, power) = text.split_once('e').unwrap_or((&text, ""));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    if power.is_empty() { digits.to_owned() } else { format!("{digits}e{power}") }
}

/// Powers of ten; between them further figures where there is room, and lines where there is none for figures.
fn powers(from: f64, to: f64, apart: f64) -> Vec<Tick> {
    if apart > 1.0 {
        return even(from, to, apart.ceil())
            .into_iter()
            .map(|tick| Tick { text: bare(10_f64.powf(tick.at)), ..tick })
            .collect();
    }
    // Narrower than a power, evenly divided: each as far from the next as the highest two.
    if to - from < 0.75 {
        let step = nice(10_f64.powf(to) - 10_f64.powf(to - apart));
        let ticks = even(10_f64.powf(from), 10_f64.powf(to), step);
        return ticks.into_iter().map(|tick| Tick { at: tick.at.log10(), step: apart, text: tick.text }).collect();
    }
    let named: &[f64] = if apart <= ONE_TWO_FIVE { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let decades = (from.floor() as i32..=to.ceil() as i32).take(MOST_TICKS);
    let all = decades.flat_map(|power| (1..10).map(move |digit| (f64::from(digit), power)));
    all.map(|(digit, power)| {
        let value = digit * 10_f64.powi(power);
        let is_named = named.contains(&digit);
        let step = if digit == 1.0 {
            1.0
        } else if is_named {
            ONE_TWO_FIVE
        } else {
            0.046
        };
        Tick { at: value.log10(), text: if is_named { bare(value) } else { String::new() }, step }
    })
    .filter(|tick| (from..=to).contains(&tick.at))
    .collect()
}

/// A mark at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "shapes by their names")]
pub enum Mark {
    Disc,
    Square,
    Triangle,
    Ring,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look {
    /// A line through its points.
    Line,
    /// A faint one, of many.
    Thin,
    /// A dashed one.
    Dashed,
    /// A mark of this radius at each.
    Marks(Mark, f32),
    /// A bar from 0 to each, this wide.
    Bars(f64),
    /// The area that they surround, convex; it is ground, not data, and is not read.
    Area,
}

/// Points of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What they are; several of one name are one to the reader.
    pub name: String,
    /// Their colour.
    pub ink: Ink,
    /// How they are drawn.
    pub look: Look,
    /// Values on both axes.
    pub points: Vec<[f64; 2]>,
    /// Names of the points, in their order; empty: they have none.
    pub labels: Vec<String>,
}

impl Series {
    /// Points without names of their own.
    pub fn new(name: impl Into<String>, ink: Ink, look: Look, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), ink, look, points, labels: Vec::new() }
    }
}

/// Which way something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// At a value of the level axis, upright.
    Upright,
    /// At a value of the upright axis, level.
    Level,
}

/// A line or strip across the whole chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What is written beside it; empty: nothing.
    pub label: String,
    /// Its colour.
    pub ink: Ink,
    /// Which way it stands.
    pub way: Way,
    /// The value it stands at.
    pub at: f64,
    /// A strip up to this value instead of a line.
    pub to: Option<f64>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it is, for the head of a picture and a table.
    pub title: String,
    /// What it says in a sentence, for whoever does not see it.
    pub name: String,
    /// The level axis.
    pub across: Axis,
    /// The upright one.
    pub up: Axis,
    /// What is drawn, the first at the back.
    pub series: Vec<Series>,
    /// Lines and strips behind it.
    pub rules: Vec<Rule>,
    /// What is said where a line leaves the chart, beginning with the arrow of the edge, `↑` or `↓`.
    pub beyond: Option<String>,
}

impl Chart {
    /// Names of the series that have points, in their order, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for series in &self.series {
            let is_there = !series.name.is_empty() && !series.points.is_empty();
            if is_there && !names.contains(&series.name.as_str()) {
                names.push(&series.name);
            }
        }
        names
    }

    /// Every point as tab-separated text, for a spreadsheet.
    pub fn table(&self) -> String {
        let cell = |text: &str| text.replace(['\t', '\n', '\r'], " ");
        let arrows = [" →", " ↑", "→", "↑"];
        let head =
            |axis: &Axis| cell(arrows.iter().fold(axis.name.as_str(), |name, arrow| name.trim_end_matches(arrow)));
        let is_named = self.series.iter().any(|series| !series.labels.is_empty());
        let mut out = format!("{}\nSeries\t{}\t{}", cell(&self.title), head(&self.across), head(&self.up));
        out.push_str(if is_named { "\tName\n" } else { "\n" });
        // A line and the marks on it are one series told once.
        let mut told: BTreeSet<(&str, [u64; 2])> = BTreeSet::new();
        for series in self.series.iter().filter(|series| series.look != Look::Area) {
            let finite = |(_, point): &(usize, &[f64; 2])| point.iter().all(|value| value.is_finite());
            for (index, point) in series.points.iter().enumerate().filter(finite) {
                if told.contains(&(series.name.as_str(), point.map(f64::to_bits))) {
                    continue;
                }
                let value = |axis: &Axis, value: f64| match axis.scale {
                    Scale::Stops { .. } => cell(&axis.words(value)),
                    _ => value.to_string(),
                };
                let [x, y] = *point;
                let _ = write!(out, "{}\t{}\t{}", cell(&series.name), value(&self.across, x), value(&self.up, y));
                if is_named {
                    let _ = write!(out, "\t{}", cell(series.labels.get(index).map_or("", String::as_str)));
                }
                out.push('\n');
            }
            if !matches!(series.look, Look::Marks(..)) {
                told.extend(series.points.iter().map(|point| (series.name.as_str(), point.map(f64::to_bits))));
            }
        }
        for rule in self.rules.iter().filter(|rule| !rule.label.is_empty()) {
            let [x, y] = match rule.way {
                Way::Upright => [rule.at.to_string(), String::new()],
                Way::Level => [String::new(), rule.at.to_string()],
            };
            let _ = writeln!(out, "{}\t{x}\t{y}", cell(&rule.label));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Option<f64> {
        text.replace(',', "").replace('−', "-").parse().ok()
    }

    proptest! {
        /// Whatever is zoomed to: figures stand where they say, inside, in order and no nearer than asked for.
        #[test]
        fn figures_stand_where_they_say(
            from in -9.0..9.0_f64, length in 0.05..14.0_f64, figures in 3.0..12.0_f64, scale in 0..3_usize
        ) {
            let scale = [Scale::Linear, Scale::Count, Scale::Log][scale].clone();
            let (from, to) = (from, from + length);
            let axis = Axis::new("", scale.clone(), if scale == Scale::Log { [1.0, 2.0] } else { [from, to] });
            let apart = length / figures;
            let ticks = axis.ticks(from, to, apart);
            let named: Vec<&Tick> = ticks.iter().filter(|tick| !tick.text.is_empty()).collect();
            for tick in &ticks {
                prop_assert!(tick.at >= from - 1e-9 && tick.at <= to + 1e-9, "{tick:?}");
            }
            for tick in &named {
                let said = number(&tick.text);
                // Figures of three digits: half a unit of the last.
                let near = said.is_some_and(|said| (axis.place(said) - tick.at).abs() <= 0.012 * length.max(0.2));
                prop_assert!(near, "{tick:?} in {from}..{to}");
            }
            for pair in named.windows(2) {
                prop_assert!(pair[1].at - pair[0].at >= apart * 0.98, "{pair:?}, apart {apart}");
            }
        }
    }

    #[test]
    fn stops_are_thinned_out_but_the_own_one_stays() {
        let names = (0..10).map(|i| format!("s{i}")).collect();
        let axis = Axis::new("", Scale::Stops { names, own: Some(4) }, [-0.5, 9.5]);
        let texts = |apart| axis.ticks(-0.5, 9.5, apart).into_iter().map(|tick| tick.text).collect::<Vec<_>>();
        assert_eq!(texts(2.4), ["s1", "s4", "s7"]);
        assert_eq!(texts(0.5).len(), 10);
        assert_eq!(axis.words(3.0), "s3");
    }

    #[test]
    fn an_axis_of_no_length_is_given_some() {
        for (scale, range) in [
            (Scale::Linear, [1.0, 1.0]),
            (Scale::Linear, [f64::NAN, 1.0]),
            (Scale::Log, [0.0, 1.0]),
            (Scale::Log, [5.0, 5.0]),
            (Scale::Log, [f64::INFINITY, f64::INFINITY]),
        ] {
            let [from, to] = Axis::new("", scale.clone(), range).places();
            assert!(from.is_finite() && to.is_finite() && from < to, "{scale:?} {range:?}");
        }
        let [from, to] = Axis::log_around("", std::iter::empty()).places();
        assert!(from < to);
        let [from, to] = Axis::log_around("", [3.0].into_iter()).range;
        assert!(from < 3.0 && to > 3.0 && to / from >= 10.0);
    }

    #[test]
    fn a_table_tells_each_point_once() {
        let line = vec![[1.0, 2.5], [2.0, 5.0]];
        let mut marks = Series::new("marks", Ink::Muted, Look::Marks(Mark::Disc, 3.0), vec![[3.0, 1.0]]);
        marks.labels = vec!["NF4\tnamed".to_owned()];
        let chart = Chart {
            title: "Bytes".to_owned(),
            name: String::new(),
            across: Axis::new("adapters →", Scale::Log, [1.0, 10.0]),
            up: Axis::new("GiB", Scale::Linear, [0.0, 5.0]),
            series: vec![
                Series::new("", Ink::Fits, Look::Area, vec![[0.0, 0.0]]),
                Series::new("line", Ink::Accent, Look::Line, line.clone()),
                Series::new("line", Ink::Accent, Look::Marks(Mark::Disc, 3.0), line),
                marks,
            ],
            rules: vec![Rule { label: "limit".to_owned(), ink: Ink::Over, way: Way::Level, at: 4.0, to: None }],
            beyond: None,
        };
        assert_eq!(
            chart.table(),
            "Bytes\nSeries\tadapters\tGiB\tName\nline\t1\t2.5\t\nline\t2\t5\t\nmarks\t3\t1\tNF4 named\nlimit\t\t4\n"
        );
        assert_eq!(chart.names(), ["line", "marks"]);
    }
}
