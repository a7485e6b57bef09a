//! The HTML of the site.

use std::fmt::Write as _;

use super::data::{ARCHIVE, Message, STAGES, messages};
use super::state::Record;

/// How many subjects a page of the archive shows.
const ARCHIVE_PAGE: usize = 5;

const STYLE: &str = include_str!("app.css");
const CRM_SCRIPT: &str = include_str!("crm.js");

/// The list of messages.
pub(super) fn inbox() -> String {
    let mut rows = String::new();
    for message in messages() {
        let _ = write!(
            rows,
            r#"<li data-mail="{id}"><a href="/inbox/{id}">
<span class="sender">{sender}</span>
<span class="from">{from}</span>
<span class="subject">{subject}</span>
{chip}
<time class="date" datetime="{date}">{date}</time>
</a></li>
"#,
            id = message.id,
            sender = escape(message.sender),
            from = escape(message.from),
            subject = escape(message.subject),
            chip = chip(message.label),
            date = message.date,
        );
    }
    page(
        "Inbox",
        "/inbox",
        &format!(
            r#"<h1>Inbox</h1>
<ol class="mails panel" aria-label="Messages" data-testid="mails">
{rows}</ol>"#
        ),
    )
}

/// One message with its contact card.
pub(super) fn message(message: &Message) -> String {
    let mut body = String::new();
    for paragraph in message.body {
        let _ = writeln!(body, "<p>{}</p>", escape(paragraph));
    }
    if let Some(card) = message.card {
        let _ = write!(
            body,
            r#"<dl class="card" data-testid="card" aria-label="Contact card">
<dt>Firm</dt><dd data-field="firm">{}</dd>
<dt>Contact</dt><dd data-field="contact">{}</dd>
<dt>Stage</dt><dd data-field="stage">{}</dd>
</dl>"#,
            escape(card.firm),
            escape(card.contact),
            escape(card.stage),
        );
    }
    page(
        message.subject,
        "/inbox",
        &format!(
            r#"<article class="message panel" data-testid="message" data-mail="{id}">
<h1>{subject}</h1>
<p class="meta"><span class="sender">{sender}</span> &lt;<span class="from">{from}</span>&gt;,
<time class="date" datetime="{date}">{date}</time> {chip}</p>
{body}
</article>
<p><a href="/inbox">Back to the inbox</a></p>"#,
            id = message.id,
            subject = escape(message.subject),
            sender = escape(message.sender),
            from = escape(message.from),
            date = message.date,
            chip = chip(message.label),
        ),
    )
}

/// A page of older messages, from 1; a page past the last is the last.
pub(super) fn archive(number: usize) -> String {
    let last = ARCHIVE.len().div_ceil(ARCHIVE_PAGE);
    let number = number.clamp(1, last);
    let mut rows = String::new();
    for (date, subject) in ARCHIVE.iter().skip((number - 1) * ARCHIVE_PAGE).take(ARCHIVE_PAGE) {
        let _ = writeln!(
            rows,
            r#"<tr data-archived><td class="date"><time datetime="{date}">{date}</time></td>
<td class="subject">{}</td></tr>"#,
            escape(subject)
        );
    }
    let mut links = format!(r#"<span data-testid="page">Page {number} of {last}</span>"#);
    if number > 1 {
        let _ = write!(links, r#"<a rel="prev" href="/archive?page={}">Newer</a>"#, number - 1);
    }
    if number < last {
        let _ = write!(links, r#"<a rel="next" href="/archive?page={}">Older</a>"#, number + 1);
    }
    page(
        "Archive",
        "/archive",
        &format!(
            r#"<h1>Archive</h1>
<table class="panel"><thead><tr><th scope="col">Date</th><th scope="col">Subject</th></tr></thead>
<tbody>{rows}</tbody></table>
<nav class="pages" aria-label="Pages">{links}</nav>"#
        ),
    )
}

/// The grid of investors whose firm or contact contains `who`, and the dialog that edits them.
pub(super) fn crm(records: &[Record], who: &str) -> String {
    let wanted = who.trim().to_lowercase();
    let shown: Vec<&Record> = records
        .iter()
        .filter(|r| r.firm.to_lowercase().contains(&wanted) || r.contact.to_lowercase().contains(&wanted))
        .collect();
    page(
        "Investors",
        "/crm",
        &format!(
            r#"<h1>Investors</h1>
<div class="bar">
<form role="search" action="/crm"><div><label for="field-who">Search firm or contact</label>
<input id="field-who" type="search" name="who" value="{who}"></div>
<button>Search</button></form>
<button type="button" class="primary" id="new-record">New record</button>
</div>
<p class="error" id="notice" role="alert"></p>
<p class="status" role="status" data-testid="saved"></p>
{grid}
{DIALOG_HEAD}{stages}{DIALOG_TAIL}
<script>{CRM_SCRIPT}</script>"#,
            who = escape(who),
            grid = grid(&shown, records.len()),
            stages = STAGES.iter().map(|stage| format!("<option>{stage}</option>")).collect::<String>(),
        ),
    )
}

/// One record on a page of its own.
pub(super) fn print(record: &Record) -> String {
    page(
        &format!("{} (print)", record.firm),
        "/crm",
        &format!(
            r#"<article class="message panel" data-testid="print" data-record="{id}">
<h1>{firm}</h1>
<dl class="card">
<dt>Contact</dt><dd data-field="contact">{contact}</dd>
<dt>Stage</dt><dd data-field="stage">{stage}</dd>
<dt>Last contact</dt><dd data-field="lastContact">{last_contact}</dd>
<dt>Notes</dt><dd data-field="notes">{notes}</dd>
</dl>
</article>"#,
            id = escape(&record.id),
            firm = escape(&record.firm),
            contact = escape(&record.contact),
            stage = escape(&record.stage),
            last_contact = escape(&record.last_contact),
            notes = escape(&record.notes),
        ),
    )
}

/// The log-in form; `problem` is said above it.
pub(super) fn login(next: &str, problem: &str) -> String {
    page(
        "Log in",
        "/login",
        &format!(
            r#"<section class="login panel">
<h1>Log in</h1>
<p class="error" role="alert">{problem}</p>
<form method="post" action="/login">
<input type="hidden" name="next" value="{next}">
<div><label for="field-user">User name</label>
<input id="field-user" name="user" autocomplete="username" required></div>
<div><label for="field-password">Password</label>
<input id="field-password" name="password" type="password" autocomplete="current-password" required></div>
<button class="primary">Log in</button>
</form>
</section>"#,
            problem = escape(problem),
            next = escape(next),
        ),
    )
}

/// A page that says what is wrong.
pub(super) fn problem(title: &str, text: &str) -> String {
    page(title, "", &format!("<h1>{}</h1><p>{}</p>", escape(title), escape(text)))
}

const DIALOG_HEAD: &str = r#"<dialog id="record-dialog" aria-labelledby="record-title">
<form method="dialog" novalidate>
<h2 id="record-title">New record</h2>
<p class="error" role="alert"></p>
<div class="wide"><label for="field-firm">Name of the firm</label>
<input id="field-firm" name="firm" autocomplete="off"></div>
<div class="wide"><label for="field-contact">Contact e-mail</label>
<input id="field-contact" name="contact" type="email" autocomplete="off"></div>
<div><label for="field-stage">Stage</label>
<select id="field-stage" name="stage">"#;

const DIALOG_TAIL: &str = r#"</select></div>
<div><label for="field-last">Last contact</label>
<input id="field-last" name="lastContact" type="date"></div>
<div class="wide"><label for="field-notes">Notes</label>
<textarea id="field-notes" name="notes" rows="3"></textarea></div>
<div class="buttons">
<button type="button" class="danger" hidden>Delete</button>
<button type="button" class="cancel">Cancel</button>
<button class="primary">Save</button>
</div>
</form>
</dialog>"#;

fn grid(shown: &[&Record], total: usize) -> String {
    let mut rows = String::new();
    for record in shown {
        let _ = write!(
            rows,
            r#"<tr data-testid="record-{id}" data-record="{id}">
<th scope="row" data-field="firm">{firm}</th>
<td data-field="contact">{contact}</td>
<td data-field="stage">{stage}</td>
<td data-field="lastContact">{last_contact}</td>
<td data-field="notes">{notes}</td>
<td class="actions"><a href="/crm/{id}/print" target="_blank">Print view</a>
<button type="button" data-edit="{id}" aria-label="Edit {firm}">Edit</button></td>
</tr>
"#,
            id = escape(&record.id),
            firm = escape(&record.firm),
            contact = escape(&record.contact),
            stage = escape(&record.stage),
            last_contact = escape(&record.last_contact),
            notes = escape(&record.notes),
        );
    }
    if shown.is_empty() {
        rows.push_str(r#"<tr><td class="none" colspan="6" data-testid="none">No record matches.</td></tr>"#);
    }
    format!(
        r#"<div id="grid">
<table class="panel" aria-label="Investors"><thead><tr>
<th scope="col">Firm</th><th scope="col">Contact</th><th scope="col">Stage</th>
<th scope="col">Last contact</th><th scope="col">Notes</th><th scope="col"><span hidden>Actions</span></th>
</tr></thead>
<tbody>
{rows}</tbody></table>
<p class="count" data-testid="count">{} of {total} records</p>
</div>"#,
        shown.len()
    )
}

fn chip(label: &str) -> String {
    let class = if label == "Investor" { "chip investor" } else { "chip" };
    format!(r#"<span class="{class}" data-label>{}</span>"#, escape(label))
}

fn page(title: &str, path: &str, main: &str) -> String {
    let mut links = String::new();
    for (href, name) in [("/inbox", "Inbox"), ("/archive", "Archive"), ("/crm", "Investors")] {
        let current = if href == path { r#" aria-current="page""# } else { "" };
        let _ = write!(links, r#"<a href="{href}"{current}>{name}</a>"#);
    }
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Fundraising desk</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<header class="top"><strong>Fundraising desk</strong><nav aria-label="Main">{links}</nav></header>
<main>
{main}
</main>
</body>
</html>
"#,
        title = escape(title)
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
