//! What clients are told: wire types, and the schemas made from them.

pub mod schema;
pub mod types;
