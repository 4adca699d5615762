//! Scalar formats against published limits, bit patterns of other implementations, and brute force.

use proptest::prelude::*;
use tuneplan::quantize::scalar::{
    BF16, BitField, E2M1, E2M3, E3M2, E4M3, E5M2, FP16, FP32, FP64, INT4, INT8, Outcome, ScalarFormat, Scale, TERNARY,
    TF32,
};

const FP16_FORMAT: ScalarFormat = ScalarFormat::Float(&FP16);

fn float(id: &str) -> ScalarFormat {
    ScalarFormat::all(1.0).into_iter().find(|format| format.id() == id).unwrap()
}

#[test]
fn limits_are_the_published_ones() {
    // IEEE 754-2019 table 3.5; FP8: Micikevicius et al. 2022 table 1; FP6 and FP4: OCP Microscaling v1.0 section 5.3;
    // BF16 and TF32 share FP32's exponent. Columns: largest, smallest normal, smallest.
    let p = |exponent: i32| 2_f64.powi(exponent);
    let rows = [
        ("fp64", f64::MAX, f64::MIN_POSITIVE, 5e-324),
        ("fp32", f64::from(f32::MAX), p(-126), p(-149)),
        ("tf32", (2.0 - p(-10)) * p(127), p(-126), p(-136)),
        ("bf16", 3.389_531_389_251_535_5e38, p(-126), p(-133)),
        ("fp16", 65504.0, p(-14), p(-24)),
        ("fp8-e5m2", 57344.0, p(-14), p(-16)),
        ("fp8-e4m3", 448.0, p(-6), p(-9)),
        ("fp6-e3m2", 28.0, 0.25, 0.0625),
        ("fp6-e2m3", 7.5, 1.0, 0.125),
        ("fp4-e2m1", 6.0, 1.0, 0.5),
    ];
    for (id, largest, normal, smallest) in rows {
        let format = float(id);
        assert_eq!(format.largest(), largest, "{id}");
        assert_eq!(format.smallest_normal(), Some(normal), "{id}");
        assert_eq!(format.smallest(), smallest, "{id}");
    }
}

#[test]
fn the_catalogue_gives_the_same_largest_values() {
    // Its figures come from numpy and ml_dtypes.
    let mut compared = 0;
    for format in ScalarFormat::all(1.0) {
        let is_float = matches!(format, ScalarFormat::Float(_));
        let entry = tuneplan::catalog::Catalog::embedded().format(format.id()).filter(|_| is_float);
        if let Some(largest) = entry.and_then(|entry| entry.max_finite) {
            assert!((format.largest() / largest - 1.0).abs() < 1e-15, "{}", format.name());
            compared += 1;
        }
    }
    assert!(compared >= 8, "{compared}");
}

#[test]
fn known_values_have_their_known_bits() {
    // Python: struct.pack('>e'|'>f'|'>d', x).hex(); the textbook's 10.1234; BF16 = FP32 bits rounded to the upper half.
    let rows = [
        ("fp16", 10.1234, 0x4910_u64, 10.125),
        ("fp32", 10.1234, 0x4121_f972, 10.123_399_734_497_07),
        ("fp64", 10.1234, 0x4024_3f2e_48e8_a71e, 10.1234),
        ("bf16", 10.1234, 0x4122, 10.125),
        ("fp16", -0.1, 0xae66, -0.099_975_585_937_5),
        ("fp16", 65504.0, 0x7bff, 65504.0),
        ("fp16", 5.960_464_477_539_063e-8, 0x0001, 5.960_464_477_539_063e-8),
        ("fp8-e4m3", 448.0, 0x7e, 448.0),
        ("fp8-e4m3", 0.3, 0x2a, 0.3125),
        ("fp8-e5m2", 0.3, 0x35, 0.3125),
        ("fp4-e2m1", 5.0, 0x6, 4.0),
        ("fp4-e2m1", -2.6, 0xd, -3.0),
    ];
    for (id, value, bits, stored) in rows {
        let encoded = float(id).encode(value);
        assert_eq!(encoded.bits, bits, "{id} {value}: {:#x}", encoded.bits);
        assert_eq!(encoded.value, stored, "{id} {value}");
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let outcome = |id: &str, value: f64| float(id).encode(value).outcome;
    // 65,520 is half-way between 65,504 and what would come next.
    assert_eq!(outcome("fp16", 65519.99), Outcome::Rounded);
    assert_eq!(outcome("fp16", 65520.0), Outcome::OverflowToInfinity);
    assert_eq!(outcome("bf16", 65520.0), Outcome::Rounded);
    assert_eq!(outcome("fp16", 2_f64.powi(-25)), Outcome::Underflow);
    assert_eq!(outcome("fp16", 1.5 * 2_f64.powi(-24) + 1e-12), Outcome::Subnormal);
    assert_eq!(outcome("bf16", 2_f64.powi(-25)), Outcome::Exact);
    // PyTorch 2.15: 464, 464.01, 1e9 and infinity all become 448; not-a-number stays what it is.
    assert_eq!(outcome("fp8-e4m3", 464.0), Outcome::Rounded);
    for value in [464.0, 464.01, 1e9, f64::INFINITY] {
        assert_eq!(float("fp8-e4m3").encode(value).value, 448.0);
        assert_eq!(float("fp8-e4m3").encode(-value).value, -448.0);
    }
    assert_eq!(outcome("fp8-e4m3", 464.01), Outcome::Saturated);
    assert_eq!(outcome("fp8-e4m3", f64::NAN), Outcome::Nan);
    assert_eq!(outcome("fp8-e5m2", 61440.0), Outcome::OverflowToInfinity);
    assert_eq!(float("fp4-e2m1").encode(1e9).value, 6.0);
    assert_eq!(outcome("fp4-e2m1", 1e9), Outcome::Saturated);
    assert_eq!(outcome("fp4-e2m1", f64::NAN), Outcome::NanLost);
    assert_eq!(outcome("fp32", f64::NAN), Outcome::Nan);
    assert!(float("fp32").encode(f64::NAN).value.is_nan());
    assert_eq!(outcome("fp32", f64::INFINITY), Outcome::Exact);
    assert_eq!(float("fp16").encode(-0.0).bits, 0x8000);
}

#[test]
fn integers_are_steps_of_their_scale() {
    let int8 = ScalarFormat::Fixed(&INT8, Scale::for_range(12.7, &INT8));
    let int4 = ScalarFormat::Fixed(&INT4, Scale::for_range(7.0, &INT4));
    let ternary = ScalarFormat::Fixed(&TERNARY, Scale::for_range(0.5, &TERNARY));
    assert_eq!(int8.encode(10.1234).bits, 101);
    assert!((int8.encode(10.1234).value - 10.1).abs() < 1e-12);
    assert_eq!(int8.encode(-0.1).bits, 0xff);
    assert_eq!(int8.encode(100.0).outcome, Outcome::Saturated);
    assert_eq!(int8.encode(0.049).outcome, Outcome::Underflow);
    // Ties go to the even step.
    assert_eq!((int4.encode(2.5).value, int4.encode(3.5).value), (2.0, 4.0));
    assert_eq!(int4.encode(-9.0).value, -7.0);
    // A code that encoding does not use, reached by flipping bits.
    assert_eq!(int4.decode(0b1000), -8.0);
    assert_eq!((ternary.encode(0.4).value, ternary.encode(-0.2).value), (0.5, 0.0));
}

#[test]
fn a_range_that_is_no_range_still_gives_a_format() {
    for range in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
        for format in ScalarFormat::all(range) {
            assert!(format.smallest() > 0.0 && format.largest().is_finite(), "{range} {}", format.name());
        }
    }
}

#[test]
fn bits_belong_to_their_fields() {
    let count = |format: ScalarFormat, field| (0..format.bits()).filter(|bit| format.field(*bit) == field).count();
    for (layout, exponent, mantissa, stored) in [
        (&FP64, 11, 52, 64),
        (&FP32, 8, 23, 32),
        (&TF32, 8, 10, 32),
        (&BF16, 8, 7, 16),
        (&FP16, 5, 10, 16),
        (&E5M2, 5, 2, 8),
        (&E4M3, 4, 3, 8),
        (&E3M2, 3, 2, 6),
        (&E2M3, 2, 3, 6),
        (&E2M1, 2, 1, 4),
    ] {
        let format = ScalarFormat::Float(layout);
        assert_eq!(count(format, BitField::Sign), 1);
        assert_eq!(count(format, BitField::Exponent), exponent, "{}", format.name());
        assert_eq!(count(format, BitField::Mantissa), mantissa, "{}", format.name());
        assert_eq!(format.stored_bits(), stored, "{}", format.name());
        assert_eq!(format.field(format.bits() - 1), BitField::Sign);
    }
}

#[test]
fn spacing_is_the_distance_to_the_next_code() {
    // The integers' range is a multiple of 127 · 7, so that their steps are exact.
    for format in ScalarFormat::all(889.0) {
        for value in [1.0, 0.75, 3.0, 1e-3, 0.0] {
            let stored = format.encode(value);
            let next = format.decode(stored.bits + 1);
            // In the formats that end early the next code may be the end of the range.
            if next.is_finite() && next > stored.value && stored.value.abs() < format.largest() {
                assert_eq!(format.spacing(stored.value), Some(next - stored.value), "{} {value}", format.name());
            }
        }
    }
    assert_eq!(FP16_FORMAT.spacing(1.0), Some(2_f64.powi(-10)));
    assert_eq!(FP16_FORMAT.spacing(70_000.0), None);
}

/// Finite values of a small format, by decoding every code.
fn all_values(format: ScalarFormat) -> Vec<f64> {
    (0..1_u64 << format.bits()).map(|bits| format.decode(bits)).filter(|value| value.is_finite()).collect()
}

proptest! {
    #[test]
    fn small_formats_give_the_nearest_of_all_their_values(mantissa in -2.0..2.0_f64, exponent in -20..18_i32) {
        let value = mantissa * 2_f64.powi(exponent);
        for format in ScalarFormat::all(3.0).into_iter().filter(|format| format.bits() <= 8) {
            let encoded = format.encode(value);
            if encoded.outcome.is_loss_of_range() && encoded.outcome != Outcome::Underflow {
                prop_assert!(value.abs() > format.largest());
                continue;
            }
            let usable = |candidate: &f64| candidate.abs() <= format.largest();
            let nearest =
                all_values(format).into_iter().filter(usable).map(|other| (other - value).abs()).fold(f64::MAX, f64::min);
            prop_assert_eq!((encoded.value - value).abs(), nearest, "{} {}", format.name(), value);
        }
    }

    #[test]
    fn fp32_is_the_machine_s_own(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let encoded = ScalarFormat::Float(&FP32).encode(value);
        if value.is_nan() {
            prop_assert!(encoded.value.is_nan());
        } else {
            prop_assert_eq!(encoded.bits as u32, (value as f32).to_bits());
        }
        let machine = f64::from(f32::from_bits(bits as u32));
        let decoded = ScalarFormat::Float(&FP32).decode(bits & 0xffff_ffff);
        prop_assert!(decoded.to_bits() == machine.to_bits() || decoded.is_nan() && machine.is_nan());
    }

    #[test]
    fn fp64_changes_nothing(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let encoded = ScalarFormat::Float(&FP64).encode(value);
        prop_assert!(encoded.value.to_bits() == bits || value.is_nan() && encoded.value.is_nan());
    }

    #[test]
    fn stored_values_are_stored_exactly(bits in any::<u64>()) {
        for format in ScalarFormat::all(1.7) {
            let value = format.decode(bits);
            let again = format.encode(value);
            let lowest_integer = value < -format.largest();
            prop_assert!(value.is_nan() || lowest_integer || again.value == value, "{} {}", format.name(), value);
        }
    }

    #[test]
    fn the_error_is_at_most_half_a_step(mantissa in -2.0..2.0_f64, exponent in -140..120_i32) {
        let value = mantissa * 2_f64.powi(exponent);
        for format in ScalarFormat::all(2_f64.powi(exponent)) {
            let encoded = format.encode(value);
            if let (Some(step), true) = (format.spacing(value), encoded.value.is_finite()) {
                prop_assert!((encoded.value - value).abs() <= step / 2.0 * (1.0 + 1e-12), "{} {}", format.name(), value);
            }
        }
    }
}
