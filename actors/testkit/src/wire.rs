//! The way from one process to a server, which can be cut, hold back all that is said, or lead to another one.

use oo_runtime::task;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It arrives.
    Open,
    /// Whatever is said arrives once it is open again: neither side sees that anything is wrong.
    Held,
    /// Connections break, and no new one is made.
    Cut,
}

/// A way to a server.
pub struct Wire {
    address: SocketAddr,
    server: watch::Sender<SocketAddr>,
    state: watch::Sender<State>,
}

impl Wire {
    /// A new one, open, to a server.
    pub async fn lay(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (server, state) = (watch::Sender::new(server), watch::Sender::new(State::Open));
        let (to, seen) = (server.subscribe(), state.subscribe());
        drop(task::spawn("wire", async move {
            while let Ok((near, _)) = listener.accept().await {
                if *seen.borrow() != State::Cut {
                    drop(task::spawn("connection", pass(near, *to.borrow(), seen.clone())));
                }
            }
        }));
        Self { address, server, state }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that are made from now on go to another server.
    pub fn lead_to(&self, server: SocketAddr) {
        self.server.send_replace(server);
    }

    /// Whether what is said arrives.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

/// One connection, until either side ends it or the wire is cut.
async fn pass(near: TcpStream, server: SocketAddr, state: watch::Receiver<State>) {
    let Ok(far) = TcpStream::connect(server).await else { return };
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    let mut seen = state.clone();
    tokio::select! {
        () = carry(from_near, to_far, state.clone()) => {}
        () = carry(from_far, to_near, state) => {}
        _ = seen.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut said = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut said).await {
        if state.wait_for(|state| *state != State::Held).await.is_err() || to.write_all(&said[..length]).await.is_err()
        {
            return;
        }
    }
}
