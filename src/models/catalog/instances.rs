//! Machines that clouds rent, by the names people know them by.

use super::Catalog;
use serde::{Deserialize, Serialize};

/// A machine with accelerators, as a cloud names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name at the cloud: `p5.48xlarge`, `a3-highgpu-8g`, `Standard_NC24ads_A100_v4`.
    pub name: String,
    /// Who rents it.
    pub cloud: String,
    /// Id of its accelerator.
    pub accelerator: String,
    /// How many of them.
    pub count: u64,
    /// Memory of the host in GiB.
    pub host_memory_gib: u64,
    /// Link among the accelerators, as stated.
    pub link: String,
    /// Where the figures come from.
    pub source: String,
}

impl Instance {
    /// `p5.48xlarge (AWS): 8 × h100-sxm5-80gb, 2,048 GiB of host memory, NVLink 4, 900 GB/s`.
    pub fn words(&self) -> String {
        format!(
            "{} ({}): {} × {}, {} GiB of host memory, {}",
            self.name, self.cloud, self.count, self.accelerator, self.host_memory_gib, self.link
        )
    }
}

impl Catalog {
    /// The machine of this name; Azure's may be typed without `Standard_`.
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        let bare = |name: &str| {
            let name = name.trim().to_lowercase();
            name.strip_prefix("standard_").map(ToOwned::to_owned).unwrap_or(name)
        };
        let wanted = bare(name);
        self.instances.iter().find(|instance| bare(&instance.name) == wanted)
    }
}
