//! Requests: what an operator asks of the running instance, and what the instance answers.
//!
//! A request is the tag [`TAG_REQUEST`] of the instance, which its metadata show; the answer is the tag [`TAG_ANSWER`] of the
//! group, which the instance's role may write anyway. So nobody needs a shell, an agent or a port, and the instance asks nobody.
//! Each request has an id of its own, and an instance does what it is asked at most once.

use std::fmt;
use std::str::FromStr;

/// Tag key on the instance that holds a [`Request`].
pub const TAG_REQUEST: &str = selfheal_policy::TAG_REQUEST;
/// Tag key on the group that holds an [`Reply`].
pub const TAG_ANSWER: &str = "selfheal:answer";

/// The longest request, in characters: what a tag holds.
const CHARS_MAX: usize = 256;

/// What an instance is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    id: String,
    verb: String,
    words: Vec<String>,
}

/// Why a text is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request is an id of 16 hexadecimal digits, a verb of letters, and words of letters, digits and `=.:@-`, of 256 characters at most"
)]
pub struct NoRequest;

impl Request {
    /// Makes a request.
    ///
    /// `id` must be drawn at random: an instance does nothing for one that it has seen before. `verb` is one that the boot program
    /// knows; an instance answers any other with that.
    ///
    /// # Errors
    /// [`NoRequest`] where the parts are not of the form.
    pub fn new(id: &str, verb: &str, words: &[&str]) -> Result<Self, NoRequest> {
        let hexadecimal = id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let letters = !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_lowercase());
        let word = |word: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"=.:@-".contains(&byte);
            !word.is_empty() && word.bytes().all(plain)
        };
        let request = Self {
            id: id.to_owned(),
            verb: verb.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        let fits = request.to_string().len() <= CHARS_MAX;
        (hexadecimal && letters && words.iter().all(word) && fits)
            .then_some(request)
            .ok_or(NoRequest)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is to be done.
    #[must_use]
    pub fn verb(&self) -> &str {
        &self.verb
    }

    /// What the verb is told.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns the answer to this request that the group's tag holds; `None` where it is of another one.
    #[must_use]
    pub fn reply_in(&self, tag: &str) -> Option<Reply> {
        let (id, rest) = tag.split_once(' ')?;
        let (end, words) = rest.split_once(' ').unwrap_or((rest, ""));
        let done = match end {
            "ok" => true,
            "failed" => false,
            _ => return None,
        };
        (id == self.id).then(|| Reply {
            done,
            words: words.to_owned(),
        })
    }
}

/// As the tag holds it.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.verb)?;
        self.words.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

impl FromStr for Request {
    type Err = NoRequest;

    fn from_str(text: &str) -> Result<Self, NoRequest> {
        let mut words = text.split(' ');
        let (id, verb) = (words.next().ok_or(NoRequest)?, words.next().ok_or(NoRequest)?);
        Self::new(id, verb, &words.collect::<Vec<_>>())
    }
}

/// What an instance says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whether it was done. What was not may have been begun: an instance that is cut off says so, and begins nothing anew.
    pub done: bool,
    /// What came of it, or why nothing did; of some 230 characters at most.
    pub words: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";

    #[test]
    fn a_request_is_read_back_from_its_tag() {
        for words in [vec![], vec!["0a", "b=c"]] {
            let request = Request::new(ID, "marker", &words).unwrap();
            assert_eq!(request.to_string().parse(), Ok(request));
        }
    }

    #[test]
    fn what_an_instance_would_not_read_is_no_request() {
        let long = "a".repeat(240);
        for (id, verb, word) in [
            ("0123456789ABCDEF", "marker", "a"),
            ("0123", "marker", "a"),
            (ID, "", "a"),
            (ID, "Marker", "a"),
            (ID, "marker", ""),
            (ID, "marker", "a b"),
            (ID, "marker", "$(id)"),
            (ID, "marker", long.as_str()),
        ] {
            assert_eq!(Request::new(id, verb, &[word]), Err(NoRequest), "{id} {verb} {word}");
        }
        assert_eq!("".parse::<Request>(), Err(NoRequest));
        assert_eq!(format!("{ID}  marker").parse::<Request>(), Err(NoRequest));
    }

    #[test]
    fn an_answer_is_one_to_this_request_alone() {
        let request = Request::new(ID, "marker", &[]).unwrap();
        let answer = |done, words: &str| {
            Some(Reply {
                done,
                words: words.to_owned(),
            })
        };
        assert_eq!(request.reply_in(&format!("{ID} ok 0a 0b")), answer(true, "0a 0b"));
        assert_eq!(
            request.reply_in(&format!("{ID} failed no volume")),
            answer(false, "no volume")
        );
        assert_eq!(request.reply_in(&format!("{ID} ok")), answer(true, ""));
        for other in ["", "fedcba9876543210 ok", &format!("{ID} soon"), ID] {
            assert_eq!(request.reply_in(other), None, "{other}");
        }
    }
}
