//! The listening sockets of a process, and where they are.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
};

use super::{failure::Failure, roles::Roles};
use crate::{
    config::{sections::Listen, value::Opening},
    http::server,
};

/// The listening sockets, bound before anything is opened: an address in use is told first, and with port 0 the
/// addresses inside certificates can be known before the certificates are made.
pub struct Listeners {
    /// Empty without the role.
    pub(super) status: Vec<TcpListener>,
    pub(super) registration: Option<TcpListener>,
    /// None where the configuration has none, and without the role.
    pub(super) holders: Option<TcpListener>,
    pub(super) operator: TcpListener,
}

/// The addresses that are listened on.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// OCSP, lists, CA certificates.
    pub status: SocketAddr,
    /// The registration interface.
    pub registration: SocketAddr,
    /// The holders' pages, if they are open.
    pub holders: Option<SocketAddr>,
    /// Health and metrics.
    pub operator: SocketAddr,
}

impl Listeners {
    /// Binds the addresses of a configuration.
    ///
    /// # Errors
    /// [`Failure`] naming the address that cannot be bound.
    pub fn bind(listen: &Listen) -> Result<Self, Failure> {
        Self::bind_for(listen, Roles::ALL)
    }

    /// Binds those that a process with these roles has.
    ///
    /// # Errors
    /// As for [`Self::bind`].
    pub fn bind_for(listen: &Listen, roles: Roles) -> Result<Self, Failure> {
        let failed = |address: SocketAddr| move |error: std::io::Error| Failure::fault(format!("{address}: {error}"));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            status: match roles.status {
                true => server::bind_shared(listen.status, cores).map_err(failed(listen.status))?,
                false => Vec::new(),
            },
            registration: match roles.registration {
                true => Some(server::bind(listen.registration).map_err(failed(listen.registration))?),
                false => None,
            },
            holders: match (listen.holders, roles.registration) {
                (Opening::At(address), true) => Some(server::bind(address).map_err(failed(address))?),
                _ => None,
            },
            operator: server::bind(listen.operator).map_err(failed(listen.operator))?,
        })
    }

    /// The sockets of a status node: of the status listener, and the operator's.
    pub(super) fn of_status_node(self) -> (Vec<TcpListener>, TcpListener) {
        (self.status, self.operator)
    }

    /// The addresses of those there are: status, registration, holders, operator.
    #[must_use]
    pub fn told(&self) -> [Option<SocketAddr>; 4] {
        let [status, registration, holders] = [self.status.first(), self.registration.as_ref(), self.holders.as_ref()];
        [status, registration, holders, Some(&self.operator)].map(|socket| socket?.local_addr().ok())
    }

    /// The addresses of all, with the ports that were chosen for 0.
    ///
    /// # Errors
    /// [`Failure`] as the operating system says; also where one of those that every whole service has is not there.
    pub fn addresses(&self) -> Result<Addresses, Failure> {
        let address = |listener: &TcpListener| listener.local_addr().map_err(Failure::fault);
        let status = self.status.first().ok_or_else(|| Failure::fault("no status listener"))?;
        Ok(Addresses {
            status: address(status)?,
            registration: address(
                self.registration.as_ref().ok_or_else(|| Failure::fault("no registration listener"))?,
            )?,
            holders: self.holders.as_ref().map(address).transpose()?,
            operator: address(&self.operator)?,
        })
    }
}
