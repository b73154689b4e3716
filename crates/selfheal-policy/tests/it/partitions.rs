//! What differs from partition to partition: ARNs, and the names by which services go.

use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::{Arn, Document, OperatorScope, Partition, Purpose, operator_policy, trust_policy};

fn apply(region: &str) -> Document {
    let scope = OperatorScope::new(Partition::of_region(region), region, "123456789012", "web");
    operator_policy(&scope, Purpose::Apply).unwrap()
}

fn passes(region: &str, service: &str) -> bool {
    let partition = Partition::of_region(region);
    let arn: Arn = format!("arn:{partition}:iam::123456789012:role/selfheal/selfheal-web-{region}")
        .parse()
        .unwrap();
    let request = Request::new("iam:PassRole")
        .on(ResourceRequest::new(arn))
        .with("iam:PassedToService", service);
    evaluate(Policies::identity(&[&apply(region)]), &request).is_allowed()
}

/// China's EC2 goes by either name, and which one a request tells is AWS's matter.
#[test]
fn the_role_is_passed_to_ec2_by_whatever_name_it_goes() {
    for (region, services) in [
        ("eu-west-1", ["ec2.amazonaws.com"].as_slice()),
        ("us-gov-west-1", &["ec2.amazonaws.com"]),
        ("cn-north-1", &["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]),
        ("eusc-de-east-1", &["ec2.amazonaws.com", "ec2.amazonaws.eu"]),
        ("us-iso-east-1", &["ec2.amazonaws.com", "ec2.c2s.ic.gov"]),
    ] {
        for service in services {
            assert!(passes(region, service), "{region} {service}");
        }
        assert!(!passes(region, "lambda.amazonaws.com"), "{region}");
    }
    assert!(!passes("eu-west-1", "ec2.amazonaws.com.cn"));
}

/// IAM refuses a trust policy that names a service by a name which it does not know.
#[test]
fn ec2_is_trusted_by_a_name_that_the_partition_knows() {
    for (region, service) in [
        ("eu-west-1", "ec2.amazonaws.com"),
        ("cn-northwest-1", "ec2.amazonaws.com.cn"),
        ("eusc-de-east-1", "ec2.amazonaws.com"),
        ("us-isob-east-1", "ec2.amazonaws.com"),
    ] {
        let trust = trust_policy(Partition::of_region(region)).to_json();
        assert!(trust.contains(&format!(r#"{{"Service":"{service}"}}"#)), "{trust}");
    }
}

#[test]
fn every_arn_is_of_the_partition() {
    for partition in Partition::ALL {
        let region = match partition.as_str() {
            "aws" => "eu-west-1",
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            "aws-eusc" => "eusc-de-east-1",
            "aws-iso" => "us-iso-east-1",
            "aws-iso-b" => "us-isob-east-1",
            "aws-iso-e" => "eu-isoe-west-1",
            "aws-iso-f" => "us-isof-east-1",
            other => panic!("a Region of {other} is missing here"),
        };
        assert_eq!(Partition::of_region(region), *partition);
        let json = apply(region).to_json();
        let others: Vec<&str> = json
            .match_indices("\"arn:")
            .map(|(at, _)| json[at + 5..].split(':').next().unwrap_or_default())
            .filter(|named| *named != partition.as_str())
            .collect();
        assert_eq!(others, [""; 0], "{partition}");
    }
}
