//! What a doctor alone asks: Service Quotas, IAM's simulator, AWS's time, what runs, and the DNS.

use aws_sdk_iam::operation::simulate_principal_policy::SimulatePrincipalPolicyInput;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum};
use aws_sdk_servicequotas::operation::get_service_quota::GetServiceQuotaInput;
use aws_smithy_mocks::mock;
use selfheal_aws::sdk::SystemResolver;
use selfheal_aws::{Account, CallErrorKind, Iam, Offers, Quotas, Resolver, Route53};
use selfheal_core::doctor::{ContextKind, ContextValue, Permission, PermissionRequest};
use selfheal_core::world::RunningInstance;
use simple_dns::rdata::{CAA, NS, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, ResourceRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::support::{answer, ec2_answer, query_error, sdk};

#[tokio::test]
async fn a_quota_is_the_applied_one_or_none_and_the_default_is_asked_by_itself() {
    let input = GetServiceQuotaInput::builder()
        .service_code("ec2")
        .quota_code("L-0263D0A3");
    let input = input.build().unwrap();
    let rules = [
        mock!(aws_sdk_servicequotas::Client::get_service_quota)
            .match_requests(move |request| *request == input)
            .then_http_response(|| answer(200, r#"{"Quota":{"QuotaCode":"L-0263D0A3","Value":7.0}}"#)),
        mock!(aws_sdk_servicequotas::Client::get_service_quota)
            .then_http_response(|| answer(400, r#"{"__type":"NoSuchResourceException","Message":"none"}"#)),
        mock!(aws_sdk_servicequotas::Client::get_aws_default_service_quota)
            .match_requests(|request| request.quota_code() == Some("L-1216C47A"))
            .then_http_response(|| answer(200, r#"{"Quota":{"QuotaCode":"L-1216C47A","Value":5.0}}"#)),
        mock!(aws_sdk_servicequotas::Client::get_service_quota)
            .then_http_response(|| answer(400, r#"{"__type":"TooManyRequestsException","Message":"slow"}"#)),
        mock!(aws_sdk_servicequotas::Client::get_service_quota)
            .then_http_response(|| answer(400, r#"{"__type":"AccessDeniedException","Message":"no"}"#)),
    ];
    let sdk = sdk(&rules.each_ref());
    assert_eq!(sdk.ec2_quota("L-0263D0A3").await.unwrap(), Some(7));
    assert_eq!(sdk.ec2_quota("L-1216C47A").await.unwrap(), None);
    assert_eq!(sdk.default_ec2_quota("L-1216C47A").await.unwrap(), Some(5));
    assert_eq!(sdk.ec2_quota("x").await.unwrap_err().kind, CallErrorKind::Throttled);
    assert_eq!(sdk.ec2_quota("x").await.unwrap_err().kind, CallErrorKind::Denied);
}

#[tokio::test]
async fn the_simulator_is_asked_whole_and_every_page_of_it_read() {
    let who = "arn:aws:iam::123456789012:user/ops";
    let volumes = "arn:aws:ec2:eu-west-1:123456789012:volume/*";
    let tag = ContextEntry::builder()
        .context_key_name("aws:RequestTag/selfheal:stack")
        .context_key_type(ContextKeyTypeEnum::String)
        .context_key_values("web")
        .build();
    let input = SimulatePrincipalPolicyInput::builder()
        .policy_source_arn(who)
        .action_names("ec2:CreateVolume")
        .resource_arns(volumes)
        .context_entries(tag);
    let input = input.build().unwrap();
    let page = move |decision: &str, rest: &str| {
        let result = format!(
            "<member><EvalActionName>ec2:CreateVolume</EvalActionName><EvalResourceName>{volumes}</EvalResourceName>\
             <EvalDecision>{decision}</EvalDecision></member>"
        );
        let content = format!("<EvaluationResults>{result}</EvaluationResults>{rest}");
        answer(
            200,
            &format!(
                "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult>{content}</SimulatePrincipalPolicyResult>\
                 </SimulatePrincipalPolicyResponse>"
            ),
        )
    };
    let rules = [
        mock!(aws_sdk_iam::Client::simulate_principal_policy)
            .match_requests(move |request| *request == input)
            .then_http_response(move || page("allowed", "<IsTruncated>true</IsTruncated><Marker>m</Marker>")),
        mock!(aws_sdk_iam::Client::simulate_principal_policy)
            .match_requests(|request| request.marker() == Some("m"))
            .then_http_response(move || page("implicitDeny", "<IsTruncated>false</IsTruncated>")),
        mock!(aws_sdk_iam::Client::simulate_principal_policy)
            .match_requests(|request| request.resource_arns.is_none())
            .then_http_response(|| query_error(404, "NoSuchEntity", "no such user")),
    ];
    let sdk = sdk(&rules.each_ref());
    let mut request = PermissionRequest {
        actions: vec!["ec2:CreateVolume".to_owned()],
        resources: vec![volumes.to_owned()],
        context: vec![ContextValue {
            key: "aws:RequestTag/selfheal:stack".to_owned(),
            kind: ContextKind::Text,
            values: vec!["web".to_owned()],
        }],
    };
    let said = |allowed| Permission {
        action: "ec2:CreateVolume".to_owned(),
        resource: volumes.to_owned(),
        allowed,
    };
    let told = sdk.simulate_policy(who, &request).await.unwrap();
    assert_eq!(told, [said(true), said(false)]);
    request.resources.clear();
    let error = sdk.simulate_policy(who, &request).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn the_time_is_that_of_any_answer_also_of_one_that_refuses() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>\
                </GetCallerIdentityResponse>";
    let rules = [
        mock!(aws_sdk_sts::Client::get_caller_identity).then_http_response(move || {
            let mut response = answer(200, body);
            response.headers_mut().insert("date", "Sat, 28 Nov 2026 23:00:00 GMT");
            response
        }),
        mock!(aws_sdk_sts::Client::get_caller_identity).then_http_response(|| {
            let mut response = query_error(403, "SignatureDoesNotMatch", "Signature expired");
            response.headers_mut().insert("date", "Sat, 28 Nov 2026 23:10:00 GMT");
            response
        }),
        mock!(aws_sdk_sts::Client::get_caller_identity).then_http_response(move || answer(200, body)),
        mock!(aws_sdk_sts::Client::get_caller_identity).then_http_response(|| query_error(403, "AccessDenied", "no")),
    ];
    let sdk = sdk(&rules.each_ref());
    let at = |text: &str| Some(text.parse().unwrap());
    assert_eq!(sdk.server_time().await.unwrap(), at("2026-11-28T23:00:00Z"));
    assert_eq!(sdk.server_time().await.unwrap(), at("2026-11-28T23:10:00Z"));
    assert_eq!(sdk.server_time().await.unwrap(), None);
    assert_eq!(sdk.server_time().await.unwrap_err().kind, CallErrorKind::Denied);
}

#[tokio::test]
async fn what_runs_is_counted_by_its_cores_and_threads() {
    let body = "<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceType>m7i.large</instanceType>\
        <cpuOptions><coreCount>1</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions></item>\
        <item><instanceId>i-2</instanceId><instanceType>t4g.small</instanceType><instanceLifecycle>spot</instanceLifecycle>\
        </item></instancesSet></item></reservationSet>";
    let rule = mock!(aws_sdk_ec2::Client::describe_instances)
        .match_requests(|request| {
            let [filter] = request.filters() else { return false };
            filter.name() == Some("instance-state-name") && filter.values() == ["pending", "running"]
        })
        .then_http_response(move || ec2_answer("DescribeInstances", body));
    let running = |id: &str, kind: &str, vcpus, spot| RunningInstance {
        id: id.into(),
        instance_type: kind.to_owned(),
        vcpus,
        spot,
    };
    assert_eq!(
        sdk(&[&rule]).running_instances().await.unwrap(),
        [
            running("i-1", "m7i.large", 2, false),
            running("i-2", "t4g.small", 0, true)
        ]
    );
}

#[tokio::test]
async fn who_answers_for_a_zone_is_told_by_its_delegation_set() {
    let rule = mock!(aws_sdk_route53::Client::get_hosted_zone)
        .match_requests(|request| request.id() == Some("Z1"))
        .then_http_response(|| {
            let body = "<GetHostedZoneResponse><HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name>\
                <CallerReference>c</CallerReference></HostedZone><DelegationSet><NameServers>\
                <NameServer>ns-1.awsdns-01.org</NameServer><NameServer>ns-2.awsdns-02.com</NameServer></NameServers>\
                </DelegationSet></GetHostedZoneResponse>";
            answer(200, body)
        });
    let servers = sdk(&[&rule]).zone_name_servers(&"Z1".into()).await.unwrap();
    assert_eq!(servers, ["ns-1.awsdns-01.org", "ns-2.awsdns-02.com"]);
}

/// An answer to a question, with these records, or cut off.
fn reply(question: &[u8], records: &[(&'static str, RData<'static>)], cut: bool) -> Vec<u8> {
    let asked = Packet::parse(question).expect("a question");
    let mut packet = Packet::new_reply(asked.id());
    if cut {
        packet.set_flags(PacketFlag::TRUNCATION);
    }
    packet.questions = asked.questions.clone();
    for (name, data) in records {
        let name = Name::new(name).expect("a name");
        packet
            .answers
            .push(ResourceRecord::new(name, CLASS::IN, 60, data.clone()));
    }
    packet.build_bytes_vec().expect("an answer")
}

fn ns(name: &'static str) -> (&'static str, RData<'static>) {
    ("example.com", RData::NS(NS(Name::new(name).expect("a name"))))
}

#[tokio::test]
async fn the_dns_is_asked_by_udp_and_by_tcp_where_the_answer_is_long() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = tcp.local_addr().unwrap();
    let udp = UdpSocket::bind(at).await.unwrap();
    let served = async {
        let mut question = [0; 512];
        let (length, from) = udp.recv_from(&mut question).await.unwrap();
        udp.send_to(&reply(&question[..length], &[], true), from).await.unwrap();
        let (mut stream, _) = tcp.accept().await.unwrap();
        let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut question).await.unwrap();
        let answer = reply(&question, &[ns("ns-1.awsdns-01.org"), ns("ns-2.awsdns-02.com")], false);
        stream.write_u16(answer.len() as u16).await.unwrap();
        stream.write_all(&answer).await.unwrap();
        let mut question = [0; 512];
        let (length, from) = udp.recv_from(&mut question).await.unwrap();
        let caa = CAA {
            flag: 0,
            tag: "issue".try_into().expect("a tag"),
            value: b"letsencrypt.org".as_slice().into(),
        };
        let answer = reply(&question[..length], &[("example.com", RData::CAA(caa))], false);
        udp.send_to(&answer, from).await.unwrap();
    };
    let resolver = SystemResolver::of_servers(vec![at]);
    let asked = async {
        let servers = resolver.name_servers("example.com").await.unwrap();
        (servers, resolver.caa_records("example.com").await.unwrap())
    };
    let ((), (servers, caa)) = tokio::join!(served, asked);
    assert_eq!(servers, ["ns-1.awsdns-01.org", "ns-2.awsdns-02.com"]);
    assert_eq!(caa, [("issue".to_owned(), "letsencrypt.org".to_owned())]);
}

/// A resolver that nobody listens at is told as such, and the next one is asked.
#[tokio::test]
async fn a_resolver_that_does_not_answer_is_passed_over() {
    let deaf = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let nobody = deaf.local_addr().unwrap();
    drop(deaf);
    let error = SystemResolver::of_servers(vec![nobody])
        .name_servers("example.com")
        .await
        .unwrap_err();
    assert!(error.starts_with(&nobody.to_string()), "{error}");
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = udp.local_addr().unwrap();
    let served = async {
        let mut question = [0; 512];
        let (length, from) = udp.recv_from(&mut question).await.unwrap();
        udp.send_to(&reply(&question[..length], &[ns("ns-1.awsdns-01.org")], false), from)
            .await
            .unwrap();
    };
    let resolver = SystemResolver::of_servers(vec![nobody, at]);
    let ((), servers) = tokio::join!(served, resolver.name_servers("example.com"));
    assert_eq!(servers.unwrap(), ["ns-1.awsdns-01.org"]);
}
