//! The Auto Scaling group, its hooks and its tags.

calls! {
    "autoscaling:CompleteLifecycleAction"
        [old "autoScalingGroup"]
        by [INSTANCE] => "lets the group go on, or give the instance up";
    "autoscaling:RecordLifecycleActionHeartbeat"
        [old "autoScalingGroup"]
        by [INSTANCE] => "asks the group for patience";
    "autoscaling:SetInstanceHealth" [old "autoScalingGroup"] by [INSTANCE] => "reports the app's failure";
    "autoscaling:SuspendProcesses"
        [old "autoScalingGroup"]
        by [INSTANCE] => "parks the stack after too many failed boots";
    "autoscaling:CreateOrUpdateTags"
        [old "autoScalingGroup"]
        by [INSTANCE] => "counts failed boots in the group's tags";
    "autoscaling:DescribeTags" [] by [INSTANCE] => "reads the count of failed boots";
    "autoscaling:DescribeAutoScalingGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, SLEEP]
        => "finds the group";
    "autoscaling:DescribeLifecycleHooks" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the hooks";
    "autoscaling:DescribeScalingActivities" [] by [STATUS] => "reads the last replacements";
    "autoscaling:DescribeScheduledActions" [] by [PLAN, APPLY, STATUS, SLEEP] => "reads the schedule";
    "autoscaling:CreateAutoScalingGroup" [old "autoScalingGroup"] by [APPLY] => "makes the group";
    "autoscaling:UpdateAutoScalingGroup" [old "autoScalingGroup"] by [APPLY] => "changes the group";
    "autoscaling:PutLifecycleHook" [old "autoScalingGroup"] by [APPLY] => "makes or changes a hook";
    "autoscaling:CreateOrUpdateTags" [old "autoScalingGroup"] by [APPLY] => "tags the group on creation";
    "autoscaling:DeleteTags" [old "autoScalingGroup"] by [RESUME] => "lifts the marks of a parked stack";
    "autoscaling:ResumeProcesses" [old "autoScalingGroup"] by [RESUME] => "lifts the suspension of a parked stack";
    "autoscaling:PutScheduledUpdateGroupAction"
        [old "autoScalingGroup"]
        by [APPLY, SLEEP] => "makes or changes a scheduled action, or puts it off";
    "autoscaling:DeleteScheduledAction"
        [old "autoScalingGroup"]
        by [APPLY, SLEEP] => "removes a scheduled action";
    "autoscaling:SetDesiredCapacity"
        [old "autoScalingGroup"]
        by [APPLY, SLEEP] => "puts the stack to sleep, or wakes it";
    "autoscaling:SuspendProcesses" [old "autoScalingGroup"] by [SLEEP] => "keeps the schedule from waking the stack";
    "autoscaling:ResumeProcesses" [old "autoScalingGroup"] by [SLEEP] => "lets the schedule act again";
    "autoscaling:UpdateAutoScalingGroup" [old "autoScalingGroup"] by [SLEEP] => "lets the group have no instance";
    "autoscaling:DeleteAutoScalingGroup" [old "autoScalingGroup"] by [DESTROY] => "removes the group";
}
