#!/bin/bash
# The usual script: the same work by the AWS CLI, as it stands in many a blog.
set -e
export PYTHONPATH=/opt/awscli AWS_DEFAULT_REGION=eu-west-1 HOME=/root
aws() { python3 /opt/awscli/bin/aws "$@"; }
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
instance=$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)
state=$(aws ec2 describe-volumes --volume-ids @VOLUME@ --query 'Volumes[0].State' --output text)
if [ "$state" = available ]; then
  aws ec2 attach-volume --volume-id @VOLUME@ --instance-id "$instance" --device /dev/sdf
fi
until [ "$(aws ec2 describe-volumes --volume-ids @VOLUME@ --query 'Volumes[0].Attachments[0].State' --output text)" = attached ]; do
  sleep 1
done
mkdir -p /srv/data
mount /dev/nvme1n1 /srv/data
aws ec2 associate-address --allocation-id @ALLOCATION@ --instance-id "$instance" --allow-reassociation
aws autoscaling complete-lifecycle-action --auto-scaling-group-name @GROUP@ --lifecycle-hook-name selfheal-launch \
  --lifecycle-action-result CONTINUE --instance-id "$instance"
