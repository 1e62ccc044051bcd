//! Core to core, one file each.
