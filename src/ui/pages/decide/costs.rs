//! Break-even: prices as typed, and cost a month over requests a month, with crossings and their ranges.

use super::{DecideState, changed, head_ui, note_ui, text_ui};
use crate::app::command::Commands;
use crate::decide::break_even::{BreakEven, Pays};
use crate::decide::facts::LONG_PROMPT_TOKENS;
use crate::plan::decision::amounts::{Amount, CACHE, RAG, REQUEST, TUNED, plain};
use crate::plan::decision::{Cache, Costs, RagCosts, is_date};
use crate::theme::space;
use crate::ui::widgets::number;
use crate::ui::{View, card, card_head};
use egui::{Align, Grid, Layout, RichText, Ui, Vec2};

mod chart;

/// Room for what the chart says in words.
const WORDS_HEIGHT: f32 = 150.0;

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
            chart::chart_ui(ui, view, found, out);
            // The form below stays under the pointer while its numbers make the sentences come and go.
            ui.vertical(|ui| {
                ui.set_min_height(WORDS_HEIGHT);
                words_ui(ui, view, found, costs.uncertainty);
            });
        });
        ui.add_space(space::xs());
    }
    card(ui, view.tokens, |ui| inputs_ui(ui, view, costs, state, out));
}

/// What is missing, what the lines say, and by which rule.
fn words_ui(ui: &mut Ui, view: &View<'_>, found: &BreakEven, uncertainty: f64) {
    for remark in found.remarks() {
        ui.add(egui::Label::new(remark).wrap());
    }
    if found.requests_per_month > 0.0 {
        let requests = crate::units::grouped(found.requests_per_month.round() as u64);
        let words = match found.pays(uncertainty) {
            Pays::Yes => "fine-tuning is the cheapest of these",
            Pays::No => "another way is cheaper than fine-tuning",
            Pays::WithinTheRange => "it lies within the range, so nobody can say which is cheaper",
            Pays::Unknown => "nothing is compared yet",
        };
        ui.add(egui::Label::new(format!("At your {requests} requests a month {words}.")).wrap());
    }
    for against in &found.against {
        let words =
            format!("Fine-tuned against {}: {}.", against.other.label().to_lowercase(), against.crossing.words());
        ui.add(egui::Label::new(words).wrap());
    }
    if let Some(uses) = found.cache_pays_from_uses {
        note_ui(ui, view, &format!("Writing the head into the cache pays from use {uses} on."));
    }
    if !found.against.is_empty() {
        note_ui(
            ui,
            view,
            "N = (fixed a month, tuned − other) / (a request, other − tuned); one-off sums are spread over the horizon, the range is the uncertainty of both.",
        );
    }
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
                Some(Cache {
                    hit_share: 0.9,
                    read_factor: 1.0,
                    write_factor: 1.0,
                    least_tokens: LONG_PROMPT_TOKENS,
                    ..Cache::default()
                })
            };
        }));
    }
    if costs.cache.is_some() {
        amounts_ui(ui, view, "", CACHE, costs, out);
    }
    amounts_ui(ui, view, "Fine-tuned model", TUNED, costs, out);
    if costs.cache.is_some() && part_ui(ui, "The head of the tuned prompt is cached, too", costs.tuned.cached) {
        out.push(edited(view, "costs.tuned.cached", |costs| costs.tuned.cached = !costs.tuned.cached));
    }
    if part_ui(ui, "Retrieval", costs.rag.is_some()) {
        out.push(edited(view, "costs.rag", |costs| {
            costs.rag = if costs.rag.is_some() { None } else { Some(RagCosts::default()) };
        }));
    }
    if let Some(rag) = &costs.rag {
        amounts_ui(ui, view, "", RAG, costs, out);
        if costs.cache.is_some() && part_ui(ui, "The head of retrieval's prompt is cached, too", rag.cached) {
            out.push(edited(view, "costs.rag.cached", |costs| {
                if let Some(rag) = costs.rag.as_mut() {
                    rag.cached = !rag.cached;
                }
            }));
        }
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
    let drag = number::typed(ui.ctx(), &mut new)
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
    ui.horizontal(|ui| {
        ui.label(RichText::new(amount.unit).small().color(view.tokens.muted.0));
        // Apart from the next column's label.
        ui.add_space(space::m());
    });
    if new != now {
        out.push(edited(view, "costs.amount", |costs| (amount.set)(costs, new)));
    }
}

fn edited(view: &View<'_>, what: &'static str, change: impl FnOnce(&mut Costs)) -> crate::app::command::Command {
    changed(view, what, |record| change(record.answers.costs.get_or_insert_default()))
}
