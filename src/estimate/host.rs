//! What a job takes of the machine beside its devices: host memory while it loads and saves, and disk for its checkpoints.
//!
//! Shares were measured with transformers 5.23 and 4.57 on the CPU (`tests/fixtures/host.csv`). Saving from a device was not
//! run: that host copies are alive until the file is written was read in safetensors 0.7 `torch.py`, and the size of a file in
//! transformers 5 `save_pretrained`.

use super::Inputs;
use super::optimizer::{self, OptimizerBytes};
use super::setup::Setup;
use super::storage;
use super::trainable::{self, TrainedTotals};
use crate::architecture::NativeDtype;
use crate::plan::check::{Diagnostic, Severity};
use crate::plan::field::{FieldId, id};
use crate::plan::{Plan, StatePlace, Workload};
use crate::units::{ByteUnit, Bytes};

/// Most bytes that transformers 5 writes into one file, and so the most that lies in host memory while it is written.
const LARGEST_FILE_BYTES: u64 = 50_000_000_000;

/// Host memory and disk of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostMoments {
    /// While the model is loaded.
    pub loading: Loading,
    /// While a checkpoint is written, and what they take; `None`: nothing is trained.
    pub saving: Option<Saving>,
}

/// While the model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    /// Processes that load at the same time.
    pub processes: u64,
    /// Memory of its own that each takes.
    pub private: Bytes,
    /// Pages of the files: all processes share them, and the system takes them back when memory is short.
    pub file_pages: Bytes,
    /// The format of the files is not known and was taken for 16 bits.
    pub is_assumed: bool,
}

/// Checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saving {
    /// Host memory that writing one takes, beside what lasts.
    pub private: Bytes,
    /// Weights or adapters of one.
    pub weights: Bytes,
    /// Optimizer state of one.
    pub optimizer: Bytes,
    /// How many are kept at the same time; `None`: neither their number nor a limit is said.
    pub kept: Option<u64>,
}

impl Loading {
    /// Private memory of all processes.
    pub fn total(&self) -> Bytes {
        Bytes(self.private.0.saturating_mul(self.processes))
    }
}

impl Saving {
    /// Disk of one checkpoint.
    pub fn each(&self) -> Bytes {
        self.weights + self.optimizer
    }

    /// Disk of all that are kept and of the model at the end.
    pub fn total(&self) -> Option<Bytes> {
        self.kept.map(|kept| Bytes(self.each().0.saturating_mul(kept)) + self.weights)
    }
}

impl HostMoments {
    /// Of a plan; `checkpoints`: how many its run writes, where that is known.
    pub fn of(inputs: &Inputs<'_>, checkpoints: Option<u64>) -> Self {
        let setup = Setup::new(inputs);
        Self { loading: loading(inputs, &setup), saving: setup.training.then(|| saving(inputs, &setup, checkpoints)) }
    }

    /// What the machine of the plan cannot hold, each an error, so that `--check` refuses it; `lasting`: host memory of one device through the run.
    pub fn remarks(&self, plan: &Plan, lasting: Bytes) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut remark = |field: FieldId, message: String| {
            found.push(Diagnostic { severity: Severity::Error, field: Some(field), message, fix: None });
        };
        let shown = |bytes: Bytes| bytes.display(ByteUnit::GiB);
        let capacity = plan.hardware.host_memory_gib.map(|gib| Bytes((gib * f64::from(1_u32 << 30)) as u64));
        let all = Bytes(lasting.0.saturating_mul(plan.hardware.count.max(1)));
        if let Some(capacity) = capacity {
            let loading = self.loading.total();
            if loading > capacity {
                remark(
                    id::HARDWARE_HOST_MEMORY_GIB,
                    format!(
                        "dies while the model is loaded: {} processes take {} of {} host memory",
                        self.loading.processes,
                        shown(loading),
                        shown(capacity)
                    ),
                );
            }
            if all > capacity {
                let (needed, capacity) = (shown(all), shown(capacity));
                remark(
                    id::HARDWARE_HOST_MEMORY_GIB,
                    format!("what waits in host memory during the steps is {needed} of {capacity}"),
                );
            } else if let Some(saving) = self.saving.filter(|saving| saving.private + all > capacity) {
                let (needed, capacity) = (shown(saving.private + all), shown(capacity));
                remark(
                    id::HARDWARE_HOST_MEMORY_GIB,
                    format!("dies at save: a checkpoint with what lasts takes {needed} of {capacity} host memory"),
                );
            }
        }
        let disk = plan.hardware.disk_gb.map(|gb| Bytes((gb * 1e9) as u64));
        if let (Some(disk), Some(saving)) = (disk, self.saving) {
            let needed = saving.total().unwrap_or_else(|| saving.each());
            if needed > disk {
                let kept =
                    saving.kept.map_or_else(|| "one checkpoint".to_owned(), |kept| format!("{kept} checkpoints"));
                let gb = |bytes: Bytes| bytes.display(ByteUnit::GB);
                remark(
                    id::HARDWARE_DISK_GB,
                    format!("dies at save: {kept} and the model take {} of {} disk", gb(needed), gb(disk)),
                );
            }
        }
        found
    }
}

fn loading(inputs: &Inputs<'_>, setup: &Setup<'_>) -> Loading {
    let native = match inputs.architecture.native_dtype {
        NativeDtype::Fp32 => Some(4),
        NativeDtype::Fp16 | NativeDtype::Bf16 => Some(2),
        NativeDtype::Fp8 | NativeDtype::Mxfp4 | NativeDtype::Unknown => None,
    };
    let values = setup.parameters().total;
    let width = native.unwrap_or(2);
    let widened = !setup.storage.is_quantized() && setup.width > width;
    // Values of the file's format are used where they lie; wider ones are made beside the file, whole.
    let private = if widened { values.saturating_mul(setup.width) } else { 0 };
    // FSDP's first process alone loads, and sends the others their shards (accelerate 1.15).
    let processes = if inputs.plan.parallelism.strategy.is_fsdp() { 1 } else { inputs.plan.hardware.count.max(1) };
    Loading {
        processes,
        private: Bytes(private),
        file_pages: Bytes(values.saturating_mul(width)),
        is_assumed: native.is_none(),
    }
}

fn saving(inputs: &Inputs<'_>, setup: &Setup<'_>, checkpoints: Option<u64>) -> Saving {
    let TrainedTotals { bytes, added_bytes, .. } = trainable::totals(setup);
    let weights = if added_bytes > 0 { added_bytes } else { storage::base_weights(setup).values };
    let OptimizerBytes { state, host, .. } = optimizer::optimizer(setup);
    // Copies that the host updates from are not saved.
    let copies = match inputs.plan.optimizer.algorithm.state_place() {
        StatePlace::Host => bytes.saturating_mul(2),
        StatePlace::Device | StatePlace::Paged => 0,
    };
    let limit = inputs.plan.run.save_total_limit;
    let kept = match (checkpoints, limit) {
        (Some(written), Some(limit)) => Some(written.min(limit)),
        (written, limit) => written.or(limit),
    };
    Saving {
        private: Bytes(weights.min(LARGEST_FILE_BYTES)),
        weights: Bytes(weights),
        optimizer: Bytes(state.saturating_add(host).saturating_sub(copies)),
        kept,
    }
}

/// Checkpoints that a run of so many steps writes, where the plan says how often; `None`: it does not.
pub fn checkpoints(plan: &Plan, steps: Option<u64>) -> Option<u64> {
    let every = plan.run.save_steps.zip(steps).map(|(every, steps)| steps / every.max(1));
    plan.run.checkpoints.or(every).filter(|_| plan.workload == Workload::Training)
}
