//! The DNS record, and the one of a former name.

calls! {
    "route53:ListHostedZonesByName" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the zone";
    "route53:ListResourceRecordSets" [old "hostedzone"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the record";
    "route53:GetHostedZone"
        [old "hostedzone"]
        by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the zone that the spec names by its id";
    "ec2:CreateTags" [old "elastic-ip"] by [APPLY] => "notes the record on the address";
    "route53:ChangeResourceRecordSets" [old "hostedzone"] by [APPLY, DESTROY] => "writes or deletes the one record";
    "route53:ChangeResourceRecordSets" [old "hostedzone"] by [APPLY, DESTROY] => "deletes the record of a former name";
}
