//! The whole story on the simulated AWS: made, killed, healed, gone.
#![cfg(feature = "sim")]

use std::time::Duration;

use selfheal_aws::sim::{Lifecycle, Sim, SimConfig};
use selfheal_aws::{Control, Goal, Scope, Silent, apply, observe};
use selfheal_core::spec::{Spec, SpecFile};

const SPEC: &str = r#"
name = "web"
region = "eu-west-1"

[instance]
type = "t4g.small"
image = "al2023-arm64"
ingress = ["80/tcp", "443/tcp"]

[data]
size = "20GiB"
mount = "/srv/data"

[dns]
zone = "example.com"
name = "app.example.com"
"#;

fn spec() -> Spec {
    SpecFile::parse(SPEC).unwrap().into_spec(None).unwrap()
}

fn run(sim: &Sim, spec: &Spec, goal: Goal) {
    let outcome = sim.block_on(async {
        let ctl = Control {
            clock: sim,
            jitter: sim,
            progress: &Silent,
        };
        let observed = observe(sim, spec, goal.scope(), &ctl).await.unwrap();
        let plan = goal.plan(spec, &observed);
        apply(sim, spec, goal, &plan, observed, &ctl).await
    });
    if let Err(error) = outcome
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|it| it.as_ref().map_err(ToString::to_string))
    {
        panic!("{error}\n{}", sim.trace_text());
    }
}

#[test]
fn heals() {
    let sim = Sim::new(SimConfig::seeded(1));
    let spec = spec();
    run(&sim, &spec, Goal::Apply);
    assert!(sim.settle(Duration::from_secs(3600)), "{}", sim.trace_text());
    println!("{}", sim.trace_text());
    let (first, ip) = sim.inspect(|world| {
        let group = &world.groups["selfheal-web"];
        assert_eq!(group.members[0].lifecycle, Lifecycle::InService, "{}", sim_text(world));
        let address = world.addresses.values().next().unwrap().address.clone();
        assert_eq!(address.instance_id.as_ref(), Some(&group.members[0].id));
        (group.members[0].id.clone(), address.public_ip)
    });
    sim.drain_trace();
    assert!(sim.kill_instance(&first));
    assert!(sim.settle(Duration::from_secs(3600)));
    println!("{}", sim.trace_text());
    sim.inspect(|world| {
        let group = &world.groups["selfheal-web"];
        assert_eq!(group.members[0].lifecycle, Lifecycle::InService);
        assert_ne!(group.members[0].id, first);
        let address = world.addresses.values().next().unwrap().address.clone();
        assert_eq!(address.instance_id.as_ref(), Some(&group.members[0].id));
        assert_eq!(address.public_ip, ip);
    });
    let _ = Scope::Plan;
}

fn sim_text(world: &selfheal_aws::sim::World) -> String {
    world.trace.iter().map(|event| format!("{event}\n")).collect()
}
