//! nginx as the pass-through that everything is compared with.
//!
//! Tuned to be as good at this as it can be: nothing buffered, connections kept, no log. Compared
//! with its defaults byokey would look better than it is.

use std::{ffi::OsStr, fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    cores::Cores,
    server::{Server, free_address},
};

/// A running nginx.
pub(crate) struct Nginx {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl Nginx {
    /// Starts nginx in front of `provider`, with all its files in `folder`.
    pub(crate) async fn start(folder: &Path, provider: SocketAddr, cores: Cores) -> Result<Self> {
        let address = free_address()?;
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration(folder, address, provider))
            .context("cannot write nginx's configuration")?;
        let program = program().context("nginx is not installed")?;
        let mut command = cores.proxy(OsStr::new(program));
        command.arg("-p").arg(folder).arg("-c").arg(&file);
        let server = Server::start(&mut command, address, folder.join("nginx.out")).await?;
        Ok(Self { server, address })
    }
}

/// The nginx that is installed; Debian puts it where only root looks.
fn program() -> Option<&'static str> {
    ["nginx", "/usr/sbin/nginx"]
        .into_iter()
        .find(|program| Command::new(program).arg("-v").output().is_ok())
}

/// The version of the nginx that is installed.
pub(crate) fn version() -> Option<String> {
    let asked = Command::new(program()?).arg("-v").output().ok()?;
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    Some(said.trim().rsplit_once('/')?.1.to_owned())
}

/// One process, so that its figures are all of nginx's, and no other user is needed for workers.
fn configuration(folder: &Path, address: SocketAddr, provider: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
master_process off;
worker_rlimit_nofile 8192;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err warn;
events {{
  worker_connections 4096;
}}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  keepalive_requests 100000000;
  upstream provider {{
    server {provider};
    keepalive 128;
    keepalive_requests 100000000;
  }}
  server {{
    listen {address} backlog=2048;
    client_max_body_size 64m;
    # Bodies pass in large portions; with the default of 16 KB one of 10 MB takes six times as long.
    client_body_buffer_size 1m;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
}}
"
    )
}
