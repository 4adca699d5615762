//! Charts and controls from outside: what a screen reader hears, what keys and clicks do, what is painted where.

use crate::common;

use egui::accesskit::{Role, Toggled};
use egui::{Key, Rect, Shape, Ui};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use tuneplan::app::command::{ChartCommand, Command, Commands};
use tuneplan::estimate::{ByComponent, Component, Phase, PhaseKind};
use tuneplan::explained::{Explained, Term};
use tuneplan::report::chart::{Axis, Chart, Ink, Look, Mark, Rule, Scale, Series, Way as RuleWay};
use tuneplan::theme::{Theme, Tokens};
use tuneplan::ui::widgets::component_table::{ComponentTable, TableTouched};
use tuneplan::ui::widgets::derivation::derivation_ui;
use tuneplan::ui::widgets::memory_bar::MemoryBar;
use tuneplan::ui::widgets::phase_chart::{PhaseChart, PhaseTouched};
use tuneplan::ui::widgets::picker::{Entry, Picker};
use tuneplan::ui::widgets::plot::{Hit, Plot};
use tuneplan::ui::widgets::segmented::{Segment, segmented_ui};
use tuneplan::ui::widgets::segments::{EASY_HIT, LEAST_DRAWN, Touched};
use tuneplan::ui::widgets::toggle::toggle_ui;
use tuneplan::ui::{card, card_head};
use tuneplan::units::{ByteUnit, Bytes};

fn gib(amount: f64) -> Bytes {
    Bytes((amount * f64::from(1 << 30)) as u64)
}

fn amounts(of: &[(Component, f64)]) -> ByComponent {
    let mut amounts = ByComponent::default();
    for (component, amount) in of {
        *amounts.get_mut(*component) = gib(*amount);
    }
    amounts
}

/// The QLoRA example of the design: some pieces are a hundredth of others.
fn qlora() -> ByComponent {
    amounts(&[
        (Component::Weights, 5.16),
        (Component::QuantizationConstants, 0.15),
        (Component::Adapters, 0.16),
        (Component::OptimizerState, 0.31),
        (Component::Activations, 1.05),
        (Component::Logits, 5.87),
        (Component::Runtime, 1.38),
    ])
}

fn bar(amounts: &ByComponent, capacity: Option<Bytes>) -> MemoryBar<'_> {
    MemoryBar { amounts, capacity, ghost: None, unit: ByteUnit::GiB, marked: None }
}

fn phases() -> Vec<Phase> {
    let phase = |kind, of: &[(Component, f64)]| Phase { kind, components: amounts(of), place: "" };
    vec![
        phase(PhaseKind::Load, &[(Component::Weights, 5.16)]),
        phase(PhaseKind::Forward, &[(Component::Weights, 5.16), (Component::Activations, 1.05)]),
        phase(PhaseKind::Backward, &[(Component::Weights, 5.16), (Component::Logits, 5.87)]),
        phase(PhaseKind::OptimizerStep, &[(Component::Weights, 5.16), (Component::OptimizerState, 0.31)]),
    ]
}

fn dark<'a>(size: [f32; 2], content: impl FnMut(&mut Ui) + 'a) -> Harness<'a> {
    common::harness(Theme::Dark, size, content)
}

fn tokens() -> &'static Tokens {
    Theme::Dark.tokens()
}

// --- the memory bar ---

#[test]
fn segments_say_name_amount_and_share() {
    // The published example of 13B AdamW: 52.2 of 81.6 GiB are optimizer state, which is 64 %.
    let amounts = amounts(&[(Component::Weights, 29.36), (Component::OptimizerState, 52.20)]);
    let harness = dark([600.0, 140.0], |ui| {
        bar(&amounts, None).show(ui, tokens());
    });
    harness.get_by_role_and_label(Role::Button, "Optimizer state, 52.20 GiB, 64 % of the peak");
    harness.get_by_role_and_label(Role::Button, "Weights, 29.36 GiB, 36 % of the peak");
    assert!(harness.query_by_label_contains("KV cache").is_none(), "what is not held is not there");
}

#[test]
fn every_segment_can_be_hit_however_thin() {
    let amounts = qlora();
    let clicked = Cell::new(None);
    // 14 GiB on 300 points: the adapters are 3.4 points wide, at 120 points less than two.
    for width in [120.0, 300.0, 900.0] {
        let mut harness = dark([width + 16.0, 140.0], |ui| {
            if let Some(component) = bar(&amounts, Some(gib(23.99))).show(ui, tokens()).clicked {
                clicked.set(Some(component));
            }
        });
        let mut right = 0.0;
        for component in Component::ALL {
            if amounts.get(component) == Bytes::ZERO {
                continue;
            }
            let name = format!("{}, ", component.label());
            let node = harness.get_by_label_contains(&name);
            assert!(node.rect().width() >= LEAST_DRAWN - 0.01, "{component:?} is {} wide", node.rect().width());
            assert!(node.rect().left() >= right - 0.01, "{component:?} lies over its neighbour");
            right = node.rect().right();
            node.click();
            harness.run();
            assert_eq!(clicked.get(), Some(component), "at {width}");
        }
    }
}

#[test]
fn segments_are_walked_and_chosen_with_the_keyboard() {
    let amounts = qlora();
    let (hovered, clicked) = (Cell::new(None), Cell::new(None));
    let mut harness = dark([900.0, 140.0], |ui| {
        let touched: Touched = bar(&amounts, Some(gib(23.99))).show(ui, tokens());
        hovered.set(touched.hovered);
        clicked.set(touched.clicked.or(clicked.get()));
    });
    for component in Component::ALL.into_iter().filter(|component| amounts.get(*component) > Bytes::ZERO) {
        harness.key_press(Key::Tab);
        harness.run();
        assert_eq!(hovered.get(), Some(component), "focus marks the component");
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(clicked.get(), Some(component));
    }
    harness.key_press(Key::ArrowLeft);
    harness.run();
    assert_eq!(hovered.get(), Some(Component::Logits), "arrows move too");
}

/// Texts of a frame with their places.
fn texts(harness: &Harness<'_>) -> Vec<(String, Rect)> {
    fn collect(shape: &Shape, found: &mut Vec<(String, Rect)>) {
        match shape {
            Shape::Text(text) if !text.galley.text().is_empty() => {
                found.push((text.galley.text().to_owned(), text.galley.rect.translate(text.pos.to_vec2())));
            }
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for clipped in &harness.output().shapes {
        collect(&clipped.shape, &mut found);
    }
    found
}

/// No text leaves the widget sideways, and none runs over another.
fn assert_tidy(harness: &Harness<'_>, width: f32) -> Result<(), TestCaseError> {
    let texts = texts(harness);
    for (i, (text, rect)) in texts.iter().enumerate() {
        prop_assert!(rect.left() >= 7.0 && rect.right() <= width - 7.0, "{text:?} at {rect:?} of {width}");
        for (other, place) in &texts[i + 1..] {
            prop_assert!(!rect.shrink(0.5).intersects(place.shrink(0.5)), "{text:?} {rect:?} over {other:?} {place:?}");
        }
    }
    Ok(())
}

fn arbitrary_amounts(largest: u64) -> impl Strategy<Value = ByComponent> {
    let amount = prop_oneof![
        3 => Just(0u64),
        1 => 1u64..1 << 20,
        4 => (1u64 << 20)..(200 << 30),
        1 => Just(largest),
    ];
    prop::collection::vec(amount, 10).prop_map(|bytes| {
        let mut amounts = ByComponent::default();
        for (slot, bytes) in amounts.0.iter_mut().zip(bytes) {
            *slot = Bytes(bytes);
        }
        amounts
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Empty, tiny, over the capacity, absurdly large: labels stay inside and apart, and nothing panics.
    #[test]
    fn the_bar_is_tidy_at_any_width(
        amounts in arbitrary_amounts(u64::MAX / 4),
        capacity in prop::option::of(0u64..(300 << 30)),
        ghost in prop::option::of(0u64..(300 << 30)),
        width in 90.0f32..1400.0,
        unit in prop::sample::select(vec![ByteUnit::GiB, ByteUnit::GB]),
    ) {
        let harness = dark([width, 140.0], |ui| {
            let ghost = ghost.map(Bytes);
            MemoryBar { amounts: &amounts, capacity: capacity.map(Bytes), ghost: ghost.map(|bytes| (bytes, "before")), unit, marked: Some(Component::Weights) }
                .show(ui, tokens());
        });
        assert_tidy(&harness, width)?;
    }

    #[test]
    fn the_columns_are_tidy_at_any_width(
        // Figures of seven digits need wider columns; no device holds so much.
        amounts in prop::collection::vec(arbitrary_amounts(900 << 30), 1..5),
        capacity in prop::option::of(0u64..(300 << 30)),
        width in 300.0f32..1400.0,
    ) {
        let kinds = [PhaseKind::Load, PhaseKind::Forward, PhaseKind::Backward, PhaseKind::OptimizerStep];
        let phases: Vec<Phase> = amounts
            .iter()
            .zip(kinds)
            .map(|(components, kind)| Phase { kind, components: *components, place: "" })
            .collect();
        let harness = dark([width, 320.0], |ui| {
            let capacity = capacity.map(Bytes);
            let chart = PhaseChart { phases: &phases, peak: 0, capacity, unit: ByteUnit::GiB, marked: None, height: 276.0 };
            chart.show(ui, tokens());
        });
        assert_tidy(&harness, width)?;
    }
}

#[test]
fn a_bar_of_no_width_or_content_is_survived() {
    for width in [0.0, 1.0, 17.0, 40.0] {
        for amounts in [ByComponent::default(), qlora()] {
            for capacity in [None, Some(Bytes::ZERO), Some(gib(8.0))] {
                dark([width, 140.0], |ui| {
                    bar(&amounts, capacity).show(ui, tokens());
                });
            }
        }
    }
    let harness = dark([300.0, 140.0], |ui| {
        bar(&ByComponent::default(), None).show(ui, tokens());
    });
    assert!(texts(&harness).iter().any(|(text, _)| text == "Nothing is held"));
}

#[test]
fn lengths_ease_but_not_under_the_hand() {
    let target = Cell::new(10.0);
    let mut harness = common::builder(Theme::Dark, [516.0, 140.0]).with_step_dt(0.04).build_ui(|ui| {
        ui.style_mut().animation_time = 0.2;
        let amounts = amounts(&[(Component::Weights, target.get())]);
        bar(&amounts, Some(gib(20.0))).show(ui, tokens());
    });
    let length = |harness: &Harness<'_>| harness.get_by_label_contains("Weights").rect().width();
    assert!((length(&harness) - 250.0).abs() < 1.0);

    target.set(20.0);
    harness.run_steps(2);
    let between = length(&harness);
    assert!(between > 255.0 && between < 495.0, "on its way: {between}");
    // 0.15 s are four steps.
    harness.run_steps(4);
    assert!((length(&harness) - 500.0).abs() < 1.0);

    target.set(10.0);
    harness.drag_at(egui::pos2(500.0, 100.0));
    harness.run_steps(2);
    assert!((length(&harness) - 250.0).abs() < 1.0, "the bar follows what is dragged at once");
}

// --- the phase chart ---

fn phase_chart(phases: &[Phase]) -> PhaseChart<'_> {
    PhaseChart { phases, peak: 2, capacity: Some(gib(23.99)), unit: ByteUnit::GiB, marked: None, height: 276.0 }
}

#[test]
fn columns_say_phase_total_and_peak_and_can_be_chosen() {
    let phases = phases();
    let (phase, piece) = (Cell::new(None), Cell::new(None));
    let mut harness = dark([420.0, 320.0], |ui| {
        let touched: PhaseTouched = phase_chart(&phases).show(ui, tokens());
        phase.set(touched.phase.or(phase.get()));
        piece.set(touched.piece.clicked.or(piece.get()));
    });
    // 5.16 + 5.87.
    let name = harness.get_by_role_and_label(Role::Button, "Backward, 11.03 GiB, the peak");
    name.click();
    harness.run();
    assert_eq!(phase.get(), Some(2));
    harness.get_by_label("Load, 5.16 GiB");
    let logits = harness.get_by_label("Logits and loss, 5.87 GiB, 53 % of Backward");
    logits.click();
    harness.run();
    assert_eq!(piece.get(), Some(Component::Logits));
    // 0.31 GiB are some points high, and a bit more to the pointer: the middle of what is drawn is hit, and four points
    // to both sides of it.
    let thin = harness.get_by_label("Optimizer state, 0.31 GiB, 5.7 % of Optimizer step");
    assert!((thin.rect().height() - EASY_HIT).abs() < 0.01, "{}", thin.rect().height());
}

#[test]
fn a_capacity_far_above_is_named_and_does_not_flatten_the_columns() {
    let phases = phases();
    let far = Some(gib(141.0));
    let harness = dark([420.0, 320.0], |ui| {
        PhaseChart { capacity: far, ..phase_chart(&phases) }.show(ui, tokens());
    });
    assert!(texts(&harness).iter().any(|(text, _)| text == "↑ 141.00 GiB capacity"));
    let weights = harness.get_by_label_contains("100 % of Load").rect().height();
    assert!(weights > 80.0, "{weights}");
}

// --- the table ---

#[test]
fn the_table_says_what_the_bar_says() {
    let mut amounts = qlora();
    *amounts.get_mut(Component::Temporaries) = Bytes(4096);
    let (component, textbook) = (Cell::new(None), Cell::new(false));
    let mut harness = dark([420.0, 400.0], |ui| {
        let table = ComponentTable {
            amounts: &amounts,
            textbook: gib(5.8),
            unit: ByteUnit::GiB,
            language: tuneplan::text::Language::English,
            marked: None,
        };
        let touched: TableTouched = table.show(ui, tokens());
        component.set(touched.component.clicked.or(component.get()));
        textbook.set(touched.textbook || textbook.get());
    });
    harness.get_by_role_and_label(Role::Button, "Logits and loss row, 5.87 GiB, 42 %").click();
    harness.run();
    assert_eq!(component.get(), Some(Component::Logits));
    harness.get_by_label("Textbook rule, 5.80 GiB").click();
    harness.run();
    assert!(textbook.get());
    assert!(harness.query_by_role_and_label(Role::Button, "Sum at the peak, 14.08 GiB").is_none(), "nothing to click");
    let shown: Vec<String> = texts(&harness).into_iter().map(|(text, _)| text).collect();
    assert!(shown.iter().any(|text| text == "<0.01"), "4 KiB are not nothing: {shown:?}");
    assert!(shown.iter().any(|text| text == "14.08"), "the sum: {shown:?}");
}

// --- derivation and controls ---

#[test]
fn a_derivation_shows_all_it_rests_on() {
    let tokens_of_a_pass = Term::count("tokens", 4096).note("micro-batch × sequence");
    let logits = tokens_of_a_pass * Term::count("vocabulary", 128_256) * Term::count("bytes", 12).note("per entry");
    let explained =
        Explained::bytes("Logits and loss", logits).why("16-bit logits are copied to 32-bit.").source("traced");
    let harness = dark([280.0, 420.0], |ui| derivation_ui(ui, &explained, ByteUnit::GiB, tokens()));
    // 4096 · 128256 · 12 bytes = 5.8711 GiB.
    for text in
        ["Logits and loss", "5.871 GiB", "exact", "4,096", "128,256", "micro-batch × sequence", "Source: traced"]
    {
        harness.get_by_label(text);
    }
    harness.get_by_label_contains("tokens × vocabulary × bytes");
    assert_tidy(&harness, 280.0).unwrap();
}

#[test]
fn switches_turn_with_pointer_and_keyboard() {
    let on = Cell::new(false);
    let mut harness = dark([80.0, 40.0], |ui| {
        if toggle_ui(ui, on.get(), "Double quantization", tokens()).clicked() {
            on.set(!on.get());
        }
    });
    let state = |harness: &Harness<'_>| {
        harness.get_by_role_and_label(Role::Switch, "Double quantization").accesskit_node().toggled()
    };
    assert_eq!(state(&harness), Some(Toggled::False));
    harness.get_by_label("Double quantization").click();
    harness.run();
    assert_eq!(state(&harness), Some(Toggled::True));
    harness.key_press(Key::Tab);
    harness.run();
    harness.key_press(Key::Space);
    harness.run();
    assert!(!on.get());
}

#[test]
fn one_segment_is_chosen() {
    const WORDS: [Segment<u8>; 3] = [
        Segment { value: 1, label: "Full", help: "" },
        Segment { value: 2, label: "LoRA", help: "Low-rank adapters." },
        Segment { value: 3, label: "QLoRA", help: "" },
    ];
    let chosen = Cell::new(1);
    let changes = Cell::new(0);
    let mut harness = dark([320.0, 60.0], |ui| {
        if let Some(new) = segmented_ui(ui, &WORDS, chosen.get(), tokens()) {
            chosen.set(new);
            changes.set(changes.get() + 1);
        }
    });
    for (word, value) in [("QLoRA", 3), ("QLoRA", 3), ("LoRA", 2)] {
        harness.get_by_role_and_label(Role::RadioButton, word).click();
        harness.run();
        assert_eq!(chosen.get(), value);
        let node = harness.get_by_role_and_label(Role::RadioButton, word);
        assert_eq!(node.accesskit_node().toggled(), Some(Toggled::True));
    }
    assert_eq!(changes.get(), 2, "choosing what is chosen changes nothing");
    assert_tidy(&harness, 320.0).unwrap();
}

#[test]
fn a_long_list_is_searched_with_the_keyboard_and_drawn_in_part() {
    let models: Vec<String> = (0..150).map(|i| format!("vendor/model-{i:03}")).collect();
    let search = RefCell::new(String::new());
    let chosen = RefCell::new(None);
    let mut harness = dark([420.0, 460.0], |ui| {
        let entries = |query: &str| -> Vec<Entry> {
            let found = models.iter().filter(|id| id.contains(query));
            found.map(|id| Entry { id: id.clone(), title: id.clone(), detail: "7.6 B".to_owned() }).collect()
        };
        let picker = Picker {
            label: "Base model",
            current: "vendor/model-003",
            width: 200.0,
            entries: &entries,
            mark: &|_| None,
            head: &|_| {},
        };
        if let Some(id) = picker.show(ui, &mut search.borrow_mut(), tokens()) {
            chosen.replace(Some(id));
        }
    });
    harness.key_press(Key::Tab);
    harness.run();
    harness.key_press(Key::Enter);
    harness.run_ok();
    let drawn = harness.query_all_by_label_contains("vendor/model-").count();
    assert!((5..40).contains(&drawn), "{drawn} rows of 150 are drawn");
    harness.event(egui::Event::Text("model-14".to_owned()));
    harness.run_ok();
    assert!(harness.query_by_label_contains("vendor/model-145").is_some());
    harness.event(egui::Event::Text("7".to_owned()));
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert_eq!(chosen.borrow().as_deref(), Some("vendor/model-147"));
}

// --- pictures ---

/// Bar, columns and table in each theme, with Korean beside Latin: the same bytes on every machine.
#[test]
fn charts_look_as_agreed_in_every_theme() {
    let (held, phases) = (qlora(), phases());
    let mut results = egui_kittest::SnapshotResults::new();
    for theme in Theme::ALL {
        let tokens = theme.tokens();
        let mut harness = common::harness(theme, [400.0, 548.0], |ui| {
            card(ui, tokens, |ui| {
                card_head(ui, "Memory · 메모리", "GiB");
                MemoryBar {
                    ghost: Some((gib(17.0), "before")),
                    marked: Some(Component::Logits),
                    ..bar(&held, Some(gib(23.99)))
                }
                .show(ui, tokens);
            });
            card(ui, tokens, |ui| {
                PhaseChart { height: 180.0, ..phase_chart(&phases) }.show(ui, tokens);
            });
            card(ui, tokens, |ui| {
                let over = amounts(&[(Component::Weights, 14.0), (Component::Gradients, 14.0)]);
                ui.push_id("over", |ui| bar(&over, Some(gib(23.99))).show(ui, tokens));
            });
        });
        results.add(harness.try_snapshot(format!("charts-{}", theme.id())));
    }
}

// --- charts with axes ---

/// Two lines and marks on axes by powers of ten.
fn plotted() -> Chart {
    let line = |factor: f64| (0..=40).map(|i| 10_f64.powf(f64::from(i) / 10.0)).map(|x| [x, factor * x]).collect();
    Chart {
        title: "Cost".to_owned(),
        name: "Cost over requests".to_owned(),
        across: Axis::new("requests", Scale::Log, [1.0, 1e4]),
        up: Axis::new("cost", Scale::Log, [0.5, 5e3]),
        series: vec![
            Series::new("cheap", Ink::Accent, Look::Line, line(1.0)),
            Series::new("dear", Ink::Over, Look::Line, line(100.0)),
            Series::new(
                "offers",
                Ink::Tight,
                Look::Marks(Mark::Disc, 4.0),
                vec![[10.0, 2.0], [100.0, 700.0], [3e3, 5.0]],
            ),
        ],
        rules: vec![Rule { label: "limit".to_owned(), ink: Ink::Over, way: RuleWay::Level, at: 1e3, to: None }],
        beyond: Some("↑ more".to_owned()),
    }
}

/// Shows it; commands and what was read are kept.
struct Shown<'a> {
    harness: Harness<'a>,
    said: std::rc::Rc<RefCell<(Commands, Vec<Hit>)>>,
}

impl Shown<'_> {
    fn new(size: [f32; 2]) -> Self {
        let said = std::rc::Rc::new(RefCell::new((Commands::new(), Vec::new())));
        let kept = std::rc::Rc::clone(&said);
        let harness = dark(size, move |ui| {
            let tip = |hit: &Hit| format!("series {} point {}", hit.series, hit.index);
            let mut kept = kept.borrow_mut();
            let read = Plot::new("test", plotted(), 300.0, &tip).show(ui, tokens(), &mut kept.0);
            kept.1.extend(read.clicked);
        });
        Self { harness, said }
    }

    fn hover(&mut self, at: egui::Pos2) -> Option<String> {
        self.harness.hover_at(at);
        self.harness.run_steps(3);
        shapes(&self.harness).into_iter().find_map(|shape| match shape {
            Shape::Text(text) if text.galley.text().starts_with("series ") => Some(text.galley.text().to_owned()),
            _ => None,
        })
    }

    fn area(&self) -> Rect {
        self.harness.get_by_label("Cost over requests").rect()
    }

    /// Places of the marks as they are drawn.
    fn marks(&self) -> Vec<egui::Pos2> {
        let tight = tokens().tight.0;
        let circles = shapes(&self.harness).into_iter().filter_map(|shape| match shape {
            Shape::Circle(circle) if circle.fill == tight && circle.radius == 4.0 => Some(circle.center),
            _ => None,
        });
        circles.filter(|at| self.area().contains(*at)).collect()
    }

    fn zoom(&mut self, at: egui::Pos2, factor: f32) {
        self.harness.hover_at(at);
        self.harness.run_steps(2);
        self.harness.event(egui::Event::Zoom(factor));
        self.harness.run_steps(8);
    }
}

/// Every shape of the frame by itself.
fn shapes(harness: &Harness<'_>) -> Vec<Shape> {
    fn flat(shape: &Shape, found: &mut Vec<Shape>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| flat(shape, found)),
            shape => found.push(shape.clone()),
        }
    }
    let mut found = Vec::new();
    harness.output().shapes.iter().for_each(|clipped| flat(&clipped.shape, &mut found));
    found
}

#[test]
fn a_mark_is_read_where_it_is_drawn_and_a_line_over_and_under_it() {
    let mut shown = Shown::new([700.0, 420.0]);
    for zoomed in [false, true] {
        if zoomed {
            let centre = shown.area().center();
            shown.zoom(centre, 1.4);
        }
        let marks = shown.marks();
        assert!(marks.len() == 3 || zoomed && !marks.is_empty(), "{marks:?}");
        for at in marks {
            let said = shown.hover(at + egui::vec2(3.0, -3.0)).unwrap();
            assert!(said.starts_with("series 2 "), "{said} at {at:?}");
        }
        // Far from marks the line is read that is nearer, at its point over the pointer.
        let area = shown.area();
        let said = shown.hover(egui::pos2(area.left() + 0.3 * area.width(), area.top() + 12.0)).unwrap();
        assert!(said.starts_with("series 1 "), "{said}");
    }
}

#[test]
fn figures_on_the_axes_are_those_of_what_is_drawn() {
    let shown = Shown::new([700.0, 420.0]);
    let area = shown.area();
    // 10, 2: where the figures "10" below and the range 0.5 to 5,000 upright put it.
    let figure = |text: &str| {
        shapes(&shown.harness).into_iter().find_map(|shape| match shape {
            Shape::Text(found) if found.galley.text() == text && found.pos.y >= area.bottom() => {
                Some(found.visual_bounding_rect().center().x)
            }
            _ => None,
        })
    };
    let mark = shown.marks()[0];
    assert!((figure("10").unwrap() - mark.x).abs() < 1.0);
    let share = (2.0_f32 / 0.5).log10() / (5e3_f32 / 0.5).log10();
    assert!((area.bottom() - share * area.height() - mark.y).abs() < 1.0);
}

#[test]
fn a_view_is_zoomed_moved_and_reset_and_follows_nothing_else() {
    let mut shown = Shown::new([700.0, 420.0]);
    let before = shown.marks();
    let centre = shown.area().center();
    shown.zoom(centre, 1.5);
    assert_ne!(shown.marks(), before);
    shown.harness.get_by_label("Reset view").click();
    shown.harness.run();
    assert_eq!(shown.marks(), before);
    assert!(shown.harness.query_by_label("Reset view").is_none(), "there is nothing to reset");
    shown.harness.drag_at(centre);
    shown.harness.run_steps(2);
    shown.harness.hover_at(centre + egui::vec2(40.0, 20.0));
    shown.harness.run_steps(2);
    shown.harness.drop_at(centre + egui::vec2(40.0, 20.0));
    shown.harness.run_steps(2);
    let moved = shown.marks();
    // Longer figures beside the upright axis may take a little of the width.
    assert!((moved[0] - before[0] - egui::vec2(40.0, 20.0)).length() < 3.0, "{moved:?} {before:?}");
    assert_eq!(shown.said.borrow().1, [], "moving is no click");
    shown.harness.run_steps(20);
    // Within one frame: the harness takes a quarter of a second for each.
    let press = |pressed| egui::Event::PointerButton {
        pos: centre,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    shown.harness.hover_at(centre);
    shown.harness.run_steps(2);
    shown.harness.input_mut().events.extend([true, false, true, false].map(press));
    shown.harness.run_steps(4);
    assert_eq!(shown.marks(), before, "a double-click shows all again");
}

#[test]
fn the_legend_hides_a_series_and_shows_it_again() {
    let mut shown = Shown::new([700.0, 420.0]);
    let entry =
        |shown: &Shown<'_>| shown.harness.get_by_role_and_label(Role::CheckBox, "offers").accesskit_node().toggled();
    assert_eq!(entry(&shown), Some(Toggled::True));
    let at = shown.marks()[1];
    shown.harness.get_by_label("offers").click();
    shown.harness.run();
    assert_eq!((entry(&shown), shown.marks()), (Some(Toggled::False), Vec::new()));
    assert!(shown.hover(at).is_none_or(|said| !said.starts_with("series 2 ")), "what is hidden is not read");
    shown.harness.get_by_label("offers").click();
    shown.harness.run();
    assert_eq!(shown.marks().len(), 3);
}

#[test]
fn the_menu_gives_the_chart_as_it_is_seen() {
    let mut shown = Shown::new([700.0, 420.0]);
    shown.harness.get_by_label("cheap").click();
    shown.harness.run();
    let centre = shown.area().center();
    shown.zoom(centre, 2.0);
    for command in ChartCommand::ALL {
        shown.harness.get_by_label("Menu of the chart: Cost").click();
        shown.harness.run_steps(4);
        shown.harness.get_by_label(command.title()).click();
        shown.harness.run_steps(4);
        let said = std::mem::take(&mut shown.said.borrow_mut().0);
        let [Command::Chart(asked, chart)] = said.as_slice() else { panic!("{said:?}") };
        assert_eq!(*asked, command);
        assert_eq!(chart.names(), ["dear", "offers"]);
        let [low, high] = chart.across.range;
        assert!((high / low - 100.0).abs() < 1.0, "twice as near on an axis of four powers of ten: {low}..{high}");
    }
    // The right button opens the same menu where the chart is.
    shown.harness.get_by_label("Cost over requests").click_secondary();
    shown.harness.run_steps(4);
    assert!(shown.harness.query_by_label("Copy its figures as a table").is_some());
}
