//! The standard library: ordinary sources, embedded, parsed when a name of theirs is first used.

/// A file: title, declared names, text.
type File = (&'static str, &'static [&'static str], &'static str);

/// Files that declare what is not a distribution.
const FILES: &[File] = &[
    (
        "stdlib/objectives.ppl",
        &[
            "elbo",
            "iwelbo",
            "elbo_stl",
            "elbo_beta",
            "iwelbo_dreg",
            "renyi",
            "q_wake",
            "p_wake",
            "sleep",
            "tvo",
            "jeffreys",
            "symmetric_kl",
            "f_divergence",
            "iwelbo_rows",
            "renyi_rows",
            "q_wake_rows",
            "p_wake_rows",
        ],
        include_str!("../../stdlib/objectives.ppl"),
    ),
    (
        "stdlib/nn.ppl",
        &[
            "dense",
            "mlp",
            "layer_norm",
            "rms_norm",
            "embedding",
            "residual",
            "gru_cell",
            "lstm_cell",
            "attention",
            "leaky_relu",
            "elu",
            "gelu",
            "silu",
            "glorot_uniform",
            "glorot_normal",
            "he_uniform",
            "he_normal",
        ],
        include_str!("../../stdlib/nn.ppl"),
    ),
    (
        "stdlib/kernels.ppl",
        &[
            "covariance",
            "gp_exp_quad_cov",
            "gp_exponential_cov",
            "gp_matern32_cov",
            "gp_matern52_cov",
            "gp_periodic_cov",
            "gp_dot_prod_cov",
            "matern32",
            "matern52",
        ],
        include_str!("../../stdlib/kernels.ppl"),
    ),
];

/// Files of one distribution each, called like it.
macro_rules! distributions {
    ($($name:literal),* $(,)?) => {
        &[$((
            concat!("stdlib/distributions/", $name, ".ppl"),
            &[$name],
            include_str!(concat!("../../stdlib/distributions/", $name, ".ppl")),
        )),*]
    };
}

/// Every distribution.
const DISTRIBUTIONS: &[File] = distributions![
    "ar",
    "bernoulli",
    "bernoulli_logits",
    "beta",
    "beta_binomial",
    "beta_proportion",
    "binomial",
    "binomial_logit",
    "categorical",
    "categorical_logits",
    "cauchy",
    "chi_squared",
    "delta",
    "dirichlet",
    "dirichlet_multinomial",
    "exp_modified_normal",
    "exponential",
    "flat",
    "flip",
    "gamma",
    "gaussian_process",
    "gaussian_random_walk",
    "geometric",
    "gumbel",
    "half_cauchy",
    "half_normal",
    "hmm",
    "hypergeometric",
    "interval_normal",
    "inv_chi_squared",
    "inv_gamma",
    "inv_wishart_cholesky",
    "kumaraswamy",
    "laplace",
    "lkj_cholesky",
    "logistic",
    "logit_normal",
    "lognormal",
    "multi_normal",
    "multi_normal_cholesky",
    "multi_normal_diag",
    "multi_normal_low_rank",
    "multi_normal_prec",
    "multi_student_t",
    "multinomial",
    "neg_binomial",
    "neg_binomial_2",
    "neg_binomial_2_log",
    "normal",
    "ordered_logistic",
    "pareto",
    "poisson",
    "poisson_log",
    "rayleigh",
    "relaxed_bernoulli",
    "relaxed_categorical",
    "scaled_inv_chi_squared",
    "skew_normal",
    "student_t",
    "uniform",
    "uniform_index",
    "von_mises",
    "weibull",
    "wishart_cholesky",
];

/// The file that declares a name.
pub fn containing(name: &str) -> Option<(&'static str, &'static str)> {
    files().find(|(_, names, _)| names.contains(&name)).map(|(title, _, text)| (*title, *text))
}

/// Every name declared.
pub fn names() -> impl Iterator<Item = &'static str> {
    files().flat_map(|(_, names, _)| names.iter().copied())
}

fn files() -> impl Iterator<Item = &'static File> {
    FILES.iter().chain(DISTRIBUTIONS)
}
