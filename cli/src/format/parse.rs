//! Parses a format.

use super::piece::{Field, Format, Piece, Shape};

/// The widest field.
const WIDEST: usize = 10_000;

/// For `value_parser`: a format, or what is wrong with it and at which character.
pub(crate) fn parse(text: &str) -> Result<Format, String> {
    let mut parser = Parser { text: text.chars().collect(), at: 0, pieces: Vec::new() };
    parser.run()?;
    Ok(Format { pieces: parser.pieces })
}

struct Parser {
    text: Vec<char>,
    at: usize,
    pieces: Vec<Piece>,
}

impl Parser {
    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.next() {
            let start = self.at;
            let piece = match c {
                '%' => self.field(),
                '@' => self.time(),
                '\\' => self.escape().map(|c| Piece::Text(c.to_string())),
                other => Ok(Piece::Text(other.to_string())),
            };
            let piece = piece.map_err(|what| {
                let sequence: String = self.text[start - 1..self.at].iter().collect();
                format!("`{sequence}` at character {start}: {what}")
            })?;
            match (self.pieces.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(more)) => before.push_str(&more),
                (_, piece) => self.pieces.push(piece),
            }
        }
        Ok(())
    }

    /// After `%`: flags, width, precision, and the letter.
    fn field(&mut self) -> Result<Piece, String> {
        let mut shape = Shape::default();
        while let Some(flag @ ('0' | '-')) = self.peek() {
            match flag {
                '0' => shape.zero = true,
                _ => shape.left = true,
            }
            self.at += 1;
        }
        shape.width = self.number()?.unwrap_or(0);
        if self.peek() == Some('.') {
            self.at += 1;
            shape.precision = Some(self.number()?.unwrap_or(0));
        }
        let letter = self.next().ok_or("the letter of the field is missing")?;
        let field = match letter {
            '%' if shape == Shape::default() => return Ok(Piece::Text("%".to_string())),
            '%' => return Err("write %% alone".to_string()),
            't' => Field::Topic,
            'p' => Field::Payload,
            'x' => Field::HexLower,
            'X' => Field::HexUpper,
            'l' => Field::Length,
            'q' => Field::Qos,
            'r' => Field::Retain,
            'I' => Field::Iso,
            'U' => Field::Unix,
            'A' => Field::Alias,
            'C' => Field::ContentType,
            'D' => Field::Correlation,
            'E' => Field::Expiry,
            'F' => Field::TextFlag,
            'P' => Field::UserProperties,
            'R' => Field::ResponseTopic,
            'S' => Field::SubscriptionIds,
            'j' | 'J' if shape != Shape::default() => return Err("JSON has no width".to_string()),
            'j' => Field::JsonString,
            'J' => Field::JsonValue,
            'm' => return Err("packet ids are not known here".to_string()),
            _ => return Err("there is no such field".to_string()),
        };
        Ok(Piece::Field(field, shape))
    }

    /// After `@`: a letter of strftime, in the C locale.
    fn time(&mut self) -> Result<Piece, String> {
        let letter = self.next().ok_or("the letter after @ is missing")?;
        let directive = match letter {
            '@' => return Ok(Piece::Text("@".to_string())),
            'n' => return Ok(Piece::Text("\n".to_string())),
            't' => return Ok(Piece::Text("\t".to_string())),
            '%' => return Ok(Piece::Text("%".to_string())),
            'N' => "%9f",
            'c' => "%a %b %e %H:%M:%S %Y",
            'r' => "%I:%M:%S %p",
            'x' => "%m/%d/%y",
            'X' => "%H:%M:%S",
            other => {
                const LETTERS: [&str; 33] = [
                    "%A", "%a", "%B", "%b", "%C", "%D", "%d", "%e", "%F", "%G", "%g", "%H", "%h", "%I", "%j", "%k",
                    "%l", "%M", "%m", "%P", "%p", "%R", "%S", "%s", "%T", "%U", "%u", "%V", "%W", "%w", "%Y", "%y",
                    "%Z",
                ];
                let known = LETTERS.into_iter().chain(["%z"]).find(|known| known.ends_with(other));
                known.ok_or("there is no such part of a time")?
            }
        };
        Ok(Piece::Time(directive))
    }

    /// After a backslash.
    fn escape(&mut self) -> Result<char, String> {
        Ok(match self.next().ok_or("the letter after \\ is missing")? {
            '\\' => '\\',
            '0' => '\0',
            'a' => '\u{7}',
            'e' => '\u{1b}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            _ => return Err("there is no such escape".to_string()),
        })
    }

    fn number(&mut self) -> Result<Option<usize>, String> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            let value = number.unwrap_or(0) * 10 + digit as usize;
            if value > WIDEST {
                return Err(format!("more than {WIDEST} characters"));
            }
            number = Some(value);
        }
        Ok(number)
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_refused_with_its_place() {
        for (format, expected) in [
            ("%", "`%` at character 1: the letter of the field is missing"),
            ("%t %y", "`%y` at character 4: there is no such field"),
            ("中文 %-08", "`%-08` at character 4: the letter of the field is missing"),
            ("%t %10.", "`%10.` at character 4: the letter of the field is missing"),
            ("%5%", "`%5%` at character 1: write %% alone"),
            ("%5j", "`%5j` at character 1: JSON has no width"),
            ("%q%m", "`%m` at character 3: packet ids are not known here"),
            ("%99999t", "`%99999` at character 1: more than 10000 characters"),
            ("%.10001p", "`%.10001` at character 1: more than 10000 characters"),
            ("%99999999999999999999999999t", "`%99999` at character 1: more than 10000 characters"),
            ("x@", "`@` at character 2: the letter after @ is missing"),
            ("@E", "`@E` at character 1: there is no such part of a time"),
            ("@中", "`@中` at character 1: there is no such part of a time"),
            ("a\\", "`\\` at character 2: the letter after \\ is missing"),
            ("\\x41", "`\\x` at character 1: there is no such escape"),
        ] {
            assert_eq!(parse(format), Err(expected.to_string()), "{format}");
        }
    }

    #[test]
    fn text_between_fields_is_one_piece() {
        let format = parse("a\\tb%%c@@ %-5.3t").unwrap();
        let shape = Shape { left: true, width: 5, precision: Some(3), zero: false };
        assert_eq!(format.pieces, [Piece::Text("a\tb%c@ ".to_string()), Piece::Field(Field::Topic, shape)]);
        assert!(parse("").unwrap().pieces.is_empty());
    }

    #[test]
    fn no_text_makes_it_panic() {
        // Every text of up to four of the characters that mean something.
        let alphabet: Vec<char> = "%@\\0-.9tpjN中 ".chars().collect();
        for index in 0..alphabet.len().pow(4) {
            let text: String =
                (0..4).map(|place| alphabet[index / alphabet.len().pow(place) % alphabet.len()]).collect();
            let _ = parse(&text);
        }
    }
}
