// Talks to the fake Slack with Slack's own client and says, one JSON line, what came of it. What it finds is judged by the
// Go test that starts it (bot/slack/slacktest/node_test.go).
//
//   node slack.mjs API_URL BOT_TOKEN APP_TOKEN
import { WebClient, LogLevel } from "@slack/web-api";
import { SocketModeClient } from "@slack/socket-mode";

const [apiURL, token, appToken] = process.argv.slice(2);
const quiet = { slackApiUrl: apiURL, logLevel: LogLevel.ERROR, retryConfig: { retries: 2, minTimeout: 50, maxTimeout: 200 } };
const web = new WebClient(token, quiet);
const out = {};

// code is what a refusal says; a call that works has none.
async function code(promise) {
  try {
    await promise;
    return "none";
  } catch (e) {
    return e.data?.error ?? e.code;
  }
}

const blocks = [
  { type: "header", block_id: "h", text: { type: "plain_text", text: "P1 · 磁盘已满" } },
  { type: "actions", block_id: "a", elements: [{ type: "button", action_id: "ack", text: { type: "plain_text", text: "Acknowledge" }, value: "v1" }] },
];

const me = await web.auth.test();
out.auth = [me.team_id, me.user_id, me.bot_id];

const posted = await web.chat.postMessage({
  channel: "C0OPS", text: "95% used & rising", blocks, unfurl_links: false,
  metadata: { event_type: "dogwatch", event_payload: { key: "node-1" } },
});
out.posted = [posted.channel, posted.message.text, posted.message.blocks.length, /^\d+\.\d{6}$/.test(posted.ts)];
const reply = await web.chat.postMessage({ channel: "C0OPS", text: "in the thread", thread_ts: posted.ts });
const updated = await web.chat.update({ channel: "C0OPS", ts: posted.ts, text: "resolved" });
out.updated = [updated.text, updated.message.blocks === undefined];
out.direct = (await web.chat.postMessage({ channel: "U0ALICE", text: "hello" })).channel;
out.ephemeral = typeof (await web.chat.postEphemeral({ channel: "C0OPS", user: "U0BOB", text: "for you" })).message_ts;
out.permalink = (await web.chat.getPermalink({ channel: "C0OPS", message_ts: reply.ts })).permalink.split("?")[0].length > 40;

const history = await web.conversations.history({ channel: "C0OPS", include_all_metadata: true });
out.history = history.messages.map((m) => [m.text, m.metadata?.event_payload?.key ?? null, m.reply_count ?? 0]);
const thread = await web.conversations.replies({ channel: "C0OPS", ts: posted.ts });
out.thread = thread.messages.map((m) => m.text);
out.opened = (await web.conversations.open({ users: "U0BOB" })).channel.id;
out.person = (await web.users.lookupByEmail({ email: "alice@example.org" })).user.id;
await web.usergroups.users.update({ usergroup: "S0ONCALL", users: "U0ALICE,U0BOB" });
out.group = (await web.usergroups.users.list({ usergroup: "S0ONCALL" })).users;
const groups = await web.usergroups.list({ include_users: true });
out.count = groups.usergroups[0].user_count;

const many = Array.from({ length: 51 }, (_, i) => ({ type: "divider", block_id: `b${i}` }));
out.errors = {
  invalid_auth: await code(new WebClient("xoxb-wrong", quiet).auth.test()),
  not_authed: await code(new WebClient(undefined, quiet).auth.test()),
  not_allowed_token_type: await code(new WebClient(appToken, quiet).chat.postMessage({ channel: "C0OPS", text: "x" })),
  channel_not_found: await code(web.chat.postMessage({ channel: "C0NOWHERE", text: "x" })),
  is_archived: await code(web.chat.postMessage({ channel: "C0OLD", text: "x" })),
  invalid_blocks: await code(web.chat.postMessage({ channel: "C0OPS", text: "x", blocks: many })),
  no_text: await code(web.chat.postMessage({ channel: "C0OPS", text: "" })),
  message_not_found: await code(web.chat.update({ channel: "C0OPS", ts: "1.000001", text: "x" })),
  msg_too_long: await code(web.chat.update({ channel: "C0OPS", ts: posted.ts, text: "x".repeat(4001) })),
  user_not_in_channel: await code(web.chat.postEphemeral({ channel: "C0FEW", user: "U0ALICE", text: "x" })),
  users_not_found: await code(web.users.lookupByEmail({ email: "nobody@example.org" })),
  no_users_provided: await code(web.usergroups.users.update({ usergroup: "S0ONCALL", users: "" })),
  invalid_trigger_id: await code(web.views.open({ trigger_id: "1.2.3", view: { type: "modal", title: { type: "plain_text", text: "T" }, blocks } })),
  unknown_method: await code(web.apiCall("chat.noSuchMethod")),
};

// A 429 is waited for as Retry-After says, then the call is made again by the client itself.
const plan = (faults) => fetch(new URL("/_admin/plan", apiURL), { method: "POST", body: JSON.stringify(faults) });
await plan([{ method: "chat.postMessage", kind: "429", retry_after: 1, times: 1 }]);
const before = Date.now();
await web.chat.postMessage({ channel: "C0ALERTS", text: "after the wait" });
out.waited = Date.now() - before >= 1000;
const impatient = new WebClient(token, { ...quiet, rejectRateLimitedCalls: true });
await plan([{ method: "chat.postMessage", kind: "429", retry_after: 30, times: 1 }]);
out.limited = await impatient.chat.postMessage({ channel: "C0ALERTS", text: "x" }).then(() => "none", (e) => [e.code, e.retryAfter]);
await plan([{ method: "chat.postMessage", kind: "500", times: 1 }]);
out.after500 = (await web.chat.postMessage({ channel: "C0ALERTS", text: "after the 500" })).ok;
const once = new WebClient(token, { ...quiet, retryConfig: { retries: 0 } });
await plan([{ method: "chat.postMessage", kind: "cut_after", times: 1 }]);
out.cut = await code(once.chat.postMessage({ channel: "C0ALERTS", text: "cut, but there" }));

// Socket Mode: hello, one command through, acknowledged with an answer.
const socket = new SocketModeClient({ appToken, clientOptions: quiet, logLevel: LogLevel.ERROR });
socket.on("slash_commands", async ({ ack, body }) => { await ack({ text: `node heard ${body.text}` }); });
await socket.start();
const typed = await fetch(new URL("/_admin/command", apiURL), { method: "POST", body: JSON.stringify({ user: "U0BOB", channel: "C0OPS", text: "ack 42" }) });
const delivery = await typed.json();
out.socket = JSON.parse(Buffer.from(delivery.answer, "base64").toString()).text;
await socket.disconnect();

console.log(JSON.stringify(out));
process.exit(0);
