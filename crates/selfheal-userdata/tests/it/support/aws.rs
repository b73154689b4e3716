//! The metadata service and the two endpoints, on loopback.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use selfheal_userdata::Bundle;

use super::route53;

/// The instance that boots here.
pub const INSTANCE: &str = "i-0aaaaaaaaaaaaaaa1";
/// Its primary network interface.
pub const INTERFACE: &str = "eni-0aaaaaaaaaaaaaaa1";
/// The address that belongs to the allocation.
pub const ADDRESS: &str = "203.0.113.7";
/// Secrets that must never show anywhere but in signatures.
pub const SECRETS: [&str; 2] = ["SECRETEXAMPLEKEY", "TOKENEXAMPLE=="];

const TOKEN: &str = "imds-token";

/// What the fake knows, and what it was asked.
#[derive(Default)]
pub struct State {
    /// Calls in order, as the action and its parameters.
    pub calls: Vec<(String, BTreeMap<String, String>)>,
    /// Answers to give instead of the real one, by action: status, code, message.
    pub faults: HashMap<String, VecDeque<(u16, &'static str, &'static str)>>,
    /// How many of the next reads answer as if nothing were attached or associated, by action.
    pub stale: HashMap<String, u32>,
    /// Statuses to give instead of the metadata service's answer, by path.
    pub metadata_faults: HashMap<String, VecDeque<u16>>,
    /// Metadata beside the usual, by path.
    pub metadata: HashMap<String, String>,
    /// Paths that answer `Terminated` once a file is there.
    pub metadata_from: HashMap<String, PathBuf>,
    /// The date that the endpoints say it is.
    pub date: &'static str,
    /// Who holds the volume.
    pub holder: Option<String>,
    /// Whether the volume is marked for first use.
    pub first_use: bool,
    /// The snapshot that the volume comes from.
    pub snapshot: String,
    /// Who has the address.
    pub address_of: Option<String>,
    /// What EC2's application status checks find of the instance.
    pub application_status: &'static str,
    /// Parameters of Parameter Store.
    pub parameters: BTreeMap<String, String>,
    /// The parameter whose key the instance may not use.
    pub sealed: Option<&'static str>,
    /// The group's activities, as members of a list.
    pub activities: String,
    /// Whether the log stream exists.
    pub log_stream: bool,
    /// What no call may hold that writes log events.
    pub poison: Option<&'static str>,
    /// The bodies of the calls that wrote log events.
    pub logged: Vec<String>,
    /// The group's tags.
    pub tags: BTreeMap<String, String>,
    /// TXT records of the zone: their values by their names.
    pub records: BTreeMap<String, Vec<String>>,
    /// Whether nothing can be removed from the zone for the time being.
    pub keeps_records: bool,
    /// How many of the next questions find the zone's servers behind.
    pub behind: u32,
    /// Suspended processes of the group.
    pub suspended: Vec<String>,
    /// Faults in the protocol: a request without a token, without a signature.
    pub complaints: Vec<String>,
    /// The machine's root folder, where an attached volume shows up.
    root: PathBuf,
}

/// Begins the value of a parameter that is to stand in the answer as it is.
pub const RAW: &str = "raw:";

/// The text as a string of JSON, without its quotation marks; some of it in each of the ways in which JSON can say it.
fn json(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '/' => out.push_str("\\/"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{e0}'..='\u{fff}' | '\u{1f600}' => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
            _ => out.push(c),
        }
    }
    out
}

/// A running fake.
pub struct Aws {
    state: Arc<Mutex<State>>,
    /// Its address, `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Aws {
    /// Starts the fake for a machine whose root is `root`.
    pub fn start(root: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            root,
            first_use: true,
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { state, url }
    }

    /// Lets the next calls of an action fail, one after the other, with these codes.
    pub fn fail(&self, action: &str, codes: &[(u16, &'static str, &'static str)]) {
        self.state().faults.entry(action.to_owned()).or_default().extend(codes);
    }

    /// Writes a stack's bundle into Parameter Store.
    pub fn put_bundle(&self, stack: &str, bundle: &Bundle) {
        let path = bundle_path(stack, bundle);
        for (place, chunk) in bundle.chunks().iter().enumerate() {
            self.state()
                .parameters
                .insert(format!("{path}/{place:02}"), chunk.clone());
        }
    }

    /// Sets a path of the metadata service.
    pub fn metadata(&self, path: &str, value: &str) {
        self.state()
            .metadata
            .insert(format!("meta-data/{path}"), value.to_owned());
    }

    /// Gives access to what the fake knows.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    headers: HashMap<String, String>,
    pub(super) body: String,
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut parts = line.split_whitespace();
    let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let (status, body, date) = {
            let mut state = state.lock().unwrap();
            let (status, body) = if request.path.starts_with(route53::VERSION) {
                state.route53(&request)
            } else if request.method == "POST" {
                state.api(&request)
            } else {
                state.imds(&request)
            };
            (status, body, state.date)
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nDate: {date}\r\n\r\n{body}");
        let last = request.headers.get("connection").is_some_and(|value| value == "close");
        if writer.write_all(answer.as_bytes()).is_err() || last {
            return;
        }
    }
}

impl State {
    fn imds(&mut self, request: &Request) -> (u16, String) {
        let path = request.path.trim_start_matches("/latest/").to_owned();
        if let Some(status) = self.metadata_faults.get_mut(&path).and_then(VecDeque::pop_front) {
            return (status, "fault".to_owned());
        }
        if request.path == "/" {
            // All that is left of a call whose caller was killed before it said a word.
            return (400, String::new());
        }
        if let Some(verdict) = request.path.strip_prefix("/app/") {
            return (if verdict == "healthy" { 200 } else { 404 }, String::new());
        }
        if self.metadata_from.get(&path).is_some_and(|file| file.exists()) {
            return (200, "Terminated".to_owned());
        }
        if request.method == "PUT" && path == "api/token" {
            return (200, TOKEN.to_owned());
        }
        if request.headers.get("x-aws-ec2-metadata-token").map(String::as_str) != Some(TOKEN) {
            self.complaints.push(format!("no token for {path}"));
            return (401, String::new());
        }
        let mine = self.address_of.as_deref() == Some(INSTANCE);
        match path.as_str() {
            "meta-data/instance-id" => (200, INSTANCE.to_owned()),
            "meta-data/mac" => (200, "02:00:00:00:00:01".to_owned()),
            "meta-data/network/interfaces/macs/02:00:00:00:00:01/interface-id" => (200, INTERFACE.to_owned()),
            "meta-data/public-ipv4" => (200, if mine { ADDRESS } else { "198.51.100.1" }.to_owned()),
            "meta-data/iam/security-credentials/selfheal-web-eu-west-1" => {
                let [secret, token] = SECRETS;
                (
                    200,
                    format!(
                        "{{\n  \"Code\" : \"Success\",\n  \"AccessKeyId\" : \"ASIAEXAMPLE\",\n  \
                         \"SecretAccessKey\" : \"{secret}\",\n  \"Token\" : \"{token}\"\n}}"
                    ),
                )
            }
            _ => self
                .metadata
                .get(&path)
                .map_or((404, "<html>404</html>".to_owned()), |text| (200, text.clone())),
        }
    }

    /// Complains of what is not signed as it has to be, for a Region and a service where they matter.
    pub(super) fn check_signature(&mut self, request: &Request, scope: &str) {
        let authorization = request.headers.get("authorization").cloned().unwrap_or_default();
        let signed = authorization.starts_with("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/")
            && authorization.contains(scope)
            && authorization.contains("x-amz-security-token");
        if !signed || request.headers.get("x-amz-security-token").map(String::as_str) != Some(SECRETS[1]) {
            self.complaints.push(format!("unsigned: {authorization}"));
        }
    }

    fn api(&mut self, request: &Request) -> (u16, String) {
        let authorization = request.headers.get("authorization").cloned().unwrap_or_default();
        self.check_signature(request, "/aws4_request");
        if let Some(target) = request.headers.get("x-amz-target") {
            if !authorization.contains("content-type;") || !authorization.contains(";x-amz-target") {
                self.complaints.push(format!("unsigned: {authorization}"));
            }
            return match target.strip_prefix("Logs_20140328.") {
                Some(action) => self.logs(action, &request.body),
                None => self.parameter_store(target, &request.body),
            };
        }
        let mut parameters: BTreeMap<String, String> = request.body.split('&').map(pair).collect();
        let action = parameters.remove("Action").unwrap_or_default();
        parameters.remove("Version");
        self.calls.push((action.clone(), parameters.clone()));
        if let Some((status, code, message)) = self.faults.get_mut(&action).and_then(VecDeque::pop_front) {
            return error(status, code, message);
        }
        if let Some(left) = self.stale.get_mut(&action).filter(|left| **left > 0) {
            *left -= 1;
            let (holder, address_of) = (self.holder.take(), self.address_of.take());
            let answer = self.answer(&action, &parameters);
            (self.holder, self.address_of) = (holder, address_of);
            return answer;
        }
        self.answer(&action, &parameters)
    }

    /// Answers a call of CloudWatch Logs; what `PutLogEvents` brought is kept as it came.
    fn logs(&mut self, action: &str, body: &str) -> (u16, String) {
        self.calls.push((action.to_owned(), BTreeMap::new()));
        if let Some((status, code, message)) = self.faults.get_mut(action).and_then(VecDeque::pop_front) {
            return (status, format!(r#"{{"__type":"{code}","message":"{message}"}}"#));
        }
        let stream = format!(r#""logGroupName":"/selfheal/web","logStreamName":"{INSTANCE}""#);
        if !body.contains(&stream) {
            self.complaints.push(format!("another stream: {body:.80}"));
        }
        match action {
            "CreateLogStream" => self.log_stream = true,
            "PutLogEvents" if !self.log_stream => {
                let message = "The specified log stream does not exist.";
                return (
                    400,
                    format!(r#"{{"__type":"ResourceNotFoundException","message":"{message}"}}"#),
                );
            }
            "PutLogEvents" if self.poison.as_ref().is_some_and(|poison| body.contains(poison)) => {
                return (
                    400,
                    r#"{"__type":"InvalidParameterException","message":"no"}"#.to_owned(),
                );
            }
            "PutLogEvents" => self.logged.push(body.to_owned()),
            _ => self.complaints.push(format!("no action {action}")),
        }
        (200, "{}".to_owned())
    }

    /// Answers a call of JSON, a page of three at a time, with an empty one between.
    fn parameter_store(&mut self, target: &str, body: &str) -> (u16, String) {
        let action = target.strip_prefix("AmazonSSM.").unwrap_or(target).to_owned();
        let field = |name: &str| {
            let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let path = field("Path").unwrap_or_default();
        let asked = BTreeMap::from([("Path".to_owned(), path.clone())]);
        self.calls.push((action.clone(), asked));
        if let Some((status, code, message)) = self.faults.get_mut(&action).and_then(VecDeque::pop_front) {
            return (
                status,
                format!(r#"{{"__type":"com.amazonaws.ssm#{code}","message":"{message}"}}"#),
            );
        }
        let page: usize = field("NextToken").map_or(0, |token| token.parse().unwrap());
        let below = format!("{path}/");
        let found = self.parameters.iter().filter(|(name, _)| name.starts_with(&below));
        let most = if !body.contains("\"MaxResults\":10") { 1 } else { 3 };
        let shown = found
            .clone()
            .skip(page / 2 * most)
            .take(if page.is_multiple_of(2) { most } else { 0 });
        if body.contains("\"WithDecryption\":true") && shown.clone().any(|(name, _)| Some(name.as_str()) == self.sealed)
        {
            let message = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, \
                           or you are not allowed to access.";
            return (
                400,
                format!(r#"{{"__type":"AccessDeniedException","message":"{message}"}}"#),
            );
        }
        let shown: Vec<String> = shown
            .map(|(name, value)| {
                let value = value.strip_prefix(RAW).map_or_else(|| json(value), str::to_owned);
                let name = json(name);
                format!(r#"{{"ARN":"arn:aws","Name":"{name}","LastModifiedDate":1.7E9,"Type":"String","Value":"{value}","Version":1}}"#)
            })
            .collect();
        let next = match page / 2 * most + most < found.count() {
            true => format!(r#""{}""#, page + 1),
            false => "null".to_owned(),
        };
        (
            200,
            format!(r#"{{"NextToken":{next},"Parameters":[{}]}}"#, shown.join(",")),
        )
    }

    fn answer(&mut self, action: &str, parameters: &BTreeMap<String, String>) -> (u16, String) {
        let text = |name: &str| parameters.get(name).cloned().unwrap_or_default();
        let body = match action {
            "AttachVolume" => {
                if let Some(holder) = &self.holder {
                    return error(400, "VolumeInUse", &format!("attached to {holder}"));
                }
                self.holder = Some(text("InstanceId"));
                self.plug();
                "<status>attaching</status>".to_owned()
            }
            "DetachVolume" => {
                self.holder = None;
                self.unplug();
                String::new()
            }
            "DescribeVolumes" => self.describe_volume(),
            "DeleteTags" => {
                self.first_use = false;
                String::new()
            }
            "AssociateAddress" => {
                // An instance that has several interfaces is refused by its own id, so no instance is taken by it here.
                if text("NetworkInterfaceId") != INTERFACE {
                    return error(
                        400,
                        "InvalidInstanceID",
                        "There are multiple interfaces attached to the instance",
                    );
                }
                self.address_of = Some(INSTANCE.to_owned());
                "<associationId>eipassoc-1</associationId>".to_owned()
            }
            "DisassociateAddress" => {
                self.address_of = None;
                String::new()
            }
            "DescribeApplicationStatus" => self.describe_application_status(),
            "DescribeAddresses" => self.describe_address(),
            "DescribeTags" => self.describe_tag(&text("Filters.member.2.Values.member.1")),
            "CreateOrUpdateTags" => {
                self.set_tags(parameters);
                String::new()
            }
            "SuspendProcesses" => {
                self.suspended = vec![text("ScalingProcesses.member.1"), text("ScalingProcesses.member.2")];
                String::new()
            }
            "DescribeScalingActivities" => format!("<Activities>{}</Activities>", self.activities),
            "Publish" => "<MessageId>m-1</MessageId>".to_owned(),
            "CompleteLifecycleAction" | "RecordLifecycleActionHeartbeat" | "SetInstanceHealth" => String::new(),
            other => return error(400, "InvalidAction", other),
        };
        (200, format!("<Response>{body}</Response>"))
    }

    fn describe_application_status(&self) -> String {
        format!(
            "<applicationStatusesResponseType><instanceSet><item><instanceId>{INSTANCE}</instanceId><applicationStatus>\
             <detailSet><item><status>passed</status></item></detailSet><status>{}</status></applicationStatus></item>\
             </instanceSet></applicationStatusesResponseType>",
            self.application_status
        )
    }

    fn describe_address(&self) -> String {
        let held = self
            .address_of
            .as_ref()
            .map(|holder| format!("<instanceId>{holder}</instanceId><associationId>eipassoc-1</associationId>"));
        let held = held.unwrap_or_default();
        format!("<addressesSet><item><publicIp>{ADDRESS}</publicIp>{held}</item></addressesSet>")
    }

    fn describe_tag(&self, key: &str) -> String {
        let value = self
            .tags
            .get(key)
            .map(|value| format!("<Key>{key}</Key><Value>{value}</Value>"));
        format!("<Tags><member>{}</member></Tags>", value.unwrap_or_default())
    }

    fn set_tags(&mut self, parameters: &BTreeMap<String, String>) {
        let text = |at: usize, part: &str| parameters.get(&format!("Tags.member.{at}.{part}")).cloned();
        for at in 1.. {
            let Some(key) = text(at, "Key") else { break };
            self.tags.insert(key, text(at, "Value").unwrap_or_default());
        }
    }

    fn describe_volume(&self) -> String {
        let tag = if self.first_use {
            "<key>selfheal:first-use</key><value>true</value>"
        } else {
            ""
        };
        let holder = self.holder.clone().unwrap_or_default();
        format!(
            "<volumeSet><item><volumeId>vol-0123456789abcdef0</volumeId><snapshotId>{}</snapshotId><attachmentSet><item><instanceId>{holder}</instanceId>\
             </item></attachmentSet><tagSet><item>{tag}</item></tagSet></item></volumeSet>",
            self.snapshot
        )
    }

    fn unplug(&self) {
        std::fs::remove_dir_all(self.root.join("sys/class/nvme/nvme1")).unwrap();
        std::fs::rename(self.root.join("dev/nvme1n1"), self.root.join("volume")).unwrap();
    }

    /// Makes the attached volume visible, as the kernel would.
    pub fn plug(&self) {
        let controller = self.root.join("sys/class/nvme/nvme1");
        std::fs::create_dir_all(&controller).unwrap();
        std::fs::write(controller.join("serial"), "vol0123456789abcdef0   \n").unwrap();
        std::fs::rename(self.root.join("volume"), self.root.join("dev/nvme1n1")).unwrap();
    }
}

/// Returns the path at which a bundle's parameters stand.
pub fn bundle_path(stack: &str, bundle: &Bundle) -> String {
    format!("/selfheal/{stack}/bundle/{}", bundle.digest())
}

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (unescape(name), unescape(value))
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub(super) fn error(status: u16, code: &str, message: &str) -> (u16, String) {
    let xml =
        format!("<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>");
    (status, xml)
}
