//! Listening sockets, and what every connection inherits from them.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits;

/// Binds a listening socket; port 0 takes any free one.
///
/// # Errors
/// As the operating system says; an address in use is an error also where its user would share it.
pub fn bind(address: SocketAddr) -> io::Result<StdListener> {
    let socket = socket(address)?;
    socket.bind(&address.into())?;
    socket.listen(limits::LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// A socket as every listener has it; connections inherit its options.
fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Lets a restarted service take its port back while old connections linger; a listening one still excludes others.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_notsent_lowat(limits::UNSENT_OCTETS)?;
    Ok(socket)
}

/// Binds `count` listening sockets to one address; the kernel spreads connections over them.
///
/// # Errors
/// As for [`bind`]: sharing is for this process, so the address is first taken alone.
pub fn bind_shared(address: SocketAddr, count: usize) -> io::Result<Vec<StdListener>> {
    // With port 0 the kernel picks a port that nobody has.
    if address.port() != 0 {
        drop(bind(address)?);
    }
    let mut listeners: Vec<StdListener> = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let address = listeners.first().map_or(Ok(address), StdListener::local_addr)?;
        let socket = socket(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        socket.listen(limits::LISTEN_BACKLOG)?;
        listeners.push(socket.into());
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpStream, thread};

    use socket2::SockRef;

    use super::*;

    #[test]
    fn what_waits_for_a_client_that_does_not_read_is_bounded_on_every_connection() {
        let any = "127.0.0.1:0".parse().unwrap();
        for listener in bind_shared(any, 2).unwrap().into_iter().chain([bind(any).unwrap()]) {
            listener.set_nonblocking(false).unwrap();
            let address = listener.local_addr().unwrap();
            // Of sockets that share an address the kernel picks one: ask until it is this one.
            let accepted = thread::scope(|scope| {
                let accepting = scope.spawn(|| listener.accept().unwrap().0);
                let mut clients = Vec::new();
                while !accepting.is_finished() {
                    clients.extend(TcpStream::connect(address));
                    thread::yield_now();
                }
                accepting.join().unwrap()
            });
            assert_eq!(SockRef::from(&accepted).tcp_notsent_lowat().unwrap(), limits::UNSENT_OCTETS);
        }
    }

    #[test]
    fn an_address_in_use_is_refused() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(bind(address).is_err() && bind_shared(address, 2).is_err());
    }
}
