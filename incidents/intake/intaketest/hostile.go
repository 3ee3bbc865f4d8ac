package intaketest

import (
	"bytes"
	"slices"
	"strings"
)

// Hostile gives the bodies, variants of them that are broken in many ways, and bodies that are hostile to any
// reader. The same bodies give the same variants.
func Hostile(bodies [][]byte) [][]byte {
	all := slices.Clone(bodies)
	for _, body := range bodies {
		all = append(all, mutants(body)...)
	}
	for _, text := range []string{
		"", " ", "null", "true", "0", `""`, "[]", "{}", "{", "}", `{"`, "\x00", "\xef\xbb\xbf{}", "{}{}", "{} x", "NaN",
		`{"alerts":null}`, `{"alerts":[]}`, `{"alerts":{}}`, `{"alerts":[null]}`, `{"alerts":[[]]}`, `{"alerts":[0,"x",true]}`,
		`{"alerts":[{}]}`, `{"alerts":[{"status":"firing","labels":null}]}`, `{"a":1e999999,"b":-0,"c":01}`,
	} {
		all = append(all, []byte(text))
	}
	for _, n := range []int{15, 16, 17, 1000, 20000} {
		all = append(all,
			[]byte(strings.Repeat("[", n)+strings.Repeat("]", n)),
			[]byte(strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)),
			[]byte(strings.Repeat("[", n)))
	}
	return all
}

// replacements turn one piece of JSON into a doubtful other.
var replacements = [][2]string{
	{`"firing"`, `"FIRING"`}, {`"firing"`, `null`}, {`"firing"`, `1`}, {`"firing"`, `"pending"`}, {`"status"`, `"Status"`},
	{`"status"`, `"\u0073tatus"`}, {`"status"`, `"ſtatus"`}, {`"labels"`, `"LABELS"`}, {`"labels":`, `"labels":{"zz":"1"},"labels":`},
	{`"alerts"`, `"Alerts"`}, {`"alerts":`, `"alerts":[],"alerts":`},
	{`"alerts":`, `"alerts":[{"status":"odd","labels":{"a":"b"}}],"alerts":`}, {`"alerts"`, `"alertz"`}, {`"labels"`, `"label"`},
	{`"critical"`, `3`}, {`"critical"`, `null`}, {`"critical"`, `["a"]`}, {`"critical"`, "\"nul \x00\""}, {`"critical"`, `"nul \u0000"`},
	{`"critical"`, "\"bad \xff\xc0\""}, {`"critical"`, `"\ud800"`}, {`"critical"`, `"\ud83d\ude00"`}, {`"critical"`, "\"\u202eevil\u202c\""},
	{`"critical"`, "\"line\nend\""}, {`"critical"`, `"esc \u001b[31m"`}, {`"critical"`, `"\x"`}, {`"critical"`, `"\/\b\f\n\r\t"`},
	{`"severity"`, `""`}, {`"severity"`, `"se\u0000verity"`}, {`"severity"`, `"instance"`}, {`"severity"`, `"` + strings.Repeat("n", 200) + `"`},
	{`0001-01-01T00:00:00Z`, `9999-12-31T23:59:59Z`}, {`0001-01-01T00:00:00Z`, `10000-01-01T00:00:00Z`}, {`0001-01-01T00:00:00Z`, ``},
	{`"startsAt"`, `"startsAt":5,"x"`}, {`"startsAt"`, `"x"`}, {`Z",`, `",`}, {`Z",`, `+25:00",`}, {`"fingerprint"`, `"fp"`},
	{`"fingerprint": "`, `"fingerprint": "` + strings.Repeat("f", 200)}, {`"truncatedAlerts": 0`, `"truncatedAlerts": 7`},
	{`"version"`, `"truncatedAlerts":12,"version"`}, {`"version"`, `"truncatedAlerts":-1,"version"`},
	{`"version"`, `"truncatedAlerts":1.5,"version"`}, {`"version"`, `"truncatedAlerts":18446744073709551616,"version"`},
	{`"version"`, `"deep":` + strings.Repeat("[", 14) + strings.Repeat("]", 14) + `,"version"`},
	{`"version"`, `"deep":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `,"version"`},
	{`"version"`, `"deep":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `,"version"`},
	{`,`, `,,`}, {`,`, ` `}, {`:`, ` : `}, {`:`, `=`}, {`{`, `{ /* comment */ `}, {`"`, `'`}, {`]`, `,]`}, {`}`, `,}`},
	{`"critical"`, `"` + strings.Repeat("v", 5000) + `"`}, {`"critical"`, `"` + strings.Repeat("é", 9000) + `"`},
}

// mutants gives a body's variants: with each replacement made once and everywhere, cut short, and with single
// bytes changed.
func mutants(body []byte) (all [][]byte) {
	for _, r := range replacements {
		from, to := []byte(r[0]), []byte(r[1])
		if !bytes.Contains(body, from) {
			continue
		}
		all = append(all, bytes.Replace(body, from, to, 1), bytes.ReplaceAll(body, from, to))
	}
	step := max(len(body)/40, 1)
	for at := 0; at < len(body); at += step {
		all = append(all, slices.Clone(body[:at]))
		for _, c := range []byte{0, '"', '\\', '{', ']', 0x7f, 0xff} {
			changed := slices.Clone(body)
			changed[at] = c
			all = append(all, changed)
		}
	}
	return all
}
