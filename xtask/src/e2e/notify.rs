//! Who is told: a topic with its subscriptions, made and removed, and what an instance's own boot program publishes to it, read
//! by a queue that is subscribed as a person would be.

use serde_json::Value;

use super::{json, nothing_to_do, the_instance};
use crate::error::{TaskError, TaskResult};
use crate::fake::query::{deep_text, parse};
use crate::fake::{Caller, log};
use crate::machine::Machine;
use crate::report::Report;
use crate::world::World;

const NOTIFY: &str = "[notify]\nemail = [\"ops@example.com\"]\n\n";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:selfheal-web";
const QUEUE: &str = "told";

/// Tells of a boot that fails, and of a test; then nobody is told any more.
pub fn end_to_end(report: &mut Report) -> TaskResult<()> {
    let world = World::new()?;
    world.edit_spec("[data]", &format!("{NOTIFY}[data]"))?;
    world.write("setup.sh", "#!/bin/sh\nexit 7\n")?;
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    let wanted = [
        "sns:CreateTopic",
        "sns:Subscribe",
        "autoscaling:PutNotificationConfiguration",
    ];
    report.expect(
        "with [notify] an apply makes a topic, subscribes whom it names, and lets the group tell it",
        wanted
            .iter()
            .all(|call| calls.iter().filter(|made| made == call).count() == 1),
        || calls.join(", "),
    );
    nothing_to_do(&world, report, "an apply with a topic")?;
    subscribe_queue(&world)?;
    failed_boot(&world, report)?;
    let run = world.expect(&["notify", "--test", "--json"], 0)?;
    let subject = json(&run)?["subject"].as_str().unwrap_or_default().to_owned();
    let heard = receive(&world)?;
    report.expect(
        "a test message arrives",
        !subject.is_empty() && heard.iter().any(|(told, _)| *told == subject),
        || format!("{heard:?}\n{}", run.text()),
    );
    world.edit_further(NOTIFY, "")?;
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    report.expect(
        "without [notify] an apply removes what it had made for it",
        calls.contains(&"sns:DeleteTopic".to_owned())
            && calls.contains(&"autoscaling:DeleteNotificationConfiguration".to_owned())
            && !world.aws().sns("ListTopics", &[])?.contains(TOPIC),
        || calls.join(", "),
    );
    nothing_to_do(&world, report, "an apply without a topic")
}

/// The instance's own boot program tells why it failed.
fn failed_boot(world: &World, report: &mut Report) -> TaskResult<()> {
    let instance = the_instance(&world.inventory()?)?;
    let machine = Machine::boot(world, &instance);
    let failure = machine.as_ref().err().map(ToString::to_string).unwrap_or_default();
    report.expect(
        "a boot whose setup fails ends with its exit code",
        failure.contains("ended with status 16"),
        || failure.clone(),
    );
    let published =
        log::of(&world.proxy().log(), Caller::Instance).any(|entry| entry.call.to_string() == "sns:Publish");
    report.expect("it publishes by itself", published, || "no sns:Publish".to_owned());
    let heard = receive(world)?;
    let reason = "web: failed: setup failed with status 7 (exit 16)";
    report.expect(
        "whoever is subscribed is told why, and by which instance",
        matches!(&heard[..], [(subject, text)] if subject == reason && text.contains(&instance.id)),
        || format!("{heard:?}"),
    );
    Ok(())
}

/// Subscribes a queue, as a person subscribes a mailbox; moto asks a queue for no confirmation.
fn subscribe_queue(world: &World) -> TaskResult<()> {
    world.aws().sqs("CreateQueue", &[("QueueName", QUEUE)])?;
    let queue = format!("arn:aws:sqs:{}:123456789012:{QUEUE}", world.region());
    let subscription = [("TopicArn", TOPIC), ("Protocol", "sqs"), ("Endpoint", &queue)];
    world.aws().sns("Subscribe", &subscription).map(drop)
}

/// Takes the messages out of the queue: their subjects and texts.
fn receive(world: &World) -> TaskResult<Vec<(String, String)>> {
    let url = world.aws().sqs("GetQueueUrl", &[("QueueName", QUEUE)])?;
    let url = deep_text(parse(&url)?.root(), "QueueUrl");
    let most = [("QueueUrl", url.as_str()), ("MaxNumberOfMessages", "10")];
    let answer = world.aws().sqs("ReceiveMessage", &most)?;
    let answer = parse(&answer)?;
    let bodies = answer.descendants().filter(|node| node.tag_name().name() == "Body");
    let read = |body: &str| -> TaskResult<(String, String)> {
        let message: Value =
            serde_json::from_str(body).map_err(|error| TaskError::malformed("a message of SNS", error))?;
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        Ok((text("Subject"), text("Message")))
    };
    bodies.map(|body| read(body.text().unwrap_or_default())).collect()
}
