//! What the job is run on, how much of it, and at what price.

/// Devices. `None` means: the catalogue's figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// Id of the accelerator catalogue; empty: none chosen.
    pub accelerator: String,
    /// Number of devices.
    pub count: u64,
    /// Memory one device offers, edited.
    pub memory_mib: Option<u64>,
    /// Memory to keep free for other programs.
    pub reserve_mib: u64,
    /// Bandwidth, edited.
    pub bandwidth_gb_s: Option<f64>,
    /// Dense 16-bit rate, edited.
    pub bf16_tflops: Option<f64>,
    /// Host memory of the machine in GiB; `None`: not said.
    pub host_memory_gib: Option<f64>,
    /// Free disk of the machine in GB; `None`: not said.
    pub disk_gb: Option<f64>,
    /// Free text.
    pub notes: String,
}

/// How much is run: what turns tokens a second into hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Training examples; `None`: not said.
    pub examples: Option<u64>,
    /// Tokens of an example on average; `None`: as long as the sequence.
    pub average_length: Option<u64>,
    /// Training tokens of one epoch; given, they count instead of examples × length.
    pub tokens: Option<u64>,
    /// Times the data is gone through.
    pub epochs: f64,
    /// Steps after which the run ends, whatever the epochs say; `None`: it goes through all epochs.
    pub max_steps: Option<u64>,
    /// Seed of order, initial values and dropout; `None`: the stack's own.
    pub seed: Option<u64>,
    /// Steps between two evaluations; `None`: not said.
    pub evaluation_steps: Option<u64>,
    /// Steps between two checkpoints; `None`: not said.
    pub save_steps: Option<u64>,
    /// Checkpoints that are kept, the oldest being deleted; `None`: all.
    pub save_total_limit: Option<u64>,
    /// Checkpoints written during the run; `None`: as the steps between two say.
    pub checkpoints: Option<u64>,
    /// Tokens a second the data loader delivers to all devices; `None`: it never makes them wait.
    pub loader_tokens_per_sec: Option<f64>,
    /// Adapters (customers) served from one base model.
    pub adapters: u64,
    /// Bandwidth at which weights reach a device; `None`: that of the device's host link.
    pub load_gb_s: Option<f64>,
    /// Free text.
    pub notes: String,
}

/// Prices. There is none in the program: they change by the week and by the customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Price of one device for an hour.
    pub price_per_device_hour: Option<f64>,
    /// Currency of the prices, such as `USD`.
    pub currency: String,
    /// Day the price was quoted, `YYYY-MM-DD`.
    pub price_date: String,
    /// Price of a kilowatt-hour, where the user pays for power himself.
    pub power_price_per_kwh: Option<f64>,
    /// Free text.
    pub notes: String,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            examples: None,
            average_length: None,
            tokens: None,
            epochs: 1.0,
            max_steps: None,
            seed: None,
            evaluation_steps: None,
            save_steps: None,
            save_total_limit: None,
            checkpoints: None,
            loader_tokens_per_sec: None,
            adapters: 100,
            load_gb_s: None,
            notes: String::new(),
        }
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            price_per_device_hour: None,
            currency: "USD".to_owned(),
            price_date: String::new(),
            power_price_per_kwh: None,
            notes: String::new(),
        }
    }
}
