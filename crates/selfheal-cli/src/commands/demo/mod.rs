//! `selfheal demo`: the whole story on a simulated AWS, from nothing to a stack that heals, and back.
//!
//! It shows nothing that it has not checked: a story that does not end as it should is an error.

mod timeline;

use std::time::Duration;

use selfheal_aws::sim::{Content, Sim, SimConfig};
use selfheal_aws::{Control, Goal, Scope, Silent, observe};
use selfheal_core::plan::{DestroyOptions, Plan, plan};
use selfheal_core::spec::{EXAMPLE, SpecFile};
use selfheal_core::status::{StatusReport, status};
use selfheal_core::world::{InstanceId, VolumeId};
use selfheal_core::{Observed, Spec};

use crate::cli::DemoArgs;
use crate::error::CliError;
use crate::exit;
use crate::output::Output;

/// How long the world may take to come to rest between two chapters: many times what a replacement takes.
const CHAPTER_MAX: Duration = Duration::from_secs(30 * 60);

/// Tells the story.
///
/// # Errors
/// Something did not come out as it should, or standard output is closed.
pub fn run(output: Output, args: &DemoArgs) -> Result<u8, CliError> {
    let story = Story::new(output, args.seed)?;
    story.introduction(args.seed)?;
    story.plan()?;
    story.apply()?;
    let before = story.status()?;
    story.kill(&before)?;
    story.destroy(&before)?;
    story.what_next()?;
    Ok(exit::DONE)
}

struct Story {
    output: Output,
    spec: Spec,
    sim: Sim,
}

/// What must not change when the instance does.
#[derive(Debug)]
struct Facts {
    instance: InstanceId,
    allocation_id: String,
    public_ip: String,
    volume_id: VolumeId,
    /// Who formatted the volume.
    made_by: String,
    /// How many boots have written to it.
    writes: u64,
    name: String,
}

impl Story {
    fn new(output: Output, seed: u64) -> Result<Self, CliError> {
        let spec = SpecFile::parse(EXAMPLE).and_then(|file| file.into_spec(None));
        let spec = spec.map_err(|errors| CliError::Demo(errors.to_string()))?;
        Ok(Self {
            output,
            spec,
            sim: Sim::new(SimConfig::seeded(seed)),
        })
    }

    fn introduction(&self, seed: u64) -> Result<(), CliError> {
        let indent = |line: &str| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("    {line}\n")
            }
        };
        let description: String = EXAMPLE.lines().map(indent).collect();
        self.output.text(&format!(
            "# selfheal: one EC2 instance that heals itself\n\n\
             On a simulated AWS: no account, no network, nothing kept. Its clock is simulated too.\n\
             Seed {seed}; another --seed tells another story.\n\n\
             This is the whole description of a stack, its selfheal.toml:\n\n{description}"
        ))
    }

    fn plan(&self) -> Result<(), CliError> {
        let (_, plan) = self.read(Goal::Apply)?;
        check(
            !plan.is_empty() && !plan.is_refused(),
            "an empty account needs everything",
        )?;
        self.output
            .text(&format!("\n# 1. selfheal plan: what would be made, and why\n\n{plan}"))
    }

    fn apply(&self) -> Result<(), CliError> {
        self.sim.drain_trace();
        let from_ms = self.sim.now_ms();
        self.execute(Goal::Apply)?;
        check(self.sim.settle(CHAPTER_MAX), "the world comes to rest")?;
        self.output.text(&format!(
            "\n# 2. selfheal apply: everything that is ready runs at once, then the instance boots\n\n{}",
            self.timeline(from_ms)
        ))?;
        let (_, plan) = self.read(Goal::Apply)?;
        check(plan.is_empty(), "a second plan has nothing to do")?;
        self.output.text("\nA second plan has nothing to do.\n")
    }

    fn status(&self) -> Result<Facts, CliError> {
        let (report, facts) = self.facts()?;
        self.output.text(&format!("\n# 3. selfheal status\n\n{report}"))?;
        Ok(facts)
    }

    fn kill(&self, before: &Facts) -> Result<(), CliError> {
        self.sim.drain_trace();
        let from_ms = self.sim.now_ms();
        check(self.sim.kill_instance(&before.instance), "there is an instance to kill")?;
        check(self.sim.settle(CHAPTER_MAX), "the world comes to rest")?;
        let trace = self.sim.trace();
        let timeline = self.timeline(from_ms);
        let (report, after) = self.facts()?;
        check(after.instance != before.instance, "the instance is another one")?;
        check(after.public_ip == before.public_ip, "the address is the same")?;
        check(
            after.allocation_id == before.allocation_id,
            "the allocation is the same",
        )?;
        check(after.volume_id == before.volume_id, "the volume is the same")?;
        check(after.made_by == before.made_by, "nothing was formatted again")?;
        check(
            after.writes == before.writes + 1,
            "what was written before is still there",
        )?;
        check(after.name == before.name, "the name is the same")?;
        let healed_ms = timeline::in_service_ms(&trace, &after.instance)
            .ok_or_else(|| CliError::Demo("the new instance is in service".to_owned()))?
            .saturating_sub(from_ms);
        self.output.text(&format!(
            "\n# 4. The instance is killed. Nobody does anything about it\n\n{timeline}\n\
             Healed after {} s:\n\n\
             + same address  {} ({}), now at {}\n\
             + same volume   {}\n\
             + same bytes    formatted once, by {}; {} boots have written to it since\n\
             + same name     {} -> {}, untouched\n\n{report}",
            healed_ms / 1000,
            after.public_ip,
            after.allocation_id,
            after.instance,
            after.volume_id,
            after.made_by,
            after.writes,
            after.name,
            after.public_ip,
        ))
    }

    fn destroy(&self, before: &Facts) -> Result<(), CliError> {
        self.sim.drain_trace();
        let from_ms = self.sim.now_ms();
        let goal = Goal::Destroy(DestroyOptions::default());
        self.execute(goal.clone())?;
        let timeline = self.timeline(from_ms);
        let (observed, plan) = self.read(goal.clone())?;
        check(plan.is_empty(), "nothing is left to destroy")?;
        let gone = observed.group.is_none()
            && observed.launch_template.is_none()
            && observed.role.is_none()
            && observed.profile.is_none()
            && observed.security_groups.is_empty()
            && observed.records.is_empty();
        check(gone, "everything that can be made again is gone")?;
        let address_kept = observed
            .addresses
            .iter()
            .any(|address| address.public_ip == before.public_ip);
        let volume_kept = observed.volumes.iter().any(|volume| volume.id == before.volume_id);
        check(address_kept && volume_kept, "address and volume are kept")?;
        let notes: String = plan.notes.iter().map(|note| format!("* {}\n", note.message)).collect();
        self.output.text(&format!(
            "\n# 5. selfheal destroy: all but the address and the data, which have to be named\n\n{timeline}\n{notes}"
        ))
    }

    fn what_next(&self) -> Result<(), CliError> {
        self.output.text(
            "\n# What next\n\n  \
             Put a selfheal.toml like the one above into a folder of its own, with your zone and your names, and there\n\n    \
             selfheal --backend sim plan    looks at it on a simulated AWS, kept in a file beside it\n    \
             selfheal plan                  looks at your account, and changes nothing\n    \
             selfheal apply                 shows the plan, asks, and makes it so\n",
        )
    }

    /// Reads the world as a command would, and plans.
    fn read(&self, goal: Goal) -> Result<(Observed, Plan), CliError> {
        let observed = self.observe(goal.scope())?;
        let plan = goal.plan(&self.spec, &observed);
        Ok((observed, plan))
    }

    fn observe(&self, scope: Scope) -> Result<Observed, CliError> {
        let control = self.control();
        let read = self.sim.block_on(observe(&self.sim, &self.spec, scope, &control));
        read.map_err(|error| CliError::Demo(error.to_string()))?
            .map_err(|error| CliError::Demo(error.to_string()))
    }

    fn execute(&self, goal: Goal) -> Result<(), CliError> {
        let (observed, shown) = self.read(goal.clone())?;
        let control = self.control();
        let run = selfheal_aws::apply(&self.sim, &self.spec, goal, &shown, observed, &control);
        let outcome = self
            .sim
            .block_on(run)
            .map_err(|error| CliError::Demo(error.to_string()))?;
        outcome.map(drop).map_err(|error| CliError::Demo(error.to_string()))
    }

    fn control(&self) -> Control<'_> {
        Control {
            clock: &self.sim,
            jitter: &self.sim,
            progress: &Silent,
        }
    }

    /// Renders what happened since the trace was last drained, for people.
    fn timeline(&self, from_ms: u64) -> String {
        timeline::render(&self.sim.trace(), from_ms)
    }

    /// Reads how the stack is, which has to be healthy, and what of it must not change.
    fn facts(&self) -> Result<(StatusReport, Facts), CliError> {
        let observed = self.observe(Scope::Status)?;
        let report = status(&self.spec, &observed, &plan(&self.spec, &observed));
        check(report.healthy && report.drift.is_empty(), "the stack is healthy")?;
        let missing = || CliError::Demo("the status shows all parts of the stack".to_owned());
        let (instance, address) = report
            .instance
            .as_ref()
            .zip(report.address.as_ref())
            .ok_or_else(missing)?;
        let (volume, dns) = report.volume.as_ref().zip(report.dns.as_ref()).ok_or_else(missing)?;
        let content = self
            .sim
            .inspect(|world| world.volumes.get(&volume.id).map(|volume| volume.content.clone()));
        let Some(Content::Filesystem { made_by, writes, .. }) = content else {
            return Err(CliError::Demo("the data volume holds a filesystem".to_owned()));
        };
        let facts = Facts {
            instance: instance.id.clone(),
            allocation_id: address.allocation_id.to_string(),
            public_ip: address.public_ip.clone(),
            volume_id: volume.id.clone(),
            made_by,
            writes,
            name: dns.name.clone(),
        };
        Ok((report, facts))
    }
}

fn check(holds: bool, what: &str) -> Result<(), CliError> {
    if holds {
        Ok(())
    } else {
        Err(CliError::Demo(format!("not so: {what}")))
    }
}
