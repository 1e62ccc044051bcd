//! Data made from a formula, so that the cases need no files: times do not depend on what it says.

use std::path::Path;

use npyz::{AutoSerialize, WriterBuilder};

/// Writes images of random bits, and a table for a regression of 569 rows and 30 columns.
pub fn make(folder: &Path) -> Result<(), String> {
    let mut state = 1u64;
    let mut uniform = || {
        // The generator of Knuth's MMIX; its upper bits are random enough.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    for rows in [64u64, 128, 256, 512, 1024] {
        let bits: Vec<u8> = (0..rows * 784).map(|_| u8::from(uniform() < 0.5)).collect();
        write(&folder.join(format!("images_{rows}.npy")), &npy(&[rows, 784], &bits)?)?;
    }
    let (rows, columns) = (569u64, 30u64);
    let x: Vec<f32> =
        (0..rows * columns).map(|_| (uniform() + uniform() + uniform() - 1.5) as f32 * 2.0).collect();
    let weight = |column: usize| (column as f32 * 1.7).sin() * 0.5;
    let y: Vec<u8> = x
        .chunks_exact(columns as usize)
        .map(|row| {
            let logit: f32 = row.iter().enumerate().map(|(column, x)| x * weight(column)).sum();
            u8::from(uniform() < 1.0 / (1.0 + f64::from(-logit).exp()))
        })
        .collect();
    write(&folder.join("logistic_x.npy"), &npy(&[rows, columns], &x)?)?;
    write(&folder.join("logistic_y.npy"), &npy(&[rows], &y)?)
}

fn npy<T: AutoSerialize + Copy>(shape: &[u64], values: &[T]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(shape);
    let mut writer = options.writer(&mut out).begin_nd().map_err(|error| error.to_string())?;
    writer.extend(values.iter().copied()).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(out)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
