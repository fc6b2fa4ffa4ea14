//! Splits a stream of bytes into MQTT packets.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The maximum size of a packet, whatever the settings say.
const HARD_LIMIT: usize = 16 * 1024 * 1024;

/// A stream of bytes, split into MQTT packets that are not decoded yet.
pub(super) struct Frames<R> {
    reader: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::with_capacity(4096) }
    }

    /// Returns the next packet with its header; `None` at the end of the stream. The future can be dropped without
    /// loss.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(length) = frame_length(&self.buffer)? {
                if self.buffer.len() >= length {
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                self.buffer.reserve(length - self.buffer.len());
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads and discards bytes until the other side closes.
    pub(super) async fn drain(&mut self) {
        loop {
            self.buffer.clear();
            if !matches!(self.reader.read_buf(&mut self.buffer).await, Ok(1..)) {
                return;
            }
        }
    }
}

/// Returns the length of the packet at the start of the buffer; `None` if its header is incomplete.
fn frame_length(buffer: &[u8]) -> io::Result<Option<usize>> {
    let mut length = 0usize;
    for position in 1..=4usize {
        let Some(&byte) = buffer.get(position) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * (position - 1));
        if byte & 0x80 == 0 {
            let whole = length + position + 1;
            return if whole > HARD_LIMIT { Err(io::ErrorKind::InvalidData.into()) } else { Ok(Some(whole)) };
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_whole_however_the_bytes_come() {
        let large = [&[0x30, 0x80, 0x02][..], &[7; 256]].concat();
        let stream = [&[0xC0, 0][..], &large, &[0xD0, 0, 0x40]].concat();
        let (mut writer, reader) = tokio::io::duplex(1);
        tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut writer, &stream).await });
        let mut frames = Frames::new(reader);
        let mut seen = Vec::new();
        while let Some(frame) = frames.next().await.unwrap() {
            seen.push(frame.to_vec());
        }
        assert_eq!(seen, [vec![0xC0, 0], large, vec![0xD0, 0]]);
    }

    #[test]
    fn lengths_out_of_range_are_errors() {
        assert_eq!(frame_length(&[0x30]).unwrap(), None);
        assert_eq!(frame_length(&[0x30, 0xFF, 0xFF]).unwrap(), None);
        assert_eq!(frame_length(&[0x30, 0xFF, 0x7F]).unwrap(), Some(16_383 + 3));
        assert!(frame_length(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(frame_length(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]).is_err());
    }
}
