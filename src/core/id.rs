//! Names of things. All are cheap to clone and to compare.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A task, by the id that its breakdown writes (`3`, `T012`).
    TaskId
);
name!(
    /// A lane of tasks: a stream, a phase, a heading (`A`, `Phase 2`).
    StreamId
);
name!(
    /// A set of tasks that something waits for as a whole, and that is no stream (`T001-T009`).
    BarrierId
);
name!(
    /// A gate. Of a task: `tests@3`; of a stream: `Gate 1` or `tests@A`.
    GateId
);
name!(
    /// An agent's name in the roster (`implementation-agent`).
    AgentName
);
name!(
    /// One run of one breakdown.
    ExecutionId
);

/// One thing that was ordered: an attempt, a consultation, a gate's evaluation or a review.
///
/// Unique within an execution and never used again, so it is also the token by which a late
/// answer is known to be late. Written `a7`.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct OrderId(pub u64);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0)
    }
}

impl std::str::FromStr for OrderId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix('a').ok_or(())?;
        digits.parse().map(Self).map_err(|_| ())
    }
}

/// A claim of an order by somebody from outside. Written `a7.2`: the second claim of `a7`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lease {
    /// What was claimed.
    pub order: OrderId,
    /// The number of the claim of it, from 1.
    pub claim: u32,
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.order, self.claim)
    }
}

impl std::str::FromStr for Lease {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (order, claim) = text.split_once('.').ok_or(())?;
        Ok(Self { order: order.parse()?, claim: claim.parse().map_err(|_| ())? })
    }
}

impl GateId {
    /// As it is typed on a command line.
    pub fn as_argument(&self) -> String {
        let name = self.as_str();
        if name.contains(char::is_whitespace) { format!("\"{name}\"") } else { name.to_owned() }
    }
}
