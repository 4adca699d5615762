//! What one frame of the whole window costs without a GPU: layout, and layout with tessellation; at rest and while a
//! slider is dragged (estimate with derivations included), on every page with several plans open. The aim is 4 ms at
//! 1600 × 1000 points.
#![allow(missing_docs, reason = "criterion's macros define functions without docs")]

use criterion::{Criterion, criterion_group, criterion_main};
use egui::{Context, FullOutput, Pos2, RawInput, Rect, Vec2};
use std::hint::black_box;
use tuneplan::app::command::{Command, Commands, LookCommand, MenuCommand};
use tuneplan::app::computed::Computed;
use tuneplan::app::page::Page;
use tuneplan::app::{State, dispatch};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::theme::fonts;
use tuneplan::theme::{self, Theme};
use tuneplan::ui::{UiState, View, window_ui};

struct Window {
    ctx: Context,
    state: State,
    computed: Computed,
    ui_state: UiState,
}

impl Window {
    fn new() -> Self {
        let ctx = Context::default();
        fonts::install(&ctx);
        theme::install(&ctx, Theme::Dark);
        let state = State::default();
        let computed = Computed::of(&state);
        let mut window = Self { ctx, state, computed, ui_state: UiState::default() };
        // egui settles sizes in the first frames; the font atlas is filled by tessellating.
        for _ in 0..4 {
            let output = window.frame();
            window.tessellate(output);
        }
        window
    }

    fn frame(&mut self) -> FullOutput {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::new(1600.0, 1000.0))),
            ..RawInput::default()
        };
        let Self { ctx, state, computed, ui_state } = self;
        ctx.run_ui(input, |ui| {
            let view = View { state, computed, tokens: Theme::Dark.tokens() };
            let mut commands = Commands::new();
            window_ui(ui, &view, ui_state, &mut commands);
            black_box(commands);
        })
    }

    fn tessellate(&self, output: FullOutput) -> usize {
        self.ctx.tessellate(output.shapes, output.pixels_per_point).len()
    }

    /// Three plans, a baseline, training and inference side by side, and this page.
    fn open_everything(&mut self, page: Page) {
        for command in [
            Command::Menu(MenuCommand::Pin),
            Command::Menu(MenuCommand::Duplicate),
            Command::NewFromTemplate("70b-qlora-2x48gb"),
            Command::Look(LookCommand::Both(true)),
            Command::Look(LookCommand::HoverField(Some("batch.sequence_length"))),
            Command::Look(LookCommand::Page(page)),
        ] {
            dispatch(&mut self.state, command);
        }
        self.computed = Computed::of(&self.state);
        for _ in 0..4 {
            let output = self.frame();
            self.tessellate(output);
        }
    }

    fn set_sequence_length(&mut self, tokens: u64) {
        let edit = PlanEdit::Set("batch.sequence_length", FieldValue::Integer(tokens));
        dispatch(&mut self.state, Command::Edit(edit));
        self.computed = Computed::of(&self.state);
    }
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("window_1600x1000");
    let mut window = Window::new();
    group.bench_function("layout", |b| b.iter(|| black_box(window.frame())));
    group.bench_function("layout_and_tessellation", |b| {
        b.iter(|| {
            let output = window.frame();
            black_box(window.tessellate(output))
        });
    });
    let before = window.computed.estimate.clone();
    let mut tokens = 1024;
    group.bench_function("drag_of_the_sequence_length", |b| {
        b.iter(|| {
            tokens = if tokens == 1024 { 4096 } else { 1024 };
            window.set_sequence_length(tokens);
            let output = window.frame();
            black_box(window.tessellate(output))
        });
    });
    window.set_sequence_length(8192);
    assert_ne!(window.computed.estimate, before, "the edit reached the estimate");
    for page in Page::ALL {
        let mut window = Window::new();
        window.open_everything(page);
        group.bench_function(format!("everything_open_{}", page.id()), |b| {
            let mut tokens = 1024;
            b.iter(|| {
                tokens = if tokens == 1024 { 4096 } else { 1024 };
                window.set_sequence_length(tokens);
                let output = window.frame();
                black_box(window.tessellate(output))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
