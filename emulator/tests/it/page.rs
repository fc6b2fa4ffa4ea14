//! The page in the browser, as far as HTTP shows it. `.ci/emulator-page` tests it in a browser.

use std::io::Read as _;

use aliyun_mqtt_emulator::Emulator;

use crate::support::http::Control;

/// Requests a file of the page, and returns the response as it came.
fn get(control: &Control, path: &str, headers: &str) -> String {
    let mut text = String::new();
    control.open("GET", path, headers, "").read_to_string(&mut text).unwrap();
    text
}

/// Checks the headers that every response has.
fn keeps_others_out(head: &str) {
    for line in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(head.contains(&format!("\r\n{line}")), "{line}: {head}");
    }
}

#[test]
fn the_page_comes_without_a_token_and_all_else_does_not() {
    let emulator = Emulator::builder().page().start().unwrap();
    let control = Control::of(&emulator);
    let link = emulator.page_url().unwrap();
    assert_eq!(link, format!("http://{}/#{}", control.address, control.token));
    let host = format!("Host: {}\r\n", control.address);
    for (path, kind) in [("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")] {
        let response = get(&control, path, &host);
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let head = head.to_lowercase();
        assert!(head.starts_with("http/1.1 200") && head.contains(&format!("content-type: {kind}")), "{head}");
        keeps_others_out(&head);
        assert!(!body.contains(&control.token) && !body.contains(emulator.access_key_secret()));
    }
    for path in ["/control/settings", "/control/events", "/control/log", "/nothing"] {
        let refused = get(&control, path, &host);
        assert!(refused.starts_with("HTTP/1.1 401"), "{path}");
        keeps_others_out(&refused.to_lowercase());
        let with_token = format!("{path}?token={}", control.token);
        assert!(get(&control, &with_token, &host).starts_with("HTTP/1.1 401"), "{path}");
    }
    // A foreign name that resolves to this machine, and another method.
    assert!(get(&control, "/", "Host: page.example\r\n").starts_with("HTTP/1.1 403"));
    assert_eq!(control.raw("POST", "/", &host, "").status, 401);
}

#[test]
fn there_is_no_page_unless_it_is_asked_for() {
    let (emulator, control) = Control::start();
    assert_eq!(emulator.page_url(), None);
    assert_eq!(control.raw("GET", "/", &format!("Host: {}\r\n", control.address), "").status, 401);
    assert_eq!(control.call("GET", "/", "").status, 404);
}

#[test]
fn the_link_names_an_address_that_a_browser_can_open() {
    let address = std::net::Ipv4Addr::UNSPECIFIED.into();
    let emulator = Emulator::builder().page().control_address(address).start().unwrap();
    assert!(emulator.page_url().unwrap().starts_with("http://127.0.0.1:"));
}
