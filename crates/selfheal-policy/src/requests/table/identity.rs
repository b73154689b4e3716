//! The role and its instance profile.

calls! {
    "iam:GetRole" [old "role"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the role";
    "iam:GetRolePolicy" [old "role"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the role's policy";
    "iam:GetInstanceProfile" [old "instance-profile"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the profile";
    "iam:CreateRole" [old "role"] by [APPLY] => "makes the role";
    "iam:TagRole" [old "role"] by [APPLY] => "tags the role on creation";
    "iam:UpdateAssumeRolePolicy" [old "role"] by [APPLY] => "corrects who may take the role";
    "iam:PutRolePermissionsBoundary" [old "role"] by [APPLY] => "bounds a role that exists";
    "iam:DeleteRolePermissionsBoundary" [old "role"] by [APPLY] => "takes off a boundary that the spec has ceased to name";
    "iam:PutRolePolicy" [old "role"] by [APPLY] => "writes the role's policy";
    "iam:CreateInstanceProfile" [old "instance-profile"] by [APPLY] => "makes the profile";
    "iam:TagInstanceProfile" [old "instance-profile"] by [APPLY] => "tags the profile on creation";
    "iam:AddRoleToInstanceProfile" [old "instance-profile"] by [APPLY] => "puts the role into the profile";
    "iam:PassRole" [old "role"] by [APPLY] => "hands the role to EC2";
    "iam:CreateServiceLinkedRole" [old "role"] by [APPLY] => "makes Auto Scaling's own role in a new account";
    "iam:RemoveRoleFromInstanceProfile" [old "instance-profile"] by [DESTROY] => "empties the profile";
    "iam:DeleteInstanceProfile" [old "instance-profile"] by [DESTROY] => "removes the profile";
    "iam:ListRolePolicies" [old "role"] by [DESTROY] => "sees whether somebody else uses the role";
    "iam:ListAttachedRolePolicies" [old "role"] by [DESTROY] => "sees whether somebody else uses the role";
    "iam:DeleteRolePolicy" [old "role"] by [APPLY, DESTROY] => "removes the role's policies, or the app's alone";
    "iam:DeleteRole" [old "role"] by [DESTROY] => "removes the role";
}
