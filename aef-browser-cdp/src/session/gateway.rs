//! The way out of a context: every connection of its pages, frames and workers, whoever asks for it and however.
//!
//! Requests that the browser stops for us are not all there are: it tells of no WebSocket, of no request of a service
//! worker and of no connection that is opened ahead. So a context has a SOCKS proxy (RFC 1928) of its own in this process.
//! It gets names instead of addresses, looks them up itself, and connects to the very address that it has judged; a name
//! that means another address the second time leads nowhere else. What the host has allowed by address needs no judgement
//! and does not come by here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::Context;
use super::policy::{Policy, Rule, Verdict, is_private};

/// Connections of one context at a time; those beyond wait for one that ends.
const CONNECTION_LIMIT: usize = 512;

/// How long the browser may take to say where it wants to go.
const GREETING_LIMIT: Duration = Duration::from_secs(10);

/// How long a host may take to be found and reached.
const REACH_LIMIT: Duration = Duration::from_secs(30);

/// How long an address is tried alone before the next one is tried beside it.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

const VERSION: u8 = 5;
const SUCCEEDED: u8 = 0;
const FORBIDDEN: u8 = 2;
const UNREACHABLE: u8 = 4;
const REFUSED: u8 = 5;
const UNSUPPORTED: u8 = 7;

/// The proxy of one context. It ends with the value, and every connection with it.
#[derive(Debug)]
pub(super) struct Gateway {
    address: SocketAddr,
    /// The context that is told of what is refused, once it is there.
    context: Arc<OnceLock<Weak<Context>>>,
    task: JoinHandle<()>,
}

impl Gateway {
    /// Begins to listen on a loopback port.
    pub(super) async fn open(policy: Arc<Policy>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let context = Arc::new(OnceLock::new());
        let task = tokio::spawn(listen(listener, policy, Arc::clone(&context)));
        Ok(Self { address, context, task })
    }

    /// The address as the browser takes it.
    pub(super) fn url(&self) -> String {
        format!("socks5://{}", self.address)
    }

    pub(super) fn tell(&self, context: &Arc<Context>) {
        let _ = self.context.set(Arc::downgrade(context));
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, policy: Arc<Policy>, context: Arc<OnceLock<Weak<Context>>>) {
    // Dropped with the task, which ends them all.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTION_LIMIT {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let (policy, context) = (Arc::clone(&policy), Arc::clone(&context));
                connections.spawn(async move {
                    if let Err(error) = carry(stream, &policy, &context).await {
                        tracing::trace!(%error, "a connection of a page ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of a page was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Carries one connection from its greeting to its end.
async fn carry(
    mut stream: TcpStream,
    policy: &Policy,
    context: &OnceLock<Weak<Context>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let greeting = tokio::time::timeout(GREETING_LIMIT, greet(&mut stream)).await;
    let Some((host, port)) = greeting.map_err(std::io::Error::other)?? else {
        return answer(&mut stream, UNSUPPORTED).await;
    };
    let reached = match tokio::time::timeout(REACH_LIMIT, reach(policy, &host, port)).await {
        Ok(reached) => reached,
        Err(_) => Err(Unreached::Silent),
    };
    match reached {
        Ok(mut there) => {
            there.set_nodelay(true)?;
            answer(&mut stream, SUCCEEDED).await?;
            tokio::io::copy_bidirectional(&mut stream, &mut there).await?;
            Ok(())
        }
        Err(unreached) => {
            if let Some(context) = context.get().and_then(Weak::upgrade) {
                context.unreached(&host, port, unreached.name());
                if let Unreached::Forbidden(rule) = unreached {
                    context.refused_connection(&host, port, rule);
                }
            }
            answer(&mut stream, unreached.code()).await
        }
    }
}

/// The browser's names for what may stand in the way of a host.
const NAMES: [(std::io::ErrorKind, &str); 4] = [
    (std::io::ErrorKind::ConnectionRefused, "net::ERR_CONNECTION_REFUSED"),
    (std::io::ErrorKind::TimedOut, "net::ERR_CONNECTION_TIMED_OUT"),
    (std::io::ErrorKind::HostUnreachable, "net::ERR_ADDRESS_UNREACHABLE"),
    (std::io::ErrorKind::NetworkUnreachable, "net::ERR_ADDRESS_UNREACHABLE"),
];

/// Why a host was not reached.
#[derive(Debug)]
enum Unreached {
    Forbidden(Rule),
    Unknown,
    Silent,
    Failed(std::io::Error),
}

impl Unreached {
    fn code(&self) -> u8 {
        match self {
            Self::Forbidden(_) => FORBIDDEN,
            Self::Failed(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => REFUSED,
            Self::Unknown | Self::Silent | Self::Failed(_) => UNREACHABLE,
        }
    }

    /// The error as the browser would call it if it had tried by itself.
    fn name(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "net::ERR_BLOCKED_BY_CLIENT",
            Self::Unknown => "net::ERR_NAME_NOT_RESOLVED",
            Self::Silent => "net::ERR_CONNECTION_TIMED_OUT",
            Self::Failed(error) => match NAMES.iter().find(|(kind, _)| *kind == error.kind()) {
                Some((_, name)) => name,
                None => "net::ERR_CONNECTION_FAILED",
            },
        }
    }
}

/// Connects to a host that may be connected to.
async fn reach(policy: &Policy, host: &str, port: u16) -> Result<TcpStream, Unreached> {
    let may_be_private = match policy.connection(host, port) {
        Verdict::Allowed => true,
        Verdict::AllowedIfPublic => false,
        Verdict::Refused(rule) => return Err(Unreached::Forbidden(rule)),
    };
    let Ok(found) = tokio::net::lookup_host((host, port)).await else { return Err(Unreached::Unknown) };
    let found: Vec<SocketAddr> = found.collect();
    if !may_be_private && found.iter().any(|address| is_private(address.ip())) {
        return Err(Unreached::Forbidden(Rule::Private));
    }
    first_of(found).await
}

/// Connects to the first address that answers. Each is tried beside those before it, after a moment or as soon as one
/// fails: the first may be of a kind that leads nowhere from here (RFC 8305).
async fn first_of(addresses: Vec<SocketAddr>) -> Result<TcpStream, Unreached> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut last = Unreached::Unknown;
    loop {
        match waiting.next() {
            Some(address) => attempts.push(TcpStream::connect(address)),
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Unreached::Failed(error),
            },
            () = tokio::time::sleep(NEXT_ADDRESS), if waiting.len() > 0 => {}
        }
    }
}

/// Reads where a connection is to lead; `None` where it asks for what is not offered.
async fn greet(stream: &mut TcpStream) -> std::io::Result<Option<(String, u16)>> {
    let [version, methods] = read::<2>(stream).await?;
    let mut offered = vec![0; usize::from(methods)];
    stream.read_exact(&mut offered).await?;
    if version != VERSION || !offered.contains(&0) {
        return Ok(None);
    }
    stream.write_all(&[VERSION, 0]).await?;
    let [_, command, _, kind] = read::<4>(stream).await?;
    let host = match kind {
        1 => IpAddr::from(Ipv4Addr::from(read::<4>(stream).await?)).to_string(),
        4 => IpAddr::from(Ipv6Addr::from(read::<16>(stream).await?)).to_string(),
        3 => {
            let [length] = read::<1>(stream).await?;
            let mut name = vec![0; usize::from(length)];
            stream.read_exact(&mut name).await?;
            String::from_utf8(name).map_err(std::io::Error::other)?
        }
        _ => return Ok(None),
    };
    let port = u16::from_be_bytes(read::<2>(stream).await?);
    // Only connections; what would listen or send datagrams is not offered.
    Ok((command == 1).then_some((host, port)))
}

async fn read<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn answer(stream: &mut TcpStream, code: u8) -> std::io::Result<()> {
    // The address behind the code means nothing here.
    stream.write_all(&[VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

#[cfg(test)]
mod tests {
    use aef_core::browser::NavigationPolicy;

    use super::*;

    async fn ask(gateway: &Gateway, host: &str, port: u16) -> (TcpStream, u8) {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(&[5, 1, 0]).await.unwrap();
        assert_eq!(read::<2>(&mut stream).await.unwrap(), [5, 0]);
        let mut request = vec![5, 1, 0, 3, u8::try_from(host.len()).unwrap()];
        request.extend(host.bytes());
        request.extend(port.to_be_bytes());
        stream.write_all(&request).await.unwrap();
        let code = read::<10>(&mut stream).await.unwrap()[1];
        (stream, code)
    }

    #[tokio::test]
    async fn connections_lead_only_where_the_policy_allows() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let echo = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let four = read::<4>(&mut stream).await.unwrap();
            stream.write_all(&four).await.unwrap();
        });
        let policy = Policy::new(&NavigationPolicy {
            allowed_private_origins: vec![format!("http://localhost:{port}")],
            ..NavigationPolicy::default()
        });
        let gateway = Gateway::open(Arc::new(policy)).await.unwrap();
        let (mut stream, code) = ask(&gateway, "localhost", port).await;
        assert_eq!(code, SUCCEEDED);
        stream.write_all(b"ping").await.unwrap();
        assert_eq!(&read::<4>(&mut stream).await.unwrap(), b"ping");
        echo.await.unwrap();
        for (host, port) in [
            ("127.0.0.1", port),
            ("::1", port),
            ("localhost", 1),
            ("169.254.169.254", 80),
            ("2130706433", 80),
        ] {
            assert_eq!(ask(&gateway, host, port).await.1, FORBIDDEN, "{host}:{port}");
        }
    }
}
