//! What clients are told: wire types, and the schemas made from them.

pub mod types;
pub mod schema;
