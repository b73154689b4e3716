//! The account: whose it is, and how many addresses it may hold.

calls! {
    "sts:GetCallerIdentity" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, SLEEP] => "shows and checks the account";
    "ec2:DescribeAccountAttributes" [] by [PLAN, APPLY, STATUS] => "reads the account's quota of addresses";
}
