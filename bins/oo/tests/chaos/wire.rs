//! The way from one process to nats-server, which can be cut, or hold back all that is said.

use oo_runtime::task;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// Whatever is said arrives once it is open again: neither side sees that anything is wrong.
    Held,
    /// Connections break, and no new one is made.
    Cut,
}

pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
}

impl Wire {
    /// A new one, open, to a server.
    pub(crate) async fn lay(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(State::Open);
        let seen = state.subscribe();
        drop(task::spawn("wire", async move {
            while let Ok((near, _)) = listener.accept().await {
                if *seen.borrow() != State::Cut {
                    drop(task::spawn("connection", pass(near, server, seen.clone())));
                }
            }
        }));
        Self { address, state }
    }

    pub(crate) fn set(&self, state: State) {
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
