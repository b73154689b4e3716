//! JSON as it was written: objects keep their order and their duplicates, so that the parser can refuse the latter.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The longest text that is parsed, in bytes: far above every quota of IAM (10,240 characters for a role's inline
/// policies, 32 KiB for a KMS key policy), and low enough that a hostile text costs nothing.
pub const DOCUMENT_BYTES_MAX: usize = 128 * 1024;

/// The number of levels that values are read to: a policy is at most seven deep, and a value that is dropped takes stack for each level.
const DEPTH_MAX: usize = 16;

/// A JSON value whose objects may hold a key twice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Names the type for messages.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut left = DOCUMENT_BYTES_MAX;
        let seed = Seed {
            left: &mut left,
            depth: 0,
        };
        seed.deserialize(deserializer)
    }
}

/// Reads one value and counts what it would take as text, so that no other format hands over more than the parser reads.
struct Seed<'a> {
    left: &'a mut usize,
    depth: usize,
}

impl Seed<'_> {
    /// Takes a text and what stands around it off what is left.
    fn take<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        // The shortest value is one byte and a comma.
        *self.left = self.left.checked_sub(bytes.saturating_add(2)).ok_or_else(|| {
            E::custom(format_args!(
                "the document is too long, at most {DOCUMENT_BYTES_MAX} bytes are read"
            ))
        })?;
        Ok(())
    }

    fn string<E: de::Error>(mut self, value: String) -> Result<Node, E> {
        self.take(value.len())?;
        Ok(Node::String(value))
    }

    fn number<E: de::Error>(mut self, value: impl fmt::Display) -> Result<Node, E> {
        let text = value.to_string();
        self.take(text.len())?;
        Ok(Node::Number(text))
    }

    /// Returns the seed of a value inside of this one.
    fn inner<E: de::Error>(&mut self) -> Result<Seed<'_>, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!(
                "the document is too deep, at most {DEPTH_MAX} levels are read"
            )));
        }
        Ok(Seed {
            left: self.left,
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(mut self) -> Result<Node, E> {
        self.take(0)?;
        Ok(Node::Null)
    }

    fn visit_bool<E: de::Error>(mut self, value: bool) -> Result<Node, E> {
        self.take(0)?;
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        self.string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Node, E> {
        self.string(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Node, A::Error> {
        self.take(0)?;
        let mut elements = Vec::new();
        while let Some(element) = access.next_element_seed(self.inner()?)? {
            elements.push(element);
        }
        Ok(Node::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Node, A::Error> {
        self.take(0)?;
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            self.take(key.len())?;
            let value = access.next_value_seed(self.inner()?)?;
            entries.push((key, value));
        }
        Ok(Node::Object(entries))
    }
}
