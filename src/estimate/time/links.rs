//! What devices are linked with, and how long collectives over it take.
//!
//! A ring all-reduce of B bytes over n devices sends 2·(n − 1)/n·B through every link, a ring all-gather or
//! reduce-scatter half of that (Patarasuk & Yuan 2009).

use super::efficiency::Communication;

/// Rate of one direction of a device's link to its neighbours, as the catalogue's words give it, in GB/s; `None` where
/// they do not say it.
pub fn peer_gb_s(interconnect: &str, table: &Communication) -> Option<f64> {
    let first = interconnect.split([';', '/']).next().unwrap_or_default();
    // A rate may itself hold a stroke: `600 GB/s`.
    let stated = rate_before(interconnect, " GB/s");
    match stated {
        Some(rate) if interconnect.contains("per direction") => Some(rate),
        // NVLink is sold by the sum of both directions.
        Some(rate) if first.starts_with("NVLink") => Some(rate / 2.0),
        _ => host_gb_s(interconnect, table),
    }
}

/// Rate of one direction of the link to the host, in GB/s.
pub fn host_gb_s(interconnect: &str, table: &Communication) -> Option<f64> {
    let (_, rest) = interconnect.split_once("PCIe ")?;
    let generation: u32 = rest.split('.').next()?.trim().parse().ok()?;
    let (_, lanes) = rest.split_once(" x")?;
    let digits: String = lanes.chars().take_while(char::is_ascii_digit).collect();
    let lanes: f64 = digits.parse().ok()?;
    let (_, lane) = table.pcie_lane_gb_s.iter().find(|(known, _)| *known == generation)?;
    Some(lane * lanes)
}

/// The number that stands before `unit`.
fn rate_before(text: &str, unit: &str) -> Option<f64> {
    let (before, _) = text.split_once(unit)?;
    before.rsplit([' ', ',']).next()?.parse().ok()
}

/// Seconds of a ring all-reduce.
pub fn all_reduce_secs(bytes: f64, devices: u64, bytes_per_sec: f64) -> f64 {
    2.0 * all_gather_secs(bytes, devices, bytes_per_sec)
}

/// Seconds of a ring all-gather or reduce-scatter of `bytes` in all.
pub fn all_gather_secs(bytes: f64, devices: u64, bytes_per_sec: f64) -> f64 {
    if devices < 2 || bytes_per_sec <= 0.0 {
        return 0.0;
    }
    let devices = devices as f64;
    (devices - 1.0) / devices * bytes / bytes_per_sec
}

/// Share of time a pipeline of `stages` stands idle with `micro_batches` in flight (Huang et al. 2019, `GPipe`; 1F1B is
/// as idle).
pub fn bubble_share(stages: u64, micro_batches: u64) -> f64 {
    if stages < 2 {
        return 0.0;
    }
    let idle = (stages - 1) as f64;
    idle / (micro_batches.max(1) as f64 + idle)
}

#[cfg(test)]
mod tests {
    use super::super::efficiency::Efficiency;
    use super::*;

    #[test]
    fn the_catalogue_s_words_are_read() {
        let table = &Efficiency::embedded().communication;
        assert_eq!(peer_gb_s("NVLink 3, 600 GB/s", table), Some(300.0));
        assert_eq!(peer_gb_s("NVLink 4, 900 GB/s; NVLink-C2C to Grace", table), Some(450.0));
        assert_eq!(peer_gb_s("NVLink bridge 112.5 GB/s / PCIe 4.0 x16", table), Some(56.25));
        assert_eq!(peer_gb_s("XGMI, 535.5 GB/s per direction node all-to-all", table), Some(535.5));
        assert_eq!(peer_gb_s("on-package", table), None);
        // 16 lanes of PCIe 4.0 carry 31.5 GB/s in one direction.
        let pcie = peer_gb_s("PCIe 4.0 x16", table).unwrap_or_default();
        assert!((pcie - 31.5).abs() < 0.01, "{pcie}");
        assert_eq!(peer_gb_s("NVLink bridge / PCIe 4.0 x16", table), Some(pcie));
        assert_eq!(host_gb_s("NVLink bridge 600 GB/s / PCIe 5.0 x16", table), Some(3.938 * 16.0));
    }

    #[test]
    fn collectives_follow_the_ring() {
        // 1 GB over 4 devices at 1 GB/s: three quarters of a second to gather, twice that to reduce.
        assert!((all_gather_secs(1e9, 4, 1e9) - 0.75).abs() < 1e-12);
        assert!((all_reduce_secs(1e9, 4, 1e9) - 1.5).abs() < 1e-12);
        assert!(all_reduce_secs(1e9, 1, 1e9).abs() < 1e-12);
        // Four stages, twelve micro-batches: 3 of 15 slots are idle.
        assert!((bubble_share(4, 12) - 0.2).abs() < 1e-12);
    }
}
