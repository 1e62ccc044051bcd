//! Where values are: buffers, and views of them by axis.

use super::layout::Layout;
use std::collections::HashMap;
use vary_core::axis::{Axis, AxisSet};
use vary_runtime::program::{Buffer, Instr, Place, Program, Tiles, View};

/// Where a value is: the element at indices `i` stands at `offset + Σ stride(axis) · i(axis)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub buffer: usize,
    pub offset: usize,
    /// Absent axes have stride 0.
    pub strides: Vec<(Axis, usize)>,
    /// Of how many of the loops around its binding, outermost first, it holds the current step only.
    pub current: usize,
    /// Whether it holds the rows of one tile only.
    pub tiled: bool,
}

impl Storage {
    /// The stride along an axis.
    pub fn stride(&self, axis: Axis) -> usize {
        self.strides.iter().find(|(a, _)| *a == axis).map_or(0, |(_, stride)| *stride)
    }

    /// The same with axes moved; where one meets another, their diagonal.
    pub fn renamed(&self, pairs: &[(Axis, Axis)]) -> Storage {
        let mut strides: Vec<(Axis, usize)> = Vec::new();
        for (axis, stride) in &self.strides {
            let target = pairs.iter().find(|(from, _)| from == axis).map_or(*axis, |(_, to)| *to);
            match strides.iter_mut().find(|(a, _)| *a == target) {
                Some((_, sum)) => *sum += stride,
                None => strides.push((target, *stride)),
            }
        }
        Storage { strides, ..self.clone() }
    }

    /// The same at one position of an axis.
    pub fn at(&self, axis: Axis, position: usize) -> Storage {
        let offset = self.offset + position * self.stride(axis);
        let strides = self.strides.iter().copied().filter(|(a, _)| *a != axis).collect();
        Storage { offset, strides, ..self.clone() }
    }
}

/// The program under construction: buffers, and the instruction lists of the open loops.
pub(super) struct Output {
    pub program: Program,
    pub layout: Layout,
    /// Where what is computed now belongs.
    pub place: Place,
    /// The list that is being written.
    list: Vec<Instr>,
    constants: HashMap<u64, usize>,
    /// Axis and instructions of each open loop.
    loops: Vec<(Axis, Vec<Instr>)>,
}

impl Output {
    pub fn new(layout: Layout) -> Self {
        let tiles = layout.tile.map_or_else(Tiles::default, |tile| {
            let (axis, rows) = layout.named(tile.axis);
            Tiles { axis, rows, size: tile.size }
        });
        Output {
            program: Program { tiles, ..Program::default() },
            layout,
            place: Place::Once,
            list: Vec::new(),
            constants: HashMap::new(),
            loops: Vec::new(),
        }
    }

    /// Begins a list whose buffers have this place.
    pub fn begin(&mut self, place: Place) {
        self.place = place;
        self.layout.rows = match place {
            Place::Tile(shape) => Some(self.program.tiles.rows_of(shape)),
            _ => None,
        };
    }

    /// The list written since it was taken last.
    pub fn take(&mut self) -> Vec<Instr> {
        std::mem::take(&mut self.list)
    }

    /// Appends an instruction to the innermost open loop, or to the list that is being written.
    pub fn push(&mut self, instr: Instr) {
        self.loops.last_mut().map_or(&mut self.list, |(_, body)| body).push(instr);
    }

    pub fn open(&mut self, axis: Axis) {
        self.loops.push((axis, Vec::new()));
    }

    /// Closes the innermost loop and returns its instructions.
    pub fn close(&mut self) -> Vec<Instr> {
        self.loops.pop().map(|(_, body)| body).unwrap_or_default()
    }

    /// How many loops are open.
    pub fn depth(&self) -> usize {
        self.loops.len()
    }

    /// The axes of the open loops, outermost first.
    pub fn open_axes(&self) -> impl Iterator<Item = Axis> + '_ {
        self.loops.iter().map(|(axis, _)| *axis)
    }

    /// A new buffer over these axes, laid out in the program's order.
    pub fn buffer(&mut self, name: &str, axes: &AxisSet) -> Storage {
        let dims = self.layout.sorted(axes);
        self.array(name, &dims, self.place)
    }

    /// A new buffer over these axes in this order.
    pub fn array(&mut self, name: &str, dims: &[Axis], place: Place) -> Storage {
        let (strides, len) = self.layout.strides(dims);
        let shape = dims.iter().map(|axis| self.layout.named(*axis)).collect();
        self.program.buffers.push(Buffer { name: name.to_string(), shape, len, place });
        let tiled = matches!(place, Place::Tile(_));
        Storage { buffer: self.program.buffers.len() - 1, offset: 0, strides, current: self.depth(), tiled }
    }

    /// A constant.
    pub fn constant(&mut self, value: f64) -> Storage {
        let buffers = &mut self.program.buffers;
        let buffer = *self.constants.entry(value.to_bits()).or_insert_with(|| {
            let place = Place::Constant(value);
            buffers.push(Buffer { name: format!("{value}"), shape: Vec::new(), len: 1, place });
            buffers.len() - 1
        });
        Storage { buffer, offset: 0, strides: Vec::new(), current: 0, tiled: false }
    }

    /// The axes without those of the open loops, in the program's order: the loops of an instruction.
    pub fn loops(&self, axes: &AxisSet) -> Vec<Axis> {
        let mut sorted = self.layout.sorted(axes);
        sorted.retain(|axis| self.open_axes().all(|open| open != *axis));
        sorted
    }

    pub fn extents(&self, loops: &[Axis]) -> Vec<usize> {
        loops.iter().map(|axis| self.layout.size(*axis)).collect()
    }

    /// A value as the operand of an instruction with these loops.
    pub fn view(&self, storage: &Storage, loops: &[Axis]) -> View {
        View {
            buffer: storage.buffer,
            offset: storage.offset,
            strides: loops.iter().map(|axis| storage.stride(*axis)).collect(),
            steps: self.steps(|axis| storage.stride(axis), storage.tiled),
        }
    }

    /// How far the tile's first row and the indices of the open loops move something with these strides; a tile's own
    /// values begin at its first row.
    pub fn steps(&self, stride: impl Fn(Axis) -> usize, tiled: bool) -> Vec<usize> {
        let tile = self.layout.tile.filter(|_| self.layout.rows.is_some());
        let first = tile.map(|tile| if tiled { 0 } else { stride(tile.axis) });
        first.into_iter().chain(self.open_axes().map(stride)).collect()
    }
}
