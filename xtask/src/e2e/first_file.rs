//! A first file from what the account has, and whom the ports of a stack are open to.

use std::fs;

use super::nothing_to_do;
use crate::error::{Context, TaskResult};
use crate::fake::inventory::Instance;
use crate::fake::{Caller, log};
use crate::report::Report;
use crate::world::World;

/// Writes a first file in an account with nothing but a hosted zone.
pub fn written(world: &World, report: &mut Report) -> TaskResult<()> {
    let run = world.expect(
        &[
            "init",
            "first",
            "-f",
            "first.toml",
            "--region",
            world.region(),
            "--yes",
            "--dns",
            "first.example.com",
        ],
        0,
    )?;
    report.expect(
        "init writes a file that plans at once, and touches nothing",
        run.stderr.contains("0 to update, 0 to delete.")
            && !run.text().contains("not offered")
            && log::mutating(&world.proxy().log(), Caller::Operator).is_empty(),
        || run.text(),
    );
    let again = world.expect(&["init", "-f", "first.toml", "--region", world.region(), "--yes"], 2)?;
    report.expect(
        "and never over one that is there",
        again.stderr.contains("stays as it is"),
        || again.text(),
    );
    Ok(())
}

/// Writes a file like an instance that runs.
pub fn like(world: &World, report: &mut Report, instance: &Instance) -> TaskResult<()> {
    world.expect(
        &[
            "init",
            "twin",
            "-f",
            "twin.toml",
            "--region",
            world.region(),
            "--yes",
            "--from-instance",
            &instance.id,
        ],
        0,
    )?;
    // moto gives each instance a root volume of 8 GiB, and so less than some of its images need.
    let path = world.folder().join("twin.toml");
    let text = fs::read_to_string(&path).context(|| "read twin.toml".to_owned())?;
    let fitting = text.replace("root_size = \"8GiB\"", "root_size = \"15GiB\"");
    report.expect(
        "a file like an instance has its type and the size of its disk",
        fitting != text && text.contains("type = \"t4g.small\""),
        || text.clone(),
    );
    world.write("twin.toml", &fitting)?;
    let run = world.expect(&["plan", "-f", "twin.toml"], 0)?;
    report.expect(
        "and plans a stack beside it",
        run.text().contains("0 to update, 0 to delete."),
        || run.text(),
    );
    Ok(())
}

/// Limits a port, opens a range, and goes back: what moto lists afterwards is what the spec says.
pub fn ports(world: &World, report: &mut Report) -> TaskResult<()> {
    let all = "ingress = [\"80/tcp\", \"443/tcp\"]";
    let some = "ingress = [\"80/tcp\", { port = \"443/tcp\", from = [\"203.0.113.0/24\", \"2001:db8::/32\"] }, { port = \
                \"8000-8010/tcp\", from = \"10.0.0.0/8\" }]";
    for (from, to, calls) in [
        (
            all,
            some,
            ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
        ),
        (
            some,
            all,
            ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
        ),
    ] {
        world.edit_further(from, to)?;
        world.expect(&["apply", "--yes", "--no-wait"], 0)?;
        let mut made = log::mutating(&world.proxy().log(), Caller::Operator);
        made.sort();
        report.expect("whom ports are open to is changed by two calls", made == calls, || {
            made.join(", ")
        });
        nothing_to_do(world, report, "an apply after ports were changed")?;
    }
    Ok(())
}
