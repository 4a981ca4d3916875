//! What HTTP has no words for, done on the connection itself.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::behaviour::Act;

/// The pause after each byte of what comes slowly.
const PAUSE: Duration = Duration::from_secs(1);

/// How much of a body without end is written at once.
const PIECE: usize = 16 * 1024;

/// Does this on a connection whose request was read, until the other end goes, `longest` at most.
pub(crate) async fn perform(act: Act, mut connection: TcpStream, longest: Duration) {
    if act == Act::Reset {
        // It is reset when it is dropped. Where that can't be had, it is at least closed without an answer.
        let _ = connection.set_zero_linger();
        return;
    }
    let (mut reader, mut writer) = connection.split();
    tokio::select! {
        // The other end may go away amid all of this, which is what it should do.
        _ = write(act, &mut writer) => {}
        () = gone(&mut reader) => {}
        () = tokio::time::sleep(longest) => {}
    }
}

async fn write(act: Act, connection: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
    match act {
        Act::Hang | Act::Reset => std::future::pending().await,
        Act::Garbage => {
            connection
                .write_all(b"\x00\xff\r\nthis is no HTTP\r\n\r\n")
                .await?;
            connection.shutdown().await
        }
        Act::Drip => {
            connection.write_all(CHUNKED).await?;
            loop {
                connection.write_all(b"1\r\n.\r\n").await?;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Act::Large => {
            connection.write_all(CHUNKED).await?;
            let mut piece = format!("{PIECE:x}\r\n").into_bytes();
            piece.resize(piece.len() + PIECE, b'.');
            piece.extend_from_slice(b"\r\n");
            loop {
                connection.write_all(&piece).await?;
            }
        }
        Act::SlowHeaders => {
            connection.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            for byte in b"x-slow: yes\r\n".iter().cycle() {
                connection.write_all(&[*byte]).await?;
                tokio::time::sleep(PAUSE).await;
            }
            Ok(())
        }
    }
}

/// Waits until the other end sends nothing more.
async fn gone(connection: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 1024];
    while connection.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}
