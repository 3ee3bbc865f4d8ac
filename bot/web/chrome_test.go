package web_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// tab is one tab of a headless Chromium with a profile of its own.
type tab struct {
	t    *testing.T
	w    *world
	ctx  context.Context
	name string
}

// patience is how long a browser may take for one step on a busy machine.
const patience = 30 * time.Second

// chromium starts a browser, in a language, and opens a tab.
func (w *world) chromium(name, lang string) *tab {
	t := w.t
	t.Helper()
	path := ""
	for _, n := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(n); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("no browser: run `make tools` or install the package chromium")
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900)}
	for flag, value := range map[string]any{"disable-gpu": true, "disable-quic": true, "disable-background-networking": true,
		"disable-component-update": true, "disable-sync": true, "disable-dev-shm-usage": true, "accept-lang": lang, "lang": lang} {
		options = append(options, chromedp.Flag(flag, value))
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, shut := chromedp.NewContext(ctx)
	t.Cleanup(shut)
	b := &tab{t: t, w: w, ctx: ctx, name: name}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start browser: %v", err)
	}
	return b
}

func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.shot("failed")
		b.t.Fatalf("%s: %v", what, err)
	}
}

// open goes to a path; signIn passes the sign-in page.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.w.server.URL+path), chromedp.WaitReady(chromedp.CSS("main")))
}

func (b *tab) signIn(token string) {
	b.t.Helper()
	b.open("/signin")
	b.do("sign in", chromedp.SendKeys(chromedp.CSS("#token"), token), chromedp.Click(chromedp.CSS(".signin .fields button")),
		chromedp.WaitVisible(chromedp.CSS(".me")))
}

// click presses what a selector finds first.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// sees waits until the page shows a text.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.holds("the page to show "+text, "document.body.innerText.includes("+quoted(text)+")")
}

// holds waits until an expression over the page is true. A page that is being left has no answer yet.
func (b *tab) holds(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(patience))); err == nil {
			return
		}
	}
	b.shot("failed")
	b.t.Fatalf("wait for %s: it did not come; the page reads:\n%s", what, value[string](b, "document.body.innerText"))
}

// value is what an expression over the page is.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

func (b *tab) keys(keys string) {
	b.t.Helper()
	b.do("type "+keys, chromedp.KeyEvent(keys))
}

// dark sets what the person prefers.
func (b *tab) dark() {
	b.t.Helper()
	b.do("prefer dark", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
		return chromedp.Void{}, err
	})
}

func (b *tab) phone() {
	b.t.Helper()
	b.do("be a phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
}

// shot keeps a picture of the whole page in the folder that DOGWATCH_SHOTS names, for people to look at.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("DOGWATCH_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, b.name+"-"+name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Errorf("take a picture: %v", err)
	}
}

// fits holds that nothing sticks out of the window sideways.
func (b *tab) fits() {
	b.t.Helper()
	if over := value[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		b.shot("too-wide")
		b.t.Errorf("%s: the page is %d pixels wider than the window", value[string](b, "location.pathname"), over)
	}
}
