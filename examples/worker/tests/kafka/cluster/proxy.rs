//! A way to Kafka that can be cut: whatever is sent then vanishes, and nobody is told.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Forwards connections from one port to another until it is dropped.
pub(super) struct Proxy {
    cut: Arc<watch::Sender<bool>>,
    _listener: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn start(from: u16, to: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", from)).await.unwrap();
        let cut = Arc::new(watch::channel(false).0);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, to, Arc::clone(&cut)));
        Self { cut, _listener: tasks }
    }

    /// Nothing passes any more. Connections stay open, new ones are accepted and get no answer.
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// New connections pass again; those from before are gone.
    pub(super) fn heal(&self) {
        self.cut.send_replace(false);
    }
}

async fn accept(listener: TcpListener, to: u16, cut: Arc<watch::Sender<bool>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(forward(stream, to, cut.subscribe()));
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(mut from: TcpStream, to: u16, mut cut: watch::Receiver<bool>) {
    let pass = async {
        let Ok(mut to) = TcpStream::connect(("127.0.0.1", to)).await else { return };
        let _ = from.set_nodelay(true);
        let _ = to.set_nodelay(true);
        let _ = copy_bidirectional(&mut from, &mut to).await;
    };
    let is_cut = *cut.borrow();
    if !is_cut {
        tokio::select! {
            () = pass => return,
            _ = cut.wait_for(|cut| *cut) => {}
        }
    }
    let _ = cut.wait_for(|cut| !*cut).await;
}
