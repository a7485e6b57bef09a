//! The site over real sockets, as a browser sees it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::*;

/// An answer: its status, its head as text, and its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

fn quick() -> DemoSiteOptions {
    DemoSiteOptions { save_delay: Duration::ZERO, ..DemoSiteOptions::default() }
}

fn send(site: &DemoSite, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut socket = TcpStream::connect(site.address).unwrap();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        site.address,
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn get(site: &DemoSite, path: &str) -> Answer {
    send(site, "GET", path, "", "")
}

fn post(site: &DemoSite, path: &str, body: &Value) -> Answer {
    send(site, "POST", path, "content-type: application/json\r\n", &body.to_string())
}

fn draft(firm: &str) -> Value {
    json!({
        "firm": firm, "contact": "edda@eskerline.vc", "stage": "Intro", "lastContact": "2026-11-19",
        "notes": "m-12: An introduction",
    })
}

#[test]
fn the_inbox_lists_all_messages_and_each_has_a_page() {
    let site = DemoSite::start(quick()).unwrap();
    let inbox = get(&site, "/inbox");
    assert_eq!(inbox.body.matches("data-mail=").count(), 14);
    for message in messages() {
        let page = get(&site, &format!("/inbox/{}", message.id));
        assert_eq!(page.status, 200);
        assert!(page.body.contains(message.from), "{}", message.id);
        assert_eq!(page.body.contains(r#"data-testid="card""#), message.card.is_some());
    }
    assert_eq!(get(&site, "/inbox/m-99").status, 404);
}

#[test]
fn a_created_record_is_counted_and_shown() {
    let site = DemoSite::start(quick()).unwrap();
    let answer = post(&site, "/api/records", &draft("Eskerline Ventures"));
    assert_eq!((answer.status, &answer.json()["id"]), (201, &json!("eskerline-ventures")));
    assert_eq!(site.counts(), Counts { posts: 1, created: 1, ..Counts::default() });
    assert_eq!(site.records().len(), 5);
    let grid = get(&site, "/crm?who=Eskerline%20Ventures").body;
    assert!(grid.contains(r#"data-testid="record-eskerline-ventures""#));
    assert!(grid.contains(r#"<td data-field="lastContact">2026-11-19</td>"#));
    assert!(grid.contains("1 of 5 records"));
}

#[test]
fn a_second_identical_post_is_seen_as_a_double_write() {
    let site = DemoSite::start(quick()).unwrap();
    post(&site, "/api/records", &draft("Eskerline Ventures"));
    let second = post(&site, "/api/records", &draft("Eskerline Ventures"));
    assert_eq!(second.json()["id"], json!("eskerline-ventures-2"));
    assert_eq!(site.counts(), Counts { posts: 2, created: 2, ..Counts::default() });
    assert_eq!(site.records().len(), 6);
}

#[test]
fn an_update_keeps_the_id_and_replaces_the_values() {
    let site = DemoSite::start(quick()).unwrap();
    let mut changed = draft("Brackwater Capital");
    for _ in 0..2 {
        assert_eq!(post(&site, "/api/records/brackwater-capital", &changed).status, 200);
    }
    changed["id"] = json!("brackwater-capital");
    let record = site.records().into_iter().find(|r| r.id == "brackwater-capital").unwrap();
    assert_eq!(serde_json::to_value(record).unwrap(), changed);
    assert_eq!(site.counts(), Counts { posts: 2, updated: 2, ..Counts::default() });
    assert_eq!(site.records().len(), 4);
}

#[test]
fn a_delete_is_counted_once_and_an_unknown_record_is_a_failure() {
    let site = DemoSite::start(quick()).unwrap();
    assert_eq!(post(&site, "/api/records/dunmoor-seed/delete", &json!({})).status, 204);
    assert_eq!(post(&site, "/api/records/dunmoor-seed/delete", &json!({})).status, 404);
    assert_eq!(site.counts(), Counts { posts: 2, deleted: 1, failed: 1, ..Counts::default() });
    assert_eq!(site.records().len(), 3);
}

#[test]
fn wrong_values_are_refused_and_counted() {
    let site = DemoSite::start(quick()).unwrap();
    for (field, value) in
        [("firm", "  "), ("contact", "nobody"), ("stage", "Rumour"), ("lastContact", "2026-02-30")]
    {
        let mut wrong = draft("Eskerline Ventures");
        wrong[field] = json!(value);
        let answer = post(&site, "/api/records", &wrong);
        assert_eq!(answer.status, 422, "{field}");
        assert!(answer.json()["error"].as_str().unwrap().ends_with('.'));
    }
    assert_eq!(site.counts(), Counts { posts: 4, failed: 4, ..Counts::default() });
    assert_eq!(site.records(), seed_records());
}

#[test]
fn the_first_saves_and_dialogs_fail_as_asked() {
    let options = DemoSiteOptions { save_fails_first: 2, dialog_fails_first: 1, ..quick() };
    let site = DemoSite::start(options).unwrap();
    assert_eq!(get(&site, "/api/form").status, 503);
    assert_eq!(get(&site, "/api/form/dunmoor-seed").json()["contact"], json!("priya@dunmoor.vc"));
    let statuses: Vec<u16> =
        (0..3).map(|_| post(&site, "/api/records", &draft("Eskerline Ventures")).status).collect();
    assert_eq!(statuses, [503, 503, 201]);
    assert_eq!(site.counts(), Counts { posts: 3, created: 1, failed: 2, ..Counts::default() });
}

#[test]
fn a_write_stands_though_its_client_went_away() {
    let options = DemoSiteOptions { save_delay: Duration::from_secs(3600), ..quick() };
    let site = DemoSite::start(options).unwrap();
    let body = draft("Eskerline Ventures").to_string();
    let mut socket = TcpStream::connect(site.address).unwrap();
    write!(
        socket,
        "POST /api/records HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let witness = || -> Witness { serde_json::from_str(&get(&site, "/_witness").body).unwrap() };
    while witness().counts.created == 0 {
        std::thread::yield_now();
    }
    drop(socket);
    assert_eq!(witness().counts, Counts { posts: 1, created: 1, ..Counts::default() });
    assert_eq!(witness().records.len(), 5);
    assert_eq!(site.requests().len(), 1);
}

#[test]
fn pages_ask_for_a_session_where_one_is_required() {
    let site = DemoSite::start(DemoSiteOptions { require_login: true, ..quick() }).unwrap();
    let refused = get(&site, "/crm?who=a");
    assert_eq!((refused.status, refused.header("location")), (303, Some("/login?next=/crm%3Fwho%3Da")));
    assert_eq!(post(&site, "/api/records", &draft("Eskerline Ventures")).status, 401);
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    assert_eq!(send(&site, "POST", "/login", form, "user=demo&password=guess").status, 403);
    let login = format!("user={USER}&password={PASSWORD}&next=%2Fcrm%3Fwho%3Da");
    let welcome = send(&site, "POST", "/login", form, &login);
    assert_eq!((welcome.status, welcome.header("location")), (303, Some("/crm?who=a")));
    let cookie = welcome.header("set-cookie").unwrap().split(';').next().unwrap();
    let cookie = format!("cookie: theme=dark; {cookie}\r\n");
    assert_eq!(send(&site, "GET", "/crm", &cookie, "").status, 200);
    assert_eq!(site.counts(), Counts { posts: 3, sessions: 1, failed: 2, ..Counts::default() });

    assert_eq!(send(&site, "POST", "/logout", &cookie, "").status, 303);
    assert_eq!(send(&site, "GET", "/crm", &cookie, "").status, 303);
}

#[test]
fn sessions_can_be_ended_under_their_users() {
    let site = DemoSite::start(DemoSiteOptions { require_login: true, ..quick() }).unwrap();
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let login = format!("user={USER}&password={PASSWORD}&next=%2F%2Felsewhere.example");
    let welcome = send(&site, "POST", "/login", form, &login);
    assert_eq!(welcome.header("location"), Some("/inbox"));
    let cookie = format!("cookie: {}\r\n", welcome.header("set-cookie").unwrap().split(';').next().unwrap());
    assert_eq!(send(&site, "GET", "/inbox", &cookie, "").status, 200);
    site.end_sessions();
    assert_eq!(send(&site, "GET", "/inbox", &cookie, "").status, 303);
}

#[test]
fn the_archive_has_three_pages_and_only_the_last_has_no_next() {
    let site = DemoSite::start(quick()).unwrap();
    let rows: Vec<(usize, bool)> = (1..=3)
        .map(|page| get(&site, &format!("/archive?page={page}")).body)
        .map(|body| (body.matches("data-archived").count(), body.contains(r#"rel="next""#)))
        .collect();
    assert_eq!(rows, [(5, true), (5, true), (3, false)]);
    assert!(get(&site, "/archive?page=9").body.contains("Page 3 of 3"));
}

#[test]
fn the_log_tells_requests_in_order() {
    let site = DemoSite::start(quick()).unwrap();
    get(&site, "/crm?who=dun");
    post(&site, "/nowhere", &json!({}));
    let log: Vec<_> = site.requests().into_iter().map(|r| (r.number, r.method, r.path, r.status)).collect();
    assert_eq!(
        log,
        [
            (1, "GET".to_owned(), "/crm?who=dun".to_owned(), Some(200)),
            (2, "POST".to_owned(), "/nowhere".to_owned(), Some(404)),
        ]
    );
    assert_eq!(site.counts(), Counts { posts: 1, failed: 1, ..Counts::default() });
}

#[test]
fn text_of_a_user_is_never_markup() {
    let site = DemoSite::start(quick()).unwrap();
    post(&site, "/api/records", &draft("<b>Bold</b> \"Capital\""));
    let grid = get(&site, "/crm?who=%3Cb%3E").body;
    assert!(!grid.contains("<b>"), "{grid}");
    assert!(grid.contains("&lt;b&gt;Bold&lt;/b&gt; &quot;Capital&quot;"));
}

#[test]
fn a_stopped_site_is_gone() {
    let site = DemoSite::start(quick()).unwrap();
    let address = site.address;
    // A connection that is kept open, as browsers do.
    let _kept = TcpStream::connect(address).unwrap();
    drop(site);
    assert!(TcpStream::connect(address).is_err());
}
