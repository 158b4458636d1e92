//! What a release is made of: the archive, and the script that installs from it.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use common::project::run;
use common::proof::prove;
use common::{repository, scaffold_ok, stderr, stdout};

/// Serves the files of a folder on loopback until the test ends; gives the address.
fn serve(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let asked = lines.next().unwrap_or_default();
            // All of the request is read, or closing the connection would reset it.
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let name =
                asked.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let (status, body) = match fs::read(folder.join(name)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    format!("http://{address}")
}

/// A release with one archive, in which `program` is what gets installed.
fn release(folder: &Path, program: &str) {
    let inner = folder.join("scaffold");
    fs::write(&inner, program).expect("written");
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).expect("the mode is set");
    let archive = format!("scaffold-linux-{}.tar.gz", std::env::consts::ARCH);
    let command =
        format!("tar -czf {archive} scaffold && rm scaffold && sha256sum {archive} >SHA256SUMS");
    run(folder, None, &["sh", "-c", &command]);
}

/// Runs the installer in an empty home, with more in its environment.
fn install(home: &Path, environment: &[(&str, &str)]) -> Output {
    Command::new("/bin/sh")
        .arg(repository().join("scripts/install.sh"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .envs(environment.iter().copied())
        .output()
        .expect("the shell starts")
}

/// The names of what a folder holds.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect()
}

#[test]
fn the_installer_puts_the_program_where_it_is_said_and_replaces_an_older_one() {
    let (place, home) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a home"));
    release(place.path(), "#!/bin/sh\necho scaffold 1.2.3\n");
    let address = serve(place.path());
    let output = install(home.path(), &[("SCAFFOLD_FROM", &address)]);
    let bin = home.path().join(".local/bin");
    let shown = bin.display();
    assert_eq!(
        stdout(&output),
        format!(
            "scaffold 1.2.3 is in {shown}\n\nhint: put it on the path: export PATH=\"{shown}:$PATH\"\n"
        ),
        "{}",
        stderr(&output)
    );
    let installed = Command::new(bin.join("scaffold")).output().expect("it runs");
    assert_eq!(stdout(&installed), "scaffold 1.2.3\n");

    release(place.path(), "#!/bin/sh\necho scaffold 1.3.0\n");
    let path = format!("/usr/bin:/bin:{shown}");
    let output = install(home.path(), &[("SCAFFOLD_FROM", &address), ("PATH", &path)]);
    assert_eq!(stdout(&output), format!("scaffold 1.3.0 is in {shown}\n"));
    assert_eq!(names(&bin), ["scaffold"]);

    let other = home.path().join("other place");
    let into = other.to_str().expect("UTF-8");
    let output = install(home.path(), &[("SCAFFOLD_FROM", &address), ("SCAFFOLD_BIN", into)]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(names(&other), ["scaffold"]);
}

#[test]
fn the_installer_installs_nothing_that_it_cannot_vouch_for() {
    let program = "#!/bin/sh\necho scaffold 1.2.3\n";
    let archive = format!("scaffold-linux-{}.tar.gz", std::env::consts::ARCH);
    let cases: [(&str, &str); 5] = [
        ("echo >>ARCHIVE", "has the SHA-256 "),
        ("head -c 40 ARCHIVE >a && mv a ARCHIVE", "has the SHA-256 "),
        (
            "sed -i s/scaffold-linux/scaffold-other/ SHA256SUMS",
            "SHA256SUMS of the release does not name",
        ),
        ("rm SHA256SUMS", "/SHA256SUMS cannot be downloaded"),
        ("rm ARCHIVE", "cannot be downloaded"),
    ];
    for (harm, reason) in cases {
        let (place, home) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a home"));
        release(place.path(), program);
        run(place.path(), None, &["sh", "-c", &harm.replace("ARCHIVE", &archive)]);
        let output = install(home.path(), &[("SCAFFOLD_FROM", &serve(place.path()))]);
        assert_eq!(output.status.code(), Some(1), "{harm}");
        assert!(stderr(&output).contains(reason), "{harm}: {}", stderr(&output));
        assert_eq!(names(home.path()), [""; 0], "{harm}");
    }

    // A program that does not run is not put in the place of one that does.
    let (place, home) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a home"));
    release(place.path(), "#!/bin/sh\nexit 127\n");
    let output = install(home.path(), &[("SCAFFOLD_FROM", &serve(place.path()))]);
    assert!(stderr(&output).contains("the program does not run here"), "{}", stderr(&output));
    assert_eq!(names(home.path()), [""; 0]);

    let refused = |environment: &[(&str, &str)], reason: &str| {
        let output = install(home.path(), environment);
        assert_eq!(output.status.code(), Some(1), "{environment:?}");
        assert!(stderr(&output).starts_with(&format!("error: {reason}")), "{}", stderr(&output));
    };
    refused(&[], "this script belongs to no release");
    refused(&[("SCAFFOLD_FROM", "http://example.org")], "http://example.org is not an address");
    let nothing = tempfile::tempdir().expect("a folder");
    for program in ["uname", "mktemp", "rm"] {
        let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(program));
        let found = found.iter().find(|path| path.exists()).expect("it is there");
        std::os::unix::fs::symlink(found, nothing.path().join(program)).expect("linked");
    }
    let path = nothing.path().to_str().expect("UTF-8");
    refused(
        &[("SCAFFOLD_FROM", "http://127.0.0.1:9"), ("PATH", path)],
        "there is neither curl nor wget to download with",
    );
}

/// From what cargo builds to a project, on a system that has nothing but what every Debian has, and
/// wget; and in a folder that has nothing at all.
#[test]
#[ignore = "builds the program, needs root and mmdebstrap; `make servers` runs it"]
fn a_static_program_is_installed_on_a_bare_system_and_renders_the_same() {
    let Some(_proof) =
        prove("release::a_static_program_is_installed_on_a_bare_system_and_renders_the_same")
    else {
        return;
    };
    let (repository, place) = (repository(), tempfile::tempdir().expect("a folder"));
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    // As a release is built, without what takes long and changes nothing but speed and size.
    let build = format!(
        "RUSTFLAGS='-C target-feature=+crt-static' CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo build --quiet --release --locked --target {target} --target-dir target/static"
    );
    run(&repository, None, &["sh", "-c", &build]);
    let program = repository.join(format!("target/static/{target}/release/scaffold"));
    let program = program.to_str().expect("UTF-8");
    let packages = place.path().join("packages");
    let platform = format!("linux-{}", std::env::consts::ARCH);
    let pack =
        ["python3", "scripts/package.py", program, &platform, packages.to_str().expect("UTF-8")];
    run(&repository, None, &pack);
    let archive = packages.join(format!("scaffold-{platform}.tar.gz"));
    let first = fs::read(&archive).expect("it is packed");
    run(&repository, None, &pack);
    assert_eq!(fs::read(&archive).expect("it is packed"), first, "the same bytes again");
    run(&packages, None, &["sh", "-c", "cat *.sha256 >SHA256SUMS"]);

    let root = place.path().join("root");
    let root = root.to_str().expect("UTF-8");
    run(
        place.path(),
        None,
        &["mmdebstrap", "--quiet", "--variant=minbase", "--include=wget", "bookworm", root],
    );
    fs::copy(repository.join("scripts/install.sh"), format!("{root}/install.sh")).expect("copied");
    let new =
        "cd /root && .local/bin/scaffold new x --ml --realtime >/dev/null && cat x/scaffold.lock";
    let inside = format!("HOME=/root SCAFFOLD_FROM={} sh /install.sh && {new}", serve(&packages));
    let output = run(place.path(), None, &["chroot", root, "/bin/sh", "-c", &inside]);
    print!("{}", output.split("schema").next().unwrap_or_default());

    let outside = tempfile::tempdir().expect("a folder");
    scaffold_ok(outside.path(), &["new", "x", "--ml", "--realtime"]);
    let lock = fs::read_to_string(outside.path().join("x/scaffold.lock")).expect("it is rendered");
    let installed =
        fs::read_to_string(format!("{root}/root/x/scaffold.lock")).expect("it is rendered");
    assert_eq!(installed, lock, "every digest is the same");

    let bare = place.path().join("bare");
    fs::create_dir(&bare).expect("a folder");
    fs::copy(program, bare.join("scaffold")).expect("copied");
    let bare = bare.to_str().expect("UTF-8");
    run(place.path(), None, &["chroot", bare, "/scaffold", "new", "x", "--ml", "--realtime"]);
    assert_eq!(fs::read_to_string(format!("{bare}/x/scaffold.lock")).expect("rendered"), lock);
    println!("the archive has {} KiB", first.len() >> 10);
}
