//! Names of distributions and functions in other systems, and what to write here.

use vary_syntax::ast::{Expr, ExprKind};

/// A distribution's name elsewhere, and the advice.
pub fn distribution(callee: &Expr) -> Option<(&str, String)> {
    let ExprKind::Name(name) = &callee.kind else { return None };
    NAMES
        .iter()
        .find(|(names, _, _)| names.contains(&name.as_str()))
        .map(|(_, ours, map)| (name.as_str(), format!("write `{ours}`{map}")))
}

/// What to write instead of the name of a function elsewhere.
pub fn function(name: &str) -> Option<&'static str> {
    Some(match name {
        "log_sigmoid" => "write `-softplus(-x)`",
        "ln" => "the natural logarithm is `log`",
        "logsumexp" => "write `log_sum_exp`",
        "inverse_logit" | "expit" => "write `inv_logit` or `sigmoid`",
        "fabs" => "write `abs`",
        "normal_cdf" | "std_normal_cdf" => "write `Phi(x)`",
        "std_normal_lcdf" | "normal_lcdf" => "write `log_Phi(x)`",
        "std_normal_qf" | "probit" | "qnorm" | "erfinv" => "the inverse of `Phi` is `inv_Phi(p)`",
        "gammaln" | "loggamma" => "write `lgamma(x)`",
        "betaln" | "log_beta" => "write `lbeta(a, b)`",
        "gammainc" => "write `gamma_p(a, x)`, or `log_gamma_p(a, x)` for its logarithm",
        "gammaincc" => "write `gamma_q(a, x)`, or `log_gamma_q(a, x)` for its logarithm",
        "betainc" => "write `inc_beta(a, b, x)`, or `log_inc_beta(a, b, x)` for its logarithm",
        "lmultiply" | "multiply_log" => "write `xlogy(x, y)`",
        "log_modified_bessel_first_kind" => "write `log_bessel_i(v, x)`",
        "modified_bessel_first_kind" => "write `exp(log_bessel_i(v, x))`",
        "log1mexp" => "write `log1m_exp(x)`",
        "choose" => "write `exp(lchoose(n, k))`",
        "print" => "use `report name` for values you want to see",
        "truncated" | "censored" | "zero_inflated" | "hurdle" | "mixture" => {
            "it stands after `~`, around a distribution: `x ~ truncated(normal(0, 1), lower = 0)`"
        }
        "len" | "size" | "num_elements" => "write `length(x)`",
        "matmul" => "the matrix product is `a @ b`",
        "stop_gradient" => "write `detach(x)`",
        "target" => "write `factor(e)` to add to the log density",
        "base_normal" | "base_uniform" => {
            "it is noise in the start of a parameter, `param w: real[3] = 0.1 * base_normal`; sample with `~`"
        }
        "Linear" | "Dense" | "linear" => "a layer of n outputs is `x |> dense(n)`",
        _ => return None,
    })
}

/// Names elsewhere, the call here, and how parameters differ.
#[rustfmt::skip]
const NAMES: &[(&[&str], &str, &str)] = &[
    (&["Normal", "gaussian", "Gaussian", "norm", "dnorm", "rnorm"], "normal(mean, sd)", "; the second argument is a standard deviation, not a variance or a precision"),
    (&["std_normal"], "normal(0, 1)", ""),
    (&["normal_id_glm"], "normal(alpha + x @ beta, sigma)", ""),
    (&["HalfNormal", "halfnormal"], "half_normal(sd)", ""),
    (&["HalfCauchy", "halfcauchy"], "half_cauchy(scale)", ""),
    (&["LogNormal", "log_normal", "lognorm", "dlnorm"], "lognormal(mu, sigma)", ", mean and standard deviation of the logarithm"),
    (&["Cauchy", "dcauchy"], "cauchy(location, scale)", ""),
    (&["Laplace", "double_exponential", "DoubleExponential", "ddexp"], "laplace(location, scale)", ""),
    (&["StudentT", "student", "dt"], "student_t(nu, mu, sigma)", ", degrees of freedom first"),
    (&["Logistic", "dlogis"], "logistic(location, scale)", ""),
    (&["Gumbel"], "gumbel(location, scale)", ""),
    (&["SkewNormal"], "skew_normal(xi, omega, alpha)", ""),
    (&["ExGaussian", "exgaussian", "ex_gaussian", "exp_mod_normal"], "exp_modified_normal(mu, sigma, lambda)", "; lambda is a rate, 1 / nu"),
    (&["Exponential", "dexp", "expon"], "exponential(rate)", "; the rate is 1 / scale"),
    (&["Gamma", "dgamma"], "gamma(shape, rate)", "; the rate is 1 / scale"),
    (&["InverseGamma", "inverse_gamma", "InvGamma", "invgamma", "dinvgamma"], "inv_gamma(shape, scale)", ""),
    (&["ChiSquared", "Chi2", "chi2", "chisquare", "chi_square", "dchisq"], "chi_squared(nu)", ""),
    (&["InverseChiSquared", "inverse_chi_squared", "inv_chi_square"], "inv_chi_squared(nu)", ""),
    (&["scaled_inverse_chi_squared", "ScaledInvChiSquared", "scaled_inv_chi_square"], "scaled_inv_chi_squared(nu, s)", ", s a standard deviation"),
    (&["Weibull", "dweib"], "weibull(shape, scale)", ""),
    (&["frechet", "Frechet"], "transformed(weibull(alpha, 1 / sigma), forward = |w| 1 / w, inverse = |x| 1 / x)", ""),
    (&["loglogistic", "LogLogistic"], "transformed(logistic(log(alpha), 1 / beta), forward = exp, inverse = log)", ""),
    (&["pareto_type_2", "Lomax"], "transformed(pareto(1, alpha), forward = |p| mu + lambda * (p - 1), inverse = |x| 1 + (x - mu) / lambda)", ""),
    (&["Pareto", "dpar"], "pareto(y_min, alpha)", ", the least value first"),
    (&["Rayleigh"], "rayleigh(scale)", ""),
    (&["Beta", "dbeta"], "beta(a, b)", ""),
    (&["BetaProportion", "beta_prop"], "beta_proportion(mean, precision)", ""),
    (&["Kumaraswamy"], "kumaraswamy(a, b)", ""),
    (&["LogitNormal", "logitnormal"], "logit_normal(mu, sigma)", ""),
    (&["Uniform", "dunif"], "uniform(lower, upper)", ""),
    (&["VonMises", "vonmises"], "von_mises(mu, kappa)", ""),
    (&["Bernoulli", "dbern"], "bernoulli(p)", ", or `flip(p)`"),
    (&["bernoulli_logit", "BernoulliLogits"], "bernoulli_logits(logit)", ""),
    (&["bernoulli_logit_glm"], "bernoulli_logits(alpha + x @ beta)", ""),
    (&["Categorical", "dcat", "OneHotCategorical"], "categorical(p)", "; its values count from 0"),
    (&["categorical_logit", "CategoricalLogits"], "categorical_logits(logits)", "; its values count from 0"),
    (&["categorical_logit_glm"], "categorical_logits(alpha + x @ beta)", "; its values count from 0"),
    (&["discrete_range"], "uniform_index(upper - lower + 1)", ", and add `lower` to its value"),
    (&["DiscreteUniform", "discrete_uniform"], "uniform_index(n)", ", the ints 0 to n - 1"),
    (&["Binomial", "dbin", "binom"], "binomial(n, p)", ""),
    (&["BinomialLogits"], "binomial_logit(n, logit)", ""),
    (&["BetaBinomial", "betabinomial"], "beta_binomial(n, alpha, beta)", ""),
    (&["HyperGeometric", "Hypergeometric", "hypergeom", "dhyper"], "hypergeometric(n, a, b)", ": n drawn from a marked and b others"),
    (&["Geometric", "geom", "dgeom"], "geometric(p)", ", the number of failures before the first success"),
    (&["poisson_log_glm"], "poisson_log(alpha + x @ beta)", ""),
    (&["zero_inflated_poisson", "ZeroInflatedPoisson"], "zero_inflated(poisson(rate), p)", ", p the probability of a zero of its own"),
    (&["Poisson", "dpois"], "poisson(rate)", ""),
    (&["NegativeBinomial", "negative_binomial", "negbinomial", "NegativeBinomial2", "nbinom", "dnegbin"], "neg_binomial_2(mean, phi)", ", or `neg_binomial(alpha, beta)`; of total_count and probs, phi is total_count and the mean total_count * probs / (1 - probs)"),
    (&["neg_binomial_log", "nbinom_log"], "neg_binomial_2_log(eta, phi)", ""),
    (&["neg_binomial_2_log_glm"], "neg_binomial_2_log(alpha + x @ beta, phi)", ""),
    (&["Dirichlet", "ddirch"], "dirichlet(alpha)", ""),
    (&["Multinomial", "dmulti"], "multinomial(n, p)", ""),
    (&["multinomial_logit"], "multinomial(n, softmax(logits))", ""),
    (&["DirichletMultinomial"], "dirichlet_multinomial(n, alpha)", ""),
    (&["MultivariateNormal", "MvNormal", "MultiNormal", "multivariate_normal", "mvn", "dmnorm"], "multi_normal(mean, covariance)", "; of a Cholesky factor `multi_normal_cholesky`, of a precision `multi_normal_prec`"),
    (&["multi_normal_chol", "MultivariateNormalTriL"], "multi_normal_cholesky(mean, l)", ""),
    (&["multi_normal_precision"], "multi_normal_prec(mean, precision)", ""),
    (&["LowRankMultivariateNormal"], "multi_normal_low_rank(mean, factor, d)", ", d variances"),
    (&["multi_student_t_cholesky"], "multi_student_t(nu, mean, l @ transpose(l))", ""),
    (&["MultivariateStudentT", "MvStudentT"], "multi_student_t(nu, mean, scale)", ""),
    (&["LKJCholesky", "LKJCholeskyCov", "lkj_corr_cholesky", "LKJ", "lkj_corr"], "lkj_cholesky(k, eta)", ", a Cholesky factor; `l @ transpose(l)` is the correlation matrix"),
    (&["Wishart", "wishart", "dwish"], "wishart_cholesky(nu, l)", ", whose values and scale are Cholesky factors"),
    (&["InverseWishart", "inv_wishart"], "inv_wishart_cholesky(nu, l)", ", whose values and scale are Cholesky factors"),
    (&["OrderedLogistic", "ordered_logistic_glm"], "ordered_logistic(eta, c)", "; its values count from 0"),
    (&["GaussianRandomWalk"], "gaussian_random_walk(n, sigma, mu)", ""),
    (&["AR", "AutoRegressive"], "ar(n, phi, sigma)", ""),
    (&["RelaxedOneHotCategorical", "GumbelSoftmax"], "relaxed_categorical(temperature, logits)", ""),
    (&["RelaxedBernoulli"], "relaxed_bernoulli(temperature, logit)", ""),
    (&["HiddenMarkovModel", "DiscreteHMM", "hmm_marginal"], "hmm(n, initial, transition, emission)", ""),
    (&["GP", "GaussianProcess", "multi_gp", "multi_gp_cholesky"], "gaussian_process(kernel, mean)", ""),
    (&["Delta", "PointMass", "dirac"], "delta(v)", ""),
    (&["ImproperUniform", "Flat", "dflat"], "flat()", ""),
];
