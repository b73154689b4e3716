//! Whom ports are open to, on the simulated AWS: what is opened and closed, and what EC2 refuses.

use std::collections::BTreeSet;

use selfheal_aws::Goal;
use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_core::plan::StepKind;
use selfheal_core::spec::{Ingress, OpenPorts, Protocol, Source, Spec};

use crate::support::{look, run, run_until_done, web};

const CLOUDFRONT: &str = "pl-4fa04526";

fn open_to(sources: Vec<Source>) -> Spec {
    let mut spec = web();
    let open = OpenPorts {
        from: sources,
        ..OpenPorts::from((22, Protocol::Tcp))
    };
    spec.instance.ingress = Ingress::Ports(vec![open]);
    spec
}

fn hosts(numbers: std::ops::Range<u8>) -> Vec<Source> {
    numbers
        .map(|host| Source::Ipv4([203, 0, 113, host].into(), 32))
        .collect()
}

fn sources(sim: &Sim) -> BTreeSet<String> {
    sim.inspect(|world| {
        let rules = world.security_groups.values().flat_map(|record| &record.group.ingress);
        rules.map(|rule| rule.source.clone()).collect()
    })
}

fn world() -> Sim {
    Sim::new(SimConfig {
        prefix_lists: [(CLOUDFRONT.to_owned(), 55)].into(),
        ..SimConfig::seeded(3)
    })
}

#[test]
fn a_port_is_limited_in_one_run_however_full_its_group_is() {
    let sim = world();
    for spec in [
        open_to(vec![Source::WORLD]),
        open_to(hosts(0..60)),
        open_to(hosts(60..120)),
        // The list counts for as many rules as it may have entries.
        open_to(vec![Source::PrefixList(CLOUDFRONT.to_owned())]),
        open_to(hosts(0..60)),
    ] {
        run_until_done(&sim, &spec, Goal::Apply, 1);
        let Ingress::Ports(ports) = &spec.instance.ingress else {
            panic!("it opens ports")
        };
        assert_eq!(sources(&sim), ports[0].from.iter().map(Source::to_string).collect());
        assert!(look(&sim, &spec, Goal::Apply).is_empty());
    }
}

/// What the file closes is closed also where EC2 refuses what it opens.
#[test]
fn a_source_that_is_not_there_leaves_nothing_open_that_is_to_be_closed() {
    for (source, code) in [
        (Source::Group("sg-0000000000000dead".into()), "InvalidGroup.NotFound"),
        (
            Source::PrefixList("pl-0000dead".to_owned()),
            "InvalidPrefixListID.NotFound",
        ),
    ] {
        let sim = world();
        run_until_done(&sim, &open_to(vec![Source::WORLD]), Goal::Apply, 1);
        let spec = open_to(vec![source]);
        let error = sim
            .block_on(run(&sim, &spec, Goal::Apply))
            .expect("it ends")
            .expect_err("it is refused");
        assert!(error.to_string().contains(code), "{error}");
        assert_eq!(sources(&sim), BTreeSet::new());
        let left = look(&sim, &spec, Goal::Apply);
        assert_eq!(
            left.steps.iter().map(|step| step.kind).collect::<Vec<_>>(),
            [StepKind::AuthorizeIngress]
        );
    }
}
