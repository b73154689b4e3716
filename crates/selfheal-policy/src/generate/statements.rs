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
        LogStreams,
        Publish,
        Bundle,
        AnswerChallenge,
        SeeChange,
        DecryptWithTheKey,
        GrantTheKeyToEbs,
        DecryptParameters,
    }
}

statements! {
    /// A statement of the operator's policies: what reads first, then what makes, then what removes.
    OperatorStatement {
        WhoAmI,
        Look,
        ReadImageNames,
        ReadIdentity,
        ListGrants,
        ReadZone,
        ReadConsole,
        ReadQuotas,
        AskWhatIMayDo,
        Resume,
        AskInstance,
        NoteDrill,
        ReplaceInstance,
        PutSchedule,
        Schedule,
        SuspendSchedule,
        AllowNone,
        SetDesired,
        SessionOnInstance,
        SessionDocument,
        OwnSessions,
        CommandOnInstance,
        CommandDocument,
        TheCommand,
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
        PassSnapshotRole,
        RemoveSnapshotRole,
        MakeLifecyclePolicy,
        TagLifecyclePolicy,
        TheLifecyclePolicy,
        MarkForSnapshots,
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
        RestoreTagged,
        RestoreOwnSnapshot,
        MakeDrillCopy,
        OfOwnSnapshot,
        TheDrillCopy,
        ToOwnInstance,
        RemoveDrillCopy,
        SwitchVolumes,
        DeleteData,
        WriteRecord,
        RemoveFormerRecord,
        TheLogGroup,
        TheTopic,
        Subscribe,
        Unsubscribe,
        Notifications,
        Publish,
        TheBundle,
        ParameterPath,
        TheParameters,
        UseTheKey,
        GrantTheKeyToEbs,
        EncryptParameters,
    }
}
