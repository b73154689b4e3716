//! The log group, and the streams that the instance writes to it.

calls! {
    "logs:DescribeLogGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the log group";
    "logs:ListTagsForResource" [old "log-group"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads whose it is";
    "logs:CreateLogGroup" [new "log-group"] by [APPLY] => "makes the log group";
    "logs:TagResource" [new "log-group"] by [APPLY] => "tags it on creation";
    "logs:PutRetentionPolicy" [old "log-group"] by [APPLY] => "sets for how long logs are kept";
    "logs:DeleteLogGroup" [old "log-group"] by [DESTROY] => "removes the log group";
    "logs:CreateLogStream" [old "log-stream"] by [INSTANCE] => "ships logs";
    "logs:PutLogEvents" [old "log-stream"] by [INSTANCE] => "ships logs";
}
