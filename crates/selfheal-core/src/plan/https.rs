//! What a person should know of HTTPS when it begins, changes or ends. Nothing of it is a resource of AWS.

use super::builder::{Builder, Deferred};
use crate::world::Address;

/// Says which records a certificate needs that the stack does not keep, and what becomes of one that is not wanted any more.
pub(super) fn tell(builder: &mut Builder<'_>, address: &Deferred<Address>) {
    let template = builder.observed.launch_template.as_ref();
    let settings = template.and_then(|template| template.data.user_data.settings());
    let before = settings.and_then(|settings| settings.get("https_domains"));
    let Some(https) = &builder.spec.https else {
        if before.is_some() {
            let mount = builder
                .spec
                .data
                .as_ref()
                .map_or("the data volume", |data| data.mount.as_str());
            let kept = format!("the next instance has no nginx; the certificates stay below {mount}, in .selfheal/tls");
            builder.note("https-off", kept);
        }
        return;
    };
    if before.is_some_and(|before| *before == https.domains().join(" ").into_bytes()) {
        return;
    }
    let kept = builder.spec.dns.as_ref().map(|dns| dns.name.as_str());
    let mut others = https.domains();
    others.retain(|domain| Some(domain.as_str()) != kept);
    let to = match address {
        Deferred::Known(address) => address.public_ip.as_str(),
        Deferred::After(_) => "the stack's address",
    };
    if !others.is_empty() {
        let message = format!(
            "an A record to {to} alone, and no AAAA record, is yours to keep for {}: until it is there, no certificate",
            others.join(", ")
        );
        builder.note("https-records", message);
    }
}
