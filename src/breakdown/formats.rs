//! One file for each format: what it is recognised by, how it is read, and in which files and folders it is found. The list of them is in [`super`].

pub mod backlog;
pub mod beads;
pub mod bmad;
pub mod breakdown_agent;
pub mod ccpm;
pub mod feature_docs;
pub mod gsd;
pub mod index_table;
pub mod json;
pub mod kiro;
pub mod loom;
pub mod openspec;
pub mod rune;
pub mod spec_kit;
pub mod spec_kitty;
pub mod step_plan;
pub mod streams;
pub mod superpowers;
pub mod task_list;
pub mod task_master;
