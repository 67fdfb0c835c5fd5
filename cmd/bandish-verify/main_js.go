// Command bandish-verify is also the check of a page in a browser: the page hands over the
// file and shows the report.
package main

import (
	"bytes"
	"encoding/json"
	"syscall/js"

	"github.com/bandish/bandish/bundle"
)

func main() {
	js.Global().Set("bandishVerify", js.FuncOf(func(_ js.Value, args []js.Value) any {
		data := make([]byte, args[0].Get("byteLength").Int())
		js.CopyBytesToGo(data, args[0])
		var o bundle.Options
		if err := json.Unmarshal([]byte(args[1].String()), &o); err != nil {
			return `{"title":"","lines":[{"status":"false","what":"the keys can be read","details":["` + "they are none" + `"]}]}`
		}
		report := bundle.Verify(bytes.NewReader(data), int64(len(data)), o)
		text, err := json.Marshal(struct {
			bundle.Result
			Summary string `json:"summary"`
			False   bool   `json:"bad"`
		}{report, report.Summary(), report.False()})
		if err != nil {
			return err.Error()
		}
		return string(text)
	}))
	js.Global().Call("bandishReady")
	select {}
}
