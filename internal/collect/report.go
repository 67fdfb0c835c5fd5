package collect

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
)

// reportIDForm is the form of report names, as OONI's collector writes them.
var reportIDForm = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z_[A-Za-z0-9]{2,40}_[A-Z]{2}_[0-9]+_n[0-9]_[A-Za-z0-9]{8,32}$`)

func checkForm(id string) error {
	if !reportIDForm.MatchString(id) {
		return &answerError{status: http.StatusBadRequest, reason: "report_id", message: "that is not the name of a report", hint: "POST /report gives one"}
	}
	return nil
}

// reportTemplate is the request that opens a report.
type reportTemplate struct {
	Format   string `json:"format"`
	ProbeASN string `json:"probe_asn"`
	ProbeCC  string `json:"probe_cc"`
	TestName string `json:"test_name"`
}

// id writes the name of a report as OONI's collector does:
// 20240217T000000Z_webconnectivity_ZZ_64512_n1_<16 letters and digits>.
func (t reportTemplate) id(at time.Time, word string) string {
	asn, err := network.ParseASN(t.ProbeASN)
	if err != nil {
		asn = 0
	}
	cc := strings.ToUpper(t.ProbeCC)
	if !isCountry.MatchString(cc) {
		cc = "ZZ"
	}
	name := notInNames.ReplaceAllString(strings.ToLower(t.TestName), "")
	if len(name) < 2 {
		name = "unknown"
	}
	return fmt.Sprintf("%s_%s_%s_%d_n1_%s", at.UTC().Format("20060102T150405Z"), name[:min(len(name), 40)], cc, uint32(asn), word)
}

var (
	isCountry  = regexp.MustCompile(`^[A-Z]{2}$`)
	notInNames = regexp.MustCompile(`[^a-z0-9]`)
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func randomWord(n int) string {
	b := make([]byte, n)
	for i := range b {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			return base64.RawURLEncoding.EncodeToString(b)
		}
		b[i] = letters[k.Int64()]
	}
	return string(b)
}

// inReport returns the document with the name of its report in it, and that name. If the
// document names a report, it keeps that. Else it gets the given name. If given is "", a
// name is made of the content and the start of the measurement, so that a document that is
// sent again gets the same name. What is not a JSON object comes back unchanged; the
// archive will refuse it.
func inReport(doc []byte, given string) ([]byte, string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf")), &fields) != nil || fields == nil {
		return doc, ""
	}
	if id := text(fields["report_id"]); id != "" {
		return doc, id
	}
	id := given
	if id == "" {
		start, err := measurement.ParseTime(text(fields["measurement_start_time"]))
		if err != nil || start.Year() < 1 || start.Year() > 9999 {
			return doc, "" // the archive will refuse it
		}
		sum := sha256.Sum256(doc)
		word := make([]byte, 16)
		for i := range word {
			word[i] = letters[int(sum[i])%len(letters)]
		}
		t := reportTemplate{ProbeASN: text(fields["probe_asn"]), ProbeCC: text(fields["probe_cc"]), TestName: text(fields["test_name"])}
		id = t.id(start, string(word))
	}
	fields["report_id"], _ = json.Marshal(id) // a string always marshals
	out, err := json.Marshal(fields)
	if err != nil {
		return doc, ""
	}
	return out, id
}

// text returns a JSON string without white space around it, "" for any other value.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}
