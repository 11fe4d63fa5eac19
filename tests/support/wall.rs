//! A wall between a node and its server: what passes through it can be held, in both directions or in one, or broken off.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
};

/// What becomes of what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It passes.
    Open,
    /// It is held, and neither side learns of it: a partition.
    Shut,
    /// Questions pass, answers are held.
    Deaf,
    /// Connections end, and there are no new ones.
    Broken,
}

/// The wall; its threads end with the test's process.
#[derive(Clone)]
pub(crate) struct Wall(Arc<Inside>);

struct Inside {
    gate: Mutex<Gate>,
    turned: Condvar,
    open: Mutex<Vec<UnixStream>>,
}

impl Wall {
    /// Listens in a directory for who asks the server at `socket`.
    pub(crate) fn before(socket: PathBuf, directory: &Path) -> Self {
        let listener = UnixListener::bind(directory.join(socket.file_name().unwrap())).unwrap();
        let (gate, turned, open) = (Mutex::new(Gate::Open), Condvar::new(), Mutex::default());
        let wall = Self(Arc::new(Inside { gate, turned, open }));
        let within = wall.clone();
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                let within = within.clone();
                let socket = socket.clone();
                thread::spawn(move || within.join(client, &socket));
            }
        });
        wall
    }

    pub(crate) fn turn(&self, gate: Gate) {
        *self.0.gate.lock().unwrap() = gate;
        self.0.turned.notify_all();
        if gate == Gate::Broken {
            for stream in self.0.open.lock().unwrap().drain(..) {
                let _gone = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Waits while what goes there is held; whether it may pass.
    fn passes(&self, is_answer: bool) -> bool {
        let held = |gate: &mut Gate| *gate == Gate::Shut || *gate == Gate::Deaf && is_answer;
        let gate = self.0.turned.wait_while(self.0.gate.lock().unwrap(), held).unwrap();
        *gate != Gate::Broken
    }

    fn join(self, client: UnixStream, socket: &Path) {
        if !self.passes(false) {
            return;
        }
        // Nobody may listen there at the moment.
        let Ok(server) = UnixStream::connect(socket) else { return };
        let clones = [client.try_clone().unwrap(), server.try_clone().unwrap()];
        self.0.open.lock().unwrap().extend(clones);
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let wall = self.clone();
        thread::spawn(move || wall.carry((from, to), false));
        self.carry((server, client), true);
    }

    fn carry(&self, (mut from, mut to): (UnixStream, UnixStream), is_answer: bool) {
        let mut octets = vec![0; 65536];
        loop {
            let read = from.read(&mut octets);
            // The end of one side is held too.
            let passes = self.passes(is_answer);
            match read {
                Ok(count @ 1..) if passes && to.write_all(&octets[..count]).is_ok() => {}
                _ => break,
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
