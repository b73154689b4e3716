//! EC2's application status check.

calls! {
    "ec2:DescribeApplicationStatusChecks" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the application status check";
    "ec2:DescribeApplicationStatus" [] by [INSTANCE, STATUS] => "reads what the check finds of the instance";
    "ec2:CreateApplicationStatusCheck" [new "application-status-check"] by [APPLY] => "makes the check";
    "ec2:AssociateApplicationStatusCheck" [old "application-status-check"] by [APPLY] => "lets the check ask the instance";
    "ec2:ModifyApplicationStatusCheck" [old "application-status-check"] by [APPLY] => "changes what the check asks";
    "ec2:DeleteApplicationStatusCheck"
        [old "application-status-check"]
        by [APPLY, DESTROY] => "removes the check";
    "ec2:CreateTags" [new "application-status-check"] by [APPLY] => "tags the check on creation";
}
