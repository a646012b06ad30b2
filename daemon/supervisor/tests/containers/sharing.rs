//! What the containers of a sandbox share, and what they share with the host.

use std::fs;

use runtime::spec::*;

use crate::world::*;

#[test]
fn shared_memory_is_shared() {
    in_world(async |mut world| {
        let sandbox = SandboxSpec { shm_bytes: 1 << 20, ..world.sandbox() };
        let mut connection = world.start(&sandbox).await;
        succeed(&mut connection, &world.shell("echo hello >/dev/shm/file")).await;
        let seen =
            succeed(&mut connection, &world.shell("cat /dev/shm/file; df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2"))
                .await;
        assert_eq!(seen, "hello\n1024\n");
    });
}

#[test]
fn shared_processes_have_a_pid_1_that_is_nobody() {
    in_world(async |mut world| {
        let sandbox = SandboxSpec { pid: PidMode::Sandbox, ..world.sandbox() };
        let mut connection = world.start(&sandbox).await;
        let first = ContainerSpec { name: "first".to_string(), ..world.shell("exec sleep 4711") };
        started(&mut connection, &first).await;
        // An orphan is adopted by pid 1 and reaped there.
        let script =
            "ps -o pid,comm,args | grep -q 4711 && echo sees the other; cat /proc/1/comm; grep Uid /proc/1/status | cut -f2;
            ls /proc/1/root/ 2>&1 | grep -c work; kill -9 1; sh -c 'sleep 0.01 & exit 0'; sleep 0.1; ps -o stat | grep -c Z";
        let (_, seen) = run(&mut connection, &world.shell(script)).await;
        assert_eq!(seen, "sees the other\npause\n65535\n0\n0\n");
        connection.signal(&id(&first), 9).await.expect("signalled");
        assert_eq!(exit_of(&mut connection, &first).await.code, 137);
        connection.shutdown().await.expect("ended");
    });
}

#[test]
fn the_hosts_processes_network_and_names_can_be_shared() {
    in_world(async |mut world| {
        let sandbox =
            SandboxSpec { pid: PidMode::Host, network: NetworkMode::Host, ipc: IpcMode::Host, hostname: None, ..world.sandbox() };
        let mut connection = world.start(&sandbox).await;
        let seen =
            succeed(&mut connection, &world.shell("hostname; for ns in net ipc uts pid; do readlink /proc/self/ns/$ns; done"))
                .await;
        let hostname = fs::read_to_string("/proc/sys/kernel/hostname").expect("name");
        let mut wanted = hostname;
        for kind in ["net", "ipc", "uts", "pid"] {
            wanted += fs::read_link(format!("/proc/self/ns/{kind}")).expect("host").to_str().expect("text");
            wanted += "\n";
        }
        assert_eq!(seen, wanted);
    });
}
