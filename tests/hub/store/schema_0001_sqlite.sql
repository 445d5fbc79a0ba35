-- The schema of the first release (revision 0001) as it was made in a new database. Never changed again.

CREATE TABLE id_block (
    name TEXT NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE stream_head (
    id INTEGER NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE event (
    place INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    office TEXT,
    queue TEXT,
    queue_before TEXT,
    conversation INTEGER,
    message INTEGER,
    actor INTEGER,
    version INTEGER,
    PRIMARY KEY (place)
);

CREATE TABLE cursor (
    inbox TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (inbox, "key")
)
 WITHOUT ROWID;

CREATE TABLE lease (
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE setting (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE ruleset (
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    author INTEGER,
    note TEXT DEFAULT '' NOT NULL,
    created_at INTEGER NOT NULL,
    published_at INTEGER,
    PRIMARY KEY (version)
);

CREATE TABLE raw (
    id INTEGER NOT NULL,
    inbox TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    content BLOB,
    blob INTEGER,
    state TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX raw_quarantined ON raw (received_at) WHERE state = 'quarantined';

CREATE TABLE seen (
    inbox TEXT NOT NULL,
    external_id TEXT NOT NULL,
    conversation INTEGER,
    message INTEGER,
    at INTEGER NOT NULL,
    PRIMARY KEY (inbox, external_id)
)
 WITHOUT ROWID;

CREATE TABLE parked (
    id INTEGER NOT NULL,
    inbox TEXT NOT NULL,
    target TEXT NOT NULL,
    inbound BLOB NOT NULL,
    raw INTEGER,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX parked_expiry ON parked (expires_at);

CREATE INDEX parked_target ON parked (inbox, target);

CREATE TABLE thread_key (
    "key" TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY ("key")
)
 WITHOUT ROWID;

CREATE TABLE blob (
    id INTEGER NOT NULL,
    owner INTEGER,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    place TEXT NOT NULL,
    name TEXT,
    content BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX blob_unowned ON blob (created_at) WHERE owner IS NULL;

CREATE TABLE blob_chunk (
    blob INTEGER NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (blob, number)
);

CREATE TABLE contact (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    attributes TEXT DEFAULT '{}' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    merged_into INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE identity (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    contact INTEGER NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    verified BOOLEAN NOT NULL,
    blocked_reason TEXT,
    blocked_until INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX identity_address ON identity (kind, address);

CREATE INDEX identity_contact ON identity (contact);

CREATE TABLE contact_merge (
    id INTEGER NOT NULL,
    survivor INTEGER NOT NULL,
    absorbed INTEGER NOT NULL,
    moved TEXT NOT NULL,
    actor INTEGER,
    at INTEGER NOT NULL,
    undone_at INTEGER,
    PRIMARY KEY (id)
);

CREATE TABLE conversation (
    id INTEGER NOT NULL,
    reference TEXT NOT NULL,
    office TEXT NOT NULL,
    queue TEXT,
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    owner INTEGER,
    assignee INTEGER,
    contact INTEGER NOT NULL,
    identity INTEGER NOT NULL,
    inbox TEXT NOT NULL,
    channel TEXT NOT NULL,
    subject TEXT NOT NULL,
    preview TEXT NOT NULL,
    language TEXT NOT NULL,
    tags TEXT NOT NULL,
    topic TEXT,
    outcome TEXT,
    messages INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    activity_at INTEGER NOT NULL,
    inbound_at INTEGER,
    waiting_since INTEGER,
    due_at INTEGER,
    first_reply_at INTEGER,
    resolved_at INTEGER,
    snoozed_until INTEGER,
    woken TEXT,
    failed BOOLEAN DEFAULT false NOT NULL,
    listed BOOLEAN NOT NULL,
    quarantined BOOLEAN DEFAULT false NOT NULL,
    suspicious TEXT,
    suggested_office TEXT,
    protocol TEXT,
    possible_duplicate INTEGER,
    previous INTEGER,
    merged_into INTEGER,
    PRIMARY KEY (id)
);

CREATE INDEX conversation_free ON conversation (queue, (-priority), (coalesce(waiting_since, 9007199254740991)), id) WHERE listed AND merged_into IS NULL AND assignee IS NULL AND (status = 'open' OR (status = 'waiting-office' AND tier = 3));

CREATE INDEX conversation_comments ON conversation (status, activity_at, id) WHERE listed AND merged_into IS NULL AND channel = 'comments';

CREATE INDEX conversation_failed ON conversation (activity_at, id, status, listed, merged_into) WHERE failed;

CREATE INDEX conversation_assignee ON conversation (assignee, status, activity_at) WHERE assignee IS NOT NULL;

CREATE INDEX conversation_mine ON conversation (assignee, status, (-priority), (coalesce(waiting_since, 9007199254740991)), id) WHERE listed AND merged_into IS NULL AND assignee IS NOT NULL AND status IN ('open', 'waiting-office');

CREATE INDEX conversation_list ON conversation (office, queue, status, (-priority), (coalesce(waiting_since, 9007199254740991)), id) WHERE listed AND merged_into IS NULL;

CREATE INDEX conversation_by_office ON conversation (office, status, activity_at, id) WHERE listed AND merged_into IS NULL;

CREATE INDEX conversation_due ON conversation (due_at, id, status, listed, merged_into) WHERE due_at IS NOT NULL;

CREATE INDEX conversation_quarantined ON conversation (activity_at) WHERE quarantined;

CREATE UNIQUE INDEX conversation_reference ON conversation (reference);

CREATE INDEX conversation_recent ON conversation (status, activity_at, id) WHERE listed AND merged_into IS NULL;

CREATE INDEX conversation_owner ON conversation (owner, status, activity_at) WHERE owner IS NOT NULL;

CREATE INDEX conversation_snoozed ON conversation (snoozed_until, id, status, listed, merged_into) WHERE snoozed_until IS NOT NULL;

CREATE INDEX conversation_woken ON conversation (activity_at, id) WHERE woken IS NOT NULL;

CREATE INDEX conversation_contact ON conversation (contact, activity_at);

CREATE TABLE message (
    id INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    inbox TEXT,
    identity INTEGER,
    author INTEGER,
    at INTEGER NOT NULL,
    sent_at INTEGER,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    full_text TEXT,
    html TEXT,
    recipients TEXT NOT NULL,
    external_id TEXT,
    automatic TEXT NOT NULL,
    language TEXT NOT NULL,
    raw INTEGER,
    client_id TEXT,
    reply_to INTEGER,
    state TEXT,
    data TEXT DEFAULT '{}' NOT NULL,
    edited_at INTEGER,
    deleted_at INTEGER,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX message_number ON message (conversation, number);

CREATE UNIQUE INDEX message_client ON message (author, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE attachment (
    id INTEGER NOT NULL,
    message INTEGER,
    draft INTEGER,
    position INTEGER NOT NULL,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    blob INTEGER,
    remote TEXT,
    inline BOOLEAN NOT NULL,
    content_id TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX attachment_draft ON attachment (draft) WHERE draft IS NOT NULL;

CREATE INDEX attachment_message ON attachment (message);

CREATE TABLE trace (
    id INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    message INTEGER,
    at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    facts BLOB NOT NULL,
    load INTEGER,
    data BLOB NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX trace_conversation ON trace (conversation);

CREATE TABLE load_snapshot (
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE conversation_office (
    conversation INTEGER NOT NULL,
    office TEXT NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER,
    PRIMARY KEY (conversation, office)
);

CREATE INDEX conversation_office_asked ON conversation_office (office, at);

CREATE TABLE access_grant (
    id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX access_grant_user ON access_grant (user, conversation);

CREATE TABLE search_doc (
    message INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    words TEXT NOT NULL,
    reach TEXT NOT NULL,
    PRIMARY KEY (message)
);

CREATE INDEX search_doc_conversation ON search_doc (conversation);

CREATE TABLE conversation_link (
    conversation INTEGER NOT NULL,
    other INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (conversation, other, kind)
);

CREATE TABLE conversation_merge (
    id INTEGER NOT NULL,
    survivor INTEGER NOT NULL,
    absorbed INTEGER NOT NULL,
    moved TEXT NOT NULL,
    actor INTEGER,
    at INTEGER NOT NULL,
    undone_at INTEGER,
    PRIMARY KEY (id)
);

CREATE INDEX conversation_merge_survivor ON conversation_merge (survivor);

CREATE TABLE conversation_read (
    user INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (user, conversation)
)
 WITHOUT ROWID;

CREATE TABLE timer (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    data TEXT DEFAULT '{}' NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX timer_subject ON timer (kind, subject) WHERE state = 'waiting';

CREATE INDEX timer_due ON timer (due_at) WHERE state = 'waiting';

CREATE TABLE delivery (
    id INTEGER NOT NULL,
    message INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    inbox TEXT NOT NULL,
    operation TEXT NOT NULL,
    part INTEGER NOT NULL,
    lane TEXT NOT NULL,
    destination TEXT NOT NULL,
    recipients TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    give_up_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    remote_id TEXT,
    reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX delivery_remote ON delivery (inbox, remote_id) WHERE remote_id IS NOT NULL;

CREATE INDEX delivery_due ON delivery (due_at) WHERE state IN ('held', 'queued');

CREATE UNIQUE INDEX delivery_sending ON delivery (lane) WHERE state = 'sending';

CREATE INDEX delivery_message ON delivery (message);

CREATE INDEX delivery_lane ON delivery (lane, id) WHERE state IN ('queued', 'sending');

CREATE TABLE attempt (
    id INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    number INTEGER NOT NULL,
    node TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    send_by INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT,
    public_text TEXT,
    private_reason TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX attempt_open ON attempt (send_by) WHERE finished_at IS NULL;

CREATE UNIQUE INDEX attempt_delivery ON attempt (delivery, number);

CREATE TABLE effect (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    "key" TEXT,
    conversation INTEGER,
    message INTEGER,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    data TEXT NOT NULL,
    error TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX effect_key ON effect ("key") WHERE key IS NOT NULL;

CREATE INDEX effect_due ON effect (due_at) WHERE state IN ('waiting', 'running');

CREATE TABLE article (
    id INTEGER NOT NULL,
    inbox TEXT NOT NULL,
    "key" TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    section TEXT NOT NULL,
    site TEXT DEFAULT 'pre' NOT NULL,
    moderation TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX article_key ON article (inbox, "key");

CREATE TABLE post (
    id INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    inbox TEXT NOT NULL,
    office TEXT NOT NULL,
    article INTEGER NOT NULL,
    parent INTEGER,
    path TEXT NOT NULL,
    author INTEGER,
    author_name TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER DEFAULT '1' NOT NULL,
    text TEXT NOT NULL,
    pending_text TEXT,
    hold_reasons TEXT NOT NULL,
    waiting_at INTEGER,
    reason TEXT,
    reason_text TEXT,
    reports INTEGER NOT NULL,
    urgent BOOLEAN DEFAULT false NOT NULL,
    claimed_by INTEGER,
    claimed_until INTEGER,
    decided_by INTEGER,
    created_at INTEGER NOT NULL,
    published_at INTEGER,
    edited_at INTEGER,
    PRIMARY KEY (id)
);

CREATE INDEX post_author ON post (author);

CREATE INDEX post_count ON post (article, state);

CREATE INDEX post_bench ON post (urgent, waiting_at, id) WHERE waiting_at IS NOT NULL;

CREATE INDEX post_parent ON post (parent) WHERE parent IS NOT NULL;

CREATE INDEX post_recent ON post (office, created_at);

CREATE INDEX post_thread ON post (article, path);

CREATE TABLE report (
    id INTEGER NOT NULL,
    post INTEGER NOT NULL,
    version INTEGER NOT NULL,
    reporter INTEGER NOT NULL,
    origin TEXT DEFAULT '' NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    outcome TEXT,
    decided_at INTEGER,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX report_once ON report (post, version, reporter);

CREATE TABLE appeal (
    id INTEGER NOT NULL,
    post INTEGER NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    decided_by INTEGER,
    outcome TEXT,
    decided_at INTEGER,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX appeal_once ON appeal (post, version);

CREATE TABLE callback (
    id INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    contact INTEGER NOT NULL,
    office TEXT NOT NULL,
    inbox TEXT NOT NULL,
    queue TEXT,
    number TEXT NOT NULL,
    topic TEXT NOT NULL,
    email TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    wished_at INTEGER,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    agent INTEGER,
    last_agent INTEGER,
    offered_at INTEGER,
    lapses INTEGER DEFAULT '0' NOT NULL,
    dialled_at INTEGER,
    outcome TEXT,
    note TEXT DEFAULT '' NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX callback_open_number ON callback (number) WHERE state NOT IN ('done', 'unreachable', 'cancelled', 'expired', 'rejected');

CREATE INDEX callback_due ON callback (office, queue, state, due_at);

CREATE UNIQUE INDEX callback_agent ON callback (agent) WHERE agent IS NOT NULL;

CREATE INDEX callback_last_agent ON callback (last_agent, offered_at);

CREATE INDEX callback_conversation ON callback (conversation);

CREATE TABLE callback_attempt (
    callback INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    agent INTEGER,
    outcome TEXT NOT NULL,
    PRIMARY KEY (callback, number)
);

CREATE TABLE user_account (
    id INTEGER NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    office TEXT NOT NULL,
    password TEXT,
    language TEXT NOT NULL,
    skills TEXT DEFAULT '[]' NOT NULL,
    settings TEXT DEFAULT '{}' NOT NULL,
    active BOOLEAN NOT NULL,
    presence TEXT NOT NULL,
    presence_at INTEGER NOT NULL,
    presence_before TEXT,
    seen_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX user_login ON user_account (login);

CREATE TABLE user_queue (
    user INTEGER NOT NULL,
    queue TEXT NOT NULL,
    PRIMARY KEY (user, queue)
);

CREATE TABLE session (
    token_hash TEXT NOT NULL,
    user INTEGER NOT NULL,
    csrf TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (token_hash)
);

CREATE INDEX session_user ON session (user);

CREATE TABLE password_reset (
    token_hash TEXT NOT NULL,
    user INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (token_hash)
);

CREATE INDEX password_reset_user ON password_reset (user);

CREATE TABLE login_failure (
    id INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX login_failure_key ON login_failure ("key", at);

CREATE TABLE api_token (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    user INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX api_token_hash ON api_token (token_hash);

CREATE TABLE draft (
    id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    conversation INTEGER,
    kind TEXT NOT NULL,
    revision INTEGER NOT NULL,
    based_on INTEGER NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    recipients TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX draft_place ON draft (user, conversation, kind);

CREATE TABLE canned (
    id INTEGER NOT NULL,
    office TEXT NOT NULL,
    shortcut TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    language TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX canned_shortcut ON canned (office, shortcut, language);

CREATE TABLE notification (
    id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    kind TEXT NOT NULL,
    conversation INTEGER,
    message INTEGER,
    at INTEGER NOT NULL,
    read_at INTEGER,
    PRIMARY KEY (id)
);

CREATE INDEX notification_unread ON notification (user, at) WHERE read_at IS NULL;

CREATE TABLE idempotency (
    actor TEXT NOT NULL,
    "key" TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    response TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (actor, "key")
);

CREATE TABLE undo (
    id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at INTEGER NOT NULL,
    undone_at INTEGER,
    PRIMARY KEY (id)
);

CREATE INDEX undo_last ON undo (user, at);

CREATE TABLE audit (
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor INTEGER,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    PRIMARY KEY (version_num)
);

CREATE VIRTUAL TABLE search USING fts5(words, reach, content = 'search_doc', content_rowid = 'message', tokenize = 'unicode61');

CREATE TRIGGER search_doc_added AFTER INSERT ON search_doc BEGIN INSERT INTO search (rowid, words, reach) VALUES (new.message, new.words, new.reach); END;

CREATE TRIGGER search_doc_removed AFTER DELETE ON search_doc BEGIN INSERT INTO search (search, rowid, words, reach) VALUES ('delete', old.message, old.words, old.reach); END;

CREATE TRIGGER search_doc_changed AFTER UPDATE OF words, reach ON search_doc BEGIN INSERT INTO search (search, rowid, words, reach) VALUES ('delete', old.message, old.words, old.reach); INSERT INTO search (rowid, words, reach) VALUES (new.message, new.words, new.reach); END;
