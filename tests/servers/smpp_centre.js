// A message centre for tests, on the npm package "smpp": told what to do by lines of JSON on standard input, it writes
// what happens as lines of JSON on standard output. tests/servers/smpp.py is its other end.
//
// It keeps what it has for the other side until it is acknowledged with status 0, and tells it again.

"use strict";

const readline = require("readline");
const smpp = require("smpp");

const say = (event, details) => process.stdout.write(JSON.stringify({ event, ...details }) + "\n");
const hex = (value) => Buffer.from(value, "hex");

const state = {
  password: "haslo",
  // How an id is written in the answer and in the report.
  answer: "hex",
  report: "decimal",
  // When the report comes: "after" the answer, "before" it, or "none".
  reports: "after",
  stat: "DELIVRD",
  faults: [],
  mute: false,
  delay: 0,
};
let last = 0x1a2b3c4f;
const sessions = new Set();
const kept = [];

const written = (id, way) => (way === "hex" ? id.toString(16).toUpperCase() : String(id).padStart(12, "0"));

function receipt(pdu, id) {
  const text =
    `id:${written(id, state.report)} sub:001 dlvrd:001 submit date:2611101740 done date:2611101741 ` +
    `stat:${state.stat} err:000 text:${"-".repeat(10)}`;
  return {
    source_addr_ton: pdu.dest_addr_ton,
    source_addr_npi: pdu.dest_addr_npi,
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    esm_class: 4,
    short_message: { message: Buffer.from(text, "latin1") },
  };
}

// Delivered until acknowledged.
function deliver(fields, tag) {
  kept.push({ fields, tag, flying: false });
  push();
}

function push() {
  const session = [...sessions].find((one) => one.bound);
  if (!session) return;
  for (const item of kept.filter((one) => !one.flying)) {
    item.flying = true;
    session.deliver_sm(item.fields, (answer) => {
      say("acknowledged", { tag: item.tag, status: answer.command_status });
      if (answer.command_status === 0) kept.splice(kept.indexOf(item), 1);
      else setTimeout(() => ((item.flying = false), push()), 200);
    });
  }
}

function submitted(session, pdu) {
  const message = pdu.short_message && pdu.short_message.message;
  const payload = pdu.message_payload && pdu.message_payload.message;
  const text = payload && String(payload).length ? payload : message;
  say("submit", {
    source: pdu.source_addr,
    source_ton: pdu.source_addr_ton,
    destination: pdu.destination_addr,
    destination_ton: pdu.dest_addr_ton,
    esm_class: pdu.esm_class,
    coding: pdu.data_coding,
    registered: pdu.registered_delivery,
    validity: pdu.validity_period,
    udh: (pdu.short_message.udh || []).map((one) => one.toString("hex")),
    sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum].filter((one) => one !== undefined),
    payload: Boolean(payload && String(payload).length),
    text: String(text || ""),
  });
  const fault = state.faults.shift();
  if (fault === "silence") return;
  if (fault === "cut") return session.socket.destroy();
  if (fault) return session.send(pdu.response({ command_status: fault }));
  const id = ++last;
  const answer = () => session.send(pdu.response({ message_id: written(id, state.answer) }));
  const wanted = (pdu.registered_delivery & 3) === 1 || ((pdu.registered_delivery & 3) === 2 && state.stat !== "DELIVRD");
  if (state.reports === "before" && wanted) {
    deliver(receipt(pdu, id), "report");
    setTimeout(answer, 150);
  } else {
    setTimeout(() => {
      answer();
      if (state.reports === "after" && wanted) setTimeout(() => deliver(receipt(pdu, id), "report"), 20);
    }, state.delay);
  }
}

const server = smpp.createServer((session) => {
  sessions.add(session);
  session.on("error", () => {});
  session.on("close", () => {
    sessions.delete(session);
    for (const item of kept) item.flying = false;
    say("closed", {});
  });
  session.on("bind_transceiver", (pdu) => {
    const good = pdu.password === state.password;
    say("bind", { system_id: pdu.system_id, version: pdu.interface_version, good });
    // Like many a real one: a refusal has no body.
    if (!good) return session.socket.write(refusal(pdu));
    session.send(pdu.response({ system_id: "centre" }));
    session.bound = true;
    setTimeout(push, 10);
  });
  session.on("submit_sm", (pdu) => submitted(session, pdu));
  session.on("enquire_link", (pdu) => {
    say("enquire", {});
    if (!state.mute) session.send(pdu.response());
  });
  session.on("unbind", (pdu) => {
    say("unbind", {});
    session.send(pdu.response());
    session.close();
  });
});

function refusal(pdu) {
  const answer = Buffer.alloc(16);
  answer.writeUInt32BE(16, 0);
  answer.writeUInt32BE(0x80000009, 4);
  answer.writeUInt32BE(smpp.ESME_RINVPASWD, 8);
  answer.writeUInt32BE(pdu.sequence_number, 12);
  return answer;
}

const orders = {
  set: (order) => (Object.assign(state, order.state), say("set", {})),
  deliver: (order) => {
    const fields = { ...order.fields };
    const udh = order.udh ? [hex(order.udh)] : undefined;
    if (order.octets !== undefined) fields.short_message = { udh: udh && Buffer.concat(udh), message: hex(order.octets) };
    if (order.payload !== undefined) fields.message_payload = { message: hex(order.payload) };
    deliver(fields, order.tag);
  },
  raw: (order) => [...sessions].forEach((one) => one.socket.write(hex(order.octets))),
  unbind: () => [...sessions].forEach((one) => one.unbind()),
  drop: () => [...sessions].forEach((one) => one.socket.destroy()),
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  orders[order.order](order);
});
process.stdin.on("close", () => process.exit(0));

server.listen(Number(process.argv[2]), "127.0.0.1", () => say("listening", {}));
