//! The executor's name of each primitive and sampler.

use vary_core::ir::{Base, Monoid};
use vary_core::prim::Prim;
use vary_runtime::program as rt;
use vary_runtime::program::{Binary, Fold, Map, Ternary, Unary};

/// The executor's sampler.
pub fn base(base: Base) -> rt::Base {
    match base {
        Base::Normal => rt::Base::Normal,
        Base::Uniform => rt::Base::Uniform,
        Base::Exponential => rt::Base::Exponential,
        Base::Cauchy => rt::Base::Cauchy,
        Base::Laplace => rt::Base::Laplace,
        Base::Gamma => rt::Base::Gamma,
        Base::Beta => rt::Base::Beta,
        Base::StudentT => rt::Base::StudentT,
        Base::Poisson => rt::Base::Poisson,
        Base::Binomial => rt::Base::Binomial,
        Base::VonMises => rt::Base::VonMises,
    }
}

/// The executor's fold.
pub(super) fn fold(monoid: Monoid) -> Fold {
    match monoid {
        Monoid::Sum => Fold::Sum,
        Monoid::Max => Fold::Max,
        Monoid::Min => Fold::Min,
    }
}

/// The executor's function.
pub fn map(prim: Prim) -> Map {
    let unary = |op| Map::Unary(op);
    let binary = |op| Map::Binary(op);
    match prim {
        Prim::Neg => unary(Unary::Neg),
        Prim::Abs => unary(Unary::Abs),
        Prim::Exp => unary(Unary::Exp),
        Prim::Expm1 => unary(Unary::Expm1),
        Prim::Log => unary(Unary::Log),
        Prim::Log1p => unary(Unary::Log1p),
        Prim::Sqrt => unary(Unary::Sqrt),
        Prim::Sin => unary(Unary::Sin),
        Prim::Cos => unary(Unary::Cos),
        Prim::Tan => unary(Unary::Tan),
        Prim::Tanh => unary(Unary::Tanh),
        Prim::Atan => unary(Unary::Atan),
        Prim::Sigmoid => unary(Unary::Sigmoid),
        Prim::Softplus => unary(Unary::Softplus),
        Prim::Lgamma => unary(Unary::Lgamma),
        Prim::Polygamma(order) => unary(Unary::Polygamma(order)),
        Prim::Erf => unary(Unary::Erf),
        Prim::Erfc => unary(Unary::Erfc),
        Prim::LogPhi => unary(Unary::LogPhi),
        Prim::InverseMills => unary(Unary::InverseMills),
        Prim::InvPhi => unary(Unary::InvPhi),
        Prim::Log1mExp => unary(Unary::Log1mExp),
        Prim::Floor => unary(Unary::Floor),
        Prim::Ceil => unary(Unary::Ceil),
        Prim::Round => unary(Unary::Round),
        Prim::Sign => unary(Unary::Sign),
        Prim::Not => unary(Unary::Not),
        Prim::ToReal | Prim::ToInt => unary(Unary::Copy),
        Prim::Add => binary(Binary::Add),
        Prim::Sub => binary(Binary::Sub),
        Prim::Mul => binary(Binary::Mul),
        Prim::Div => binary(Binary::Div),
        Prim::IntDiv => binary(Binary::IntDiv),
        Prim::Rem => binary(Binary::Rem),
        Prim::Pow => binary(Binary::Pow),
        Prim::Max => binary(Binary::Max),
        Prim::Min => binary(Binary::Min),
        Prim::Atan2 => binary(Binary::Atan2),
        Prim::XLogY => binary(Binary::XLogY),
        Prim::Lbeta => binary(Binary::Lbeta),
        Prim::LogBesselI => binary(Binary::LogBesselI),
        Prim::OwensT => binary(Binary::OwensT),
        Prim::LogGammaP => binary(Binary::LogGammaP),
        Prim::LogGammaPBy(by) => binary(Binary::LogGammaPBy(by)),
        Prim::LogGammaQ => binary(Binary::LogGammaQ),
        Prim::LogGammaQBy(by) => binary(Binary::LogGammaQBy(by)),
        Prim::Lt => binary(Binary::Lt),
        Prim::Le => binary(Binary::Le),
        Prim::Eq => binary(Binary::Eq),
        Prim::Ne => binary(Binary::Ne),
        Prim::And => binary(Binary::And),
        Prim::Or => binary(Binary::Or),
        Prim::Require => binary(Binary::Require),
        Prim::Select => Map::Ternary(Ternary::Select),
        Prim::LogIncBeta => Map::Ternary(Ternary::LogIncBeta),
        Prim::LogIncBetaBy(by) => Map::Ternary(Ternary::LogIncBetaBy(by)),
    }
}
