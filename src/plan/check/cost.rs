//! Prices against their day.

use super::{Found, Severity};
use crate::limits::brief;
use crate::plan::field::id;

pub fn check(found: &mut Found<'_>) {
    let cost = &found.plan.cost;
    if cost.price_per_device_hour.is_none() && cost.power_price_per_kwh.is_none() {
        return;
    }
    if cost.price_date.trim().is_empty() {
        found.push(
            Severity::Note,
            id::COST_PRICE_DATE,
            "the price has no day: write when it was quoted, since prices age quickly",
            None,
        );
    } else if !is_date(cost.price_date.trim()) {
        found.push(
            Severity::Warning,
            id::COST_PRICE_DATE,
            format!("“{}” is no day of the calendar; write it as YYYY-MM-DD", brief(&cost.price_date)),
            None,
        );
    }
    if cost.currency.trim().is_empty() {
        found.push(Severity::Warning, id::COST_CURRENCY, "the price has no currency: write USD, EUR, KRW, …", None);
    }
}

/// `2026-02-28`, with the days that the month has.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    if year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return false;
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u32>(), month.parse::<u32>(), day.parse::<u32>()) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["2026-01-31", "2024-02-29", "2000-02-29", "2026-11-24"] {
            assert!(is_date(text), "{text}");
        }
        for text in
            ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-4-01", "24.11.2026", "2026-04-31", ""]
        {
            assert!(!is_date(text), "{text}");
        }
    }
}
