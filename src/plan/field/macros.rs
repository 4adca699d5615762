//! Short forms for the common kinds of fields: a path into the plan gives both reader and writer.

/// A choice among the words of an enum.
macro_rules! word_field {
    ($id:expr, $flag:literal, $section:ident, $label:literal, $choices:expr, $applies:expr, $($path:ident).+ : $type:ty, $help:literal) => {
        Field {
            id: $id, flag: $flag, section: Section::$section, label: $label, unit: "", help: $help,
            kind: FieldKind::Choice($choices),
            applies: $applies,
            get: |plan| Some(FieldValue::Id(plan.$($path).+.id().to_owned())),
            set: |plan, value| {
                plan.$($path).+ = value.word::<$type>()?;
                Ok(())
            },
        }
    };
}

/// A whole number.
macro_rules! integer_field {
    ($id:expr, $flag:literal, $section:ident, $label:literal, $unit:literal, $min:literal..=$max:expr, $steps:expr, $applies:expr, $($path:ident).+, $help:literal) => {
        Field {
            id: $id, flag: $flag, section: Section::$section, label: $label, unit: $unit, help: $help,
            kind: FieldKind::Integer { min: $min, max: $max, steps: $steps },
            applies: $applies,
            get: |plan| Some(FieldValue::Integer(plan.$($path).+)),
            set: |plan, value| {
                plan.$($path).+ = value.integer()?;
                Ok(())
            },
        }
    };
}

/// On or off.
macro_rules! toggle_field {
    ($id:expr, $flag:literal, $section:ident, $label:literal, $applies:expr, $($path:ident).+, $help:literal) => {
        Field {
            id: $id, flag: $flag, section: Section::$section, label: $label, unit: "", help: $help,
            kind: FieldKind::Toggle,
            applies: $applies,
            get: |plan| Some(FieldValue::Toggle(plan.$($path).+)),
            set: |plan, value| {
                plan.$($path).+ = value.toggle()?;
                Ok(())
            },
        }
    };
}

/// Text of one or several lines.
macro_rules! text_field {
    ($id:expr, $flag:literal, $section:ident, $label:literal, $kind:expr, $($path:ident).+, $help:literal) => {
        Field {
            id: $id, flag: $flag, section: Section::$section, label: $label, unit: "", help: $help,
            kind: $kind,
            applies: super::always,
            get: |plan| Some(FieldValue::Text(plan.$($path).+.clone())),
            set: |plan, value| {
                value.text()?.clone_into(&mut plan.$($path).+);
                Ok(())
            },
        }
    };
}

/// An entry of a catalogue, by id.
macro_rules! catalog_field {
    ($id:expr, $flag:literal, $section:ident, $label:literal, $kind:ident, $applies:expr, $($path:ident).+, $help:literal) => {
        Field {
            id: $id, flag: $flag, section: Section::$section, label: $label, unit: "", help: $help,
            kind: FieldKind::Catalog(CatalogKind::$kind),
            applies: $applies,
            get: |plan| Some(FieldValue::Id(plan.$($path).+.clone())),
            set: |plan, value| {
                value.id()?.clone_into(&mut plan.$($path).+);
                Ok(())
            },
        }
    };
}

/// A number that may be left to the catalogue, or, in another section, unsaid.
macro_rules! optional_field {
    ($id:expr, $flag:literal, $section:ident, $label:literal, $unit:literal, $kind:expr, $variant:ident($read:ident), $applies:expr, $($path:ident).+, $help:literal) => {
        Field {
            id: $id, flag: $flag, section: Section::$section, label: $label, unit: $unit, help: $help,
            kind: $kind,
            applies: $applies,
            get: |plan| Some(plan.$($path).+.map_or(FieldValue::Unset, FieldValue::$variant)),
            set: |plan, value| {
                plan.$($path).+ = value.optional(FieldValue::$read)?;
                Ok(())
            },
        }
    };
    ($id:expr, $flag:literal, $label:literal, $unit:literal, $kind:expr, $variant:ident($read:ident), $($path:ident).+, $help:literal) => {
        Field {
            id: $id, flag: $flag, section: Section::Hardware, label: $label, unit: $unit, help: $help,
            kind: $kind,
            applies: super::always,
            get: |plan| Some(plan.$($path).+.map_or(FieldValue::Unset, FieldValue::$variant)),
            set: |plan, value| {
                plan.$($path).+ = value.optional(FieldValue::$read)?;
                Ok(())
            },
        }
    };
}
