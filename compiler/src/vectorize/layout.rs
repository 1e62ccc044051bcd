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
    /// Size of each axis; the draw axis has the size of the tile.
    sizes: Vec<usize>,
    names: Vec<String>,
    /// The draw axis, if there is one.
    pub draw: Option<Axis>,
}

impl Layout {
    /// Chooses an order. Axes of loops are slowest, so that a step's slices are contiguous; the draw axis is
    /// fastest if it is large, since most values have it; the others stand by size, larger ones faster.
    pub(super) fn new(program: &Program, tile: usize, nodes: &[Node]) -> Self {
        let draw = program.axes.iter().find(|(_, info)| info.role == Role::Draw).map(|(axis, _)| axis);
        // Axes of the unit that this program does not use may have no size yet.
        let known = |axis: Axis| program.axes.info(axis).size.value().map_or(0, |size| size.max(0) as usize);
        let size = |axis: Axis| if Some(axis) == draw { tile } else { known(axis) };
        let mut looped = Vec::new();
        loop_axes(nodes, &mut looped);
        let mut order: Vec<Axis> = program.axes.iter().map(|(axis, _)| axis).collect();
        order.sort_by_key(|axis| {
            let at = looped.iter().position(|one| one == axis);
            match at {
                Some(at) => (0, at, *axis),
                None if Some(*axis) == draw && tile >= FAST_DRAWS => (2, tile, *axis),
                None => (1, size(*axis), *axis),
            }
        });
        let mut rank = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, axis)| rank[axis.0 as usize] = at);
        Layout {
            rank,
            sizes: program.axes.iter().map(|(axis, _)| size(axis)).collect(),
            names: program.axes.iter().map(|(_, info)| info.name.clone()).collect(),
            draw,
        }
    }

    /// Size of an axis.
    pub fn size(&self, axis: Axis) -> usize {
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
        let mut stride = 1;
        let mut strides: Vec<(Axis, usize)> = dims
            .iter()
            .rev()
            .map(|axis| {
                let here = stride;
                stride *= self.size(*axis);
                (*axis, here)
            })
            .collect();
        strides.reverse();
        (strides, stride)
    }
}

/// The axes from slowest to fastest: `step:20 < row:100 < draw:64`.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = (0..self.rank.len() as u32).map(Axis).collect();
        let names: Vec<String> = self
            .sorted(&all)
            .into_iter()
            .map(|axis| {
                let (name, size) = self.named(axis);
                format!("{name}:{size}")
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
