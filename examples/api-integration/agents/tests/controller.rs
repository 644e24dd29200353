use super::page;
use crate::config::parse;
use std::io::{Read, Write};
use std::net::TcpListener;

fn with_server(answer: &'static str) -> (u16, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    // Not waited for: a controller that never asks would keep it waiting for ever.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(answer.as_bytes()).expect("a client that reads");
    });
    page(&parse(&url).expect("a URL"), "home")
}

#[test]
fn a_page_is_shown_with_its_text_escaped() {
    assert_eq!(with_server("HTTP/1.1 200 OK\r\n\r\n<b>"), (200, "<p>&lt;b></p>".into()));
}

#[test]
fn what_the_api_refuses_is_refused() {
    assert_eq!(with_server("HTTP/1.1 404 Not Found\r\n\r\n").0, 404);
    assert_eq!(with_server("HTTP/1.1 500 Oops\r\n\r\n").0, 502);
}

#[test]
fn given_an_api_that_is_gone_when_a_page_is_asked_for_then_the_answer_is_502() {
    assert_eq!(page(&parse("http://127.0.0.1:1").expect("a URL"), "home").0, 502);
}
