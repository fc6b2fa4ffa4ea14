//! Settings of the way to the server: proxy, CA certificates, client certificate.

use std::ffi::c_char;

use aliyun_mqtt::ConfigBuilder;

use super::{amq_config, set, set_text};
use crate::error::amq_error;
use crate::input::{raw_text, text};
use crate::status::amq_status;

/// Sets the HTTP proxy that every connection goes through: "http://host:port"; the default port is 80. By default there
/// is none, even if the environment names one.
///
/// The proxy makes a tunnel (CONNECT) and looks up the name of the endpoint. "http://user:password@host:port" sets user
/// name and password, in which special characters of URLs are written as %XX. Proxies that are themselves reached over
/// TLS, and SOCKS, are not supported. It is not used for the API, which has settings of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_proxy(
    config: *mut amq_config,
    url: *const c_char,
    url_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "url", url, url_len, ConfigBuilder::proxy) }
}

/// Sets user name and password for the proxy, in place of those in its URL: up to 1,024 bytes each, without ':' in the
/// user name. Needs a proxy. They are sent unencrypted ("Basic", RFC 7617), the only supported scheme.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_proxy_credentials(
    config: *mut amq_config,
    user: *const c_char,
    user_len: usize,
    password: *const c_char,
    password_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let (user, password) = (text("user", user, user_len)?, text("password", password, password_len)?);
            Ok(move |builder: ConfigBuilder| builder.proxy_credentials(user, password))
        })
    }
}

/// Uses the proxy that the environment names, if any: the first of https_proxy, HTTPS_PROXY, all_proxy and ALL_PROXY
/// that is not empty, except for this machine and the entries of no_proxy or NO_PROXY. The variables are read now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_proxy_from_env(
    config: *mut amq_config,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, || Ok(ConfigBuilder::proxy_from_env)) }
}

/// Adds the CA certificates of this PEM file to the trusted ones. Can be called more than once. The file, up to 16 MiB,
/// is read when a client is connected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_ca_file(
    config: *mut amq_config,
    path: *const c_char,
    path_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "path", path, path_len, ConfigBuilder::ca_file) }
}

/// Adds these CA certificates in PEM form to the trusted ones. Can be called more than once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_ca_pem(
    config: *mut amq_config,
    pem: *const c_char,
    pem_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let pem = raw_text("pem", pem, pem_len)?;
            Ok(move |builder: ConfigBuilder| builder.ca_pem(pem))
        })
    }
}

/// Sets whether the system's CA certificates are trusted. Default true; with false, only the given ones are. They are
/// read once per process. If the system has none, Mozilla's are used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_system_roots(
    config: *mut amq_config,
    trust: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, || Ok(move |builder: ConfigBuilder| builder.system_roots(trust))) }
}

/// Sets the client's certificate chain and its key, as PEM files, for instances with mutual TLS (Enterprise Platinum).
/// The files are read when a client is connected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_client_certificate_files(
    config: *mut amq_config,
    certificate: *const c_char,
    certificate_len: usize,
    key: *const c_char,
    key_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let (certificate, key) = (text("certificate", certificate, certificate_len)?, text("key", key, key_len)?);
            Ok(move |builder: ConfigBuilder| builder.client_certificate_files(certificate, key))
        })
    }
}

/// Sets the client's certificate chain and its key, both in PEM form. The copies are wiped from memory with the last
/// configuration or client that holds them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_client_certificate_pem(
    config: *mut amq_config,
    certificate: *const c_char,
    certificate_len: usize,
    key: *const c_char,
    key_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let certificate = raw_text("certificate", certificate, certificate_len)?;
            let key = raw_text("key", key, key_len)?;
            Ok(move |builder: ConfigBuilder| builder.client_certificate_pem(certificate, key))
        })
    }
}
