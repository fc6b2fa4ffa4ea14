//! Reads lines of bytes of any length in bounded memory.

use std::io::{self, BufRead as _, BufReader, Read};

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The line without its newline. A carriage return is kept.
    Whole(Vec<u8>),
    /// The line was longer than the limit and was skipped.
    TooLong,
}

/// Reads lines from a reader. The last line needs no newline.
pub(super) struct Lines<R> {
    from: BufReader<R>,
    /// The longest line in bytes.
    limit: usize,
    /// The number of bytes read so far.
    pub(super) position: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(from: BufReader<R>, limit: usize) -> Self {
        Lines { from, limit, position: 0 }
    }

    /// Returns true if the next line was read already, as a whole: to take it does not block.
    pub(super) fn has_next(&self) -> bool {
        self.from.buffer().contains(&b'\n')
    }

    /// Reads the next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        // One more byte, for the newline.
        let room = (self.limit as u64).saturating_add(1);
        let length = (&mut self.from).take(room).read_until(b'\n', &mut bytes)?;
        self.position += length as u64;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if length as u64 == room {
            self.position += self.from.skip_until(b'\n')? as u64;
            return Ok(Some(Line::TooLong));
        } else if length == 0 {
            return Ok(None);
        }
        Ok(Some(Line::Whole(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(limit: usize, text: &[u8]) -> Vec<Option<Vec<u8>>> {
        // A buffer smaller than a line, as a pipe may give.
        let mut lines = Lines::new(BufReader::with_capacity(2, text), limit);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(match line {
                Line::Whole(bytes) => Some(bytes),
                Line::TooLong => None,
            });
        }
        assert_eq!(lines.position, text.len() as u64);
        all
    }

    #[test]
    fn only_the_newline_is_cut_off() {
        let whole = |parts: &[&[u8]]| parts.iter().map(|part| Some(part.to_vec())).collect::<Vec<_>>();
        assert_eq!(lines(9, b"a\r\n\n\xff\0b\nlast"), whole(&[b"a\r", b"", b"\xff\0b", b"last"]));
        assert_eq!(lines(9, b"a\n"), whole(&[b"a"]));
        assert_eq!(lines(9, b""), whole(&[]));
    }

    #[test]
    fn only_a_line_that_was_read_as_a_whole_is_there() {
        let mut lines = Lines::new(BufReader::with_capacity(5, b"a\nb\ncd\n".as_slice()), 9);
        assert!(!lines.has_next(), "nothing was read");
        for (line, more) in [("a", true), ("b", false), ("cd", false)] {
            assert_eq!(lines.next().unwrap(), Some(Line::Whole(line.into())));
            assert_eq!(lines.has_next(), more, "after {line}");
        }
    }

    #[test]
    fn a_line_above_the_limit_is_skipped_and_one_at_the_limit_is_not() {
        assert_eq!(lines(3, b"abc\nabcd\nabc"), [Some(b"abc".to_vec()), None, Some(b"abc".to_vec())]);
        assert_eq!(lines(3, b"abcd"), [None]);
        assert_eq!(lines(3, b"abcdefgh\n\n"), [None, Some(Vec::new())]);
    }
}
