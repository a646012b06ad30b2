//! The book's pods that read standard input (chapter 5) and that look at their node (chapter 7), which are not ours, with the real programs:
//! they are used as its text says.

use end_to_end::{Console, Registry, World, cases, eventually, images, is_skipped};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::thread::spawn;

/// A node whose registry has the program: the manifests have it pulled each time.
struct Book {
    /// It ends before the world that it is in.
    _registry: Registry,
    world: World,
    manifests: PathBuf,
}

impl Book {
    fn open(test: &str, archive: &str, image: &str) -> Option<Self> {
        if is_skipped(test) {
            return None;
        }
        let (cases, images) = (cases(test)?, images(test)?);
        let mut world = World::new(&[]);
        let registry = Registry::start(&world);
        registry.push_oci(&world, &images.join(archive), image);
        world.kill_daemon("-TERM");
        world.add_flags(&["--registry-mirror", &format!("docker.io=http://{}", registry.address)]);
        world.start_daemon();
        Some(Self { world, _registry: registry, manifests: cases.join("book") })
    }

    /// A node with the program that reads standard input.
    fn of_stdin(test: &str) -> Option<Self> {
        Self::open(test, "luksa_kubia_1.0-stdin.oci.tar", "luksa/kubia:1.0-stdin")
    }

    fn apply(&self, manifest: &str) {
        let _ = self.world.skiff(&["apply", "-f", &self.manifests.join(manifest).to_string_lossy()]).ok();
    }

    /// Makes a pod; its address once it listens.
    fn start(&self, pod: &str) -> String {
        self.apply(&format!("Chapter05/{pod}.yaml"));
        let url = format!("http://{}:8080/", self.world.wait_ready(pod));
        eventually("the program listens", || if self.greets(&url).is_empty() { Err(String::new()) } else { Ok(()) });
        url
    }

    /// What the program says to who comes.
    fn greets(&self, url: &str) -> String {
        let ran = self.world.inside("curl").args(["-sS", "--max-time", "5", url]).output().expect("curl runs");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    fn attach(&self, pod: &str) -> Child {
        let mut command = self.world.skiff_command(&["attach", "-i", pod]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("skiff runs")
    }

    fn pod(&self, name: &str) -> Value {
        self.world.get("pod", name).expect("the pod")
    }

    fn end(self) {
        let _ = self.world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
        self.world.wait_clean();
    }
}

/// Types a line, and waits for the program's answer to it.
fn set_greeting(attached: &mut Child, heard: &mut impl Iterator<Item = std::io::Result<String>>, greeting: &str) {
    let input = attached.stdin.as_mut().expect("its input is a pipe");
    input.write_all(format!("{greeting}\n").as_bytes()).expect("it is written");
    let wanted = format!("Greeting set to: {greeting}");
    assert!(heard.any(|line| line.expect("text") == wanted), "{wanted}");
}

fn lines(attached: &mut Child) -> impl Iterator<Item = std::io::Result<String>> + use<> {
    BufReader::new(attached.stdout.take().expect("its output is a pipe")).lines()
}

#[test]
fn chapter_5_the_greeting_is_changed_over_standard_input_by_one_session_after_the_other() {
    let test = "chapter_5_the_greeting_is_changed_over_standard_input_by_one_session_after_the_other";
    let Some(book) = Book::of_stdin(test) else { return };
    let url = book.start("kubia-stdin");
    assert!(book.greets(&url).starts_with("Hey there, this is kubia-stdin. Your IP is "), "{}", book.greets(&url));
    for greeting in ["Howdy", "Good day"] {
        let mut attached = book.attach("kubia-stdin");
        let mut heard = lines(&mut attached);
        set_greeting(&mut attached, &mut heard, greeting);
        assert!(book.greets(&url).starts_with(&format!("{greeting}, this is kubia-stdin. ")), "{}", book.greets(&url));
        attached.kill().and_then(|()| attached.wait()).expect("it is killed");
    }
    assert_eq!(book.pod("kubia-stdin")["status"]["containerStatuses"][0]["restartCount"], 0);

    // With a terminal, and typed at one.
    let url = book.start("kubia-stdin-tty");
    let console = Console::run(&book.world, 100, 30, "attach -it kubia-stdin-tty");
    console.wait_for("Listening on port 8080");
    console.type_text("Howdy\n");
    console.wait_for("Greeting set to: Howdy");
    assert!(book.greets(&url).starts_with("Howdy, this is kubia-stdin-tty. "), "{}", book.greets(&url));
    console.press(&["C-p"]);
    console.press(&["C-q"]);
    eventually("attach has left", || if console.is_over() { Ok(()) } else { Err(console.screen()) });
    assert_eq!(book.pod("kubia-stdin-tty")["status"]["containerStatuses"][0]["restartCount"], 0);
    book.end();
}

#[test]
fn chapter_5_an_input_for_one_session_ends_with_it() {
    let Some(book) = Book::of_stdin("chapter_5_an_input_for_one_session_ends_with_it") else { return };
    let url = book.start("kubia-stdin-once");
    let mut attached = book.attach("kubia-stdin-once");
    let mut heard = lines(&mut attached);
    set_greeting(&mut attached, &mut heard, "Howdy");
    attached.kill().and_then(|()| attached.wait()).expect("it is killed");
    assert!(book.greets(&url).starts_with("Howdy, this is kubia-stdin-once. "), "{}", book.greets(&url));

    // The program lives on without its input: what the next session writes is read by nobody, and it hears like any other.
    let mut attached = book.attach("kubia-stdin-once");
    attached.stdin.as_mut().expect("its input is a pipe").write_all(b"Never\n").expect("it is written");
    let (told, heard) = channel();
    let lines = lines(&mut attached);
    // It ends with the session, which the test would otherwise wait for if nothing ever came.
    let listening = spawn(move || lines.map_while(Result::ok).try_for_each(|line| told.send(line)));
    eventually("the second session hears who comes", || {
        let _ = book.greets(&url);
        let said: Vec<String> = heard.try_iter().collect();
        if said.iter().any(|line| line.starts_with("Received request")) { Ok(()) } else { Err(said.join("\n")) }
    });
    attached.kill().and_then(|()| attached.wait()).expect("it is killed");
    drop(heard);
    let _ = listening.join().expect("the thread ends");
    assert!(book.greets(&url).starts_with("Howdy, "), "{}", book.greets(&url));
    assert_eq!(book.pod("kubia-stdin-once")["status"]["containerStatuses"][0]["restartCount"], 0);
    book.end();
}

#[test]
fn chapter_7_a_pod_explores_the_files_of_its_node() {
    let test = "chapter_7_a_pod_explores_the_files_of_its_node";
    let Some(book) = Book::open(test, "alpine_latest.oci.tar", "library/alpine") else { return };
    let (folder, name) = (tempfile::tempdir().expect("a folder"), "node-explorer");
    std::fs::write(folder.path().join("note"), "of the node").expect("a file");
    let at_host = format!("/host{}", folder.path().display());
    for manifest in ["Chapter07/node-explorer.yaml", "Chapter07/node-explorer-directory.yaml"] {
        book.apply(manifest);
        let _ = book.world.wait_ready(name);
        let script = format!("cd /host && ls -d etc proc usr && cat {at_host}/note && echo changed > {at_host}/written");
        assert_eq!(book.world.skiff(&["exec", name, "--", "sh", "-c", &script]).ok(), "etc\nproc\nusr\nof the node");
        let written = std::fs::read_to_string(folder.path().join("written"));
        assert_eq!(written.expect("the pod wrote it"), "changed\n", "{manifest}");
        std::fs::remove_file(folder.path().join("written")).expect("removed");
        let _ = book.world.skiff(&["delete", "pod", name, "--grace-period=1"]).ok();
    }
    book.end();
}
