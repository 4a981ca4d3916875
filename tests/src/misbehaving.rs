//! A receiver that does not keep to HTTP, or to good manners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// One thing that a receiver does on a connection.
#[derive(Debug, Clone)]
pub enum Act {
    /// Reads the request to its end.
    Read,
    /// Reads the request's head, and of its body what comes along.
    ReadHead,
    /// Writes this.
    Say(Vec<u8>),
    /// Writes this over and over, as fast as it is taken, this many times at most.
    Flood(Vec<u8>, u64),
    /// Writes this over and over, with pauses.
    Drip(Vec<u8>, Duration),
    /// Does nothing until the other end closes the connection.
    Hang,
    /// Resets the connection.
    Reset,
}

impl Act {
    /// Writes this.
    pub fn say(bytes: impl AsRef<[u8]>) -> Self {
        Self::Say(bytes.as_ref().to_vec())
    }
}

/// A receiver that does the same acts on every connection, and then closes it.
#[derive(Debug)]
pub struct Misbehaving {
    address: SocketAddr,
    seen: Arc<Seen>,
    listening: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    closed: AtomicUsize,
    written: AtomicU64,
}

impl Misbehaving {
    /// Starts a receiver on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// When there is no port for it.
    pub async fn start(acts: Vec<Act>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let listening = tokio::spawn(listen(listener, acts.into(), Arc::clone(&seen)));
        Ok(Self {
            address,
            seen,
            listening: listening.abort_handle(),
        })
    }

    /// The URL of the receiver.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// How many of them are over.
    pub fn closed(&self) -> usize {
        self.seen.closed.load(Ordering::Relaxed)
    }

    /// How many bytes the other ends took, or their systems' buffers did.
    pub fn written(&self) -> u64 {
        self.seen.written.load(Ordering::Relaxed)
    }
}

impl Drop for Misbehaving {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, acts: Arc<[Act]>, seen: Arc<Seen>) {
    // Accepting fails when the test is out of file descriptors; the test then tells.
    while let Ok((connection, _)) = listener.accept().await {
        seen.connections.fetch_add(1, Ordering::Relaxed);
        let (acts, seen) = (Arc::clone(&acts), Arc::clone(&seen));
        tokio::spawn(async move {
            // The other end goes away amid most of this, which is what it should do.
            let _ = perform(connection, &acts, &seen).await;
            seen.closed.fetch_add(1, Ordering::Relaxed);
        });
    }
}

async fn perform(mut connection: TcpStream, acts: &[Act], seen: &Seen) -> Result<()> {
    for act in acts {
        match act {
            Act::Read => read(&mut connection, true).await?,
            Act::ReadHead => read(&mut connection, false).await?,
            Act::Say(bytes) => say(&mut connection, bytes, seen).await?,
            Act::Flood(bytes, times) => {
                for _ in 0..*times {
                    say(&mut connection, bytes, seen).await?;
                }
            }
            Act::Drip(bytes, pause) => loop {
                say(&mut connection, bytes, seen).await?;
                tokio::time::sleep(*pause).await;
            },
            Act::Hang => {
                let mut rest = [0; 1024];
                while connection.read(&mut rest).await? > 0 {}
            }
            Act::Reset => {
                connection.set_zero_linger()?;
                return Ok(());
            }
        }
    }
    Ok(connection.shutdown().await?)
}

async fn say(connection: &mut TcpStream, bytes: &[u8], seen: &Seen) -> Result<()> {
    connection.write_all(bytes).await?;
    seen.written
        .fetch_add(bytes.len() as u64, Ordering::Relaxed);
    Ok(())
}

/// Reads a request as the service sends it: with a `content-length`; its head alone unless `whole`.
async fn read(connection: &mut TcpStream, whole: bool) -> Result<()> {
    const END: &[u8] = b"\r\n\r\n";
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let length = connection.read(&mut chunk).await?;
        anyhow::ensure!(length > 0, "the request broke off");
        request.extend_from_slice(&chunk[..length]);
        let Some(head) = request.windows(END.len()).position(|window| window == END) else {
            continue;
        };
        if !whole {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let body = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let body: usize = body.unwrap_or("0").trim().parse()?;
        if request.len() >= head + END.len() + body {
            return Ok(());
        }
    }
}
