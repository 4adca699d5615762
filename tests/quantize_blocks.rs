//! Block codecs, bit for bit, against vectors that bitsandbytes 0.50.2, gguf-py 0.19 and candle 0.11.1 produced, and
//! against the errors that theory gives for normally distributed values.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use tuneplan::quantize::absmax::{self, Levels};
use tuneplan::quantize::scalar::{BF16, FP16, ScalarFormat};
use tuneplan::quantize::{BlockFormat, ErrorStats, QuantizeError, dynamic8, mxfp4, nf4, q4_k, sample};

/// Tensors of a safetensors file, as bytes and as numbers.
struct Tensors(BTreeMap<String, (String, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn open(name: &str) -> Self {
        let bytes = fs::read(format!("tests/fixtures/quantize/{name}.safetensors")).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let data = &bytes[8 + length..];
        let tensors = header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__");
        Self(
            tensors
                .map(|(name, info)| {
                    let at = |i: usize| info["data_offsets"][i].as_u64().unwrap() as usize;
                    let shape = info["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap() as usize);
                    let dtype = info["dtype"].as_str().unwrap().to_owned();
                    (name.clone(), (dtype, shape.collect(), data[at(0)..at(1)].to_vec()))
                })
                .collect(),
        )
    }

    fn bytes(&self, name: &str) -> &[u8] {
        &self.0[name].2
    }

    fn shape(&self, name: &str) -> &[usize] {
        &self.0[name].1
    }

    fn dtype(&self, name: &str) -> &str {
        &self.0[name].0
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        let (dtype, _, bytes) = &self.0[name];
        let half = |format: ScalarFormat| {
            let code = |pair: &[u8]| u64::from(u16::from_le_bytes(pair.try_into().unwrap()));
            bytes.chunks_exact(2).map(|pair| format.decode(code(pair)) as f32).collect()
        };
        match dtype.as_str() {
            "F32" => bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect(),
            "BF16" => half(ScalarFormat::Float(&BF16)),
            "F16" => half(ScalarFormat::Float(&FP16)),
            other => panic!("{other}"),
        }
    }
}

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
    assert_eq!(tables.numbers("nf4"), nf4::LEVELS);
    assert_eq!(tables.numbers("dynamic_signed_8bit"), dynamic8::levels());
}

#[test]
fn nf4_is_bit_exact() {
    let golden = Tensors::open("bnb_4bit");
    let mut cases = 0;
    for name in golden.0.keys().filter_map(|key| key.strip_suffix(".input")) {
        if !name.starts_with("nf4") {
            continue;
        }
        let of = |part: &str| format!("{name}.{part}");
        let block = if name.ends_with("b128") { 128 } else { 64 };
        let coded = nf4::quantize(&golden.numbers(&of("input")), block);
        assert_eq!(coded.codes, golden.bytes(&of("codes")), "{name}: codes");
        assert_eq!(coded.packed(), golden.bytes(&of("packed")), "{name}: packed");
        let dtype = golden.dtype(&of("dequant")).to_owned();
        let decoded = if golden.0.contains_key(&of("absmax_q")) {
            assert_eq!(coded.absmax, golden.numbers(&of("absmax_fp32")), "{name}: absmax");
            let scales = nf4::quantize_scales(&coded.absmax);
            let offset = golden.numbers(&of("offset"))[0];
            // The library's FP32 sum may differ in the last bit.
            assert!((scales.offset - offset).abs() <= f32::EPSILON * offset, "{name}: {} {offset}", scales.offset);
            let exact = nf4::QuantizedScales {
                coded: {
                    let centred: Vec<f32> = coded.absmax.iter().map(|scale| scale - offset).collect();
                    dynamic8::quantize(&centred, dynamic8::BLOCK)
                },
                offset,
            };
            assert_eq!(exact.coded.codes, golden.bytes(&of("absmax_q")), "{name}: scales");
            assert_eq!(exact.coded.absmax, golden.numbers(&of("nested_absmax")), "{name}: nested");
            assert_eq!(exact.values(), golden.numbers(&of("absmax_dequant")), "{name}: read back scales");
            nf4::Nf4 { absmax: exact.values(), ..coded }.values()
        } else {
            assert_eq!(coded.absmax, golden.numbers(&of("absmax")), "{name}: absmax");
            coded.values()
        };
        assert_eq!(rounded(&decoded, &dtype), golden.numbers(&of("dequant")), "{name}: read back");
        cases += 1;
    }
    assert_eq!(cases, 9);
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
        let coded = absmax::quantize(&golden.numbers(&key), columns, Levels::INT8);
        let expected: Vec<i8> = golden.bytes(&format!("{name}.W_int8")).iter().map(|byte| byte.cast_signed()).collect();
        assert_eq!(coded.codes, expected, "{name}");
        // The library keeps absmax, not absmax / 127: read back, the last bit may differ.
        for (ours, theirs) in coded.values().iter().zip(golden.numbers(&format!("{name}.W_dequant"))) {
            assert!((ours - theirs).abs() <= 2.0 * f32::EPSILON * theirs.abs(), "{name}: {ours} {theirs}");
        }
    }
}

#[test]
fn q4_k_is_bit_exact() {
    let golden = Tensors::open("gguf");
    let input = golden.numbers("input");
    let bytes: Vec<u8> = input.chunks_exact(q4_k::BLOCK).flat_map(q4_k::quantize).collect();
    assert_eq!(bytes, golden.bytes("Q4_K.bytes"));
    let blocks = golden.bytes("Q4_K.bytes").chunks_exact(q4_k::BLOCK_BYTES);
    let values: Vec<f32> = blocks.flat_map(|block| q4_k::dequantize(block.try_into().unwrap())).collect();
    assert_eq!(values, golden.numbers("Q4_K.dequant"));
}

#[test]
fn mxfp4_is_bit_exact() {
    let golden = Tensors::open("gguf");
    let input = golden.numbers("input");
    let bytes: Vec<u8> = input.chunks_exact(mxfp4::BLOCK).flat_map(mxfp4::quantize).collect();
    assert_eq!(bytes, golden.bytes("MXFP4.bytes"));
    let blocks = golden.bytes("MXFP4.bytes").chunks_exact(mxfp4::BLOCK_BYTES);
    let values: Vec<f32> = blocks.flat_map(|block| mxfp4::dequantize(block.try_into().unwrap())).collect();
    assert_eq!(values, golden.numbers("MXFP4.dequant"));
}

#[test]
fn errors_on_normal_values_are_the_measured_ones() {
    // `gaussian_mse.csv`: 2^20 values drawn elsewhere with another generator; for some formats also an exact integral.
    let table = fs::read_to_string("tests/fixtures/quantize/gaussian_mse.csv").unwrap();
    let mse: BTreeMap<String, f64> = csv::Reader::from_reader(table.as_bytes())
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[0].to_owned(), row[3].parse().unwrap()))
        .collect();
    let values = sample::normal(7, 1 << 17);
    for (format, row) in [
        (BlockFormat::Nf4, "NF4 b64 fp32 absmax"),
        (BlockFormat::Nf4Double, "NF4 b64 + double quant"),
        (BlockFormat::Mxfp4, "MXFP4 (OCP floor scale)"),
        (BlockFormat::Int8, "INT8 absmax b64"),
        (BlockFormat::Int4, "INT4 sym absmax/7 b64 fp16 scale"),
        (BlockFormat::Q4K, "GGUF Q4_K (candle 0.11.1)"),
    ] {
        let expected = mse.get(row).copied().unwrap_or_else(|| panic!("{row}: {:?}", mse.keys()));
        let after = format.round_trip(&values).unwrap();
        let rms = ErrorStats::of(&values, &after.values).rms;
        assert!((rms * rms / expected - 1.0).abs() < 0.02, "{row}: {} and {expected}", rms * rms);
    }
}

#[test]
fn bits_of_a_large_tensor_are_the_format_s() {
    let values = sample::normal(3, 1 << 16);
    for format in BlockFormat::ALL {
        let coded = format.round_trip(&values).unwrap();
        // The one mean of double quantization is all that is not per block.
        let once = if format == BlockFormat::Nf4Double { 32.0 / f64::from(1 << 16) } else { 0.0 };
        assert!((coded.bits_per_weight() - format.bits_per_weight() - once).abs() < 1e-12, "{}", format.name());
    }
    // Published: 4.5, 4.127, 4.5, 4.25 bits.
    let bits = BlockFormat::ALL.map(|format| (format.bits_per_weight() * 1000.0).round() / 1000.0);
    assert_eq!(bits, [4.5, 4.127, 4.5, 4.25, 8.5, 4.25]);
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
fn blocks_of_nothing_and_of_bad_values_are_refused_in_words() {
    for format in BlockFormat::ALL {
        assert_eq!(format.round_trip(&[]), Err(QuantizeError::Empty));
        let mut values = vec![1.0; 256];
        values[200] = f32::NAN;
        assert_eq!(format.round_trip(&values), Err(QuantizeError::NotFinite(200)));
        let zeros = format.round_trip(&[0.0; 256]).unwrap();
        assert!(zeros.values.iter().all(|value| *value == 0.0), "{}", format.name());
        for extreme in [f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), -f32::MAX] {
            let values: Vec<f32> = (0..256).map(|i| if i % 3 == 0 { extreme } else { 0.0 }).collect();
            assert!(format.round_trip(&values).is_ok());
        }
    }
    let short = BlockFormat::Q4K.round_trip(&[1.0; 32]).unwrap_err();
    assert_eq!(short.to_string(), "Q4_K needs blocks of 256 values, and 32 are not a multiple of that");
}

#[test]
fn an_outlier_costs_its_block_and_no_other() {
    let mut values = sample::normal(5, 256);
    let before = BlockFormat::Nf4.round_trip(&values).unwrap();
    values[10] = 40.0;
    let after = BlockFormat::Nf4.round_trip(&values).unwrap();
    assert_eq!(before.values[64..], after.values[64..]);
    let rms = |coded: &[f32]| ErrorStats::of(&values[11..64], &coded[11..64]).rms;
    assert!(rms(&after.values) > 5.0 * rms(&before.values));
}

#[test]
fn error_figures_are_their_definitions() {
    let stats = ErrorStats::of(&[3.0, -4.0], &[3.0, -3.0]);
    assert_eq!((stats.rms, stats.largest, stats.largest_at, stats.mean), (0.5_f64.sqrt(), 1.0, 1, 0.5));
    assert!((stats.sqnr_db.unwrap() - 10.0 * 25_f64.log10()).abs() < 1e-12);
    assert_eq!(ErrorStats::of(&[1.0], &[1.0]).sqnr_db, None);
    assert_eq!(ErrorStats::of(&[], &[]), ErrorStats::default());
}
