//! The reader, with Jackson's limits: 1000 levels, and numbers of at most 1000 characters.

use std::collections::HashMap;

use connect_api::data::Decimal;

use super::Json;

const LEVELS: usize = 1000;
const DIGITS: usize = 1000;

pub(super) fn parse(text: &str) -> Result<Json, String> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    reader.value(0)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at offset {}", self.at))
    }

    fn value(&mut self, level: usize) -> Result<Json, String> {
        match self.peek() {
            Some(b'{' | b'[') if level >= LEVELS => self.fail("more than 1000 levels"),
            Some(b'{') => self.object(level + 1),
            Some(b'[') => self.array(level + 1),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (word, value) in
                    [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
                {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.fail("no JSON value")
            }
        }
    }

    /// After an element: whether another one follows.
    fn another(&mut self, end: u8) -> Result<bool, String> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            _ => self.fail("neither a comma nor the end of a list or an object"),
        }
    }

    /// After the opening: whether it closes at once.
    fn empty(&mut self, end: u8) -> bool {
        self.at += 1;
        self.space();
        let empty = self.peek() == Some(end);
        self.at += usize::from(empty);
        empty
    }

    fn array(&mut self, level: usize) -> Result<Json, String> {
        let mut elements = Vec::new();
        if self.empty(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(level)?);
            if !self.another(b']')? {
                return Ok(Json::Array(elements));
            }
        }
    }

    fn object(&mut self, level: usize) -> Result<Json, String> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut places = HashMap::new();
        if self.empty(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.fail("no member name");
            }
            let name = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return self.fail("no colon after a member name");
            }
            self.at += 1;
            self.space();
            let value = self.value(level)?;
            // Of equal names the last wins, in the place of the first.
            match places.get(&name) {
                Some(&place) => {
                    let slot: &mut (String, Json) = &mut members[place];
                    slot.1 = value;
                }
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
            if !self.another(b'}')? {
                return Ok(Json::Object(members));
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ') else {
                return self.fail("a text without end");
            };
            text.push_str(&rest[..end]);
            self.at += end;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return self.fail("a control character in a text"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let Some(kind) = self.text.as_bytes().get(self.at + 1).copied() else {
            return self.fail("a text without end");
        };
        let plain = match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return self.fail("an unknown escape"),
        };
        self.at += 2;
        Ok(plain)
    }

    /// One character of one or two `\uXXXX`; half a pair is no character here and reads as a question mark, as Java
    /// writes it.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let before = self.at;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(both).unwrap_or('?'));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or('?'))
    }

    fn hex4(&mut self) -> Result<u32, String> {
        let digits = self.rest().get(2..6).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return self.fail("an escape without four hexadecimal digits");
        };
        self.at += 6;
        Ok(code)
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || leading_zero && whole > 1 {
            return self.fail("a number that JSON does not have");
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            integer = false;
            if self.digits() == 0 {
                return self.fail("no digit after a point");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            integer = false;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return self.fail("no digit in an exponent");
            }
        }
        let text = &self.text[start..self.at];
        if text.len() > DIGITS {
            return self.fail("a number of more than 1000 characters");
        }
        let number: Decimal = text.parse().map_err(|_| format!("a number out of range at offset {start}"))?;
        Ok(if integer { Json::Integer(number) } else { Json::Decimal(number) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in [
            r#"{"b":[1,-2.50,true,null,{}],"a":"ü\n\u0001\"\\","":[]}"#,
            "12345678901234567890123",
            "0.1",
            r#""😀""#,
        ] {
            assert_eq!(parse(text).map(|json| json.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            parse(r#"{"a":1,"b":2,"a":3}"#).map(|json| json.to_string()),
            Ok(r#"{"a":3,"b":2}"#.into())
        );
        assert_eq!(parse("1.5e3 trailing").map(|json| json.to_string()), Ok("1500".into()));
        assert_eq!(parse(r#""\ud83d\ude00""#), Ok(Json::from("😀")));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in
            ["", "{", "[1,]", "01", "1.", "\"", "\"\\x\"", "{\"a\" 1}", "nul", "\"\u{1}\"", "+1", "'a'"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&deep(1000)).is_ok());
        assert!(parse(&deep(1001)).is_err());
        assert!(parse(&deep(100_000)).is_err());
    }
}
