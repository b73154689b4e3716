//! The way to the instance on the simulated AWS: its agent, and commands on it.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, TraceKind, When};
use selfheal_aws::{
    CallErrorKind, Control, Invocation, Scope, SendCommand, Silent, SystemsManager, await_command, cancel_command,
    reach, send_command,
};
use selfheal_core::spec::Spec;
use selfheal_core::world::{AgentPing, Agents, CommandStatus, InstanceId};
use selfheal_policy::Purpose;

use crate::support::{applied, applied_as, even, operate, read, serving, web};

const AGENTS: &str = "ssm:DescribeInstanceInformation";
const SEND: &str = "ssm:SendCommand";

/// Lets these calls go wrong, and no others.
fn fails(sim: &Sim, when: When, fault: Fault) {
    sim.set_faults(FaultPlan::none().with(when, fault));
}

fn control(sim: &Sim) -> Control<'_> {
    Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    }
}

/// A stack whose instance is in service.
fn settled(spec: &Spec) -> (Sim, InstanceId) {
    let sim = applied_as(even(1), spec);
    sim.settle(Duration::from_secs(600));
    let (id, ..) = serving(&sim).expect("an instance serves");
    (sim, id)
}

fn ping(sim: &Sim, spec: &Spec) -> Option<AgentPing> {
    let reached = sim.block_on(reach(sim, spec, &control(sim))).expect("it ends");
    reached.expect("it can be read").agent.map(|agent| agent.ping)
}

fn command(id: &InstanceId, script: &str) -> SendCommand {
    SendCommand {
        instance_id: id.clone(),
        script: script.to_owned(),
        timeout_s: 60,
    }
}

fn sent(sim: &Sim, input: &SendCommand) -> Result<String, CallErrorKind> {
    let sent = sim.block_on(send_command(sim, input, &control(sim))).expect("it ends");
    sent.map_err(|error| error.kind())
}

fn ended(sim: &Sim, command: &str, id: &InstanceId) -> Invocation {
    let ended = sim.block_on(await_command(sim, command, id, &control(sim)));
    ended.expect("it ends").expect("it can be read")
}

#[test]
fn an_agent_comes_after_its_instance_and_goes_with_it() {
    let spec = web();
    let sim = applied(even(1));
    // It is there once the instance has run for a while, and not before.
    assert_eq!(ping(&sim, &spec), None);
    sim.settle(Duration::from_secs(600));
    assert_eq!(ping(&sim, &spec), Some(AgentPing::Online));
    let (id, ..) = serving(&sim).expect("an instance serves");
    sim.tamper(|world| world.instances.get_mut(&id).expect("the instance").impaired = true);
    assert_eq!(ping(&sim, &spec), Some(AgentPing::ConnectionLost));
    assert_eq!(sent(&sim, &command(&id, "true")), Err(CallErrorKind::Invalid));
}

#[test]
fn without_the_roles_rights_there_is_no_agent_and_no_status_asks_for_one() {
    let mut spec = web();
    spec.access.session_manager = false;
    let (sim, _) = settled(&spec);
    assert_eq!(ping(&sim, &spec), None);
    let asked = |sim: &Sim| {
        let asks = |what: &TraceKind| matches!(what, TraceKind::Call(call) if call.action == AGENTS);
        sim.trace().iter().filter(|event| asks(&event.what)).count()
    };
    let before = asked(&sim);
    assert_eq!(read(&sim, &spec, Scope::Status).agents, Agents::Unread);
    assert_eq!(asked(&sim), before);
    let (sim, _) = settled(&web());
    assert!(matches!(read(&sim, &web(), Scope::Status).agents, Agents::Read(agents) if agents.len() == 1));
    assert_eq!(read(&sim, &web(), Scope::Plan).agents, Agents::Unread);
}

#[test]
fn a_status_outlives_what_it_may_not_ask_about_agents() {
    let (sim, _) = settled(&web());
    for fault in [Fault::AccessDenied, Fault::ServiceDown] {
        fails(&sim, When::Every(AGENTS.to_owned()), fault);
        let observed = read(&sim, &web(), Scope::Status);
        assert!(matches!(observed.agents, Agents::Failed(_)), "{:?}", observed.agents);
    }
}

#[test]
fn a_command_runs_under_the_policy_for_it_and_its_end_is_waited_for() {
    let (sim, id) = settled(&web());
    operate(&sim, Purpose::Run, |scope| scope.session_manager = true);
    assert_eq!(ping(&sim, &web()), Some(AgentPing::Online));
    let run = |script: &str| ended(&sim, &sent(&sim, &command(&id, script)).expect("it is sent"), &id);
    let echo = run("echo 'a  b'");
    assert_eq!(
        (echo.status, echo.exit, echo.stdout.as_str()),
        (CommandStatus::Success, Some(0), "a  b\n")
    );
    let exit = run("exit 7");
    assert_eq!((exit.status, exit.exit), (CommandStatus::Failed, Some(7)));
    let slow = run("sleep 30");
    assert_eq!(slow.status, CommandStatus::Success);
    let over = run("sleep 90");
    assert_eq!(over.status, CommandStatus::TimedOut);
    // Another stack's instance is none of its business.
    sim.tamper(|world| {
        let instance = world.instances.get_mut(&id).expect("the instance");
        instance.tags.insert("selfheal:stack".to_owned(), "api".to_owned());
    });
    assert_eq!(sent(&sim, &command(&id, "true")), Err(CallErrorKind::Denied));
}

#[test]
fn a_command_that_is_cancelled_ends_and_keeps_nothing() {
    let (sim, id) = settled(&web());
    let sent = sent(&sim, &command(&id, "sleep 50")).expect("it is sent");
    let control = control(&sim);
    let cancel = cancel_command(&sim, &sent, &id, &control);
    sim.block_on(cancel).expect("it ends").expect("it is cancelled");
    let ended = ended(&sim, &sent, &id);
    assert_eq!((ended.status, ended.exit), (CommandStatus::Cancelled, None));
}

/// It has no token: whether it runs is not known, and it is not sent a second time.
#[test]
fn a_command_whose_answer_is_lost_is_not_sent_again() {
    let (sim, id) = settled(&web());
    fails(&sim, When::Nth(SEND.to_owned(), 1), Fault::AnswerLost);
    assert_eq!(sent(&sim, &command(&id, "true")), Err(CallErrorKind::Ambiguous));
    assert_eq!(sim.inspect(|world| world.commands.len()), 1);
    // One that was refused for being too fast is.
    fails(&sim, When::Nth(SEND.to_owned(), 1), Fault::Throttle);
    let again = sent(&sim, &command(&id, "true"));
    assert!(again.is_ok(), "{again:?}");
    assert_eq!(sim.inspect(|world| world.commands.len()), 2);
    let unknown = sim.block_on(sim.get_command("command-0", &id)).expect("it ends");
    assert_eq!(unknown.expect("no error"), None);
}
