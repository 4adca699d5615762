//! Pictures of the whole window, compared with what the program draws now: those of the README in `assets/pictures`, and
//! a few more in `tests/snapshots`. `UPDATE_SNAPSHOTS=1 cargo test --test pictures` draws all of them anew; look at them
//! before they are committed.

use egui_kittest::SnapshotOptions;
use tuneplan::app::page::Page;
use tuneplan::app::settings::Settings;
use tuneplan::desktop::screenshot::{Shot, render};
use tuneplan::plan::{Plan, templates};
use tuneplan::text::Language;
use tuneplan::theme::Theme;
use tuneplan::ui::PanelName;

fn compare(name: &str, plan: &Plan, settings: &Settings, panel: PanelName, theme: Theme, size: [u32; 2]) {
    let options = SnapshotOptions::default();
    compare_in(&options, name, plan, settings, panel, theme, size);
}

fn compare_in(
    options: &SnapshotOptions,
    name: &str,
    plan: &Plan,
    settings: &Settings,
    panel: PanelName,
    theme: Theme,
    size: [u32; 2],
) {
    let image =
        render(plan, settings, &Shot { panel, theme, size, whole: false, scale: 1.0, day: "2026-11-30".to_owned() });
    let bytes = image.pixels.iter().flat_map(egui::Color32::to_srgba_unmultiplied).collect();
    let image = image::RgbaImage::from_raw(image.width() as u32, image.height() as u32, bytes).unwrap();
    egui_kittest::image_snapshot_options(&image, name, options);
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

/// Pictures of the README.
const README: [(&str, &str, &str, Theme); 7] = [
    ("window-dark", "7b-qlora-24gb", "memory", Theme::Dark),
    ("start-light", "7b-qlora-24gb", "start", Theme::Light),
    ("change-light", "70b-qlora-2x48gb", "change-sensitivity", Theme::Light),
    ("sure-dark", "7b-qlora-24gb", "sure", Theme::Dark),
    ("method-dark", "7b-qlora-24gb", "method", Theme::Dark),
    ("formats-light", "7b-qlora-24gb", "formats", Theme::Light),
    ("presenter-dark", "7b-qlora-24gb", "presenter", Theme::Dark),
];

#[test]
fn pictures_of_the_readme_are_what_the_program_draws() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/pictures");
    let options = SnapshotOptions::default().output_path(&folder);
    for (name, plan, panel, theme) in README {
        let panel = PanelName::from_id(panel).unwrap();
        compare_in(&options, name, &template(plan), &Settings::default(), panel, theme, [1440, 900]);
    }
    // Each is shown, none is forgotten, and no other is left over.
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut shown: Vec<&str> = text
        .split("(assets/pictures/")
        .skip(1)
        .filter_map(|rest| rest.split_once(".png)"))
        .map(|(name, _)| name)
        .collect();
    let mut drawn: Vec<&str> = README.iter().map(|(name, ..)| *name).collect();
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut kept: Vec<String> = names.filter(|name| name.matches('.').count() == 1).collect();
    shown.sort_unstable();
    drawn.sort_unstable();
    kept.sort_unstable();
    assert_eq!(shown, drawn);
    assert_eq!(kept, drawn.iter().map(|name| format!("{name}.png")).collect::<Vec<_>>());
}
