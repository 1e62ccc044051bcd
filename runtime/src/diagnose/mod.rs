//! What samples say of the distribution they come from.

mod normal;
mod pareto;

pub use normal::normal_limit;
pub use pareto::{pareto_shape, tail_shape};
