// Package wecom shows dogwatch's cards in WeCom (企业微信) and takes what people press and type there.
//
// # Nouns
//
// An *application* (自建应用) is dogwatch's identity in a company: corp id, agent id and secret. It writes to persons one by
// one, its cards have buttons, and WeCom calls it back when somebody presses or types. A *robot* (群机器人) is a webhook into
// one group: it only speaks, without buttons and without anybody answering. So one incident is N private cards that act,
// plus a line in the group that informs; WeCom has no shared card with buttons.
//
// An *access token* opens the application's calls for two hours. It is a secret: it is kept in this process's memory, never
// in Redis, and it travels in the query string, which is why every transport error is rebuilt without its URL.
//
// A *template card* is the form a bot.Card takes (render.go, a pure function). Its *task id* is made of Message.Key and
// comes back in every press. A *response code* is the permission to change a sent card: one use, 72 hours. Sending gives
// one, and every press gives another.
//
// # Addresses
//
//	wecom:@alice   an application message to the WeCom account "alice"
//	wecom:ops      the robot platforms.wecom.robots.ops
//
// # States
//
// A person's card, as far as WeCom lets it change:
//
//	            Send: Ref.Code = a
//	sent ───────────────────────────► changeable with a
//	 │  Edit(a)                          │ press: Press.At.Code = b (a stays good)
//	 ▼                                   ▼
//	not changeable, Ref.Code = ""     changeable with a or b
//	 │  press on its live buttons: c     │  Edit(b)
//	 ▼                                   ▼
//	changeable with c                 changeable with a
//
// Edit with an empty, used or expired code is a bot.SendError of kind Gone: the caller sends a new message. After Edit
// nobody but a person pressing can give a new code, so a caller does well to spend the codes of presses on progress and
// keep the code of sending for the last state. A robot's message can never be changed: Edit is Gone at once.
//
// A delivery of WeCom to us (callback.go, flight.go):
//
//	verified ─► claimed (Deps.Seen) ─► with the Inbox ─► answered ─► forgotten after two minutes
//	   │ bad signature, stale,            │ error: 500, and the vendor's retry begins again
//	   ▼ foreign company or agent: 403    ▼ longer than 3.5 s: empty 200, and the answer follows as a message
//
// WeCom repeats a delivery up to three times when it hears nothing for five seconds. A repeat that arrives while the first
// is under way waits for the same answer; one that arrives later gets the same answer again; neither reaches the Inbox.
//
// # Keys
//
// This package has no Redis of its own. Deps.Seen is called with "wecom/" and a SHA-256 of what makes a delivery itself:
// company, agent, person, creation time, message id or response code, task and button. It must remember the key for the
// given time in the store all replicas share.
//
// # Guarantees
//
//   - Nothing reaches the Inbox unless its signature is ours, it is not older or newer than five minutes, it decrypts to
//     our company id, and it names our agent. Each refusal looks the same from outside.
//   - A delivery reaches the Inbox once, also when repeated, replayed or raced, in one process and across replicas.
//   - Two sends of one bot.Message are the same bytes, sent with WeCom's duplicate check (4 hours): a person gets the card
//     once although the first answer was lost. Find therefore says "not there" for persons, so that it is sent again. A
//     robot has no such check: Find is ErrCannotFind there.
//   - A call is repeated once, and only when WeCom says that the token is dead; one caller fetches a new one for all.
//   - Data from alerts mentions nobody, opens no tag and makes no link. Mentions come from Message.Mention.
//
// # Failures
//
// WeCom answers 200 with an errcode; errors.go makes bot.SendError of it. An answer without an errcode is Unknown, never
// success. Beyond 30 messages a minute or 1,000 an hour to a person WeCom drops silently, and beyond 20 a minute to a robot
// it refuses: Budget tells the caller these limits, and this package does not count them itself. After a refused secret it
// asks for no token for a growing while, since WeCom bans an address that keeps asking.
//
// # What it does not do
//
// It creates no group chats, looks up no people, receives nothing from groups (WeCom offers that to AI bots only), and has
// no forms: an Answer with a Form becomes a line to type. bot.Button.Confirm cannot be shown and is left out.
package wecom
