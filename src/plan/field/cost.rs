//! Fields of the prices. There is no price in the program: a price without its day is worth nothing.

use super::{Field, FieldKind, FieldValue, Section, always};

pub fn fields() -> Vec<Field> {
    vec![
        optional_field!(
            "cost.price_per_device_hour",
            "price-per-device-hour",
            Cost,
            "Price",
            "per device-hour",
            FieldKind::OptionalDecimal { min: 0.0, max: 1e9 },
            Decimal,
            always,
            cost.price_per_device_hour,
            "Price of one device for an hour, in the currency below."
        ),
        text_field!(
            "cost.currency",
            "currency",
            Cost,
            "Currency",
            FieldKind::Text,
            cost.currency,
            "Currency of the prices, such as USD, EUR or KRW."
        ),
        text_field!(
            "cost.price_date",
            "price-date",
            Cost,
            "Price as of",
            FieldKind::Text,
            cost.price_date,
            "Day the price was quoted, as YYYY-MM-DD; prices age quickly."
        ),
        optional_field!(
            "cost.power_price_per_kwh",
            "power-price-per-kwh",
            Cost,
            "Power price",
            "per kWh",
            FieldKind::OptionalDecimal { min: 0.0, max: 1e6 },
            Decimal,
            always,
            cost.power_price_per_kwh,
            "Price of a kilowatt-hour where power is paid separately; not given: power is part of the device's price."
        ),
        text_field!(
            "cost.notes",
            "cost-notes",
            Cost,
            "Notes on the price",
            FieldKind::Notes,
            cost.notes,
            "Who quoted it, for which term."
        ),
    ]
}
