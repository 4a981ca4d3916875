//! Connections to other servers: made under the blocked networks, pooled for the whole application, with TLS.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::blocked_networks::BlockedNetworks;

/// What holds for each timeout that the guest does not set.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// The pooled connections of an application.
pub(crate) struct Clients {
    http: Client<HttpConnector, WasiBody>,
    https: Client<HttpsConnector, WasiBody>,
    blocked: Arc<BlockedNetworks>,
}

impl Clients {
    pub(crate) fn new(blocked: BlockedNetworks) -> anyhow::Result<Self> {
        let tls = Arc::new(tls_config()?);
        let builder = Client::builder(TokioExecutor::new());
        Ok(Self {
            http: builder.build(HttpConnector),
            https: builder.build(HttpsConnector(tls)),
            blocked: Arc::new(blocked),
        })
    }

    /// Sends one request. What the connection is made under is decided by who asks first: later requests may share it.
    pub(crate) async fn send(
        &self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        let connect = ConnectOptions {
            blocked: self.blocked.clone(),
            timeout: options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
        };
        let use_tls = request.uri().scheme() == Some(&Scheme::HTTPS);
        let response = CONNECT_OPTIONS.scope(connect, async {
            if use_tls {
                self.https.request(request).await
            } else {
                self.http.request(request).await
            }
        });
        let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let response = timeout(first_byte, response)
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| {
                match error
                    .source()
                    .and_then(|source| source.downcast_ref::<ConnectError>())
                {
                    Some(cause) => Error::from(*cause),
                    // Whatever breaks after the connection is made has this one name.
                    None => Error::HttpProtocolError,
                }
            })?;
        Ok(response.map(|body| body.map_err(|_| Error::HttpProtocolError).boxed_unsync()))
    }
}

/// The system's root certificates and Mozilla's.
fn tls_config() -> anyhow::Result<rustls::ClientConfig> {
    // Named, because another crate of the build could bring a second provider, and then there is no default one.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
    let verifier = Verifier::new_with_extra_roots(roots, provider.clone())
        .context("failed to initialize platform certificate verifier")?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

tokio::task_local! {
    /// What a connection is made under. The pooling client has no parameter to pass it through, and asks for a connection
    /// in the task that sends the request.
    static CONNECT_OPTIONS: ConnectOptions;
}

#[derive(Clone)]
struct ConnectOptions {
    blocked: Arc<BlockedNetworks>,
    timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum ConnectError {
    #[error("the URI has no authority")]
    Uri,
    #[error("the name does not resolve")]
    Resolve,
    #[error("the name is none that a certificate could have")]
    ServerName,
    #[error("every address is blocked")]
    Blocked,
    #[error("the connection timed out")]
    Timeout,
    #[error("the connection was refused")]
    Refused,
    #[error("the TLS handshake failed")]
    Tls,
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        let dns = |rcode: &str| Self::DnsError {
            rcode: Some(rcode.to_owned()),
            info_code: Some(0),
        };
        match error {
            ConnectError::Uri => Self::HttpRequestUriInvalid,
            ConnectError::Resolve => dns("address not available"),
            ConnectError::ServerName => dns("invalid dns name"),
            ConnectError::Blocked => Self::DestinationIpProhibited,
            ConnectError::Timeout => Self::ConnectionTimeout,
            ConnectError::Refused => Self::ConnectionRefused,
            ConnectError::Tls => Self::TlsProtocolError,
        }
    }
}

async fn connect_tcp(uri: &Uri, default_port: u16) -> Result<TcpStream, ConnectError> {
    let options = CONNECT_OPTIONS.get();
    let authority = uri.authority().ok_or(ConnectError::Uri)?;
    let host_and_port = match authority.port() {
        Some(_) => authority.to_string(),
        None => format!("{authority}:{default_port}"),
    };
    let addresses = tokio::net::lookup_host(host_and_port)
        .await
        .map_err(|_| ConnectError::Resolve)?
        .collect();
    // After resolving: a name can stand for any address.
    let addresses = options
        .blocked
        .filter(addresses)
        .ok_or(ConnectError::Blocked)?;
    timeout(options.timeout, TcpStream::connect(&*addresses))
        .await
        .map_err(|_| ConnectError::Timeout)?
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrNotAvailable => ConnectError::Resolve,
            _ => ConnectError::Refused,
        })
}

#[derive(Clone)]
struct HttpConnector;

#[derive(Clone)]
struct HttpsConnector(Arc<rustls::ClientConfig>);

type Connecting<T> = Pin<Box<dyn Future<Output = Result<TokioIo<T>, ConnectError>> + Send>>;

impl tower_service::Service<Uri> for HttpConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Connecting<TcpStream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move { connect_tcp(&uri, 80).await.map(TokioIo::new) })
    }
}

impl tower_service::Service<Uri> for HttpsConnector {
    type Response = TokioIo<Tls>;
    type Error = ConnectError;
    type Future = Connecting<Tls>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = TlsConnector::from(self.0.clone());
        Box::pin(async move {
            let stream = connect_tcp(&uri, 443).await?;
            let name = uri.host().unwrap_or_default().to_owned();
            let name = rustls::pki_types::ServerName::try_from(name)
                .map_err(|_| ConnectError::ServerName)?;
            let stream = connector.connect(name, stream).await.map_err(|error| {
                eprintln!("tls protocol error: {error}");
                ConnectError::Tls
            })?;
            Ok(TokioIo::new(Tls(stream)))
        })
    }
}

/// A TLS stream that tells the client which protocol was negotiated.
struct Tls(TlsStream<TcpStream>);

impl Connection for Tls {
    fn connected(&self) -> Connected {
        let (tcp, session) = self.0.get_ref();
        match session.alpn_protocol() {
            Some(b"h2") => tcp.connected().negotiated_h2(),
            _ => tcp.connected(),
        }
    }
}

impl AsyncRead for Tls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tls {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
