//! A first spec: its text, and what is offered for it.

use selfheal_core::init::{
    Draft, DraftData, DraftIngress, InstanceLikeness, Offered, TYPES, image_for, name_from, priced,
};
use selfheal_core::spec::{Ingress, Market, Protocol, Spec, SpecFile};
use selfheal_core::world::{Address, HostedZone};

fn read(text: &str) -> Spec {
    let file = SpecFile::parse(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let setup = file.setup_path().map(|_| b"#!/bin/sh\n".to_vec());
    file.into_spec(setup).expect("it is sound")
}

fn named() -> Draft {
    Draft {
        dns: Some(("example.com".to_owned(), "app.example.com".to_owned())),
        ..Draft::new("web", "eu-west-1")
    }
}

#[test]
fn a_first_spec_says_what_was_chosen_and_what_may_follow() {
    insta::assert_snapshot!(named().to_toml());
    let spec = read(&named().to_toml());
    assert_eq!((spec.name.as_str(), spec.region.as_str()), ("web", "eu-west-1"));
    assert_eq!(
        spec.instance.ingress,
        Ingress::to_world([(80, Protocol::Tcp), (443, Protocol::Tcp)])
    );
    assert_eq!(spec.dns.expect("it has a name").name, "app.example.com");
    let draft = Draft {
        image: "debian-12-arm64".to_owned(),
        address: Some("eipalloc-0123456789abcdef0".into()),
        data: None,
        spot: true,
        ..Draft::new("web", "eu-west-1")
    };
    let spec = read(&draft.to_toml());
    assert_eq!(spec.address.allocation, draft.address);
    assert_eq!((spec.data, spec.dns), (None, None));
    assert_eq!(spec.instance.market, Market::Spot);
}

/// What is commented out is to be taken up by taking the comment away, section by section and all at once.
#[test]
fn every_section_that_is_commented_out_is_sound() {
    let sections = |text: &str| {
        let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        let mut taken_up = 0;
        let mut within = false;
        for line in &mut lines {
            let Some(rest) = line.strip_prefix("# ").map(str::to_owned) else {
                within = false;
                continue;
            };
            within |= rest.starts_with('[');
            taken_up += usize::from(rest.starts_with('['));
            if within {
                *line = rest;
            }
        }
        (lines.join("\n") + "\n", taken_up)
    };
    let (text, taken_up) = sections(&Draft::new("web", "eu-west-1").to_toml());
    assert_eq!(taken_up, 5, "{text}");
    let spec = read(&text);
    assert!(spec.dns.is_some() && spec.logs.is_some() && spec.notify.is_some() && spec.snapshots().is_some());
    assert!(spec.app.health.is_some() && spec.app.setup.is_some());
}

#[test]
fn what_is_typed_wrong_is_told_by_its_key_and_cannot_break_the_file() {
    let problems = |draft: &Draft| {
        let found = draft.problems();
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(problems(&named()), [""; 0]);
    let wrong = Draft {
        name: "Web\"\n[data]".to_owned(),
        region: "eu-west-1a".to_owned(),
        instance_type: "small".to_owned(),
        image: "al2032".to_owned(),
        ingress: DraftIngress::Ports(vec!["80".to_owned()]),
        data: Some(DraftData {
            size: "20GB".to_owned(),
            mount: "/etc".to_owned(),
            volume: None,
        }),
        dns: Some(("example.com".to_owned(), "app.example.org".to_owned())),
        remarks: vec!["one line\nname = \"another\"".to_owned()],
        ..named()
    };
    assert_eq!(
        problems(&wrong),
        [
            "name",
            "region",
            "instance.type",
            "instance.image",
            "instance.ingress[0]",
            "data.size",
            "data.mount",
            "dns.name"
        ]
    );
}

#[test]
fn a_spec_like_an_instance_takes_nothing_from_it() {
    let it = InstanceLikeness {
        id: "i-0123456789abcdef0".into(),
        name: Some("Shop (old)".to_owned()),
        instance_type: "t3.medium".to_owned(),
        image_id: "ami-0123456789abcdef0".into(),
        subnet_id: Some("subnet-0123456789abcdef0".into()),
        security_groups: vec!["sg-0123456789abcdef0".into()],
        root_device: Some("/dev/xvda".to_owned()),
        volumes: vec![
            ("/dev/xvda".to_owned(), "vol-00000000000000001".into()),
            ("/dev/sdf".to_owned(), "vol-00000000000000002".into()),
        ],
        spot: false,
    };
    let address = Address {
        instance_id: Some(it.id.clone()),
        ..address("eipalloc-00000000000000001", true)
    };
    let alone = InstanceLikeness {
        security_groups: Vec::new(),
        ..it.clone()
    };
    let text = Draft::new("shop", "eu-west-1").like(&alone, &[], &[]).to_toml();
    assert_eq!(read(&text).instance.ingress, Ingress::Ports(Vec::new()), "{text}");
    let text = Draft::new("shop", "eu-west-1").like(&it, &[], &[address]).to_toml();
    let spec = read(&text);
    assert_eq!(spec.instance.instance_type, "t3.medium");
    assert_eq!(spec.instance.image.to_string(), "ami-0123456789abcdef0");
    assert_eq!(spec.instance.ingress, Ingress::Groups(it.security_groups.clone()));
    assert_eq!(spec.instance.subnet, it.subnet_id);
    assert_eq!(spec.address.allocation, None);
    assert_eq!(spec.data.expect("it has one").volume, None);
    for told in [
        "vol-00000000000000002",
        "eipalloc-00000000000000001",
        "i-0123456789abcdef0",
    ] {
        assert!(text.contains(told), "{told}:\n{text}");
    }
}

fn address(id: &str, used: bool) -> Address {
    Address {
        allocation_id: id.into(),
        public_ip: "203.0.113.7".to_owned(),
        association_id: used.then(|| "eipassoc-00000000000000001".into()),
        instance_id: None,
        interface_id: None,
        service_managed: None,
        own_pool: false,
        tags: Default::default(),
    }
}

#[test]
fn what_is_in_use_is_not_offered_and_a_name_leads_to_its_zone() {
    let zone = |id: &str, name: &str| HostedZone {
        id: id.into(),
        name: name.to_owned(),
        private: false,
    };
    let mut owned = address("eipalloc-00000000000000003", false);
    owned.tags.insert("selfheal:stack".to_owned(), "shop".to_owned());
    let offered = Offered {
        addresses: vec![
            address("eipalloc-00000000000000001", true),
            address("eipalloc-00000000000000002", false),
            owned,
        ],
        zones: vec![
            zone("Z0000001", "example.com"),
            zone("Z0000002", "dev.example.com"),
            zone("Z0000003", "twice.org"),
            zone("Z0000004", "twice.org"),
        ],
        ..Offered::default()
    };
    let free: Vec<&str> = offered.free_addresses().map(|it| it.allocation_id.as_str()).collect();
    assert_eq!(free, ["eipalloc-00000000000000002"]);
    assert_eq!(offered.zone_of("app.example.com").as_deref(), Some("example.com"));
    assert_eq!(
        offered.zone_of("App.Dev.example.com.").as_deref(),
        Some("dev.example.com")
    );
    assert_eq!(
        offered.zone_of("twice.org").map(|id| id.starts_with("Z000000")),
        Some(true)
    );
    assert_eq!(offered.zone_of("badexample.com"), None);
}

#[test]
fn names_prices_and_images_are_what_a_spec_takes() {
    for (text, name) in [
        ("My Shop (old)", "my-shop-old"),
        ("web", "web"),
        ("2nd_try", "nd-try"),
        ("---", "web"),
        ("größe", "gr-e"),
        (
            "a-very-long-name-that-ends-in-a--hyphen",
            "a-very-long-name-that-ends-in-a",
        ),
    ] {
        assert_eq!(name_from(text), name, "{text}");
        assert_eq!(Draft::new(name_from(text), "eu-west-1").problems(), []);
    }
    assert_eq!(priced("t4g.small"), "t4g.small     12.26 USD a month in us-east-1");
    assert_eq!(priced("x2gd.large"), "x2gd.large");
    for name in TYPES {
        let draft = Draft {
            instance_type: name.to_owned(),
            image: image_for(name).to_owned(),
            ..named()
        };
        assert_eq!(draft.problems(), [], "{name}");
        assert!(priced(name).contains("USD"), "{name}");
    }
}
