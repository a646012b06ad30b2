//! A table of every command that is typed after `:`; completion, the palette and the documentation come from it.

/// One command.
#[derive(Debug, Clone, Copy)]
pub struct CommandLine {
    /// Its names; the first one is shown.
    pub words: &'static [&'static str],
    /// What may follow, for the palette: `[NS]`, `FILE`.
    pub takes: &'static str,
    /// A sentence for the palette.
    pub help: &'static str,
}

const fn line(words: &'static [&'static str], takes: &'static str, help: &'static str) -> CommandLine {
    CommandLine { words, takes, help }
}

/// All of them.
pub const COMMANDS: &[CommandLine] = &[
    line(&["pods", "po", "pod"], "[NS,…|all] [/FILTER]", "the list of pods"),
    line(&["nodes", "no", "node"], "[/FILTER]", "the list of nodes"),
    line(&["events", "ev", "event"], "[NS,…|all] [/FILTER]", "the list of events"),
    line(
        &["ns", "namespace", "namespaces"],
        "[NAME|all]",
        "the namespace that lists show; without a name the list of namespaces",
    ),
    line(&["configmaps", "cm", "configmap"], "[NS,…|all] [/FILTER]", "the list of config maps"),
    line(&["secrets", "sec", "secret"], "[NS,…|all] [/FILTER]", "the list of secrets, whose values are hidden until asked for"),
    line(&["services", "svc", "service"], "[NS,…|all] [/FILTER]", "the list of services"),
    line(&["deployments", "deploy", "deployment"], "[NS,…|all] [/FILTER]", "the list of deployments"),
    line(&["replicasets", "rs", "replicaset"], "[NS,…|all] [/FILTER]", "the list of replica sets"),
    line(&["serviceaccounts", "sa", "serviceaccount"], "[NS,…|all] [/FILTER]", "the list of service accounts"),
    line(&["priorityclasses", "pc", "priorityclass"], "[/FILTER]", "the list of priority classes"),
    line(&["leases", "lease"], "[NS,…|all] [/FILTER]", "the list of leases"),
    line(&["containers"], "NS/POD", "the containers of a pod"),
    line(&["on"], "NODE", "the pods of a node"),
    line(
        &["logs", "log"],
        "[NS/]POD… [CONTAINER|all], -l SELECTOR",
        "the log of a container; of all containers and of several pods merged by time",
    ),
    line(&["images", "image"], "", "the images of all nodes"),
    line(&["pull"], "IMAGE [NODE]", "pull an image"),
    line(&["volumes", "volume"], "", "the volumes of all pods"),
    line(
        &["forward", "port-forward"],
        "[[KIND/][NS/]NAME [LOCAL:]PORT…]",
        "forward ports of a pod, or of deploy/, rs/, svc/NAME, to this machine",
    ),
    line(&["forwards", "pf"], "", "the port-forwards of this console"),
    line(&["shell"], "", "a shell in the container or on the node stood on, in a pane"),
    line(&["shell!"], "", "the same with the whole terminal; the console steps aside until it ends"),
    line(&["attach"], "", "the input and output of the container stood on, in a pane"),
    line(&["attach!"], "", "the same with the whole terminal"),
    line(&["shells"], "", "the programs in panes of this console"),
    line(&["cp", "copy"], "[FROM TO|stop]", "copy files, one side as [NS/]POD:PATH; without words asks"),
    line(&["scale"], "COUNT", "say how many pods the deployment or replica set stood on is to have, or the marked ones"),
    line(&["restart"], "", "make the pods of the deployment stood on anew"),
    line(
        &["set-image"],
        "[[CONTAINER=]IMAGE…]",
        "give containers of the pod or deployment stood on another image; without words asks",
    ),
    line(&["rollback"], "[REVISION]", "go back to an older revision of the deployment stood on; without a number asks which"),
    line(&["pause"], "", "let changes of the deployment's template wait"),
    line(&["resume"], "", "roll out the changes that waited"),
    line(&["owner"], "", "the object that controls the one stood on"),
    line(&["used-by"], "", "the pods that use the object stood on"),
    line(&["drain"], "", "make the node stood on empty"),
    line(&["columns"], "", "choose the columns of the list"),
    line(&["column"], "NAME|default", "turn a column on or off"),
    line(&["undo"], "", "take the last action back"),
    line(&["at"], "-5m|12:03|now", "the cluster as it was then, as far back as the daemon keeps it"),
    line(&["changes"], "[5m]", "what changed, field by field"),
    line(&["since"], "[5m|2h|1d]", "begin the log so long ago; without a time at its end"),
    line(&["fields"], "[NAME,…]", "show only these fields of log lines that are JSON"),
    line(&["describe"], "[KIND [NS/]NAME]", "describe an object; without words the one stood on"),
    line(&["yaml"], "[KIND [NS/]NAME]", "an object as YAML; without words the one stood on"),
    line(&["edit"], "[KIND [NS/]NAME]", "edit an object; without words the one stood on"),
    line(&["why"], "[KIND [NS/]NAME]", "why the object is not ready, and where to look next"),
    line(&["timeline"], "[[NS/]POD]", "a pod's life on one time axis"),
    line(&["probes"], "[[NS/]POD]", "what a pod's probes came to"),
    line(&["map", "cluster"], "", "the members, who sees whom, the sides of a split"),
    line(&["pulses", "pulse"], "", "how the whole stands"),
    line(&["tree", "xray"], "[NS|all]", "owners, pods and containers"),
    line(&["new"], "[NAME]", "write the manifest of a new pod"),
    line(&["open", "o"], "FILE", "open a manifest"),
    line(&["w", "apply"], "[FILE]", "apply the manifest in the editor; with FILE save the text"),
    line(&["w!"], "", "apply it over an object that changed meanwhile"),
    line(&["theme"], "[NAME|FILE]", "change the theme; without a name choose one"),
    line(&["bookmarks", "marks"], "", "choose a bookmark"),
    line(&["bookmark"], "LETTER [COMMAND]", "remember a command, or this screen, under a letter"),
    line(&["unbookmark"], "LETTER", "forget a bookmark"),
    line(&["help", "h"], "", "show the keys"),
    line(&["q", "quit", "qa"], "", "leave the editor or the console"),
    line(&["q!", "qa!"], "", "leave, and throw away what was not applied"),
];
