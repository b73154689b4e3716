//! A name server that answers for the TXT records of the simulated hosted zones, as Route 53's own do, and passes every other
//! question on to the lab's resolver.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use selfheal_aws::sim::Sim;
use simple_dns::rdata::{RData, TXT};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

use super::network::GATEWAY;
use crate::error::{Context, TaskResult};

/// Where it answers, as programs are told it.
pub const ADDRESS: &str = "10.77.0.1:5353";
/// Bytes of a question and of an answer by UDP, with room for extensions.
const PACKET: usize = 4_096;
/// How long the lab's resolver may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves the zones of a world until the namespace ends.
pub fn serve(sim: &Sim) -> TaskResult<()> {
    let socket = UdpSocket::bind(ADDRESS).context(|| format!("listen on {ADDRESS}"))?;
    let sim = sim.clone();
    thread::spawn(move || {
        let mut question = [0; PACKET];
        while let Ok((length, client)) = socket.recv_from(&mut question) {
            let asked = &question[..length];
            if let Some(answer) = of_zones(&sim, asked).or_else(|| passed_on(asked)) {
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    Ok(())
}

/// The answer to a question for text; `None` for any other.
fn of_zones(sim: &Sim, asked: &[u8]) -> Option<Vec<u8>> {
    let query = Packet::parse(asked).ok()?;
    let question = query.questions.first()?;
    if question.qtype != QTYPE::TYPE(TYPE::TXT) {
        return None;
    }
    let name = question.qname.to_string().to_ascii_lowercase();
    let values: Vec<String> = sim.inspect(|world| {
        let records = world.zones.values().flat_map(|zone| &zone.records);
        let found = records.filter(|record| record.record_type == "TXT" && record.name == name);
        found.flat_map(|record| record.values.clone()).collect()
    });
    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE | PacketFlag::RECURSION_DESIRED);
    reply.questions.push(question.clone());
    if values.is_empty() {
        *reply.rcode_mut() = RCODE::NameError;
    }
    for value in &values {
        let text = TXT::new().with_string(value.trim_matches('"')).ok()?;
        reply.answers.push(ResourceRecord::new(
            question.qname.clone(),
            CLASS::IN,
            60,
            RData::TXT(text),
        ));
    }
    reply.build_bytes_vec().ok()
}

/// What the lab's resolver answers.
fn passed_on(asked: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((GATEWAY, 0)).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    socket.send_to(asked, SocketAddr::from((GATEWAY, 53))).ok()?;
    let mut answer = vec![0; PACKET];
    let length = socket.recv(&mut answer).ok()?;
    answer.truncate(length);
    Some(answer)
}
