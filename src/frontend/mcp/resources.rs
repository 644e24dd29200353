//! Executions as resources: `execution-coordinator://ID/status`, `…/report`, `…/breakdown`,
//! `…/task/TASK`, `…/output/ORDER`.

use crate::engine::execution::Execution;
use crate::rpc::calls::{breakdown_of, card};
use crate::rpc::pace::Pace;
use crate::rpc::peer::{Caller, off_thread, report_document, status};
use percent_encoding::percent_decode_str;
use rmcp::ErrorData;
use rmcp::model::{Resource, ResourceTemplate, ResourceUpdatedNotificationParam};
use rmcp::service::{Peer, RoleServer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::task::AbortHandle;

const SCHEME: &str = "execution-coordinator://";
const MARKDOWN: &str = "text/markdown";
/// The executions that are listed: the latest ones. Others can be read by their ids.
const LISTED: usize = 20;
/// Subscriptions of one client, at most.
const MAX_SUBSCRIPTIONS: usize = 100;

/// The resources of the latest executions.
pub async fn all(caller: &Caller) -> Vec<Resource> {
    let coordinator = caller.coordinator.clone();
    let executions = off_thread(move || Ok(coordinator.list())).await.unwrap_or_default();
    let of = |execution: &Arc<Execution>| {
        let one = |what: &str, title: &str| {
            let name = format!("{} of {}", title, execution.id);
            Resource::new(format!("{SCHEME}{}/{what}", execution.id), name).with_mime_type(MARKDOWN)
        };
        [one("status", "Status"), one("report", "Report"), one("breakdown", "Breakdown")]
    };
    executions.iter().rev().take(LISTED).flat_map(of).collect()
}

/// How resources are named.
pub fn templates() -> Vec<ResourceTemplate> {
    let one = |path: &str, name: &str, about: &str, kind: &str| {
        ResourceTemplate::new(format!("{SCHEME}{{execution}}/{path}"), name)
            .with_description(about)
            .with_mime_type(kind)
    };
    vec![
        one("status", "Status", "Where an execution stands: the five sections", MARKDOWN),
        one("report", "Report", "The return protocol of an execution", MARKDOWN),
        one("breakdown", "Breakdown", "The breakdown that an execution carries out", MARKDOWN),
        one("task/{task}", "Task", "Everything about a task", "application/json"),
        one(
            "output/{order}",
            "Output",
            "What an agent, a gate or a reviewer printed: the last of it",
            "text/plain",
        ),
    ]
}

/// A resource's text and its kind.
///
/// # Errors
/// There is none of that name.
pub async fn read(caller: &Caller, uri: &str) -> Result<(String, &'static str), ErrorData> {
    let unknown = || ErrorData::resource_not_found(format!("there is no resource `{uri}`"), None);
    let (id, rest) =
        uri.strip_prefix(SCHEME).and_then(|path| path.split_once('/')).ok_or_else(unknown)?;
    let (what, name) = rest.split_once('/').unwrap_or((rest, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (id, what, name) = (decoded(id), what.to_owned(), decoded(name));
    let coordinator = caller.coordinator.clone();
    let caller = caller.clone();
    let found = off_thread(move || {
        let execution = coordinator.find(Some(&id))?;
        Ok(match (what.as_str(), name.is_empty()) {
            ("status", true) => Some((status(&execution).markdown(), MARKDOWN)),
            ("report", true) => {
                Some((report_document(&execution, &execution.state()).markdown, MARKDOWN))
            }
            ("breakdown", true) => Some((breakdown_of(&caller, &execution)?.text, MARKDOWN)),
            ("task", false) => Some((
                serde_json::to_string_pretty(&card(&execution, &name)?).unwrap_or_default(),
                "application/json",
            )),
            ("output", false) => {
                name.parse().ok().map(|order| (execution.last_output(order), "text/plain"))
            }
            _ => None,
        })
    });
    match found.await {
        Ok(found) => found.ok_or_else(unknown),
        Err(failure) => Err(ErrorData::resource_not_found(failure.message, None)),
    }
}

/// What a client with a handshake wants to be told of.
#[derive(Default)]
pub struct Subscriptions(Mutex<BTreeMap<String, AbortHandle>>);

impl Subscriptions {
    /// From now on it is told when a resource has changed.
    ///
    /// # Errors
    /// There is none of that name, or there are too many.
    pub async fn add(
        &self,
        caller: &Caller,
        uri: String,
        peer: Peer<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut changes = Changes::subscribe(caller.clone(), vec![uri.clone()]).await?;
        let follow = async move {
            while let Some(uri) = changes.next().await {
                if peer
                    .notify_resource_updated(ResourceUpdatedNotificationParam::new(uri))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SUBSCRIPTIONS && !known.contains_key(&uri) {
            return Err(ErrorData::invalid_params(
                format!("{MAX_SUBSCRIPTIONS} subscriptions are enough"),
                None,
            ));
        }
        if let Some(before) = known.insert(uri, tokio::spawn(follow).abort_handle()) {
            before.abort();
        }
        Ok(())
    }

    /// It is not told any more.
    pub fn remove(&self, uri: &str) {
        if let Some(follow) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uri) {
            follow.abort();
        }
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(AbortHandle::abort);
    }
}

/// Resources that change.
pub struct Changes {
    caller: Caller,
    shown: BTreeMap<String, String>,
    changes: watch::Receiver<u64>,
    changed: Vec<String>,
    pace: Pace,
}

impl Changes {
    /// From now on.
    ///
    /// # Errors
    /// One of them does not exist.
    pub async fn subscribe(caller: Caller, uris: Vec<String>) -> Result<Self, ErrorData> {
        let changes = caller.coordinator.changes();
        let mut shown = BTreeMap::new();
        for uri in uris.into_iter().take(MAX_SUBSCRIPTIONS) {
            shown.insert(uri.clone(), read(&caller, &uri).await?.0);
        }
        Ok(Self { caller, shown, changes, changed: Vec::new(), pace: Pace::default() })
    }

    /// The next one that has changed; none once nothing changes any more.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(uri) = self.changed.pop() {
                return Some(uri);
            }
            self.changes.changed().await.ok()?;
            self.pace.next().await;
            self.changes.mark_unchanged();
            for (uri, before) in &mut self.shown {
                let Ok((now, _)) = read(&self.caller, uri).await else { continue };
                if now != *before {
                    *before = now;
                    self.changed.push(uri.clone());
                }
            }
        }
    }
}
