//! Session Manager.

calls! {
    "ssm:UpdateInstanceInformation" [old "instance"] by [INSTANCE] => "registers with Session Manager";
    "ssmmessages:CreateControlChannel" [] by [INSTANCE] => "opens Session Manager's channels";
    "ssmmessages:CreateDataChannel" [] by [INSTANCE] => "opens Session Manager's channels";
    "ssmmessages:OpenControlChannel" [] by [INSTANCE] => "opens Session Manager's channels";
    "ssmmessages:OpenDataChannel" [] by [INSTANCE] => "opens Session Manager's channels";
}
