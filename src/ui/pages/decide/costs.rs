//! Break-even: prices as typed, and cost a month over requests a month, with crossings and their ranges.

use super::{DecideState, changed, head_ui, note_ui, text_ui};
use crate::app::command::Commands;
use crate::decide::break_even::{BreakEven, Crossing, Line, Way};
use crate::estimate::Component;
use crate::plan::decision::{Cache, Costs, RagCosts, is_date};
use crate::ui::theme::{Tokens, space, type_size};
use crate::ui::widgets::log_axes::LogAxes;
use crate::ui::{View, card, card_head};
use crate::units::significant;
use egui::{Align, Align2, Color32, DragValue, FontId, Grid, Layout, Rangef, Rect, RichText, Sense, Stroke, Ui, Vec2};

/// Height of the chart.
const CHART: f32 = 260.0;
/// Fewest and most requests a month that the chart shows, as powers of ten.
const DECADES: Rangef = Rangef { min: 2.0, max: 9.0 };
/// Points of a line.
const POINTS: usize = 80;

/// A number of the costs.
struct Amount {
    label: &'static str,
    unit: &'static str,
    help: &'static str,
    get: fn(&Costs) -> f64,
    set: fn(&mut Costs, f64),
    max: f64,
    step: f64,
}

macro_rules! amount {
    ($label:literal, $unit:literal, $help:literal, $($path:ident).+, $max:expr, $step:expr) => {
        Amount { label: $label, unit: $unit, help: $help, get: |c| c.$($path).+, set: |c, x| c.$($path).+ = x, max: $max, step: $step }
    };
    (count $label:literal, $unit:literal, $help:literal, $($path:ident).+) => {
        Amount {
            label: $label, unit: $unit, help: $help, get: |c| c.$($path).+ as f64,
            set: |c, x| c.$($path).+ = x.round() as u64, max: 1e9, step: 10.0,
        }
    };
    (of $part:ident $label:literal, $unit:literal, $help:literal, $field:ident, $max:expr, $step:expr) => {
        Amount {
            label: $label, unit: $unit, help: $help,
            get: |c| c.$part.as_ref().map_or(0.0, |part| part.$field as f64),
            set: |c, x| if let Some(part) = c.$part.as_mut() { part.$field = x },
            max: $max, step: $step,
        }
    };
    (tokens of $part:ident $label:literal, $help:literal, $field:ident) => {
        Amount {
            label: $label, unit: "tokens", help: $help,
            get: |c| c.$part.as_ref().map_or(0.0, |part| part.$field as f64),
            set: |c, x| if let Some(part) = c.$part.as_mut() { part.$field = x.round() as u64 },
            max: 1e9, step: 10.0,
        }
    };
}

/// Most of any sum of money.
const MONEY: f64 = 1e12;

const REQUEST: &[Amount] = &[
    amount!("Requests", "a month", "Requests that are expected.", requests_per_month, 1e12, 1000.0),
    amount!("Horizon", "months", "One-off costs are spread over them.", horizon_months, 600.0, 1.0),
    amount!(
        "Doubt",
        "± share",
        "How far fixed sums and savings may be off either way, 0 to 0.9: it makes the range.",
        uncertainty,
        0.9,
        0.01
    ),
    amount!(count "Static head", "tokens", "Tokens of the long prompt that are the same in every request.", static_tokens),
    amount!(count "Rest of the input", "tokens", "Tokens that differ by request.", dynamic_tokens),
    amount!(count "Answer", "tokens", "Tokens of the answer.", output_tokens),
    amount!(
        "Input price",
        "a million",
        "Price of a million input tokens of the prompted model.",
        input_price,
        MONEY,
        0.05
    ),
    amount!(
        "Output price",
        "a million",
        "Price of a million output tokens of the prompted model.",
        output_price,
        MONEY,
        0.05
    ),
];
const CACHE: &[Amount] = &[
    amount!(of cache "Hit share", "0 to 1", "Share of requests that find the head in the cache.", hit_share, 1.0, 0.01),
    amount!(of cache "Read factor", "× price", "Price of a cached token over that of a fresh one.", read_factor, 100.0, 0.01),
    amount!(of cache "Write factor", "× price", "Price of a token put into the cache over that of a fresh one.", write_factor, 100.0, 0.01),
];
const TUNED: &[Amount] = &[
    amount!(count "Static head, tuned", "tokens", "What is left of the head once the behaviour is trained in.", tuned.static_tokens),
    amount!(
        "Input price, tuned",
        "a million",
        "Price of a million input tokens of the tuned model.",
        tuned.input_price,
        MONEY,
        0.05
    ),
    amount!(
        "Output price, tuned",
        "a million",
        "Price of a million output tokens of the tuned model.",
        tuned.output_price,
        MONEY,
        0.05
    ),
    amount!("Data", "once", "Collecting, labelling and checking.", tuned.data, MONEY, 100.0),
    amount!("A training run", "each", "One run; the page Time estimates it.", tuned.run, MONEY, 10.0),
    amount!(count "Runs", "runs", "Until one is good, failed ones included.", tuned.runs),
    amount!("Evaluation", "once", "Evaluating the result.", tuned.evaluation, MONEY, 10.0),
    amount!("Idle serving", "a month", "Devices that wait for requests.", tuned.idle_per_month, MONEY, 10.0),
    amount!("Retrained every", "months", "0: never.", tuned.retrain_months, 600.0, 1.0),
    amount!("A retraining", "each", "With new labels and regression tests.", tuned.retrain, MONEY, 10.0),
];
const RAG: &[Amount] = &[
    amount!(tokens of rag "Static head, retrieval", "Tokens of the prompt that are the same in every request.", static_tokens),
    amount!(tokens of rag "Retrieved", "Tokens fetched for a request.", retrieved_tokens),
    amount!(of rag "Building it", "once", "Index, ingestion, evaluation.", build, MONEY, 100.0),
    amount!(of rag "Index upkeep", "a month", "Storage, updates.", index_per_month, MONEY, 10.0),
    amount!(of rag "A search", "a request", "Price of one search.", search, MONEY, 0.0001),
];

/// Draws the sheet.
pub fn costs_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    let decided = view.computed.decided(&view.state.document.plan);
    let Some(costs) = &decided.decision.answers.costs else {
        card(ui, view.tokens, |ui| {
            card_head(ui, "Break-even", "");
            ui.add(egui::Label::new("From how many requests a month does a fine-tuned model cost less than a long prompt, a cached one, or retrieval? There are no prices in the program: type yours, with the day they were quoted.").wrap());
            if ui.button("Type prices").clicked() {
                out.push(changed(view, "costs", |record| record.answers.costs = Some(Costs::default())));
            }
        });
        return;
    };
    if let Some(found) = &decided.costs {
        card(ui, view.tokens, |ui| {
            let unit = format!("{} a month, both axes by powers of ten", found.currency);
            card_head(ui, "Break-even", &unit);
            chart_ui(ui, view, found);
            for against in &found.against {
                ui.add(
                    egui::Label::new(format!(
                        "Fine-tuned against {}: {}.",
                        against.other.label().to_lowercase(),
                        against.crossing.words()
                    ))
                    .wrap(),
                );
            }
            if let Some(uses) = found.cache_pays_from_uses {
                note_ui(ui, view, &format!("Writing the head into the cache pays from use {uses} on."));
            }
            note_ui(
                ui,
                view,
                "N = (fixed a month, tuned − other) / (a request, other − tuned); one-off sums are spread over the horizon, the range is the doubt on both.",
            );
        });
        ui.add_space(space::xs());
    }
    card(ui, view.tokens, |ui| inputs_ui(ui, view, costs, state, out));
}

fn inputs_ui(ui: &mut Ui, view: &View<'_>, costs: &Costs, state: &mut DecideState, out: &mut Commands) {
    card_head(ui, "Prices and amounts", "as you were quoted them");
    ui.horizontal(|ui| {
        ui.label("Prices as of");
        if let Some(date) = text_ui(ui, state, "Day of the prices", &costs.date, "YYYY-MM-DD", 96.0, 1) {
            out.push(edited(view, "costs.date", |costs| date.trim().clone_into(&mut costs.date)));
        }
        ui.label("in");
        if let Some(currency) = text_ui(ui, state, "Currency of the prices", &costs.currency, "USD", 60.0, 1) {
            out.push(edited(view, "costs.currency", |costs| currency.trim().clone_into(&mut costs.currency)));
        }
    });
    if !is_date(&costs.date) {
        ui.label(
            RichText::new("Prices need the day they were quoted, as YYYY-MM-DD: they age quickly.")
                .color(view.tokens.tight.0),
        );
    }
    amounts_ui(ui, view, "Requests and prompt", REQUEST, costs, out);
    if part_ui(ui, "Prompt caching", costs.cache.is_some()) {
        out.push(edited(view, "costs.cache", |costs| {
            costs.cache = if costs.cache.is_some() {
                None
            } else {
                Some(Cache { hit_share: 0.9, read_factor: 1.0, write_factor: 1.0 })
            };
        }));
    }
    if costs.cache.is_some() {
        amounts_ui(ui, view, "", CACHE, costs, out);
    }
    amounts_ui(ui, view, "Fine-tuned model", TUNED, costs, out);
    if part_ui(ui, "Retrieval", costs.rag.is_some()) {
        out.push(edited(view, "costs.rag", |costs| {
            costs.rag = if costs.rag.is_some() { None } else { Some(RagCosts::default()) };
        }));
    }
    if costs.rag.is_some() {
        amounts_ui(ui, view, "", RAG, costs, out);
    }
    ui.add_space(space::s());
    if ui.button("Drop the prices").clicked() {
        out.push(changed(view, "costs", |record| record.answers.costs = None));
    }
}

/// Head of a part that can be left out; whether it was switched.
fn part_ui(ui: &mut Ui, title: &str, is_in: bool) -> bool {
    ui.add_space(space::s());
    let mut now = is_in;
    ui.checkbox(&mut now, title).changed()
}

fn amounts_ui(ui: &mut Ui, view: &View<'_>, title: &str, amounts: &[Amount], costs: &Costs, out: &mut Commands) {
    if !title.is_empty() {
        ui.add_space(space::s());
        head_ui(ui, title);
    }
    let columns = if ui.available_width() > 520.0 { 2 } else { 1 };
    let first = amounts.first().map_or("", |amount| amount.label);
    Grid::new(("costs", first)).num_columns(columns * 3).spacing([space::s(), space::xs()]).show(ui, |ui| {
        for row in amounts.chunks(columns) {
            for amount in row {
                amount_ui(ui, view, amount, costs, out);
            }
            ui.end_row();
        }
    });
}

fn amount_ui(ui: &mut Ui, view: &View<'_>, amount: &Amount, costs: &Costs, out: &mut Commands) {
    let now = (amount.get)(costs);
    let mut new = now;
    let place = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(Vec2::new(118.0, 24.0), place, |ui| {
        ui.set_width(118.0);
        ui.add(egui::Label::new(amount.label).truncate().selectable(false)).on_hover_text(amount.help);
    });
    let drag = DragValue::new(&mut new)
        .speed(amount.step)
        .range(0.0..=amount.max)
        .max_decimals(6)
        .custom_formatter(|number, _| plain(number))
        .custom_parser(|text| text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect::<String>().parse().ok());
    let response = ui.add_sized([84.0, 24.0], drag);
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::labeled(egui::Role::SpinButton, true, amount.label);
        info.value = Some(now);
        info
    });
    ui.label(RichText::new(amount.unit).small().color(view.tokens.muted.0));
    if new != now {
        out.push(edited(view, "costs.amount", |costs| (amount.set)(costs, new)));
    }
}

/// A number without a needless fraction, thousands apart.
fn plain(number: f64) -> String {
    if number.fract() == 0.0 {
        crate::units::grouped(number as u64)
    } else {
        format!("{}", (number * 1e6).round() / 1e6)
    }
}

fn edited(view: &View<'_>, what: &'static str, change: impl FnOnce(&mut Costs)) -> crate::app::command::Command {
    changed(view, what, |record| change(record.answers.costs.get_or_insert_default()))
}

fn color(tokens: &Tokens, way: Way) -> Color32 {
    tokens.series(match way {
        Way::Prompt => Component::Activations,
        Way::Cached => Component::Logits,
        Way::Tuned => Component::Weights,
        Way::Rag => Component::OptimizerState,
    })
}

/// The lines, the crossings with their ranges, and the requests that are expected.
fn chart_ui(ui: &mut Ui, view: &View<'_>, found: &BreakEven) {
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), CHART), Sense::hover());
    let crossings: Vec<String> = found
        .against
        .iter()
        .map(|against| format!("against {} {}", against.other.label().to_lowercase(), against.crossing.words()))
        .collect();
    let name = format!("Cost a month over requests a month. Fine-tuned {}", crossings.join("; "));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let across = range_across(found);
    let costs: Vec<f64> = found
        .lines
        .iter()
        .flat_map(|line| [across.min, across.max].map(|power| line.at(10_f64.powf(f64::from(power)))))
        .filter(|cost| *cost > 0.0)
        .collect();
    if costs.is_empty() {
        ui.painter().text(
            whole.center(),
            Align2::CENTER_CENTER,
            "Type prices to see the lines",
            FontId::proportional(type_size::body()),
            view.tokens.muted.0,
        );
        return;
    }
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min).log10().floor() as f32;
    let most = costs.iter().copied().fold(0.0, f64::max).log10().ceil() as f32;
    let up = Rangef::new(least.max(most - 8.0), most.max(least + 1.0));
    // Room for the last figure of the level axis, which is centred on its line.
    let axes = LogAxes::inside(whole.with_max_x(whole.right() - 24.0), across, up);
    axes.draw(ui, view.tokens, ["requests a month", &format!("{} a month", found.currency)], significant);
    for (index, against) in found.against.iter().enumerate() {
        crossing_ui(ui, view, &axes, found, against.crossing, color(view.tokens, against.other), index);
    }
    for line in &found.lines {
        line_ui(ui, view, &axes, line);
    }
    legend_ui(ui, view, &axes, found);
    if found.requests_per_month > 0.0 {
        let x = axes.at(found.requests_per_month, 1.0).x;
        let dashes = egui::Shape::dashed_line(
            &[egui::pos2(x, axes.area.top()), egui::pos2(x, axes.area.bottom())],
            Stroke::new(1.5, view.tokens.text.0),
            4.0,
            3.0,
        );
        ui.painter().extend(dashes);
        ui.painter().text(
            egui::pos2(x + 4.0, axes.area.bottom() - 4.0),
            Align2::LEFT_BOTTOM,
            "expected",
            FontId::proportional(type_size::small()),
            view.tokens.text.0,
        );
    }
    response.on_hover_text(name);
}

/// A power of ten beyond every crossing and what is expected.
fn range_across(found: &BreakEven) -> Rangef {
    let mut marks: Vec<f64> = found
        .against
        .iter()
        .flat_map(|against| match against.crossing {
            Crossing::From { low, high, expected } => vec![low, high.unwrap_or(expected)],
            Crossing::UpTo(count) => vec![count],
            Crossing::Always | Crossing::Never => Vec::new(),
        })
        .collect();
    marks.extend(Some(found.requests_per_month).filter(|count| *count > 0.0));
    let powers = marks.iter().filter(|count| **count >= 1.0).map(|count| count.log10() as f32);
    let low = powers.clone().fold(f32::INFINITY, f32::min).floor() - 1.0;
    let high = powers.fold(0.0, f32::max).ceil();
    let low = if low.is_finite() { low.clamp(0.0, DECADES.max - 1.0) } else { DECADES.min };
    let high = high.clamp(low + 1.0, 12.0).max(if marks.is_empty() { 6.0 } else { low + 1.0 });
    Rangef::new(low, high)
}

fn line_ui(ui: &Ui, view: &View<'_>, axes: &LogAxes, line: &Line) {
    let points = (0..=POINTS)
        .map(|step| {
            let power = axes.across.min + axes.across.span() * step as f32 / POINTS as f32;
            10_f64.powf(f64::from(power))
        })
        .filter(|requests| line.at(*requests) > 0.0)
        .map(|requests| axes.at(requests, line.at(requests)))
        .collect();
    ui.painter().line(points, Stroke::new(2.5, color(view.tokens, line.way)));
}

/// The range as a band, the expected crossing as a point on both lines.
fn crossing_ui(
    ui: &Ui,
    view: &View<'_>,
    axes: &LogAxes,
    found: &BreakEven,
    crossing: Crossing,
    color: Color32,
    row: usize,
) {
    let Some(tuned) = found.lines.iter().find(|line| line.way == Way::Tuned) else { return };
    let (expected, range) = match crossing {
        Crossing::From { expected, low, high } => (expected, Some((low, high.unwrap_or(f64::INFINITY)))),
        Crossing::UpTo(count) => (count, None),
        Crossing::Always | Crossing::Never => return,
    };
    if let Some((low, high)) = range {
        let (left, right) = (axes.at(low, 1.0).x, axes.at(high, 1.0).x);
        let band = Rect::from_x_y_ranges(left..=right, axes.area.y_range());
        ui.painter().rect_filled(band, 0, color.gamma_multiply(0.14));
    }
    let at = axes.at(expected, tuned.at(expected));
    ui.painter().circle(at, 5.0, view.tokens.panel.0, Stroke::new(2.5, color));
    let font = FontId::proportional(type_size::small());
    // Each on a row of its own at the foot, so that near ones do not cover each other.
    let foot = axes.area.bottom() - (type_size::small() + 6.0) * (row as f32 + 2.0);
    ui.painter().vline(at.x, at.y.min(foot)..=at.y.max(foot), Stroke::new(1.0, color));
    let place = egui::pos2(at.x + 4.0, foot);
    ui.painter().text(place, Align2::LEFT_CENTER, significant(expected), font, view.tokens.text.0);
}

/// Names with their colours, in the corner where lines begin low.
fn legend_ui(ui: &Ui, view: &View<'_>, axes: &LogAxes, found: &BreakEven) {
    let font = FontId::proportional(type_size::small());
    let mut at = axes.area.left_top() + Vec2::new(8.0, 10.0 + type_size::small());
    for line in &found.lines {
        ui.painter().line_segment(
            [at + Vec2::new(0.0, 7.0), at + Vec2::new(16.0, 7.0)],
            Stroke::new(2.5, color(view.tokens, line.way)),
        );
        ui.painter().text(
            at + Vec2::new(22.0, 7.0),
            Align2::LEFT_CENTER,
            line.way.label(),
            font.clone(),
            view.tokens.text.0,
        );
        at.y += type_size::small() + 5.0;
    }
}
