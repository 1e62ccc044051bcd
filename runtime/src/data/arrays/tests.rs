use super::*;
use crate::data::{DimSpec, Source, read};
use npyz::WriterBuilder;
use std::io::Write;

/// A `.npy` file of these bytes' values.
fn npy_file<T: npyz::AutoSerialize + Copy>(shape: &[u64], order: Order, values: &[T]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .order(order)
        .writer(&mut out)
        .begin_nd()
        .unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    out
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn declared(elem: Elem, dims: [i64; 2]) -> Declared {
    Declared::new("x", elem, dims.map(DimSpec::known))
}

fn bound(file: &str, bytes: &[u8], declared: &Declared) -> Result<(Vec<usize>, Vec<f64>), String> {
    let source = Source::parse(Path::new(file), bytes).map_err(|error| error.message())?;
    let values = read(std::slice::from_ref(declared), &[source]).map_err(|errors| errors[0].message())?;
    let array = &values.arrays["x"];
    Ok((array.shape().to_vec(), array.iter().copied().collect()))
}

#[test]
fn both_orders_of_npy_are_read_row_major() {
    let wanted = Ok((vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let x = declared(Elem::Real, [2, 3]);
    let rows = npy_file(&[2, 3], Order::C, &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(bound("x.npy", &rows, &x), wanted);
    let columns = npy_file(&[2, 3], Order::Fortran, &[1i64, 4, 2, 5, 3, 6]);
    assert_eq!(bound("x.npy", &columns, &x), wanted);
    assert_eq!(bound("x.npy.gz", &gzipped(&columns), &x), wanted);
}

#[test]
fn last_dimensions_are_joined() {
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 0, 0, 1]].concat();
    let x = declared(Elem::Bit, [2, 2]);
    assert_eq!(bound("x.idx", &images, &x), Ok((vec![2, 2], vec![1.0, 0.0, 0.0, 1.0])));
    assert_eq!(bound("x.gz", &gzipped(&images), &x), Ok((vec![2, 2], vec![1.0, 0.0, 0.0, 1.0])));
}

#[test]
fn what_is_wrong_is_said() {
    let told = |file: &str, bytes: &[u8], x: &Declared| bound(file, bytes, x).unwrap_err();
    let matrix = declared(Elem::Bit, [2, 2]);
    let grey = npy_file(&[2, 2], Order::C, &[0u8, 1, 37, 0]);
    let flat = npy_file(&[2], Order::C, &[0u8, 1]);
    let mut cut = grey.clone();
    cut.truncate(grey.len() - 2);
    let complex = [
        NPY,
        &[1, 0],
        &[118, 0],
        b"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
        &[b' '; 60],
        b"\n",
        &[0; 8],
    ]
    .concat();
    insta::assert_snapshot!(
        [
            told("x.npy", &grey, &matrix),
            told("x.npy", &flat, &matrix),
            told("x.npy", &cut, &matrix),
            told("x.npy", &complex, &matrix),
            told("x.gz", &gzipped(b"words"), &matrix),
            told("x.gz", &gzipped(&grey)[..20], &matrix),
            told("x.idx", &[0, 0, 8, 1, 0, 0, 0, 3, 1], &matrix),
            told("x.idx", &[0, 0, 7, 1, 0, 0, 0, 3, 1], &matrix),
            told("x.npz", b"PK\x03\x04 no", &matrix),
            told("x.npy", b"", &matrix),
        ]
        .join("\n")
    );
}
