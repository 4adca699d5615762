//! What a picture shows: the window with one of its pages, or one part of it alone.

use super::pages::{change, decide, memory, preview};
use super::panels::{explanation, settings};
use super::widgets::plot::Plot;
use super::{UiState, View, card, card_head};
use crate::app::command::Commands;
use crate::app::page::Page;
use crate::report::chart::Chart;
use crate::theme::{bold, space, type_size};
use egui::{Align, CentralPanel, Frame, Layout, Margin, RichText, Ui};

/// Height of a chart that is pictured alone.
const PICTURED: f32 = 420.0;

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelName {
    /// The whole window with this page.
    Window(Page),
    /// The whole window with a page that has tabs, one of them chosen.
    Tab(Tab),
    /// The whole window while presenting.
    Presenter,
    /// One card or panel alone.
    Part(Part),
}

/// A tab of a page, other than its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Of the page of changes.
    Change(change::Part),
    /// Of the preview.
    Preview(preview::Part),
    /// Of the decision.
    Decide(decide::Sheet),
}

impl Tab {
    /// All, with their words on the command line.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Change(change::Part::Search), "change-search"),
        (Self::Change(change::Part::Answers), "change-sensitivity"),
        (Self::Preview(preview::Part::Weights), "preview-weights"),
        (Self::Decide(decide::Sheet::Tally), "decide-tally"),
        (Self::Decide(decide::Sheet::Costs), "decide-break-even"),
        (Self::Decide(decide::Sheet::Going), "decide-stages"),
        (Self::Decide(decide::Sheet::Rules), "decide-rules"),
    ];

    /// The page it belongs to.
    pub const fn page(self) -> Page {
        match self {
            Self::Change(_) => Page::Change,
            Self::Preview(_) => Page::Preview,
            Self::Decide(_) => Page::Decide,
        }
    }

    /// Turns to it.
    pub const fn choose(self, state: &mut UiState) {
        match self {
            Self::Change(part) => state.change.part = part,
            Self::Preview(part) => state.preview.part = part,
            Self::Decide(sheet) => state.decide.sheet = sheet,
        }
    }
}

/// Parts of the window that can be drawn alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on screen")]
pub enum Part {
    Settings,
    Charts,
    Bar,
    Phases,
    Components,
    Explanation,
}

impl PanelName {
    /// All, with their words on the command line.
    pub fn all() -> Vec<(Self, &'static str)> {
        let parts = [
            (Part::Settings, "settings"),
            (Part::Charts, "charts"),
            (Part::Bar, "bar"),
            (Part::Phases, "phases"),
            (Part::Components, "components"),
            (Part::Explanation, "explanation"),
        ];
        let pages = Page::ALL.into_iter().map(|page| (Self::Window(page), page.id()));
        let tabs = Tab::ALL.map(|(tab, word)| (Self::Tab(tab), word));
        let window = [(Self::Window(Page::Memory), "window"), (Self::Presenter, "presenter")];
        let parts = parts.map(|(part, word)| (Self::Part(part), word));
        window.into_iter().chain(pages).chain(tabs).chain(parts).collect()
    }

    /// The panel of a word.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::all().into_iter().find(|(_, word)| *word == id).map(|(panel, _)| panel)
    }

    /// The page that the window shows.
    pub const fn page(self) -> Option<Page> {
        match self {
            Self::Window(page) => Some(page),
            Self::Tab(tab) => Some(tab.page()),
            Self::Presenter | Self::Part(_) => None,
        }
    }
}

/// One part alone, for pictures and tests. Where its lower end is, in points, with the margin.
pub fn part_ui(ui: &mut Ui, part: Part, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) -> f32 {
    let margin = space::l();
    let frame = Frame::new().fill(view.tokens.ground.0).inner_margin(Margin::same(margin as i8));
    let drawn = CentralPanel::default().frame(frame).show(ui, |ui| {
        match part {
            Part::Charts => charts_ui(ui, view, out),
            Part::Bar => _ = memory::bar_card_ui(ui, view, out),
            Part::Phases => _ = memory::phases_card_ui(ui, view, memory::Controls::Hidden, out),
            Part::Components => _ = memory::table_card_ui(ui, view, memory::Controls::Hidden, out),
            Part::Settings => settings::settings_ui(ui, view, ui_state, out),
            Part::Explanation => explanation::explanation_ui(ui, view, out),
        }
        ui.min_rect().bottom() + margin
    });
    drawn.inner
}

/// The charts for a slide or a document: with what they are of, and without buttons.
fn charts_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    head_ui(ui, view);
    memory::charts_ui(ui, view, memory::Controls::Hidden, out);
}

/// One chart for a slide or a document, likewise. Where its lower end is, in points, with the margin.
pub fn chart_part_ui(ui: &mut Ui, chart: &Chart, view: &View<'_>) -> f32 {
    let margin = space::l();
    let frame = Frame::new().fill(view.tokens.ground.0).inner_margin(Margin::same(margin as i8));
    let drawn = CentralPanel::default().frame(frame).show(ui, |ui| {
        head_ui(ui, view);
        card(ui, view.tokens, |ui| {
            card_head(ui, &chart.title, "");
            let plot = Plot { bare: true, ..Plot::new("pictured", chart.clone(), PICTURED, &|_| String::new()) };
            plot.show(ui, view.tokens, &mut Commands::new());
        });
        ui.min_rect().bottom() + margin
    });
    drawn.inner
}

/// Name of the plan, what it is of, and at the right who made it, when, with what.
fn head_ui(ui: &mut Ui, view: &View<'_>) {
    let plan = &view.state.document.plan;
    let name = if plan.name.is_empty() { "Untitled plan" } else { plan.name.as_str() };
    ui.horizontal(|ui| {
        // Right of the name: who made it, when, with what. Empty parts are left out.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let made = format!("Tuneplan {}", env!("CARGO_PKG_VERSION"));
            let parts = [view.state.settings.author.as_str(), view.state.session.today.as_str(), &made];
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            ui.label(RichText::new(parts.join(" · ")).small().color(view.tokens.muted.0));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(name).font(bold(type_size::figure()))).truncate());
            });
        });
    });
    ui.label(RichText::new(memory::subject(view)).color(view.tokens.muted.0));
    ui.add_space(space::s());
}
