//! The window as people work in it: start, tabs, palette, history, search, comparing, presenting, leaving with copies.

use crate::common::app::{click, dismiss_all, press, send, state, type_text, wait, window, window_of};
use egui::accesskit::Role;
use egui::{ColorImage, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tuneplan::app::Command;
use tuneplan::app::clipboard::{Clip, Clipboard};
use tuneplan::app::command::{ChartCommand, FileCommand, LookCommand, MenuCommand, MessageCommand, SearchCommand};
use tuneplan::app::messages::NOTICE_SECS;
use tuneplan::app::page::Page;
use tuneplan::app::settings::{Settings, ThemeChoice};
use tuneplan::app::state::{AfterUnsaved, Dialog, Picture, State};
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::screenshot::{Shot, render};
use tuneplan::desktop::window::App;
use tuneplan::estimate::Component;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{ModelSource, file, templates};
use tuneplan::text::Language;
use tuneplan::ui::{PanelName, Part};
use tuneplan::units::ByteUnit;

fn rank(number: u64) -> Command {
    Command::Edit(PlanEdit::Set("method.rank", FieldValue::Integer(number)))
}

fn rank_now(harness: &Harness<'_, App>) -> u64 {
    state(harness).document.plan.method.method.lora().map_or(0, |lora| lora.rank)
}

fn model_now(harness: &Harness<'_, App>) -> String {
    match &state(harness).document.plan.model.source {
        ModelSource::Catalog(id) => id.clone(),
        other => other.name().to_owned(),
    }
}

#[test]
fn the_start_page_opens_every_template() {
    for template in templates() {
        let mut harness = window();
        send(&mut harness, Command::Look(LookCommand::Page(Page::Start)));
        click(&mut harness, &format!("Template: {}", template.plan.name));
        assert_eq!(state(&harness).document.plan, template.plan);
        assert_eq!(state(&harness).session.page, Page::Memory);
        assert!(harness.query_by_label_contains(" on one ").is_some() || template.plan.hardware.count > 1);
    }
}

#[test]
fn tabs_are_shown_closed_and_marked_by_name() {
    let mut harness = window();
    send(&mut harness, rank(64));
    click(&mut harness, "New plan");
    assert_eq!(state(&harness).tab_count(), 2);
    assert_eq!(rank_now(&harness), 16);
    click(&mut harness, "Untitled plan, unsaved changes");
    assert_eq!(rank_now(&harness), 64);
    press(&mut harness, Modifiers::COMMAND, Key::PageDown);
    assert_eq!(rank_now(&harness), 16);
    press(&mut harness, Modifiers::COMMAND, Key::D);
    assert_eq!(state(&harness).tab_count(), 3);
    assert!(harness.query_by_label("Untitled plan (copy), unsaved changes").is_some());
    press(&mut harness, Modifiers::COMMAND, Key::W);
    assert_eq!(state(&harness).session.dialog, Some(Dialog::Unsaved(AfterUnsaved::CloseTab)));
    click(&mut harness, "Do not save");
    assert_eq!(state(&harness).tab_count(), 2);
}

#[test]
fn the_palette_runs_commands_sets_values_and_picks_models_by_keyboard_alone() {
    let mut harness = window();
    for (typed, done) in [
        ("rank 128", &(|harness: &Harness<'_, App>| rank_now(harness) == 128) as &dyn Fn(&Harness<'_, App>) -> bool),
        ("sequence length 8192", &|harness| state(harness).document.plan.batch.sequence_length == 8192),
        ("8-bit adamw", &|harness| {
            let optimizer = &harness.state().state().document.plan.optimizer;
            format!("{optimizer:?}").to_lowercase().contains("8bit")
        }),
        ("qwen2.5-0.5b", &|harness| model_now(harness).starts_with("Qwen/Qwen2.5-0.5B")),
        ("theme light", &|harness| state(harness).settings.theme == ThemeChoice::Light),
        ("switch gib", &|harness| state(harness).settings.unit == ByteUnit::GB),
        ("show steps", &|harness| state(harness).session.page == Page::Steps),
        ("undo", &|harness| !model_now(harness).starts_with("Qwen/Qwen2.5-0.5B")),
    ] {
        press(&mut harness, Modifiers::COMMAND, Key::K);
        assert_eq!(state(&harness).session.dialog, Some(Dialog::Palette), "{typed}");
        type_text(&mut harness, typed);
        press(&mut harness, Modifiers::NONE, Key::Enter);
        assert!(done(&harness), "{typed}: {:?}", state(&harness).session.messages);
        assert_eq!(state(&harness).session.dialog, None, "{typed}");
    }
}

#[test]
fn the_palette_says_why_a_command_cannot_be_done_and_moves_with_the_arrows() {
    let mut harness = window();
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::K);
    type_text(&mut harness, "redo");
    assert!(harness.query_by_label_contains("nothing to redo").is_some());
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(state(&harness).session.dialog, Some(Dialog::Palette), "it stays open");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(state(&harness).session.dialog, None);
    // The second line of "theme": system first, then light.
    press(&mut harness, Modifiers::COMMAND, Key::K);
    type_text(&mut harness, "theme:");
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(state(&harness).settings.theme, ThemeChoice::Light);
}

#[test]
fn the_history_menu_goes_to_any_step() {
    let mut harness = window();
    for number in [32, 64, 128] {
        send(&mut harness, rank(number));
    }
    click(&mut harness, "History");
    click(&mut harness, "Rank 16 → 32");
    assert_eq!(rank_now(&harness), 32);
    click(&mut harness, "History");
    click(&mut harness, "As opened");
    assert_eq!(rank_now(&harness), 16);
}

#[test]
fn settings_are_found_by_word_and_what_does_not_apply_is_said() {
    let mut harness = window();
    press(&mut harness, Modifiers::COMMAND, Key::F);
    type_text(&mut harness, "checkpoint");
    assert!(harness.query_all_by_label_contains("heckpointing").next().is_some());
    assert!(harness.query_by_label("Micro-batch").is_none());
    click(&mut harness, "Clear the search");
    assert!(harness.query_all_by_label("Micro-batch").next().is_some());
    press(&mut harness, Modifiers::COMMAND, Key::F);
    type_text(&mut harness, "kv cache");
    assert!(harness.query_by_label_contains("does not apply").is_some());
}

#[test]
fn a_changed_setting_has_a_way_back_to_what_was_opened() {
    let mut harness = window();
    send(&mut harness, Command::NewFromTemplate("8b-lora-80gb"));
    let opened = rank_now(&harness);
    send(&mut harness, rank(opened * 4));
    click(&mut harness, &format!("Reset Rank to {opened}"));
    assert_eq!(rank_now(&harness), opened);
    assert!(harness.query_by_label_contains("Reset Rank").is_none());
}

#[test]
fn the_pointer_on_a_setting_shows_what_other_values_cost() {
    let mut harness = window();
    send(&mut harness, Command::Look(LookCommand::FindSetting("Sequence length")));
    harness
        .get_all_by_label("Sequence length")
        .find(|node| node.accesskit_node().role() == Role::Label)
        .unwrap()
        .hover();
    harness.run_ok();
    harness.run_ok();
    let cost = harness.state().computed().field_cost.clone().unwrap();
    assert_eq!(cost.field, "batch.sequence_length");
    // Independent of the tooltip: the same change made to the plan.
    let before = harness.state().computed().estimate.as_ref().unwrap().process.expected.0;
    let (value, more) = cost.changes.last().unwrap().clone();
    let value: u64 = value.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    assert!(value > 2048, "the last is the next larger one: {cost:?}");
    send(&mut harness, Command::Edit(PlanEdit::Set("batch.sequence_length", FieldValue::Integer(value))));
    let after = harness.state().computed().estimate.as_ref().unwrap().process.expected.0;
    assert_eq!(more, i128::from(after) - i128::from(before));
    assert!(more > 0);
}

#[test]
fn the_baseline_is_compared_across_tabs() {
    let mut harness = window();
    press(&mut harness, Modifiers::COMMAND, Key::B);
    // The bar's dotted line has the name of what is pinned.
    let title = state(&harness).document.title();
    assert!(harness.query_by_label_contains(&format!("Dotted line: “{title}”, pinned")).is_some());
    assert!(harness.query_by_label_contains("now the same").is_some());
    press(&mut harness, Modifiers::COMMAND, Key::D);
    send(&mut harness, rank(256));
    assert!(harness.query_by_label_contains(" GiB more").is_some());
    // What differs stands in one place only.
    assert!(harness.query_by_label_contains("No setting differs").is_none());
    harness.get_by_role_and_label(Role::Button, "Compare").click();
    harness.run_ok();
    assert_eq!(state(&harness).session.page, Page::Compare);
    assert!(harness.query_all_by_label_contains(&format!("{title}, pinned")).next().is_some());
    assert!(harness.query_all_by_label("256").next().is_some() && harness.query_all_by_label("Rank").next().is_some());
}

/// One name for the plan's load format on every page that says it, and none that says otherwise.
#[test]
fn double_quantization_is_named_alike_on_every_page() {
    let mut harness = window();
    send(&mut harness, Command::NewFromTemplate("7b-qlora-24gb"));
    for (doubles, name) in [(true, "NF4 + DQ"), (false, "NF4")] {
        let edit = PlanEdit::Set("precision.double_quantization", FieldValue::Toggle(doubles));
        send(&mut harness, Command::Edit(edit));
        for page in Page::ALL {
            send(&mut harness, Command::Look(LookCommand::Page(page)));
            harness.run_ok();
            for wrong in ["quantis", "Quantis", "no double"] {
                assert!(harness.query_all_by_label_contains(wrong).next().is_none(), "{page:?} says {wrong}");
            }
        }
        send(&mut harness, Command::Look(LookCommand::Page(Page::Steps)));
        assert!(harness.query_by_label_contains(&format!("are kept as {name}.")).is_some(), "{name}");
        send(&mut harness, Command::Look(LookCommand::Page(Page::Formats)));
        assert!(harness.query_all_by_label(name).next().is_some(), "{name}");
    }
}

/// The comparison is found by the words people look for it by.
#[test]
fn compare_is_found_by_its_words() {
    for word in ["compare", "diff"] {
        let mut harness = window();
        press(&mut harness, Modifiers::COMMAND, Key::K);
        type_text(&mut harness, word);
        press(&mut harness, Modifiers::NONE, Key::Enter);
        assert_eq!(state(&harness).session.page, Page::Compare, "{word}");
    }
}

#[test]
fn training_and_inference_stand_side_by_side() {
    let mut harness = window();
    click(&mut harness, "Both");
    assert!(harness.query_by_label_contains("Served: prompt").is_some());
    let other = harness.state().computed().other.clone().unwrap();
    assert!(other.at_peak.get(Component::KvCache).0 > 0);
    assert!(state(&harness).document.history.is_empty(), "looking is no change of the plan");
    click(&mut harness, "Inference");
    assert!(harness.state().computed().other.is_none());
}

#[test]
fn presenting_folds_the_sides_and_gives_them_back() {
    let mut harness = window();
    press(&mut harness, Modifiers::NONE, Key::F5);
    assert!(harness.query_by_label("Rank slider").is_none());
    assert!(harness.query_by_label_contains("GiB free on one").is_some());
    assert!(!state(&harness).session.spotlight, "the ring is off until it is wanted");
    press(&mut harness, Modifiers::NONE, Key::F6);
    assert!(state(&harness).session.spotlight);
    click(&mut harness, "Follow along, step by step");
    assert!(harness.query_by_label("The base model is loaded").is_some());
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!state(&harness).session.presenting && !state(&harness).session.spotlight);
    send(&mut harness, Command::Look(LookCommand::Page(Page::Memory)));
    assert!(harness.query_by_label("Rank slider").is_some());
    assert!((state(&harness).settings.zoom - 1.0).abs() < 1e-6, "the size is as it was");
}

#[test]
fn the_steps_add_up_to_the_peak() {
    let mut harness = window();
    send(&mut harness, Command::Look(LookCommand::Page(Page::Steps)));
    let mut turned = 1;
    while !harness.get_by_label("Next →").accesskit_node().is_disabled() {
        click(&mut harness, "Next →");
        turned += 1;
    }
    assert_eq!(turned, 6);
    let peak = harness.state().computed().estimate.as_ref().unwrap().process.expected.display(ByteUnit::GiB);
    assert!(harness.query_by_label(&format!("So far {peak}")).is_some());
    click(&mut harness, "Step 2");
    assert!(harness.query_by_label("What is trained").is_some());
}

#[test]
fn a_config_is_pasted_by_key_and_by_sheet() {
    let config = r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 576,
        "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
        "vocab_size": 49152, "tie_word_embeddings": true}"#;
    let mut harness = window();
    harness.event(egui::Event::Paste(config.to_owned()));
    harness.run_ok();
    assert_eq!(model_now(&harness), "pasted config.json");
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::V);
    harness.get_by_label("Pasted text").focus();
    harness.run_ok();
    type_text(&mut harness, "Qwen/Qwen2.5-7B");
    click(&mut harness, "Use");
    assert_eq!(model_now(&harness), "Qwen/Qwen2.5-7B");
}

/// A clipboard that keeps what it takes, or refuses it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Clip>>>, bool);

impl Clipboard for Kept {
    fn take(&mut self, clip: &Clip) -> Result<(), String> {
        if self.1 {
            return Err("there is no display".to_owned());
        }
        self.0.lock().unwrap().push(clip.clone());
        Ok(())
    }
}

/// The picture ends where its content ends, with the ground of its margin below: the names under the columns, the lowest
/// of the content, stand in it as they do where there is room to spare.
fn assert_whole(image: &ColorImage, state: &State) {
    let [width, height] = image.size;
    let ground = image.pixels[0];
    let shot = Shot {
        panel: PanelName::Part(Part::Charts),
        theme: state.settings.theme.resolve(None),
        size: [width as u32 / 2, height as u32],
        whole: false,
        scale: 2.0,
        day: state.session.today.clone(),
    };
    let roomy = render(&state.document.plan, &state.settings, &shot);
    assert_eq!(roomy.size, [width, 2 * height]);
    let rows =
        |image: &ColorImage, rows: std::ops::Range<usize>| image.pixels[rows.start * width..rows.end * width].to_vec();
    assert!(rows(image, 0..height) == rows(&roomy, 0..height), "the picture is not what stands where there is room");
    assert!(rows(&roomy, height..2 * height).iter().all(|pixel| *pixel == ground), "something stands below its end");
    // The names: ink between the foot of the columns and the lower end of their card.
    let is_ground = |row: usize| rows(image, row..row + 1).iter().all(|pixel| *pixel == ground);
    let card_end = (0..height).rev().find(|row| !is_ground(*row)).unwrap();
    assert!(height - card_end > 10, "the margin below the lowest card is cut off");
    let inside = |row: usize| &image.pixels[row * width + width / 8..row * width + width / 2 - width / 40];
    let panel = inside(card_end - 8)[0];
    let inked = (card_end - 110..card_end - 4).filter(|row| inside(*row).iter().any(|pixel| *pixel != panel)).count();
    assert!((16..80).contains(&inked), "{inked} rows of names stand below the columns");
}

#[test]
fn tables_and_pictures_leave_by_the_clipboard_and_only_what_it_took_is_called_copied() {
    let kept = Kept::default();
    let mut harness = window_of(Runtime::new(None, || ()).with_clipboard(kept.clone()));
    for command in [MenuCommand::CopyTable, MenuCommand::CopyPicture] {
        dismiss_all(&mut harness);
        send(&mut harness, Command::Menu(command));
        wait(&mut harness, |app| app.state().session.messages.latest().is_some());
        let message = state(&harness).session.messages.latest().unwrap();
        assert!(!message.is_error() && message.text.contains("clipboard"), "{message:?}");
    }
    let clips = kept.0.lock().unwrap();
    let [Clip::Text(text), Clip::Picture(image)] = clips.as_slice() else { panic!("{clips:?}") };
    // As high as the charts are: neither cut off nor followed by empty ground.
    let [width, height] = [image.width(), image.height()];
    assert!(width > 500 && height > 500 && height < 2 * width, "{width} × {height}");
    assert_whole(image, state(&harness));
    let estimate = harness.state().computed().estimate.clone().unwrap();
    let sum: u64 = text
        .lines()
        .skip_while(|line| !line.starts_with("At the peak"))
        .skip(1)
        .take_while(|line| !line.starts_with("Sum"))
        .map(|line| line.split('\t').nth(1).unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(sum, estimate.process.expected.0);

    let mut harness = window_of(Runtime::new(None, || ()).with_clipboard(Kept(Arc::default(), true)));
    for command in [MenuCommand::CopyTable, MenuCommand::CopyPicture] {
        dismiss_all(&mut harness);
        send(&mut harness, Command::Menu(command));
        wait(&mut harness, |app| app.state().session.messages.latest().is_some());
        let message = state(&harness).session.messages.latest().unwrap();
        assert!(message.is_error() && message.text.contains("there is no display"), "{message:?}");
    }
}

/// Without them nothing is copied, pasted or opened outside the window; inside it egui makes do with itself, so that no
/// other test notices.
#[test]
fn the_shipped_window_has_clipboard_and_links() {
    let cargo = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{lib} {f}"])
        .output()
        .unwrap();
    let tree = String::from_utf8(cargo.stdout).unwrap();
    let features = |name: &str| {
        let line = tree.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in the tree: {}", String::from_utf8_lossy(&cargo.stderr)))
    };
    for name in ["eframe", "egui_winit"] {
        let has: Vec<&str> = features(name).split(',').collect();
        assert!(has.contains(&"clipboard") && has.contains(&"links"), "{name}: {has:?}");
    }
}

/// A chart with axes leaves as it is seen: as a picture, as a table, as a file.
#[test]
fn a_chart_leaves_as_picture_table_and_file() {
    let kept = Kept::default();
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window_of(Runtime::new(None, || ()).with_clipboard(kept.clone()));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Serving)));
    let menu = "Menu of the chart: Adapters: merged or separate";
    for (place, command) in [ChartCommand::CopyPicture, ChartCommand::CopyData].into_iter().enumerate() {
        click(&mut harness, menu);
        click(&mut harness, command.title());
        wait(&mut harness, |_| kept.0.lock().unwrap().len() > place);
    }
    let clips = kept.0.lock().unwrap().clone();
    let [Clip::Picture(image), Clip::Text(table)] = clips.as_slice() else { panic!("{clips:?}") };
    assert!(image.width() == 1920 && (800..1600).contains(&image.height()), "{:?}", image.size);
    let row = table.lines().find(|line| line.starts_with("separate\t100\t"));
    assert!(row.is_some(), "100 adapters are among the figures: {table}");
    let path = folder.path().join("chart.png");
    let save = |path: &PathBuf| {
        Command::File(FileCommand::SavePicture { picture: Picture::Chart, path: path.clone(), replace: false })
    };
    send(&mut harness, save(&path));
    // The report comes after the file: who looks at the file alone may see the report later.
    let saved = format!("Saved {}", path.display());
    wait(&mut harness, |app| app.state().session.messages.latest().is_some_and(|message| message.text == saved));
    assert!(fs::read(path).unwrap().starts_with(b"\x89PNG"));
    send(&mut harness, save(&folder.path().join("chart.svg")));
    assert!(state(&harness).session.messages.latest().unwrap().text.contains("end the name in .png to say"));
}

#[test]
fn pictures_are_saved_as_png_and_svg_and_never_over_a_file_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window();
    for name in ["charts.png", "charts.svg"] {
        let path = folder.path().join(name);
        send(
            &mut harness,
            Command::File(FileCommand::SavePicture { picture: Picture::Memory, path: path.clone(), replace: false }),
        );
        // The report comes after the file: who looks at the file alone may see the report later.
        let saved = format!("Saved {}", path.display());
        let said = |app: &App| app.state().session.messages.latest().is_some_and(|message| message.text == saved);
        wait(&mut harness, said);
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"<svg "), "{name}");
        fs::write(&path, "mine").unwrap();
        send(
            &mut harness,
            Command::File(FileCommand::SavePicture { picture: Picture::Memory, path: path.clone(), replace: false }),
        );
        wait(&mut harness, |app| app.state().session.dialog.is_some());
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        dismiss_all(&mut harness);
        click(&mut harness, "Replace it");
        wait(&mut harness, said);
        assert_ne!(fs::read(&path).unwrap(), b"mine");
    }
    send(
        &mut harness,
        Command::File(FileCommand::SavePicture {
            picture: Picture::Memory,
            path: PathBuf::from("charts.bmp"),
            replace: false,
        }),
    );
    assert!(state(&harness).session.messages.latest().unwrap().text.contains(".png or .svg"));
}

#[test]
fn the_sheet_of_keys_and_the_settings_open_by_key_and_close_by_escape() {
    let mut harness = window();
    type_text(&mut harness, "?");
    for command in [MenuCommand::Save, MenuCommand::Present, MenuCommand::Palette] {
        assert!(harness.query_all_by_label(command.info().title).next().is_some(), "{command:?}");
    }
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(state(&harness).session.dialog, None);
    press(&mut harness, Modifiers::COMMAND, Key::Comma);
    click(&mut harness, "한국어");
    assert_eq!(state(&harness).settings.language, Language::Korean);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(harness.query_by_label("메모리").is_some(), "the rail speaks Korean");
    press(&mut harness, Modifiers::COMMAND, Key::Num1);
    assert_eq!(state(&harness).session.page, Page::Start);
}

#[test]
fn every_command_page_section_and_component_has_korean_words() {
    let commands = MenuCommand::ALL.into_iter().map(|command| command.info().title);
    let pages = Page::ALL.into_iter().map(Page::title);
    let sections = tuneplan::plan::field::Section::ALL.into_iter().map(tuneplan::plan::field::Section::label);
    let components = Component::ALL.into_iter().map(Component::label);
    let themes = ThemeChoice::ALL.into_iter().map(ThemeChoice::label);
    let words = commands.chain(pages).chain(sections).chain(components).chain(themes);
    let missing: Vec<&str> = words.filter(|english| Language::Korean.text(english) == *english).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn settings_outlive_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.ron");
    let settings = Settings { language: Language::Korean, author: "실험실".to_owned(), ..Settings::default() };
    fs::write(&path, settings.to_text()).unwrap();
    assert_eq!(Settings::load(&path), (settings, None));
    // A file of an older version lacks what is new.
    fs::write(&path, "(theme: Light)").unwrap();
    let (old, complaint) = Settings::load(&path);
    assert_eq!((old.theme, old.language, complaint), (ThemeChoice::Light, Language::English, None));
}

#[test]
fn unsaved_plans_of_a_killed_run_are_offered_with_their_differences() {
    let mut harness = window();
    let mut plan = tuneplan::plan::Plan { name: "Lost and found".to_owned(), ..tuneplan::plan::Plan::default() };
    PlanEdit::Set("method.rank", FieldValue::Integer(64)).apply(&mut plan).unwrap();
    let on_disk = file::read(&file::write(&tuneplan::plan::Plan::default(), &[])).unwrap();
    let found = tuneplan::app::recovery::Recovered {
        plan,
        unknown: Vec::new(),
        path: Some(PathBuf::from("review.plan.ron")),
        on_disk: Some(on_disk),
    };
    send(&mut harness, Command::Recovered(vec![found]));
    assert!(harness.query_by_label("16 → 64").is_some(), "the difference is shown");
    click(&mut harness, "Restore");
    assert_eq!(rank_now(&harness), 64);
    assert!(state(&harness).document.is_dirty());
}

/// Focuses the number field of this name and types over it.
fn type_number(harness: &mut Harness<'_, App>, label: &str, text: &str) {
    harness.get_by_label(label).scroll_to_me();
    harness.run_ok();
    harness.get_by_label(label).focus();
    harness.run_ok();
    press(harness, Modifiers::COMMAND, Key::A);
    for c in text.chars() {
        type_text(harness, &c.to_string());
    }
}

fn length(harness: &Harness<'_, App>) -> u64 {
    state(harness).document.plan.batch.sequence_length
}

#[test]
fn a_typed_number_is_one_step_once_it_is_finished_and_escape_gives_the_old_one_back() {
    let field = "Sequence length, tokens";
    let mut harness = window();
    let before = length(&harness);
    type_number(&mut harness, field, "4096");
    assert_eq!(length(&harness), before, "nothing is changed by a digit");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(length(&harness), 4096);
    assert_eq!(state(&harness).document.history.steps().0.len(), 1);
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_eq!(length(&harness), before);
    press(&mut harness, Modifiers::COMMAND, Key::Y);
    assert_eq!(length(&harness), 4096, "Ctrl+Y redoes");

    type_number(&mut harness, field, "17");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(length(&harness), 4096);
    assert_eq!(state(&harness).document.history.steps().0.len(), 1);
}

#[test]
fn what_is_being_typed_is_saved_with_the_plan_and_asked_about_when_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    let mut harness = window();
    send(&mut harness, Command::File(FileCommand::SaveAs { path: path.clone(), replace: false }));
    wait(&mut harness, |app| app.state().document.path.is_some());
    type_number(&mut harness, "Sequence length, tokens", "4096");
    press(&mut harness, Modifiers::COMMAND, Key::S);
    wait(&mut harness, |app| app.state().document.saved_plan.batch.sequence_length == 4096);
    assert!(fs::read_to_string(&path).unwrap().contains("sequence_length: 4096"));

    type_number(&mut harness, "Sequence length, tokens", "8192");
    press(&mut harness, Modifiers::COMMAND, Key::Q);
    assert_eq!(length(&harness), 8192);
    assert_eq!(state(&harness).session.dialog, Some(Dialog::Unsaved(AfterUnsaved::Close)));
}

#[test]
fn failures_stay_on_their_tab_until_they_are_dismissed_and_notices_fade() {
    let mut harness = window();
    send(&mut harness, rank(64));
    send(&mut harness, Command::File(FileCommand::OpenModel(PathBuf::from("nowhere/config.json"))));
    wait(&mut harness, |app| {
        app.state().session.messages.latest().is_some_and(tuneplan::app::messages::Message::is_error)
    });
    let failure = state(&harness).session.messages.latest().unwrap().text.clone();
    send(&mut harness, Command::Message(MessageCommand::Tell("The settings are damaged".to_owned())));
    // Another message, another edit and a long while later it is still there.
    send(&mut harness, Command::Menu(MenuCommand::Pin));
    send(&mut harness, rank(32));
    for _ in 0..80 {
        harness.step();
    }
    assert!(harness.query_by_label(&failure).is_some());
    send(&mut harness, Command::Menu(MenuCommand::New));
    assert!(harness.query_by_label(&failure).is_none(), "it is about the other tab");
    assert!(harness.query_by_label("The settings are damaged").is_some());
    click(&mut harness, "Dismiss");
    assert!(harness.query_by_label("The settings are damaged").is_none());
    send(&mut harness, Command::Menu(MenuCommand::PreviousTab));
    click(&mut harness, "Dismiss");
    assert!(harness.query_by_label(&failure).is_none());

    send(&mut harness, Command::Menu(MenuCommand::Pin));
    let notice = state(&harness).session.messages.latest().unwrap().text.clone();
    assert!(harness.query_by_label(&notice).is_some());
    // A step of the harness is a quarter of a second.
    for _ in 0..(NOTICE_SECS * 4.0) as usize + 2 {
        harness.step();
    }
    assert!(harness.query_by_label(&notice).is_none());
}

#[test]
fn a_running_search_is_in_sight_on_every_page_and_a_click_leads_to_it() {
    let mut harness = window();
    for page in Page::ALL {
        harness.state_mut().send(Command::Look(LookCommand::Page(page)));
        // Over a million plans: it goes on for longer than a frame.
        harness.state_mut().send(Command::Search(SearchCommand::Start(tuneplan::solve::search::Limits::default())));
        harness.step();
        assert!(harness.query_by_label_contains("Search: ").is_some(), "{page:?}");
    }
    harness.get_by_label_contains("Search: ").click();
    harness.step();
    harness.step();
    assert_eq!(state(&harness).session.page, Page::Change);
}

#[test]
fn escape_empties_the_search_over_settings_and_ctrl_enter_uses_a_pasted_text() {
    let mut harness = window();
    press(&mut harness, Modifiers::COMMAND, Key::F);
    type_text(&mut harness, "rank");
    assert!(harness.query_by_label("Clear the search").is_some());
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(harness.query_by_label("Clear the search").is_none());

    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::V);
    harness.get_by_label("Pasted text").focus();
    harness.run_ok();
    type_text(&mut harness, "Qwen/Qwen2.5-7B");
    press(&mut harness, Modifiers::COMMAND, Key::Enter);
    assert_eq!(model_now(&harness), "Qwen/Qwen2.5-7B");
    assert_eq!(state(&harness).session.dialog, None);
}

#[test]
fn no_key_decides_a_question_that_came_up_by_itself() {
    let mut harness = window();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plan.ron");
    send(&mut harness, Command::File(FileCommand::SaveAs { path: path.clone(), replace: false }));
    wait(&mut harness, |app| app.state().document.path.is_some());
    let mut theirs = state(&harness).document.plan.clone();
    theirs.batch.micro_batch = 7;
    let loaded = file::read(&file::write(&theirs, &[])).unwrap();
    send(&mut harness, Command::File(FileCommand::Changed(path, Box::new(Ok(loaded.into())))));
    assert!(matches!(state(&harness).session.dialog, Some(Dialog::External(..))));
    press(&mut harness, Modifiers::NONE, Key::Enter);
    press(&mut harness, Modifiers::NONE, Key::Space);
    assert!(matches!(state(&harness).session.dialog, Some(Dialog::External(..))));
    click(&mut harness, "Reload");
    assert_eq!(state(&harness).document.plan.batch.micro_batch, 7);
}

#[test]
fn what_was_found_for_one_plan_is_not_offered_to_another() {
    let mut harness = window();
    send(&mut harness, rank(64));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Change)));
    harness.state_mut().ui_state_mut().change.part = tuneplan::ui::pages::change::Part::Search;
    let memory = Some(tuneplan::units::Bytes(8 << 30));
    send(
        &mut harness,
        Command::Search(SearchCommand::Start(tuneplan::solve::search::Limits { memory, ..Default::default() })),
    );
    wait(&mut harness, |app| {
        app.state()
            .session
            .searching
            .as_ref()
            .is_some_and(|found| found.outcome.as_ref().is_some_and(|o| !o.choices.is_empty()))
    });
    assert!(harness.query_by_label("Apply plan 1").is_some());
    send(&mut harness, Command::Menu(MenuCommand::New));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Change)));
    assert!(harness.query_by_label("Apply plan 1").is_none());
    assert!(harness.query_by_label_contains("of another open plan").is_some());
}
