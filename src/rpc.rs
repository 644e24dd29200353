//! One table of methods, for every frontend: what can be asked, by which types, and the schemas and
//! pages made from it.

pub mod board;
pub mod calls;
pub mod claims;
pub mod error;
mod forward;
pub mod messages;
pub mod method;
pub mod openrpc;
pub mod pace;
pub mod peer;
pub mod remote;
pub mod schema;
pub mod table;
pub mod types;
