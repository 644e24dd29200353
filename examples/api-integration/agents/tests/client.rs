use super::{get, post};
use crate::config::parse;
use std::io::{Read, Write};
use std::net::TcpListener;

/// A server that answers one request with `answer`, and gives what it was asked.
fn server(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut asked = vec![0; 4096];
        let count = stream.read(&mut asked).expect("a request");
        stream.write_all(answer.as_bytes()).expect("a client that reads");
        String::from_utf8_lossy(&asked[..count]).into_owned()
    });
    (url, thread)
}

#[test]
fn get_reads_status_and_body() {
    let (url, asked) = server("HTTP/1.1 200 OK\r\n\r\nhello");
    let answer = get(&parse(&url).expect("a URL"), "/greeting").expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    assert!(asked.join().expect("the server").starts_with("GET /v1/greeting HTTP/1.1\r\n"));
}

#[test]
fn post_sends_its_body() {
    let (url, asked) = server("HTTP/1.1 201 Created\r\n\r\n");
    assert_eq!(post(&parse(&url).expect("a URL"), "/items", "{}").expect("an answer").status, 201);
    assert!(asked.join().expect("the server").contains("Content-Length: 2"));
}

#[test]
fn nobody_there_is_an_error() {
    assert!(get(&parse("http://127.0.0.1:1").expect("a URL"), "/").is_err_and(|why| why != "not implemented"));
}
