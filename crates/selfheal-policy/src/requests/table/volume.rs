//! The data volume.

calls! {
    "ec2:AttachVolume" [old "volume", old "instance"] by [INSTANCE] => "takes the data volume, which is the lock";
    "ec2:DetachVolume" [old "volume", old "instance"] by [INSTANCE] => "gives the data volume up";
    "ec2:DescribeVolumes" [] by [INSTANCE] => "reads the volume's state, snapshot and tags";
    "ec2:DeleteTags" [old "volume"] by [INSTANCE] => "takes the mark of first use off the formatted volume";
    "ec2:DescribeVolumes" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the volume";
    "ec2:DescribeVolumesModifications" [] by [PLAN, APPLY, STATUS, RESUME] => "sees whether the volume is being changed";
    "ec2:CreateVolume" [new "volume"] by [APPLY] => "makes the volume";
    "ec2:ModifyVolume" [old "volume"] by [APPLY] => "grows the volume";
    "ec2:CreateTags" [old "volume"] by [APPLY] => "marks an adopted volume";
    "ec2:CreateTags" [new "volume"] by [APPLY] => "tags the volume on creation";
    "ec2:DeleteVolume" [old "volume"] by [DESTROY] => "deletes the data, if named";
}
