//! A table of the lists' columns: which there are, how much room they may give up, and which go first when there is none.

use objects::Kind;

/// One column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// The column of [`objects::printing`] it shows, where it is one of those.
    pub source: &'static str,
    /// How few columns of the terminal it may be cut to.
    pub least: u16,
    /// When it is shown without being asked for.
    pub shown: Shown,
    /// Which are left out first where there is no room; 0 never is.
    pub leave: u8,
    /// On which side its cells and its heading stand.
    pub side: Side,
}

/// When a column is shown without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Wherever there is room for it.
    Always,
    /// In windows of at least so many columns.
    From(u16),
    /// Never.
    Asked,
}

/// A side of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where texts begin.
    Left,
    /// Where numbers end, so that their sizes can be compared at a glance.
    Right,
}

impl Column {
    const fn right(mut self) -> Self {
        self.side = Side::Right;
        self
    }

    const fn from(mut self, columns: u16) -> Self {
        self.shown = Shown::From(columns);
        self
    }

    /// Whether it is shown in a window of that width without being asked for.
    pub const fn is_usual(&self, width: u16) -> bool {
        match self.shown {
            Shown::Always => true,
            Shown::From(least) => width >= least,
            Shown::Asked => false,
        }
    }

    /// Whether it tells what is used now, which has to be asked for again and again.
    pub fn is_usage(&self) -> bool {
        USAGE.contains(&self.title)
    }
}

const fn column(title: &'static str, source: &'static str, least: u16, leave: u8) -> Column {
    Column { title, source, least, leave, shown: Shown::Always, side: Side::Left }
}

/// A column that is shown where one asks for it.
const fn wide(title: &'static str, source: &'static str, least: u16, leave: u8) -> Column {
    Column { title, source, least, leave, shown: Shown::Asked, side: Side::Left }
}

/// The columns of what is used now: cores and memory, and their share of the requests (`/R`), of the limits (`/L`), or of what a node
/// has for pods. The names are those of k9s.
const USAGE: [&str; 8] = ["CPU", "MEM", "%CPU/R", "%MEM/R", "%CPU/L", "%MEM/L", "%CPU", "%MEM"];
/// From this width on lists of pods show what is used.
const WIDE: u16 = 150;
/// From this width on those of containers and nodes do.
const HALF_WIDE: u16 = 110;

/// Columns that most kinds have.
const NAMESPACE: Column = column("NAMESPACE", "Namespace", 9, 0);
const NAME: Column = column("NAME", "Name", 16, 0);
const AGE: Column = column("AGE", "Age", 4, 0);
const LABELS: Column = wide("LABELS", "", 8, 9);

/// Pods.
pub const PODS: &[Column] = &[
    NAMESPACE,
    NAME,
    column("READY", "Ready", 5, 1),
    column("STATUS", "Status", 10, 0),
    column("RESTARTS", "Restarts", 8, 2),
    AGE,
    column("CPU", "", 6, 6).right().from(WIDE),
    column("%CPU/R", "", 6, 6).right().from(WIDE),
    column("MEM", "", 6, 6).right().from(WIDE),
    column("%MEM/R", "", 6, 6).right().from(WIDE),
    wide("%CPU/L", "", 6, 7).right(),
    wide("%MEM/L", "", 6, 7).right(),
    column("IP", "IP", 9, 3),
    column("NODE", "Node", 6, 4),
    column("OWNER", "", 8, 5),
    wide("CPU/R", "", 5, 6).right(),
    wide("MEM/R", "", 6, 6).right(),
    wide("QOS", "", 8, 8),
    wide("IMAGES", "", 10, 7),
    wide("ACCOUNT", "", 8, 9),
    wide("GATES", "Readiness Gates", 5, 10),
    LABELS,
];

/// Nodes.
pub const NODES: &[Column] = &[
    column("NAME", "Name", 12, 0),
    column("STATUS", "Status", 8, 0),
    column("PODS", "", 7, 1),
    column("CPU/R", "", 5, 2),
    column("MEM/R", "", 7, 2),
    column("%CPU", "", 5, 3).right().from(HALF_WIDE),
    column("%MEM", "", 5, 3).right().from(HALF_WIDE),
    wide("CPU", "", 6, 4).right(),
    wide("MEM", "", 6, 4).right(),
    column("PRESSURE", "", 8, 2),
    column("MEMBER", "", 7, 1),
    column("SINCE", "", 5, 3),
    column("RTT", "", 6, 3).right(),
    AGE,
    column("VERSION", "Version", 7, 4),
    column("INTERNAL-IP", "Internal-IP", 11, 3),
    column("ROLES", "Roles", 6, 6),
    column("OS-IMAGE", "OS-Image", 12, 5),
    column("KERNEL", "Kernel-Version", 10, 7),
    column("RUNTIME", "Container-Runtime", 9, 8),
    wide("TAINTS", "", 8, 7),
    wide("POD-CIDR", "", 9, 7),
    LABELS,
];

/// Events.
pub const EVENTS: &[Column] = &[
    column("NAMESPACE", "Namespace", 9, 4),
    column("LAST SEEN", "Last Seen", 9, 0),
    column("TYPE", "Type", 7, 5),
    column("REASON", "Reason", 8, 0),
    column("OBJECT", "Object", 12, 0),
    column("COUNT", "Count", 5, 3).right(),
    column("MESSAGE", "Message", 32, 0),
    wide("FIRST SEEN", "", 9, 4),
    wide("SOURCE", "Source", 8, 5),
    wide("SUBOBJECT", "Subobject", 8, 5),
];

/// The containers of one pod.
pub const CONTAINERS: &[Column] = &[
    column("NAME", "", 8, 0),
    column("READY", "", 5, 1),
    column("STATE", "", 10, 0),
    column("RESTARTS", "", 8, 0),
    column("AGE", "", 4, 0),
    column("IMAGE", "", 12, 0),
    column("PORTS", "", 6, 3),
    column("CPU", "", 6, 2).right().from(HALF_WIDE),
    column("%CPU/L", "", 6, 5).right().from(HALF_WIDE),
    column("MEM", "", 6, 2).right().from(HALF_WIDE),
    column("%MEM/L", "", 6, 5).right().from(HALF_WIDE),
    column("CPU/RL", "", 7, 4),
    column("MEM/RL", "", 8, 4),
];

/// Images.
pub const IMAGES: &[Column] = &[
    column("NODE", "", 6, 0),
    column("IMAGE", "", 20, 0),
    column("DIGEST", "", 12, 2),
    column("SIZE", "", 6, 0).right(),
    column("AGE", "", 4, 1),
    column("IN USE", "", 6, 0),
];

/// Volumes.
pub const VOLUMES: &[Column] = &[
    column("NAMESPACE", "", 9, 3),
    column("POD", "", 12, 0),
    column("NAME", "", 8, 0),
    column("KIND", "", 8, 0),
    column("FROM", "", 8, 1),
    column("MOUNTED", "", 12, 0),
];

/// Port-forwards.
pub const FORWARDS: &[Column] = &[
    column("LOCAL", "", 14, 0),
    column("NAMESPACE", "", 9, 6),
    column("TARGET", "", 12, 0),
    column("POD", "", 12, 1),
    column("PORT", "", 5, 0),
    column("STATUS", "", 9, 0),
    column("OPEN", "", 4, 2).right(),
    column("TOTAL", "", 5, 4).right(),
    column("FAILED", "", 6, 3).right(),
    column("UP", "", 6, 2).right(),
    column("DOWN", "", 6, 2).right(),
    column("AGE", "", 4, 5),
    column("ERROR", "", 16, 1),
];

/// Programs in panes.
pub const SHELLS: &[Column] = &[
    column("NAMESPACE", "", 9, 3),
    column("NAME", "", 12, 0),
    column("CONTAINER", "", 9, 1),
    column("PROGRAM", "", 7, 0),
    column("STATUS", "", 9, 0),
    column("UNREAD", "", 6, 0),
    column("TITLE", "", 12, 2),
    column("AGE", "", 4, 0),
];

/// Namespaces.
pub const NAMESPACES: &[Column] = &[NAME, column("STATUS", "Status", 8, 0), column("PODS", "", 4, 1).right(), AGE, LABELS];

/// Config maps.
pub const CONFIG_MAPS: &[Column] = &[NAMESPACE, NAME, column("DATA", "Data", 4, 0).right(), AGE, LABELS];

/// Secrets. How many values there are, and none of them.
pub const SECRETS: &[Column] =
    &[NAMESPACE, NAME, column("TYPE", "Type", 8, 1), column("DATA", "Data", 4, 0).right(), AGE, LABELS];

/// Service accounts.
pub const SERVICE_ACCOUNTS: &[Column] = &[NAMESPACE, NAME, column("SECRETS", "Secrets", 7, 1).right(), AGE, LABELS];

/// Services.
pub const SERVICES: &[Column] = &[
    NAMESPACE,
    column("NAME", "Name", 12, 0),
    column("TYPE", "Type", 9, 1),
    column("CLUSTER-IP", "Cluster-IP", 10, 2),
    column("EXTERNAL-IP", "External-IP", 8, 4),
    column("PORT(S)", "Port(s)", 8, 0),
    AGE,
    column("SELECTOR", "Selector", 8, 3),
    LABELS,
];

/// Priority classes.
pub const PRIORITY_CLASSES: &[Column] = &[
    column("NAME", "Name", 23, 0),
    column("VALUE", "Value", 10, 0).right(),
    column("GLOBAL-DEFAULT", "Global-Default", 6, 2),
    AGE,
    column("PREEMPTIONPOLICY", "PreemptionPolicy", 10, 1),
    LABELS,
];

/// Leases.
pub const LEASES: &[Column] = &[NAMESPACE, NAME, column("HOLDER", "Holder", 10, 0), AGE, LABELS];

/// ReplicaSets.
pub const REPLICA_SETS: &[Column] = &[
    NAMESPACE,
    NAME,
    column("DESIRED", "Desired", 7, 0),
    column("CURRENT", "Current", 7, 1),
    column("READY", "Ready", 5, 0),
    AGE,
    column("CONTAINERS", "Containers", 10, 4),
    column("IMAGES", "Images", 10, 3),
    column("SELECTOR", "Selector", 8, 5),
    LABELS,
];

/// Deployments.
pub const DEPLOYMENTS: &[Column] = &[
    NAMESPACE,
    NAME,
    column("READY", "Ready", 5, 0),
    column("UP-TO-DATE", "Up-to-date", 10, 1),
    column("AVAILABLE", "Available", 9, 1),
    AGE,
    column("CONTAINERS", "Containers", 10, 4),
    column("IMAGES", "Images", 10, 3),
    column("SELECTOR", "Selector", 8, 5),
    LABELS,
];

/// The columns of a kind's list.
pub const fn of(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Pod => PODS,
        Kind::Node => NODES,
        Kind::Event => EVENTS,
        Kind::Namespace => NAMESPACES,
        Kind::ConfigMap => CONFIG_MAPS,
        Kind::Secret => SECRETS,
        Kind::ServiceAccount => SERVICE_ACCOUNTS,
        Kind::PriorityClass => PRIORITY_CLASSES,
        Kind::Lease => LEASES,
        Kind::Service => SERVICES,
        Kind::ReplicaSet => REPLICA_SETS,
        Kind::Deployment => DEPLOYMENTS,
    }
}

/// Where a column stands.
pub fn position(columns: &[Column], title: &str) -> Option<usize> {
    columns.iter().position(|column| column.title.eq_ignore_ascii_case(title))
}
