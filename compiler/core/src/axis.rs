//! Axes: the one notion behind array dimensions, plates, draws, replicates, particles,
//! alternatives and tangent directions.

use crate::dim::Dim;
use std::collections::HashMap;
use std::fmt;

/// An axis, an index into an [`AxisTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Axis(pub u32);

/// What an axis ranges over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Rows of a plate, steps of a scan, entries of an array.
    Index,
    /// Monte Carlo draws of one step; at most one axis per program.
    Draw,
    /// Independent copies inside one draw: `replicate`, particles.
    Copy,
    /// Alternatives of a site (enum, mvd): never part of a random key.
    Alternative,
    /// Tangent directions of forward mode; at most one axis per program.
    Direction,
}

/// What is known of an axis: indices run over `lower .. lower + size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisInfo {
    /// Name in printed programs; unique in its table.
    pub name: String,
    /// First index.
    pub lower: Dim,
    /// How many indices.
    pub size: Dim,
    /// What it ranges over.
    pub role: Role,
    /// The axis of which these are some of the rows, those of a minibatch. Which they are is the input of kind `State`
    /// called [`AxisInfo::rows`].
    pub of: Option<Axis>,
}

impl AxisInfo {
    /// The name of the input that says which rows the positions of a minibatch are.
    pub fn rows(&self) -> String {
        format!("rows.{}", self.name)
    }
}

/// The axes of a compilation unit. Index axes are interned by range, so that plates over one
/// range share an axis: loops fuse by construction.
#[derive(Debug, Clone, Default)]
pub struct AxisTable {
    infos: Vec<AxisInfo>,
    interned: HashMap<(Dim, Dim), Vec<Axis>>,
    /// The last number given to a name, so that a new one is found at once.
    named: HashMap<String, usize>,
}

impl AxisTable {
    /// A new axis, distinct from all others. The name is made unique.
    pub fn fresh(&mut self, name: &str, lower: Dim, size: Dim, role: Role) -> Axis {
        let mut unique = name.to_string();
        if let Some(&last) = self.named.get(name) {
            let mut count = last;
            while self.named.contains_key(&unique) {
                count += 1;
                unique = format!("{name}_{count}");
            }
            self.named.insert(name.to_string(), count);
        }
        self.named.insert(unique.clone(), 1);
        self.infos.push(AxisInfo { name: unique, lower, size, role, of: None });
        Axis(self.infos.len() as u32 - 1)
    }

    /// A new axis of some rows of `whole`.
    pub fn rows_of(&mut self, whole: Axis, size: Dim) -> Axis {
        let name = self.info(whole).name.clone();
        let axis = self.fresh(&name, Dim::known(0), size, Role::Index);
        self.infos[axis.0 as usize].of = Some(whole);
        axis
    }

    /// The axis that a random key counts along: of rows of a minibatch, that of all rows.
    pub fn whole(&self, axis: Axis) -> Axis {
        self.info(axis).of.unwrap_or(axis)
    }

    /// The first index axis over `lower .. lower + size` that is not in `taken`.
    pub fn index(&mut self, name: &str, lower: Dim, size: Dim, taken: &AxisSet) -> Axis {
        let key = (lower.clone(), size.clone());
        if let Some(axis) = self.interned.get(&key).and_then(|all| all.iter().find(|a| !taken.contains(**a)))
        {
            return *axis;
        }
        let axis = self.fresh(name, lower, size, Role::Index);
        self.interned.entry(key).or_default().push(axis);
        axis
    }

    /// `wanted`, if it is not in `taken` and has this range; else an index axis that is so.
    pub fn free(&mut self, wanted: Axis, lower: Dim, size: Dim, taken: &AxisSet) -> Axis {
        let info = self.info(wanted);
        if !taken.contains(wanted) && info.lower == lower && info.size == size {
            return wanted;
        }
        let name = info.name.clone();
        self.index(&name, lower, size, taken)
    }

    /// What is known of an axis of this table.
    pub fn info(&self, axis: Axis) -> &AxisInfo {
        &self.infos[axis.0 as usize]
    }

    /// Size of an axis once bound.
    pub fn size(&self, axis: Axis) -> usize {
        self.info(axis).size.size()
    }

    /// All axes in order.
    pub fn iter(&self) -> impl Iterator<Item = (Axis, &AxisInfo)> {
        self.infos.iter().enumerate().map(|(at, info)| (Axis(at as u32), info))
    }

    /// How many axes there are.
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    /// Replaces names in every range; interning keeps working on the new ranges.
    pub fn bind(&mut self, lookup: &dyn Fn(&str) -> Option<i64>) {
        self.interned.clear();
        for at in 0..self.infos.len() {
            let info = &mut self.infos[at];
            info.lower = info.lower.bind(lookup);
            info.size = info.size.bind(lookup);
            if info.role == Role::Index && info.of.is_none() {
                let key = (info.lower.clone(), info.size.clone());
                self.interned.entry(key).or_default().push(Axis(at as u32));
            }
        }
    }

    /// Sets the size of one axis, such as the draws of one tile.
    pub fn resize(&mut self, axis: Axis, size: Dim) {
        self.infos[axis.0 as usize].size = size;
    }

    /// Makes an axis an ordinary one of this size.
    pub fn fix(&mut self, axis: Axis, size: Dim) {
        let info = &mut self.infos[axis.0 as usize];
        (info.size, info.role) = (size, Role::Index);
    }
}

/// A set of axes, kept sorted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct AxisSet(Vec<Axis>);

impl AxisSet {
    /// No axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the axis is in the set.
    pub fn contains(&self, axis: Axis) -> bool {
        self.0.binary_search(&axis).is_ok()
    }

    /// Adds an axis.
    pub fn insert(&mut self, axis: Axis) {
        if let Err(at) = self.0.binary_search(&axis) {
            self.0.insert(at, axis);
        }
    }

    /// Removes an axis.
    pub fn remove(&mut self, axis: Axis) {
        if let Ok(at) = self.0.binary_search(&axis) {
            self.0.remove(at);
        }
    }

    /// Axes in either.
    pub fn union(&self, other: &AxisSet) -> AxisSet {
        self.iter().chain(other.iter()).collect()
    }

    /// Axes in both.
    pub fn intersection(&self, other: &AxisSet) -> AxisSet {
        self.iter().filter(|axis| other.contains(*axis)).collect()
    }

    /// Axes of `self` that are not in `other`.
    pub fn minus(&self, other: &AxisSet) -> AxisSet {
        self.iter().filter(|axis| !other.contains(*axis)).collect()
    }

    /// Whether every axis of `self` is in `other`.
    pub fn is_subset(&self, other: &AxisSet) -> bool {
        self.iter().all(|axis| other.contains(axis))
    }

    /// The axes in order.
    pub fn iter(&self) -> impl Iterator<Item = Axis> + '_ {
        self.0.iter().copied()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Axis> for AxisSet {
    fn from_iter<I: IntoIterator<Item = Axis>>(axes: I) -> Self {
        let mut sorted: Vec<Axis> = axes.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        AxisSet(sorted)
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0)
    }
}
