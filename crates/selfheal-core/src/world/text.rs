//! Texts that AWS keeps for a stack and that say something to the planner: policies and user data.
//!
//! Such a text never changes, so that what it says is worked out at most once, and by no more than its clones share. An
//! answer of AWS that holds the same text again is a text of its own.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use selfheal_policy::Document;
use selfheal_userdata::{BootConfig, Settings, USER_DATA_MAX_BYTES, UserData};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares a text with what it says: everywhere else it is a string.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident says $meaning:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        pub struct $name(Arc<(String, $meaning)>);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::new((text, $meaning::default())))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                text.to_owned().into()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0) || self.0.0 == other.0.0
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                String::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }
        }
    };
}

text! {
    /// A policy document as IAM keeps it: JSON.
    PolicyText says PolicyMeaning
}

text! {
    /// User data as EC2 keeps it: base64.
    UserDataText says UserDataMeaning
}

#[derive(Default)]
struct PolicyMeaning {
    document: OnceLock<Option<Document>>,
}

#[derive(Default)]
struct UserDataMeaning {
    script: OnceLock<Option<Vec<u8>>>,
    settings: OnceLock<Option<Settings>>,
    config: OnceLock<Option<BootConfig>>,
}

impl PolicyText {
    /// Returns the document; `None` where it cannot be read.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        self.0.1.document.get_or_init(|| self.parse().ok()).as_ref()
    }
}

impl From<&Document> for PolicyText {
    fn from(document: &Document) -> Self {
        document.to_json().into()
    }
}

impl UserDataText {
    /// Returns the script in clear; `None` for what is not base64, or claims to be compressed and is not.
    #[must_use]
    pub fn script(&self) -> Option<&[u8]> {
        let script = self.0.1.script.get_or_init(|| selfheal_userdata::decode(self));
        script.as_deref()
    }

    /// Returns the settings of the boot program that it installs, of this version or an earlier one.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        let read = || selfheal_userdata::settings(self.script()?);
        self.0.1.settings.get_or_init(read).as_ref()
    }

    /// Returns the configuration from which this version renders exactly this script; `None` where there is none.
    #[must_use]
    pub fn config(&self) -> Option<&BootConfig> {
        let read = || selfheal_userdata::read(self.script()?).ok();
        self.0.1.config.get_or_init(read).as_ref()
    }

    /// Tells whether rendering the configuration gives this script, without rendering it.
    #[must_use]
    pub fn is_rendered_from(&self, config: &BootConfig) -> bool {
        let fits = self.len() <= USER_DATA_MAX_BYTES.div_ceil(3) * 4;
        fits && self.config().is_some_and(|have| config.renders_like(have))
    }
}

impl From<&UserData> for UserDataText {
    fn from(user_data: &UserData) -> Self {
        let text = Self::from(user_data.to_base64());
        // What was packed a moment ago need not be unpacked.
        let script = Some(user_data.script().as_bytes().to_vec());
        text.0.1.script.get_or_init(|| script);
        text
    }
}
