//! The parameters of the app in Parameter Store.

calls! {
    "ssm:GetParametersByPath" [old "parameter"] by [INSTANCE] => "reads the app's configuration";
    "ssm:GetParameter" [old "parameter"] by [INSTANCE] => "reads one parameter of the app's";
}
