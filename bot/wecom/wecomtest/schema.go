package wecomtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"unicode/utf8"
)

// card is a template card as the documents describe it.
type card struct {
	Type   string `json:"card_type"`
	Source *struct {
		Desc  string `json:"desc"`
		Color int    `json:"desc_color"`
	} `json:"source"`
	Menu *struct {
		Desc    string `json:"desc"`
		Actions []struct {
			Text string `json:"text"`
			Key  string `json:"key"`
		} `json:"action_list"`
	} `json:"action_menu"`
	Main struct {
		Title string `json:"title"`
		Desc  string `json:"desc"`
	} `json:"main_title"`
	Quote *struct {
		Type  int    `json:"type"`
		URL   string `json:"url"`
		Title string `json:"title"`
		Text  string `json:"quote_text"`
	} `json:"quote_area"`
	Emphasis *struct {
		Title string `json:"title"`
		Desc  string `json:"desc"`
	} `json:"emphasis_content"`
	SubTitle string `json:"sub_title_text"`
	Facts    []struct {
		Type  int    `json:"type"`
		Name  string `json:"keyname"`
		Value string `json:"value"`
		URL   string `json:"url"`
		Media string `json:"media_id"`
		User  string `json:"userid"`
	} `json:"horizontal_content_list"`
	Jumps []struct {
		Type  int    `json:"type"`
		Title string `json:"title"`
		URL   string `json:"url"`
		App   string `json:"appid"`
	} `json:"jump_list"`
	Action *struct {
		Type int    `json:"type"`
		URL  string `json:"url"`
		App  string `json:"appid"`
	} `json:"card_action"`
	Image *struct {
		URL string `json:"url"`
	} `json:"card_image"`
	Task      string     `json:"task_id"`
	Selection *selection `json:"button_selection"`
	Buttons   []struct {
		Type  int    `json:"type"`
		Text  string `json:"text"`
		Style int    `json:"style"`
		Key   string `json:"key"`
		URL   string `json:"url"`
	} `json:"button_list"`
	Checkbox *selection  `json:"checkbox"`
	Selects  []selection `json:"select_list"`
	Submit   *struct {
		Text string `json:"text"`
		Key  string `json:"key"`
	} `json:"submit_button"`
	ReplaceText string `json:"replace_text"`
}

type selection struct {
	Question string `json:"question_key"`
	Options  []struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	} `json:"option_list"`
}

func interactive(t string) bool {
	return t == "button_interaction" || t == "vote_interaction" || t == "multiple_interaction"
}

// wrong is a refusal found in a card: an error code and what is wrong.
type wrong struct {
	code int
	what string
}

// rules are tried in order; the first that is broken is the answer.
type rules []struct {
	broken bool
	wrong
}

func (r rules) first() *wrong {
	for _, one := range r {
		if one.broken {
			w := one.wrong
			return &w
		}
	}
	return nil
}

func chars(s string, limit int) bool { return utf8.RuneCountInString(s) > limit }

var taskForm = regexp.MustCompile(`^[0-9A-Za-z_@-]{1,128}$`)

// readCard decodes and checks a card; update leaves out what only a new card needs.
func readCard(raw json.RawMessage, update bool) (*card, *wrong) {
	var c card
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, &wrong{40058, "template_card: " + err.Error()}
	}
	for _, check := range []func(*card) *wrong{checkTop, checkLists, checkLinks, checkButtons, checkQuestions} {
		if w := check(&c); w != nil {
			return nil, w
		}
	}
	if update {
		return &c, nil
	}
	return &c, rules{
		{c.Task == "" && (interactive(c.Type) || c.Menu != nil), wrong{42014, "task_id missing"}},
		{c.Task != "" && !taskForm.MatchString(c.Task), wrong{42014, "invalid task_id"}},
	}.first()
}

func checkTop(c *card) *wrong {
	notice := c.Type == "text_notice" || c.Type == "news_notice"
	r := rules{
		{!notice && !interactive(c.Type), wrong{42031, "invalid card_type " + c.Type}},
		{c.Source != nil && (chars(c.Source.Desc, 20) || c.Source.Color < 0 || c.Source.Color > 3), wrong{40058, "source"}},
		{chars(c.Main.Title, 36) || chars(c.Main.Desc, 44), wrong{45002, "main_title too long"}},
		{chars(c.SubTitle, 160), wrong{45002, "sub_title_text too long"}},
		{c.Main.Title == "" && (c.Type != "text_notice" || c.SubTitle == ""), wrong{42033, "main_title.title missing"}},
		{c.Emphasis != nil && (c.Type != "text_notice" || chars(c.Emphasis.Title, 14) || chars(c.Emphasis.Desc, 22)), wrong{45002, "emphasis_content"}},
		{c.Quote != nil && (c.Quote.Type < 0 || c.Quote.Type > 2), wrong{40058, "quote_area.type"}},
		{c.Quote != nil && c.Quote.Type == 1 && c.Quote.URL == "", wrong{42028, "quote_area.url missing"}},
		{notice && (c.Action == nil || (c.Action.Type != 1 && c.Action.Type != 2)), wrong{42045, "card_action missing or invalid"}},
		{c.Action != nil && c.Action.Type == 1 && c.Action.URL == "", wrong{42028, "card_action.url missing"}},
		{c.Action != nil && c.Action.Type == 2 && c.Action.App == "", wrong{42030, "card_action.appid missing"}},
		{c.Type == "news_notice" && (c.Image == nil || c.Image.URL == ""), wrong{42044, "card_image.url missing"}},
	}
	return r.first()
}

func checkLists(c *card) *wrong {
	if len(c.Facts) > 6 {
		return &wrong{42035, "horizontal_content_list has more than 6"}
	}
	for _, f := range c.Facts {
		if w := (rules{
			{f.Name == "" || chars(f.Name, 5), wrong{42027, "horizontal_content_list.keyname " + f.Name}},
			{chars(f.Value, 30), wrong{45002, "horizontal_content_list.value too long"}},
			{f.Type == 1 && f.URL == "", wrong{42028, "horizontal_content_list.url missing"}},
			{f.Type == 2 && f.Media == "", wrong{42029, "horizontal_content_list.media_id missing"}},
			{f.Type == 3 && f.User == "", wrong{42050, "horizontal_content_list.userid missing"}},
		}).first(); w != nil {
			return w
		}
	}
	if c.Menu == nil {
		return nil
	}
	keys := map[string]bool{}
	for _, a := range c.Menu.Actions {
		if a.Text == "" || a.Key == "" || len(a.Key) > 1024 || keys[a.Key] {
			return &wrong{42051, "action_menu.action_list.key"}
		}
		keys[a.Key] = true
	}
	if n := len(c.Menu.Actions); n < 1 || n > 3 {
		return &wrong{40058, "action_menu.action_list has not 1 to 3"}
	}
	return nil
}

func checkLinks(c *card) *wrong {
	if len(c.Jumps) > 3 {
		return &wrong{42042, "jump_list has more than 3"}
	}
	for _, j := range c.Jumps {
		if w := (rules{
			{interactive(c.Type), wrong{40058, "jump_list does not belong to " + c.Type}},
			{j.Title == "" || chars(j.Title, 18), wrong{42033, "jump_list.title"}},
			{j.Type == 1 && j.URL == "", wrong{42028, "jump_list.url missing"}},
			{j.Type == 2 && j.App == "", wrong{42030, "jump_list.appid missing"}},
		}).first(); w != nil {
			return w
		}
	}
	return nil
}

func checkButtons(c *card) *wrong {
	if c.Type != "button_interaction" {
		if len(c.Buttons) > 0 {
			return &wrong{40058, "button_list does not belong to " + c.Type}
		}
		return nil
	}
	if n := len(c.Buttons); n < 1 || n > 6 {
		return &wrong{40058, fmt.Sprintf("button_list has %d, not 1 to 6", n)}
	}
	keys := map[string]bool{}
	for _, b := range c.Buttons {
		if w := (rules{
			{b.Text == "" || chars(b.Text, 10), wrong{42038, "button_list.text " + b.Text}},
			{b.Type == 0 && (b.Key == "" || len(b.Key) > 1024 || keys[b.Key]), wrong{42039, "button_list.key missing, too long or twice"}},
			{b.Type == 1 && b.URL == "", wrong{42028, "button_list.url missing"}},
			{b.Style < 0 || b.Style > 4, wrong{40058, "button_list.style"}},
		}).first(); w != nil {
			return w
		}
		keys[b.Key] = true
	}
	return nil
}

func checkQuestions(c *card) *wrong {
	if c.Selection != nil {
		if w := c.Selection.check(10, 16); w != nil {
			return w
		}
	}
	switch c.Type {
	case "vote_interaction":
		if c.Checkbox == nil {
			return &wrong{42043, "checkbox missing"}
		}
		if w := c.Checkbox.check(20, 17); w != nil {
			return w
		}
	case "multiple_interaction":
		if n := len(c.Selects); n < 1 || n > 3 {
			return &wrong{42047, "select_list has not 1 to 3"}
		}
		for i := range c.Selects {
			if w := c.Selects[i].check(10, 16); w != nil {
				return w
			}
		}
	default:
		return nil
	}
	return rules{
		{c.Submit == nil || c.Submit.Text == "" || chars(c.Submit.Text, 10), wrong{42049, "submit_button.text"}},
		{c.Submit != nil && (c.Submit.Key == "" || len(c.Submit.Key) > 1024), wrong{42046, "submit_button.key"}},
	}.first()
}

func (s *selection) check(options, label int) *wrong {
	if s.Question == "" || len(s.Question) > 1024 {
		return &wrong{42043, "question_key"}
	}
	if n := len(s.Options); n < 1 || n > options {
		return &wrong{42037, "option_list"}
	}
	for _, o := range s.Options {
		if o.ID == "" || len(o.ID) > 128 {
			return &wrong{42040, "option_list.id"}
		}
		if o.Text == "" || chars(o.Text, label) {
			return &wrong{42041, "option_list.text"}
		}
	}
	return nil
}
