//! The system's clipboard, asked in a way that it answers: what it refused is never called copied.

use arboard::ImageData;
use std::borrow::Cow;
use std::sync::Arc;

/// What is to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clip {
    /// Text.
    Text(String),
    /// A picture.
    Picture(Arc<egui::ColorImage>),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// The clipboard has it.
    Taken,
    /// It was handed to the window system, which does not answer.
    HandedOver,
    /// The clipboard did not take it, and why.
    Refused(String),
}

/// Takes what is copied.
pub trait Clipboard: Send {
    /// Puts `clip` in the place of what was there. `Err`: why not.
    fn take(&mut self, clip: &Clip) -> Result<(), String>;
}

/// The clipboard of this system, opened when something is first copied.
#[derive(Default)]
pub struct SystemClipboard(Option<arboard::Clipboard>);

impl Clipboard for SystemClipboard {
    fn take(&mut self, clip: &Clip) -> Result<(), String> {
        let told = |error: arboard::Error| error.to_string();
        let clipboard = match &mut self.0 {
            Some(clipboard) => clipboard,
            closed => closed.insert(arboard::Clipboard::new().map_err(told)?),
        };
        match clip {
            Clip::Text(text) => clipboard.set_text(text.as_str()).map_err(told),
            Clip::Picture(image) => {
                // Charts stand on an opaque ground, so premultiplied and plain alpha are the same.
                let bytes: Vec<u8> = image.pixels.iter().flat_map(egui::Color32::to_array).collect();
                let picture = ImageData { width: image.width(), height: image.height(), bytes: Cow::Owned(bytes) };
                clipboard.set_image(picture).map_err(told)
            }
        }
    }
}

/// Whether text must go through the window: Wayland gives the clipboard only to the window that has the focus.
pub fn only_through_window() -> bool {
    cfg!(all(unix, not(target_os = "macos")))
        && std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty())
}
