//! The bundle: what does not fit into user data, in parameters of Parameter Store.

calls! {
    "ssm:GetParametersByPath" [old "parameter"] by [INSTANCE, PLAN, APPLY, STATUS, DESTROY] => "reads the bundle";
    "ssm:PutParameter" [old "parameter"] by [APPLY] => "writes a part of the bundle";
    "ssm:DeleteParameters" [old "parameter"] by [DESTROY] => "removes the bundle";
}
