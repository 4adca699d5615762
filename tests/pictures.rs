//! A few pictures of the whole window, compared with those in `tests/snapshots`: each was looked at when it was made.
#![allow(clippy::unwrap_used)]

use egui_kittest::SnapshotOptions;
use tuneplan::app::page::Page;
use tuneplan::app::screenshot::{Shot, render};
use tuneplan::app::settings::Settings;
use tuneplan::plan::{Plan, templates};
use tuneplan::ui::PanelName;
use tuneplan::ui::text::Language;
use tuneplan::ui::theme::Theme;

fn compare(name: &str, plan: &Plan, settings: &Settings, panel: PanelName, theme: Theme, size: [u32; 2]) {
    let image = render(plan, settings, &Shot { panel, theme, size, scale: 1.0 });
    let bytes = image.pixels.iter().flat_map(egui::Color32::to_srgba_unmultiplied).collect();
    let image = image::RgbaImage::from_raw(image.width() as u32, image.height() as u32, bytes).unwrap();
    egui_kittest::image_snapshot_options(&image, name, &SnapshotOptions::default());
}

fn template(name: &str) -> Plan {
    templates().iter().find(|template| template.name == name).unwrap().plan.clone()
}

#[test]
fn the_smallest_window_in_every_theme() {
    let memory = PanelName::Window(Page::Memory);
    for theme in Theme::ALL {
        let name = format!("window-1024x700-{}", theme.id());
        compare(&name, &template("7b-qlora-24gb"), &Settings::default(), memory, theme, [1024, 700]);
    }
}

#[test]
fn twice_as_large() {
    let settings = Settings { zoom: 2.0, ..Settings::default() };
    let memory = PanelName::Window(Page::Memory);
    compare("window-200-percent", &template("8b-lora-80gb"), &settings, memory, Theme::Light, [1440, 900]);
}

#[test]
fn presenting_a_plan_that_does_not_fit() {
    let plan = template("textbook-13b");
    compare("presenter", &plan, &Settings::default(), PanelName::Presenter, Theme::Dark, [1280, 800]);
}

#[test]
fn korean() {
    let settings = Settings { language: Language::Korean, ..Settings::default() };
    let plan =
        Plan {
            name: "고객 지원 도우미".to_owned(), notes: "설계 검토용".to_owned(), ..template("7b-qlora-24gb")
        };
    compare("korean", &plan, &settings, PanelName::Window(Page::Memory), Theme::Light, [1280, 800]);
}

#[test]
fn the_first_thing_one_sees() {
    let start = PanelName::Window(Page::Start);
    compare("start", &Plan::default(), &Settings::default(), start, Theme::Light, [1280, 800]);
}
