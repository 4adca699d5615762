//! Predicted against measured: reads rows of truth or published measurements and compares.
