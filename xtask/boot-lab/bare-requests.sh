#!/bin/bash
# The requests that a boot cannot do without, made by curl one after the other, with nothing around them.
imds=http://169.254.169.254/latest
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token)
answer=$(curl -sf -H "X-aws-ec2-metadata-token: $token" $imds/meta-data/instance-id \
  $imds/meta-data/iam/security-credentials/@ROLE@)
instance=${answer%%\{*}
field() { [[ $answer =~ \"$1\":\ *\"([^\"]*)\" ]] && value=${BASH_REMATCH[1]}; }
field AccessKeyId && key=$value
field SecretAccessKey && secret=$value
field Token && session=$value
call() {
  curl -sf --aws-sigv4 aws:amz:eu-west-1:"$1" -K - -d "$2" "$AWS_ENDPOINT_URL/" <<END
user = "$key:$secret"
header = "X-Amz-Security-Token: $session"
END
}
call ec2 "Action=AttachVolume&Version=2016-11-15&VolumeId=@VOLUME@&InstanceId=$instance&Device=/dev/sdf" >/dev/null
call ec2 "Action=AssociateAddress&Version=2016-11-15&AllocationId=@ALLOCATION@&InstanceId=$instance&AllowReassociation=true" >/dev/null
call autoscaling "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=@GROUP@&LifecycleHookName=selfheal-launch&LifecycleActionResult=CONTINUE&InstanceId=$instance" >/dev/null
