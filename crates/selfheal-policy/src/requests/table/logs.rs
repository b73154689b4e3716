//! The log group that the instance writes to.

calls! {
    "logs:CreateLogStream" [old "log-stream"] by [INSTANCE] => "ships logs";
    "logs:PutLogEvents" [old "log-stream"] by [INSTANCE] => "ships logs";
}
