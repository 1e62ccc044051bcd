//! Arrays of sizes and of other arrays.

use crate::elaborate::types::describe;
use crate::elaborate::value::Value;
use crate::elaborate::{Lower, Lowered};
use vary_core::dim::Dim;
use vary_core::ir::{Array, Elem, Op};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

impl Lower<'_> {
    fn identity(&mut self, size: Dim) -> Array {
        let dims = self.axes_for(&[size.clone(), size], "entry");
        let (i, j) = (self.b.iota(dims[0]), self.b.iota(dims[1]));
        let same = self.b.prim(Prim::Eq, &[i, j]);
        Array { var: self.b.to_real(same), dims }
    }

    pub(super) fn construction(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        match name {
            "full" => {
                let Some((value, dims)) = args.split_first() else {
                    return Err(self.error("E0314", span, "`full` needs a value and sizes", "here"));
                };
                let value = self.array(&value.value)?;
                let dims: Lowered<Vec<Dim>> =
                    dims.iter().map(|a| self.size(&a.value, &mut None, 0)).collect();
                let mut all = self.axes_for(&dims?, "entry");
                let value = self.clear_of(&value, &all.iter().copied().collect());
                all.extend(&value.dims);
                Ok(Value::Array(Array { var: value.var, dims: all }))
            }
            "eye" => {
                let [arg] = args else {
                    return Err(self.error("E0314", span, "`eye` needs a size", "here"));
                };
                let size = self.size(&arg.value, &mut None, 0)?;
                Ok(Value::Array(self.identity(size)))
            }
            "one_hot" => {
                let [index, size] = args else {
                    let message = "`one_hot` needs an index and how many values it has";
                    return Err(self.error("E0314", span, message, "write `one_hot(k, n)`"));
                };
                let index = self.array(&index.value)?;
                if self.elem(&index) != Elem::Int {
                    let found = describe(self.elem(&index), &self.sizes(&index));
                    return Err(self.report(
                        Diagnostic::error(Code("E0308"), "`one_hot` takes an int, the place of the one")
                            .at(args[0].value.span, format!("this is {found}"))
                            .help("of a bit x it is `[1 - real(x), real(x)]`"),
                    ));
                }
                let size = self.size(&size.value, &mut None, 0)?;
                // Row k of the identity, so that to relax an index is to relax what is looked up by it.
                let rows = self.identity(size);
                let index = self.clear_of(&index, &rows.dims.iter().copied().collect());
                let var = self.b.gather(rows.var, rows.dims[0], index.var);
                let dims = index.dims.into_iter().chain([rows.dims[1]]).collect();
                Ok(Value::Array(Array { var, dims }))
            }
            "length" => {
                let [a] = self.arrays::<1>(name, args, span)?;
                match a.dims.first() {
                    Some(axis) => {
                        let size = self.b.axes.info(*axis).size.clone();
                        let var = self.known_int(size);
                        Ok(self.scalar(var))
                    }
                    None => Err(self.error("E0320", span, "`length` needs an array", "this is a scalar")),
                }
            }
            _ => {
                let mut parts = Vec::new();
                let mut total = Dim::known(0);
                let mut taken = self.open_axes();
                for arg in args {
                    let part = self.array(&arg.value)?;
                    let [axis] = part.dims.as_slice() else {
                        return Err(self.error(
                            "E0306",
                            arg.value.span,
                            "`concat` joins vectors",
                            "not a vector",
                        ));
                    };
                    total = total.plus(&self.b.axes.info(*axis).size);
                    let var = self.b.to_real(part.var);
                    let var = self.b.spread(var, *axis);
                    taken = taken.union(self.b.axes_of(var));
                    parts.push((*axis, var));
                }
                if parts.is_empty() {
                    return Err(self.error("E0314", span, "`concat` needs arrays", "none given"));
                }
                let axis = self.b.axes.index("joined", Dim::known(0), total, &taken);
                let var = self.emit(Op::Concat { axis, parts });
                Ok(Value::Array(Array { var, dims: vec![axis] }))
            }
        }
    }
}
