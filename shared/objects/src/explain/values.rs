//! The fields whose values are a fixed set: the schema that the types come with does not tell them.

const PROFILES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];
const EFFECTS: &[&str] = &["NoExecute", "NoSchedule", "PreferNoSchedule"];
const HONOR: &[&str] = &["Honor", "Ignore"];
const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: &[&str] = &["FallbackToLogsOnError", "File"];

/// Signals a container may be stopped with, the real-time ones apart.
const SIGNALS: &[&str] = &[
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGIOT",
    "SIGKILL",
    "SIGPIPE",
    "SIGPOLL",
    "SIGPROF",
    "SIGPWR",
    "SIGQUIT",
    "SIGRTMAX",
    "SIGRTMIN",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
];

/// The values of a type's field, sorted; none where any text will do.
pub(super) fn of(owner: &str, field: &str) -> &'static [&'static str] {
    match (owner.rsplit('.').next().unwrap_or(owner), field) {
        ("Container" | "EphemeralContainer", "imagePullPolicy") | ("ImageVolumeSource", "pullPolicy") => PULL_POLICIES,
        ("Container" | "EphemeralContainer", "terminationMessagePolicy") => MESSAGE_POLICIES,
        ("ContainerPort", "protocol") => &["SCTP", "TCP", "UDP"],
        ("ContainerRestartRule", "action") => &["Restart"],
        ("ContainerRestartRuleOnExitCodes", "operator") => &["In", "NotIn"],
        ("Event", "type") => &["Normal", "Warning"],
        ("HTTPGetAction", "scheme") => &["HTTP", "HTTPS"],
        ("HostPathVolumeSource", "type") => {
            &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"]
        }
        ("Lifecycle", "stopSignal") => SIGNALS,
        ("NodeSelectorRequirement", "operator") => &["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"],
        ("NodeStatus", "phase") => &["Pending", "Running", "Terminated"],
        ("PersistentVolumeClaimSpec", "volumeMode") => &["Block", "Filesystem"],
        ("PodSecurityContext", "fsGroupChangePolicy") => &["Always", "OnRootMismatch"],
        ("PodSecurityContext", "supplementalGroupsPolicy") => &["Merge", "Strict"],
        ("PodSpec", "dnsPolicy") => &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        ("PodSpec", "preemptionPolicy") => &["Never", "PreemptLowerPriority"],
        ("PodSpec", "restartPolicy") => &["Always", "Never", "OnFailure"],
        ("PodStatus", "phase") => &["Failed", "Pending", "Running", "Succeeded", "Unknown"],
        ("PodStatus", "qosClass") => &["BestEffort", "Burstable", "Guaranteed"],
        ("SeccompProfile" | "AppArmorProfile", "type") => PROFILES,
        ("SecurityContext", "procMount") => &["Default", "Unmasked"],
        ("Taint" | "Toleration", "effect") => EFFECTS,
        ("Toleration", "operator") => &["Equal", "Exists", "Gt", "Lt"],
        ("TopologySpreadConstraint", "nodeAffinityPolicy" | "nodeTaintsPolicy") => HONOR,
        ("TopologySpreadConstraint", "whenUnsatisfiable") => &["DoNotSchedule", "ScheduleAnyway"],
        ("VolumeMount", "mountPropagation") => &["Bidirectional", "HostToContainer", "None"],
        _ => &[],
    }
}
