//! Several open plans: one is shown, the others wait left and right of it in the row of tabs.

use super::state::{Document, DocumentId, State};

/// The open plans that are not shown, in the order of their tabs.
#[derive(Clone, Debug, Default)]
pub struct Others {
    left: Vec<Document>,
    right: Vec<Document>,
    /// Documents made so far: each has a number of its own.
    made: DocumentId,
}

impl State {
    /// All open plans in the order of their tabs.
    pub fn tabs(&self) -> impl Iterator<Item = &Document> {
        self.others.left.iter().chain(std::iter::once(&self.document)).chain(&self.others.right)
    }

    /// Names of the tabs. Plans without a file may have one name: all but the first are counted.
    pub fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = Vec::with_capacity(self.tab_count());
        for document in self.tabs() {
            let title = document.title();
            let counted = (2..).map(|place| format!("{title} ({place})"));
            let free = std::iter::once(title.clone()).chain(counted).find(|name| !titles.contains(name));
            titles.push(free.unwrap_or(title));
        }
        titles
    }

    /// Place of the shown plan among the tabs.
    pub const fn shown_tab(&self) -> usize {
        self.others.left.len()
    }

    /// How many plans are open; at least one.
    pub const fn tab_count(&self) -> usize {
        self.others.left.len() + 1 + self.others.right.len()
    }

    /// Place of the first tab whose plan is wanted.
    pub fn tab_where(&self, wanted: impl Fn(&Document) -> bool) -> Option<usize> {
        self.tabs().position(wanted)
    }

    /// An open plan by its number.
    pub fn document_mut(&mut self, id: DocumentId) -> Option<&mut Document> {
        let others = &mut self.others;
        std::iter::once(&mut self.document)
            .chain(&mut others.left)
            .chain(&mut others.right)
            .find(|document| document.id == id)
    }

    /// Shows the tab at `index`; nothing where there is none.
    pub(super) fn show_tab(&mut self, index: usize) {
        if index >= self.tab_count() || index == self.shown_tab() {
            return;
        }
        let mut all = std::mem::take(&mut self.others.left);
        all.push(std::mem::take(&mut self.document));
        all.append(&mut self.others.right);
        self.others.right = all.split_off(index + 1);
        self.document = all.pop().unwrap_or_default();
        self.others.left = all;
        // What was pointed at belonged to the other plan.
        self.session.hovered = None;
        self.session.selected = None;
    }

    /// Shows `document`: in the present tab if nothing was done there, else in a new one right of it.
    pub(super) fn open_tab(&mut self, document: Document) {
        if self.document.is_untouched() {
            self.document = self.numbered(document);
        } else {
            self.open_beside(document);
        }
    }

    /// Shows `document` in a new tab right of the present one.
    pub(super) fn open_beside(&mut self, document: Document) {
        let document = self.numbered(document);
        self.others.left.push(std::mem::replace(&mut self.document, document));
        self.session.selected = None;
    }

    fn numbered(&mut self, document: Document) -> Document {
        self.others.made += 1;
        Document { id: self.others.made, ..document }
    }

    /// Takes the shown plan away; its right neighbour is shown, else its left one, else a fresh plan.
    pub(super) fn close_tab(&mut self) {
        self.session.messages.closed(self.document.id);
        let neighbour =
            if self.others.right.is_empty() { self.others.left.pop() } else { Some(self.others.right.remove(0)) };
        self.document = neighbour.unwrap_or_else(|| self.numbered(Document::default()));
        self.session.selected = None;
    }
}
