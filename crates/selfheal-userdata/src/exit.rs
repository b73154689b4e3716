//! Exit statuses of a boot.

/// Exit status of `selfheal-boot.service`: one meaning each, kept stable.
///
/// The status 0 is a boot that went well. systemd does not repeat a boot that ended with one of these statuses, but for
/// [`Metadata`](Self::Metadata), which may pass; it does after any other end, such as a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BootExit {
    /// No call can be signed: curl is missing or cannot sign, and there is no Python.
    Preflight = 10,
    /// The metadata service gave no identity or no credentials within its budget.
    Metadata = 11,
    /// The volume could not be attached: refused, or held elsewhere for the whole budget.
    Attach = 12,
    /// The attached volume did not show up as an NVMe device.
    Device = 13,
    /// The volume holds something else than the wanted filesystem, and is not proven new.
    Volume = 14,
    /// The filesystem could not be mounted, or something else is mounted there.
    Mount = 15,
    /// The setup script failed or ran out of time.
    Setup = 16,
    /// The app was not healthy within its start-up budget.
    Health = 17,
    /// The address could not be associated, or did not stay.
    Address = 18,
    /// The launch hook could not be completed.
    Hook = 19,
    /// The boot program itself ended where no step ends it.
    Internal = 20,
    /// The group has given this instance up (its target state is `Terminated`): it takes nothing.
    Ended = 21,
    /// A command that the boot needs is not installed.
    Tools = 22,
    /// The program came with an image that was made from another instance, and does nothing here.
    Foreign = 23,
    /// The bundle that the user data names could not be read, or is damaged.
    Bundle = 24,
    /// A file of the user's could not be written, or its owner does not exist.
    Files = 25,
    /// The app's configuration could not be read, or is not what it must be.
    Config = 26,
    /// A unit of the user's does not exist, is masked, or is none that systemd can load.
    Units = 27,
    /// nginx could not be installed, or does not start.
    Nginx = 28,
    /// The script that prepares the instance failed or ran out of time.
    Prepare = 29,
}

impl BootExit {
    /// Every status, in ascending order.
    pub const ALL: [Self; 20] = [
        Self::Preflight,
        Self::Metadata,
        Self::Attach,
        Self::Device,
        Self::Volume,
        Self::Mount,
        Self::Setup,
        Self::Health,
        Self::Address,
        Self::Hook,
        Self::Internal,
        Self::Ended,
        Self::Tools,
        Self::Foreign,
        Self::Bundle,
        Self::Files,
        Self::Config,
        Self::Units,
        Self::Nginx,
        Self::Prepare,
    ];

    /// Returns the exit status.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns whether the failure is reported to the group. Where there is nothing to report with, the hook runs into
    /// its time-out, and the console says why.
    #[must_use]
    pub const fn reported(self) -> bool {
        !matches!(self, Self::Preflight | Self::Metadata | Self::Ended | Self::Foreign)
    }

    /// Returns whether trying again on the same instance may help.
    #[must_use]
    pub const fn repeated(self) -> bool {
        matches!(self, Self::Metadata)
    }

    /// Returns the name that the boot program's source uses.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Preflight => "exit_preflight",
            Self::Metadata => "exit_metadata",
            Self::Attach => "exit_attach",
            Self::Device => "exit_device",
            Self::Volume => "exit_volume",
            Self::Mount => "exit_mount",
            Self::Setup => "exit_setup",
            Self::Health => "exit_health",
            Self::Address => "exit_address",
            Self::Hook => "exit_hook",
            Self::Internal => "exit_internal",
            Self::Ended => "exit_ended",
            Self::Tools => "exit_tools",
            Self::Foreign => "exit_foreign",
            Self::Bundle => "exit_bundle",
            Self::Files => "exit_files",
            Self::Config => "exit_config",
            Self::Units => "exit_units",
            Self::Nginx => "exit_nginx",
            Self::Prepare => "exit_prepare",
        }
    }
}
