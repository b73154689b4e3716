//! The customer's key that encrypts the data volume.

calls! {
    "kms:Decrypt" [old "key"] by [INSTANCE, APPLY] => "uses the volume's key, through EBS";
    "kms:CreateGrant" [old "key"] by [INSTANCE, APPLY] => "lets EBS use the volume's key";
    "kms:DescribeKey" [old "key"] by [APPLY] => "makes the encrypted volume, through EBS";
    "kms:GenerateDataKeyWithoutPlaintext" [old "key"] by [APPLY] => "makes the encrypted volume, through EBS";
    "ec2:GetEbsDefaultKmsKeyId" [] by [PLAN, APPLY] => "finds the key by which a new volume is encrypted";
}
