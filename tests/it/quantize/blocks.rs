//! Block codecs, bit for bit, against vectors that bitsandbytes 0.50.2, gguf-py 0.19 and candle 0.11.1 produced, and
//! against the errors that theory gives for normally distributed values.

use super::golden::{Row, Tensors, mse_rows};
use tuneplan::quantize::codec::Group;
use tuneplan::quantize::gguf::Kind;
use tuneplan::quantize::integers::{self, Levels};
use tuneplan::quantize::scalar::{BF16, E4M3, E5M2, FP16, ScalarFormat};
use tuneplan::quantize::table4::{self, AF4, FP4, NF4, Scales};
use tuneplan::quantize::{Codec, ErrorStats, QuantizeError, Whole, dynamic8, float8, llm_int8, sample};

/// Values of a row in the published table.
const COLUMNS: usize = 4096;

/// Rounded once to the format of the stored result, as the library does.
fn rounded(values: &[f32], dtype: &str) -> Vec<f32> {
    let format = match dtype {
        "BF16" => ScalarFormat::Float(&BF16),
        "F16" => ScalarFormat::Float(&FP16),
        _ => return values.to_vec(),
    };
    values.iter().map(|&value| format.encode(f64::from(value)).value as f32).collect()
}

#[test]
fn tables_are_the_library_s() {
    let tables = Tensors::open("bnb_tables");
    assert_eq!(tables.numbers("nf4"), NF4.levels);
    assert_eq!(tables.numbers("af4_b64"), AF4.levels);
    assert_eq!(tables.numbers("fp4_bit_order"), FP4.levels);
    assert_eq!(tables.numbers("dynamic_signed_8bit"), dynamic8::levels());
}

/// Mean absmax of blocks, as double quantization takes it.
fn mean(absmax: &[f32]) -> f32 {
    (absmax.iter().map(|value| f64::from(*value)).sum::<f64>() / absmax.len() as f64) as f32
}

#[test]
fn four_bit_blocks_are_bit_exact() {
    let golden = Tensors::open("bnb_4bit");
    let mut cases = 0;
    for name in golden.0.keys().filter_map(|key| key.strip_suffix(".input")) {
        let of = |part: &str| format!("{name}.{part}");
        let block = if name.ends_with("b128") { 128 } else { 64 };
        let input = golden.numbers(&of("input"));
        let is_nf4 = name.starts_with("nf4");
        let coded = table4::quantize(if is_nf4 { &NF4 } else { &FP4 }, &input, block);
        // Zero has two codes in FP4, and the library's kernels differ in which they write.
        if is_nf4 {
            assert_eq!(coded.codes(), golden.bytes(&of("codes")), "{name}: codes");
            assert_eq!(coded.packed, golden.bytes(&of("packed")), "{name}: packed");
        }
        let dtype = golden.dtype(&of("dequant")).to_owned();
        let absmax = coded.scales.values();
        let decoded = if golden.0.contains_key(&of("absmax_q")) {
            assert_eq!(absmax, golden.numbers(&of("absmax_fp32")), "{name}: absmax");
            let offset = golden.numbers(&of("offset"))[0];
            // The library's FP32 sum may differ in the last bit.
            let ours = mean(&absmax);
            assert!((ours - offset).abs() <= f32::EPSILON * offset, "{name}: {ours} {offset}");
            assert_eq!(Whole::of(&input).mean_block_absmax(), ours, "{name}");
            let doubly = coded.doubly(offset);
            let Scales::Double(scales) = &doubly.scales else { panic!("{name}") };
            assert_eq!(scales.coded.codes, golden.bytes(&of("absmax_q")), "{name}: scales");
            assert_eq!(scales.coded.absmax, golden.numbers(&of("nested_absmax")), "{name}: nested");
            assert_eq!(scales.values(), golden.numbers(&of("absmax_dequant")), "{name}: read back scales");
            doubly.values()
        } else {
            assert_eq!(absmax, golden.numbers(&of("absmax")), "{name}: absmax");
            coded.values()
        };
        assert_eq!(rounded(&decoded, &dtype), golden.numbers(&of("dequant")), "{name}: read back");
        cases += 1;
    }
    assert_eq!(cases, 14);
}

#[test]
fn eight_bit_blocks_are_bit_exact() {
    let golden = Tensors::open("bnb_int8");
    for (name, block) in [("bw8_f32_b256", 256), ("bw8_f32_b256_ragged", 256), ("bw8_f32_b64", 64)] {
        let coded = dynamic8::quantize(&golden.numbers(&format!("{name}.input")), block);
        assert_eq!(coded.codes, golden.bytes(&format!("{name}.codes")), "{name}");
        assert_eq!(coded.absmax, golden.numbers(&format!("{name}.absmax")), "{name}");
        assert_eq!(coded.values(), golden.numbers(&format!("{name}.dequant")), "{name}");
    }
}

#[test]
fn int8_rows_are_bit_exact() {
    let golden = Tensors::open("bnb_int8");
    for name in ["int8_no_outlier", "int8_outlier"] {
        let key = format!("{name}.W");
        let columns = golden.shape(&key)[1];
        let coded = integers::quantize(&golden.numbers(&key), columns, columns, Levels::INT8_ROWS);
        let expected: Vec<i8> = golden.bytes(&format!("{name}.W_int8")).iter().map(|byte| byte.cast_signed()).collect();
        assert_eq!(coded.codes, expected, "{name}");
        // The library keeps absmax, not absmax / 127: read back, the last bit may differ.
        for (ours, theirs) in coded.values().iter().zip(golden.numbers(&format!("{name}.W_dequant"))) {
            assert!((ours - theirs).abs() <= 2.0 * f32::EPSILON * theirs.abs(), "{name}: {ours} {theirs}");
        }
    }
}

#[test]
fn products_of_llm_int8_keep_outliers_apart_as_its_formula_says() {
    let golden = Tensors::open("bnb_int8");
    for (name, outliers) in [("int8_no_outlier", vec![]), ("int8_outlier", vec![3, 7, 20])] {
        let key = format!("{name}.W");
        let matrix = llm_int8::Matrix::new(&golden.numbers(&key), golden.shape(&key)[1]);
        let found = matrix.times(&golden.numbers(&format!("{name}.A")));
        assert_eq!(found.outliers, outliers, "{name}");
        let wanted = golden.numbers(&format!("{name}.y_llmint8_formula"));
        let largest = wanted.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        for (ours, theirs) in found.values.iter().zip(&wanted) {
            assert!((ours - theirs).abs() < 1e-6 * largest, "{name}: {ours} {theirs}");
        }
        // Without the split the outliers would take the scale of every token they are in.
        let exact = golden.numbers(&format!("{name}.y_fp32_of_dequant"));
        let error = |found: &[f32]| found.iter().zip(&exact).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        assert!(error(&found.values) > 0.0 && error(&found.values) < 1e-3 * exact.iter().map(|x| x * x).sum::<f32>());
    }
}

#[test]
fn errors_and_bits_on_normal_values_are_the_measured_ones() {
    let rows = mse_rows();
    let values = sample::normal(7, 1 << 19);
    let whole = Whole::of(&values);
    for (codec, row) in [
        (Codec::Nf4, "NF4 b64 fp32 absmax"),
        (Codec::Nf4Double, "NF4 b64 + double quant"),
        (Codec::Fp4, "FP4(bnb) b64"),
        (Codec::Fp4Double, "FP4(bnb) b64 + double quant"),
        (Codec::Af4, "AF4 b64"),
        (Codec::Mxfp4, "MXFP4 (OCP floor scale)"),
        (Codec::Int8Rows, "INT8 absmax per-row 4096 (LLM.int8 weight)"),
        (Codec::Int8, "INT8 absmax b64"),
        (Codec::Dynamic8, "bnb 8-bit dynamic b256"),
        (Codec::Int4, "INT4 sym absmax/7 b64 fp16 scale"),
        (Codec::Int4Asymmetric(Group::Of64), "INT4 asym min-max g64 (fp16 s,z)"),
        (Codec::Int4Asymmetric(Group::Of128), "INT4 asym min-max g128 (fp16 s,z)"),
    ] {
        let Row { bits, normal: mse, .. } =
            rows.get(row).copied().unwrap_or_else(|| panic!("{row}: {:?}", rows.keys()));
        assert!((codec.bits_per_weight(COLUMNS) - bits).abs() < 5e-4, "{row}: {} bits", codec.bits_per_weight(COLUMNS));
        let after = codec.pack(&values, COLUMNS, &whole).unwrap().values();
        let rms = ErrorStats::of(&values, &after).rms;
        // A scale for a whole row hangs on the largest of its values: 128 rows give 4 % of sampling error.
        let tolerance = if codec == Codec::Int8Rows { 0.05 } else { 0.015 };
        assert!((rms * rms / mse - 1.0).abs() < tolerance, "{row}: {} and {mse}", rms * rms);
    }
    for (block, row) in [(128, "NF4 b128"), (256, "NF4 b256")] {
        let after = table4::quantize(&NF4, &values, block).values();
        let rms = ErrorStats::of(&values, &after).rms;
        assert!((rms * rms / rows[row].normal - 1.0).abs() < 0.015, "{row}");
    }
    for (group, row) in [(32, "INT4 sym absmax/7 b32 fp16 scale"), (COLUMNS, "INT4 sym absmax/7 per-row 4096")] {
        let after = integers::quantize(&values, COLUMNS, group, Levels::INT4).values();
        let rms = ErrorStats::of(&values, &after).rms;
        let tolerance = if group == COLUMNS { 0.05 } else { 0.015 };
        assert!((rms * rms / rows[row].normal - 1.0).abs() < tolerance, "{row}: {}", rms * rms);
    }
}

#[test]
fn stored_bits_are_those_announced() {
    let values = sample::normal(3, 1 << 16);
    for codec in Codec::ALL {
        let packed = codec.pack(&values, COLUMNS, &Whole::of(&values)).unwrap();
        let rows = (values.len() / COLUMNS) as u64;
        assert_eq!(packed.bits(), codec.stored_bits(rows, COLUMNS as u64), "{}", codec.name());
    }
}

#[test]
fn codecs_are_found_by_id_and_name_and_are_the_catalogue_s() {
    let catalog = tuneplan::catalog::Catalog::embedded();
    let mut shared = 0;
    for codec in Codec::ALL {
        assert_eq!(Codec::from_id(codec.id()), Some(codec));
        assert_eq!(Codec::from_id(&codec.name().to_lowercase()), Some(codec));
        let Some(format) = catalog.format(codec.id()) else { continue };
        shared += 1;
        let catalogued = format.effective_bits + format.row_scale_bits as f64 / COLUMNS as f64;
        let ours = codec.bits_per_weight(COLUMNS);
        assert!((ours - catalogued).abs() < 1e-6, "{}: {ours} and {catalogued}", codec.id());
    }
    assert!(shared >= 9, "{shared}");
    assert_eq!(Codec::from_id("gptq"), None);
}

#[test]
fn eight_bit_floats_are_those_of_the_exact_reference() {
    for (layout, float) in [(float8::Layout::E4m3, &E4M3), (float8::Layout::E5m2, &E5M2)] {
        let reference = ScalarFormat::Float(float);
        let values = layout.values();
        // Every finite value, everything half-way between two, and their neighbours among floats.
        let mut finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
        finite.sort_by(f32::total_cmp);
        let midpoints: Vec<f32> = finite.windows(2).map(|pair| f32::midpoint(pair[0], pair[1])).collect();
        let near = finite.iter().chain(&midpoints).flat_map(|value| [value.next_down(), *value, value.next_up()]);
        for value in near.chain(sample::normal(5, 4096)).chain([1e9, -1e9, 1e-30]) {
            let clamped = f64::from(value.clamp(-layout.largest(), layout.largest()));
            let expected = reference.encode(clamped).value;
            assert_eq!(f64::from(values[usize::from(layout.encode(value))]), expected, "{value} in {}", float.name);
        }
    }
}

#[test]
fn sixteen_bits_and_three_values_are_their_definitions() {
    let values = sample::normal(9, 4096);
    for (codec, float) in [(Codec::Bf16, &BF16), (Codec::Fp16, &FP16)] {
        let after = codec.round_trip(&values).unwrap().0;
        for (before, after) in values.iter().zip(after) {
            assert_eq!(f64::from(after), ScalarFormat::Float(float).encode(f64::from(*before)).value);
        }
    }
    // γ of normal values is √(2/π); what lies beyond γ/2 becomes ±γ (Ma et al., 2024).
    let after = Codec::Ternary.round_trip(&values).unwrap().0;
    let gamma = values.iter().map(|value| f64::from(value.abs())).sum::<f64>() / values.len() as f64;
    assert!((gamma - (2.0 / std::f64::consts::PI).sqrt()).abs() < 0.03);
    for (before, after) in values.iter().zip(after) {
        let expected = if f64::from(before.abs()) > gamma / 2.0 * 1.001 {
            gamma.copysign(f64::from(*before))
        } else if f64::from(before.abs()) < gamma / 2.0 * 0.999 {
            0.0
        } else {
            continue;
        };
        assert!((f64::from(after) - expected).abs() < 1e-6, "{before}: {after}");
    }
}

#[test]
fn pieces_of_a_tensor_give_what_the_whole_gives() {
    // 256 blocks of 64 values share one absmax of their scales, so a piece has a multiple of 16,384 values.
    let values = sample::normal(13, 5 * 16_384 + 4096);
    let mut whole = Whole::default();
    for piece in values.chunks(16_384) {
        whole.add(piece);
    }
    for codec in Codec::ALL {
        let at_once = codec.pack(&values, COLUMNS, &Whole::of(&values)).unwrap().values();
        let pieces: Vec<f32> =
            values.chunks(16_384).flat_map(|piece| codec.pack(piece, COLUMNS, &whole).unwrap().values()).collect();
        assert_eq!(at_once, pieces, "{}", codec.name());
    }
}

#[test]
fn normal_values_are_normal() {
    let values = sample::normal(11, 1 << 16);
    let n = values.len() as f64;
    let moment = |power: i32| values.iter().map(|&value| f64::from(value).powi(power)).sum::<f64>() / n;
    // Standard errors at this size: 0.004, 0.006, 0.04 (fourth moment: √(96 / n)).
    assert!(moment(1).abs() < 0.016 && (moment(2) - 1.0).abs() < 0.022 && (moment(4) - 3.0).abs() < 0.16);
    let beyond_two = values.iter().filter(|value| value.abs() > 2.0).count() as f64 / n;
    assert!((beyond_two - 0.0455).abs() < 0.004, "{beyond_two}");
    assert_eq!(sample::normal(11, 5), values[..5]);
    assert_ne!(sample::normal(12, 5), values[..5]);
}

#[test]
fn nothing_and_bad_values_are_refused_in_words() {
    for codec in Codec::ALL {
        assert_eq!(codec.round_trip(&[]).unwrap_err(), QuantizeError::Empty);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = vec![1.0; 256];
            values[200] = bad;
            assert_eq!(codec.round_trip(&values).unwrap_err(), QuantizeError::NotFinite(codec.name()));
        }
        let zeros = codec.round_trip(&[0.0; 256]).unwrap().0;
        assert!(zeros.iter().all(|value| *value == 0.0), "{}", codec.name());
        // Within a percent of the end of FP32 a rounded scale may lead beyond it.
        for extreme in [0.99 * f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), -0.99 * f32::MAX] {
            let values: Vec<f32> = (0..256).map(|i| if i % 3 == 0 { extreme } else { 0.0 }).collect();
            let after = codec.round_trip(&values).unwrap().0;
            // Sixteen bits have infinities, and so casts give them.
            assert!(
                matches!(codec, Codec::Fp16 | Codec::Bf16) || after.iter().all(|value| value.is_finite()),
                "{} {extreme}",
                codec.name()
            );
        }
    }
    let short = Codec::Gguf(Kind::Q4K).round_trip(&[1.0; 32]).unwrap_err();
    assert_eq!(short.to_string(), "Q4_K needs rows of a multiple of 256 values, and these have 32");
}

#[test]
fn an_outlier_costs_its_block_and_no_other() {
    let mut values = sample::normal(5, 256);
    let before = Codec::Nf4.round_trip(&values).unwrap().0;
    values[10] = 40.0;
    let after = Codec::Nf4.round_trip(&values).unwrap().0;
    assert_eq!(before[64..], after[64..]);
    let rms = |coded: &[f32]| ErrorStats::of(&values[11..64], &coded[11..64]).rms;
    assert!(rms(&after) > 5.0 * rms(&before));
}

#[test]
fn error_figures_are_their_definitions() {
    let stats = ErrorStats::of(&[3.0, -4.0], &[3.0, -3.0]);
    assert_eq!((stats.rms, stats.largest, stats.largest_at, stats.mean), (0.5_f64.sqrt(), 1.0, 1, 0.5));
    assert!((stats.sqnr_db.unwrap() - 10.0 * 25_f64.log10()).abs() < 1e-12);
    assert_eq!(ErrorStats::of(&[1.0], &[1.0]).sqnr_db, None);
    assert_eq!(ErrorStats::of(&[], &[]), ErrorStats::default());
}
