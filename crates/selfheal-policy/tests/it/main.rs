//! The tests of the generated policies, the evaluator and the linter, in one binary.

#[cfg(test)]
mod arns;
#[cfg(test)]
mod boundary;
#[cfg(test)]
mod calls;
mod challenge;
#[cfg(test)]
mod common;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod example;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod parsing;
#[cfg(test)]
mod partitions;
#[cfg(test)]
mod pinned;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod variables;
