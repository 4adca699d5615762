//! The figures of a device that time depends on: the plan's, else the catalogue's.

use super::Missing;
use super::efficiency::{DeviceEfficiency, Efficiency};
use crate::estimate::Inputs;
use crate::estimate::setup::Setup;
use crate::plan::QuantizeWhen;

/// Figures of one device.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Dense rate of the arithmetic the plan uses, in operations a second.
    pub flops_per_sec: f64,
    /// Rate of matrix products: that of FP8 where the plan trains in few bits and the device has them.
    pub matrix_flops_per_sec: f64,
    /// Products are in FP8.
    pub in_fp8: bool,
    /// Memory bandwidth in bytes a second.
    pub bytes_per_sec: f64,
    /// Share of the rate that matrix products reach.
    pub matrix_share: f64,
    /// The matrix share was measured on this device.
    pub is_measured: bool,
    /// Kind of chip.
    pub efficiency: &'a DeviceEfficiency,
}

impl<'a> Device<'a> {
    /// Looks the figures up; `Err`: what is missing.
    pub fn of(inputs: &Inputs<'_>, setup: &Setup<'_>, table: &'a Efficiency) -> Result<Self, Missing> {
        let hardware = &inputs.plan.hardware;
        let known = inputs.accelerator;
        if known.is_none() && hardware.bf16_tflops.is_none() && hardware.bandwidth_gb_s.is_none() {
            return Err(Missing::Device);
        }
        // Without autocast, weights in 32 or 64 bits are multiplied as such.
        let wide = setup.autocast.is_none() && setup.width >= 4;
        let rate = if wide {
            known.and_then(|device| device.fp32_tflops).or(hardware.bf16_tflops.map(|rate| rate / 8.0))
        } else {
            hardware.bf16_tflops.or_else(|| known.and_then(|device| device.bf16_tflops.or(device.fp16_tflops)))
        };
        let bandwidth = hardware.bandwidth_gb_s.or_else(|| known.and_then(|device| device.bandwidth_gb_s));
        let rate = rate.filter(|&rate| rate > 0.0).ok_or(Missing::Rate)?;
        let bandwidth = bandwidth.filter(|&bandwidth| bandwidth > 0.0).ok_or(Missing::Bandwidth)?;
        let efficiency =
            table.device(known.map_or("", |device| device.architecture.as_str())).ok_or(Missing::Device)?;
        let measured = known.and_then(|device| match (device.measured_bf16_tflops, device.bf16_tflops) {
            (Some(measured), Some(peak)) if peak > 0.0 && !wide => Some((measured / peak).min(1.0)),
            _ => None,
        });
        let few_bits = setup.training && inputs.plan.precision.quantize_when == QuantizeWhen::LowPrecisionTraining;
        let fp8 = known.and_then(|device| device.fp8_tflops).filter(|&fp8| few_bits && fp8 > rate);
        Ok(Self {
            flops_per_sec: rate * 1e12,
            // Values are scaled and cast before each product.
            matrix_flops_per_sec: fp8.map_or(rate, |fp8| fp8 * table.fp8_share) * 1e12,
            in_fp8: fp8.is_some(),
            bytes_per_sec: bandwidth * 1e9,
            matrix_share: measured.unwrap_or(efficiency.matrix_share),
            is_measured: measured.is_some(),
            efficiency,
        })
    }
}
