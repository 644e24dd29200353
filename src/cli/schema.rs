//! `schema`: what programs may rely on, as data.
#![expect(clippy::disallowed_methods, reason = "this is the edge that writes files")]

use super::{Exit, Outcome, print_json};
use crate::failure::Failure;
use crate::rpc::schema as schemas;
use std::path::PathBuf;

/// Options of `schema`.
#[derive(clap::Args)]
pub struct SchemaArguments {
    /// Write one file each into this folder instead of printing them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// `schema`: JSON Schemas, the OpenRPC document and the reference of the methods.
///
/// # Errors
/// The folder is not writable.
pub fn schema(arguments: &SchemaArguments) -> Outcome {
    let files = schemas::files();
    let Some(folder) = &arguments.out else {
        let json =
            files.iter().filter_map(|(name, text)| Some((*name, serde_json::from_str(text).ok()?)));
        return print_json(&json.collect::<std::collections::BTreeMap<&str, serde_json::Value>>());
    };
    let unwritable = |error: std::io::Error| {
        Failure::usage(format!("{}: can't be written: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    for (name, text) in files {
        std::fs::write(folder.join(name), text).map_err(unwritable)?;
    }
    Ok(Exit::Complete)
}
