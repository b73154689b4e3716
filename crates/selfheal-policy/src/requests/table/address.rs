//! The Elastic IP.

calls! {
    // Policies in use name the instance where the call passes its id, and the interface where it passes that; both are
    // evaluated here.
    "ec2:AssociateAddress"
        [old "elastic-ip", old "instance", old "network-interface"]
        by [INSTANCE] => "takes the address";
    "ec2:DisassociateAddress"
        [old "elastic-ip", old "network-interface"]
        by [INSTANCE, DESTROY] => "gives the address up";
    "ec2:DescribeAddresses" [] by [INSTANCE] => "reads the association back";
    "ec2:DescribeAddresses" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the address";
    "ec2:AllocateAddress" [new "elastic-ip"] by [APPLY] => "makes the address";
    "ec2:CreateTags" [new "elastic-ip"] by [APPLY] => "tags the address on creation";
    "ec2:CreateTags" [old "elastic-ip"] by [APPLY] => "marks an adopted address";
    "ec2:ReleaseAddress" [old "elastic-ip"] by [DESTROY] => "releases the address, if named";
}
