//! The lab against an independent computation, its mixes against brute force, and files of every shape.

use crate::common::model_files as files;
use crate::quantize::golden;

use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::lab::low_rank;
use tuneplan::lab::mix::{Choice, Frontier};

use tuneplan::lab::totals::{Scope, totals};
use tuneplan::lab::{Depth, Kind, Source, examine};
use tuneplan::linear_algebra::svd;
use tuneplan::preview::base_model::embedded_source;
use tuneplan::quantize::gguf::Kind as GgufKind;
use tuneplan::quantize::{Codec, sample};

/// Writes a safetensors file; names and shapes in the order of the data.
fn safetensors(path: &Path, dtype: &str, tensors: &[(&str, Vec<u64>, Vec<u8>)]) {
    let mut header = serde_json::Map::new();
    let mut at = 0;
    for (name, shape, bytes) in tensors {
        let end = at + bytes.len();
        header.insert(
            (*name).to_owned(),
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [at, end] }),
        );
        at = end;
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    for (_, _, bytes) in tensors {
        file.extend(bytes);
    }
    fs::write(path, file).unwrap();
}

fn fp32(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Place of the matrix in the header, which is in the order of names.
const MATRIX: usize = 0;

const CODECS: [Codec; 4] = [Codec::Nf4Double, Codec::Int4, Codec::Int8Rows, Codec::Mxfp4];

fn file_with(folder: &Path, values: &[f32], shape: [u64; 2]) -> PathBuf {
    let path = folder.join("model.safetensors");
    let norm = vec![1.0; 64];
    safetensors(
        &path,
        "F32",
        &[
            ("model.norm.weight", vec![64], fp32(&norm)),
            ("model.layers.0.mlp.up_proj.weight", shape.to_vec(), fp32(values)),
        ],
    );
    path
}

#[test]
fn figures_are_their_definitions_over_many_pieces() {
    // 2,500 rows of 1,056 values make three pieces; the definitions take all values at once.
    let (rows, columns) = (2500_u64, 1056_u64);
    let mut values = sample::normal(21, (rows * columns) as usize);
    // Column 7 is ten times as large as the others.
    values.iter_mut().skip(7).step_by(columns as usize).for_each(|value| *value *= 10.0);
    let folder = folder();
    let source = Source::open(&file_with(folder.path(), &values, [rows, columns])).unwrap();
    assert_eq!(source.tried(), [MATRIX]);
    assert_eq!(source.entries[1 - MATRIX].kind, Kind::Small);
    let report = examine(&source, MATRIX, &CODECS, Depth::Full, &|| false).unwrap().unwrap();
    assert_eq!((report.shape, report.examined), ((rows, columns), rows * columns));

    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let sigma = (values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n).sqrt();
    assert!((report.mean - mean).abs() < 1e-9 && (report.sigma / sigma - 1.0).abs() < 1e-9);
    assert_eq!(report.values.iter().sum::<u64>(), rows * columns);
    let outliers: Vec<usize> = report.outlier_columns.iter().map(|outlier| outlier.column).collect();
    assert_eq!(outliers, [7]);
    assert!((report.outlier_columns[0].ratio - 10.0).abs() < 0.5, "{:?}", report.outlier_columns);

    for (codec, tried) in &report.tried {
        let tried = tried.as_ref().unwrap();
        let whole = tuneplan::quantize::Whole::of(&values);
        let after = codec.pack(&values, columns as usize, &whole).unwrap().values();
        let pairs = || values.iter().zip(&after).map(|(x, y)| (f64::from(*x), f64::from(*y)));
        let sum = |of: fn(f64, f64) -> f64| pairs().map(|(x, y)| of(x, y)).sum::<f64>();
        let (signal, noise) = (sum(|x, _| x * x), sum(|x, y| (y - x) * (y - x)));
        let near = |ours: f64, theirs: f64| assert!((ours / theirs - 1.0).abs() < 1e-9, "{codec:?}: {ours} {theirs}");
        near(tried.errors.mse(), noise / n);
        near(tried.errors.sqnr_db().unwrap(), 10.0 * (signal / noise).log10());
        near(tried.errors.cosine().unwrap(), sum(|x, y| x * y) / (signal * sum(|_, y| y * y)).sqrt());
        near(
            f64::from(tried.errors.largest),
            pairs().map(|(x, y)| f64::from((y as f32 - x as f32).abs())).fold(0.0, f64::max),
        );
        assert_eq!(tried.errors.sizes.iter().sum::<u64>(), rows * columns);
        assert_eq!(tried.bits, codec.pack(&values, columns as usize, &whole).unwrap().bits());
    }

    let totals = totals(&source, std::slice::from_ref(&report), Scope::Linear);
    // The norm stays in FP32.
    let bits = 64 * 32 + report.tried[1].1.as_ref().unwrap().bits;
    assert_eq!((totals[1].bits, totals[1].tensors, totals[1].left), (bits, 1, 0));
}

#[test]
fn a_sample_is_near_the_whole() {
    let (rows, columns) = (4096_u64, 256_u64);
    let values = sample::normal(22, (rows * columns) as usize);
    let folder = folder();
    let source = Source::open(&file_with(folder.path(), &values, [rows, columns])).unwrap();
    let full = examine(&source, MATRIX, &CODECS, Depth::Full, &|| false).unwrap().unwrap();
    let some = examine(&source, MATRIX, &CODECS, Depth::Sample, &|| false).unwrap().unwrap();
    assert!(some.examined < full.examined / 4, "{}", some.examined);
    for ((_, full), (_, some)) in full.tried.iter().zip(&some.tried) {
        let (full, some) = (full.as_ref().unwrap(), some.as_ref().unwrap());
        assert_eq!(full.bits, some.bits);
        assert!((full.errors.mse() / some.errors.mse() - 1.0).abs() < 0.05);
    }
}

#[test]
fn what_cannot_be_examined_is_said() {
    let folder = folder();
    let mut values = vec![0.5; 64 * 64];
    values[70] = f32::NAN;
    let path = file_with(folder.path(), &values, [64, 64]);
    let source = Source::open(&path).unwrap();
    let report =
        examine(&source, MATRIX, &[Codec::Nf4, Codec::Gguf(GgufKind::Q4K)], Depth::Full, &|| false).unwrap().unwrap();
    assert!(report.tried[0].1.as_ref().unwrap_err().to_string().contains("not finite"));
    let values = vec![0.5; 64 * 64];
    file_with(folder.path(), &values, [64, 64]);
    let report =
        examine(&source, MATRIX, &[Codec::Nf4, Codec::Gguf(GgufKind::Q4K)], Depth::Full, &|| false).unwrap().unwrap();
    assert!(report.tried[0].1.is_ok());
    assert!(report.tried[1].1.as_ref().unwrap_err().to_string().contains("multiple of 256"));
    assert_eq!(examine(&source, MATRIX, &[Codec::Nf4], Depth::Full, &|| true).unwrap(), None);
    // Cut off after its header was read.
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(900).unwrap();
    let error = examine(&source, MATRIX, &[Codec::Nf4], Depth::Full, &|| false).unwrap_err();
    assert!(error.to_string().contains("model.safetensors"), "{error}");
    let error = Source::open(&path).unwrap_err();
    assert!(error.to_string().contains("lies outside the file"), "{error}");
    assert!(Source::open(Path::new("no such model")).is_err());
}

#[test]
fn the_embedded_model_can_be_examined_in_every_format() {
    let source = embedded_source().unwrap();
    let tried = source.tried();
    // Four layers of seven linear layers, then the token table.
    assert_eq!(tried.len(), 29);
    assert_eq!(source.entries[tried[28]].kind, Kind::Vocabulary);
    let report = examine(&source, tried[0], &Codec::ALL, Depth::Full, &|| false).unwrap().unwrap();
    let db = |codec: Codec| {
        let (_, tried) = report.tried.iter().find(|(tried, _)| *tried == codec).unwrap();
        tried.as_ref().unwrap().errors.sqnr_db()
    };
    // It is stored in BF16; more levels in the same blocks leave less error.
    assert_eq!(db(Codec::Bf16), None);
    assert!(db(Codec::Int8) > db(Codec::Int4) && db(Codec::Nf4) > db(Codec::Ternary));
}

/// `loftq_error.csv`: relative Frobenius errors of 256 × 256 matrices in NF4, from another program and generator.
#[test]
fn ranks_recover_what_another_program_measured() {
    const SIZE: usize = 256;
    let table = fs::read_to_string("tests/fixtures/quantize/loftq_error.csv").unwrap();
    let expected = |matrix: &str, rank: &str, method: &str, iterations: &str| -> f64 {
        let row = table
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>())
            .find(|row| row[..4] == [matrix, rank, method, iterations]);
        row.unwrap_or_else(|| panic!("{matrix} {rank} {method}"))[4].parse().unwrap()
    };
    let gaussian = sample::normal(31, SIZE * SIZE);
    // The same directions with singular values k^-0.7.
    let directions = svd(&gaussian, SIZE, SIZE, SIZE).unwrap();
    let mut power_law = vec![0.0_f64; SIZE * SIZE];
    for (k, (left, right)) in directions.left.iter().zip(&directions.right).enumerate() {
        let value = ((k + 1) as f64).powf(-0.7);
        for (row, left) in power_law.chunks_mut(SIZE).zip(left) {
            row.iter_mut().zip(right).for_each(|(slot, right)| *slot += value * left * right);
        }
    }
    let power_law: Vec<f32> = power_law.into_iter().map(|value| value as f32).collect();
    for (name, values) in [("gauss256", gaussian), ("powerlaw0.7_256", power_law)] {
        let found = low_rank::of(&values, SIZE, SIZE, Codec::Nf4).unwrap();
        let near = |ours: f64, theirs: f64, what: &str| {
            assert!((ours / theirs - 1.0).abs() < 0.03, "{name}, {what}: {ours} and {theirs}");
        };
        near(found.plain(), expected(name, "0", "NF4 only", "0"), "NF4");
        for rank in [8, 32] {
            let of = found.recovered.iter().find(|recovered| recovered.rank == rank).unwrap();
            near(of.loftq, expected(name, &rank.to_string(), "LoftQ", "1"), "LoftQ");
            near(of.pissa, expected(name, &rank.to_string(), "QPiSSA", "1"), "PiSSA");
        }
    }
    // Three directions hold everything of a matrix of rank three.
    let three: Vec<f32> =
        (0..64 * 64).map(|i| [1.0, 2.0, -3.0][i / 64 % 3] * f32::from(u8::from(i % 64 % 3 == i / 64 % 3))).collect();
    let found = low_rank::of(&three, 64, 64, Codec::Nf4).unwrap();
    assert_eq!(found.directions_for(0.9999), Some(3));
    assert!(found.recovered[0].captured > 0.9999 && found.recovered[0].pissa < 1e-3);
}

#[test]
fn no_other_mix_of_its_size_is_better() {
    let choice = |bits: u64, error: f64| Choice { bits, error };
    let tensors = vec![
        vec![choice(2, 9.0), choice(4, 2.0), choice(8, 0.1), choice(6, 1.9), choice(3, 12.0)],
        vec![choice(20, 3.0), choice(40, 1.0), choice(80, 0.5)],
        vec![choice(10, 5.0), choice(20, 4.0), choice(40, 0.2)],
        Vec::new(),
        vec![choice(4, f64::INFINITY), choice(5, 1.0)],
    ];
    let frontier = Frontier::of(&tensors);
    let mut points = vec![frontier.start];
    points.extend(frontier.steps.iter().map(|step| step.after));
    assert!(points.len() > 4);
    let mut all = vec![choice(0, 0.0)];
    for choices in tensors.iter().filter(|choices| !choices.is_empty()) {
        all = all
            .iter()
            .flat_map(|sum| choices.iter().map(|one| choice(sum.bits + one.bits, sum.error + one.error)))
            .collect();
    }
    for point in &points {
        let best = all.iter().filter(|mix| mix.bits <= point.bits).map(|mix| mix.error).fold(f64::INFINITY, f64::min);
        assert!((point.error - best).abs() < 1e-9, "{point:?}: {best}");
    }
    for bits in [0, 40, 60, 90, 1000] {
        let (chosen, at) = frontier.within(bits);
        let sum: u64 = chosen.iter().zip(&tensors).filter_map(|(chosen, of)| of.get(*chosen)).map(|one| one.bits).sum();
        assert_eq!(sum, at.bits);
        assert!(at.bits <= bits || at == frontier.start);
    }
}

#[test]
fn gguf_tensors_are_read_as_their_types_say() {
    // Bytes and values as another program has them; a second tensor shows that places in the file are kept.
    let golden = golden::Tensors::open("gguf");
    let folder = folder();
    let path = folder.path().join("model.gguf");
    for (name, kind, block, bytes) in [("Q4_0", 2, 32, 18), ("Q6_K", 14, 256, 210), ("Q3_K", 11, 256, 110)] {
        let data = golden.bytes(&format!("{name}.bytes"));
        let shape = (kind, block, bytes);
        let file =
            files::Gguf::new().tensor("first.weight", &[256, 3], (0, 1, 4)).tensor("second.weight", &[256, 3], shape);
        let mut written = file.header();
        let first = golden.numbers("input");
        written.extend(fp32(&first));
        written.extend(data);
        fs::write(&path, written).unwrap();
        let source = Source::open(&path).unwrap();
        assert_eq!(source.read(&source.entries[0], 0, 768).unwrap(), first);
        let values = golden.numbers(&format!("{name}.dequant"));
        assert_eq!(source.read(&source.entries[1], 0, 768).unwrap(), values, "{name}");
        assert_eq!(source.read(&source.entries[1], 256, 256).unwrap(), values[256..512], "{name}");
        let error = source.read(&source.entries[1], 16, 16).unwrap_err();
        assert!(error.to_string().contains("not whole blocks"), "{error}");
    }
}
