//! The app's configuration: written by `selfheal config`, fetched by the instance's own boot program, compared and removed.

use serde_json::Value;

use super::json;
use crate::error::TaskResult;
use crate::fake::{Caller, log};
use crate::machine::Machine;
use crate::report::Report;
use crate::world::World;

const SECRET: &str = "postgres://u:p\\\"$`'@db/app?a=1&b=2\n# \u{e9}\u{1f600}";

/// More parameters than a page has, and what each is called on the instance.
fn others() -> Vec<(String, String)> {
    let name = |at: usize| (format!("more/key-{at:02}"), format!("more_key_{at:02}"));
    (0..12).map(name).collect()
}

/// Writes the parameters before anybody boots.
pub fn write(world: &World, report: &mut Report) -> TaskResult<()> {
    let set = world.given(&["config", "set", "DATABASE_URL"], SECRET)?;
    report.expect(
        "config set writes a secret and waits for its version",
        set.stdout.contains("/web/DATABASE_URL is version 1.") && !set.text().contains("postgres"),
        || set.text(),
    );
    for (name, _) in others() {
        world.given(&["config", "set", &name, "--plain"], &format!("value of {name}\n"))?;
    }
    let list = json(&world.expect(&["config", "list", "--json"], 0)?)?;
    let listed = list.get("parameters").and_then(Value::as_array).map(Vec::len);
    report.expect(
        "config list shows all of them, and no value",
        listed == Some(13) && !list.to_string().contains("value of"),
        || list.to_string(),
    );
    let diff = json(&world.expect(&["config", "diff", "--json"], 0)?)?;
    report.expect(
        "no instance has them yet",
        diff.pointer("/diff/state").and_then(Value::as_str) == Some("unknown"),
        || diff.to_string(),
    );
    Ok(())
}

/// The instance has booted: it has every value, in memory, and says by versions which.
pub fn fetched(world: &World, report: &mut Report, machine: &Machine) -> TaskResult<()> {
    let log = world.proxy().log();
    let pages = log::of(&log, Caller::Instance).filter(|entry| entry.call.action == "GetParametersByPath");
    let pages = pages.count();
    let value = machine.read("/run/selfheal/config/files/DATABASE_URL")?;
    report.expect(
        "the instance's own boot program fetches the secret as it was written",
        value == SECRET && pages >= 3,
        || format!("{value:?} in {pages} calls"),
    );
    let env = machine.read("/run/selfheal/config/env")?;
    let has = |(name, variable): &(String, String)| env.contains(&format!("{variable}=\"value of {name}\"\n"));
    report.expect("and every other page of parameters", others().iter().all(has), || {
        env.clone()
    });
    let compare = |world: &World| json(&world.expect(&["config", "diff", "--json"], 0)?);
    let diff = compare(world)?;
    let state = |diff: &Value| diff.pointer("/diff/state").and_then(Value::as_str).map(str::to_owned);
    report.expect(
        "which it has noted by their versions",
        state(&diff).as_deref() == Some("same"),
        || diff.to_string(),
    );
    world.given(&["config", "set", "DATABASE_URL"], "another")?;
    let got = world.expect(&["config", "get", "DATABASE_URL", "--yes"], 0)?;
    let diff = compare(world)?;
    report.expect(
        "another version is read back, and differs from the instance's",
        got.stdout == "another\n" && matches!(state(&diff).as_deref(), Some("differs" | "changed")),
        || format!("{}\n{diff}", got.text()),
    );
    let names = others()
        .into_iter()
        .map(|(name, _)| name)
        .chain(["DATABASE_URL".to_owned()]);
    for name in names {
        world.expect(&["config", "rm", &name, "--yes"], 0)?;
    }
    Ok(())
}
