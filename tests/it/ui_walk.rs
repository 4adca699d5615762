//! Every page and tab of the window, with plans of every kind, at the widths of real screens: no card leaves its panel,
//! no text is cut off or stands on another, and what the pointer hits in a stack is what is drawn there.

use crate::common;
use tuneplan::app::command::{LookCommand, MenuCommand, WeightsCommand};

use crate::common::app::{send, state, wait};
use crate::common::tidy::{assert_cards_inside, assert_tidy, shapes};
use egui::accesskit::Role;
use egui::{Color32, Pos2, Rect, Shape, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tuneplan::app::Command;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::estimate::Component;
use tuneplan::plan::decision::Costs;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::preview::quality;
use tuneplan::quantize::Codec;
use tuneplan::tasks::measuring;
use tuneplan::theme::Theme;
use tuneplan::ui::pictured::Tab;

/// Real screens; and each width once more so tall that nothing is below the fold, where it would not be painted.
const SIZES: [[f32; 2]; 8] = [
    [1024.0, 700.0],
    [1280.0, 800.0],
    [1400.0, 836.0],
    [1920.0, 1080.0],
    [1024.0, 5000.0],
    [1280.0, 5000.0],
    [1400.0, 5000.0],
    [1920.0, 5000.0],
];

fn window<'a>() -> Harness<'a, App> {
    let mut harness = common::builder(Theme::Dark, SIZES[0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    harness.run_ok();
    harness
}

/// Prices with which every way crosses another.
fn priced() -> Costs {
    let mut costs = Costs {
        requests_per_month: 2e6,
        input_price: 3.0,
        output_price: 15.0,
        static_tokens: 3000,
        ..Costs::default()
    };
    costs.dynamic_tokens = 200;
    costs.output_tokens = 150;
    costs.tuned.input_price = 0.4;
    costs.tuned.output_price = 1.2;
    costs.tuned.data = 20_000.0;
    costs.tuned.idle_per_month = 1500.0;
    costs
}

fn edit(harness: &mut Harness<'_, App>, id: &'static str, value: FieldValue) {
    send(harness, Command::Edit(PlanEdit::Set(id, value)));
}

/// Walks `pages`, with the tabs of each, at every size.
fn walk(harness: &mut Harness<'_, App>, pages: &[Page], what: &str) {
    for size in SIZES {
        harness.set_size(Vec2::from(size));
        for page in pages {
            send(harness, Command::Look(LookCommand::Page(*page)));
            if *page == Page::Change {
                wait(harness, |app| app.state().session.changes.is_some());
            }
            look(harness, &format!("{what}, {page:?} at {size:?}"));
            for (tab, name) in Tab::ALL.into_iter().filter(|(tab, _)| tab.page() == *page) {
                tab.choose(harness.state_mut().ui_state_mut());
                harness.run_ok();
                look(harness, &format!("{what}, {name} at {size:?}"));
            }
            harness.state_mut().ui_state_mut().change.part = tuneplan::ui::pages::change::Part::default();
            harness.state_mut().ui_state_mut().preview.part = tuneplan::ui::pages::preview::Part::default();
            harness.state_mut().ui_state_mut().decide.sheet = tuneplan::ui::pages::decide::Sheet::default();
        }
    }
}

fn look(harness: &Harness<'_, App>, what: &str) {
    assert_tidy(harness, what);
    assert_cards_inside(harness, Theme::Dark.tokens(), what);
}

#[test]
fn every_page_of_plans_of_every_kind_stays_inside() {
    let mut harness = window();
    walk(&mut harness, &Page::ALL, "the default plan");
    send(&mut harness, Command::NewFromTemplate("70b-qlora-2x48gb"));
    edit(&mut harness, "batch.sequence_length", FieldValue::Integer(8192));
    walk(&mut harness, &Page::ALL, "70B on two devices, too large");
}

#[test]
fn every_page_of_an_inference_plan_beside_its_training_stays_inside() {
    let mut harness = window();
    edit(&mut harness, "workload", FieldValue::Id("inference".to_owned()));
    send(&mut harness, Command::Look(LookCommand::Both(true)));
    walk(
        &mut harness,
        &[Page::Memory, Page::Change, Page::Devices, Page::Time, Page::Serving, Page::Steps],
        "inference",
    );
}

#[test]
fn a_pinned_baseline_and_its_notes_stay_inside() {
    let mut harness = window();
    send(&mut harness, Command::Menu(MenuCommand::Pin));
    let notes = "Reviewed on Friday: the longest conversations have 7,900 tokens, so eight thousand are planned for, \
                 and the batch is made of sixteen of them one after another.";
    edit(&mut harness, "notes", FieldValue::Text(notes.to_owned()));
    edit(&mut harness, "batch.sequence_length", FieldValue::Integer(8192));
    send(&mut harness, Command::Menu(MenuCommand::Duplicate));
    edit(&mut harness, "batch.micro_batch", FieldValue::Integer(4));
    walk(&mut harness, &[Page::Memory, Page::Change], "against a baseline");
}

#[test]
fn prices_and_their_chart_stay_inside() {
    let mut harness = window();
    let mut decision = state(&harness).document.plan.decision.clone().unwrap_or_default();
    decision.answers.costs = Some(priced());
    send(&mut harness, Command::Edit(PlanEdit::Decision { what: "costs", decision: Some(decision) }));
    walk(&mut harness, &[Page::Decide], "with prices");
}

#[test]
fn weights_and_what_a_text_tells_of_them_stay_inside() {
    let mut harness = window();
    send(&mut harness, Command::Look(LookCommand::Page(Page::Preview)));
    let folder = tempfile::tempdir().unwrap();
    send(&mut harness, Command::Weights(WeightsCommand::Examine(Some(common::two_layers::model(folder.path())))));
    wait(&mut harness, |app| app.state().session.weighing.as_ref().is_some_and(|weighing| !weighing.running));
    // What a text would tell of every format: it adds two columns and a chart.
    send(&mut harness, Command::Weights(WeightsCommand::MeasureOn(folder.path().join("a text.txt"))));
    wait(&mut harness, |app| app.state().session.measuring.as_ref().is_some_and(|measuring| !measuring.running));
    let number = state(&harness).session.weighing.as_ref().unwrap().number;
    let mut tell = |news| {
        send(&mut harness, Command::Weights(WeightsCommand::Measured(number, Box::new(measuring::News::Found(news)))));
    };
    tell(quality::News::Stored(1.2345));
    for (place, codec) in Codec::ALL.into_iter().enumerate() {
        let outputs = [("model.layers.0.mlp.up_proj.weight".to_owned(), 1e-4 * (place + 1) as f64)].into();
        let loss = Ok(1.2345 + 0.003 * place as f64);
        let format = quality::Format::Weights(codec);
        tell(quality::News::Format(Box::new(quality::Quality { format, loss, outputs, outlier_columns: 0 })));
    }
    // A preview is walked where one is made: tests/ui_preview.rs.
    walk(&mut harness, &[Page::Preview], "weights");
}

#[test]
fn nothing_moves_away_under_the_pointer() {
    let mut harness = window();
    for size in SIZES {
        harness.set_size(Vec2::from(size));
        send(&mut harness, Command::Look(LookCommand::Page(Page::Memory)));
        let bar = |harness: &Harness<'_, App>| {
            harness.get_all_by_label_contains(" % of the peak").next().unwrap().rect().top()
        };
        let mut tops = Vec::new();
        for length in [512, 2048, 12_288, 131_072] {
            edit(&mut harness, "batch.sequence_length", FieldValue::Integer(length));
            harness.run_ok();
            tops.push((length, bar(&harness)));
        }
        assert!(tops.iter().all(|(_, top)| *top == tops[0].1), "{size:?}: the bar jumps: {tops:?}");
        send(&mut harness, Command::Look(LookCommand::Page(Page::Steps)));
        let next = |harness: &Harness<'_, App>| harness.get_by_role_and_label(Role::Button, "Next →").rect();
        send(&mut harness, Command::Look(LookCommand::Step(0)));
        let place = next(&harness);
        for step in 1..5 {
            send(&mut harness, Command::Look(LookCommand::Step(step)));
            assert_eq!(next(&harness), place, "{size:?}: step {step}");
        }
    }
}

// --- hit = drawn ---

/// Colour of the topmost filled rectangle at a place, of those in the colours of components.
fn drawn_at(filled: &[(Rect, Color32)], at: Pos2) -> Option<Color32> {
    filled.iter().rev().find(|(rect, _)| rect.contains(at)).map(|(_, fill)| *fill)
}

/// Every piece of every stack on the page: the pointer over the middle of a drawn piece, at its two ends and beside it
/// finds this piece, or one so thin that its middle is at most four points away. Returns how many places were tried.
fn hits_are_drawn(harness: &mut Harness<'_, App>, what: &str) -> usize {
    let tokens = Theme::Dark.tokens();
    harness.hover_at(Pos2::new(2.0, 2.0));
    harness.run_ok();
    let series: Vec<(Color32, Component)> = Component::ALL.iter().map(|c| (tokens.series(*c), *c)).collect();
    let filled: Vec<(Rect, Color32)> = shapes(harness)
        .into_iter()
        .filter_map(|(shape, clip)| match shape {
            Shape::Rect(rect) if series.iter().any(|(color, _)| *color == rect.fill) => {
                Some((rect.rect.intersect(clip), rect.fill))
            }
            _ => None,
        })
        .filter(|(rect, _)| rect.is_positive())
        .collect();
    // Where pieces are known to be: what the program tells a screen reader. The places to try come from the drawing.
    let pieces: Vec<Rect> = harness
        .query_all_by_role(Role::Button)
        .filter(|node| node.accesskit_node().label().is_some_and(|label| label.contains(" % of ")))
        .map(|node| node.rect())
        .collect();
    let mut tried = 0;
    for (rect, _) in &filled {
        if !pieces.iter().any(|piece| piece.contains(rect.center())) {
            continue;
        }
        let centre = rect.center();
        let upright = pieces.iter().any(|piece| {
            piece.contains(centre)
                && pieces.iter().any(|other| other != piece && (other.left() - piece.left()).abs() < 0.5)
        });
        let axis = if upright { Vec2::DOWN } else { Vec2::RIGHT };
        let half = if upright { rect.height() / 2.0 } else { rect.width() / 2.0 };
        for by in [0.0, half - 0.5, 0.5 - half, half + 2.5, -half - 2.5] {
            let at = centre + axis * by;
            let Some(seen) = drawn_at(&filled, at).filter(|_| pieces.iter().any(|piece| piece.contains(at))) else {
                continue;
            };
            harness.hover_at(at);
            harness.run_steps(4);
            let said = tooltip(harness);
            let hit = series
                .iter()
                .find(|(_, c)| said.as_ref().is_some_and(|said| said.starts_with(&format!("{}, ", c.label()))));
            let Some((color, component)) = hit else { panic!("{what}: nothing is said at {at:?}: {said:?}") };
            let near = filled.iter().any(|(rect, fill)| {
                let (middle, thick, place) = if upright {
                    (rect.center().y, rect.height(), at.y)
                } else {
                    (rect.center().x, rect.width(), at.x)
                };
                fill == color && thick < 8.0 && (middle - place).abs() <= 4.6
            });
            assert!(*color == seen || near, "{what}: {component:?} is said at {at:?}, {seen:?} is drawn there");
            tried += 1;
        }
    }
    tried
}

/// Text that says name, amount and share: only a tooltip is painted with all three.
fn tooltip(harness: &Harness<'_, App>) -> Option<String> {
    shapes(harness).into_iter().find_map(|(shape, _)| match shape {
        Shape::Text(text) if text.galley.text().contains(" % of ") => Some(text.galley.text().to_owned()),
        _ => None,
    })
}

#[test]
fn what_is_hit_in_a_stack_is_what_is_drawn() {
    // The seen case: 7B with QLoRA at 1,400 points.
    let mut harness = window();
    harness.set_size(Vec2::new(1400.0, 1600.0));
    send(&mut harness, Command::NewFromTemplate("7b-qlora-24gb"));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Memory)));
    assert!(hits_are_drawn(&mut harness, "bar and columns") > 60);
    send(&mut harness, Command::NewFromTemplate("70b-qlora-2x48gb"));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Devices)));
    assert!(hits_are_drawn(&mut harness, "bars of devices") > 10);
    send(&mut harness, Command::Menu(MenuCommand::Duplicate));
    edit(&mut harness, "batch.micro_batch", FieldValue::Integer(4));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Compare)));
    assert!(hits_are_drawn(&mut harness, "bars of plans") > 10);
}

/// Points at every chart of the page, clicks and drags there: the plan stays as it is. Returns how many were tried.
fn look_at_charts(harness: &mut Harness<'_, App>, what: &str) -> usize {
    let before = state(harness).document.plan.clone();
    let charts: Vec<Rect> = harness.query_all_by_role(Role::Image).map(|node| node.rect()).collect();
    for chart in &charts {
        for (x, y) in [(0.1, 0.2), (0.5, 0.5), (0.9, 0.8)] {
            let at = Pos2::new(egui::lerp(chart.x_range(), x), egui::lerp(chart.y_range(), y));
            harness.hover_at(at);
            harness.run_steps(2);
            for pressed in [true, false] {
                let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
                harness.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers });
            }
            harness.run_steps(20);
            assert!(state(harness).document.plan == before, "{what}: a click at {at:?} changed the plan");
        }
    }
    charts.len()
}

#[test]
fn looking_at_a_chart_changes_no_plan() {
    let mut harness = window();
    harness.set_size(Vec2::new(1400.0, 4000.0));
    let mut decision = state(&harness).document.plan.decision.clone().unwrap_or_default();
    decision.answers.costs = Some(priced());
    send(&mut harness, Command::Edit(PlanEdit::Decision { what: "costs", decision: Some(decision) }));
    let folder = tempfile::tempdir().unwrap();
    send(&mut harness, Command::Weights(WeightsCommand::Examine(Some(common::two_layers::model(folder.path())))));
    wait(&mut harness, |app| app.state().session.weighing.as_ref().is_some_and(|weighing| !weighing.running));
    for (page, least) in [(Page::Change, 0), (Page::Serving, 1), (Page::Sure, 1), (Page::Decide, 0), (Page::Preview, 0)]
    {
        send(&mut harness, Command::Look(LookCommand::Page(page)));
        if page == Page::Sure {
            wait(&mut harness, |app| app.state().session.evidence.is_some());
        }
        assert!(look_at_charts(&mut harness, &format!("{page:?}")) >= least, "{page:?} has its charts");
        for (tab, name) in Tab::ALL.into_iter().filter(|(tab, _)| tab.page() == page) {
            tab.choose(harness.state_mut().ui_state_mut());
            harness.run_ok();
            let tried = look_at_charts(&mut harness, name);
            let least = match name {
                "change-sensitivity" | "decide-break-even" => 1,
                "preview-weights" => 3,
                _ => 0,
            };
            assert!(tried >= least, "{name}: {tried} charts");
        }
    }
}
