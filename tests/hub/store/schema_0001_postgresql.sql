-- The schema of the first release (revision 0001) as it was made in a new database. Never changed again.

CREATE TABLE id_block (
    name TEXT NOT NULL,
    next BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE stream_head (
    id SERIAL NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE event (
    place BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    office TEXT,
    queue TEXT,
    queue_before TEXT,
    conversation BIGINT,
    message BIGINT,
    actor BIGINT,
    version INTEGER,
    PRIMARY KEY (place)
);

CREATE TABLE cursor (
    inbox TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (inbox, key)
);

CREATE TABLE lease (
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
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
    author BIGINT,
    note TEXT DEFAULT '' NOT NULL,
    created_at BIGINT NOT NULL,
    published_at BIGINT,
    PRIMARY KEY (version)
);

CREATE TABLE raw (
    id BIGINT NOT NULL,
    inbox TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    content BYTEA,
    blob BIGINT,
    state TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX raw_quarantined ON raw (received_at) WHERE state = 'quarantined';

CREATE TABLE seen (
    inbox TEXT NOT NULL,
    external_id TEXT NOT NULL,
    conversation BIGINT,
    message BIGINT,
    at BIGINT NOT NULL,
    PRIMARY KEY (inbox, external_id)
);

CREATE TABLE parked (
    id BIGINT NOT NULL,
    inbox TEXT NOT NULL,
    target TEXT NOT NULL,
    inbound BYTEA NOT NULL,
    raw BIGINT,
    at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX parked_expiry ON parked (expires_at);

CREATE INDEX parked_target ON parked (inbox, target);

CREATE TABLE thread_key (
    key TEXT NOT NULL,
    conversation BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (key)
);

CREATE TABLE blob (
    id BIGINT NOT NULL,
    owner BIGINT,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    place TEXT NOT NULL,
    name TEXT,
    content BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX blob_unowned ON blob (created_at) WHERE owner IS NULL;

CREATE TABLE blob_chunk (
    blob BIGINT NOT NULL,
    number INTEGER NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (blob, number)
);

CREATE TABLE contact (
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    attributes TEXT DEFAULT '{}' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    merged_into BIGINT,
    created_at BIGINT NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE identity (
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    contact BIGINT NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    verified BOOLEAN NOT NULL,
    blocked_reason TEXT,
    blocked_until BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX identity_address ON identity (kind, address);

CREATE INDEX identity_contact ON identity (contact);

CREATE TABLE contact_merge (
    id BIGINT NOT NULL,
    survivor BIGINT NOT NULL,
    absorbed BIGINT NOT NULL,
    moved TEXT NOT NULL,
    actor BIGINT,
    at BIGINT NOT NULL,
    undone_at BIGINT,
    PRIMARY KEY (id)
);

CREATE TABLE conversation (
    id BIGINT NOT NULL,
    reference TEXT NOT NULL,
    office TEXT NOT NULL,
    queue TEXT,
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    owner BIGINT,
    assignee BIGINT,
    contact BIGINT NOT NULL,
    identity BIGINT NOT NULL,
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
    created_at BIGINT NOT NULL,
    activity_at BIGINT NOT NULL,
    inbound_at BIGINT,
    waiting_since BIGINT,
    due_at BIGINT,
    first_reply_at BIGINT,
    resolved_at BIGINT,
    snoozed_until BIGINT,
    woken TEXT,
    failed BOOLEAN DEFAULT false NOT NULL,
    listed BOOLEAN NOT NULL,
    quarantined BOOLEAN DEFAULT false NOT NULL,
    suspicious TEXT,
    suggested_office TEXT,
    protocol TEXT,
    possible_duplicate BIGINT,
    previous BIGINT,
    merged_into BIGINT,
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
    id BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    inbox TEXT,
    identity BIGINT,
    author BIGINT,
    at BIGINT NOT NULL,
    sent_at BIGINT,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    full_text TEXT,
    html TEXT,
    recipients TEXT NOT NULL,
    external_id TEXT,
    automatic TEXT NOT NULL,
    language TEXT NOT NULL,
    raw BIGINT,
    client_id TEXT,
    reply_to BIGINT,
    state TEXT,
    data TEXT DEFAULT '{}' NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX message_number ON message (conversation, number);

CREATE UNIQUE INDEX message_client ON message (author, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE attachment (
    id BIGINT NOT NULL,
    message BIGINT,
    draft BIGINT,
    position INTEGER NOT NULL,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    blob BIGINT,
    remote TEXT,
    inline BOOLEAN NOT NULL,
    content_id TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX attachment_draft ON attachment (draft) WHERE draft IS NOT NULL;

CREATE INDEX attachment_message ON attachment (message);

CREATE TABLE trace (
    id BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    message BIGINT,
    at BIGINT NOT NULL,
    version INTEGER NOT NULL,
    facts BYTEA NOT NULL,
    load BIGINT,
    data BYTEA NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX trace_conversation ON trace (conversation);

CREATE TABLE load_snapshot (
    id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE conversation_office (
    conversation BIGINT NOT NULL,
    office TEXT NOT NULL,
    at BIGINT NOT NULL,
    due_at BIGINT,
    PRIMARY KEY (conversation, office)
);

CREATE INDEX conversation_office_asked ON conversation_office (office, at);

CREATE TABLE access_grant (
    id BIGINT NOT NULL,
    "user" BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX access_grant_user ON access_grant ("user", conversation);

CREATE TABLE search_doc (
    message BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    words TEXT NOT NULL,
    reach TEXT NOT NULL,
    PRIMARY KEY (message)
);

CREATE INDEX search_doc_conversation ON search_doc (conversation);

CREATE TABLE conversation_link (
    conversation BIGINT NOT NULL,
    other BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (conversation, other, kind)
);

CREATE TABLE conversation_merge (
    id BIGINT NOT NULL,
    survivor BIGINT NOT NULL,
    absorbed BIGINT NOT NULL,
    moved TEXT NOT NULL,
    actor BIGINT,
    at BIGINT NOT NULL,
    undone_at BIGINT,
    PRIMARY KEY (id)
);

CREATE INDEX conversation_merge_survivor ON conversation_merge (survivor);

CREATE TABLE conversation_read (
    "user" BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY ("user", conversation)
);

CREATE TABLE timer (
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    data TEXT DEFAULT '{}' NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX timer_subject ON timer (kind, subject) WHERE state = 'waiting';

CREATE INDEX timer_due ON timer (due_at) WHERE state = 'waiting';

CREATE TABLE delivery (
    id BIGINT NOT NULL,
    message BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    inbox TEXT NOT NULL,
    operation TEXT NOT NULL,
    part INTEGER NOT NULL,
    lane TEXT NOT NULL,
    destination TEXT NOT NULL,
    recipients TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    give_up_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    remote_id TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX delivery_remote ON delivery (inbox, remote_id) WHERE remote_id IS NOT NULL;

CREATE INDEX delivery_due ON delivery (due_at) WHERE state IN ('held', 'queued');

CREATE UNIQUE INDEX delivery_sending ON delivery (lane) WHERE state = 'sending';

CREATE INDEX delivery_message ON delivery (message);

CREATE INDEX delivery_lane ON delivery (lane, id) WHERE state IN ('queued', 'sending');

CREATE TABLE attempt (
    id BIGINT NOT NULL,
    delivery BIGINT NOT NULL,
    number INTEGER NOT NULL,
    node TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    send_by BIGINT NOT NULL,
    finished_at BIGINT,
    outcome TEXT,
    public_text TEXT,
    private_reason TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX attempt_open ON attempt (send_by) WHERE finished_at IS NULL;

CREATE UNIQUE INDEX attempt_delivery ON attempt (delivery, number);

CREATE TABLE effect (
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT,
    conversation BIGINT,
    message BIGINT,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    data TEXT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX effect_key ON effect (key) WHERE key IS NOT NULL;

CREATE INDEX effect_due ON effect (due_at) WHERE state IN ('waiting', 'running');

CREATE TABLE article (
    id BIGINT NOT NULL,
    inbox TEXT NOT NULL,
    key TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    section TEXT NOT NULL,
    site TEXT DEFAULT 'pre' NOT NULL,
    moderation TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX article_key ON article (inbox, key);

CREATE TABLE post (
    id BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    inbox TEXT NOT NULL,
    office TEXT NOT NULL,
    article BIGINT NOT NULL,
    parent BIGINT,
    path TEXT NOT NULL,
    author BIGINT,
    author_name TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER DEFAULT '1' NOT NULL,
    text TEXT NOT NULL,
    pending_text TEXT,
    hold_reasons TEXT NOT NULL,
    waiting_at BIGINT,
    reason TEXT,
    reason_text TEXT,
    reports INTEGER NOT NULL,
    urgent BOOLEAN DEFAULT false NOT NULL,
    claimed_by BIGINT,
    claimed_until BIGINT,
    decided_by BIGINT,
    created_at BIGINT NOT NULL,
    published_at BIGINT,
    edited_at BIGINT,
    PRIMARY KEY (id)
);

CREATE INDEX post_author ON post (author);

CREATE INDEX post_count ON post (article, state);

CREATE INDEX post_bench ON post (urgent, waiting_at, id) WHERE waiting_at IS NOT NULL;

CREATE INDEX post_parent ON post (parent) WHERE parent IS NOT NULL;

CREATE INDEX post_recent ON post (office, created_at);

CREATE INDEX post_thread ON post (article, path);

CREATE TABLE report (
    id BIGINT NOT NULL,
    post BIGINT NOT NULL,
    version INTEGER NOT NULL,
    reporter BIGINT NOT NULL,
    origin TEXT DEFAULT '' NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    outcome TEXT,
    decided_at BIGINT,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX report_once ON report (post, version, reporter);

CREATE TABLE appeal (
    id BIGINT NOT NULL,
    post BIGINT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    decided_by BIGINT,
    outcome TEXT,
    decided_at BIGINT,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX appeal_once ON appeal (post, version);

CREATE TABLE callback (
    id BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    contact BIGINT NOT NULL,
    office TEXT NOT NULL,
    inbox TEXT NOT NULL,
    queue TEXT,
    number TEXT NOT NULL,
    topic TEXT NOT NULL,
    email TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    wished_at BIGINT,
    due_at BIGINT,
    attempts INTEGER NOT NULL,
    agent BIGINT,
    last_agent BIGINT,
    offered_at BIGINT,
    lapses INTEGER DEFAULT '0' NOT NULL,
    dialled_at BIGINT,
    outcome TEXT,
    note TEXT DEFAULT '' NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX callback_open_number ON callback (number) WHERE state NOT IN ('done', 'unreachable', 'cancelled', 'expired', 'rejected');

CREATE INDEX callback_due ON callback (office, queue, state, due_at);

CREATE UNIQUE INDEX callback_agent ON callback (agent) WHERE agent IS NOT NULL;

CREATE INDEX callback_last_agent ON callback (last_agent, offered_at);

CREATE INDEX callback_conversation ON callback (conversation);

CREATE TABLE callback_attempt (
    callback BIGINT NOT NULL,
    number INTEGER NOT NULL,
    at BIGINT NOT NULL,
    agent BIGINT,
    outcome TEXT NOT NULL,
    PRIMARY KEY (callback, number)
);

CREATE TABLE user_account (
    id BIGINT NOT NULL,
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
    presence_at BIGINT NOT NULL,
    presence_before TEXT,
    seen_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX user_login ON user_account (login);

CREATE TABLE user_queue (
    "user" BIGINT NOT NULL,
    queue TEXT NOT NULL,
    PRIMARY KEY ("user", queue)
);

CREATE TABLE session (
    token_hash TEXT NOT NULL,
    "user" BIGINT NOT NULL,
    csrf TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (token_hash)
);

CREATE INDEX "session_user" ON session ("user");

CREATE TABLE password_reset (
    token_hash TEXT NOT NULL,
    "user" BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (token_hash)
);

CREATE INDEX password_reset_user ON password_reset ("user");

CREATE TABLE login_failure (
    id BIGINT NOT NULL,
    key TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX login_failure_key ON login_failure (key, at);

CREATE TABLE api_token (
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    "user" BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX api_token_hash ON api_token (token_hash);

CREATE TABLE draft (
    id BIGINT NOT NULL,
    "user" BIGINT NOT NULL,
    conversation BIGINT,
    kind TEXT NOT NULL,
    revision INTEGER NOT NULL,
    based_on INTEGER NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    recipients TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX draft_place ON draft ("user", conversation, kind);

CREATE TABLE canned (
    id BIGINT NOT NULL,
    office TEXT NOT NULL,
    shortcut TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    language TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX canned_shortcut ON canned (office, shortcut, language);

CREATE TABLE notification (
    id BIGINT NOT NULL,
    "user" BIGINT NOT NULL,
    kind TEXT NOT NULL,
    conversation BIGINT,
    message BIGINT,
    at BIGINT NOT NULL,
    read_at BIGINT,
    PRIMARY KEY (id)
);

CREATE INDEX notification_unread ON notification ("user", at) WHERE read_at IS NULL;

CREATE TABLE idempotency (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    response TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);

CREATE TABLE undo (
    id BIGINT NOT NULL,
    "user" BIGINT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    undone_at BIGINT,
    PRIMARY KEY (id)
);

CREATE INDEX undo_last ON undo ("user", at);

CREATE TABLE audit (
    id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor BIGINT,
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

CREATE INDEX search_doc_words ON search_doc USING gin (to_tsvector('simple', words));
