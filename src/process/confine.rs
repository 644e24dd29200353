//! What a process and all that comes of it may change, kept by the kernel: Landlock
//! (`landlock(7)`, Linux 6.2 and newer), which needs no rights and no program of its own.
//!
//! Everything can be read and run as before; writing is allowed below what is listed and nowhere else.
//! Nothing inside can send signals to what is outside (6.12), and TCP connections go to the ports that are
//! listed (6.7); UDP, and sockets that are files, are not its business. What is confined can't be let out
//! again and can't mount anything, so a sandbox that a program brings along must be one that needs no
//! mounts, or be off.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command};

/// What a process may change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confine {
    /// Files and folders that may be written, with all that is in them. What does not exist is left out.
    pub write: Vec<PathBuf>,
    /// TCP ports that may be connected to; all when absent.
    pub ports: Option<Vec<u16>>,
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::{Child, Command, Confine, io};
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, RestrictionStatus,
        Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus,
        Scope, path_beneath_rules,
    };

    /// The newest rules that are used; an older kernel keeps what it knows of them.
    const RULES: ABI = ABI::V6;

    pub fn available(ports: bool) -> Result<(), String> {
        let needed = |abi, ports: bool| -> Result<(), RulesetError> {
            let ruleset = Ruleset::default()
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(AccessFs::from_write(abi))?;
            let ruleset =
                if ports { ruleset.handle_access(AccessNet::ConnectTcp)? } else { ruleset };
            ruleset.create().map(drop)
        };
        // Older ones can't move files between folders, or let everybody shorten any file.
        needed(ABI::V3, false).map_err(|_| {
            "this kernel has no Landlock, an older one, or it is off (Linux 6.2 and newer)"
                .to_owned()
        })?;
        if ports {
            needed(ABI::V3, true).map_err(|_| {
                "this kernel can't confine connections (Linux 6.7 and newer)".to_owned()
            })?;
        }
        Ok(())
    }

    fn rules(confine: &Confine) -> Result<RulesetCreated, RulesetError> {
        let ruleset = Ruleset::default()
            .handle_access(AccessFs::from_write(RULES))?
            .scope(Scope::Signal | Scope::AbstractUnixSocket)?;
        let ruleset = if confine.ports.is_some() {
            ruleset.handle_access(AccessNet::ConnectTcp)?
        } else {
            ruleset
        };
        let paths = path_beneath_rules(
            &confine.write,
            AccessFs::from_all(RULES) & AccessFs::from_write(RULES),
        );
        let ports = confine
            .ports
            .iter()
            .flatten()
            .map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp)));
        ruleset.create()?.add_rules(paths)?.add_rules(ports)
    }

    pub fn spawn(confine: &Confine, command: &mut Command) -> io::Result<Child> {
        let confined =
            || -> Result<RestrictionStatus, RulesetError> { rules(confine)?.restrict_self() };
        // Rules hold for a thread and what it starts: this one starts it and is gone.
        std::thread::scope(|scope| {
            let spawned = scope.spawn(|| match confined() {
                Ok(status) if status.ruleset != RulesetStatus::NotEnforced => command.spawn(),
                Ok(_) => Err(io::Error::other("it can't be confined: this kernel has no Landlock")),
                Err(error) => Err(io::Error::other(format!("it can't be confined: {error}"))),
            });
            spawned.join().unwrap_or_else(|_| Err(io::Error::other("it can't be confined")))
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{Child, Command, Confine, io};

    pub fn available(_: bool) -> Result<(), String> {
        Err("this system has no Landlock, which is Linux's".into())
    }

    pub fn spawn(_: &Confine, _: &mut Command) -> io::Result<Child> {
        Err(io::Error::other("it can't be confined on this system"))
    }
}

/// Whether processes can be confined here, also by ports where that is asked for.
///
/// # Errors
/// A sentence that says why not.
pub fn available(ports: bool) -> Result<(), String> {
    kernel::available(ports)
}

/// Starts a process that can change no more than it may.
///
/// # Errors
/// It can't be confined, or can't be started.
pub fn spawn(confine: &Confine, command: &mut Command) -> io::Result<Child> {
    kernel::spawn(confine, command)
}
