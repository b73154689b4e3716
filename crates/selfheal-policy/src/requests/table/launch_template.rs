//! The launch template, and what a group launches from it.

calls! {
    "ec2:DescribeLaunchTemplateVersions" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the launch template";
    "ec2:CreateLaunchTemplate" [new "launch-template"] by [APPLY] => "makes the launch template";
    "ec2:CreateLaunchTemplateVersion" [old "launch-template"] by [APPLY] => "changes what is launched";
    "ec2:CreateTags" [new "launch-template"] by [APPLY] => "tags the launch template on creation";
    // The check that Auto Scaling makes in the operator's name covers all that the template tags.
    "ec2:CreateTags" [new "instance", new "volume", new "network-interface"] by [APPLY] => "tags what a launch creates";
    "ec2:RunInstances"
        [
            old "image", new "instance", old "launch-template", new "network-interface", old "security-group",
            old "subnet", new "volume"
        ]
        by [APPLY] => "is checked when a group takes a launch template";
    "ec2:DeleteLaunchTemplate" [old "launch-template"] by [DESTROY] => "removes the launch template";
}
