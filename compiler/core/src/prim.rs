//! Pointwise primitives: what each takes, gives and requires. Their derivatives are in
//! `transform::derivative`, their meaning on numbers in [`Prim::eval`].

use crate::ir::Elem;

/// A pointwise primitive. Bools count as 0 and 1, ints as whole reals, in [`Prim::eval`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Prim {
    Neg,
    Abs,
    Exp,
    Expm1,
    Log,
    Log1p,
    Sqrt,
    Sin,
    Cos,
    Tan,
    Tanh,
    Atan,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `log(1 + e^x)`
    Softplus,
    Lgamma,
    /// Polygamma of an order: 0 is digamma, 1 trigamma.
    Polygamma(u8),
    Erf,
    /// `1 − erf x`
    Erfc,
    /// `log Φ(x)`, Φ the standard normal distribution function.
    LogPhi,
    /// `φ(x) / Φ(x)`, the derivative of `log Φ`.
    InverseMills,
    /// The inverse of Φ.
    InvPhi,
    /// `log(1 − e^x)` for x ≤ 0.
    Log1mExp,
    /// Real to int, towards −∞.
    Floor,
    /// Real to int, towards +∞.
    Ceil,
    /// Real to int, halves away from zero.
    Round,
    /// Real to real: −1, 0 or 1.
    Sign,
    Not,
    /// Int or bool to real.
    ToReal,
    /// Bool to int.
    ToInt,
    Add,
    Sub,
    Mul,
    /// Real division.
    Div,
    /// Int division, towards −∞.
    IntDiv,
    /// Remainder with the sign of the divisor.
    Rem,
    Pow,
    Max,
    Min,
    Atan2,
    /// `x · log y`, 0 where x = 0.
    XLogY,
    /// `x · y`, 0 where x = 0, whatever y is.
    XMulY,
    /// `log B(a, b)`
    Lbeta,
    /// `log I_v(x)` of an order v, in which it is not differentiated.
    LogBesselI,
    /// Owen's `T(h, a)`.
    OwensT,
    /// `log P(a, x)`, P the regularised lower incomplete gamma function.
    LogGammaP,
    /// Its derivative by an operand, which is not differentiated again; so in the following.
    LogGammaPBy(u8),
    /// `log Q(a, x)`, Q = 1 − P.
    LogGammaQ,
    LogGammaQBy(u8),
    Lt,
    Le,
    Eq,
    Ne,
    And,
    Or,
    /// `c ? a : b`
    Select,
    /// `c requires x`: x where c holds, else NaN. A constraint, see [`crate::transform::require`].
    Require,
    /// `log I_x(a, b)`, I the regularised incomplete beta function.
    LogIncBeta,
    LogIncBetaBy(u8),
    /// The integral of the von Mises density of concentration κ from 0 to x.
    VonMisesCdf,
    /// Its derivative by κ.
    VonMisesCdfByKappa,
}

/// How the result's element type follows from the operands'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sig {
    /// Reals to a real.
    Real,
    /// All operands of one numeric type, which is the result's.
    Numeric,
    /// Ints to an int.
    Int,
    /// Reals to an int.
    RealToInt,
    /// Two operands of one type to a bool.
    Compare,
    /// Bools to a bool.
    Bool,
    /// Anything to a real.
    ToReal,
    /// A bool to an int.
    ToInt,
    /// A bool and two operands of one type, which is the result's.
    Select,
    /// A bool and an operand, whose type is the result's.
    Require,
}

impl Prim {
    /// Every primitive, with orders 0 to 3 of polygamma, for table-driven tests.
    pub const ALL: [Prim; 69] = [
        Prim::Neg,
        Prim::Abs,
        Prim::Exp,
        Prim::Expm1,
        Prim::Log,
        Prim::Log1p,
        Prim::Sqrt,
        Prim::Sin,
        Prim::Cos,
        Prim::Tan,
        Prim::Tanh,
        Prim::Atan,
        Prim::Sigmoid,
        Prim::Softplus,
        Prim::Lgamma,
        Prim::Polygamma(0),
        Prim::Polygamma(1),
        Prim::Polygamma(2),
        Prim::Polygamma(3),
        Prim::Erf,
        Prim::Floor,
        Prim::Ceil,
        Prim::Round,
        Prim::Sign,
        Prim::Not,
        Prim::ToReal,
        Prim::ToInt,
        Prim::Add,
        Prim::Sub,
        Prim::Mul,
        Prim::Div,
        Prim::IntDiv,
        Prim::Rem,
        Prim::Pow,
        Prim::Max,
        Prim::Min,
        Prim::Atan2,
        Prim::XLogY,
        Prim::XMulY,
        Prim::Lt,
        Prim::Le,
        Prim::Eq,
        Prim::Ne,
        Prim::And,
        Prim::Or,
        Prim::Select,
        Prim::Polygamma(4),
        Prim::Polygamma(5),
        Prim::Require,
        Prim::Erfc,
        Prim::LogPhi,
        Prim::InverseMills,
        Prim::InvPhi,
        Prim::Log1mExp,
        Prim::Lbeta,
        Prim::LogBesselI,
        Prim::OwensT,
        Prim::LogGammaP,
        Prim::LogGammaPBy(0),
        Prim::LogGammaPBy(1),
        Prim::LogGammaQ,
        Prim::LogGammaQBy(0),
        Prim::LogGammaQBy(1),
        Prim::LogIncBeta,
        Prim::LogIncBetaBy(0),
        Prim::LogIncBetaBy(1),
        Prim::LogIncBetaBy(2),
        Prim::VonMisesCdf,
        Prim::VonMisesCdfByKappa,
    ];

    /// Typing rule.
    pub fn sig(self) -> Sig {
        use Prim::*;
        match self {
            Exp | Expm1 | Log | Log1p | Sqrt | Sin | Cos | Tan | Tanh | Atan | Sigmoid | Softplus
            | Lgamma | Polygamma(_) | Erf | Erfc | LogPhi | InverseMills | InvPhi | Log1mExp | Sign | Div
            | Pow | Atan2 | XLogY | XMulY | Lbeta | LogBesselI | OwensT | LogGammaP | LogGammaPBy(_)
            | LogGammaQ | LogGammaQBy(_) | LogIncBeta | LogIncBetaBy(_) | VonMisesCdf
            | VonMisesCdfByKappa => Sig::Real,
            Neg | Abs | Add | Sub | Mul | Rem | Max | Min => Sig::Numeric,
            IntDiv => Sig::Int,
            Floor | Ceil | Round => Sig::RealToInt,
            Lt | Le | Eq | Ne => Sig::Compare,
            Not | And | Or => Sig::Bool,
            ToReal => Sig::ToReal,
            ToInt => Sig::ToInt,
            Select => Sig::Select,
            Require => Sig::Require,
        }
    }

    /// Number of operands.
    pub fn arity(self) -> usize {
        use Prim::*;
        match self {
            Neg | Abs | Exp | Expm1 | Log | Log1p | Sqrt | Sin | Cos | Tan | Tanh | Atan | Sigmoid
            | Softplus | Lgamma | Polygamma(_) | Erf | Erfc | LogPhi | InverseMills | InvPhi | Log1mExp
            | Floor | Ceil | Round | Sign | Not | ToReal | ToInt => 1,
            Add | Sub | Mul | Div | IntDiv | Rem | Pow | Max | Min | Atan2 | XLogY | XMulY | Lbeta
            | LogBesselI | OwensT | LogGammaP | LogGammaPBy(_) | LogGammaQ | LogGammaQBy(_) | Lt | Le
            | Eq | Ne | And | Or | Require | VonMisesCdf | VonMisesCdfByKappa => 2,
            Select | LogIncBeta | LogIncBetaBy(_) => 3,
        }
    }

    /// The result's element type, or `None` where the operands do not fit the signature.
    pub fn result(self, operands: &[Elem]) -> Option<Elem> {
        use Elem::*;
        if operands.len() != self.arity() {
            return None;
        }
        let same = operands.iter().all(|elem| *elem == operands[0]);
        match self.sig() {
            Sig::Real => operands.iter().all(|e| *e == Real).then_some(Real),
            Sig::Numeric => (same && operands[0] != Bool).then_some(operands[0]),
            Sig::Int => operands.iter().all(|e| *e == Int).then_some(Int),
            Sig::RealToInt => (operands[0] == Real).then_some(Int),
            Sig::Compare => same.then_some(Bool),
            Sig::Bool => operands.iter().all(|e| *e == Bool).then_some(Bool),
            Sig::ToReal => Some(Real),
            Sig::ToInt => (operands[0] == Bool).then_some(Int),
            Sig::Select => (operands[0] == Bool && operands[1] == operands[2]).then_some(operands[1]),
            Sig::Require => (operands[0] == Bool).then_some(operands[1]),
        }
    }

    /// Name in printed programs.
    pub fn name(self) -> &'static str {
        use Prim::*;
        match self {
            Neg => "neg",
            Abs => "abs",
            Exp => "exp",
            Expm1 => "expm1",
            Log => "log",
            Log1p => "log1p",
            Sqrt => "sqrt",
            Sin => "sin",
            Cos => "cos",
            Tan => "tan",
            Tanh => "tanh",
            Atan => "atan",
            Sigmoid => "sigmoid",
            Softplus => "softplus",
            Lgamma => "lgamma",
            Polygamma(0) => "digamma",
            Polygamma(1) => "trigamma",
            Polygamma(2) => "polygamma2",
            Polygamma(3) => "polygamma3",
            Polygamma(4) => "polygamma4",
            Polygamma(_) => "polygamma5",
            Erf => "erf",
            Erfc => "erfc",
            LogPhi => "log_phi",
            InverseMills => "inverse_mills",
            InvPhi => "inv_phi",
            Log1mExp => "log1m_exp",
            Floor => "floor",
            Ceil => "ceil",
            Round => "round",
            Sign => "sign",
            Not => "not",
            ToReal => "real",
            ToInt => "int",
            Add => "add",
            Sub => "sub",
            Mul => "mul",
            Div => "div",
            IntDiv => "idiv",
            Rem => "rem",
            Pow => "pow",
            Max => "max",
            Min => "min",
            Atan2 => "atan2",
            XLogY => "xlogy",
            XMulY => "xmuly",
            Lbeta => "lbeta",
            LogBesselI => "log_bessel_i",
            OwensT => "owens_t",
            LogGammaP => "log_gamma_p",
            LogGammaPBy(0) => "log_gamma_p_by_a",
            LogGammaPBy(_) => "log_gamma_p_by_x",
            LogGammaQ => "log_gamma_q",
            LogGammaQBy(0) => "log_gamma_q_by_a",
            LogGammaQBy(_) => "log_gamma_q_by_x",
            LogIncBeta => "log_inc_beta",
            LogIncBetaBy(0) => "log_inc_beta_by_a",
            LogIncBetaBy(1) => "log_inc_beta_by_b",
            LogIncBetaBy(_) => "log_inc_beta_by_x",
            VonMisesCdf => "von_mises_cdf",
            VonMisesCdfByKappa => "von_mises_cdf_by_kappa",
            Lt => "lt",
            Le => "le",
            Eq => "eq",
            Ne => "ne",
            And => "and",
            Or => "or",
            Select => "select",
            Require => "require",
        }
    }
}
