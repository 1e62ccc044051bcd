//! Programs as users write them: which are accepted, what is said of the others, and that nothing panics.

mod cases;
mod codes;
mod hygiene;
mod mutations;
mod run;
mod smoothness;
mod wrong;
