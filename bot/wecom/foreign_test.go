package wecom

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/wecom/wecomtest"
	"dogwatch/internal/text"
)

// foreign is WeCom's own npm package, @wecom/crypto, in a child process: verify/wecom.mjs.
type foreign struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// order is what it is asked, and made what it answers.
type order struct {
	Op        string `json:"op"`
	Key       string `json:"key"`
	Message   string `json:"message"`
	ID        string `json:"id"`
	Encrypt   string `json:"encrypt,omitempty"`
	Token     string `json:"token"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
}

type made struct {
	Encrypt   string `json:"encrypt"`
	Signature string `json:"signature"`
	Message   string `json:"message"`
	ID        string `json:"id"`
}

func newForeign(t *testing.T) *foreign {
	t.Helper()
	verify := filepath.Join("..", "..", "verify")
	if _, err := os.Stat(filepath.Join(verify, "node_modules", "@wecom", "crypto", "package.json")); err != nil {
		t.Fatal("verify/node_modules has no @wecom/crypto: run `npm ci --ignore-scripts` in verify/ (make test does)")
	}
	cmd := exec.Command("node", "wecom.mjs")
	cmd.Dir, cmd.Stderr = verify, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("node does not start; Node.js 20 or later is needed: %v", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return &foreign{t, in, bufio.NewReader(out)}
}

func (f *foreign) do(o order) made {
	f.t.Helper()
	line, err := json.Marshal(o)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.in.Write(append(line, '\n')); err != nil {
		f.t.Fatal(err)
	}
	answer, err := f.out.ReadBytes('\n')
	if err != nil {
		f.t.Fatalf("node gave no answer: %v", err)
	}
	var m made
	if err := json.Unmarshal(answer, &m); err != nil {
		f.t.Fatalf("node answered %q: %v", answer, err)
	}
	return m
}

// randomText has 1- to 4-byte characters and up to limit of them.
func randomText(r *rand.Rand, limit int) string {
	alphabet := []rune("az09 <&>\"'/=值班认领€é🔥𠮷🇨🇳")
	out := make([]rune, r.IntN(limit))
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

// What WeCom's package encrypts we open, whatever the length, so that every padding from 1 to 32 occurs; and what we seal it
// opens.
func TestForeignCryptoAgrees(t *testing.T) {
	f := newForeign(t)
	e, err := newEnvelope(cardsToken, cardsKey, "wwc")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	pads := map[int]bool{}
	for i := range 1000 {
		message := randomText(r, 1200)
		if i < 64 {
			message = strings.Repeat("x", i)
		}
		o := order{Op: "encrypt", Key: cardsKey, Message: message, ID: "wwc", Token: cardsToken, Timestamp: strconv.Itoa(1796000000 + i), Nonce: strconv.Itoa(i)}
		m := f.do(o)
		plain, err := e.open(m.Signature, o.Timestamp, o.Nonce, m.Encrypt)
		if err != nil || string(plain) != message {
			t.Fatalf("message %d: opened %q, %v; want %q", i, plain, err, message)
		}
		pads[32-(headerSize+len(message)+len("wwc"))%32] = true
		sealed, err := e.seal([]byte(message))
		if err != nil {
			t.Fatal(err)
		}
		back := f.do(order{Op: "decrypt", Key: cardsKey, Encrypt: sealed, Token: cardsToken, Timestamp: o.Timestamp, Nonce: o.Nonce})
		if back.Message != message || back.ID != "wwc" || back.Signature != e.sign(o.Timestamp, o.Nonce, sealed) {
			t.Fatalf("message %d: the foreign package reads %+v; want %q", i, back, message)
		}
	}
	if len(pads) != 32 {
		t.Errorf("only %d of 32 paddings occurred", len(pads))
	}
}

// echoDesk answers with what was said.
type echoDesk struct{}

func (echoDesk) Press(_ context.Context, p bot.Press) (bot.Answer, error) {
	return bot.Answer{Text: p.Value}, nil
}
func (echoDesk) Say(_ context.Context, u bot.Utterance) (bot.Answer, error) {
	return bot.Answer{Text: u.Text}, nil
}

// Whole callbacks made by WeCom's package pass our door, and it reads our replies.
func TestForeignCallbacksAndReplies(t *testing.T) {
	f := newForeign(t)
	now := time.Unix(1796000000, 0)
	w := foreignWeCom(t, now)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	defer func() { stop(); <-ended }()
	door := w.Routes(echoDesk{})[CallbackPath]
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 200 {
		words := "note " + strings.Join(strings.Fields(randomText(r, 200)), " ")
		var said bytes.Buffer
		if err := xml.EscapeText(&said, []byte(words)); err != nil {
			t.Fatal(err)
		}
		message := fmt.Sprintf("<xml><ToUserName>wwc</ToUserName><FromUserName>u</FromUserName><CreateTime>%d</CreateTime>"+
			"<MsgType>text</MsgType><Content>%s</Content><MsgId>%d</MsgId><AgentID>7</AgentID></xml>", now.Unix(), &said, i)
		o := order{Op: "encrypt", Key: cardsKey, Message: message, ID: "wwc", Token: cardsToken, Timestamp: strconv.FormatInt(now.Unix(), 10), Nonce: strconv.Itoa(i)}
		m := f.do(o)
		q := url.Values{"msg_signature": {m.Signature}, "timestamp": {o.Timestamp}, "nonce": {o.Nonce}}
		rec := httptest.NewRecorder()
		door.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, CallbackPath+"?"+q.Encode(),
			strings.NewReader("<xml><ToUserName>wwc</ToUserName><AgentID>7</AgentID><Encrypt>"+m.Encrypt+"</Encrypt></xml>")))
		var reply struct {
			Encrypt      string
			MsgSignature string
			TimeStamp    string
			Nonce        string
		}
		if err := xml.Unmarshal(rec.Body.Bytes(), &reply); rec.Code != http.StatusOK || err != nil {
			t.Fatalf("message %d: %d %s, %v", i, rec.Code, rec.Body, err)
		}
		back := f.do(order{Op: "decrypt", Key: cardsKey, Encrypt: reply.Encrypt, Token: cardsToken, Timestamp: reply.TimeStamp, Nonce: reply.Nonce})
		var inner struct {
			ToUserName, FromUserName, MsgType, Content string
		}
		err := xml.Unmarshal([]byte(back.Message), &inner)
		if err != nil || back.Signature != reply.MsgSignature || back.ID != "wwc" ||
			inner.ToUserName != "u" || inner.FromUserName != "wwc" || inner.MsgType != "text" || inner.Content != inText(words) {
			t.Fatalf("message %d: the reply reads %+v %+v, %v; want %q", i, back, inner, err, inText(words))
		}
	}
}

// The fake's deliveries are read by WeCom's package too, so that fake and adapter cannot share a mistake.
func TestTheFakeSpeaksAsWeComDoes(t *testing.T) {
	f := newForeign(t)
	seen := make(chan made, 1)
	bot := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var env struct{ Encrypt string }
		if err := xml.NewDecoder(r.Body).Decode(&env); err != nil {
			t.Error(err)
		}
		q := r.URL.Query()
		m := f.do(order{Op: "decrypt", Key: cardsKey, Encrypt: env.Encrypt, Token: cardsToken, Timestamp: q.Get("timestamp"), Nonce: q.Get("nonce")})
		if m.Signature != q.Get("msg_signature") {
			t.Errorf("the fake signs %s; WeCom's package %s", q.Get("msg_signature"), m.Signature)
		}
		seen <- m
	}))
	defer bot.Close()
	fake, err := wecomtest.New(wecomtest.Options{CorpID: "wwc", AgentID: 7, Secret: "s", Token: cardsToken, AESKey: cardsKey, Target: bot.URL})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		words := strings.Repeat("字", i)
		if _, err := fake.Say(t.Context(), "alice", words); err != nil {
			t.Fatal(err)
		}
		if m := <-seen; m.ID != "wwc" || !strings.Contains(m.Message, "<Content><![CDATA["+words+"]]></Content>") {
			t.Errorf("read %+v", m)
		}
	}
}

func foreignWeCom(t *testing.T, now time.Time) *WeCom {
	t.Helper()
	w, err := Open(func(v any) error {
		*v.(*Config) = Config{
			CorpID: "wwc", AgentID: 7, Secret: text.NewSecret("s"), Token: text.NewSecret(cardsToken), EncodingAESKey: text.NewSecret(cardsKey),
		}
		return nil
	}, Deps{Now: func() time.Time { return now }, Seen: func(context.Context, string, time.Duration) (bool, error) { return true, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}
