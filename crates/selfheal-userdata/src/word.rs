//! Reads the words that [`quote`](crate::quote) writes, without a shell.

/// The part of a text that has not been read yet. Every method gives `None` for what [`quote`](crate::quote) and its
/// callers do not write.
pub(crate) struct Words<'a>(pub(crate) &'a [u8]);

impl Words<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Takes the byte, if it comes next; answers whether it did.
    pub(crate) fn takes(&mut self, byte: u8) -> bool {
        let is = self.0.first() == Some(&byte);
        if is {
            self.0 = &self.0[1..];
        }
        is
    }

    /// Takes the name of an assignment, and its `=`.
    pub(crate) fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        loop {
            match self.next()? {
                b'=' if !name.is_empty() => return Some(name),
                byte if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' => name.push(byte.into()),
                _ => return None,
            }
        }
    }

    /// Takes the words of a list, and the `)` that ends it; gives what the words expand to.
    pub(crate) fn list(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut list = Vec::new();
        while !self.takes(b')') {
            let before = self.0.len();
            list.push(self.word()?);
            self.takes(b' ');
            // A list goes on in its line: nothing was taken where the line ends, or the text.
            if self.0.len() == before {
                return None;
            }
        }
        Some(list)
    }

    /// Takes one word, and gives what it expands to.
    pub(crate) fn word(&mut self) -> Option<Vec<u8>> {
        let mut word = Vec::new();
        while let Some(&byte) = self.0.first() {
            if matches!(byte, b' ' | b'\n' | b')') {
                break;
            }
            match self.next()? {
                b'\'' => loop {
                    match self.next()? {
                        b'\'' => break,
                        byte => word.push(byte),
                    }
                },
                b'\\' => word.push(self.next()?),
                b'$' => self.ansi_c(&mut word)?,
                b'"' | b'`' => return None,
                byte => word.push(byte),
            }
        }
        Some(word)
    }

    /// Takes the rest of `$'…'`, whose `$` was taken, in the escapes that [`quote`](crate::quote) writes.
    fn ansi_c(&mut self, word: &mut Vec<u8>) -> Option<()> {
        if !self.takes(b'\'') {
            return None;
        }
        loop {
            match self.next()? {
                b'\'' => return Some(()),
                b'\\' => match self.next()? {
                    byte @ (b'\'' | b'\\') => word.push(byte),
                    first => {
                        let digits = [first, self.next()?, self.next()?];
                        let digits = std::str::from_utf8(&digits).ok()?;
                        word.push(u8::from_str_radix(digits, 8).ok()?);
                    }
                },
                byte => word.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Words;
    use crate::quote::quote;

    #[test]
    fn a_word_that_was_quoted_is_read_back() {
        for text in [
            &b"plain-1.2"[..],
            b"",
            b"it's",
            b"a b\nc\td",
            b"$x `y` \"z\" \\",
            b"\x01\xff'\\9",
            "käse".as_bytes(),
        ] {
            let word = quote(text).unwrap() + "\nrest";
            let mut words = Words(word.as_bytes());
            assert_eq!(words.word().as_deref(), Some(text), "{word}");
            assert_eq!(words.0, b"\nrest");
        }
    }

    #[test]
    fn a_list_ends_where_it_says_or_is_none() {
        let mut words = Words(b"bash 'a b' '')\nrest");
        let list: Vec<Vec<u8>> = ["bash", "a b", ""].map(|word| word.as_bytes().to_vec()).into();
        assert_eq!(words.list(), Some(list));
        assert_eq!(words.0, b"\nrest");
        for text in ["", "bash", "bash ", "bash\nmount)", "'open"] {
            assert_eq!(Words(text.as_bytes()).list(), None, "{text}");
        }
    }

    #[test]
    fn what_was_not_quoted_by_us_is_not_guessed() {
        for text in ["'open", "$'open", "$'\\x41'", "\"double\"", "`run`", "$HOME"] {
            assert_eq!(Words(text.as_bytes()).word(), None, "{text}");
        }
    }
}
