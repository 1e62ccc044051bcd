//! Programs as text.

use super::{Combine, Instr, Map, Place, Program, View};
use std::fmt;

impl Instr {
    /// The name of the operation.
    pub fn name(&self) -> String {
        match self {
            Instr::Map { op: Map::Unary(op), .. } => format!("{op:?}").to_lowercase(),
            Instr::Map { op: Map::Binary(op), .. } => format!("{op:?}").to_lowercase(),
            Instr::Map { op: Map::Ternary(op), .. } => format!("{op:?}").to_lowercase(),
            Instr::Iota { lower, .. } => format!("iota from {lower}"),
            Instr::Reduce { fold, .. } => format!("reduce {}", format!("{fold:?}").to_lowercase()),
            Instr::Contract { .. } => "contract".to_string(),
            Instr::Gather { .. } => "gather".to_string(),
            Instr::Scatter { .. } => "scatter".to_string(),
            Instr::CumSum { reverse, exclusive, .. } => {
                let reverse = if *reverse { " reverse" } else { "" };
                let exclusive = if *exclusive { " exclusive" } else { "" };
                format!("cumsum{reverse}{exclusive}")
            }
            Instr::Cholesky { .. } => "cholesky".to_string(),
            Instr::TriSolve { transposed, .. } => {
                format!("trisolve{}", if *transposed { " transposed" } else { "" })
            }
            Instr::Draw(draw) => {
                let by_row = if draw.rows.is_some() { " by row" } else { "" };
                format!("draw {} {:?}{by_row}", format!("{:?}", draw.base).to_lowercase(), draw.occurrence)
            }
            Instr::Loop(inner) => {
                format!("loop {}{}", inner.size, if inner.reverse { " reverse" } else { "" })
            }
        }
    }
}

/// One line per instruction, the buffers written with their layouts; `name(stride, …)` is a view.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tiles = &self.tiles;
        if tiles.size > 0 {
            writeln!(f, "tiles of {} of {} {}", tiles.size, tiles.rows, tiles.axis)?;
        }
        for (index, input) in self.inputs.iter().enumerate() {
            let kind = format!("{:?}", input.kind).to_lowercase();
            writeln!(f, "input {index} {kind} {}: {} numbers", input.name, input.len)?;
        }
        self.write_list(f, "once", &self.once)?;
        for round in &self.rounds {
            self.write_list(f, "step", &round.whole)?;
            self.write_list(f, "step, for each tile", &round.tiles[0])?;
            for join in &round.joins {
                let (to, from) = (self.layout(join.to), self.layout(join.from[0]));
                writeln!(f, "  {to} = {} {from} of all tiles", join.combine.name())?;
            }
        }
        for output in &self.outputs {
            writeln!(f, "output {} = {}", output.name, self.layout(output.buffer))?;
        }
        Ok(())
    }
}

impl Combine {
    fn name(self) -> String {
        match self {
            Combine::Fold(fold) => format!("{fold:?}").to_lowercase(),
            Combine::Stack { .. } => "stack".to_string(),
            Combine::Same => "any".to_string(),
        }
    }
}

impl Program {
    fn write_list(&self, f: &mut fmt::Formatter<'_>, title: &str, instrs: &[Instr]) -> fmt::Result {
        if instrs.is_empty() {
            return Ok(());
        }
        writeln!(f, "{title}")?;
        self.write_instrs(f, instrs, 1)
    }

    fn write_instrs(&self, f: &mut fmt::Formatter<'_>, instrs: &[Instr], depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        for instr in instrs {
            let (out, args) = instr.operands();
            match (instr, out) {
                (Instr::Loop(inner), _) => {
                    writeln!(f, "{indent}{}", instr.name())?;
                    self.write_instrs(f, &inner.body, depth + 1)?;
                }
                (_, Some(out)) => {
                    let args: Vec<String> = args.iter().map(|view| self.view(view)).collect();
                    let target = self.layout(out.buffer);
                    let at = self.place(out);
                    let loops = instr.extents();
                    writeln!(
                        f,
                        "{indent}{target}{at} = {} {} over {loops:?}",
                        instr.name(),
                        args.join(", ")
                    )?;
                }
                (_, None) => {}
            }
        }
        Ok(())
    }

    fn layout(&self, buffer: usize) -> String {
        let buffer = &self.buffers[buffer];
        let axes: Vec<String> = buffer.shape.iter().map(|(name, size)| format!("{name}:{size}")).collect();
        if axes.is_empty() { buffer.name.clone() } else { format!("{}[{}]", buffer.name, axes.join(", ")) }
    }

    /// The part of a view that is not its strides: `+offset` and `@step strides`.
    fn place(&self, view: &View) -> String {
        let offset = if view.offset == 0 { String::new() } else { format!("+{}", view.offset) };
        let moves = view.steps.iter().any(|step| *step != 0);
        let steps = if moves { format!("@{:?}", view.steps) } else { String::new() };
        format!("{offset}{steps}")
    }

    fn view(&self, view: &View) -> String {
        let buffer = &self.buffers[view.buffer];
        if let Place::Constant(value) = buffer.place {
            return format!("{value}");
        }
        let strides: Vec<String> = view.strides.iter().map(usize::to_string).collect();
        format!("{}({}){}", buffer.name, strides.join(","), self.place(view))
    }
}
