//! The last snapshot of the data volume.

calls! {
    "ec2:DescribeSnapshots" [] by [STATUS, DESTROY] => "finds the last snapshot, and waits for it";
    "ec2:CreateSnapshot" [new "snapshot", old "volume"] by [DESTROY] => "keeps the data before its deletion";
    "ec2:CreateTags" [new "snapshot"] by [DESTROY] => "tags the snapshot on creation";
}
