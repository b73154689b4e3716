//! The resources that policies speak of: one list, so that whoever adds one says what is granted and which calls are made.

/// Declares the resources in one list, whose order is that of their parts in shared statements.
macro_rules! resources {
    ($($name:ident),* $(,)?) => {
        /// A resource, or a service, that statements speak of and calls are about.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Resource { $($name),* }

        impl Resource {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

resources! {
    Address,
    Volume,
    Image,
    Instance,
    Network,
    LaunchTemplate,
    Group,
    Snapshot,
    Key,
    ApplicationCheck,
    Identity,
    Record,
    Account,
    SessionManager,
    Parameters,
    Logs,
    Bundle,
}
