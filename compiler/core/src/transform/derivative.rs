//! Partial derivatives of the pointwise primitives, as expressions of operands and result.
//!
//! The table is exhaustive: a new primitive does not compile before it has a derivative or is said
//! to have none. Expressions are chosen to be finite wherever the derivative is; where a
//! primitive has a kink (`abs`, `max`, `min`) one side is taken.

use crate::build::Builder;
use crate::ir::{Const, Elem, Var};
use crate::prim::Prim;

/// ∂`out`/∂`args[k]` for every operand; see [`partial`].
pub fn partials(b: &mut Builder, prim: Prim, args: &[Var], out: Var) -> Vec<Option<Var>> {
    (0..args.len()).map(|operand| partial(b, prim, args, out, operand)).collect()
}

/// ∂`out`/∂`args[operand]` where `out = prim(args)`; `None` where it is zero, or an operand or
/// the result is not a real.
pub fn partial(b: &mut Builder, prim: Prim, args: &[Var], out: Var, operand: usize) -> Option<Var> {
    let smooth = b.ty(out).elem == Elem::Real && b.ty(args[operand]).elem == Elem::Real;
    if !smooth {
        return None;
    }
    match *args {
        [a] => unary(b, prim, a, out),
        [x, y] => binary(b, prim, x, y, out, operand == 0),
        [condition, _, _] if prim == Prim::Select => Some(chosen(b, condition, operand == 1)),
        [_, _, _] => ternary(b, prim, args, operand),
        _ => unreachable!("{} has arity one to three", prim.name()),
    }
}

fn unary(b: &mut Builder, prim: Prim, a: Var, out: Var) -> Option<Var> {
    use Prim::*;
    let one = b.real(1.0);
    Some(match prim {
        Neg => b.real(-1.0),
        Abs => b.prim(Sign, &[a]),
        Exp => out,
        Expm1 => b.exp(a),
        Log => b.div(one, a),
        Log1p => {
            let shifted = b.add(one, a);
            b.div(one, shifted)
        }
        Sqrt => {
            let half = b.real(0.5);
            b.div(half, out)
        }
        Sin => b.prim(Cos, &[a]),
        Cos => {
            let sin = b.prim(Sin, &[a]);
            b.neg(sin)
        }
        Tan => {
            let square = b.mul(out, out);
            b.add(one, square)
        }
        Tanh => {
            let square = b.mul(out, out);
            b.sub(one, square)
        }
        Atan => {
            let square = b.mul(a, a);
            let shifted = b.add(one, square);
            b.div(one, shifted)
        }
        Sigmoid => {
            let rest = b.sub(one, out);
            b.mul(out, rest)
        }
        Softplus => b.prim(Sigmoid, &[a]),
        Lgamma => b.prim(Polygamma(0), &[a]),
        Polygamma(order) => b.prim(Polygamma(order + 1), &[a]),
        Erf => {
            let square = b.mul(a, a);
            let exponent = b.neg(square);
            let bell = b.exp(exponent);
            let scale = b.real(std::f64::consts::FRAC_2_SQRT_PI);
            b.mul(scale, bell)
        }
        Erfc => {
            let square = b.mul(a, a);
            let exponent = b.neg(square);
            let bell = b.exp(exponent);
            let scale = b.real(-std::f64::consts::FRAC_2_SQRT_PI);
            b.mul(scale, bell)
        }
        LogPhi => b.prim(InverseMills, &[a]),
        // −m (a + m)
        InverseMills => {
            let sum = b.add(a, out);
            let slope = b.mul(out, sum);
            b.neg(slope)
        }
        // 1/φ(out)
        InvPhi => {
            let (square, half) = (b.mul(out, out), b.real(0.5));
            let exponent = b.mul(half, square);
            let inverse_bell = b.exp(exponent);
            let scale = b.real(std::f64::consts::TAU.sqrt());
            b.mul(scale, inverse_bell)
        }
        // −1 / (e^−a − 1)
        Log1mExp => {
            let minus = b.neg(a);
            let below = b.prim(Expm1, &[minus]);
            let minus_one = b.real(-1.0);
            b.div(minus_one, below)
        }
        ToReal => one,
        Sign | Floor | Ceil | Round | Not | ToInt => return None,
        Add | Sub | Mul | Div | IntDiv | Rem | Pow | Max | Min | Atan2 | XLogY | XMulY | Lbeta
        | LogBesselI | OwensT | LogGammaP | LogGammaPBy(_) | LogGammaQ | LogGammaQBy(_) | Lt | Le | Eq
        | Ne | And | Or | Select | Require | LogIncBeta | LogIncBetaBy(_) | VonMisesCdf
        | VonMisesCdfByKappa => {
            unreachable!("{} is not unary", prim.name())
        }
    })
}

/// By the first operand, or by the second.
fn binary(b: &mut Builder, prim: Prim, x: Var, y: Var, out: Var, first: bool) -> Option<Var> {
    use Prim::*;
    let zero = b.real(0.0);
    let one = b.real(1.0);
    Some(match prim {
        Add | Require => one,
        Sub => b.real(if first { 1.0 } else { -1.0 }),
        Mul | XMulY => {
            if first {
                y
            } else {
                x
            }
        }
        Div => {
            let inverse = b.div(one, y);
            if first {
                inverse
            } else {
                let quotient = b.mul(out, inverse);
                b.neg(quotient)
            }
        }
        Rem if first => one,
        Rem => {
            let quotient = b.div(x, y);
            let whole = b.prim(Floor, &[quotient]);
            let whole = b.to_real(whole);
            b.neg(whole)
        }
        Pow if first => {
            let lower = b.sub(y, one);
            let power = b.prim(Pow, &[x, lower]);
            let slope = b.mul(y, power);
            match b.constant(y) {
                Some(Const::Real(0.0)) => return None,
                Some(_) => slope,
                // 0 · 0^-1 is 0 here.
                None => {
                    let flat = b.prim(Eq, &[y, zero]);
                    b.select(flat, zero, slope)
                }
            }
        }
        // 0 log 0 is 0 here.
        Pow => b.prim(XLogY, &[out, x]),
        Max => {
            let condition = b.prim(Le, &[y, x]);
            chosen(b, condition, first)
        }
        Min => {
            let condition = b.prim(Le, &[x, y]);
            chosen(b, condition, first)
        }
        Atan2 => {
            let (xx, yy) = (b.mul(x, x), b.mul(y, y));
            let square = b.add(xx, yy);
            let slope = b.div(if first { y } else { x }, square);
            if first { slope } else { b.neg(slope) }
        }
        XLogY => {
            let none = b.prim(Eq, &[x, zero]);
            if first {
                let outside = b.prim(Le, &[y, zero]);
                let corner = b.prim(And, &[none, outside]);
                let log = b.log(y);
                b.select(corner, zero, log)
            } else {
                let slope = b.div(x, y);
                b.select(none, zero, slope)
            }
        }
        // ψ(x) − ψ(x + y), and of y alike.
        Lbeta => {
            let total = b.add(x, y);
            let (own, all) =
                (b.prim(Polygamma(0), &[if first { x } else { y }]), b.prim(Polygamma(0), &[total]));
            b.sub(own, all)
        }
        // I_{v+1}/I_v + v/x
        LogBesselI if !first => {
            let next = b.add(x, one);
            let above = b.prim(LogBesselI, &[next, y]);
            let log_ratio = b.sub(above, out);
            let ratio = b.exp(log_ratio);
            let none = b.prim(Eq, &[x, zero]);
            let power = b.div(x, y);
            let power = b.select(none, zero, power);
            b.add(ratio, power)
        }
        OwensT => owens_t(b, x, y, first),
        VonMisesCdf if first => von_mises(b, x, y),
        VonMisesCdf => b.prim(VonMisesCdfByKappa, &[x, y]),
        VonMisesCdfByKappa => return None,
        LogGammaP => b.prim(LogGammaPBy(u8::from(!first)), &[x, y]),
        LogGammaQ => b.prim(LogGammaQBy(u8::from(!first)), &[x, y]),
        // Of these the smoothness analysis wants rigid operands.
        LogBesselI | LogGammaPBy(_) | LogGammaQBy(_) => return None,
        IntDiv | Lt | Le | Eq | Ne | And | Or => return None,
        Neg | Abs | Exp | Expm1 | Log | Log1p | Sqrt | Sin | Cos | Tan | Tanh | Atan | Sigmoid | Softplus
        | Lgamma | Polygamma(_) | Erf | Erfc | LogPhi | InverseMills | InvPhi | Log1mExp | Floor | Ceil
        | Round | Sign | Not | ToReal | ToInt | Select | LogIncBeta | LogIncBetaBy(_) => {
            unreachable!("{} is not binary", prim.name())
        }
    })
}

/// The von Mises density of an angle x: exp(−2κ sin²(x/2)) / (2π e^−κ I₀(κ)).
fn von_mises(b: &mut Builder, x: Var, kappa: Var) -> Var {
    let (half, two, zero) = (b.real(0.5), b.real(-2.0), b.real(0.0));
    let angle = b.mul(half, x);
    let sine = b.prim(Prim::Sin, &[angle]);
    let square = b.mul(sine, sine);
    let drop = b.mul(kappa, square);
    let drop = b.mul(two, drop);
    let bessel = b.prim(Prim::LogBesselI, &[zero, kappa]);
    let norm = b.sub(bessel, kappa);
    let log = b.sub(drop, norm);
    let density = b.exp(log);
    let turn = b.real(1.0 / std::f64::consts::TAU);
    b.mul(turn, density)
}

/// By h: −φ(h) erf(a h / √2) / 2. By a: exp(−h² (1 + a²) / 2) / (2π (1 + a²)).
fn owens_t(b: &mut Builder, h: Var, a: Var, by_h: bool) -> Var {
    let (square, one) = (b.mul(h, h), b.real(1.0));
    let half = b.real(-0.5);
    let mut exponent = b.mul(half, square);
    if by_h {
        let (product, scale) = (b.mul(a, h), b.real(std::f64::consts::FRAC_1_SQRT_2));
        let argument = b.mul(scale, product);
        let (bell, inside) = (b.exp(exponent), b.prim(Prim::Erf, &[argument]));
        let both = b.mul(bell, inside);
        let scale = b.real(-0.5 / std::f64::consts::TAU.sqrt());
        return b.mul(scale, both);
    }
    let stretch = b.mul(a, a);
    let stretch = b.add(one, stretch);
    exponent = b.mul(exponent, stretch);
    let (bell, tau) = (b.exp(exponent), b.real(std::f64::consts::TAU));
    let below = b.mul(tau, stretch);
    b.div(bell, below)
}

fn ternary(b: &mut Builder, prim: Prim, args: &[Var], operand: usize) -> Option<Var> {
    match prim {
        Prim::LogIncBeta => Some(b.prim(Prim::LogIncBetaBy(operand as u8), args)),
        Prim::LogIncBetaBy(_) => None,
        _ => unreachable!("{} is not ternary", prim.name()),
    }
}

/// 1 where the condition is as wanted, else 0.
fn chosen(b: &mut Builder, condition: Var, wanted: bool) -> Var {
    let (one, zero) = (b.real(1.0), b.real(0.0));
    if wanted { b.select(condition, one, zero) } else { b.select(condition, zero, one) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::AxisTable;
    use crate::eval::eval;
    use crate::ir::{Input, InputKind, Output, Program};
    use ndarray::{ArrayD, IxDyn};

    /// Computes the primitive of real operands (the first of `select` a bool) and its partials.
    fn program(prim: Prim) -> Option<Program> {
        let mut b = Builder::new(AxisTable::default());
        let elems: Vec<Elem> = (0..prim.arity())
            .map(|at| {
                if matches!(prim, Prim::Select | Prim::Require) && at == 0 { Elem::Bool } else { Elem::Real }
            })
            .collect();
        prim.result(&elems)?;
        let args: Vec<Var> = elems
            .iter()
            .enumerate()
            .map(|(at, elem)| {
                b.input(*elem, Input { kind: InputKind::Param, name: at.to_string(), dims: vec![] })
            })
            .collect();
        let out = b.emit(crate::ir::Op::Prim(prim, args.clone()));
        let slopes = partials(&mut b, prim, &args, out);
        let mut results = vec![Output { name: "out".into(), var: out, dims: vec![] }];
        for (at, slope) in slopes.into_iter().enumerate() {
            results.extend(slope.map(|var| Output { name: at.to_string(), var, dims: vec![] }));
        }
        Some(b.finish(results))
    }

    fn run(program: &Program, operands: &[f64]) -> impl Fn(&str) -> Option<f64> {
        let inputs = |input: &Input| {
            let at: usize = input.name.parse().unwrap();
            ArrayD::from_elem(IxDyn(&[]), operands[at])
        };
        let results = eval(program, &inputs, &mut |_, _, _| unreachable!("no draws")).unwrap();
        move |name| results.get(name).map(|value| value.sum())
    }

    #[test]
    fn every_partial_is_the_slope() {
        use Prim::*;
        let everywhere = [-2.3, -0.6, 0.4, 1.7];
        let positive = [0.2, 0.9, 2.6, 7.5];
        for prim in Prim::ALL {
            // Those of ints and bools, or with an int or bool result, are checked to have no partial.
            let rigid = [
                Floor,
                Ceil,
                Round,
                Sign,
                Not,
                ToInt,
                IntDiv,
                Lt,
                Le,
                Eq,
                Ne,
                And,
                Or,
                LogGammaPBy(0),
                LogGammaPBy(1),
                LogGammaQBy(0),
                LogGammaQBy(1),
                LogIncBetaBy(0),
                LogIncBetaBy(1),
                LogIncBetaBy(2),
                VonMisesCdfByKappa,
            ];
            let Some(program) = program(prim) else {
                assert!(rigid.contains(&prim), "{} takes no reals", prim.name());
                continue;
            };
            let points: Vec<f64> = match prim {
                Log | Sqrt | Pow | Lbeta | LogBesselI | LogGammaP | LogGammaPBy(_) | LogGammaQ
                | LogGammaQBy(_) | LogIncBeta | LogIncBetaBy(_) => positive.to_vec(),
                InvPhi => vec![0.01, 0.3, 0.6, 0.98],
                Log1mExp => everywhere.iter().map(|x| x - 1.8).collect(),
                Log1p => positive.iter().map(|x| x - 0.85).collect(),
                _ => everywhere.to_vec(),
            };
            for (at, x) in points.iter().enumerate() {
                let mut operands = vec![
                    *x,
                    if matches!(prim, XLogY | VonMisesCdf) { positive[at] } else { points[(at + 1) % 4] },
                    0.3,
                ];
                operands.truncate(prim.arity());
                let conditional = matches!(prim, Select | Require);
                if prim == Require {
                    operands[0] = 1.0;
                }
                if prim == Select {
                    operands[0] = (at % 2) as f64;
                }
                let result = run(&program, &operands);
                for operand in usize::from(conditional)..prim.arity() {
                    let moved = |h: f64| {
                        let mut operands = operands.clone();
                        operands[operand] += h;
                        prim.eval(&operands)
                    };
                    // Fourth-order central difference.
                    let h = 3e-4 * operands[operand].abs();
                    let slope =
                        (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
                    let partial = result(&operand.to_string());
                    let rigid = rigid.contains(&prim) || (prim, operand) == (LogBesselI, 0);
                    assert_eq!(partial.is_none(), rigid, "{}", prim.name());
                    let partial = partial.unwrap_or(0.0);
                    let scale = 1.0 + slope.abs();
                    assert!(
                        rigid || (partial - slope).abs() < 1e-7 * scale,
                        "{} at {operands:?} by {operand}: {partial}, not {slope}",
                        prim.name()
                    );
                }
            }
        }
    }

    #[test]
    fn partials_are_finite_at_the_corners() {
        let at = |prim, operands: &[f64], operand: &str| run(&program(prim).unwrap(), operands)(operand);
        assert_eq!(at(Prim::XLogY, &[0.0, 0.0], "0"), Some(0.0));
        assert_eq!(at(Prim::XLogY, &[0.0, 0.0], "1"), Some(0.0));
        assert_eq!(at(Prim::Pow, &[0.0, 0.0], "0"), Some(0.0));
        assert_eq!(at(Prim::Pow, &[0.0, 2.5], "1"), Some(0.0));
        assert_eq!(at(Prim::Softplus, &[800.0], "0"), Some(1.0));
        assert_eq!(at(Prim::Sigmoid, &[-800.0], "0"), Some(0.0));
        assert_eq!(at(Prim::Tanh, &[800.0], "0"), Some(0.0));
        let tie = [at(Prim::Max, &[1.0, 1.0], "0"), at(Prim::Max, &[1.0, 1.0], "1")];
        assert_eq!(tie, [Some(1.0), Some(0.0)]);
    }
}
