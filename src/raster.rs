//! Software rasteriser for egui meshes: pictures without GPU, display or Mesa.
