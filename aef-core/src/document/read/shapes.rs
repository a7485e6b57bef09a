//! The shape of documents, as tables. A test holds them against the JSON Schema that the types give.

use super::shape::{Field, Object, Shape};

const fn may(key: &'static str, shape: &'static Shape) -> Field {
    Field { key, shape, required: false }
}

const fn must(key: &'static str, shape: &'static Shape) -> Field {
    Field { key, shape, required: true }
}

const fn object(name: &'static str, fields: &'static [Field]) -> Object {
    Object { name, fields, shared: None, later: &[], extensible: false }
}

const fn action(name: &'static str, fields: &'static [Field]) -> Object {
    Object { name, fields, shared: Some(&ACTION_COMMON), later: &[], extensible: false }
}

const fn step(name: &'static str, fields: &'static [Field]) -> Object {
    Object {
        name,
        fields,
        shared: Some(&STEP_COMMON),
        later: &["once", "approvers", "dryRun"],
        extensible: true,
    }
}

static ANY: Shape = Shape::Any;
static TEXT: Shape = Shape::Text;
static FLAG: Shape = Shape::Flag;
static WHOLE: Shape = Shape::Whole;
static NUMBER: Shape = Shape::Number;
static DURATION: Shape = Shape::Duration;
static TEXTS: Shape = Shape::List(&TEXT);
static ONE_OR_MORE_TEXTS: Shape = Shape::OneOrMany(&TEXT);
static EXPRESSIONS: Shape = Shape::Map(&TEXT);
static VALUES: Shape = Shape::Map(&ANY);
static CONDITION: Shape = Shape::Condition;
static CONDITIONS: Shape = Shape::List(&CONDITION);
static STEP: Shape = Shape::Step;
static STEP_LIST: Shape = Shape::List(&STEP);
static ACTION: Shape = Shape::Action;
static ACTION_LIST: Shape = Shape::List(&ACTION);
static INTEGER: Shape = Shape::Integer;
static TEMPLATED_WHOLE: Shape = Shape::Templated(&WHOLE);
static TEMPLATED_NUMBER: Shape = Shape::Templated(&NUMBER);
static TEMPLATED_INTEGER: Shape = Shape::Templated(&INTEGER);

pub(super) static DOCUMENT_SHAPE: Shape = Shape::Object(&DOCUMENT);
pub(super) static DOCUMENT: Object = Object {
    name: "a document",
    fields: &[
        must("aef", &WHOLE),
        must("id", &TEXT),
        may("version", &TEXT),
        may("title", &TEXT),
        may("goal", &TEXT),
        may("description", &TEXT),
        may("inputs", &VALUES),
        may("secrets", &Shape::List(&Shape::Object(&SECRET))),
        may("vars", &VALUES),
        may("config", &Shape::Object(&CONFIG)),
        may("source", &Shape::Object(&SOURCE)),
        must("steps", &STEP_LIST),
    ],
    shared: None,
    later: &["procedures", "triggers", "concurrency", "once", "dryRun"],
    extensible: true,
};

static SECRET: Object = object(
    "a secret",
    &[
        must("name", &TEXT),
        may("kind", &Shape::Word(&["password", "text", "token", "totp"])),
        may("origins", &TEXTS),
        may("description", &TEXT),
    ],
);

static SOURCE: Object = object(
    "`source`",
    &[must("kind", &TEXT), may("id", &TEXT), may("version", &TEXT), must("sha256", &TEXT)],
);

static ON_TIMEOUT: Shape = Shape::Word(&["pause", "reject", "skip", "approve"]);
static CONFIG: Object = object(
    "`config`",
    &[
        may("checkpoints", &Shape::Object(&CHECKPOINT_CONFIG)),
        may("stepTimeout", &DURATION),
        may("actionTimeout", &DURATION),
        may("maxDuration", &DURATION),
        may("maxAge", &DURATION),
        may("maxSteps", &WHOLE),
        may("maxHold", &DURATION),
        may("timezone", &TEXT),
        may("retry", &RETRY),
        may("browser", &Shape::Object(&BROWSER)),
        may("evidence", &Shape::Object(&EVIDENCE)),
        may("recovery", &Shape::Object(&RECOVERY)),
        may("inDoubt", &Shape::Word(&["ask", "fail"])),
    ],
);

static CHECKPOINT_CONFIG: Object = Object {
    name: "`checkpoints`",
    fields: &[
        may("mode", &Shape::Word(&["all", "risky", "declared", "none"])),
        may("timeout", &DURATION),
        may("onTimeout", &ON_TIMEOUT),
    ],
    shared: None,
    later: &["approvers"],
    extensible: false,
};

static ERROR_KINDS: Shape = Shape::List(&Shape::Word(&[
    "transient",
    "persistent",
    "any",
    "element_not_found",
    "ambiguous",
    "not_actionable",
    "target_changed",
    "timeout",
    "navigation",
    "network",
    "http_status",
    "dialog",
    "verification_failed",
    "script",
    "crashed",
    "disconnected",
    "page_lost",
    "policy",
    "secret_missing",
    "expression",
    "data",
    "limit_exceeded",
    "nothing_ran",
    "in_doubt",
    "internal",
]));
static RETRY: Shape = Shape::Object(&RETRY_OBJECT);
static RETRY_OBJECT: Object = object(
    "`retry`",
    &[
        may("maxAttempts", &WHOLE),
        may("delay", &DURATION),
        may("backoff", &NUMBER),
        may("kinds", &ERROR_KINDS),
    ],
);

static BROWSER: Object = Object {
    name: "`browser`",
    fields: &[
        may(
            "viewport",
            &Shape::Object(&Object {
                name: "`viewport`",
                fields: &[must("width", &WHOLE), must("height", &WHOLE)],
                shared: None,
                later: &[],
                extensible: false,
            }),
        ),
        may("deviceScaleFactor", &NUMBER),
        may("allowedOrigins", &TEXTS),
        may("strictOrigins", &FLAG),
        may("locale", &TEXT),
        may("userAgent", &TEXT),
        may("testIdAttribute", &TEXT),
        may("ignoreHttpsErrors", &FLAG),
        may("headers", &EXPRESSIONS),
        may(
            "geolocation",
            &Shape::Object(&object(
                "`geolocation`",
                &[must("latitude", &NUMBER), must("longitude", &NUMBER), may("accuracy", &NUMBER)],
            )),
        ),
        may(
            "permissions",
            &Shape::List(&Shape::Word(&[
                "geolocation",
                "notifications",
                "clipboard_read",
                "camera",
                "microphone",
            ])),
        ),
        may(
            "credentials",
            &Shape::Object(&object("`credentials`", &[must("username", &TEXT), must("secret", &TEXT)])),
        ),
    ],
    shared: None,
    later: &["profile"],
    extensible: false,
};

static EVIDENCE: Object =
    object("`evidence`", &[may("screenshots", &Shape::Word(&["never", "on_failure", "each_step"]))]);
static RECOVERY: Object =
    object("`recovery`", &[may("wait", &DURATION), may("otherwise", &Shape::Word(&["fail", "skip"]))]);

// Steps.

static GOTO: Object = object("`{ goto: ID }`", &[must("goto", &TEXT)]);
pub(super) static THEN: Object = object(
    "`{ goto: ID }`, `{ break: LOOP }` or `{ continue: LOOP }`",
    &[may("goto", &TEXT), may("break", &TEXT), may("continue", &TEXT)],
);
static CHECKPOINT: Shape = Shape::Object(&CHECKPOINT_OBJECT);
static CHECKPOINT_OBJECT: Object = Object {
    name: "a checkpoint",
    fields: &[
        may("title", &TEXT),
        may("description", &TEXT),
        may("form", &VALUES),
        may("timeout", &DURATION),
        may("onTimeout", &ON_TIMEOUT),
        may("label", &TEXT),
        may("required", &FLAG),
    ],
    shared: None,
    later: &["approvers"],
    extensible: false,
};
static CHECKPOINTS: Object = object("`checkpoint`", &[may("before", &CHECKPOINT), may("after", &CHECKPOINT)]);
static HANDLER: Object = object(
    "an entry of `onError`",
    &[
        may("kinds", &ERROR_KINDS),
        may("when", &CONDITION),
        may("steps", &STEP_LIST),
        must("then", &Shape::WordOr(&["retry", "skip", "fail", "ask"], &GOTO)),
        may("max", &WHOLE),
    ],
);

static STEP_COMMON: Object = object(
    "a step",
    &[
        must("id", &TEXT),
        may("name", &TEXT),
        may("type", &TEXT),
        may("intent", &TEXT),
        may("context", &TEXT),
        may("when", &CONDITION),
        may("timeout", &DURATION),
        may("checkpoint", &Shape::Object(&CHECKPOINTS)),
        may("retry", &RETRY),
        may("onError", &Shape::List(&Shape::Object(&HANDLER))),
        may("risk", &Shape::Word(&["read", "write", "destructive"])),
        may("repeatable", &FLAG),
        may("resume", &Shape::Word(&["reenter", "ask"])),
        may("outputs", &EXPRESSIONS),
        may("then", &Shape::Jump),
    ],
);

/// The types of steps.
pub(super) static STEPS: [(&str, Object); 6] = [
    ("task", step("a task", &[may("actions", &ACTION_LIST), may("verify", &CONDITIONS)])),
    (
        "loop",
        step(
            "a loop",
            &[
                may("forEach", &TEXT),
                may("while", &CONDITION),
                may("until", &CONDITION),
                must("maxIterations", &WHOLE),
                may("as", &TEXT),
                may("index", &TEXT),
                may("collect", &EXPRESSIONS),
                may("onItemError", &Shape::Word(&["stop", "continue"])),
                may("collectErrors", &TEXT),
                must("steps", &STEP_LIST),
            ],
        ),
    ),
    (
        "decision",
        step(
            "a decision",
            &[
                may("ask", &Shape::Object(&ASK)),
                must("branches", &Shape::List(&Shape::Object(&BRANCH))),
                may("otherwise", &Shape::Object(&OTHERWISE)),
            ],
        ),
    ),
    ("group", step("a group", &[must("steps", &STEP_LIST)])),
    (
        "manual",
        step(
            "a manual step",
            &[
                may("instructions", &TEXT),
                may("form", &VALUES),
                may("as", &TEXT),
                may("onTimeout", &ON_TIMEOUT),
            ],
        ),
    ),
    ("end", step("an end", &[may("outcome", &Shape::Word(&["completed", "failed"])), may("result", &ANY)])),
];

static ASK: Object = object(
    "`ask`",
    &[
        must("question", &TEXT),
        may("description", &TEXT),
        must("options", &Shape::List(&Shape::Object(&ASK_OPTION))),
        may("form", &VALUES),
        may("as", &TEXT),
        may("onTimeout", &ON_TIMEOUT),
    ],
);
static ASK_OPTION: Object = object("an option", &[must("id", &TEXT), must("label", &TEXT)]);
static BRANCH: Object = object(
    "a branch",
    &[may("when", &CONDITION), may("option", &TEXT), may("label", &TEXT), must("steps", &STEP_LIST)],
);
static OTHERWISE: Object = object("`otherwise`", &[may("label", &TEXT), must("steps", &STEP_LIST)]);

// Locators and conditions.

static LOCATOR_SHAPE: Shape = Shape::Object(&LOCATOR);
pub(super) static TARGET: Shape = Shape::OneOrMany(&LOCATOR_SHAPE);
static LOCATOR: Object = object(
    "a locator",
    &[
        may("testId", &TEXT),
        may("role", &TEXT),
        may("name", &TEXT),
        may("exact", &FLAG),
        may("label", &TEXT),
        may("placeholder", &TEXT),
        may("altText", &TEXT),
        may("title", &TEXT),
        may("text", &TEXT),
        may("css", &TEXT),
        may("xpath", &TEXT),
        may("within", &TARGET),
        may("frame", &TARGET),
        may("nth", &TEMPLATED_INTEGER),
        may("first", &FLAG),
        may("last", &FLAG),
        may("hasText", &TEXT),
        may("visible", &FLAG),
        may(
            "fingerprint",
            &Shape::Object(&Object {
                name: "`fingerprint`",
                fields: &[may("role", &TEXT), may("name", &TEXT), may("tag", &TEXT)],
                shared: None,
                later: &[],
                extensible: false,
            }),
        ),
    ],
);

static TEXT_TEST: Shape = Shape::Object(&TEXT_TEST_OBJECT);
static TEXT_TEST_OBJECT: Object = object(
    "a comparison of a text",
    &[must("target", &TARGET), may("equals", &ENTERED), may("contains", &ENTERED), may("matches", &TEXT)],
);
static ENTERED: Shape = Shape::Entered;
static ATTRIBUTE_TEST: Object = object(
    "a comparison of an attribute",
    &[
        must("target", &TARGET),
        must("name", &TEXT),
        may("equals", &ENTERED),
        may("contains", &ENTERED),
        may("matches", &TEXT),
    ],
);
static COUNT_TEST: Object = object(
    "a comparison of a count",
    &[
        must("target", &TARGET),
        may("equals", &TEMPLATED_WHOLE),
        may("atLeast", &TEMPLATED_WHOLE),
        may("atMost", &TEMPLATED_WHOLE),
    ],
);
static NUMBER_TEST: Object = object(
    "a comparison of a number",
    &[
        must("target", &TARGET),
        may("equals", &TEMPLATED_NUMBER),
        may("lessThan", &TEMPLATED_NUMBER),
        may("atMost", &TEMPLATED_NUMBER),
        may("atLeast", &TEMPLATED_NUMBER),
        may("greaterThan", &TEMPLATED_NUMBER),
    ],
);
static STRING_TEST: Shape = Shape::Object(&STRING_TEST_OBJECT);
static STRING_TEST_OBJECT: Object = object(
    "a comparison of a text",
    &[
        may("equals", &TEXT),
        may("contains", &TEXT),
        may("starts_with", &TEXT),
        may("ends_with", &TEXT),
        may("matches", &TEXT),
    ],
);
pub(super) static PAGE_CONDITION: Object = object(
    "a condition",
    &[
        may("visible", &TARGET),
        may("hidden", &TARGET),
        may("enabled", &TARGET),
        may("disabled", &TARGET),
        may("checked", &TARGET),
        may("editable", &TARGET),
        may("text", &TEXT_TEST),
        may("value", &TEXT_TEST),
        may("attribute", &Shape::Object(&ATTRIBUTE_TEST)),
        may("count", &Shape::Object(&COUNT_TEST)),
        may("number", &Shape::Object(&NUMBER_TEST)),
        may("url", &STRING_TEST),
        may("title", &STRING_TEST),
        may("all", &CONDITIONS),
        may("any", &CONDITIONS),
        may("not", &CONDITION),
        may("timeout", &DURATION),
    ],
);

// Actions.

static ACTION_COMMON: Object = object(
    "an action",
    &[
        must("action", &TEXT),
        may("timeout", &DURATION),
        may("repeatable", &FLAG),
        may("description", &TEXT),
        may("popup", &Shape::Object(&POPUP)),
    ],
);
static POPUP: Object = object("`popup`", &[must("as", &TEXT)]);
static WAIT_UNTIL: Shape = Shape::Word(&["commit", "dom_content_loaded", "load", "network_idle"]);
static STATUSES: Shape = Shape::List(&WHOLE);
static POINT: Object = object("a place: { x, y }", &[must("x", &NUMBER), must("y", &NUMBER)]);
static POINT_SHAPE: Shape = Shape::Object(&POINT);
static MODIFIERS: Shape = Shape::List(&Shape::Word(&["Alt", "Control", "Meta", "Shift"]));
static READ: Shape =
    Shape::Word(&["text", "value", "attribute", "html", "number", "count", "checked", "box"]);
static DRAG_POINT: Shape = Shape::DragPoint;
pub(super) static DRAG_OFFSET_SHAPE: Shape = Shape::Object(&DRAG_OFFSET);
static DRAG_OFFSET: Object =
    object("a place in an element", &[must("target", &TARGET), must("offset", &POINT_SHAPE)]);
static EXTRACT_FIELD: Object = Object {
    name: "a field",
    fields: &[may("locator", &TARGET), may("read", &READ), may("attribute", &TEXT), may("required", &FLAG)],
    shared: Some(&LOCATOR),
    later: &[],
    extensible: false,
};
const HISTORY: &[Field] = &[may("waitUntil", &WAIT_UNTIL), may("allowStatus", &STATUSES)];
const ON_TARGET: &[Field] = &[must("target", &TARGET)];
const NAVIGATE: &[Field] =
    &[must("url", &TEXT), may("waitUntil", &WAIT_UNTIL), may("allowStatus", &STATUSES)];
const CLICK: &[Field] = &[
    must("target", &TARGET),
    may("button", &Shape::Word(&["left", "middle", "right"])),
    may("count", &WHOLE),
    may("modifiers", &MODIFIERS),
    may("position", &POINT_SHAPE),
    may("force", &FLAG),
    may("waitUntil", &WAIT_UNTIL),
];
static DOWNLOAD_CLICK: Object = object("`click`", CLICK);
static DOWNLOAD_NAVIGATE: Object = object("`navigate`", NAVIGATE);

/// The actions.
pub(super) static ACTIONS: [(&str, Object); 27] = [
    ("navigate", action("`navigate`", NAVIGATE)),
    ("back", action("`back`", HISTORY)),
    ("forward", action("`forward`", HISTORY)),
    ("reload", action("`reload`", HISTORY)),
    ("click", action("`click`", CLICK)),
    (
        "hover",
        action(
            "`hover`",
            &[
                must("target", &TARGET),
                may("modifiers", &MODIFIERS),
                may("position", &POINT_SHAPE),
                may("force", &FLAG),
            ],
        ),
    ),
    ("fill", action("`fill`", &[must("target", &TARGET), must("value", &ENTERED)])),
    ("type", action("`type`", &[must("target", &TARGET), must("value", &ENTERED), may("delay", &DURATION)])),
    ("clear", action("`clear`", ON_TARGET)),
    ("press", action("`press`", &[must("keys", &TEXT), may("target", &TARGET)])),
    (
        "select",
        action(
            "`select`",
            &[
                must("target", &TARGET),
                may("value", &ONE_OR_MORE_TEXTS),
                may("label", &ONE_OR_MORE_TEXTS),
                may("index", &Shape::OneOrMany(&TEMPLATED_WHOLE)),
            ],
        ),
    ),
    ("check", action("`check`", ON_TARGET)),
    ("uncheck", action("`uncheck`", ON_TARGET)),
    (
        "scroll",
        action(
            "`scroll`",
            &[
                may("target", &TARGET),
                may("to", &Shape::WordOr(&["top", "bottom", "into_view"], &POINT)),
                may("until", &CONDITION),
                may("max", &WHOLE),
            ],
        ),
    ),
    (
        "wait_for",
        action(
            "`wait_for`",
            &[
                may("condition", &CONDITION),
                may("load", &WAIT_UNTIL),
                may("duration", &Shape::Templated(&DURATION)),
            ],
        ),
    ),
    (
        "extract",
        action(
            "`extract`",
            &[
                must("as", &TEXT),
                may("target", &TARGET),
                may("read", &READ),
                may("attribute", &TEXT),
                may("list", &LOCATOR_SHAPE),
                may("fields", &Shape::Map(&Shape::Object(&EXTRACT_FIELD))),
                may("minItems", &WHOLE),
                may("maxItems", &WHOLE),
                may("schema", &VALUES),
            ],
        ),
    ),
    ("verify", action("`verify`", &[must("conditions", &CONDITIONS), may("soft", &FLAG)])),
    (
        "screenshot",
        action(
            "`screenshot`",
            &[
                may("target", &TARGET),
                may("fullPage", &FLAG),
                may("mask", &Shape::List(&TARGET)),
                may("format", &Shape::Word(&["png", "jpeg"])),
                may("as", &TEXT),
            ],
        ),
    ),
    ("upload", action("`upload`", &[must("target", &TARGET), must("files", &Shape::OneOrMany(&ANY))])),
    (
        "download",
        action(
            "`download`",
            &[
                may("click", &Shape::Object(&DOWNLOAD_CLICK)),
                may("navigate", &Shape::Object(&DOWNLOAD_NAVIGATE)),
                must("as", &TEXT),
            ],
        ),
    ),
    (
        "drag",
        action(
            "`drag`",
            &[
                must("from", &DRAG_POINT),
                must("to", &DRAG_POINT),
                may("via", &Shape::List(&DRAG_POINT)),
                may("moves", &WHOLE),
            ],
        ),
    ),
    (
        "select_text",
        action(
            "`select_text`",
            &[must("target", &TARGET), may("text", &TEXT), may("from", &WHOLE), may("to", &WHOLE)],
        ),
    ),
    (
        "tab",
        action("`tab`", &[may("open", &Shape::Object(&TAB_OPEN)), may("switch", &TEXT), may("close", &TEXT)]),
    ),
    ("dialog", action("`dialog`", &[may("accept", &FLAG), may("dismiss", &FLAG), may("answer", &TEXT)])),
    ("set", action("`set`", &[must("vars", &EXPRESSIONS)])),
    ("evaluate", action("`evaluate`", &[must("script", &TEXT), may("args", &VALUES), may("as", &TEXT)])),
    ("act", action("`act`", &[must("instruction", &TEXT)])),
];
static TAB_OPEN: Object = object("`open`", &[must("url", &TEXT), may("as", &TEXT)]);

/// Actions of the format that this version does not run.
pub(super) const LATER_ACTIONS: [&str; 3] = ["read", "write", "http"];

pub(super) static CUSTOM_ACTION: Object =
    action("a host's action", &[may("with", &VALUES), may("as", &TEXT)]);
