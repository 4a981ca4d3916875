//! Writing to a stream of the host's, as fast as it takes what is written.

use wasi::io::streams::{OutputStream, StreamError};

use crate::wait;

/// Writes all of `rest`.
pub(crate) async fn write(stream: &OutputStream, mut rest: &[u8]) -> Result<(), StreamError> {
    while !rest.is_empty() {
        let room = wait::until(
            || match stream.check_write() {
                Ok(0) => None,
                room => Some(room),
            },
            || stream.subscribe(),
        );
        let room = usize::try_from(room.await?).unwrap_or(usize::MAX);
        let (chunk, after) = rest.split_at(rest.len().min(room));
        stream.write(chunk)?;
        rest = after;
    }
    Ok(())
}
