//! Arrays of sizes and of other arrays.

use crate::elaborate::value::Value;
use crate::elaborate::{Lower, Lowered};
use vary_core::dim::Dim;
use vary_core::ir::{Array, Op};
use vary_core::prim::Prim;
use vary_diagnostic::Span;
use vary_syntax::ast;

impl Lower<'_> {
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
                let dims = self.axes_for(&[size.clone(), size], "entry");
                let (i, j) = (self.b.iota(dims[0]), self.b.iota(dims[1]));
                let same = self.b.prim(Prim::Eq, &[i, j]);
                Ok(Value::Array(Array { var: self.b.to_real(same), dims }))
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
