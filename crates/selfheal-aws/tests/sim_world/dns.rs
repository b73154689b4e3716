//! Route 53 and the account.

use selfheal_aws::{Account, ParameterStore, Route53};
use selfheal_core::world::{ARecord, HostedZoneId, RecordSet};

use crate::support::{code, lines, on, rest, words, world};

fn record(zone: &HostedZoneId, value: &str) -> ARecord {
    ARecord {
        zone_id: zone.clone(),
        name: "App.example.com.".to_owned(),
        value: value.to_owned(),
        ttl_s: 60,
    }
}

#[test]
fn a_record_is_set_changed_and_removed_exactly() {
    let sim = world(1);
    let zone = on(&sim, sim.find_hosted_zones("example.com.")).unwrap().remove(0);
    assert_eq!(on(&sim, sim.find_hosted_zones("example.org")).unwrap(), []);
    on(&sim, sim.upsert_record(&record(&zone.id, "203.0.113.1"))).unwrap();
    on(&sim, sim.upsert_record(&record(&zone.id, "203.0.113.2"))).unwrap();
    let found = on(&sim, sim.list_records(&zone.id, "app.example.com")).unwrap();
    let want = RecordSet {
        name: "app.example.com".to_owned(),
        record_type: "A".to_owned(),
        ttl_s: Some(60),
        values: vec!["203.0.113.2".to_owned()],
        set_identifier: None,
    };
    assert_eq!(found, [want]);
    let stale = words(on(&sim, sim.delete_record(&record(&zone.id, "203.0.113.1"))));
    assert!(
        stale.contains("the values provided do not match the current values"),
        "{stale}"
    );
    // Route 53 takes five requests a second.
    sim.advance(std::time::Duration::from_secs(1));
    on(&sim, sim.delete_record(&record(&zone.id, "203.0.113.2"))).unwrap();
    let gone = words(on(&sim, sim.delete_record(&record(&zone.id, "203.0.113.2"))));
    assert!(gone.contains("it was not found"), "{gone}");
    rest(&sim);
    assert!(
        lines(&sim, "dns app.example.com")
            .last()
            .unwrap()
            .ends_with("removed INSYNC")
    );
}

#[test]
fn a_record_must_fit_its_zone_and_its_neighbours() {
    let sim = world(2);
    let zone = on(&sim, sim.find_hosted_zones("example.com")).unwrap().remove(0).id;
    assert_eq!(
        code(on(&sim, sim.upsert_record(&record(&"Z0".into(), "203.0.113.1")))),
        "NoSuchHostedZone"
    );
    assert_eq!(
        code(on(&sim, sim.list_records(&"Z0".into(), "app.example.com"))),
        "NoSuchHostedZone"
    );
    let outside = ARecord {
        name: "app.notexample.com".to_owned(),
        ..record(&zone, "203.0.113.1")
    };
    assert_eq!(code(on(&sim, sim.upsert_record(&outside))), "InvalidChangeBatch");
    assert_eq!(
        code(on(&sim, sim.upsert_record(&record(&zone, "203.0.113.256")))),
        "InvalidChangeBatch"
    );
    sim.tamper(|world| {
        world.zones.get_mut(&zone).unwrap().records.push(RecordSet {
            name: "app.example.com".to_owned(),
            record_type: "CNAME".to_owned(),
            ttl_s: Some(60),
            values: vec!["elsewhere.example.com".to_owned()],
            set_identifier: None,
        });
    });
    let conflict = words(on(&sim, sim.upsert_record(&record(&zone, "203.0.113.1"))));
    assert!(conflict.contains("conflicts with other records"), "{conflict}");
}

#[test]
fn the_account_knows_its_images() {
    let sim = world(3);
    let identity = on(&sim, sim.caller_identity()).unwrap();
    assert_eq!(identity.arn, "arn:aws:iam::123456789012:user/operator");
    let second = sim.as_operator("operator-2");
    assert_eq!(
        on(&second, second.caller_identity()).unwrap().arn,
        "arn:aws:iam::123456789012:user/operator-2"
    );
    for name in [
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        "/aws/service/debian/release/13/latest/amd64",
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp2/ami-id",
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
    ] {
        let id = on(&sim, sim.get_parameter(name))
            .unwrap()
            .unwrap_or_else(|| panic!("{name}"));
        assert!(sim.inspect(|world| world.images.contains_key(id.as_str())), "{name}");
    }
    assert_eq!(on(&sim, sim.get_parameter("/aws/service/none")).unwrap(), None);
}
