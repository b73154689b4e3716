//! Requests and what is known about them.

use std::collections::BTreeMap;

use crate::arn::Arn;

/// The values of condition keys; keys are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// Builds an empty context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value to a key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.values
            .entry(key.to_ascii_lowercase())
            .or_default()
            .push(value.into());
        self
    }

    /// Adds values to a key; a key without values counts as absent.
    #[must_use]
    pub fn with_all<S: Into<String>>(mut self, key: &str, values: impl IntoIterator<Item = S>) -> Self {
        self.values
            .entry(key.to_ascii_lowercase())
            .or_default()
            .extend(values.into_iter().map(Into::into));
        self
    }

    /// Returns the values of a key; `None` if the key is absent or has no values.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.values
            .get(&key.to_ascii_lowercase())
            .map(Vec::as_slice)
            .filter(|values| !values.is_empty())
    }

    /// Returns every key, in lower case, with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.values
            .iter()
            .map(|(key, values)| (key.as_str(), values.as_slice()))
    }

    /// Keeps the keys of which the predicate holds; it is given them in lower case.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.values.retain(|key, _| keep(key));
    }
}

/// One resource that a request names, with the keys that describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRequest {
    /// The resource; what a request creates is named with `*` for its id, as EC2 does.
    pub arn: Arn,
    /// The keys that describe this resource alone, such as its tags.
    pub context: Context,
}

impl ResourceRequest {
    /// Builds a resource of which nothing is known but its name.
    #[must_use]
    pub fn new(arn: Arn) -> Self {
        Self {
            arn,
            context: Context::new(),
        }
    }

    /// Adds a value to a key that describes this resource.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context = self.context.with(key, value);
        self
    }

    /// Adds a tag that the resource carries, under the global key and the service's own.
    #[must_use]
    pub fn tagged(self, key: &str, value: &str) -> Self {
        let own = format!("{}:ResourceTag/{key}", self.arn.service());
        // Systems Manager judges EC2's instances by a key of its own.
        let of_ssm = (self.arn.service() == "ec2").then(|| format!("ssm:resourceTag/{key}"));
        let tagged = self.with(&format!("aws:ResourceTag/{key}"), value).with(&own, value);
        match of_ssm {
            Some(key) => tagged.with(&key, value),
            None => tagged,
        }
    }

    /// Adds a tag that the request puts on the resource.
    #[must_use]
    pub fn tagging(self, key: &str, value: &str) -> Self {
        self.with(&format!("aws:RequestTag/{key}"), value)
            .with("aws:TagKeys", key)
    }
}

/// A call of an API: its action, the resources that it names and what is known about it.
///
/// Who calls is told by keys as well, such as `aws:PrincipalArn`, `aws:userid` and `aws:PrincipalTag/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The action, such as `ec2:AttachVolume`.
    pub action: String,
    /// The resources, each of which must be allowed; a call that names none is checked against `*`.
    pub resources: Vec<ResourceRequest>,
    /// The keys that hold for the whole request.
    pub context: Context,
}

impl Request {
    /// Builds a call that names no resource.
    #[must_use]
    pub fn new(action: &str) -> Self {
        Self {
            action: action.to_owned(),
            resources: Vec::new(),
            context: Context::new(),
        }
    }

    /// Adds a resource.
    #[must_use]
    pub fn on(mut self, resource: ResourceRequest) -> Self {
        self.resources.push(resource);
        self
    }

    /// Adds a value to a key of the whole request.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context = self.context.with(key, value);
        self
    }

    /// Adds values to a key of the whole request.
    #[must_use]
    pub fn with_all<S: Into<String>>(mut self, key: &str, values: impl IntoIterator<Item = S>) -> Self {
        self.context = self.context.with_all(key, values);
        self
    }
}

/// The keys that a condition sees: the resource's own keys before those of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) request: &'a Context,
    pub(crate) resource: Option<&'a Context>,
}

impl<'a> View<'a> {
    pub(crate) fn get(self, key: &str) -> Option<&'a [String]> {
        self.resource
            .and_then(|context| context.get(key))
            .or_else(|| self.request.get(key))
    }

    /// Returns the value of a policy variable; a key with several values cannot be one.
    pub(crate) fn variable(self, key: &str) -> Option<String> {
        match self.get(key)? {
            [one] => Some(one.clone()),
            _ => None,
        }
    }
}
