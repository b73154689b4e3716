//! The linter: silent on what is generated, loud on everything else.

use crate::common::{instance_scope, operator_scope};
use selfheal_policy::lint::{DocumentKind, lint};
use selfheal_policy::{Purpose, instance_policy, operator_policy};

#[test]
fn silent_on_what_is_generated() {
    let findings = lint(&instance_policy(&instance_scope()).unwrap(), DocumentKind::InstanceRole);
    assert_eq!(findings, []);
    for purpose in Purpose::ALL {
        let findings = lint(
            &operator_policy(&operator_scope(), purpose).unwrap(),
            DocumentKind::Operator,
        );
        assert_eq!(findings, [], "{purpose}");
    }
}
