//! The instance and its type.

calls! {
    "ec2:DescribeInstanceTypes" [] by [PLAN, APPLY] => "checks the instance type";
    "ec2:DescribeInstanceTypeOfferings" [] by [PLAN, APPLY] => "finds a zone that offers the type";
    "ec2:DescribeInstances" [] by [STATUS, DESTROY] => "reads the instance";
}
