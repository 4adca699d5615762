//! Each operator's backward against central differences of its forward, and forward against candle's own operators.

use candle_core::{Device, Tensor};
use tuneplan::preview::ops::{
    Activation, Heads, IGNORED, Rotary, Turn, Weight, attention, attention_back, elementwise, of_head, rms_norm,
    rms_norm_back, weight_gradient,
};
use tuneplan::preview::rope::Stretch;
use tuneplan::quantize::sample::normal;

fn tensor(seed: u64, rows: usize, columns: usize) -> Tensor {
    Tensor::from_vec(normal(seed, rows * columns), (rows, columns), &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn inner(a: &Tensor, b: &Tensor) -> f64 {
    values(a).iter().zip(values(b)).map(|(a, b)| f64::from(*a) * f64::from(b)).sum()
}

/// Checks that `gradient` is that of `Σ weights · f(x)`, along some random directions.
fn check(name: &str, x: &Tensor, weights: &Tensor, gradient: &Tensor, f: impl Fn(&Tensor) -> Tensor) {
    let (rows, columns) = x.dims2().unwrap();
    for seed in 70..74 {
        let direction = tensor(seed, rows, columns);
        let at = |step: f64| inner(&f(&(x + (&direction * step).unwrap()).unwrap()), weights);
        let step = 1e-2;
        // Richardson's rule: what is left of the error goes with the fourth power of the step.
        let half = (at(step) - at(-step)) / (2.0 * step);
        let quarter = (at(step / 2.0) - at(-step / 2.0)) / step;
        let numerical = (4.0 * quarter - half) / 3.0;
        let analytic = inner(gradient, &direction);
        let size = (inner(gradient, gradient) * inner(&direction, &direction)).sqrt();
        assert!((numerical - analytic).abs() < 3e-4 * size, "{name}: {numerical} for {analytic} of {size}");
    }
}

#[test]
fn norms_go_back() {
    let (x, dy, beside) = (tensor(1, 5, 48), tensor(2, 5, 48), tensor(3, 5, 48));
    let weight = normal(4, 48);
    let forward = |x: &Tensor| rms_norm(x, &weight, 1e-5).unwrap();
    let gradient = rms_norm_back(&x, &weight, 1e-5, &dy, None).unwrap();
    check("norm", &x, &dy, &gradient, forward);
    let with = rms_norm_back(&x, &weight, 1e-5, &dy, Some(&beside)).unwrap();
    for ((with, gradient), beside) in values(&with).iter().zip(values(&gradient)).zip(values(&beside)) {
        assert!((with - gradient - beside).abs() < 1e-5);
    }
    assert!(rms_norm(&x, &weight[1..], 1e-5).is_err());
}

#[test]
fn turns_go_back_and_keep_lengths() {
    let rotary = Rotary::new(16, &Stretch::None.frequencies(8, 10_000.0));
    // Two sequences of three tokens, two heads of eight.
    let (x, dy) = (tensor(1, 6, 16), tensor(2, 6, 16));
    let forward = |x: &Tensor| rotary.turned(x, 3, 5, Turn::Forward).unwrap();
    check("turn", &x, &dy, &rotary.turned(&dy, 3, 5, Turn::Back).unwrap(), forward);
    assert!((inner(&forward(&x), &forward(&x)) - inner(&x, &x)).abs() < 1e-4);
    let there_and_back = rotary.turned(&forward(&x), 3, 5, Turn::Back).unwrap();
    assert!(values(&there_and_back).iter().zip(values(&x)).all(|(a, b)| (a - b).abs() < 1e-5));
    assert!(rotary.turned(&x, 3, 14, Turn::Forward).is_err());
}

fn heads(sequence: usize, past: usize) -> Heads {
    Heads { sequence, past, queries: 4, keys: 2, width: 8, scale: 0.3 }
}

/// Attention by candle's operators, sequence by sequence and head by head.
fn stock_attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: Heads) -> Vec<f32> {
    let (tokens, _) = q.dims2().unwrap();
    let mut out = vec![0.0; tokens * heads.queries * heads.width];
    for sequence in 0..tokens / heads.sequence {
        for head in 0..heads.queries {
            let part = |x: &Tensor, head: usize| {
                let rows = x.narrow(0, sequence * heads.sequence, heads.sequence).unwrap();
                rows.narrow(1, head * heads.width, heads.width).unwrap().contiguous().unwrap()
            };
            let kv = head / (heads.queries / heads.keys);
            let scores = part(q, head).matmul(&part(k, kv).t().unwrap()).unwrap();
            let mut scores: Vec<Vec<f32>> = (scores * f64::from(heads.scale)).unwrap().to_vec2().unwrap();
            for (row, scores) in scores.iter_mut().enumerate() {
                scores[row + 1..].fill(f32::NEG_INFINITY);
                let most = scores.iter().copied().fold(f32::MIN, f32::max);
                let sum: f32 = scores.iter().map(|score| (score - most).exp()).sum();
                for score in scores.iter_mut() {
                    *score = (*score - most).exp() / sum;
                }
            }
            let p = Tensor::from_vec(scores.concat(), (heads.sequence, heads.sequence), &Device::Cpu).unwrap();
            let o: Vec<Vec<f32>> = p.matmul(&part(v, kv)).unwrap().to_vec2().unwrap();
            for (place, row) in o.iter().enumerate() {
                let at = ((sequence * heads.sequence + place) * heads.queries + head) * heads.width;
                out[at..at + heads.width].copy_from_slice(row);
            }
        }
    }
    out
}

#[test]
fn attention_is_the_plain_one_and_goes_back() {
    // 150 places are more than one block of rows.
    for sequence in [5, 150] {
        let shape = heads(sequence, 0);
        let (q, k, v) = (tensor(1, 2 * sequence, 32), tensor(2, 2 * sequence, 16), tensor(3, 2 * sequence, 16));
        let found = attention(&q, &k, &v, shape).unwrap();
        let wanted = stock_attention(&q, &k, &v, shape);
        let worst = values(&found).iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
        let dy = tensor(4, 2 * sequence, 32);
        let [dq, dk, dv] = attention_back(&q, &k, &v, &dy, shape).unwrap();
        check("queries", &q, &dy, &dq, |q| attention(q, &k, &v, shape).unwrap());
        check("keys", &k, &dy, &dk, |k| attention(&q, k, &v, shape).unwrap());
        check("values", &v, &dy, &dv, |v| attention(&q, &k, v, shape).unwrap());
    }
    let (q, k) = (tensor(1, 5, 32), tensor(2, 5, 16));
    assert!(attention(&q, &k, &k, heads(4, 0)).is_err(), "five tokens are no sequences of four");
    assert!(attention(&q, &q, &q, heads(5, 0)).is_err(), "keys of another width");
}

#[test]
fn attention_over_a_past_is_that_of_the_whole() {
    let (q, k, v) = (tensor(1, 9, 32), tensor(2, 9, 16), tensor(3, 9, 16));
    let whole = values(&attention(&q, &k, &v, heads(9, 0)).unwrap());
    let last = q.narrow(0, 6, 3).unwrap().contiguous().unwrap();
    let found = values(&attention(&last, &k, &v, heads(3, 6)).unwrap());
    assert!(found.iter().zip(&whole[6 * 32..]).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!(attention_back(&last, &k, &v, &last, heads(3, 6)).is_err());
}

#[test]
fn gates_go_back() {
    for activation in [Activation::Silu, Activation::GeluTanh] {
        let (gate, up, dy) = (tensor(1, 4, 33), tensor(2, 4, 33), tensor(3, 4, 33));
        let (of_gate, of_up) = activation.back(&gate, &up, &dy).unwrap();
        check("gate", &gate, &dy, &of_gate, |gate| activation.gated(gate, &up).unwrap());
        check("up", &up, &dy, &of_up, |up| activation.gated(&gate, up).unwrap());
        let stock = if activation == Activation::Silu { gate.silu().unwrap() } else { gate.gelu().unwrap() };
        let wanted = values(&(stock * &up).unwrap());
        let found = values(&activation.gated(&gate, &up).unwrap());
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 2e-6), "{activation:?}");
    }
}

#[test]
fn products_go_back() {
    let (x, dy, weight) = (tensor(1, 6, 20), tensor(2, 6, 7), tensor(3, 7, 20));
    let held = Weight::Dense(weight.clone());
    check("input", &x, &dy, &held.back(&dy).unwrap(), |x| held.times(x).unwrap());
    let of_weight = weight_gradient(&dy, &x).unwrap();
    check("weight", &weight, &dy, &of_weight, |weight| Weight::Dense(weight.clone()).times(&x).unwrap());
}

#[test]
fn rows_and_columns_are_added_up() {
    let (a, b) = (tensor(1, 4, 6), tensor(2, 4, 6));
    let row = tensor(3, 1, 6).squeeze(0).unwrap();
    let wanted = values(&a.broadcast_mul(&row).unwrap());
    assert_eq!(values(&elementwise::by_column(&a, &row, |x, w| x * w).unwrap()), wanted);
    let wanted = values(&(&a * &b).unwrap().sum(0).unwrap());
    let found = values(&elementwise::column_sums(&a, &b).unwrap());
    assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-5));
    assert!(elementwise::sum(&a, &row).is_err());
}

#[test]
fn the_loss_is_cross_entropy_over_what_counts_and_goes_back() {
    let (hidden, head) = (tensor(1, 5, 8), tensor(2, 11, 8));
    let targets = [3, IGNORED, 0, 10, IGNORED];
    let weight = Weight::Dense(head.clone());
    let found = of_head(&hidden, &weight, &targets, true).unwrap();
    let logits: Vec<Vec<f32>> = hidden.matmul(&head.t().unwrap()).unwrap().to_vec2().unwrap();
    let of = |row: usize, target: usize| {
        let sum: f64 = logits[row].iter().map(|logit| f64::from(*logit).exp()).sum();
        sum.ln() - f64::from(logits[row][target])
    };
    let wanted = (of(0, 3) + of(2, 0) + of(3, 10)) / 3.0;
    assert!((found.loss - wanted).abs() < 1e-6 && found.counted == 3, "{} {wanted}", found.loss);
    assert_eq!((found.tokens[1], found.tokens[4]), ((0.0, false), (0.0, false)));
    let highest = |row: usize| (0..11).max_by(|a, b| logits[row][*a].total_cmp(&logits[row][*b])).unwrap();
    assert_eq!(found.tokens[2].1, highest(2) == 0);
    let one = Tensor::ones((1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
    let loss = |hidden: &Tensor| {
        let loss = of_head(hidden, &weight, &targets, false).unwrap().loss as f32;
        Tensor::full(loss, (1, 1), &Device::Cpu).unwrap()
    };
    check("hidden", &hidden, &one, &found.gradient.unwrap(), loss);
    // Of a head that is trained there is a gradient too.
    let trained = Weight::Trained(candle_core::Var::from_tensor(&head).unwrap(), 0);
    let of_weight = of_head(&hidden, &trained, &targets, true).unwrap().head_gradient.unwrap();
    let by_weight = |head: &Tensor| {
        let loss = of_head(&hidden, &Weight::Dense(head.clone()), &targets, false).unwrap().loss as f32;
        Tensor::full(loss, (1, 1), &Device::Cpu).unwrap()
    };
    check("head", &head, &one, &of_weight, by_weight);
    assert!(of_head(&hidden, &weight, &[11, 0, 0, 0, 0], false).is_err());
    assert!(of_head(&hidden, &weight, &targets[..4], false).is_err());
    let nothing = of_head(&hidden, &weight, &[IGNORED; 5], true).unwrap();
    assert_eq!((nothing.loss, nothing.counted), (0.0, 0));
    assert!(values(&nothing.gradient.unwrap()).iter().all(|slope| *slope == 0.0));
}

#[test]
fn positions_are_stretched_as_llama_3_1_does() {
    // Published settings of Llama 3.1; a frequency that turns more than four times in 8,192 places stays, one that turns
    // less than once is divided by eight.
    let settings = serde_json::json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    });
    let stretch = Stretch::from_json(&settings).unwrap();
    let (plain, stretched) = (Stretch::None.frequencies(128, 5e5), stretch.frequencies(128, 5e5));
    let turns = |frequency: f64| 8192.0 * frequency / std::f64::consts::TAU;
    for (plain, stretched) in plain.iter().zip(&stretched) {
        match turns(*plain) {
            turns if turns > 4.0 => assert_eq!(plain, stretched),
            turns if turns < 1.0 => assert!((plain / stretched - 8.0).abs() < 1e-9),
            _ => assert!(plain / 8.0 < *stretched && stretched < plain),
        }
    }
    let linear = Stretch::from_json(&serde_json::json!({ "type": "linear", "factor": 4 })).unwrap();
    assert_eq!(linear.frequencies(2, 1e4), [0.25]);
    for wrong in [
        serde_json::json!({ "rope_type": "yarn", "factor": 4 }),
        serde_json::json!({ "rope_type": "linear" }),
        serde_json::json!({ "rope_type": "linear", "factor": 0 }),
    ] {
        assert!(Stretch::from_json(&wrong).is_err(), "{wrong}");
    }
}
