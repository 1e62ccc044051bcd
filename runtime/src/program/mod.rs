//! # The instruction set of the executor
//!
//! A program is a table of buffers and lists of instructions. `once` runs when data are bound, the
//! rounds at every step, one after another. A [`Round`] has instructions over whole arrays, which one
//! thread runs, and then instructions that run for every tile of an axis, on any thread: a range of
//! its rows. What tiles have computed is joined to whole arrays, for the rounds that follow and for the
//! outside. A program need not have tiles: then its one round has none.
//!
//! Everything is stored as `f64`: ints are whole numbers (exact up to 2⁵³), bools are 0 and 1. Each
//! buffer is written by the instructions of one list only.
//!
//! An instruction is a nest of loops: `extents` are the loops from the slowest to the fastest, and
//! each operand is a [`View`] with one stride per loop: 0 where the operand does not vary along it.
//! Broadcasting, transposition, diagonals and slices are therefore nothing but strides. Where a
//! nest folds, its first `kept` loops are those of the result.
//!
//! For the views of an instruction the tiles are a loop around all others, whose index is the tile's
//! first row. Nothing here knows of axes, plates or distributions. [`crate::verify`] judges a program,
//! [`crate::plan`] makes it executable.

mod print;
mod work;

pub use work::Work;

/// Instructions over a table of buffers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Program {
    /// How the rounds are cut.
    pub tiles: Tiles,
    /// Every buffer.
    pub buffers: Vec<Buffer>,
    /// Values from outside; [`Place::Input`] counts into it.
    pub inputs: Vec<Input>,
    /// Runs once, when data are bound: what depends on data and constants only.
    pub once: Vec<Instr>,
    /// Run at every step.
    pub rounds: Vec<Round>,
    /// What a step computes.
    pub outputs: Vec<Output>,
}

/// The tiles of an axis: consecutive ranges of its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles {
    /// The name of the axis, for printing.
    pub axis: String,
    /// How many rows the axis has.
    pub rows: usize,
    /// Rows of a tile; 0 if there are no tiles. The last one may be smaller.
    pub size: usize,
}

/// Which tiles a list is for: they differ in the sizes of their buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// All but a smaller last one.
    Full,
    /// The smaller last one.
    Rest,
}

/// A part of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Round {
    /// Runs first, over whole arrays.
    pub whole: Vec<Instr>,
    /// Then runs for every tile; by [`Shape`].
    pub tiles: [Vec<Instr>; 2],
    /// What becomes of the tiles' values.
    pub joins: Vec<Join>,
}

/// Puts an array together from the tiles' values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Join {
    /// The buffer of a tile; by [`Shape`], the second if there is a smaller last tile.
    pub from: [usize; 2],
    /// The array.
    pub to: usize,
    /// How it follows from them.
    pub combine: Combine,
}

/// A run of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    /// For printing: the user's name, or a number.
    pub name: String,
    /// Names and sizes of its axes from slowest to fastest, for printing.
    pub shape: Vec<(String, usize)>,
    /// How many numbers.
    pub len: usize,
    /// Where they live.
    pub place: Place,
}

/// Where a buffer lives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// One number, known.
    Constant(f64),
    /// The input of this index.
    Input(usize),
    /// Written by `once`.
    Once,
    /// Written by the rounds over whole arrays.
    Step,
    /// Written for tiles of a shape, and known only while a tile is worked on.
    Tile(Shape),
    /// Joined from the tiles of a round.
    Joined,
}

/// A value from outside, an array laid out as its caller has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// What it stands for.
    pub kind: InputKind,
    /// Its name among those of its kind.
    pub name: String,
    /// How many numbers.
    pub len: usize,
}

/// What an input stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// Bound once, shared by all threads.
    Data,
    /// A parameter, given at every step.
    Param,
    /// State of the fit loop, given at every step.
    State,
}

/// A result: a whole buffer, row-major for the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The buffer that holds it.
    pub buffer: usize,
}

/// How an array follows from the tiles' values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Their fold.
    Fold(Fold),
    /// Stacked along the tiles' axis, inside of which stand `inner` numbers per row.
    Stack {
        /// Product of the sizes of the faster axes.
        inner: usize,
    },
    /// Equal for all tiles.
    Same,
}

/// An operand: element `i` of a loop nest stands at `offset + Σ strides[d]·i[d] + Σ steps[k]·s[k]`,
/// where `s` are the current indices of the enclosing [`Loop`]s, outermost first, and before them, in a list for
/// tiles, the tile's first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The buffer.
    pub buffer: usize,
    /// Where the first element stands.
    pub offset: usize,
    /// One per loop of the instruction.
    pub strides: Vec<usize>,
    /// One per enclosing loop; absent ones at the end are 0.
    pub steps: Vec<usize>,
}

/// An axis of an operand that the instruction handles itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Along {
    /// Its size.
    pub size: usize,
    /// Its stride.
    pub stride: usize,
}

/// An instruction. No instruction reads the buffer it writes, except that [`Instr::Scatter`] adds to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Instr {
    /// `out = op(args…)` at every index.
    Map {
        /// The function.
        op: Map,
        /// The loops.
        extents: Vec<usize>,
        /// Written.
        out: View,
        /// Read, as many as the function takes.
        args: Vec<View>,
    },
    /// `out = lower + index` along one loop.
    Iota {
        /// How many indices.
        size: usize,
        /// The first value.
        lower: i64,
        /// Written; one stride.
        out: View,
    },
    /// `out = fold over the loops after the first kept of x`
    Reduce {
        /// The fold.
        fold: Fold,
        /// The loops.
        extents: Vec<usize>,
        /// How many of them are those of the result.
        kept: usize,
        /// Written; strides 0 along folded loops.
        out: View,
        /// Read.
        x: View,
    },
    /// `out = Σ over the loops after the first kept of a·b`
    Contract {
        /// The loops.
        extents: Vec<usize>,
        /// How many of them are those of the result.
        kept: usize,
        /// Written; strides 0 along summed loops.
        out: View,
        /// Read.
        a: View,
        /// Read.
        b: View,
    },
    /// `out = x at position index − lower of axis`; NaN where there is no such position.
    Gather {
        /// The loops.
        extents: Vec<usize>,
        /// Written.
        out: View,
        /// Read.
        x: View,
        /// The axis of `x` that is indexed.
        axis: Along,
        /// Whole numbers.
        index: View,
        /// The index of the first position.
        lower: i64,
    },
    /// `out at position index − lower of axis += x`; nothing where there is no such position.
    Scatter {
        /// The loops.
        extents: Vec<usize>,
        /// Added to; strides 0 along summed loops.
        out: View,
        /// The axis of `out` that is indexed.
        axis: Along,
        /// Read.
        x: View,
        /// Whole numbers.
        index: View,
        /// The index of the first position.
        lower: i64,
    },
    /// Running sums along an axis that is not among the loops.
    CumSum {
        /// The other loops.
        extents: Vec<usize>,
        /// The axis in `x`.
        axis: Along,
        /// Its stride in `out`.
        out_stride: usize,
        /// From the end.
        reverse: bool,
        /// Without the current index.
        exclusive: bool,
        /// Written.
        out: View,
        /// Read.
        x: View,
    },
    /// The lower Cholesky factor, with zeros above; NaN where the matrix is not positive definite.
    Cholesky {
        /// The loops of the batch.
        extents: Vec<usize>,
        /// Rows and columns.
        size: usize,
        /// Written.
        out: View,
        /// Row and column stride of `out`.
        out_strides: [usize; 2],
        /// Read: the lower triangle.
        x: View,
        /// Row and column stride of `x`.
        x_strides: [usize; 2],
    },
    /// Solves with a lower triangle or its transpose.
    TriSolve {
        /// The loops of the batch.
        extents: Vec<usize>,
        /// Rows and columns.
        size: usize,
        /// Solve `lᵀ x = b` instead of `l x = b`.
        transposed: bool,
        /// Written.
        out: View,
        /// Stride of the solution's axis.
        out_stride: usize,
        /// The triangular matrix.
        l: View,
        /// Row and column stride of `l`.
        l_strides: [usize; 2],
        /// The right-hand side.
        b: View,
        /// Stride of its axis.
        b_stride: usize,
    },
    /// A random primitive.
    Draw(Draw),
    /// A recurrence.
    Loop(Loop),
}

/// One random number per index: a function of seed, step, occurrence, lane and operands.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// The sampler.
    pub base: Base,
    /// Names the stream of random numbers.
    pub occurrence: String,
    /// The loops.
    pub extents: Vec<usize>,
    /// Written.
    pub out: View,
    /// The operands.
    pub args: Vec<View>,
    /// Strides of the lane; 0 along alternatives, which share their random numbers.
    pub lane: Vec<usize>,
    /// Strides of the lane for the enclosing loops, as in [`View::steps`].
    pub lane_steps: Vec<usize>,
    /// Added to the lane: whole numbers, those of the rows that a step takes.
    pub rows: Option<View>,
}

/// Runs a list of instructions once per index.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    /// How many indices.
    pub size: usize,
    /// From the last index to the first.
    pub reverse: bool,
    /// One step.
    pub body: Vec<Instr>,
}

/// A pointwise function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Map {
    /// Of one operand.
    Unary(Unary),
    /// Of two operands.
    Binary(Binary),
    /// Of three operands.
    Ternary(Ternary),
}

/// A pointwise function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Unary {
    /// The number itself.
    Copy,
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
    /// Of an order: 0 is digamma.
    Polygamma(u8),
    Erf,
    /// `1 − erf x`
    Erfc,
    /// `log Φ(x)`
    LogPhi,
    /// `φ(x) / Φ(x)`
    InverseMills,
    /// The inverse of Φ.
    InvPhi,
    /// `log(1 − e^x)`
    Log1mExp,
    Floor,
    Ceil,
    /// Halves away from zero.
    Round,
    /// −1, 0 or 1; NaN for NaN.
    Sign,
    /// 1 where 0, else 0.
    Not,
}

/// A pointwise function of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// Quotient of ints, towards −∞.
    IntDiv,
    /// Remainder with the sign of the divisor.
    Rem,
    Pow,
    /// NaN where either is.
    Max,
    /// NaN where either is.
    Min,
    Atan2,
    /// `x · log y`, 0 where x = 0.
    XLogY,
    /// `x · y`, 0 where x = 0.
    XMulY,
    /// The second operand where the first is 1, else NaN.
    Require,
    Lbeta,
    /// `log I_v(x)`
    LogBesselI,
    OwensT,
    /// The integral of the von Mises density of concentration b from 0 to a.
    VonMisesCdf,
    /// Its derivative by b.
    VonMisesCdfByKappa,
    /// log of the regularised incomplete gamma function below x.
    LogGammaP,
    /// Its derivative by an operand; so in the following.
    LogGammaPBy(u8),
    /// log of the one above x.
    LogGammaQ,
    LogGammaQBy(u8),
    Lt,
    Le,
    Eq,
    Ne,
    And,
    Or,
}

/// A pointwise function of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Ternary {
    /// `c ? a : b`
    Select,
    /// `log I_x(a, b)`
    LogIncBeta,
    /// Its derivative by an operand.
    LogIncBetaBy(u8),
}

/// How loops are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// 0 when empty.
    Sum,
    /// −∞ when empty; NaN where any is.
    Max,
    /// +∞ when empty; NaN where any is.
    Min,
}

/// A sampler. Operands outside its domain give NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Base {
    /// Standard normal.
    Normal,
    /// On the open interval (0, 1).
    Uniform,
    /// Rate one.
    Exponential,
    /// Standard Cauchy.
    Cauchy,
    /// Standard Laplace.
    Laplace,
    /// Of a shape, rate one.
    Gamma,
    /// Of two shapes.
    Beta,
    /// Of a number of degrees of freedom.
    StudentT,
    /// Of a rate.
    Poisson,
    /// Of a number of trials and a probability.
    Binomial,
    /// Around 0, of a concentration.
    VonMises,
}

impl Base {
    /// Number of operands.
    pub fn arity(self) -> usize {
        match self {
            Base::Normal | Base::Uniform | Base::Exponential | Base::Cauchy | Base::Laplace => 0,
            Base::Gamma | Base::StudentT | Base::Poisson | Base::VonMises => 1,
            Base::Beta | Base::Binomial => 2,
        }
    }
}

impl Map {
    /// Number of operands.
    pub fn arity(self) -> usize {
        match self {
            Map::Unary(_) => 1,
            Map::Binary(_) => 2,
            Map::Ternary(_) => 3,
        }
    }
}

impl Tiles {
    /// How many there are.
    pub fn count(&self) -> usize {
        if self.size == 0 { 0 } else { self.rows.div_ceil(self.size) }
    }

    /// Rows of a tile of this shape.
    pub fn rows_of(&self, shape: Shape) -> usize {
        match shape {
            Shape::Full => self.size,
            Shape::Rest => self.rows - self.rows / self.size.max(1) * self.size,
        }
    }

    /// The shapes that occur: a last tile that is not smaller has none of its own.
    pub fn shapes(&self) -> impl Iterator<Item = Shape> + use<> {
        let rest = self.size > 0 && self.rows_of(Shape::Rest) > 0;
        [Shape::Full, Shape::Rest].into_iter().filter(move |shape| *shape == Shape::Full || rest)
    }
}

impl Program {
    /// How many instructions there are, those inside loops included, and those for tiles once.
    pub fn instruction_count(&self) -> usize {
        fn count(instrs: &[Instr]) -> usize {
            let inside = |instr: &Instr| match instr {
                Instr::Loop(inner) => count(&inner.body),
                _ => 0,
            };
            instrs.iter().map(|instr| 1 + inside(instr)).sum()
        }
        let round = |round: &Round| count(&round.whole) + count(&round.tiles[0]);
        count(&self.once) + self.rounds.iter().map(round).sum::<usize>()
    }

    /// The index of the input of this kind and name.
    pub fn input(&self, kind: InputKind, name: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input.kind == kind && input.name == name)
    }

    /// The index of the output of this name.
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.name == name)
    }
}

impl Instr {
    /// The view written, and the views read; none for a loop.
    pub fn operands(&self) -> (Option<&View>, Vec<&View>) {
        match self {
            Instr::Map { out, args, .. } => (Some(out), args.iter().collect()),
            Instr::Iota { out, .. } => (Some(out), Vec::new()),
            Instr::Reduce { out, x, .. } | Instr::CumSum { out, x, .. } | Instr::Cholesky { out, x, .. } => {
                (Some(out), vec![x])
            }
            Instr::Contract { out, a, b, .. } => (Some(out), vec![a, b]),
            Instr::Gather { out, x, index, .. } | Instr::Scatter { out, x, index, .. } => {
                (Some(out), vec![x, index])
            }
            Instr::TriSolve { out, l, b, .. } => (Some(out), vec![l, b]),
            Instr::Draw(draw) => (Some(&draw.out), draw.args.iter().chain(&draw.rows).collect()),
            Instr::Loop(_) => (None, Vec::new()),
        }
    }

    /// The loops of the nest.
    pub fn extents(&self) -> &[usize] {
        match self {
            Instr::Map { extents, .. }
            | Instr::Reduce { extents, .. }
            | Instr::Contract { extents, .. }
            | Instr::Gather { extents, .. }
            | Instr::Scatter { extents, .. }
            | Instr::CumSum { extents, .. }
            | Instr::Cholesky { extents, .. }
            | Instr::TriSolve { extents, .. } => extents,
            Instr::Iota { size, .. } => std::slice::from_ref(size),
            Instr::Draw(draw) => &draw.extents,
            Instr::Loop(_) => &[],
        }
    }
}
