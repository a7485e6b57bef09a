//! What is read, what is not, and that nothing else can happen.

#![expect(clippy::wildcard_enum_match_arm, reason = "most kinds of actions say everything in one line")]

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::document::{DragPoint, OneOrMany, ScrollTo, Target};

/// An action as a line that shows everything that was read.
fn told(phrase: &Phrase) -> String {
    let action = &phrase.action;
    let json = |value: &dyn erased::Json| value.json();
    let more = match &action.kind {
        ActionKind::Click(click) => {
            let button = click.button.map_or(String::new(), |_| " with the right button".to_owned());
            let count = click.count.map_or(String::new(), |count| format!(" {count} times"));
            format!("{button}{count}")
        }
        ActionKind::Select(select) => match &select.label {
            Some(OneOrMany::One(label)) => format!(" choosing {label}"),
            other => panic!("{other:?}"),
        },
        ActionKind::WaitFor(wait) => match (&wait.condition, &wait.load, &wait.duration) {
            (Some(condition), ..) => format!(" {}", json(condition)),
            (_, Some(load), _) => format!(" {}", json(load)),
            (.., duration) => format!(" {}", json(duration)),
        },
        ActionKind::Verify(verify) => format!(" {}", json(&verify.conditions)),
        ActionKind::Extract(extract) => {
            format!(" from {} {}", target(extract.target.as_ref().unwrap()), json(&extract.read))
        }
        ActionKind::Scroll(scroll) => match (&scroll.target, scroll.to, &scroll.until) {
            (Some(on), ..) => format!(" {}", target(on)),
            (_, Some(ScrollTo::Edge(edge)), _) => format!(" {}", json(&edge)),
            (.., until) => format!(" until {}", json(until)),
        },
        ActionKind::Drag(drag) => match (&drag.from, &drag.to) {
            (DragPoint::Target(from), DragPoint::Target(to)) => {
                format!(" {} to {}", target(from), target(to))
            }
            other => panic!("{other:?}"),
        },
        ActionKind::Tab(tab) => format!(" {}", tab.open.as_ref().unwrap().url),
        ActionKind::Upload(upload) => format!(" {}", json(&upload.files)),
        ActionKind::Screenshot(shot) if shot.full_page => " of all".to_owned(),
        _ => String::new(),
    };
    let timeout = action.timeout.map_or(String::new(), |span| format!(" within {span}"));
    format!("{action}{more}{timeout}")
}

mod erased {
    /// Anything that is JSON.
    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap()
        }
    }
}

fn target(target: &Target) -> String {
    target.as_slice()[0].to_string()
}

/// Phrases and the actions that they are read as, one a line.
const READ: &[(&str, &[&str])] = &[
    // The pointer.
    ("click the 'Save' button", &["click button \"Save\""]),
    ("Click the \"Save\" button.", &["click button \"Save\""]),
    ("Click the “Save” button", &["click button \"Save\""]),
    ("Click the ‘Save’ button", &["click button \"Save\""]),
    ("Click the «Speichern» button", &["click button \"Speichern\""]),
    ("Click the „Speichern“ button", &["click button \"Speichern\""]),
    ("Click the `Save` button", &["click button \"Save\""]),
    ("Click the 「保存」 button", &["click button \"保存\""]),
    ("CLICK THE 'Save' BUTTON!", &["click button \"Save\""]),
    ("Please click on the Save button", &["click button \"Save\""]),
    ("Click the submit form button", &["click button \"submit form\""]),
    ("Click the button labelled 'Next'", &["click button \"Next\""]),
    ("Click the button with the text \"Add to cart\"", &["click button \"Add to cart\""]),
    ("Click 'Don't save'", &["click button \"Don't save\""]),
    ("Click Save", &["click button \"Save\""]),
    ("Click Sign in", &["click button \"Sign in\""]),
    ("Click Add to Cart", &["click button \"Add to Cart\""]),
    ("Click the Terms and Conditions link", &["click link \"Terms and Conditions\""]),
    ("Click on the 'Edit {{ firm }}' button", &["click button \"Edit {{ firm }}\""]),
    ("click the {{ action }} button", &["click button \"{{ action }}\""]),
    ("Click '#save'", &["click css \"#save\""]),
    ("Click '.btn-primary'", &["click css \".btn-primary\""]),
    ("Click '[data-edit=nova]'", &["click css \"[data-edit=nova]\""]),
    ("Click '//button[1]'", &["click xpath \"//button[1]\""]),
    ("Click 'Save' in the dialog", &["click button \"Save\" in dialog"]),
    (
        "Click the 'Save' button in the 'New record' dialog",
        &["click button \"Save\" in dialog \"New record\""],
    ),
    ("Click the Edit link in the 'Nova' row", &["click link \"Edit\" in row with \"Nova\""]),
    (
        "Click the 'Edit' button in the row containing {{ firm }}",
        &["click button \"Edit\" in row with \"{{ firm }}\""],
    ),
    ("Click the 'Save' button on the page", &["click button \"Save\""]),
    ("Click the 'Save' button to continue", &["click button \"Save\""]),
    ("Click the 'Save' button in order to keep what was entered", &["click button \"Save\""]),
    ("Click Save to store changes.", &["click button \"Save\""]),
    ("Tap the 'Menu' icon", &["click button \"Menu\""]),
    ("Double-click the 'Nova' row", &["click row with \"Nova\" 2 times"]),
    ("Double click 'report.pdf'", &["click button \"report.pdf\" 2 times"]),
    ("Right-click the 'Nova' row", &["click row with \"Nova\" with the right button"]),
    ("Press the 'Save' button", &["click button \"Save\""]),
    ("Open the 'Settings' tab", &["click tab \"Settings\""]),
    ("Select the Details tab", &["click tab \"Details\""]),
    ("Go to the 'Reports' tab", &["click tab \"Reports\""]),
    ("Choose the 'Log out' menu item", &["click menuitem \"Log out\""]),
    ("Hover over the 'Products' link", &["hover link \"Products\""]),
    ("Drag 'Nova' to 'Done'", &["drag text \"Nova\" to text \"Done\""]),
    // Addresses.
    ("go to https://desk.example/inbox", &["navigate to https://desk.example/inbox"]),
    ("Navigate to https://desk.example.", &["navigate to https://desk.example"]),
    ("Open the page https://desk.example/a?b=c&d=e#f", &["navigate to https://desk.example/a?b=c&d=e#f"]),
    ("Visit \"https://desk.example\" in the browser", &["navigate to https://desk.example"]),
    ("Open HTTP://DESK.example/", &["navigate to HTTP://DESK.example/"]),
    ("Go to {{ base_url }}", &["navigate to {{ base_url }}"]),
    ("Open {{portalUrl}}", &["navigate to {{portalUrl}}"]),
    ("Open {{ inputs.baseUrl }}/inbox", &["navigate to {{ inputs.baseUrl }}/inbox"]),
    (
        "Go to https://desk.example/crm?who={{ firm }}",
        &["navigate to https://desk.example/crm?who={{ firm }}"],
    ),
    ("Open https://desk.example in a new tab", &["tab https://desk.example"]),
    ("Go back to the previous page", &["back"]),
    ("Go back", &["back"]),
    ("Refresh the page", &["reload"]),
    ("Scroll to the bottom of the page", &["scroll \"bottom\""]),
    ("Scroll down to the 'Notes' heading", &["scroll heading \"Notes\""]),
    ("Scroll the 'Notes' heading into view", &["scroll heading \"Notes\""]),
    ("Scroll down until 'Imprint' is visible", &["scroll until {\"visible\":{\"text\":\"Imprint\"}}"]),
    // Entering.
    ("type {{email}} into the Email field", &["fill label \"Email\" with {{email}}"]),
    ("Type 'Ada' in the 'First name' field", &["fill label \"First name\" with Ada"]),
    (
        "Enter \"ada@nova.example\" into the Contact e-mail input",
        &["fill label \"Contact e-mail\" with ada@nova.example"],
    ),
    ("Enter ada@nova.example in the Email field", &["fill label \"Email\" with ada@nova.example"]),
    ("Enter 42 into the Amount field.", &["fill label \"Amount\" with 42"]),
    ("Enter 2024-01-31 in the 'Last contact' field", &["fill label \"Last contact\" with 2024-01-31"]),
    (
        "Fill in the Notes text area with '{{ id }}: {{ subject }}'",
        &["fill label \"Notes\" with {{ id }}: {{ subject }}"],
    ),
    ("Fill the 'Amount' field with {{ amount }}", &["fill label \"Amount\" with {{ amount }}"]),
    ("Set the Amount field to 12.50", &["fill label \"Amount\" with 12.50"]),
    ("In the Email field, type {{email}}", &["fill label \"Email\" with {{email}}"]),
    ("Type {{email}} into 'Email'", &["fill label \"Email\" with {{email}}"]),
    ("Input the value 'x' into the field labelled 'Code'", &["fill label \"Code\" with x"]),
    ("Type {{crm_password}} into the Password field", &["fill label \"Password\" with {{crm_password}}"]),
    ("Clear the Search field", &["clear label \"Search\""]),
    ("Select 'Meeting' from the Stage dropdown", &["select label \"Stage\" choosing Meeting"]),
    (
        "Choose the option 'Meeting' in the 'Stage' drop-down list",
        &["select label \"Stage\" choosing Meeting"],
    ),
    ("Select Meeting from the Stage list", &["select label \"Stage\" choosing Meeting"]),
    ("Select {{ stage }} from 'Stage'", &["select label \"Stage\" choosing {{ stage }}"]),
    ("Set the Stage dropdown to 'Meeting'", &["select label \"Stage\" choosing Meeting"]),
    ("In the Stage dropdown, select 'Meeting'", &["select label \"Stage\" choosing Meeting"]),
    ("Check the 'I agree' checkbox", &["check checkbox \"I agree\""]),
    ("Tick the I agree box", &["check checkbox \"I agree\""]),
    ("Uncheck the Newsletter checkbox", &["uncheck checkbox \"Newsletter\""]),
    ("Turn on the 'Dark mode' switch", &["check switch \"Dark mode\""]),
    ("Select the 'Express' radio button", &["check radio \"Express\""]),
    ("Press Enter", &["press Enter"]),
    ("Hit the Return key", &["press Enter"]),
    ("Press the Delete key", &["press Delete"]),
    ("Press Ctrl+S", &["press Control+s"]),
    ("Press Ctrl+Shift+Delete", &["press Control+Shift+Delete"]),
    ("Press the down arrow key", &["press ArrowDown"]),
    ("Press F5", &["press F5"]),
    ("Press Enter in the Search field", &["press label \"Search\" Enter"]),
    ("Upload {{ invoice }} to the Attachment field", &["upload label \"Attachment\" \"{{ invoice }}\""]),
    // Looking.
    ("wait until 'Saved' appears", &["wait_for {\"visible\":{\"text\":\"Saved\"}}"]),
    ("Wait for the dialog to appear", &["wait_for {\"visible\":{\"role\":\"dialog\"}}"]),
    (
        "Wait for the 'New record' dialog to close",
        &["wait_for {\"hidden\":{\"role\":\"dialog\",\"name\":\"New record\"}}"],
    ),
    (
        "Wait until the 'Save' button is enabled",
        &["wait_for {\"enabled\":{\"role\":\"button\",\"name\":\"Save\"}}"],
    ),
    ("Wait for 'Saved'", &["wait_for {\"visible\":{\"text\":\"Saved\"}}"]),
    (
        "Wait up to 30 seconds for 'Saved' to appear",
        &["wait_for {\"visible\":{\"text\":\"Saved\"}} within 30s"],
    ),
    ("Wait for the page to load", &["wait_for \"load\""]),
    ("Wait until the page has finished loading", &["wait_for \"load\""]),
    ("Wait until the network is idle", &["wait_for \"network_idle\""]),
    ("Wait 2 seconds", &["wait_for \"2s\""]),
    ("Wait for 500ms", &["wait_for \"500ms\""]),
    ("Wait until the URL contains '/done'", &["wait_for {\"url\":{\"contains\":\"/done\"}}"]),
    ("Verify that 'Saved' is shown on the page", &["verify [{\"visible\":{\"text\":\"Saved\"}}]"]),
    ("Make sure the page shows the text 'Welcome'", &["verify [{\"visible\":{\"text\":\"Welcome\"}}]"]),
    ("Check that the 'Error' message is not visible", &["verify [{\"hidden\":{\"text\":\"Error\"}}]"]),
    (
        "Confirm that the 'Email' field contains {{email}}",
        &[
            "verify [{\"value\":{\"target\":[{\"exact\":true,\"label\":\"Email\"},{\"label\":\"Email\"},{\"placeholder\":\"Email\"}],\"contains\":\"{{email}}\"}}]",
        ],
    ),
    (
        "Verify the heading says 'Inbox'",
        &["verify [{\"visible\":{\"role\":\"heading\",\"name\":\"Inbox\"}}]"],
    ),
    ("Ensure the page title is 'Inbox'", &["verify [{\"title\":{\"equals\":\"Inbox\"}}]"]),
    (
        "Verify that the 'I agree' checkbox is not checked",
        &["verify [{\"not\":{\"checked\":{\"role\":\"checkbox\",\"name\":\"I agree\"}}}]"],
    ),
    ("Extract the text of the 'Total' heading as total", &["extract total from heading \"Total\" null"]),
    ("Copy the value of the 'Email' field into email", &["extract email from label \"Email\" \"value\""]),
    ("Read the number in '#total' as {{ total }}", &["extract total from css \"#total\" \"number\""]),
    ("Take a screenshot", &["screenshot"]),
    ("Take a screenshot of the full page", &["screenshot of all"]),
    // Several clauses.
    (
        "Go to https://desk.example, type {{email}} into the Email field and click 'Log in'.",
        &[
            "navigate to https://desk.example",
            "fill label \"Email\" with {{email}}",
            "click button \"Log in\"",
        ],
    ),
    ("Click 'Edit', then click 'Save'", &["click button \"Edit\"", "click button \"Save\""]),
    ("Click 'Edit'. Then click 'Save'.", &["click button \"Edit\"", "click button \"Save\""]),
    ("1. Click 'Edit'\n2. Click 'Save'", &["click button \"Edit\"", "click button \"Save\""]),
    ("- Click 'Edit'\n- Click 'Save'", &["click button \"Edit\"", "click button \"Save\""]),
    ("Step 1: Click 'Edit'", &["click button \"Edit\""]),
    ("Click 'Edit' → click 'Save'", &["click button \"Edit\"", "click button \"Save\""]),
    ("Click 'Edit'; wait for the page to load", &["click button \"Edit\"", "wait_for \"load\""]),
    (
        "In the Email field, type {{email}} and press Enter",
        &["fill label \"Email\" with {{email}}", "press Enter"],
    ),
    ("First, please click 'Edit' and then, finally, press Enter", &["click button \"Edit\"", "press Enter"]),
];

/// Phrases that are for a person, and why.
const UNREAD: &[(&str, UnreadReason)] = &[
    ("", UnreadReason::Empty),
    ("  \n ", UnreadReason::Empty),
    ("...", UnreadReason::Empty),
    ("Save the record", UnreadReason::Object),
    ("Review the invoice", UnreadReason::Verb),
    ("The record is saved.", UnreadReason::Verb),
    ("Approve the request in SAP", UnreadReason::Verb),
    ("Is the invoice paid?", UnreadReason::Verb),
    ("Klicken Sie auf 'Speichern'", UnreadReason::Verb),
    ("Click the button", UnreadReason::Object),
    ("Click the right button", UnreadReason::Object),
    ("Click the correct link", UnreadReason::Object),
    ("Click the first result", UnreadReason::Object),
    ("Click the next button", UnreadReason::Object),
    ("Click the blue button", UnreadReason::Object),
    ("Click it", UnreadReason::Object),
    ("Click on the record", UnreadReason::Object),
    ("Click save", UnreadReason::Object),
    ("Click Save now", UnreadReason::Object),
    ("Click the 'Save' and 'Close' buttons", UnreadReason::Object),
    ("Click 'Save' or 'Close'", UnreadReason::Conditional),
    ("Click 'Save' if the amount is right", UnreadReason::Conditional),
    ("If the amount is right, click 'Save'", UnreadReason::Conditional),
    ("Click 'Delete' for each record", UnreadReason::Conditional),
    ("Click 'Next' until the list is empty", UnreadReason::Conditional),
    ("Click every 'Delete' button", UnreadReason::Conditional),
    ("Do not click 'Delete'", UnreadReason::Conditional),
    ("Don't click 'Delete'", UnreadReason::Conditional),
    ("Never press Enter", UnreadReason::Conditional),
    ("Click 'Save' unless it is grey", UnreadReason::Conditional),
    ("Click 'Save'. The record is now saved.", UnreadReason::Verb),
    ("Click 'Edit', then correct the amount", UnreadReason::Verb),
    ("Click 'Edit' to change the name to 'Nova'", UnreadReason::Object),
    ("Click 'Add' to the left of the list", UnreadReason::Object),
    ("Click the 'Save' button (top right)", UnreadReason::Object),
    ("Click the 'Save' button next to the total", UnreadReason::Object),
    ("Click the 'Save' button twice", UnreadReason::Object),
    ("Click 'Save", UnreadReason::Quotes),
    ("Click \"Save'", UnreadReason::Quotes),
    ("Click ''", UnreadReason::Quotes),
    ("Type {{email into the Email field", UnreadReason::Template),
    ("Type {% if x %} into the Email field", UnreadReason::Template),
    ("Type '{{ }}' into the Email field", UnreadReason::Template),
    ("Type }} into the Email field", UnreadReason::Template),
    ("Type the invoice number into the Amount field", UnreadReason::Object),
    ("Type hello into the Search field", UnreadReason::Object),
    ("Type 'hello'", UnreadReason::Object),
    ("Type 'hello' into the field", UnreadReason::Object),
    ("Type 'hello' into the 'Save' button", UnreadReason::Object),
    ("Type 'hunter2' into the Password field", UnreadReason::Password),
    ("Enter '1234' in the PIN field", UnreadReason::Password),
    ("Set the 'API key' field to abc123", UnreadReason::Object),
    ("Go to https://ada:hunter2@desk.example/", UnreadReason::Password),
    ("Go to desk.example", UnreadReason::Object),
    ("Go to /inbox", UnreadReason::Object),
    ("Go to the inbox", UnreadReason::Object),
    ("Open the record", UnreadReason::Object),
    ("Open {{record}}", UnreadReason::Object),
    ("Open ftp://desk.example", UnreadReason::Object),
    ("Open 'javascript:alert(1)'", UnreadReason::Object),
    ("Open https://desk.example and log in", UnreadReason::Object),
    ("Open the 'File' menu", UnreadReason::Object),
    ("Select 'Meeting'", UnreadReason::Object),
    ("Select a date", UnreadReason::Object),
    ("Select all rows", UnreadReason::Conditional),
    ("Select 'Meeting' as the stage", UnreadReason::Object),
    ("Check 'I agree'", UnreadReason::Object),
    ("Check the total", UnreadReason::Object),
    ("Check if the invoice is paid", UnreadReason::Conditional),
    ("Press Delete", UnreadReason::Object),
    ("Press Save", UnreadReason::Object),
    ("Press any key", UnreadReason::Conditional),
    ("Press", UnreadReason::Object),
    ("Upload 'C:\\invoice.pdf' to the Attachment field", UnreadReason::Object),
    ("Wait", UnreadReason::Object),
    ("Wait a moment", UnreadReason::Object),
    ("Wait 2 hours", UnreadReason::Object),
    ("Wait until the invoice is paid", UnreadReason::Conditional),
    ("Wait for the approval of the manager", UnreadReason::Conditional),
    ("Wait until 'Saved' or 'Failed' appears", UnreadReason::Conditional),
    ("Verify the amount", UnreadReason::Object),
    ("Verify that everything is correct", UnreadReason::Object),
    ("Make sure to click 'Save'", UnreadReason::Object),
    ("Extract the invoice number", UnreadReason::Object),
    ("Extract 'Total' as total", UnreadReason::Object),
    ("Copy the table into the spreadsheet", UnreadReason::Object),
    ("Drag 'Nova'", UnreadReason::Object),
    ("Scroll down", UnreadReason::Object),
    ("Hover", UnreadReason::Object),
];

#[test]
fn phrases_are_read_as_what_they_say() {
    let wrong: Vec<_> = READ
        .iter()
        .filter_map(|(text, expected)| {
            let lines = match read(text) {
                Ok(read) => {
                    let sure = read.iter().all(|phrase| phrase.confidence.as_percent() >= 60);
                    assert!(sure, "{text}: {read:?}");
                    read.iter().map(told).collect()
                }
                Err(unread) => vec![unread.to_string()],
            };
            (lines != *expected).then(|| format!("{text}\n  read     {lines:?}\n  expected {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(READ.len() >= 100, "{}", READ.len());
}

#[test]
fn what_is_not_understood_is_not_guessed() {
    for (text, reason) in UNREAD {
        let unread = read(text).map_err(|unread| unread.reason);
        assert_eq!(unread, Err(*reason), "{text}");
    }
    assert!(UNREAD.len() >= 80, "{}", UNREAD.len());
}

#[test]
fn names_in_quotes_are_first_looked_for_as_they_stand() {
    let phrases =
        read("Click 'Save', then type {{email}} into the Email field and open the 'Log' link").unwrap();
    let actions: Vec<_> = phrases.iter().map(|phrase| &phrase.action).collect();
    insta::assert_json_snapshot!(actions);
}

#[test]
fn a_surer_reading_has_more_confidence() {
    let confidence = |text| read(text).unwrap()[0].confidence;
    let falling = [
        "Click the 'Save' button",
        "Click the 'Save' button to continue",
        "Click the Save button",
        "Click 'Save'",
        "Click Save",
    ];
    let read: Vec<_> = falling.map(confidence).to_vec();
    assert!(read.is_sorted_by(|left, right| left > right), "{read:?}");
}

#[test]
fn a_clause_keeps_its_words() {
    let phrases = read("1. Please click 'Edit',\n2. then press Enter!").unwrap();
    let texts: Vec<_> = phrases.iter().map(|phrase| phrase.text.as_str()).collect();
    assert_eq!(texts, ["click 'Edit'", "press Enter"]);
    let unread = read("Click 'Edit'. Then think about it.").unwrap_err();
    assert_eq!(unread.clause, "think about it");
    assert_eq!(unread.to_string(), "it begins with no known verb: “think about it”");
}

#[test]
fn long_texts_are_not_read() {
    let long = "Click 'Save'. ".repeat(MAX_CLAUSES + 1);
    assert_eq!(read(&long).unwrap_err().reason, UnreadReason::TooLong);
    assert_eq!(read(&"Click 'Save'. ".repeat(MAX_CLAUSES)).unwrap().len(), MAX_CLAUSES);
    let longer = format!("Click '{}'", "a".repeat(MAX_TEXT));
    assert_eq!(read(&longer).unwrap_err().reason, UnreadReason::TooLong);
}

#[test]
fn a_confidence_is_a_share() {
    let shares = [(0.87, 87), (1.0, 100), (7.5, 100), (-3.0, 0), (f64::NAN, 0)];
    for (share, percent) in shares {
        assert_eq!(Confidence::from(share).as_percent(), percent, "{share}");
    }
    assert_eq!(serde_json::to_value(Confidence::percent(95)).unwrap(), Value::from(0.95));
}

/// Pieces of which texts are made that come near to being read.
const PIECES: [&str; 40] = [
    "click",
    "the",
    "'Save'",
    "button",
    "and",
    "then",
    ",",
    ".",
    "type",
    "{{email}}",
    "into",
    "Email",
    "field",
    "go to",
    "https://a.example/b",
    "wait until",
    "appears",
    "press",
    "Enter",
    "Ctrl+",
    "select",
    "from",
    "\n",
    "“",
    "”",
    "'",
    "{{",
    "}}",
    "in",
    "dialog",
    "if",
    "to",
    "1.",
    "-",
    "é",
    "保",
    "set",
    "verify",
    "as",
    "is",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,400}") {
        let _ = read(&text);
    }

    #[test]
    fn what_is_read_stands_in_the_text(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text = pieces.iter().map(|piece| PIECES[*piece]).collect::<Vec<_>>().join(" ");
        if let Ok(phrases) = read(&text) {
            prop_assert!(!phrases.is_empty() && phrases.len() <= MAX_CLAUSES);
            for phrase in &phrases {
                prop_assert!(text.contains(&phrase.text));
                if let Some(entered) = phrase.action.kind.entered() {
                    prop_assert!(phrase.text.contains(&entered.to_string()));
                }
                if let ActionKind::Navigate(navigate) = &phrase.action.kind {
                    prop_assert!(phrase.text.contains(&navigate.url));
                }
                // What was read is an action that a document can hold.
                let json = serde_json::to_value(&phrase.action).unwrap();
                prop_assert_eq!(&serde_json::from_value::<Action>(json).unwrap(), &phrase.action);
            }
        }
    }
}
