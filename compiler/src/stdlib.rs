//! The standard library: ordinary sources, embedded, parsed when a name of theirs is first used.

/// Every file: title, declared names, text.
const FILES: &[(&str, &[&str], &str)] = &[
    (
        "stdlib/objectives.ppl",
        &["elbo", "iwelbo", "elbo_stl", "renyi"],
        include_str!("../../stdlib/objectives.ppl"),
    ),
    (
        "stdlib/nn.ppl",
        &[
            "dense",
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
        "stdlib/distributions/bernoulli.ppl",
        &["bernoulli"],
        include_str!("../../stdlib/distributions/bernoulli.ppl"),
    ),
    (
        "stdlib/distributions/bernoulli_logits.ppl",
        &["bernoulli_logits"],
        include_str!("../../stdlib/distributions/bernoulli_logits.ppl"),
    ),
    ("stdlib/distributions/beta.ppl", &["beta"], include_str!("../../stdlib/distributions/beta.ppl")),
    (
        "stdlib/distributions/binomial.ppl",
        &["binomial"],
        include_str!("../../stdlib/distributions/binomial.ppl"),
    ),
    (
        "stdlib/distributions/categorical.ppl",
        &["categorical"],
        include_str!("../../stdlib/distributions/categorical.ppl"),
    ),
    (
        "stdlib/distributions/categorical_logits.ppl",
        &["categorical_logits"],
        include_str!("../../stdlib/distributions/categorical_logits.ppl"),
    ),
    ("stdlib/distributions/cauchy.ppl", &["cauchy"], include_str!("../../stdlib/distributions/cauchy.ppl")),
    ("stdlib/distributions/delta.ppl", &["delta"], include_str!("../../stdlib/distributions/delta.ppl")),
    (
        "stdlib/distributions/exponential.ppl",
        &["exponential"],
        include_str!("../../stdlib/distributions/exponential.ppl"),
    ),
    ("stdlib/distributions/flat.ppl", &["flat"], include_str!("../../stdlib/distributions/flat.ppl")),
    ("stdlib/distributions/flip.ppl", &["flip"], include_str!("../../stdlib/distributions/flip.ppl")),
    ("stdlib/distributions/gamma.ppl", &["gamma"], include_str!("../../stdlib/distributions/gamma.ppl")),
    (
        "stdlib/distributions/half_cauchy.ppl",
        &["half_cauchy"],
        include_str!("../../stdlib/distributions/half_cauchy.ppl"),
    ),
    (
        "stdlib/distributions/half_normal.ppl",
        &["half_normal"],
        include_str!("../../stdlib/distributions/half_normal.ppl"),
    ),
    (
        "stdlib/distributions/interval_normal.ppl",
        &["interval_normal"],
        include_str!("../../stdlib/distributions/interval_normal.ppl"),
    ),
    (
        "stdlib/distributions/inv_gamma.ppl",
        &["inv_gamma"],
        include_str!("../../stdlib/distributions/inv_gamma.ppl"),
    ),
    (
        "stdlib/distributions/laplace.ppl",
        &["laplace"],
        include_str!("../../stdlib/distributions/laplace.ppl"),
    ),
    (
        "stdlib/distributions/lognormal.ppl",
        &["lognormal"],
        include_str!("../../stdlib/distributions/lognormal.ppl"),
    ),
    ("stdlib/distributions/normal.ppl", &["normal"], include_str!("../../stdlib/distributions/normal.ppl")),
    (
        "stdlib/distributions/poisson.ppl",
        &["poisson"],
        include_str!("../../stdlib/distributions/poisson.ppl"),
    ),
    (
        "stdlib/distributions/student_t.ppl",
        &["student_t"],
        include_str!("../../stdlib/distributions/student_t.ppl"),
    ),
    (
        "stdlib/distributions/uniform.ppl",
        &["uniform"],
        include_str!("../../stdlib/distributions/uniform.ppl"),
    ),
];

/// The file that declares a name.
pub fn containing(name: &str) -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|(_, names, _)| names.contains(&name)).map(|(title, _, text)| (*title, *text))
}

/// Every name declared.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().flat_map(|(_, names, _)| names.iter().copied())
}
