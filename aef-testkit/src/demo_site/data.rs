//! The texts of the site: its messages and the records it starts with.

use super::state::Record;

/// The choices of the form's "Stage" field, in their order.
pub const STAGES: [&str; 6] = ["Intro", "Meeting", "Due diligence", "Term sheet", "Committed", "Passed"];

/// A message of the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id in its URL and in `data-mail`.
    pub id: &'static str,
    /// The sender's name.
    pub sender: &'static str,
    /// The sender's address; that of an investor ends with `.vc`.
    pub from: &'static str,
    /// The subject line.
    pub subject: &'static str,
    /// The day it came, as `YYYY-MM-DD`.
    pub date: &'static str,
    /// The label that the inbox shows: `Investor`, `Supplier`, …
    pub label: &'static str,
    /// The paragraphs of its text.
    pub body: &'static [&'static str],
    /// The contact card at its end; every message from an investor has one.
    pub card: Option<Card>,
}

/// The contact card at the end of a message: what belongs in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// The name of the firm.
    pub firm: &'static str,
    /// The address to write to, not always the sender's.
    pub contact: &'static str,
    /// Where things stand: one of [`STAGES`].
    pub stage: &'static str,
}

/// The messages of the inbox, newest first.
///
/// Four of the seven investors have an outdated record in [`seed_records`], three have none.
#[must_use]
pub fn messages() -> &'static [Message] {
    &MESSAGES
}

/// The records that a fresh site holds; each differs from what its investor's message says.
#[must_use]
pub fn seed_records() -> Vec<Record> {
    let seed = [
        ("Alder Finch Ventures", "hello@alderfinch.vc", "Meeting", "2026-09-02", "Met at the spring fair"),
        ("Brackwater Capital", "tomas@brackwater.vc", "Intro", "2026-08-19", "Introduced by Ines"),
        ("Corvane Partners", "office@corvane.vc", "Due diligence", "2026-10-05", "Data room opened"),
        ("Dunmoor Seed", "priya@dunmoor.vc", "Meeting", "2026-07-28", "Second call planned"),
    ];
    seed.into_iter()
        .map(|(firm, contact, stage, last_contact, notes)| Record {
            id: slug(firm),
            firm: firm.to_owned(),
            contact: contact.to_owned(),
            stage: stage.to_owned(),
            last_contact: last_contact.to_owned(),
            notes: notes.to_owned(),
        })
        .collect()
}

/// The subjects of the archive, newest first, as (date, subject).
pub(super) const ARCHIVE: [(&str, &str); 13] = [
    ("2026-10-30", "Minutes of the October board call"),
    ("2026-10-27", "Your October invoice"),
    ("2026-10-21", "Re: numbers for the third quarter"),
    ("2026-10-19", "Fire drill on Wednesday"),
    ("2026-10-14", "Data room: three questions"),
    ("2026-10-08", "New badge for the side entrance"),
    ("2026-10-05", "Data room is open"),
    ("2026-09-29", "Your September invoice"),
    ("2026-09-23", "Photos from the summer day"),
    ("2026-09-17", "Re: reference customer"),
    ("2026-09-11", "Change of bank details: please call"),
    ("2026-09-02", "Good to meet you at the fair"),
    ("2026-08-28", "Your August invoice"),
];

/// A firm's name as an id: lower case, everything but letters and digits a single hyphen.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

static MESSAGES: [Message; 14] = [
    Message {
        id: "m-14",
        sender: "Mara Lindqvist",
        from: "mara@alderfinch.vc",
        subject: "We would like to open due diligence",
        date: "2026-11-20",
        label: "Investor",
        body: &[
            "Thank you for the walk-through on Tuesday. The partners want to go on: please share the data room \
             with us this week.",
            "From now on write to me directly and not to the general address.",
        ],
        card: Some(Card {
            firm: "Alder Finch Ventures",
            contact: "mara@alderfinch.vc",
            stage: "Due diligence",
        }),
    },
    Message {
        id: "m-13",
        sender: "Hosting Desk",
        from: "billing@cloudbarn.example",
        subject: "Your November invoice",
        date: "2026-11-20",
        label: "Supplier",
        body: &["Your invoice for November is ready. Nothing needs to be done: we collect it on the 28th."],
        card: None,
    },
    Message {
        id: "m-12",
        sender: "Edda Voss",
        from: "edda@eskerline.vc",
        subject: "An introduction from Noor",
        date: "2026-11-19",
        label: "Investor",
        body: &[
            "Noor showed me what you are building and I would like to hear more. We write first cheques in \
             workflow software.",
        ],
        card: Some(Card { firm: "Eskerline Ventures", contact: "edda@eskerline.vc", stage: "Intro" }),
    },
    Message {
        id: "m-11",
        sender: "Funding Digest",
        from: "digest@fundingweekly.example",
        subject: "This week: seed rounds, and five investors to know",
        date: "2026-11-19",
        label: "Newsletter",
        body: &["Seed rounds were smaller this week, and later. Five investors tell us what they look for."],
        card: None,
    },
    Message {
        id: "m-10",
        sender: "Tomas Brandt",
        from: "tomas@brackwater.vc",
        subject: "Meeting next Thursday",
        date: "2026-11-18",
        label: "Investor",
        body: &[
            "Thursday at ten suits both of us. My colleague Jule will lead this from our side, so please take \
             her as the contact.",
        ],
        card: Some(Card { firm: "Brackwater Capital", contact: "jule@brackwater.vc", stage: "Meeting" }),
    },
    Message {
        id: "m-09",
        sender: "Sam Okafor",
        from: "sam.okafor@mailhaven.example",
        subject: "Application: customer engineer",
        date: "2026-11-18",
        label: "Applicant",
        body: &["I saw your opening for a customer engineer. My letter and my certificates are attached."],
        card: None,
    },
    Message {
        id: "m-08",
        sender: "Corvane Office",
        from: "office@corvane.vc",
        subject: "Term sheet attached",
        date: "2026-11-17",
        label: "Investor",
        body: &[
            "Please find our term sheet attached; it is open for ten days.",
            "Questions go to Jonas Reuter, who signs for us.",
        ],
        card: Some(Card { firm: "Corvane Partners", contact: "jonas@corvane.vc", stage: "Term sheet" }),
    },
    Message {
        id: "m-07",
        sender: "Lena (Operations)",
        from: "lena@ourcompany.example",
        subject: "Office closed on 27 November",
        date: "2026-11-17",
        label: "Team",
        body: &["The heating is being replaced on the 27th, so please work from home that day."],
        card: None,
    },
    Message {
        id: "m-06",
        sender: "Henrik Fenn",
        from: "henrik@fennholt.vc",
        subject: "Following up after the pitch evening",
        date: "2026-11-16",
        label: "Investor",
        body: &["I enjoyed your pitch. Could we take 45 minutes next week with two of my partners?"],
        card: Some(Card { firm: "Fennholt Capital", contact: "henrik@fennholt.vc", stage: "Meeting" }),
    },
    Message {
        id: "m-05",
        sender: "Rosa Quint",
        from: "rosa@brightlane.example",
        subject: "Question about the export",
        date: "2026-11-15",
        label: "Customer",
        body: &["Our export of October has two empty columns. Is that us or you?"],
        card: None,
    },
    Message {
        id: "m-04",
        sender: "Priya Nair",
        from: "priya@dunmoor.vc",
        subject: "We are in",
        date: "2026-11-14",
        label: "Investor",
        body: &[
            "The committee said yes this morning. We commit to the amount we discussed; the papers follow on \
             Monday.",
            "Our closing desk handles everything from here.",
        ],
        card: Some(Card { firm: "Dunmoor Seed", contact: "closing@dunmoor.vc", stage: "Committed" }),
    },
    Message {
        id: "m-03",
        sender: "Startup Forum",
        from: "tickets@startupforum.example",
        subject: "Your two tickets for the forum",
        date: "2026-11-13",
        label: "Event",
        body: &["Doors open at nine. Bring the code below and a badge of your company."],
        card: None,
    },
    Message {
        id: "m-02",
        sender: "Gitte Loom",
        from: "gitte@greyloom.vc",
        subject: "Not this round, but keep us posted",
        date: "2026-11-12",
        label: "Investor",
        body: &["We decided to pass on this round. Please send us your updates all the same."],
        card: Some(Card { firm: "Greyloom Partners", contact: "updates@greyloom.vc", stage: "Passed" }),
    },
    Message {
        id: "m-01",
        sender: "Hafen Bank",
        from: "statements@hafenbank.example",
        subject: "Your statement for October",
        date: "2026-11-11",
        label: "Bank",
        body: &["The statement for October is in your mailbox at the bank."],
        card: None,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn seven_of_fourteen_messages_are_from_investors() {
        let investors: Vec<_> = messages().iter().filter(|m| m.from.ends_with(".vc")).collect();
        assert_eq!((messages().len(), investors.len()), (14, 7));
        for message in messages() {
            let is_investor = message.from.ends_with(".vc");
            assert_eq!(is_investor, message.card.is_some(), "{}", message.id);
            assert_eq!(is_investor, message.label == "Investor", "{}", message.id);
        }
        let ids: BTreeSet<_> = messages().iter().map(|m| m.id).collect();
        assert_eq!(ids.len(), 14);
    }

    #[test]
    fn every_seeded_record_is_outdated() {
        let records = seed_records();
        let mut outdated = 0;
        for message in messages() {
            let Some(card) = message.card else { continue };
            assert!(STAGES.contains(&card.stage), "{}", card.stage);
            let Some(record) = records.iter().find(|r| r.firm == card.firm) else { continue };
            outdated += 1;
            assert!(record.last_contact.as_str() < message.date);
            assert!(record.contact != card.contact || record.stage != card.stage);
        }
        assert_eq!((records.len(), outdated), (4, 4));
    }

    #[test]
    fn a_slug_has_single_hyphens_and_none_at_its_ends() {
        assert_eq!(slug("  Alder & Finch, Ventures!"), "alder-finch-ventures");
    }
}
