//! Every stage in order.
