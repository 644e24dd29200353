//! JSON lines at the sockets of the executions that this process owns: for followers, parents and
//! scripts.

use super::{Framing, line, write};
use crate::engine::coordinator::Coordinator;
use crate::engine::listener::{Listener, is_attempt};
use crate::rpc::peer::{Caller, Client, Peer};
use crate::rpc::table::Table;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Clients at once. Whoever comes then takes the place of the one that has said nothing for longest.
const MAX_CLIENTS: usize = 256;
/// How many of them may be told of what happens, and so are not sent away for being silent.
const MAX_FOLLOWERS: usize = 192;
/// Once everything is over: how long a client may take nothing of what it is to be told.
const PATIENCE: Duration = Duration::from_secs(1);
/// And how long the slowest may take in all.
const CLIENTS_TAKE: Duration = Duration::from_secs(60);

/// What clients of all listeners share.
pub struct Server {
    table: Arc<Table>,
    coordinator: Arc<Coordinator>,
    room: Arc<Semaphore>,
    clients: Mutex<Vec<Weak<Peer>>>,
    present: watch::Sender<usize>,
}

impl Server {
    /// Nobody is there yet.
    pub fn new(table: Arc<Table>, coordinator: Arc<Coordinator>) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(MAX_CLIENTS));
        Arc::new(Self {
            table,
            coordinator,
            room,
            clients: Mutex::default(),
            present: watch::Sender::new(0),
        })
    }

    /// How many clients there are.
    pub fn present(&self) -> watch::Receiver<usize> {
        self.present.subscribe()
    }

    /// Lets clients in at every listener, until `over` says that this process is done.
    /// Then they are told everything, and let go.
    pub async fn serve(
        self: Arc<Self>,
        mut listeners: mpsc::UnboundedReceiver<Listener>,
        over: impl Future<Output = ()>,
    ) {
        let mut open = JoinSet::new();
        tokio::pin!(over);
        loop {
            tokio::select! {
                Some(listener) = listeners.recv() => drop(open.spawn(self.clone().accept_loop(listener))),
                () = &mut over => break,
            }
            while open.try_join_next().is_some() {}
        }
        open.shutdown().await;
        let clients: Vec<Arc<Peer>> =
            self.clients().drain(..).filter_map(|client| client.upgrade()).collect();
        let told = futures::future::join_all(
            clients.iter().map(|client| client.drain_while_it_reads(PATIENCE)),
        );
        // Who reads too slowly reads the journal.
        let _ = timeout(CLIENTS_TAKE, told).await;
        clients.iter().for_each(|client| client.close());
        let mut present = self.present();
        let _ = timeout(PATIENCE, present.wait_for(|present| *present == 0)).await;
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Peer>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts connections until the listener is closed.
    async fn accept_loop(self: Arc<Self>, mut bound: Listener) {
        let listener = bound
            .listener
            .set_nonblocking(true)
            .and_then(|()| UnixListener::from_std(bound.listener));
        let Ok(listener) = listener else { return };
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    // There are no descriptors left: those who are here go first.
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                _ = bound.closed.changed() => return,
            };
            let Some(place) = self.make_room().await else { continue };
            let here = Here::new(self.clone());
            tokio::spawn(async move {
                here.0.attend(stream).await;
                drop((here, place));
            });
        }
    }

    /// A place for one more client; none where all are taken by clients that may not be sent away.
    async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.room.clone().try_acquire_owned() {
            return Some(place);
        }
        let clients: Vec<Arc<Peer>> = self.clients().iter().filter_map(Weak::upgrade).collect();
        let mut followers: Vec<&Arc<Peer>> =
            clients.iter().filter(|client| client.follows()).collect();
        let idle = clients
            .iter()
            .filter(|client| !client.follows())
            .min_by_key(|client| client.heard_ms());
        followers.sort_by_key(|client| client.heard_ms());
        idle.or_else(|| followers.get(MAX_FOLLOWERS).copied())?.close();
        timeout(PATIENCE, self.room.clone().acquire_owned()).await.ok()?.ok()
    }

    /// Serves one client until it leaves.
    async fn attend(&self, stream: UnixStream) {
        // The folder is closed to others; this holds where somebody opened it up.
        let Ok(who) = stream.peer_cred() else { return };
        let roots = self.coordinator.roots();
        if who.uid() != rustix::process::getuid().as_raw()
            || who.pid().is_some_and(|pid| is_attempt(pid, &roots))
        {
            return;
        }
        let (input, output) = stream.into_split();
        let (peer, queue) = Peer::at(Client::Program, who.pid());
        {
            let mut clients = self.clients();
            clients.retain(|client| client.strong_count() > 0);
            clients.push(Arc::downgrade(&peer));
        }
        let caller =
            Caller { coordinator: self.coordinator.clone(), peer: peer.clone(), asked: None };
        let answers = async {
            // Who can't be read has left.
            let _ = line::run(self.table.clone(), caller, input).await;
            peer.close();
        };
        let writes = async {
            let _ = write(queue, output, Framing::Lines).await;
            peer.close();
        };
        tokio::join!(answers, writes);
    }
}

/// A client that is counted as long as it is here.
struct Here(Arc<Server>);

impl Here {
    fn new(server: Arc<Server>) -> Self {
        server.present.send_modify(|present| *present += 1);
        Self(server)
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.0.present.send_modify(|present| *present -= 1);
    }
}
