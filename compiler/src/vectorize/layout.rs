//! The order of axes in memory, one for the whole program.

use super::schedule::Node;
use std::fmt;
use vary_core::axis::{Axis, AxisSet, Role};
use vary_core::ir::Program;

/// Draw axes of at least this size are innermost: a vector register's worth of lanes.
const FAST_DRAWS: usize = 8;

/// Sizes of all axes and their order in memory.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Position of each axis from slowest to fastest, by axis.
    rank: Vec<usize>,
    /// Size of each axis, of the whole of it.
    sizes: Vec<usize>,
    names: Vec<String>,
    /// The draw axis, if there is one.
    pub draw: Option<Axis>,
    /// The axis that is cut into tiles, if one is.
    pub tile: Option<Tile>,
    /// The rows of the tile for which arrays are laid out and loops made, if they are for a tile.
    pub rows: Option<usize>,
}

/// An axis that is cut into tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// The axis.
    pub axis: Axis,
    /// Rows of a tile; the last one may be smaller.
    pub size: usize,
}

impl Layout {
    /// Chooses an order. Axes of loops are slowest, so that a step's slices are contiguous; the draw axis is
    /// fastest if it is large, since most values have it; the others stand by size, larger ones faster. The size
    /// that counts is that of a tile.
    pub(super) fn new(program: &Program, draws: usize, tile: Option<Tile>, nodes: &[Node]) -> Self {
        let draw = draw_axis(program);
        let size = |axis: Axis| axis_size(program, axis, draws);
        let tiled =
            |axis: Axis| tile.filter(|tile| tile.axis == axis).map_or_else(|| size(axis), |tile| tile.size);
        let mut looped = Vec::new();
        loop_axes(nodes, &mut looped);
        let mut order: Vec<Axis> = program.axes.iter().map(|(axis, _)| axis).collect();
        order.sort_by_key(|axis| {
            let at = looped.iter().position(|one| one == axis);
            match at {
                Some(at) => (0, at, *axis),
                None if Some(*axis) == draw && tiled(*axis) >= FAST_DRAWS => (2, 0, *axis),
                None => (1, tiled(*axis), *axis),
            }
        });
        let mut rank = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, axis)| rank[axis.0 as usize] = at);
        Layout {
            rank,
            sizes: program.axes.iter().map(|(axis, _)| size(axis)).collect(),
            names: program.axes.iter().map(|(_, info)| info.name.clone()).collect(),
            draw,
            tile,
            rows: None,
        }
    }

    /// Size of an axis; of one that is cut, in the tile at hand.
    pub fn size(&self, axis: Axis) -> usize {
        match (self.tile, self.rows) {
            (Some(tile), Some(rows)) if tile.axis == axis => rows,
            _ => self.sizes[axis.0 as usize],
        }
    }

    /// Size of the whole of an axis.
    pub fn whole(&self, axis: Axis) -> usize {
        self.sizes[axis.0 as usize]
    }

    /// Name and size of an axis.
    pub fn named(&self, axis: Axis) -> (String, usize) {
        (self.names[axis.0 as usize].clone(), self.size(axis))
    }

    /// Axes from slowest to fastest.
    pub fn sorted(&self, axes: &AxisSet) -> Vec<Axis> {
        let mut sorted: Vec<Axis> = axes.iter().collect();
        sorted.sort_by_key(|axis| self.rank[axis.0 as usize]);
        sorted
    }

    /// Row-major strides of an array of these axes, and its length.
    pub fn strides(&self, dims: &[Axis]) -> (Vec<(Axis, usize)>, usize) {
        self.strides_by(dims, |axis| self.size(axis))
    }

    /// The same of a whole array.
    pub fn whole_strides(&self, dims: &[Axis]) -> (Vec<(Axis, usize)>, usize) {
        self.strides_by(dims, |axis| self.whole(axis))
    }

    fn strides_by(&self, dims: &[Axis], size: impl Fn(Axis) -> usize) -> (Vec<(Axis, usize)>, usize) {
        let mut stride = 1;
        let mut strides: Vec<(Axis, usize)> = dims
            .iter()
            .rev()
            .map(|axis| {
                let here = stride;
                stride *= size(*axis);
                (*axis, here)
            })
            .collect();
        strides.reverse();
        (strides, stride)
    }
}

/// The draw axis of a program, if it has one.
pub(super) fn draw_axis(program: &Program) -> Option<Axis> {
    program.axes.iter().find(|(_, info)| info.role == Role::Draw).map(|(axis, _)| axis)
}

/// The size of an axis when a step has so many draws. Axes of the unit that this program does not use may have none.
pub(super) fn axis_size(program: &Program, axis: Axis, draws: usize) -> usize {
    let info = program.axes.info(axis);
    match info.role {
        Role::Draw => draws,
        _ => info.size.value().map_or(0, |size| size.max(0) as usize),
    }
}

/// The axes from slowest to fastest: `step:20 < row:100 < draw:64`; `row:64/1000` is cut into tiles of 64.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = (0..self.rank.len() as u32).map(Axis).collect();
        let names: Vec<String> = self
            .sorted(&all)
            .into_iter()
            .map(|axis| {
                let (name, size) = self.named(axis);
                match self.tile.filter(|tile| tile.axis == axis) {
                    Some(tile) => format!("{name}:{}/{size}", tile.size),
                    None => format!("{name}:{size}"),
                }
            })
            .collect();
        write!(f, "{}", names.join(" < "))
    }
}

/// Axes of loops, outer ones first.
fn loop_axes(nodes: &[Node], found: &mut Vec<Axis>) {
    for node in nodes {
        if let Node::Loop(inner) = node {
            if !found.contains(&inner.axis) {
                found.push(inner.axis);
            }
            loop_axes(&inner.body, found);
        }
    }
}
