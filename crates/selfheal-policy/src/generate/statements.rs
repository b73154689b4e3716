//! The statements of the generated policies: their identifiers, in the order in which they are printed.

/// Declares the statements of one kind of policy; the order is that in the document.
macro_rules! statements {
    ($(#[$doc:meta])* $list:ident { $($name:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $list { $($name),* }

        impl $list {
            /// Returns the `Sid`.
            pub(crate) const fn sid(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

statements! {
    /// A statement of the policy of the instance's role.
    InstanceStatement {
        TheAddress,
        AddressToOwnInstances,
        AddressToOwnInterfaces,
        TheVolume,
        VolumeIsUsed,
        OnlyItself,
        TheGroup,
        CountBoots,
        Look,
        SessionControl,
        SessionChannels,
        SessionRegistration,
        ParameterPath,
        ParametersBelow,
        LogStreams,
        Bundle,
        DecryptWithTheKey,
        GrantTheKeyToEbs,
    }
}

statements! {
    /// A statement of the operator's policies: what reads first, then what makes, then what removes.
    OperatorStatement {
        WhoAmI,
        Look,
        ReadImageNames,
        ReadIdentity,
        ReadZone,
        Resume,
        PutSchedule,
        Schedule,
        SuspendSchedule,
        AllowNone,
        Create,
        CreateInVpc,
        Change,
        ChangeCheck,
        TagOnCreate,
        AdoptAddress,
        AdoptVolume,
        RememberRecord,
        Launch,
        LaunchByOwnTemplate,
        CreateGroup,
        ChangeGroup,
        TheGroup,
        CreateWithBoundary,
        ChangeWithinBoundary,
        CreateIdentity,
        ChangeIdentity,
        PassRole,
        AutoScalingRole,
        Remove,
        RemoveGroup,
        RemoveIdentity,
        FreeAddress,
        FreeInterfaces,
        ReleaseAddress,
        SnapshotTagged,
        SnapshotOwnVolume,
        TagSnapshot,
        DeleteData,
        WriteRecord,
        RemoveFormerRecord,
        TheLogGroup,
        TheBundle,
        UseTheKey,
        GrantTheKeyToEbs,
    }
}
