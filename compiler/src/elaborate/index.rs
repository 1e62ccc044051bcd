//! Indexing and slices.
//!
//! An index that is the variable of the plate or loop around aligns the dimension with it; any
//! other index reads at computed positions; a range keeps the dimension, shorter.

use super::value::Value;
use super::{Exported, Lower, Lowered, Open, OpenKind};
use vary_core::axis::{Axis, AxisSet};
use vary_core::dim::Dim;
use vary_core::ir::{Array, Elem, Op, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, ExprKind};

/// What one index does to its dimension.
enum Selector {
    /// Aligns it with an axis in scope over the same range.
    Align(Axis),
    /// Reads at positions (an int, or an array of ints).
    At(Array),
    /// Keeps `size` positions from `start`.
    Slice(Dim, Dim),
    /// Keeps it.
    All,
}

impl Lower<'_> {
    /// `x[i, j]`
    pub(super) fn index(&mut self, array: &Array, indices: &[ast::Expr], span: Span) -> Lowered<Array> {
        if indices.len() > array.dims.len() {
            let found = super::types::describe(self.elem(array), &self.sizes(array));
            let message = match array.dims.len() {
                0 => format!("{found} is a single number: it has no entries"),
                1 => format!("{found} has one dimension"),
                several => format!("{found} has {several} dimensions"),
            };
            let label = format!("indexed with {}", indices.len());
            return Err(self.report(Diagnostic::error(Code("E0307"), message).at(span, label)));
        }
        let mut selectors = Vec::new();
        let mut brought = AxisSet::new();
        for (index, axis) in indices.iter().zip(&array.dims) {
            let mut selector = self.selector(index, *axis)?;
            if let Selector::At(positions) = &mut selector {
                // `x[g, g]` has two dimensions.
                *positions = self.clear_of(positions, &brought);
                brought = brought.union(&positions.dims.iter().copied().collect());
            }
            if !matches!(selector, Selector::Align(own) if own == *axis) {
                self.refuse_other_rows(array, *axis, index.span)?;
            }
            selectors.push(selector);
        }
        selectors.resize_with(array.dims.len(), || Selector::All);
        self.b.at(span);
        // Dimensions that stay must clash with nothing the indices bring along.
        let own: AxisSet = array.dims.iter().copied().collect();
        let mut avoid = self.open_axes().union(&self.b.axes_of(array.var).minus(&own));
        for selector in &selectors {
            if let Selector::At(index) = selector {
                avoid = avoid.union(self.b.axes_of(index.var));
                avoid = avoid.union(&index.dims.iter().copied().collect());
            }
        }
        // All at once: `x[j, i]` swaps dimensions.
        let mut taken = avoid.clone();
        let mut targets = Vec::new();
        for (selector, axis) in selectors.iter().zip(&array.dims) {
            let target = match selector {
                Selector::Align(target) => *target,
                _ if !taken.contains(*axis) => *axis,
                _ => {
                    let info = self.b.axes.info(*axis).clone();
                    self.b.axes.index(&info.name, info.lower, info.size, &taken.union(&own))
                }
            };
            taken.insert(target);
            targets.push(target);
        }
        let mut var = self.with_dims(array, &targets).var;
        let mut dims: Vec<Axis> = Vec::new();
        for (selector, axis) in selectors.iter().zip(targets) {
            match selector {
                Selector::At(index) => {
                    var = self.b.gather(var, axis, index.var);
                    dims.extend(&index.dims);
                }
                Selector::Slice(start, size) => {
                    let busy = taken.union(self.b.axes_of(var)).union(&dims.iter().copied().collect());
                    let target = self.b.axes.index("slice", Dim::known(0), size.clone(), &busy);
                    let iota = self.b.iota(target);
                    let offset = self.b.dim(start);
                    let position = self.b.prim(Prim::Add, &[iota, offset]);
                    var = self.b.gather(var, axis, position);
                    dims.push(target);
                }
                Selector::All => dims.push(axis),
                Selector::Align(_) => {}
            }
        }
        Ok(Array { var, dims })
    }

    /// Inside its own plate or loop, a site has this row only.
    pub(super) fn refuse_other_rows(&mut self, array: &Array, axis: Axis, span: Span) -> Lowered<()> {
        let is_site = |exported: &Exported| holds(&exported.whole, array.var);
        let inside = |open: &&Open| {
            let own = self.sites_of_block.get(open.block..).unwrap_or_default();
            let repeats = matches!(open.kind, OpenKind::Plate | OpenKind::Loop);
            open.axis == axis && repeats && own.iter().flatten().any(is_site)
        };
        let Some(open) = self.open.iter().find(inside).cloned() else { return Ok(()) };
        let (what, help) = match open.kind {
            OpenKind::Loop => (
                "a loop sees only its present step",
                format!("carry the earlier value: `with (last = …)`, and `next last = …[{}]`", open.name),
            ),
            _ => ("the rows of a plate are independent", "use the other rows after the plate".to_string()),
        };
        Err(self
            .report(Diagnostic::error(Code("E0322"), what).at(span, "another row is read here").help(help)))
    }

    /// The range of an index that is the variable of a plate or loop, plus or minus a number.
    fn index_range(&self, index: &ast::Expr) -> Option<(i64, i64)> {
        match &index.kind {
            ExprKind::Name(_) => {
                let open = self.index_of(index)?;
                let info = self.b.axes.info(open.axis);
                let lower = info.lower.value()?;
                Some((lower, lower.checked_add(info.size.value()?)?.checked_sub(1)?))
            }
            ExprKind::Binary(op, l, r) => {
                let ((low, high), shift) = (self.index_range(l)?, super::types::literal(r)? as i64);
                match op {
                    ast::BinaryOp::Add => Some((low.checked_add(shift)?, high.checked_add(shift)?)),
                    ast::BinaryOp::Sub => Some((low.checked_sub(shift)?, high.checked_sub(shift)?)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn selector(&mut self, index: &ast::Expr, axis: Axis) -> Lowered<Selector> {
        let info = self.b.axes.info(axis).clone();
        if let ExprKind::Range(lower, upper) = &index.kind {
            if lower.is_none() && upper.is_none() {
                return Ok(Selector::All);
            }
            let start = match lower {
                Some(lower) => self.dimension(lower, &mut None)?,
                None => info.lower.clone(),
            };
            let end = match upper {
                Some(upper) => self.dimension(upper, &mut None)?,
                None => info.lower.plus(&info.size),
            };
            let size = end.minus(&start);
            if size.value().is_some_and(|size| size < 0) {
                return Err(self.error("E0307", index.span, "the range ends before it starts", "here"));
            }
            return Ok(Selector::Slice(start, size));
        }
        if let Some(open) = self.index_of(index) {
            let other = self.b.axes.info(open.axis);
            if other.lower == info.lower && other.size == info.size {
                return Ok(Selector::Align(open.axis));
            }
        }
        if let (Some((low, high)), Some(lower), Some(size)) =
            (self.index_range(index), info.lower.value(), info.size.value())
            && low <= high
            && (low < lower || high >= lower.saturating_add(size))
        {
            return Err(self.report(
                Diagnostic::error(Code("E0307"), format!("this index runs from {low} to {high}"))
                    .at(index.span, format!("valid indices are {lower} to {}", lower + size - 1))
                    .help("let the range of the plate or loop end where the array does"),
            ));
        }
        let value = self.array(index)?;
        if self.elem(&value) != Elem::Int {
            let found = super::types::describe(self.elem(&value), &self.sizes(&value));
            return Err(self.report(
                Diagnostic::error(Code("E0308"), "an index must be an int")
                    .at(index.span, format!("this is {found}"))
                    .help("`floor(x)` and `round(x)` give ints"),
            ));
        }
        if let (Some(at), Some(lower), Some(size)) =
            (self.as_dim(value.var).and_then(|d| d.value()), info.lower.value(), info.size.value())
            && value.dims.is_empty()
            && !(lower..lower.saturating_add(size)).contains(&at)
        {
            return Err(self.report(
                Diagnostic::error(Code("E0307"), format!("index {at} is out of range"))
                    .at(index.span, format!("valid indices are {lower} to {}", lower + size - 1))
                    .note("indices start at 0"),
            ));
        }
        Ok(Selector::At(value))
    }

    /// `[a, b, c]`: a new leading dimension.
    pub(super) fn array_literal(&mut self, elements: &[ast::Expr], span: Span) -> Lowered<Value> {
        let mut parts = Vec::new();
        for element in elements {
            parts.push(self.array(element)?);
        }
        let Some(first) = parts.first().cloned() else {
            return Err(self.report(
                Diagnostic::error(Code("E0309"), "an empty array has no element type")
                    .at(span, "here")
                    .help("write `zeros(0)`"),
            ));
        };
        self.b.at(span);
        let real = parts.iter().any(|part| self.elem(part) == Elem::Real);
        let mut vars = Vec::new();
        for (part, element) in parts.iter().zip(elements) {
            if self.sizes(part) != self.sizes(&first) {
                let (a, b) =
                    (self.describe(&Value::Array(first.clone())), self.describe(&Value::Array(part.clone())));
                return Err(self.report(
                    Diagnostic::error(Code("E0306"), "the elements of an array have one shape")
                        .at(element.span, format!("this is {b}"))
                        .at(elements[0].span, format!("this is {a}")),
                ));
            }
            let part = if real { self.reals_of(part) } else { part.clone() };
            vars.push(self.with_dims(&part, &first.dims).var);
        }
        let mut taken = self.open_axes();
        for var in &vars {
            taken = taken.union(self.b.axes_of(*var));
        }
        taken = taken.union(&first.dims.iter().copied().collect());
        let axis = self.b.axes.index("entry", Dim::known(0), Dim::known(vars.len() as i64), &taken);
        let var = self.emit(Op::Stack { axis, parts: vars });
        let mut dims = vec![axis];
        dims.extend(first.dims);
        Ok(Value::Array(Array { var, dims }))
    }
}

/// Whether a value is, or has as a field, this variable.
fn holds(value: &Value, var: Var) -> bool {
    match value {
        Value::Array(array) => array.var == var,
        Value::Record(fields) => fields.iter().any(|(_, field)| holds(field, var)),
        Value::Tuple(parts) => parts.iter().any(|part| holds(part, var)),
        _ => false,
    }
}
