//! Out-of-memory messages. Each is written for the test in the form of its program; sizes are products of the plan's
//! dimensions, computed by hand.

use tuneplan::figures;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::{FieldId, FieldValue, id};
use tuneplan::plan::{HandShape, ModelSource, Plan};
use tuneplan::why::message::Message;
use tuneplan::why::{Class, Moment, Why, explain};

const MIB: f64 = (1 << 20) as f64;

/// A dense model of 32 layers: hidden 4,096, inner 14,336, vocabulary 64,000, 8 of 32 heads for keys.
fn plan(edits: &[(FieldId, FieldValue)]) -> Plan {
    let mut plan = Plan::default();
    let shape = HandShape {
        hidden_size: 4096,
        layers: 32,
        heads: 32,
        kv_heads: 8,
        head_dim: 128,
        intermediate_size: 14336,
        vocab_size: 64000,
        ..HandShape::default()
    };
    plan.model.source = ModelSource::Typed(shape);
    for (id, value) in edits {
        PlanEdit::Set(id, value.clone()).apply(&mut plan).unwrap();
    }
    plan
}

fn word(word: &str) -> FieldValue {
    FieldValue::Id(word.to_owned())
}

fn full() -> Plan {
    plan(&[(id::METHOD_KIND, word("full")), (id::PRECISION_LOAD_FORMAT, word("bf16"))])
}

fn why(text: &str, plan: &Plan) -> Why {
    let estimate = figures::of_plan(plan).0.expect("the shape is typed");
    explain(text, Some((plan, &estimate)))
}

fn torch(size: &str, allocated_gib: f64) -> String {
    format!(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {size}. GPU 0 has a total capacity of 79.15 GiB of \
         which 27.69 MiB is free. Including non-PyTorch memory, this process has 79.12 GiB memory in use. Of the allocated \
         memory {allocated_gib:.2} GiB is allocated by PyTorch, and 117.75 MiB is reserved by PyTorch but unallocated."
    )
}

#[test]
fn a_matrix_while_weights_are_loaded_is_a_weight() {
    // 14,336 × 4,096 × 2 bytes.
    let found = why(&torch("112.00 MiB", 9.0), &full());
    assert_eq!((found.classes, found.moments, found.explained), (vec![Class::Weights], vec![Moment::Load], true));
    assert!(found.candidates[0].factors.contains("14,336 × 4,096 × 2 bytes"), "{:?}", found.candidates[0]);
}

#[test]
fn the_same_matrix_after_loading_is_a_gradient_or_state() {
    let found = why(&torch("112.00 MiB", 70.0), &full());
    assert!(found.explained);
    assert!(!found.classes.contains(&Class::Weights), "{:?}", found.classes);
    assert!(found.classes.contains(&Class::Gradients), "{:?}", found.classes);
}

#[test]
fn logits_are_known_by_the_vocabulary() {
    let edits = [
        (id::BATCH_MICRO_BATCH, FieldValue::Integer(4)),
        (id::BATCH_SEQUENCE_LENGTH, FieldValue::Integer(4096)),
        (id::METHOD_KIND, word("lora")),
    ];
    // 4 × 4,096 × 64,000 × 4 bytes = 3.906 GiB: printed 3.91.
    let found = why(&torch("3.91 GiB", 30.0), &plan(&edits));
    assert_eq!(found.classes, [Class::Logits], "{:?}", found.candidates);
    assert!(found.candidates[0].factors.contains("64,000 × 4 bytes"));
}

/// `empty_strided((54080, 4096), bf16)` is 422.5 MiB and was printed as 424.00: torch rounds up to whole 2 MiB first.
#[test]
fn a_printed_size_is_an_interval() {
    let size = Message::read(&torch("424.00 MiB", 20.0)).size.unwrap();
    let exact = (54080_u64 * 4096 * 2) as f64;
    assert!(size.least as f64 <= exact && exact <= size.most as f64, "{size:?}");
    assert!((size.most as f64) < 424.1 * MIB && (size.least as f64) > 421.9 * MIB, "{size:?}");
}

#[test]
fn what_no_product_gives_is_not_claimed() {
    let found = why(&torch("333.00 MiB", 30.0), &full());
    assert_eq!((found.classes, found.explained), (vec![Class::Unexplained], false));
    assert!(found.candidates.is_empty() && found.words.contains("Nothing is claimed"), "{}", found.words);
    // Without a plan nothing is measured against one.
    let bare = explain(&torch("112.00 MiB", 9.0), None);
    assert_eq!((bare.classes, bare.explained), (vec![Class::Unexplained], false));
}

#[test]
fn other_programs_and_other_memories_are_told_apart() {
    for (text, classes) in [
        (
            "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacty of 24.00 GiB of which 0 bytes is free.",
            &[Class::Full][..],
        ),
        (
            "OutOfMemoryError: CUDA out of memory. Tried to allocate 90.00 MiB. GPU 0 has a total capacity of 31.74 GiB. Process 11 has 9.19 GiB memory in use. Process 12 has 3.00 GiB memory in use. Including non-PyTorch memory, this process has 13.82 GiB memory in use.",
            &[Class::OtherProcesses],
        ),
        (
            "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 131072, Hardware limit: 101376.",
            &[Class::NotDeviceMemory],
        ),
        (
            "XLA:TPU compile permanent error. Ran out of memory in memory space vmem. Used 32.42M of 16.00M vmem.",
            &[Class::NotDeviceMemory],
        ),
        ("NCCL WARN Failed to CUDA calloc 6291456 bytes", &[Class::OutsidePytorch]),
        (
            "MPS backend out of memory (MPS allocated: 5.50 GB, other allocations: 14.76 GB, max allowed: 20.40 GB). Tried to allocate 147.24 MB on private pool.",
            &[Class::Limit],
        ),
        ("Error out of memory at line 380 in file csrc/pythonInterface.c", &[Class::HostMemory]),
        (
            "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8589934592 bytes.",
            &[Class::HostMemory],
        ),
        (
            "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`.",
            &[Class::Weights, Class::Cache],
        ),
        ("Segmentation fault", &[Class::Unexplained]),
    ] {
        let found = why(text, &full());
        assert_eq!((found.classes.as_slice(), found.explained), (classes, false), "{text}");
        // Levers of a plan are offered where they bear on what ran out, and nowhere else.
        let of_the_plan = [Class::Full, Class::Limit, Class::Weights].contains(&classes[0]);
        assert_eq!(found.concerns_the_plan(), of_the_plan, "{text}");
    }
}

#[test]
fn the_cache_of_a_request_is_counted() {
    // 32 layers × 2 × 8 heads × 128 × 2 bytes × 65,536 tokens = 8 GiB.
    let text = "ValueError: To serve at least one request with the models's max seq len (65536), (8.0 GiB KV cache is needed, \
                which is larger than the available KV cache memory (3.18 GiB).";
    let found = why(text, &full());
    assert_eq!((found.classes, found.moments), (vec![Class::Cache], vec![Moment::Load]));
    assert_eq!(found.candidates[0].bytes, 8 << 30);
}

/// Any text is survived, and none is explained by luck where it names no size.
#[test]
fn odd_texts_are_survived() {
    for text in [
        "",
        "out of memory",
        "Tried to allocate",
        "CUDA out of memory. Tried to allocate 99999999999999999999999999 GiB",
        "CUDA out of memory. Tried to allocate 17179869184.00 GiB. Process 1 has 17179869184.00 GiB memory in use.",
        "CUDA out of memory. Tried to allocate é 3 GiB (GPU 0; é",
        "kv cache is needed 24.0 é GiB KV cache is needed",
    ] {
        let found = why(text, &full());
        assert!(!found.explained || found.classes == [Class::Cache], "{text}: {found:?}");
    }
}
