//! A real sshd on the node: the console over `ssh -t` in a bare environment, from afar (`--node ssh://`), and as a forced command.

use end_to_end::ssh::{SshClient, why_no_ssh};
use end_to_end::{Console, World, eventually, is_skipped};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PORT: u16 = 2200;

/// A world with an sshd of its own, and a client that it lets in.
struct Bench {
    world: World,
    client: SshClient,
    sshd: Child,
}

impl Bench {
    /// `line` stands before the key `guest` in `authorized_keys`; `root` may everything.
    fn new(line: &str) -> Self {
        let world = World::new(&[]);
        let client = SshClient::new(PORT, &["root", "guest", "host"]);
        let keys = format!("{}\n{line} {}\n", client.public("root"), client.public("guest"));
        std::fs::write(client.path("authorized_keys"), keys).expect("keys are written");
        client.know(&format!("[127.0.0.1]:{PORT} {}", client.public("host")));
        let programs = world.skiff_path().parent().expect("a folder").display().to_string();
        let configuration = format!(
            "Port {PORT}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n\
             PermitRootLogin yes\nPasswordAuthentication no\nSetEnv PATH={programs}:/usr/bin:/bin SKIFF_NODE={} XDG_STATE_HOME={} XDG_CONFIG_HOME={}\n",
            client.key("host").display(),
            client.path("authorized_keys").display(),
            world.socket(),
            world.folder().join("state").display(),
            world.folder().join("config").display(),
        );
        std::fs::write(client.path("sshd_config"), configuration).expect("the configuration is written");
        // It wants a folder in /run, which is the machine's, and a user that its package makes; here it gets both of its own.
        let users = client.path("passwd").display().to_string();
        let script = format!(
            "mount -t tmpfs tmpfs /run && mkdir /run/sshd && {{ grep -q ^sshd: /etc/passwd || {{ \
             {{ cat /etc/passwd; echo sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin; }} >{users} && mount --bind {users} /etc/passwd; }}; }} && exec /usr/sbin/sshd -D -e -f {} 2>{}",
            client.path("sshd_config").display(),
            client.path("sshd.log").display()
        );
        let mut command = world.inside("unshare");
        let sshd = command.args(["--mount", "sh", "-c", &script]).stdin(Stdio::null()).spawn().expect("sshd runs");
        world.start_web();
        let bench = Self { world, client, sshd };
        eventually("sshd answers", || match bench.ssh("root", &["true"]) {
            (0, ..) => Ok(()),
            other => Err(format!("{other:?}\n{}", std::fs::read_to_string(bench.client.path("sshd.log")).unwrap_or_default())),
        });
        bench
    }

    fn ssh(&self, key: &str, words: &[&str]) -> (i32, String, String) {
        let mut command = self.client.command(&self.world, key, &[]);
        let output = command.args(words).stdin(Stdio::null()).output().expect("ssh runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// `ssh -tt` in a terminal, from an environment with nothing but this TERM.
    fn terminal(&self, key: &str, term: &str, command: &str, columns: u16) -> Console {
        let ssh = self.client.command(&self.world, key, &[]);
        let mut words = vec![ssh.get_program().to_string_lossy().into_owned()];
        words.extend(ssh.get_args().map(|word| word.to_string_lossy().into_owned()));
        let host = words.pop().expect("a host");
        let line = format!(
            "env -i PATH=/usr/bin:/bin TERM={term} {} -tt {host} {command}; echo the end $((6*7)); exec cat",
            words.join(" ")
        );
        Console::of(&self.world, columns, 30, &line)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let ended = self.sshd.kill().and_then(|()| self.sshd.wait());
        assert!(ended.is_ok() || std::thread::panicking(), "sshd cannot be ended");
        let _ = self.world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]);
    }
}

fn skipped(test: &str) -> bool {
    if let Some(why) = why_no_ssh() {
        eprintln!("skipped: {test}: {why}");
        return true;
    }
    if !Path::new("/usr/sbin/sshd").is_file() {
        eprintln!("skipped: {test}: there is no sshd: scripts/apt-install test");
        return true;
    }
    is_skipped(test)
}

#[test]
fn the_console_opens_over_ssh_without_a_locale_and_in_any_usual_terminal() {
    if skipped("the_console_opens_over_ssh_without_a_locale_and_in_any_usual_terminal") {
        return;
    }
    let bench = Bench::new("");
    for (columns, term) in [(100, "xterm"), (101, "screen"), (102, "tmux"), (103, "linux"), (104, "vt220"), (105, "unheard-of")] {
        let console = bench.terminal("root", term, "skiff", columns);
        console.wait_until(term, |screen| screen.contains("live") && screen.contains("web"));
        console.type_text(":nodes");
        console.press(&["Enter"]);
        let screen = console.wait_for("node1");
        assert!(!screen.contains('\u{fffd}') && !screen.contains("^["), "{term}:\n{screen}");
        console.resize(columns, 20);
        console.wait_until("it follows its window", |screen| screen.lines().nth(19).is_some_and(|line| line.contains("help")));
        console.type_text(":q!");
        console.press(&["Enter"]);
        console.wait_for("the end 42");
    }
    let console = bench.terminal("root", "dumb", "skiff", 99);
    let screen = console.wait_for("the end 42");
    assert!(screen.contains("cannot draw on a terminal of type \"dumb\""), "{screen}");
}

#[test]
fn a_console_at_home_reaches_the_daemon_through_ssh_and_dials_again() {
    if skipped("a_console_at_home_reaches_the_daemon_through_ssh_and_dials_again") {
        return;
    }
    let bench = Bench::new("");
    let path = format!("{}:/usr/bin:/bin", bench.client.in_path("root").display());
    let address = format!("ssh://root@127.0.0.1:{PORT}");
    let skiff = |words: &[&str]| {
        let mut command = bench.world.inside(bench.world.skiff_path());
        let output =
            command.args(["--node", &address]).args(words).env("PATH", &path).stdin(Stdio::null()).output().expect("skiff runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(skiff(&["get", "pods", "-o", "name"]), (Some(0), "pod/web\n".to_owned(), String::new()));
    assert_eq!(
        skiff(&["exec", "web", "--", "sh", "-c", "echo one; exit 3"]),
        (Some(3), "one\n".to_owned(), "command terminated with exit code 3\n".to_owned())
    );
    let inside = bench.world.inside(bench.world.skiff_path());
    let words: Vec<String> = inside.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let line = format!("PATH={path} nsenter {} --node {address}; echo the end $((6*7)); exec cat", words.join(" "));
    let console = Console::of(&bench.world, 100, 30, &line);
    console.wait_until("it is there", |screen| screen.contains("live") && screen.contains("web"));
    // The line drops: the console keeps what it has, and dials again.
    let dialled = || {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let words = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let is_ours = String::from_utf8_lossy(&environment).contains(&bench.world.socket());
            if is_ours && words.contains("dial-stdio") && !words.contains("ssh\0") {
                found.extend(entry.file_name().to_string_lossy().parse::<u32>());
            }
        }
        found
    };
    let first = dialled();
    assert!(!first.is_empty(), "skiff dial-stdio runs beside the daemon");
    for pid in &first {
        assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill runs").success());
    }
    eventually("it dials again", || {
        let now = dialled();
        if now.iter().any(|pid| !first.contains(pid)) { Ok(()) } else { Err(format!("{first:?} and now {now:?}")) }
    });
    let _ = bench.world.skiff(&["label", "pod", "web", "seen=again"]).ok();
    console.wait_until("it is live again", |screen| screen.contains("live") && screen.contains("web"));
    console.type_text(":q!");
    console.press(&["Enter"]);
    console.wait_for("the end 42");
    eventually(
        "nothing is left beside the daemon",
        || if dialled().is_empty() { Ok(()) } else { Err(format!("{:?}", dialled())) },
    );
}

#[test]
fn a_forced_command_opens_a_console_that_looks_and_nothing_else() {
    if skipped("a_forced_command_opens_a_console_that_looks_and_nothing_else") {
        return;
    }
    let bench = Bench::new("restrict,pty,command=\"skiff --captive --readonly\"");
    let host = "root@127.0.0.1";
    for words in [vec![host, "get", "pods"], vec![host, "sh"], vec!["-tt", host, "id"], vec![host, "skiff", "dial-stdio"]] {
        let mut command = bench.world.inside("ssh");
        let output = command.args(bench.client.words("guest")).args(&words).stdin(Stdio::null()).output().expect("ssh runs");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success() && said.contains("opens the console and runs nothing else"), "{words:?}: {said}");
        assert!(!said.contains("web") && !said.contains("uid="), "{said}");
    }
    let console = bench.terminal("guest", "xterm-256color", "", 100);
    console.wait_until("it is there", |screen| screen.contains("live") && screen.contains("web"));
    console.press(&["x", "d"]);
    console.wait_for("read-only");
    console.type_text(":open /etc/passwd");
    console.press(&["Enter"]);
    console.wait_for("may not use files");
    console.press(&["C-z"]);
    console.type_text(":nodes");
    console.press(&["Enter"]);
    console.wait_for("node1");
    console.type_text(":q!");
    console.press(&["Enter"]);
    console.wait_for("the end 42");
    assert_eq!(bench.world.get("pod", "web").expect("it is there")["metadata"]["name"], "web");
    let kept = std::fs::read_dir(bench.world.folder().join("state/skiff")).into_iter().flatten().count();
    assert_eq!(kept, 0, "it keeps nothing on the node");
}
