// Package slack is the chat platform Slack as dogwatch uses it: it puts cards into channels and direct messages, edits
// them in place, and hands what people press and type to a bot.Inbox. It decides nothing.
//
// # Nouns
//
//   - A message is named by Slack with a channel and a ts ("1795000001.000200", never read as a number). A bot.Ref holds
//     both. A message to a person (an address "U…") stands in a direct-message channel "D…": the Ref holds the D.
//   - A rendering is a bot.Card as Block Kit. Every block id carries the card's version, so that a press on an old
//     rendering can be told from one on the present.
//   - A door is one of the three request URLs: commands, interactions, events. Socket Mode is the fourth way in: the same
//     payloads over a WebSocket that dogwatch opens itself, for places that nobody can reach from outside.
//   - A response_url is a one-purpose address in a verified payload, good for five answers in thirty minutes.
//   - A trigger opens one modal within three seconds of a press or command.
//
// # What happens to a request
//
//	bounded read -> signature over the raw bytes -> first time seen -> parse those same bytes -> app and workspace
//	   413              401                            401                  400                     401, a sentence
//	-> guest or foreign account marked -> Inbox -> 200 within three seconds -> the answer, for that person alone
//
// Nothing before the Inbox has an effect, and a refusal says nothing of its reason. If the Inbox takes longer than two
// seconds the 200 goes out empty and the answer follows through the response_url; if that is spent, through
// chat.postEphemeral, and if the person is not in the channel, as a direct message. A slow handler keeps running after its
// 200 on the server's own goroutine, so that a server's Shutdown waits for it.
//
// # Guarantees
//
//   - Send never claims that a message did not arrive unless it is sure: only a request whose headers never left this
//     process, or that Slack itself refused, is bot.Retry or bot.RateLimited. A timeout, a cut connection, a 5xx,
//     internal_error and an unreadable answer are bot.Unknown; Find then looks the message up by its key, which every
//     message carries in its metadata.
//   - What alerts say stays data: it is put into plain_text or preformatted elements, or escaped into verbatim text.
//     Mentions come from bot.Message.Mention only.
//   - Every message is within Slack's limits, counted in UTF-16 units. What is left out is counted: "+N more".
//   - An empty token or secret is refused at Open. No error, log line or answer contains one, nor a response_url.
//   - A signature is good once in ten minutes. Upper-case hex is refused, since otherwise one signature could be written
//     in many ways and each would be seen for the first time.
//     Slack stamps whole seconds, so its own repetition within the second of a failed first delivery is refused as well;
//     the next one, a minute later, is not.
//   - bot.Press.ID and bot.Utterance.ID are the same for a repeated delivery: Slack repeats events up to three times and
//     Socket Mode envelopes without end. Work is not dropped because it looks repeated (the first delivery may have died
//     half way): the Inbox makes it idempotent by that ID, and only the first answer is said.
//
// # Keys
//
// Deps.Seen keeps, for at most a day, "slack:sig:<sha256>" for signatures, "slack:event:<id>" for answered events and
// "slack:envelope:<id>" for answered envelopes. Nothing else is stored.
//
// # Scopes
//
// commands and chat:write are enough to work. chat:write.public posts to public channels without joining; users:read tells
// guests and people's languages; app_mentions:read and im:history bring typed words; channels:history, groups:history,
// im:history and im:write let Find look, without which a lost answer may become a second message.
//
// # Failures
//
// Seen fails: requests are refused with 503 and have no effect. users.info fails: a person is taken as an ordinary member,
// since rights come from the configuration's people and a broken look-up must not stop acknowledgements at night. A
// missing history scope: Find says bot.ErrCannotFind. A lost Socket Mode connection is opened again.
//
// # What it does not do
//
// It keeps no budget (Budget only says what the configuration asks for), does not order edits of one message (the caller
// sends them one after another), and never retries a send.
package slack
