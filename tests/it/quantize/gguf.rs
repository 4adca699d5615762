//! GGUF types and the microscaling floats: bytes of gguf-py 0.19 (Q4_0 to Q8_0, MXFP4) and candle 0.11.1 (K-quants), and
//! errors measured elsewhere.

use super::golden::{Tensors, mse_rows};
use tuneplan::quantize::gguf::Kind;
use tuneplan::quantize::{Codec, ErrorStats, Whole, mxfp4, sample};

#[test]
fn every_type_is_bit_exact() {
    let golden = Tensors::open("gguf");
    let input = golden.numbers("input");
    for kind in Kind::ALL {
        let bytes = golden.bytes(&format!("{}.bytes", kind.name()));
        assert_eq!(kind.quantize(&input), bytes, "{}", kind.name());
        let mut values = vec![0.0; input.len()];
        kind.read_into(bytes, &mut values);
        assert_eq!(values, golden.numbers(&format!("{}.dequant", kind.name())), "{}", kind.name());
    }
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

/// Values after Student's t with 5 degrees of freedom, scaled to variance 1: a normal one over the root of the mean of
/// five squares; its variance is 5/3.
fn student(seed: u64, count: usize) -> Vec<f32> {
    let normal = sample::normal(seed, 6 * count);
    normal
        .chunks_exact(6)
        .map(|six| {
            let squares: f32 = six[1..].iter().map(|value| value * value).sum();
            six[0] / (squares / 5.0).sqrt() * (3.0_f32 / 5.0).sqrt()
        })
        .collect()
}

#[test]
fn errors_are_the_measured_ones() {
    let rows = mse_rows();
    let normal = sample::normal(17, 1 << 17);
    let student = student(19, 1 << 17);
    let mse = |codec: Codec, values: &[f32]| {
        let after = codec.pack(values, 4096, &Whole::of(values)).unwrap().values();
        let rms = ErrorStats::of(values, &after).rms;
        rms * rms
    };
    let mut compared = 0;
    for codec in Codec::ALL {
        let name = codec.name();
        let row = rows.iter().find(|(row, _)| match codec {
            Codec::Gguf(_) => row.starts_with(&format!("GGUF {name} ")),
            Codec::Nvfp4 | Codec::Mxfp4 => row.starts_with(&format!("{name} ")),
            _ => false,
        });
        let Some((row, expected)) = row else { continue };
        assert!((codec.bits_per_weight(4096) - expected.bits).abs() < 1e-6, "{row}");
        let ours = mse(codec, &normal);
        assert!((ours / expected.normal - 1.0).abs() < 0.02, "{row}: {ours:e} and {expected:?}");
        // Squared errors of heavy tails hang on few values: their fourth moment is 9, that of t(5) barely exists.
        let ours = mse(codec, &student);
        assert!((ours / expected.student - 1.0).abs() < 0.1, "{row}, Student: {ours:e} and {expected:?}");
        compared += 1;
    }
    assert_eq!(compared, 12);
}

#[test]
fn a_block_of_one_value_keeps_it() {
    for kind in Kind::ALL {
        for value in [0.0, 0.75, -0.75] {
            let values = [value; 256];
            let mut after = [0.0; 256];
            kind.read_into(&kind.quantize(&values), &mut after);
            // FP16 factors and few-bit scales round.
            let near = |after: &f32| (after - value).abs() <= 0.01 * value.abs();
            assert!(after.iter().all(near), "{} {value}: {}", kind.name(), after[0]);
        }
    }
}

#[test]
fn incomplete_blocks_are_left_out() {
    for kind in Kind::ALL {
        assert!(kind.quantize(&[1.0; 31]).is_empty());
        let mut after = [7.0; 300];
        kind.read_into(&[0; 5], &mut after);
        assert!(after.iter().all(|value| *value == 7.0));
    }
}
