package wecom

import (
	"reflect"
	"testing"

	"dogwatch/bot"
)

func plainOf(t *testing.T, id string) *inner {
	t.Helper()
	for _, v := range vectors(t).Good {
		if v.ID == id {
			var m inner
			if err := parseXML([]byte(v.Plain), &m); err != nil {
				t.Fatal(err)
			}
			return &m
		}
	}
	t.Fatalf("no vector %s", id)
	return nil
}

func TestWhatMessagesSay(t *testing.T) {
	for id, want := range map[string]string{
		"text_ack":              "ack 42",
		"text_wide":             "认领 42 我来 ✅",
		"text_cdata":            "note 42 x]]>y & <z>",
		"text_emoji":            "note 42 🔥🇨🇳𠮷",
		"menu_click":            "who",
		"enter_agent":           "",
		"official-B decryptmsg": "hello",
	} {
		m := plainOf(t, id)
		if got := m.line(); got != want || m.isPress() {
			t.Errorf("%s says %q, press %v; want %q", id, got, m.isPress(), want)
		}
	}
}

func TestWhatPressesSay(t *testing.T) {
	const corp = "ww5d06fa4e1b2c3d4e"
	for id, want := range map[string]bot.Press{
		"press": {
			Account: bot.Account{Platform: "wecom", Team: corp, User: "chenli"}, ID: "x", Value: "a.b64-Value_1",
			At: bot.Ref{Platform: "wecom", Channel: "@chenli", Code: "rc-0001", Task: "page-42-1"},
		},
		"press_selected": {
			Account: bot.Account{Platform: "wecom", Team: corp, User: "chenli"}, ID: "x", Value: "pick",
			Fields: map[string]string{"for": "30m"},
			At:     bot.Ref{Platform: "wecom", Channel: "@chenli", Code: "rc-0002", Task: "t-1"},
		},
	} {
		m := plainOf(t, id)
		if got := m.press("x"); !m.isPress() || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v; want %+v", id, got, want)
		}
	}
}

func TestCommandTakesAnyKeyboard(t *testing.T) {
	for in, want := range map[string]string{
		"/oncall ack 12":        "ack 12",
		"／oncall　ack　12":        "ack 12",
		"  /ONCALL  who ":       "who",
		"oncall 认领 12":          "认领 12",
		"oncall":                "help",
		"/oncall\nack 12":       "ack 12",
		"认领 12":                 "认领 12",
		"oncallish 12":          "oncallish 12",
		"note 12 a\nb":          "note 12 a\nb",
		"/oncall note 12 a\nb":  "note 12 a\nb",
		"assign 12 ＠bob":        "assign 12 @bob",
		"\u202e/oncall\x00 who": "who",
		" \t\n":                 "",
	} {
		if got := command(in); got != want {
			t.Errorf("command(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestDeliveriesAreToldApart(t *testing.T) {
	base := inner{To: "c", Agent: "1", From: "a", Created: 5, Type: "event", Event: "e", Key: "k", Task: "t", ResponseCode: "r"}
	ids := map[string]bool{base.id(): true}
	for _, change := range []func(*inner){
		func(m *inner) { m.To = "d" }, func(m *inner) { m.From = "b" }, func(m *inner) { m.Created++ },
		func(m *inner) { m.Key = "l" }, func(m *inner) { m.Task = "u" }, func(m *inner) { m.ResponseCode = "s" },
		func(m *inner) { m.MsgID = "9" }, func(m *inner) { m.Event, m.Key = "ek", "" },
	} {
		m := base
		change(&m)
		if ids[m.id()] {
			t.Errorf("%+v has the id of another delivery", m)
		}
		ids[m.id()] = true
	}
	if again := base; !ids[again.id()] {
		t.Error("the same delivery has another id")
	}
}

func TestXMLThatIsRefused(t *testing.T) {
	for _, body := range []string{
		"", "text", "<xml>", "<xml></yml>", "<xml/><xml/>",
		`<!DOCTYPE xml [<!ENTITY a "b">]><xml/>`, "<xml>&a;</xml>",
		"<xml><a><b><c><d><e><f><g><h/></g></f></e></d></c></b></a></xml>",
		`<?xml version="1.0" encoding="GBK"?><xml/>`, "<other/>",
	} {
		var m inner
		if err := parseXML([]byte(body), &m); err == nil {
			t.Errorf("%q was taken", body)
		}
	}
}
