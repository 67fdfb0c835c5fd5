package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/derivation"
)

// node is one entity of an RO-Crate, by property.
type node map[string]any

func ref(id string) node { return node{"@id": id} }

// crate describes the files in the vocabulary of RO-Crate 1.1 (JSON-LD).
func (c *Contents) crate(files []file) ([]byte, error) {
	var parts []node
	var entities []node
	for _, f := range files {
		parts = append(parts, ref(f.name))
		h := sha256.Sum256(f.data)
		entities = append(entities, node{"@id": f.name, "@type": "File", "name": describe(f.name), "encodingFormat": mediaType(f.name),
			"contentSize": strconv.Itoa(len(f.data)), "sha256": hex.EncodeToString(h[:])})
	}
	slices.SortFunc(parts, func(a, b node) int { return strings.Compare(a["@id"].(string), b["@id"].(string)) })
	slices.SortFunc(entities, func(a, b node) int { return strings.Compare(a["@id"].(string), b["@id"].(string)) })
	var about []string
	for _, i := range c.About {
		about = append(about, i.Text)
	}
	graph := []node{
		{"@id": crateName, "@type": "CreativeWork", "conformsTo": ref("https://w3id.org/ro/crate/1.1"), "about": ref("./")},
		{"@id": "./", "@type": "Dataset", "name": c.title(), "description": strings.Join(about, " "), "datePublished": c.day(), "license": ref("#terms"),
			"hasPart": parts, "mentions": []node{ref("#derivation")}, "mainEntity": ref(reportName)},
		{"@id": "#terms", "@type": "CreativeWork", "name": "Terms of use", "description": "Measurements stand under the terms of the service that published them, records and report under those of the server that made this bundle."},
		{"@id": "#derivation", "@type": "CreateAction", "name": "Derivation of observations, verdicts, counts and dated bans from the raw measurements",
			"instrument": ref("#software"), "object": c.rawRefs(), "result": c.derivedRefs(files)},
		{"@id": "#software", "@type": "SoftwareApplication", "name": "Bandish", "softwareVersion": c.Software,
			"description": "Ruleset " + c.State.Ruleset + ", detector " + c.State.Detector + ", fingerprints " + c.State.Fingerprints},
	}
	return document(node{"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": append(graph, entities...)})
}

func (c *Contents) rawRefs() []node {
	out := []node{}
	for i := range c.Batches {
		out = append(out, ref(c.Batches[i].path()))
	}
	return out
}

func (c *Contents) derivedRefs(files []file) []node {
	out := []node{}
	for _, f := range files {
		if strings.HasPrefix(f.name, "cells/") || slices.Contains([]string{observationsName, verdictsName, eventsName}, f.name) {
			out = append(out, ref(f.name))
		}
	}
	return out
}

// day returns the day of the archive's state: the day of its last batch.
func (c *Contents) day() string {
	var last time.Time
	for _, b := range c.Batches {
		if b.Added.After(last) {
			last = b.Added
		}
	}
	if last.IsZero() {
		last = time.Unix(0, 0)
	}
	return last.UTC().Format(time.DateOnly)
}

func (c *Contents) title() string {
	if len(c.About) == 1 {
		return "Evidence: " + c.About[0].Kind + " " + c.About[0].ID
	}
	return fmt.Sprintf("Evidence of %d things", len(c.About))
}

// descriptions say what each file is.
var descriptions = map[string]string{
	indexName:        "What the bundle holds, and by which ruleset, detector and parameters it was derived",
	reportName:       "The report for readers; it prints well",
	howToName:        "How to check the bundle",
	custodyName:      "Chain of custody: who collected, when it was received, every transformation",
	observationsName: "What each measurement shows at every step, a row an endpoint",
	verdictsName:     "The verdict on each measurement, with its rules",
	asidesName:       "Measurements that do not vote for a reason that only many measurements together show",
	countsName:       "Daily counts that others published",
	findingsName:     "What the cells of other countries show by themselves, for the comparison across countries",
	daysName:         "Daily counts of verdicts, by target and network",
	eventsName:       "Dated bans",
	answersName:      "What the record answered",
	reportedName:     "Bans that others report of what the answers are about: dates, and where the reports stand",
	fingerprintsName: "Fingerprints of block pages: the snapshot",
	defectsName:      "Known defects of tests",
	platformsName:    "Which platform each host and test speaks for",
	rulesName:        "The rules, in words",
	sourcesName:      "The sources that the case cites, with the hashes of their copies",
	keyName:          "The key of the log, as the server names it: bring it from elsewhere",
	checkpointName:   "The signed head of the log",
	documentsName:    "The path from each measurement to the entry of its batch",
}

func describe(name string) string {
	switch {
	case descriptions[name] != "":
		return descriptions[name]
	case strings.HasPrefix(name, copyFolder):
		return "A copy of a source, as it was fetched"
	case strings.HasPrefix(name, "cells/"):
		return "Hourly counts of verdicts, by target and network, from the archive's file of one month"
	case strings.HasPrefix(name, "raw/"):
		return "Measurements as they were received, client addresses removed"
	case name == rootsName:
		return "The root certificates that the operator checks time stamps against: bring them from elsewhere"
	case strings.HasPrefix(name, stampFolder) && strings.HasSuffix(name, ".tsr"):
		return "A time stamp of an authority (RFC 3161)"
	case strings.HasPrefix(name, stampFolder) && strings.HasSuffix(name, ".checkpoint"):
		return "What an authority dated: the log as it was"
	case strings.HasPrefix(name, stampFolder):
		return "The hashes that tie what was dated to the head of the log"
	case strings.HasSuffix(name, ".tlog-proof"):
		return "Proof that the entry is in the log"
	case strings.HasPrefix(name, "ledger/entries/"):
		return "An entry of the log"
	}
	return "The record of a case"
}

func mediaType(name string) string {
	if strings.HasPrefix(name, copyFolder) {
		return "application/octet-stream"
	}
	switch path.Ext(name) {
	case ".json":
		return "application/json"
	case ".gz":
		return "application/gzip"
	case ".tsr":
		return "application/timestamp-reply"
	case ".pem":
		return "application/x-pem-file"
	case ".html":
		return "text/html"
	case ".md":
		return "text/markdown"
	case ".yaml":
		return "application/yaml"
	}
	return "text/plain"
}

// custody is the chain of custody of one raw batch, in the terms of the Berkeley
// Protocol on Digital Open Source Investigations: collection, preservation,
// verification.
type custody struct {
	Item            string     `json:"item"`
	Description     string     `json:"description"`
	CollectedBy     []string   `json:"collected_by"` // the sources of the documents
	CollectedFirst  string     `json:"collected_first,omitempty"`
	CollectedLast   string     `json:"collected_last,omitempty"`
	Received        string     `json:"received"` // by the archive
	Custodian       string     `json:"custodian"`
	Preserved       string     `json:"preservation"`
	HashSHA256      string     `json:"hash_sha256"`
	Transformations []transfer `json:"transformations"`
	Copied          string     `json:"enclosed"`
}

// transfer is one step that a document went through.
type transfer struct {
	Step string `json:"step"`
	By   string `json:"by"`
}

// maxSources is how many sources of a batch the chain of custody names.
const maxSources = 20

func (c *Contents) custody() []custody {
	out := []custody{}
	by := "Bandish, ruleset " + c.State.Ruleset
	for i := range c.Batches {
		b := &c.Batches[i]
		k := custody{
			Item: b.path(), Description: strconv.Itoa(len(b.Lines)) + " of the " + strconv.Itoa(b.Documents) + " documents of a raw batch",
			Received: b.Added.UTC().Format(time.RFC3339), HashSHA256: b.SHA256,
			Custodian: c.speaker(),
			Preserved: "The batch is an immutable file that is named by its SHA-256 and kept for ever; each document of it stands as it was received.",
			Copied:    "The lines are copied as they stand in the batch.",
			Transformations: []transfer{
				{"On reception the address of the probe's user was removed wherever it stood, and line breaks between the parts of a document were replaced by spaces. Nothing else of a document was changed.", "Bandish, as it received"},
				{"Documents were written into the batch one a line, with source, line, times and uid before each.", "Bandish, as it received"},
				{"Observations were derived from each document: a row an endpoint.", by},
				{"A verdict was derived from the observations of each measurement alone.", by},
				{"Verdicts were counted by hour and day, target and network; a report has one vote.", by},
				{"Bans were dated from the counts of all networks, and the countries were compared.", c.State.Detector},
			},
		}
		if len(b.Redacted) > 0 {
			k.Copied = fmt.Sprintf("The lines are copied as they stand in the batch. Of %d of them the source is shortened: its address may hold a password or the name of a folder.", len(b.Redacted))
		}
		k.name(b)
		out = append(out, k)
	}
	return out
}

func (c *Contents) speaker() string {
	if c.Origin == "" {
		return "The operator of the server that made this bundle"
	}
	return "The operator of the server with the log " + c.Origin
}

// name sets the sources of a batch, and when collectors received its documents.
func (k *custody) name(b *Batch) {
	var first, last time.Time
	sources := map[string]bool{}
	for _, line := range b.Text {
		e, err := derivation.ParseEntry(line)
		if err != nil {
			continue // Verify reports it
		}
		if !sources[e.Source] && len(sources) < maxSources {
			sources[e.Source] = true
			k.CollectedBy = append(k.CollectedBy, e.Source)
		}
		if e.Uploaded.IsZero() {
			continue
		}
		if first.IsZero() || e.Uploaded.Before(first) {
			first = e.Uploaded
		}
		if e.Uploaded.After(last) {
			last = e.Uploaded
		}
	}
	slices.Sort(k.CollectedBy)
	if !first.IsZero() {
		k.CollectedFirst, k.CollectedLast = first.UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339)
	}
}
