//! The quick tier of `verify`.
