//! E2M1, the 4-bit float of OCP's microscaling formats: element of MXFP4 and NVFP4.

/// Magnitudes of the eight codes without sign.
pub const MAGNITUDES: [f32; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

/// Values of all codes, the sign in bit 3.
pub const VALUES: [f32; 16] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0];

/// Code of the nearest magnitude with the sign in bit 3; half-way goes to the even code, above 6 to 6, and what rounds to
/// zero has no sign.
pub fn nearest(value: f32) -> u8 {
    let magnitude = value.abs();
    // Half-way between an even code and the next odd one goes down, between an odd one and the next up.
    let down =
        u8::from(magnitude > 0.25) + u8::from(magnitude > 1.25) + u8::from(magnitude > 2.5) + u8::from(magnitude > 5.0);
    let up = u8::from(magnitude >= 0.75) + u8::from(magnitude >= 1.75) + u8::from(magnitude >= 3.5);
    let code = down + up;
    code | u8::from(value < 0.0 && code > 0) << 3
}
