//! The DNS, asked by the machine's own resolvers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, RCODE, ResourceRecord, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::SystemJitter;
use crate::backend::{Jitter, Resolver};

/// How long a resolver may take: some ask on for seconds where nobody answers them.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer by UDP without extensions.
///
/// Source: RFC 1035, section 2.3.4.
const UDP_BYTES_MAX: usize = 512;

/// The machine's resolvers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemResolver {
    /// The resolvers, which are asked in turn until one answers; or why they are not known.
    servers: Result<Vec<SocketAddr>, String>,
}

impl SystemResolver {
    /// Takes the resolvers that `/etc/resolv.conf` names; this machine itself where that names none. Where the file cannot be
    /// read, every question fails for that.
    #[must_use]
    pub fn of_system() -> Self {
        const FILE: &str = "/etc/resolv.conf";
        let servers = match std::fs::read(FILE) {
            Ok(text) => configured(&text).map_err(|error| format!("{FILE}: {error}")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => configured(b""),
            Err(error) => Err(format!("{FILE}: {error}")),
        };
        Self { servers }
    }

    /// Takes these resolvers.
    #[must_use]
    pub const fn of_servers(servers: Vec<SocketAddr>) -> Self {
        Self { servers: Ok(servers) }
    }

    /// Asks for the records of one type at a name, and reads of each what is wanted.
    async fn ask<T>(
        &self,
        name: &str,
        kind: TYPE,
        read: impl Fn(&ResourceRecord<'_>) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let id = (SystemJitter.fraction() * f64::from(u16::MAX)) as u16;
        let query = query(id, name, kind)?;
        let mut failure = "no resolver is known".to_owned();
        for server in self.servers.as_ref().map_err(Clone::clone)? {
            let asked = tokio::time::timeout(ANSWER_TIMEOUT, exchange(*server, &query)).await;
            let answered = match asked {
                Ok(Ok(bytes)) => records(&bytes, id, &read),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no answer in time".to_owned()),
            };
            match answered {
                Ok(found) => return Ok(found),
                Err(why) => failure = format!("{server}: {why}"),
            }
        }
        Err(failure)
    }
}

/// The resolvers of a configuration.
fn configured(text: &[u8]) -> Result<Vec<SocketAddr>, String> {
    let config = resolv_conf::Config::parse(text).map_err(|error| error.to_string())?;
    let mut servers: Vec<IpAddr> = config.nameservers.iter().map(IpAddr::from).collect();
    if servers.is_empty() {
        servers.push(Ipv4Addr::LOCALHOST.into());
    }
    Ok(servers.into_iter().map(|server| SocketAddr::new(server, 53)).collect())
}

fn query(id: u16, name: &str, kind: TYPE) -> Result<Vec<u8>, String> {
    let name = Name::new(name).map_err(|error| format!("{name}: {error}"))?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet
        .questions
        .push(Question::new(name, QTYPE::TYPE(kind), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(|error| error.to_string())
}

/// Sends a question and receives an answer: by UDP, and by TCP where that is too short.
async fn exchange(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // Connected, so that nobody else's packets are taken for the answer.
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut answer;
    loop {
        answer = vec![0; UDP_BYTES_MAX];
        let length = socket.recv(&mut answer).await?;
        answer.truncate(length);
        // One that comes late answers an earlier question, and one that nobody asked for none.
        if answer.len() >= 2 && answer[..2] == query[..2] {
            break;
        }
    }
    let cut = Packet::parse(&answer).is_err()
        || Packet::parse(&answer).is_ok_and(|packet| packet.has_flags(PacketFlag::TRUNCATION));
    if !cut {
        return Ok(answer);
    }
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes()[..], query].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// Reads the records out of an answer. A name that does not exist has none.
fn records<T>(bytes: &[u8], id: u16, read: impl Fn(&ResourceRecord<'_>) -> Option<T>) -> Result<Vec<T>, String> {
    let packet = Packet::parse(bytes).map_err(|error| format!("the answer cannot be read: {error}"))?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return Err("the answer is to another question".to_owned());
    }
    match packet.rcode() {
        RCODE::NoError => Ok(packet.answers.iter().filter_map(read).collect()),
        RCODE::NameError => Ok(Vec::new()),
        other => Err(format!("it answers {other:?}")),
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn name_servers(&self, zone: &str) -> Result<Vec<String>, String> {
        self.ask(zone, TYPE::NS, |record| match &record.rdata {
            RData::NS(server) => Some(server.0.to_string()),
            _ => None,
        })
        .await
    }

    async fn caa_records(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        self.ask(name, TYPE::CAA, |record| match &record.rdata {
            RData::CAA(caa) => Some((caa.tag.to_string(), String::from_utf8_lossy(&caa.value).into_owned())),
            _ => None,
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolvers_are_those_of_the_file() {
        let found = configured(b"# x\nsearch a.example\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n").unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53"]);
        let local: Vec<String> = configured(b"").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(local, ["127.0.0.1:53"]);
    }
}
