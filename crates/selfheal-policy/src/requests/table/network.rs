//! The security group, and the subnet and VPC that it is made in.

calls! {
    "ec2:DescribeRouteTables" [] by [PLAN, APPLY] => "sees whether the subnet leads to the internet";
    "ec2:DescribeSecurityGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the security group";
    "ec2:DescribeSubnets" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the subnet of the volume's zone";
    "ec2:CreateSecurityGroup" [new "security-group", old "vpc"] by [APPLY] => "makes the security group";
    "ec2:AuthorizeSecurityGroupIngress" [old "security-group"] by [APPLY] => "opens a port";
    "ec2:RevokeSecurityGroupIngress" [old "security-group"] by [APPLY] => "closes a port";
    "ec2:CreateTags" [new "security-group"] by [APPLY] => "tags the security group on creation";
    "ec2:DeleteSecurityGroup" [old "security-group"] by [DESTROY] => "removes the security group";
}
