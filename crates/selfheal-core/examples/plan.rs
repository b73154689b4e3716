//! Plans a stack for an account in which nothing of it exists, and prints what would be made: no AWS, no network.
//!
//! `cargo run -p selfheal-core --example plan`

use selfheal_core::spec::{EXAMPLE, Spec, SpecErrors};
use selfheal_core::world::{Image, Observed, Subnet};
use selfheal_core::{Plan, plan};

/// Plans the example of the README.
pub fn first_plan() -> Result<Plan, SpecErrors> {
    let spec: Spec = EXAMPLE.parse()?;
    let mut observed = Observed::empty("123456789012", &spec.region);
    // What the account offers is read, too: a backend does so. Here it is made up.
    observed.image = Some(Image {
        id: "ami-0123456789abcdef0".into(),
        root_device: "/dev/xvda".to_owned(),
        architecture: Some("arm64".to_owned()),
        root_size_gib: Some(8),
    });
    observed.subnets = vec![Subnet {
        id: "subnet-0123456789abcdef0".into(),
        vpc_id: "vpc-0123456789abcdef0".into(),
        zone: format!("{}a", spec.region),
    }];
    Ok(plan(&spec, &observed))
}

/// Prints the plan, or what is wrong with the spec.
pub fn main() -> Result<(), SpecErrors> {
    print!("{}", first_plan()?);
    Ok(())
}
