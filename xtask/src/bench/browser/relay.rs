//! A relay that lets what passes arrive later, as a browser on another host would have it.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Listens, and passes on what arrives to `to` and back, each way after `delay`. It ends with the process.
pub(super) fn start(to: SocketAddr, delay: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Who connects to a server that is gone is told by the end of the connection.
            let _ = connect(client, to, delay);
        }
    });
    Ok(address)
}

fn connect(client: TcpStream, to: SocketAddr, delay: Duration) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    pass(client.try_clone()?, server.try_clone()?, delay);
    pass(server, client, delay);
    Ok(())
}

/// Passes on each piece `delay` after it arrived, however many are under way.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, piece) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_arrives_whole_in_order_and_no_sooner() {
        const DELAY: Duration = Duration::from_millis(20);
        let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
        let relay = start(echo.local_addr().expect("it is bound"), DELAY).expect("it listens");
        let answering = thread::spawn(move || {
            let (stream, _) = echo.accept().expect("the relay connects");
            io::copy(&mut &stream, &mut &stream).expect("it is passed on")
        });
        let mut client = TcpStream::connect(relay).expect("it listens");
        let start = Instant::now();
        let sent: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        client.write_all(&sent).expect("it is taken");
        let mut received = vec![0; sent.len()];
        client.read_exact(&mut received).expect("it comes back");
        assert!(received == sent, "it comes back as it was");
        assert!(start.elapsed() >= 2 * DELAY, "{:?}", start.elapsed());
        client.shutdown(Shutdown::Both).expect("it is open");
        assert_eq!(answering.join().expect("it ends"), sent.len() as u64);
    }
}
