//! The image, and the parameter that names it.

calls! {
    "ssm:GetParameter" [old "parameter"] by [PLAN, APPLY, STATUS, RESUME] => "resolves the image's name";
    "ec2:DescribeImages" [] by [PLAN, APPLY, STATUS, RESUME] => "checks the image";
}
