use super::*;

fn read(text: &str) -> Proxy {
    Proxy::read(text).unwrap_or_else(|rule| panic!("{text}: {rule}"))
}

#[test]
fn urls() {
    for (text, shown) in [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("HTTP://proxy.example:3128/", "http://proxy.example:3128"),
        ("http://proxy.example", "http://proxy.example:80"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example", "http://proxy.example:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("10.0.0.1:8080", "http://10.0.0.1:8080"),
    ] {
        let proxy = read(text);
        assert_eq!((proxy.to_string().as_str(), proxy.user()), (shown, None), "{text}");
    }
    assert_eq!(read("http://[::1]:8080").host(), "::1");
    assert!(read("localhost:1").is_loopback() && !read("proxy.example:1").is_loopback());
}

#[test]
fn user_names_and_passwords() {
    for (text, user, password) in [
        ("http://user:geheim@h:1", "user", "geheim"),
        ("user:geheim@h:1", "user", "geheim"),
        ("http://user@h:1", "user", ""),
        ("http://u%40x:ge%3Aheim%25@h:1", "u@x", "ge:heim%"),
        ("http://user:ge@heim:x@h:1", "user", "ge@heim:x"),
        ("http://user:%e4%bd%a0@h:1", "user", "\u{4f60}"),
    ] {
        let proxy = read(text);
        let auth = proxy.auth.as_ref().unwrap();
        assert_eq!((auth.user.as_str(), auth.password.as_str()), (user, password), "{text}");
        assert_eq!(proxy.to_string(), "http://h:1");
        let shown = format!("{proxy:?} {auth:?}");
        assert!(shown.contains(user) && !shown.contains("heim"), "{shown}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_shows_no_password() {
    for (text, rule) in [
        ("", "no host"),
        ("http://", "no host"),
        ("http://user:geheim@", "no host"),
        ("https://user:geheim@h:1", "https:// proxies"),
        ("socks5h://h:1", "socks5h:// proxies"),
        ("ftp://h:1", "unknown scheme"),
        ("user:geheim://x@h", "unknown scheme"),
        ("http://h:1/path", "path"),
        ("http://h:1?x", "path"),
        ("http://user:geheim@h:0", "port"),
        ("http://user:geheim@h:x", "port"),
        ("http://user:geheim@ho st:1", "' '"),
        ("http://user:geheim@::1", "brackets"),
        ("http://user:geh/eim@h:1", "%2F"),
        ("http://user:geheim%4@h:1", "%25"),
        ("http://user:geheim%zz@h:1", "%25"),
        ("http://user:geheim%ff@h:1", "UTF-8"),
        ("http://:geheim@h:1", "empty"),
        // User info without a host, and with another '@' than that of ASCII.
        ("http://user:geheim", "host:port"),
        ("http://user:geheim:1", "host:port"),
        ("http://user:geheim\u{ff20}h:1", "host:port"),
        ("http://user:geheim#h:1", "path"),
        ("http://user:geheim/h:1", "path"),
        ("http://u%3Ax:geheim@h:1", "':'"),
        ("http://user:geheim%0d%0a@h:1", "control"),
    ] {
        let error = Proxy::read(text).unwrap_err();
        assert!(error.contains(rule) && !error.contains("geh"), "{text}: {error}");
    }
    let long = format!("http://user:{}@h:1", "x".repeat(AUTH_LEN + 1));
    assert!(Proxy::read(&long).unwrap_err().contains("1024"));
}
