//! The challenge in the DNS: real certbot with its hook, and an authority that asks the servers of the simulated hosted zone.

use std::time::Duration;

use selfheal_core::spec::{ChallengeKind, HttpsSpec, Site};
use selfheal_core::world::InstanceId;

use super::https::{NAME, TLS, await_trusted, forget, look, options};
use crate::boot_lab::authority::{Authority, DIRECTORY};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::boot_lab::zone_server::{self, ADDRESS};
use crate::error::{TaskError, TaskResult};
use crate::wire::WireFault;

/// The stack of the other scenarios, for its name and all below it, without a file at port 80.
fn by_dns(authority: &Authority) -> TaskResult<Options> {
    let mut options = options(authority, DIRECTORY);
    let https = options.https.take().ok_or_else(|| TaskError::failed("no HTTPS"))?;
    let sites = https.sites.iter().map(|site| Site {
        domains: vec![NAME.to_owned(), format!("*.{NAME}")],
        ..site.clone()
    });
    options.https = Some(HttpsSpec {
        sites: sites.collect(),
        challenge: ChallengeKind::Dns,
        ..https
    });
    Ok(options)
}

/// A first certificate for a name that leads nowhere yet, and for all below it; a refusal of Route 53's, before which the authority
/// has looked at nothing; a machine that loses its power while the authority looks.
pub fn by_records(lab: &mut Lab) -> TaskResult<()> {
    let mut authority = Authority::prepare(lab)?;
    authority.start_asking(lab, ADDRESS)?;
    let roots = authority.root(lab)?;
    let cloud = lab.prepare(&by_dns(&authority)?)?;
    zone_server::serve(&cloud.sim)?;
    cloud.run();
    let first = cloud.await_in_service(1, 90)?;
    await_trusted(lab, &cloud, &roots, 120)?;
    ensure(authority.orders(lab)? == 1, || "more than one order".to_owned())?;
    let names = cloud.run_in(
        &first,
        &[
            "sh",
            "-c",
            &format!("openssl x509 -in {TLS}/current/fullchain.pem -noout -ext subjectAltName"),
        ],
    )?;
    ensure(names.contains(&format!("DNS:*.{NAME}")), || {
        format!("it is for {names}")
    })?;
    nothing_stays(&cloud, &first)?;
    refused(lab, &cloud, &authority, &first)?;
    let id = cut_while_it_looks(&cloud, &first)?;
    await_trusted(lab, &cloud, &roots, 30)?;
    nothing_stays(&cloud, &id)?;
    lab.note("a certificate with a wildcard by records of the zone, none of which stays");
    Ok(())
}

/// Neither a record in the zone nor a note of one on the volume.
fn nothing_stays(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let left = records(cloud);
    ensure(left.is_empty(), || format!("the zone has {left:?}"))?;
    cloud
        .run_in(id, &["test", "!", "-e", &format!("{TLS}/records")])
        .map(drop)
}

/// The names of the TXT records that the zones hold.
fn records(cloud: &Cloud) -> Vec<String> {
    cloud.sim.inspect(|world| {
        let records = world.zones.values().flat_map(|zone| &zone.records);
        let texts = records.filter(|record| record.record_type == "TXT");
        texts.map(|record| record.name.clone()).collect()
    })
}

/// Route 53 refuses the records: the attempt ends before the authority looks, and costs no failure with it.
fn refused(lab: &Lab, cloud: &Cloud, authority: &Authority, id: &InstanceId) -> TaskResult<()> {
    cloud.wire.set_hook(Some(Box::new(|call| {
        (call.action == "ChangeResourceRecordSets").then(|| WireFault::Refuse {
            code: "NoSuchHostedZone".to_owned(),
            message: "No hosted zone found".to_owned(),
        })
    })));
    let looked = |lab: &Lab| -> TaskResult<usize> {
        Ok(authority
            .requests(lab)?
            .iter()
            .filter(|line| line.contains("POST /chalZ/"))
            .count())
    };
    let before = looked(lab)?;
    anew(cloud, id)?;
    look(cloud, id)?;
    let told = "no certificate yet: ChangeResourceRecordSets refused with NoSuchHostedZone";
    cloud.await_console(id, told, 30)?;
    ensure(looked(lab)? == before, || {
        "the authority was let look in vain".to_owned()
    })?;
    cloud.wire.set_hook(None);
    Ok(())
}

/// The power goes when the records are there: whoever has the volume next removes them, and has its certificate.
fn cut_while_it_looks(cloud: &Cloud, id: &InstanceId) -> TaskResult<InstanceId> {
    anew(cloud, id)?;
    cloud.wire.set_hook(Some(Box::new(|call| {
        (call.action == "GetChange").then_some(WireFault::Drop)
    })));
    cloud.run_in(
        id,
        &[
            "sh",
            "-c",
            "rm -f /run/selfheal/tls/due; systemctl start --no-block selfheal-tls.service",
        ],
    )?;
    wait_for("records", Duration::from_secs(60), || {
        Ok((!records(cloud).is_empty()).then_some(()))
    })?;
    cloud.cut_power(id)?;
    cloud.wire.set_hook(None);
    cloud.sim.kill_instance(id);
    let next = cloud.await_in_service(2, 90)?;
    ensure(!records(cloud).is_empty(), || "a boot has asked Route 53".to_owned())?;
    forget(cloud, &next)?;
    look(cloud, &next)?;
    Ok(next)
}

/// Takes the volume back to where there is no certificate.
fn anew(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let script = format!("rm -rf {TLS}/gen-* {TLS}/current {TLS}/attempts; sync -f {TLS}");
    cloud.run_in(id, &["sh", "-c", &script]).map(drop)
}
