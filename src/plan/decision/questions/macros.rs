//! Ways to write a question of each kind down.

macro_rules! yes_no {
    ($id:literal, $step:ident, $label:literal, $($path:ident).+, $help:literal) => {
        Question {
            id: $id, step: Step::$step, label: $label, unit: "", help: $help, kind: AnswerKind::YesNo,
            get: |answers| answers.$($path).+.map_or(AnswerValue::Skipped, AnswerValue::YesNo),
            set: |answers, value| match value {
                AnswerValue::Skipped => answers.$($path).+ = None,
                AnswerValue::YesNo(yes) => answers.$($path).+ = Some(*yes),
                _ => {}
            },
        }
    };
}

macro_rules! count {
    ($id:literal, $step:ident, $label:literal, $unit:literal, $($path:ident).+, $help:literal) => {
        Question {
            id: $id, step: Step::$step, label: $label, unit: $unit, help: $help, kind: AnswerKind::Count,
            get: |answers| answers.$($path).+.map_or(AnswerValue::Skipped, AnswerValue::Count),
            set: |answers, value| match value {
                AnswerValue::Skipped => answers.$($path).+ = None,
                AnswerValue::Count(count) => answers.$($path).+ = Some(*count),
                _ => {}
            },
        }
    };
}

macro_rules! number {
    ($id:literal, $step:ident, $label:literal, $unit:literal, $min:literal, $max:literal, $($path:ident).+, $help:literal) => {
        Question {
            id: $id, step: Step::$step, label: $label, unit: $unit, help: $help,
            kind: AnswerKind::Number { min: $min, max: $max },
            get: |answers| answers.$($path).+.map_or(AnswerValue::Skipped, AnswerValue::Number),
            set: |answers, value| match value {
                AnswerValue::Skipped => answers.$($path).+ = None,
                AnswerValue::Number(number) => answers.$($path).+ = Some(*number),
                _ => {}
            },
        }
    };
}

macro_rules! choice {
    ($id:literal, $step:ident, $label:literal, $field:ident, $choices:ident, [$($word:literal = $value:path),*], $help:literal) => {
        Question {
            id: $id, step: Step::$step, label: $label, unit: "", help: $help, kind: AnswerKind::Choice($choices),
            get: |answers| {
                answers.$field.map_or(AnswerValue::Skipped, |value| AnswerValue::Choice(match value { $($value => $word),* }))
            },
            set: |answers, value| {
                answers.$field = match value {
                    AnswerValue::Skipped => None,
                    $(AnswerValue::Choice($word) => Some($value),)*
                    _ => answers.$field,
                }
            },
        }
    };
}
