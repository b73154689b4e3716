//! Client tokens: a call that comes again with its token is answered as before.

use std::fmt::Debug;

use super::super::call::fail;
use super::super::state::TokenRecord;
use super::super::world::World;
use crate::backend::CallResult;

impl World {
    /// What an earlier call of this action made with this token, even if that was deleted since.
    ///
    /// # Errors
    /// When the token came with other inputs. Source: EC2 API reference, "Ensuring idempotency".
    pub(in crate::sim) fn made_before(
        &mut self,
        action: &'static str,
        token: &str,
        inputs: &impl Debug,
    ) -> CallResult<Option<String>> {
        let Some(record) = self.tokens.get(&format!("{action} {token}")).cloned() else {
            return Ok(None);
        };
        if record.inputs != format!("{inputs:?}") {
            let message = "The parameters of this request do not match those of an earlier one with this client token.";
            return fail(action, "IdempotentParameterMismatch", message);
        }
        self.made = Some(record.resource.clone());
        Ok(Some(record.resource))
    }

    /// Notes what a call made with its token, if it came with one.
    pub(in crate::sim) fn note_made(&mut self, action: &str, token: &str, inputs: &impl Debug, resource: &str) {
        if !token.is_empty() {
            let record = TokenRecord {
                inputs: format!("{inputs:?}"),
                resource: resource.to_owned(),
            };
            self.tokens.insert(format!("{action} {token}"), record);
        }
        self.made = Some(resource.to_owned());
    }
}
