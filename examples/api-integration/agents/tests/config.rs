use super::parse;

#[test]
fn a_url_is_taken_apart() {
    let config = parse("http://localhost:8080/v1").expect("a good URL");
    assert_eq!((config.host.as_str(), config.port, config.path.as_str()), ("localhost", 8080, "/v1"));
}

#[test]
fn the_port_is_80_where_none_is_given() {
    assert_eq!(parse("http://example").map(|config| config.port), Ok(80));
}

#[test]
fn other_urls_are_refused_with_a_reason() {
    for (url, reason) in [("ftp://x", "ftp://x is no http URL"), ("http://", "http:// names no host"), ("http://a:b", "b is no port")] {
        assert_eq!(parse(url).map(|_| ()), Err(reason.to_owned()));
    }
}
