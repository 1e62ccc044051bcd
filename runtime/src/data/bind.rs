//! From declarations and sources to values.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{ArrayD, IxDyn};

use super::cells::{Cells, Entries};
use super::constraint::unflatten;
use super::near::near;
use super::sizes::{Equation, Sizes};
use super::{Absent, DataError, Declared, HasSize, Kind, Origin, Place, Source};

/// The most entries that a default is broadcast to: 32 GiB of them, more than a slip of the pen in a
/// supplied size should take.
const LARGEST_DEFAULT: usize = 1 << 32;

/// Data bound to declarations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    /// Every declaration but those [`Absent::Computed`], inferred sizes included, in the declared
    /// shape; scalars have shape `[]`. Index and factor data count from 0.
    pub arrays: BTreeMap<String, ArrayD<f64>>,
    /// The names of the levels of each factor, in the order of their positions.
    pub levels: BTreeMap<String, Vec<String>>,
    /// What the sources hold beyond the declarations, source by source.
    pub ignored: Vec<Ignored>,
}

/// Names that the program does not declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The source they are in.
    pub source: String,
    /// The names, in the order of the source.
    pub names: Vec<String>,
}

impl Values {
    /// One note on all ignored names, or none when there are none; no full stop.
    pub fn note(&self) -> Option<String> {
        const SHOWN: usize = 8;
        let parts: Vec<String> = self
            .ignored
            .iter()
            .map(|Ignored { source, names }| {
                let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
                let more = match names.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("{}{more} in `{source}`", shown.join(", "))
            })
            .collect();
        (!parts.is_empty())
            .then(|| format!("ignored, since the program does not declare it: {}", parts.join("; ")))
    }
}

/// Reads every declaration from the last source that has its name, infers sizes and checks shapes
/// and constraints.
///
/// # Errors
/// All findings, in the order of the declarations: first those of reading; only when there are
/// none, those of sizes; only when there are none, those of values.
pub fn read(declared: &[Declared], sources: &[Source]) -> Result<Values, Vec<DataError>> {
    let (mut found, errors) = collect(declared, sources);
    if !errors.is_empty() {
        return Err(errors);
    }
    let sizes = infer(declared, sources, &found)?;
    let mut values = Values { ignored: ignored(declared, sources), ..Values::default() };
    let mut errors = vec![];
    for declared in declared {
        match value(declared, sources, found.remove(declared.name.as_str()), &sizes) {
            Ok(None) => {}
            Ok(Some(Value { array, levels })) => {
                values.arrays.insert(declared.name.clone(), array);
                if let Some(levels) = levels {
                    values.levels.insert(declared.name.clone(), levels);
                }
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// Ends that other data gives the values of a declaration, in its shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Ends {
    /// The declared name.
    pub name: String,
    /// The lower ends, included.
    pub lower: ArrayD<f64>,
    /// The upper ends, included.
    pub upper: ArrayD<f64>,
}

/// Checks values against ends that are known once all data is read.
///
/// # Errors
/// The first entry outside its ends, for every declaration that has one.
pub fn within(
    declared: &[Declared],
    sources: &[Source],
    values: &Values,
    ends: &[Ends],
) -> Result<(), Vec<DataError>> {
    let errors: Vec<DataError> =
        ends.iter().filter_map(|ends| outside(declared, sources, values, ends)).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn outside(declared: &[Declared], sources: &[Source], values: &Values, ends: &Ends) -> Option<DataError> {
    let wanted = declared.iter().find(|declared| declared.name == ends.name)?;
    let array = values.arrays.get(&ends.name)?;
    let mut entries = array.indexed_iter().zip(ends.lower.iter().zip(&ends.upper));
    let ((index, found), (lower, upper)) =
        entries.find(|((_, found), (lower, upper))| !(*lower <= *found && *found <= *upper))?;
    let index = ndarray::Dimension::slice(&index);
    let place = match sources.iter().rev().find(|source| source.read(wanted).is_some()) {
        Some(source) => source.place(&ends.name, index),
        None => Place::Program { name: ends.name.clone() },
    };
    Some(DataError::Violation {
        name: ends.name.clone(),
        declared: wanted.to_string(),
        place: Box::new(place),
        what: format!("{found} is not between {lower} and {upper}"),
    })
}

/// What a source gave for a declaration.
struct Supplied {
    /// Which source.
    source: usize,
    cells: Cells,
    /// The sorted names of levels of a factor.
    levels: Option<Vec<String>>,
}

type Found<'a> = BTreeMap<&'a str, Supplied>;

fn collect<'a>(declared: &'a [Declared], sources: &[Source]) -> (Found<'a>, Vec<DataError>) {
    let mut found = Found::new();
    let mut errors = vec![];
    for wanted in declared {
        let last = sources.iter().enumerate().rev().find_map(|(at, source)| Some((at, source.read(wanted)?)));
        match last {
            Some((source, Ok(cells))) => {
                let levels = match &cells.entries {
                    Entries::Levels(names) => Some(sorted_levels(names)),
                    Entries::Numbers(_) => None,
                };
                found.insert(&wanted.name, Supplied { source, cells, levels });
            }
            Some((_, Err(error))) => errors.push(error),
            None if wanted.absent == Absent::Required && !serves_as_size(wanted, declared) => {
                errors.push(missing(wanted, declared, sources));
            }
            None => {}
        }
    }
    (found, errors)
}

fn missing(wanted: &Declared, declared: &[Declared], sources: &[Source]) -> DataError {
    let unused: Vec<&str> = sources
        .iter()
        .flat_map(Source::names)
        .filter(|name| declared.iter().all(|declared| declared.name != *name))
        .collect();
    DataError::Missing {
        name: wanted.name.clone(),
        declared: wanted.to_string(),
        near: near(&wanted.name, unused.iter().copied()),
        unused: unused.iter().take(8).map(|name| (*name).to_owned()).collect(),
        sources: labels(sources),
    }
}

fn labels(sources: &[Source]) -> Vec<String> {
    sources.iter().map(|source| source.label().to_owned()).collect()
}

/// The distinct names, sorted as [`Kind::Factor`] says.
fn sorted_levels(names: &[String]) -> Vec<String> {
    let distinct: BTreeSet<&String> = names.iter().collect();
    let mut levels: Vec<String> = distinct.into_iter().cloned().collect();
    if levels.iter().all(|level| level.parse::<i64>().is_ok()) {
        levels.sort_by_key(|level| level.parse::<i64>().unwrap_or_default());
    }
    levels
}

/// Whether a declaration is a single integer that sizes of others mention.
fn serves_as_size(size: &Declared, declared: &[Declared]) -> bool {
    size.is_size() && user_of(&size.name, declared).is_some()
}

/// The first declaration whose sizes or levels mention a name.
fn user_of<'a>(size: &str, declared: &'a [Declared]) -> Option<&'a Declared> {
    declared.iter().find(|declared| {
        let levels = match &declared.kind {
            Kind::Plain => None,
            Kind::Index { levels, .. } | Kind::Factor { levels } => Some(levels),
        };
        declared.dims.iter().chain(levels).any(|spec| spec.terms().any(|(name, _)| name == size))
    })
}

fn infer(declared: &[Declared], sources: &[Source], found: &Found) -> Result<Sizes, Vec<DataError>> {
    let mut sizes = Sizes::default();
    let mut unknown = BTreeSet::new();
    let mut equations = vec![];
    for wanted in declared {
        let name = wanted.name.as_str();
        match (found.get(name), &wanted.absent) {
            (Some(supplied), _) if wanted.is_size() => {
                if let Entries::Numbers(numbers) = &supplied.cells.entries {
                    let origin = Origin::Supplied(sources[supplied.source].label().to_owned());
                    numbers.iter().for_each(|x| sizes.set(name, *x as i64, origin.clone()));
                }
            }
            (None, Absent::Default(value)) if wanted.is_size() => {
                value.iter().for_each(|x| sizes.set(name, *x as i64, Origin::Default));
            }
            (None, Absent::Required | Absent::Computed) if wanted.is_size() => {
                unknown.insert(name);
            }
            (Some(supplied), _) => equations.extend(equations_of(wanted, supplied)),
            // A default array of full rank has sizes of its own; one of lower rank is repeated to the declared shape.
            (None, Absent::Default(value)) if value.ndim() == wanted.dims.len() => {
                let sized =
                    |axis| HasSize { name: wanted.name.clone(), axis: Some(axis), rank: value.ndim() };
                let shape = wanted.dims.iter().zip(value.shape()).enumerate();
                equations.extend(shape.map(|(axis, (spec, size))| Equation {
                    spec,
                    size: *size,
                    sized: sized(axis),
                }));
            }
            (None, _) => {}
        }
    }
    let mut errors = sizes.infer(&unknown, &equations);
    if errors.is_empty() {
        for name in unknown.into_iter().filter(|name| sizes.get(name).is_none()) {
            if let Some(user) = user_of(name, declared) {
                let used_by = (user.name.clone(), user.to_string());
                errors.push(DataError::UnknownSize {
                    name: name.to_owned(),
                    used_by,
                    sources: labels(sources),
                });
            }
        }
    }
    if errors.is_empty() { Ok(sizes) } else { Err(errors) }
}

fn equations_of<'a>(wanted: &'a Declared, supplied: &Supplied) -> Vec<Equation<'a>> {
    let rank = wanted.dims.len();
    let sized = |axis| HasSize { name: wanted.name.clone(), axis, rank };
    let mut equations: Vec<Equation> = wanted
        .dims
        .iter()
        .zip(&supplied.cells.shape)
        .enumerate()
        .filter_map(|(axis, (spec, size))| Some(Equation { spec, size: (*size)?, sized: sized(Some(axis)) }))
        .collect();
    if let (Kind::Factor { levels: spec }, Some(levels)) = (&wanted.kind, &supplied.levels) {
        equations.push(Equation { spec, size: levels.len(), sized: sized(None) });
    }
    equations
}

struct Value {
    array: ArrayD<f64>,
    levels: Option<Vec<String>>,
}

/// The checked value of a declaration; `None` when it is computed by the program.
fn value(
    declared: &Declared,
    sources: &[Source],
    supplied: Option<Supplied>,
    sizes: &Sizes,
) -> Result<Option<Value>, DataError> {
    let name = &declared.name;
    let source = supplied.as_ref().map(|supplied| supplied.source);
    let place = |index: &[usize]| match source {
        Some(source) => sources[source].place(name, index),
        None => Place::Program { name: name.clone() },
    };
    let shape = || -> Result<Vec<usize>, DataError> {
        declared.dims.iter().map(|spec| size(declared, spec, sizes, sources)).collect()
    };
    let (array, levels) = match (supplied, &declared.absent) {
        (Some(Supplied { cells, levels, .. }), _) => {
            let numbers = match (cells.entries, &levels) {
                (Entries::Levels(names), Some(levels)) => positions(&names, levels),
                (Entries::Levels(_), None) => vec![],
                (Entries::Numbers(numbers), _) => numbers,
            };
            (of_shape(declared, shape()?, numbers)?, levels)
        }
        (None, Absent::Default(default)) => {
            let shape = shape()?;
            let entries = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
            let array = entries
                .filter(|entries| *entries <= LARGEST_DEFAULT)
                .and_then(|_| default.broadcast(IxDyn(&shape)));
            match array {
                Some(array) => (array.to_owned(), None),
                None => return Err(wrong_default(declared, default.shape(), &shape)),
            }
        }
        (None, Absent::Required | Absent::Computed) => match sizes.get(name) {
            Some(size) => (ArrayD::from_elem(IxDyn(&[]), size as f64), None),
            None => return Ok(None),
        },
    };
    let array = match &declared.kind {
        Kind::Index { base, levels } => {
            // A default is in the stored form already.
            let base = if source.is_some() { *base } else { 0 };
            let levels = size(declared, levels, sizes, sources)? as i64;
            from_base(declared, array, base, levels, &place)?
        }
        Kind::Plain | Kind::Factor { .. } => array,
    };
    match declared.constraint.violation(&array) {
        Some(violation) => Err(DataError::Violation {
            name: name.clone(),
            declared: declared.to_string(),
            place: Box::new(place(&violation.index)),
            what: violation.what,
        }),
        None => Ok(Some(Value { array, levels })),
    }
}

/// The value of a declared size.
fn size(
    declared: &Declared,
    spec: &super::DimSpec,
    sizes: &Sizes,
    sources: &[Source],
) -> Result<usize, DataError> {
    match spec.value(|name| sizes.get(name)) {
        Some(size) => usize::try_from(size).map_err(|_| DataError::NegativeSize {
            name: declared.name.clone(),
            declared: declared.to_string(),
            spec: spec.to_string(),
            value: size,
        }),
        None => {
            let unknown = spec.terms().find(|(name, _)| sizes.get(name).is_none());
            Err(DataError::UnknownSize {
                name: unknown.map_or_else(|| spec.to_string(), |(name, _)| name.to_owned()),
                used_by: (declared.name.clone(), declared.to_string()),
                sources: labels(sources),
            })
        }
    }
}

/// The array of this shape. Sizes were checked where the source tells them; only below an empty axis
/// can the shape be the declaration's alone, and then there are no entries.
fn of_shape(declared: &Declared, shape: Vec<usize>, numbers: Vec<f64>) -> Result<ArrayD<f64>, DataError> {
    ArrayD::from_shape_vec(IxDyn(&shape), numbers).map_err(|_| wrong_default(declared, &[], &shape))
}

fn wrong_default(declared: &Declared, found: &[usize], shape: &[usize]) -> DataError {
    DataError::WrongDefault {
        name: declared.name.clone(),
        declared: declared.to_string(),
        found: found.to_vec(),
        shape: shape.to_vec(),
    }
}

fn positions(names: &[String], levels: &[String]) -> Vec<f64> {
    let at: BTreeMap<&str, usize> =
        levels.iter().enumerate().map(|(at, level)| (level.as_str(), at)).collect();
    names.iter().filter_map(|name| at.get(name.as_str()).map(|at| *at as f64)).collect()
}

/// Index data counted from 0.
fn from_base(
    declared: &Declared,
    array: ArrayD<f64>,
    base: i64,
    levels: i64,
    place: &dyn Fn(&[usize]) -> Place,
) -> Result<ArrayD<f64>, DataError> {
    let is_level = |x: f64, base: i64| (0..levels).contains(&(x as i64).saturating_sub(base));
    let fits = |base: i64| array.iter().all(|x| is_level(*x, base));
    let Some(at) = array.iter().position(|x| !is_level(*x, base)) else {
        return Ok(array.mapv_into(|x| x - base as f64));
    };
    let index = unflatten(at, array.shape());
    Err(DataError::IndexRange {
        name: declared.name.clone(),
        declared: declared.to_string(),
        place: Box::new(place(&index)),
        found: array[IxDyn(&index)] as i64,
        base,
        levels,
        other_base: [0, 1].into_iter().find(|other| *other != base && fits(*other)),
    })
}

fn ignored(declared: &[Declared], sources: &[Source]) -> Vec<Ignored> {
    let unknown = |source: &Source| -> Vec<String> {
        let names = source.names().into_iter();
        names
            .filter(|name| declared.iter().all(|declared| declared.name != *name))
            .map(str::to_owned)
            .collect()
    };
    sources
        .iter()
        .map(|source| Ignored { source: source.label().to_owned(), names: unknown(source) })
        .filter(|ignored| !ignored.names.is_empty())
        .collect()
}
