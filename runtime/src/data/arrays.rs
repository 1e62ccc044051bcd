//! Arrays in binary files: NumPy's `.npy` and `.npz`, and the `idx` files of MNIST; all but `.npz` also packed
//! by gzip. The content says which it is.

use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use npyz::{DType, NpyFile, Order, TypeChar};

use super::cells::{Cells, Entries, Refused, expected};
use super::{DataError, Declared, Elem, Found, LARGEST_INT, Place};

/// One or several arrays by name.
#[derive(Debug, Clone)]
pub struct ArraySource {
    /// What messages call it.
    pub(crate) label: String,
    entries: Vec<(String, Array)>,
}

/// Numbers in row-major order.
#[derive(Debug, Clone)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// The first bytes of a `.npy` file, of a zip archive, and of a gzip stream.
const NPY: &[u8] = b"\x93NUMPY";
const ZIP: &[u8] = b"PK\x03\x04";
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The extensions of array files, for those that are opened under a name of the program.
pub(crate) const EXTENSIONS: [&str; 4] = ["npy", "npz", "gz", "idx"];

impl ArraySource {
    /// Reads arrays from the content of a file; a single array has the given name, or else that of the file up to
    /// its first point.
    ///
    /// # Errors
    /// [`DataError::ArrayFile`] when the content is no such file, is cut short, or holds something else than
    /// numbers.
    pub(crate) fn parse(path: &Path, name: Option<&str>, bytes: &[u8]) -> Result<Self, DataError> {
        let label = path.display().to_string();
        let wrong = |reason: String| DataError::ArrayFile { source: label.clone(), reason };
        let unpacked;
        let content = if bytes.starts_with(GZIP) {
            let mut all = Vec::new();
            GzDecoder::new(bytes).read_to_end(&mut all).map_err(|error| wrong(format!("gzip: {error}")))?;
            unpacked = all;
            &unpacked
        } else {
            bytes
        };
        if content.starts_with(ZIP) {
            let entries = npz(content).map_err(wrong)?;
            return Ok(ArraySource { label, entries });
        }
        let array = if content.starts_with(NPY) { npy(content) } else { idx(content) }.map_err(wrong)?;
        let stem = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        let own = stem.split('.').next().unwrap_or_default().to_owned();
        Ok(ArraySource { label, entries: vec![(name.map_or(own, str::to_owned), array)] })
    }

    /// The names of its arrays.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The entries under the declared name, if it is there. An array of more dimensions than declared is read with
    /// its last ones joined, row-major: images of 28 × 28 as vectors of 784.
    pub(crate) fn read(&self, declared: &Declared) -> Option<Result<Cells, DataError>> {
        let (_, array) = self.entries.iter().find(|(name, _)| *name == declared.name)?;
        Some(self.cells(declared, array))
    }

    fn cells(&self, declared: &Declared, array: &Array) -> Result<Cells, DataError> {
        let rank = declared.dims.len();
        let joins = rank > 0 && array.shape.len() >= rank;
        if !joins && array.shape.len() != rank {
            return Err(DataError::WrongRank {
                name: declared.name.clone(),
                declared: declared.to_string(),
                rank,
                place: Box::new(self.place(&declared.name, &[])),
                found: Found::Shape(array.shape.clone()),
            });
        }
        let mut shape: Vec<Option<usize>> = array.shape.iter().take(rank).map(|size| Some(*size)).collect();
        if let Some(last) = shape.last_mut() {
            *last = Some(array.shape[rank - 1..].iter().product());
        }
        if let Some((at, refused)) =
            array.values.iter().enumerate().find_map(|(at, x)| Some((at, refuse(*x, declared)?)))
        {
            let sizes: Vec<usize> = shape.iter().map(|size| size.unwrap_or(1)).collect();
            return Err(refused.at(declared, self.place(&declared.name, &position(at, &sizes))));
        }
        let entries = match Entries::of(declared) {
            Entries::Numbers(_) => Entries::Numbers(array.values.clone()),
            Entries::Levels(_) => Entries::Levels(array.values.iter().map(f64::to_string).collect()),
        };
        Ok(Cells { shape, entries })
    }

    /// Where the entry at this position stands.
    pub(crate) fn place(&self, name: &str, index: &[usize]) -> Place {
        let path = index.iter().fold(name.to_owned(), |path, i| format!("{path}[{i}]"));
        Place::Json { source: self.label.clone(), path }
    }
}

/// The indices of the entry at this place in row-major order.
fn position(mut at: usize, sizes: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = sizes
        .iter()
        .rev()
        .map(|size| {
            let here = at % size;
            at /= size;
            here
        })
        .collect();
    index.reverse();
    index
}

/// Why a number is not of the declared type, if it is not.
fn refuse(x: f64, declared: &Declared) -> Option<Refused> {
    let whole = x.fract() == 0.0 && x.abs() <= LARGEST_INT as f64;
    let fits = match declared.elem {
        _ if x.is_nan() => return Some(Refused::NotAValue("NaN".to_owned())),
        Elem::Real => true,
        Elem::Int => whole,
        Elem::Bit => x == 0.0 || x == 1.0,
    };
    (!fits).then(|| Refused::WrongType(expected(declared), Found::Number(x.to_string())))
}

/// Every array of an archive, named as its file without `.npy`.
fn npz(content: &[u8]) -> Result<Vec<(String, Array)>, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(content)).map_err(|error| format!("npz: {error}"))?;
    let mut entries = Vec::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).map_err(|error| format!("npz: {error}"))?;
        let name = file.name().map_err(|error| format!("npz: {error}"))?.trim_end_matches(".npy").to_owned();
        let mut unpacked = Vec::new();
        file.read_to_end(&mut unpacked).map_err(|error| format!("`{name}`: {error}"))?;
        entries.push((name.clone(), npy(&unpacked).map_err(|reason| format!("`{name}`: {reason}"))?));
    }
    Ok(entries)
}

fn npy(content: &[u8]) -> Result<Array, String> {
    array(NpyFile::new(content).map_err(|error| format!("npy: {error}"))?)
}

fn array<R: Read>(file: NpyFile<R>) -> Result<Array, String> {
    let shape: Vec<usize> = file.shape().iter().map(|size| *size as usize).collect();
    let order = file.order();
    let DType::Plain(kind) = file.dtype() else {
        return Err("its entries are records; only arrays of numbers can be read".to_owned());
    };
    macro_rules! numbers {
        ($kind:ty) => {
            file.into_vec::<$kind>().map(|all| all.into_iter().map(|x| x as f64).collect())
        };
    }
    let values: Result<Vec<f64>, std::io::Error> = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 8) => file.into_vec(),
        (TypeChar::Float, 4) => numbers!(f32),
        (TypeChar::Int, 1) => numbers!(i8),
        (TypeChar::Int, 2) => numbers!(i16),
        (TypeChar::Int, 4) => numbers!(i32),
        (TypeChar::Int, 8) => numbers!(i64),
        (TypeChar::Uint, 1) => numbers!(u8),
        (TypeChar::Uint, 2) => numbers!(u16),
        (TypeChar::Uint, 4) => numbers!(u32),
        (TypeChar::Uint, 8) => numbers!(u64),
        (TypeChar::Bool, _) => {
            file.into_vec::<bool>().map(|all| all.into_iter().map(|bit| f64::from(u8::from(bit))).collect())
        }
        _ => return Err(format!("entries of type {kind} cannot be read; only numbers and booleans can")),
    };
    let values = values.map_err(|error| format!("npy: {error}"))?;
    if values.len() != shape.iter().product::<usize>() {
        return Err(format!("npy: {} entries do not make the shape {shape:?}", values.len()));
    }
    Ok(match order {
        Order::C => Array { shape, values },
        Order::Fortran => Array { values: row_major(&shape, &values), shape },
    })
}

/// The entries of an array that is stored with its first index fastest.
fn row_major(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let strides: Vec<usize> =
        shape.iter().scan(1, |stride, size| Some(std::mem::replace(stride, *stride * size))).collect();
    (0..values.len())
        .map(|at| {
            values[position(at, shape).iter().zip(&strides).map(|(i, stride)| i * stride).sum::<usize>()]
        })
        .collect()
}

/// The format of MNIST: two zero bytes, a type, the number of dimensions, their sizes, then the entries; all
/// numbers big-endian.
fn idx(content: &[u8]) -> Result<Array, String> {
    let [0, 0, kind, rank] = *content.first_chunk::<4>().unwrap_or(&[1; 4]) else {
        return Err("it is none of npy, npz and idx, packed by gzip or not".to_owned());
    };
    let header = 4 + 4 * usize::from(rank);
    let sizes = content.get(4..header).ok_or("idx: it ends in its header")?;
    let shape: Vec<usize> =
        sizes.as_chunks::<4>().0.iter().map(|size| u32::from_be_bytes(*size) as usize).collect();
    let body = &content[header..];
    let values: Vec<f64> = match kind {
        0x08 => body.iter().map(|x| f64::from(*x)).collect(),
        0x09 => body.iter().map(|x| f64::from(*x as i8)).collect(),
        0x0B => body.as_chunks::<2>().0.iter().map(|x| f64::from(i16::from_be_bytes(*x))).collect(),
        0x0C => body.as_chunks::<4>().0.iter().map(|x| f64::from(i32::from_be_bytes(*x))).collect(),
        0x0D => body.as_chunks::<4>().0.iter().map(|x| f64::from(f32::from_be_bytes(*x))).collect(),
        0x0E => body.as_chunks::<8>().0.iter().map(|x| f64::from_be_bytes(*x)).collect(),
        _ => return Err(format!("idx: there is no type of entries {kind:#04x}")),
    };
    let wanted = shape.iter().try_fold(1usize, |all, size| all.checked_mul(*size));
    if wanted != Some(values.len()) {
        return Err(format!("idx: {} entries do not make the shape {shape:?}", values.len()));
    }
    Ok(Array { shape, values })
}

#[cfg(test)]
mod tests;
