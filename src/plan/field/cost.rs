//! Fields of the prices. There is no price in the program: a price without its day is worth nothing.

use super::id;
use super::{Field, FieldKind, FieldValue, Section, always};

pub fn fields() -> Vec<Field> {
    vec![
        optional_field!(
            id::COST_PRICE_PER_DEVICE_HOUR,
            "price-per-device-hour",
            Cost,
            "Price",
            "per device-hour",
            FieldKind::OptionalDecimal { min: 0.0, max: 1e9 },
            Decimal(decimal),
            always,
            cost.price_per_device_hour,
            "Price of one device for an hour, in the currency below."
        ),
        text_field!(
            id::COST_CURRENCY,
            "currency",
            Cost,
            "Currency",
            FieldKind::Text,
            cost.currency,
            "Currency of the prices, such as USD, EUR or KRW."
        ),
        text_field!(
            id::COST_PRICE_DATE,
            "price-date",
            Cost,
            "Price as of",
            FieldKind::Text,
            cost.price_date,
            "Day the price was quoted, as YYYY-MM-DD; prices age quickly."
        ),
        optional_field!(
            id::COST_POWER_PRICE_PER_KWH,
            "power-price-per-kwh",
            Cost,
            "Power price",
            "per kWh",
            FieldKind::OptionalDecimal { min: 0.0, max: 1e6 },
            Decimal(decimal),
            always,
            cost.power_price_per_kwh,
            "Price of a kilowatt-hour where power is paid separately; not given: power is part of the device's price."
        ),
        text_field!(
            id::COST_NOTES,
            "cost-notes",
            Cost,
            "Notes on the price",
            FieldKind::Notes,
            cost.notes,
            "Who quoted it, for which term."
        ),
    ]
}
